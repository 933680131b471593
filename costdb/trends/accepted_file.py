"""Acceptances in a file that is reviewed like code: `costdb.accepted.toml`, beside `costdb.toml`.

[[accepted]]
model = "detector"
tag = "v7"                            # may be left out: a value, and no version
point = "default"                     # if not given
metric = "macs"
scope = "total"                       # if not given
value = 4_100_000_000                 # left out for unknown_ops and dtype
rules = 1                             # the revision that the value was counted under
reason = "added decoder"
by = "ada"
accepted_at = 2026-11-24T12:30:00Z
expires_at = 2027-01-01T00:00:00Z     # never, if not given
"""

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from costdb.binding import nearest
from costdb.cost.result import METRICS
from costdb.errors import ConfigurationError
from costdb.points import DEFAULT
from costdb.toml_file import TomlFile, TomlTable, written
from costdb.trends.acceptance import Acceptance
from costdb.trends.policy_rule import JUDGED, is_scope, scope_hint
from costdb.trends.scopes import TOTAL

FILE_NAME = "costdb.accepted.toml"

_KEYS = (
    "model", "tag", "point", "metric", "scope", "value", "rules", "reason", "by", "accepted_at",
    "expires_at",
)  # fmt: skip


def read_accepted(file: Path) -> tuple[Acceptance, ...]:
    """The acceptances in a file; none, if there is no such file.

    Raises:
        ConfigurationError: It cannot be read, or something in it is wrong; all of that is among its
            `others`.
    """
    if not file.exists():
        return ()
    return _parse(TomlFile.read(file, "file"))


def parse_accepted(text: str, origin: str | Path) -> tuple[Acceptance, ...]:
    """The acceptances in a file's text.

    Args:
        text: TOML.
        origin: What the file is called, for errors.

    Raises:
        ConfigurationError: As `read_accepted`.
    """
    return _parse(TomlFile(origin, text))


def add_accepted(file: Path, acceptances: Iterable[Acceptance]) -> None:
    """Write acceptances behind what a file holds; all of them, or, after an error, none.

    Args:
        file: It is created if need be.
        acceptances: What to add.

    Raises:
        ConfigurationError: The file is wrong as it stands, or cannot be written.
    """
    text = ""
    if file.exists():
        read_accepted(file)
        text = file.read_bytes().decode("utf-8").rstrip("\n") + "\n\n"
    text += "\n".join(_table(acceptance) for acceptance in acceptances)
    _parse(TomlFile(file, text))  # an array in brackets, for one, cannot be continued
    try:
        _replace(file.resolve(), text)
    except OSError as error:
        raise ConfigurationError(
            f"{str(file)!r} cannot be written: {error.strerror}", hint="check the path"
        ) from error


def _parse(file: TomlFile) -> tuple[Acceptance, ...]:
    file.check_keys(("accepted",))
    found = tuple(_acceptance(table) for table in file.tables("accepted"))
    file.check()
    return found


def _acceptance(table: TomlTable) -> Acceptance:
    table.check_keys(_KEYS, "an acceptance")
    metric = table.required_text("metric", "macs")
    if metric and metric not in JUDGED:
        shown = f"metric = {written(metric)} is not known"
        table.mistake("metric", shown, nearest(metric, JUDGED, "known"))
    scope = table.text("scope", TOTAL)
    if not is_scope(scope):
        table.mistake("scope", f"scope = {written(scope)} is not known", scope_hint(scope))
    return Acceptance(
        model=table.required_text("model", "detector"),
        tag=table.text("tag", "") if "tag" in table.values else "",
        point=table.text("point", DEFAULT),
        metric=metric,
        scope=scope,
        value=_number(table, "value") if metric in METRICS else None,
        rules=_number(table, "rules"),
        reason=table.required_text("reason", "added decoder"),
        author=table.text("by", "") if "by" in table.values else None,
        accepted_at=_moment(table, "accepted_at"),
        expires_at=_moment(table, "expires_at") if "expires_at" in table.values else None,
        file=str(table.file.name),
    )


def _number(table: TomlTable, key: str) -> int:
    value = table.values.get(key)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    shown = f"{key} = {written(value)} is no whole number" if key in table.values else f"no {key}"
    table.mistake(key, f"it has {shown}" if value is None else shown, f"write {key} = 1")
    return 0


def _moment(table: TomlTable, key: str) -> datetime:
    value = table.values.get(key)
    if isinstance(value, datetime) and value.utcoffset() is not None:
        return value.astimezone(UTC)
    problem = f"{key} = {written(value)} is no time with a zone"
    if key not in table.values:
        problem = f"it has no {key}"
    table.mistake(key, problem, f"write {key} = 2026-11-24T12:30:00Z")
    return datetime.min.replace(tzinfo=UTC)


def _table(one: Acceptance) -> str:
    return "\n".join(("[[accepted]]", *_lines(one))) + "\n"


def _lines(one: Acceptance) -> Iterator[str]:
    yield f"model = {_text(one.model)}"
    if one.tag:
        yield f"tag = {_text(one.tag)}"
    if one.point != DEFAULT:
        yield f"point = {_text(one.point)}"
    yield f"metric = {_text(one.metric)}"
    if one.scope != TOTAL:
        yield f"scope = {_text(one.scope)}"
    if one.value is not None:
        yield f"value = {one.value:_}"
    yield f"rules = {one.rules}"
    yield f"reason = {_text(one.reason)}"
    if one.author:
        yield f"by = {_text(one.author)}"
    yield f"accepted_at = {_moment_text(one.accepted_at)}"
    if one.expires_at is not None:
        yield f"expires_at = {_moment_text(one.expires_at)}"


def _moment_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _text(value: str) -> str:
    """Text in TOML: as in JSON, which alone lets a DEL stand for itself."""
    # Half of a surrogate pair is no text: a byte that the terminal could not decode.
    whole = value.encode("utf-8", "replace").decode("utf-8")
    return written(whole).replace("\x7f", "\\u007f")


def _replace(file: Path, text: str) -> None:
    """Put a new file in the place of an old one, so that no reader sees half of it."""
    descriptor, name = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if file.exists():
            Path(name).chmod(file.stat().st_mode & 0o7777)
        else:
            Path(name).chmod(0o644)  # mkstemp's are its owner's alone
        Path(name).replace(file)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
