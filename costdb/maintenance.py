"""Looking after a database: `costdb db`, `export`, `import`, `recost`, `models` and `token`.

from costdb import maintenance

maintenance.archive("detector@v3")
problems = maintenance.examine()
"""

import io
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BufferedReader
from pathlib import Path
from typing import IO

from costdb.cost.rules import rule_table
from costdb.errors import BrokenExport, OutputUnwritable, UsageError
from costdb.plugins import discover
from costdb.replacing import replacing
from costdb.settings import load_settings
from costdb.store import Store, administration, open_store
from costdb.store import tokens as stored_tokens
from costdb.store.compression import CompressionError, open_compressed, text_of
from costdb.store.database import sqlite_path
from costdb.store.examination import Problem
from costdb.store.examination import examine as examine_store
from costdb.store.exporting import export_lines
from costdb.store.importing import Imported, import_lines
from costdb.store.migrations import back_up as copy_sqlite
from costdb.store.pruning import Pruned, prune_runs
from costdb.store.records import TokenRecord, TokenScope, VersionRecord
from costdb.store.recosting import Failure, Moved, moved, outdated
from costdb.store.recosting import recost as recost_structures

__all__ = [
    "Imported",
    "Problem",
    "Pruned",
    "Recosted",
    "archive",
    "back_up",
    "create_token",
    "examine",
    "export",
    "import_",
    "prune",
    "recost",
    "rename",
    "revoke_token",
    "tokens",
    "unarchive",
]

# A file of this name is compressed on the way out; on the way in, its first bytes say so.
_COMPRESSED = ".zst"
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Recosted:
    """What a recost did.

    Attributes:
        structures: How many had no cost under today's rules.
        failures: Those that still have none.
        moved: What the rules moved of the models' latest versions.
    """

    structures: int
    failures: tuple[Failure, ...]
    moved: tuple[Moved, ...]


def examine(*, database: str | None = None) -> list[Problem]:
    """Whatever in the database is not whole or does not add up; empty if all is well.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    with _store(database) as store:
        return list(examine_store(store.engine))


def back_up(target: Path | None = None, *, database: str | None = None) -> Path:
    """Copy an SQLite database into a new file, while others may be writing.

    Args:
        target: The file; else beside the database, with the time in its name.
        database: URL or path; else as the settings say.

    Returns:
        The file.

    Raises:
        UsageError: The database is PostgreSQL's, or the file exists.
        OutputUnwritable: The file's folder is missing, or may not be written.
        DatabaseUnavailable: The database cannot be read, or the copy does not fit on the disk.
    """
    with _store(database) as store:
        path = sqlite_path(store.engine)
        if path is None:
            raise UsageError(
                f"{store.location} is copied by PostgreSQL's own tools",
                hint="run pg_dump, or costdb export -o costs.jsonl.zst",
            )
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        copy = target or path.with_name(f"{path.name}.{moment}.backup")
        if os.path.lexists(copy):
            raise UsageError(f"{str(copy)!r} exists", hint="name another file with -o")
        if not os.access(copy.parent, os.W_OK):
            raise OutputUnwritable(
                f"nothing can be written to the folder {str(copy.parent)!r}",
                hint="name a file elsewhere with -o",
            )
        copy_sqlite(store.engine, copy)
        return copy


def export(target: Path | None, *, database: str | None = None) -> None:
    """Write every row of the database as a line of JSON.

    Args:
        target: The file, compressed if its name ends in `.zst`; stdout if None.
        database: URL or path; else as the settings say.

    Raises:
        DatabaseUnavailable: The database cannot be read.
        BrokenArtifact: What the database holds is damaged.
        OutputUnwritable: The target is a folder, a link or a device, or cannot be written; what was
            there before still is.
    """
    with _store(database) as store, closing(export_lines(store.engine)) as lines:
        if target is None:
            sys.stdout.writelines(lines)
            return
        with replacing(target) as unfinished, _new_text(unfinished) as file:
            file.writelines(lines)


def import_(origin: Path | None, *, database: str | None = None) -> Imported:
    """Add the rows of an export that the database does not have: all of them, or none.

    Args:
        origin: The file, compressed or not; stdin if None.
        database: URL or path; else as the settings say.

    Raises:
        BrokenExport: A line is damaged or missing, or the export is of another schema.
        VersionConflict: A row contradicts one that is there.
        DatabaseUnavailable: The database cannot be written.
        OutputUnwritable: What a pipe says does not fit into the folder for temporary files.
        UsageError: The file cannot be read.
    """
    with _store(database, create=True) as store:
        name = "stdin" if origin is None else repr(str(origin))
        try:
            with _bytes(origin) as file, _at_hand(file) as whole, text_of(whole) as lines:
                return import_lines(store.engine, lines)
        except (CompressionError, UnicodeDecodeError) as error:
            raise BrokenExport(f"{name} is damaged: {error}", hint="export it again") from error
        except OSError as error:
            raise UsageError(
                f"{name} cannot be read: {error.strerror}", hint="name another file"
            ) from error


def recost(
    *, progress: Callable[[int, int], None] = lambda _done, _of: None, database: str | None = None
) -> Recosted:
    """Count every stored structure that has no cost under today's rules.

    It may be stopped at any time and started again: what was counted stays.

    Args:
        progress: Called with how many are done, and of how many.
        database: URL or path; else as the settings say.

    Raises:
        DatabaseUnavailable: The database cannot be written.
    """
    rules = rule_table(discover().rules)
    with _store(database) as store:
        structures = outdated(store.engine)
        failures: list[Failure] = []
        for done, identity in enumerate(structures, start=1):
            failures.extend(recost_structures(store.engine, rules, [identity]))
            progress(done, len(structures))
        return Recosted(len(structures), tuple(failures), tuple(moved(store.engine)))


def prune(older_than: timedelta, *, database: str | None = None) -> Pruned:
    """Remove old runs of `check` that no later one needs; models, versions and costs stay.

    The last run of each subject against each baseline stays, and what was the last to judge
    something, so that the next check finds the same to be new.

    Args:
        older_than: The least age of what is removed.
        database: URL or path; else as the settings say.

    Raises:
        DatabaseUnavailable: The database cannot be written.
    """
    with _store(database) as store:
        return prune_runs(store.engine, datetime.now(UTC) - older_than)


def archive(version: str, *, database: str | None = None) -> tuple[VersionRecord, bool]:
    """Take a version out of lists and baselines; its numbers stay readable by its tag.

    Args:
        version: `MODEL@TAG`.
        database: URL or path; else as the settings say.

    Returns:
        The version, and whether that is new.

    Raises:
        UsageError: The name has no tag.
        NotInDatabase: There is no such version.
        DatabaseUnavailable: The database cannot be written.
    """
    with _store(database) as store:
        return administration.set_archived(store.engine, version, datetime.now(UTC))


def unarchive(version: str, *, database: str | None = None) -> tuple[VersionRecord, bool]:
    """Put an archived version back; see `archive`."""
    with _store(database) as store:
        return administration.set_archived(store.engine, version, None)


def rename(old: str, new: str, *, database: str | None = None) -> None:
    """Call a model by another name; its history stays, and the old name leads to the new one.

    Raises:
        UsageError: The new name is not allowed, or another model has or had it.
        NotInDatabase: There is no such model.
        DatabaseUnavailable: The database cannot be written.
    """
    with _store(database) as store:
        administration.rename(store.engine, old, new)


def create_token(
    name: str,
    scope: TokenScope,
    *,
    model_glob: str = "*",
    expires_at: datetime | None = None,
    database: str | None = None,
) -> tuple[TokenRecord, str]:
    """Make a token for the server of a database, which is created if need be.

    Args:
        name: Whose it is; no other token has it.
        scope: What it allows.
        model_glob: Of which models.
        expires_at: From when on it allows nothing, aware; None for never.
        database: URL or path; else as the settings say.

    Returns:
        The token, and its secret, which nothing can show again.

    Raises:
        UsageError: There is one of this name, the name is not allowed, or it expires at once.
        DatabaseUnavailable: The database cannot be written.
    """
    with _store(database, create=True) as store:
        return stored_tokens.create_token(
            store.engine,
            name,
            scope,
            model_glob=model_glob,
            expires_at=expires_at,
            now=datetime.now(UTC),
        )


def tokens(*, database: str | None = None) -> list[TokenRecord]:
    """Every token, revoked ones too, in the order of their making.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    with _store(database) as store:
        return stored_tokens.tokens(store.engine)


def revoke_token(name: str, *, database: str | None = None) -> TokenRecord:
    """Take a token back; one that was revoked before stays as it was.

    Raises:
        NotInDatabase: There is no such token.
        DatabaseUnavailable: The database cannot be written.
    """
    with _store(database) as store:
        return stored_tokens.revoke_token(store.engine, name, now=datetime.now(UTC))


@contextmanager
def _store(database: str | None, *, create: bool = False) -> Iterator[Store]:
    with open_store(load_settings(database).database, create=create) as store:
        yield store


def _bytes(origin: Path | None) -> BufferedReader:
    """A file, or stdin if None, which stays open."""
    return open(0, "rb", closefd=False) if origin is None else origin.open("rb")


@contextmanager
def _at_hand(file: BufferedReader) -> Iterator[BufferedReader]:
    """The same bytes from a file: nobody else may write while an import reads, and pipes are slow.

    Raises:
        OutputUnwritable: A pipe says more than fits into the folder for temporary files.
    """
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        yield file
        return
    with tempfile.TemporaryFile(buffering=0) as whole:
        while piece := file.read1(_PIECE_BYTES):
            left = memoryview(piece)
            try:
                while left:
                    left = left[whole.write(left) :]
            except OSError as error:
                raise OutputUnwritable(
                    f"what is imported does not fit into {tempfile.gettempdir()}: {error.strerror}",
                    hint="let TMPDIR name a folder with more space, or import a file",
                ) from error
        whole.seek(0)
        yield io.BufferedReader(whole)


def _new_text(path: Path) -> IO[str]:
    """A file for UTF-8 text, compressed if its name says so."""
    opener = open_compressed if path.suffix == _COMPRESSED else open
    opened: IO[str] = opener(path, "wt", encoding="utf-8", newline="\n")
    return opened
