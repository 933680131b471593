"""The one place that reads the environment and `costdb.toml`, and finds what ships beside the code.

`costdb.toml` is looked for from the current folder upwards, up to the folder that holds `.git`;
`COSTDB_CONFIG` names another file. Trust is never read from either: it has to be typed.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from costdb.errors import ConfigurationError, UsageError
from costdb.limits import Limits

FILE_NAME = "costdb.toml"


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What a named operating point binds, each item as it would be typed after its flag.

    Attributes:
        inputs: For `--input`: `x=1x3x224x224`, `ids=1x128:int64`, `sr:=16000`.
        dims: For `--dim`: `batch=32`.
        trips: For `--trip`: `loop=10`.
        outputs: For `--output`: names.
    """

    inputs: tuple[str, ...] = ()
    dims: tuple[str, ...] = ()
    trips: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """What `costdb.toml` says of one model.

    Attributes:
        name: The model's name.
        file: Glob of its artifacts, relative to the folder of `costdb.toml`; empty if not given.
        points: Its operating points by name, in the file's order.
    """

    name: str
    file: str = ""
    points: Mapping[str, OperatingPoint] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settings:
    """What was chosen by command line, environment and `costdb.toml`.

    Attributes:
        database: URL of the database, or the URL of an SQLite file made from a path.
        models: What `costdb.toml` says of models, by name.
        limits: What reading a file may take, each as it would be typed after `--limit`.
        has_policy: Whether `costdb.toml` has a policy, right or wrong.
        file: The `costdb.toml` that was read; None if there is none.
        color: False where NO_COLOR asks for none.
        server: URL of the server that keeps versions, from COSTDB_SERVER.
        token: The secret for it, from COSTDB_TOKEN; never shown.
        user: Who runs this, from USER or LOGNAME.
        job_summary: The file that GitHub shows as a job's summary, from GITHUB_STEP_SUMMARY.
    """

    database: str = field(repr=False)  # it may hold a password
    models: Mapping[str, ModelSettings] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
    has_policy: bool = False
    file: Path | None = None
    color: bool = True
    server: str | None = None
    token: str | None = field(default=None, repr=False)
    user: str | None = None
    job_summary: Path | None = None

    def model_for(self, location: str) -> ModelSettings | None:
        """The model whose glob an artifact's path or URL matches; None if there is none.

        Raises:
            ConfigurationError: The globs of several models match.
        """
        if self.file is None:
            return None
        relative = location
        if "://" not in location:
            relative = os.path.relpath(location, self.file.parent)
        matching = [
            model for model in self.models.values() if model.file and _matches(relative, model.file)
        ]
        if len(matching) > 1:
            names = " and ".join(model.name for model in matching)
            raise ConfigurationError(
                f"{self.file}: {location!r} is a file of {names}",
                hint=f"add --model {matching[0].name} or narrow a glob",
            )
        return matching[0] if matching else None


def load_settings(
    database: str | None = None,
    *,
    environment: Mapping[str, str] = os.environ,
    folder: Path | None = None,
) -> Settings:
    """Read the environment and `costdb.toml`.

    Args:
        database: What `--db` says: a URL or the path of an SQLite file.
        environment: Where COSTDB_URL, COSTDB_CONFIG, COSTDB_SERVER, COSTDB_TOKEN, NO_COLOR
            and GITHUB_STEP_SUMMARY are looked up; an empty variable counts as absent.
        folder: Where to start looking for `costdb.toml`; None for the current folder.

    Raises:
        UsageError: `--db` is empty.
        ConfigurationError: `costdb.toml` is missing where COSTDB_CONFIG names it, or wrong, or
            cannot be looked for.
    """
    start = folder or Path.cwd()
    file = _settings_file(environment.get("COSTDB_CONFIG"), start)
    top = _read(file) if file else _Table(Path(FILE_NAME), "", (), {})
    in_file = top.table("database").text("url", example='"costs.db"')
    if database is not None:
        if not database:
            raise UsageError("--db is empty", hint="write --db costs.db or leave it out")
        url = _database_url(database, start)
    elif environment.get("COSTDB_URL"):
        url = _database_url(environment["COSTDB_URL"], start)
    elif in_file:
        url = _database_url(in_file, top.file.parent)
    else:
        url = _database_url(str(_default_database()), start)
    return Settings(
        database=url,
        models={name: _model(name, table) for name, table in top.table("models").tables()},
        limits=tuple(_limits(top.table("limits"))),
        has_policy="policy" in top.values,
        file=file,
        color=not environment.get("NO_COLOR"),
        server=server_in_environment(environment),
        token=environment.get("COSTDB_TOKEN") or None,
        user=environment.get("USER") or environment.get("LOGNAME") or None,
        job_summary=Path(summary) if (summary := environment.get("GITHUB_STEP_SUMMARY")) else None,
    )


def server_in_environment(environment: Mapping[str, str] = os.environ) -> str | None:
    """The server's URL in COSTDB_SERVER; None if there is none."""
    return environment.get("COSTDB_SERVER") or None


def migrations_folder() -> Path:
    """The folder of the Alembic environment. Raises ConfigurationError if it is not installed."""
    return _shipped_folder("migrations")


def config_folder() -> Path:
    """The folder of the default policy and the ready jobs. Raises ConfigurationError likewise."""
    return _shipped_folder("config")


def _shipped_folder(name: str) -> Path:
    """A folder that lies inside the package in a wheel and beside it in a checkout."""
    package = Path(__file__).parent
    # The wheel's comes first: beside an installed package, "config" may be anyone's.
    for folder in (package / "_shipped" / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise ConfigurationError(
        f"this installation of costdb has no {name} folder",
        hint="pip install --force-reinstall costdb",
    )


def _default_database() -> Path:
    from platformdirs import user_data_path  # noqa: PLC0415 - not needed where a database is named

    return user_data_path("costdb") / "costdb.db"


def _settings_file(named: str | None, start: Path) -> Path | None:
    if named:
        return (start / Path(named).expanduser()).absolute()
    for folder in (start.absolute(), *start.absolute().parents):
        try:
            if (folder / FILE_NAME).is_file():
                return folder / FILE_NAME
            if (folder / ".git").exists():
                break
        except OSError as error:
            raise ConfigurationError(
                f"{folder} cannot be searched for {FILE_NAME}: {error.strerror}",
                hint="go where you may read, or let COSTDB_CONFIG name the file",
            ) from error
    return None


def _database_url(text: str, folder: Path) -> str:
    """A database URL; the paths of SQLite files made absolute, relative ones from a folder."""
    prefix, separator, path = text.partition("sqlite:///")
    if "://" in text and (prefix or not separator):
        return text
    if not separator:
        path = text
    if "?" in path or not path:
        raise ConfigurationError(
            f"{text!r} is no path of an SQLite database", hint="write a path without '?'"
        )
    return f"sqlite:///{(folder / Path(path).expanduser()).absolute()}"


@dataclass(frozen=True, slots=True)
class _Table:
    """One table of a settings file, which knows where it stands.

    Attributes:
        file: The file.
        content: What is written in it.
        path: The keys that lead to the table; none at the top.
        values: What it holds.
    """

    file: Path
    content: str
    path: tuple[str, ...]
    values: Mapping[str, Any]

    def error(self, key: str, problem: str, hint: str) -> ConfigurationError:
        """An error that names the file, the line and the key."""
        from costdb.toml_lines import key_lines  # noqa: PLC0415 - only for an error's message

        line = key_lines(self.content).get((*self.path, key))
        place = self.file if line is None else f"{self.file}:{line}"
        return ConfigurationError(f"{place}: {self._dotted(key)} {problem}", hint=hint)

    def only(self, *known: str) -> "_Table":
        """This table, once it holds no other keys than these."""
        for key in self.values:
            if key == "trust":
                raise self.error(key, "cannot be given in a file", "type --trust when you need it")
            if key not in known:
                raise self.error(key, "is not a setting", _nearest(key, known))
        return self

    def table(self, key: str) -> "_Table":
        """The table at a key; an empty one where it is absent."""
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            raise self.error(key, f"is {_kind(value)}, not a table", f"write [{self._dotted(key)}]")
        return _Table(self.file, self.content, (*self.path, key), value)

    def tables(self) -> Iterator[tuple[str, "_Table"]]:
        """Every table in it, by key."""
        for key in self.values:
            yield key, self.table(key)

    def text(self, key: str, example: str) -> str | None:
        """The text at a key; None where it is absent. Raises ConfigurationError."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value:
            raise self.error(key, f"is {_kind(value)}, not text", f"write {key} = {example}")
        return value

    def _dotted(self, key: str) -> str:
        # Quoted as TOML wants it where it is not a bare key.
        return ".".join(
            part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else f'"{part}"'
            for part in (*self.path, key)
        )


def _read(file: Path) -> _Table:
    """The top table of a settings file, its keys checked. Raises ConfigurationError."""
    import tomllib  # noqa: PLC0415 - only where there is a file to read

    try:
        text = file.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"no settings file {str(file)!r}", hint="check COSTDB_CONFIG or the path"
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be read: {error.strerror}", hint="check the path and its permissions"
        ) from error
    # No UTF-8, no TOML, or lists in lists, some thousand deep.
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"{file} is not valid TOML: {error}", hint="see https://toml.io"
        ) from error
    top = _Table(file, text, (), values).only("database", "limits", "models", "policy")
    top.table("database").only("url")
    return top


def _limits(table: _Table) -> Iterator[str]:
    table.only("cpu", "memory", "time")
    for name, amount in table.values.items():
        typed = f"{name}={amount}"
        try:
            Limits.parse([typed] if type(amount) in {int, str} else [""])
        except UsageError as error:
            raise table.error(
                name,
                f"is {_kind(amount)}, no limit",
                'write memory = "4 GiB", cpu = "300 s", time = "10 min" or "none"',
            ) from error
        yield typed


def _model(name: str, table: _Table) -> ModelSettings:
    table.only("file", "points")
    return ModelSettings(
        name,
        table.text("file", example='"build/*.onnx"') or "",
        {point: _point(values) for point, values in table.table("points").tables()},
    )


def _point(table: _Table) -> OperatingPoint:
    table.only("input", "dim", "trip", "output")
    inputs = table.table("input")
    outputs = table.values.get("output", [])
    if not isinstance(outputs, list) or not all(isinstance(name, str) for name in outputs):
        raise table.error("output", "is not a list of names", 'write output = ["logits"]')
    return OperatingPoint(
        inputs=tuple(_typed_input(inputs, name) for name in inputs.values),
        dims=tuple(_sizes(table.table("dim"))),
        trips=tuple(_sizes(table.table("trip"))),
        outputs=tuple(outputs),
    )


_SHAPE = re.compile(r"(?=.)(?:\d+(?:[x,]\d+)*|scalar)?(?::\w+)?")


def _typed_input(table: _Table, name: str) -> str:
    """An input's binding as it is typed: text is a shape, a number is the input's value."""
    value = table.values[name]
    if isinstance(value, bool):
        return f"{name}:={str(value).lower()}"
    if isinstance(value, int | float):
        return f"{name}:={value}"
    if isinstance(value, str) and _SHAPE.fullmatch(value):
        return f"{name}={value}"
    raise table.error(
        name, f"is {_kind(value)}, no shape", 'write "1x3x224x224", "1x128:int64" or a number'
    )


def _sizes(table: _Table) -> Iterator[str]:
    for name, size in table.values.items():
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise table.error(name, f"is {_kind(size)}, no size", "write a whole number")
        yield f"{name}={size}"


def _matches(path: str, glob: str) -> bool:
    """Whether a path matches a glob part by part; `**` stands for any number of folders."""
    pattern = glob if "://" in glob else os.path.normpath(glob)
    return _match_parts(path.split("/"), pattern.split("/"))


def _match_parts(parts: Sequence[str], globs: Sequence[str]) -> bool:
    if not globs:
        return not parts
    if globs[0] == "**":
        return any(_match_parts(parts[start:], globs[1:]) for start in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], globs[0]) and _match_parts(parts[1:], globs[1:])


def _kind(value: object) -> str:
    """What a value is, for a message: `the number 5`, `the text "x"`, `a list`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {value!r}"
    return (
        "a table" if isinstance(value, dict) else "a list" if isinstance(value, list) else "a date"
    )


def _nearest(word: str, known: Iterable[str]) -> str:
    import difflib  # noqa: PLC0415 - only for an error's hint

    names = sorted(known)
    match = difflib.get_close_matches(word, names, n=1)
    return f"did you mean {match[0]!r}?" if match else f"settings here: {', '.join(names)}"
