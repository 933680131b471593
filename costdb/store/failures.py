"""What a database's errors mean to a user. A password is in none of it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from costdb.errors import DatabaseUnavailable

_FULL = ("is on a disk that is full", "free some space; nothing was written")

# Result code, primary or extended -> what is wrong, what to do: sqlite.org/rescode.html.
_SQLITE = {
    sqlite3.SQLITE_BUSY: (
        "is locked by another program",
        "try again when that is done; many writers are better served by PostgreSQL",
    ),
    sqlite3.SQLITE_LOCKED: ("is locked by another program", "try again when that is done"),
    sqlite3.SQLITE_FULL: _FULL,
    # There is no room for the log's index, which readers need too: sqlite.org/wal.html.
    sqlite3.SQLITE_IOERR_SHMSIZE: _FULL,
    sqlite3.SQLITE_READONLY: (
        "is read-only",
        "make the file and its folder writable, or name another with --db",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened",
        "check the path, and that file and folder may be written",
    ),
    sqlite3.SQLITE_NOTADB: ("is no SQLite database", "name a database with --db"),
    sqlite3.SQLITE_CORRUPT: ("is damaged", "restore a backup, or start with a new file"),
    sqlite3.SQLITE_IOERR: ("cannot be read or written", "check the disk, and the space on it"),
    sqlite3.SQLITE_PERM: ("may not be accessed", "check the file's permissions"),
}

# SQLSTATE, or the class that its first two characters name -> the same:
# postgresql.org/docs/current/errcodes-appendix.html.
_POSTGRESQL = {
    "55P03": ("is locked by another program", "try again when that is done"),
    "53100": _FULL,
    "53300": ("has too many connections", "try again later"),
    "53": ("is short of resources", "try again later"),
    "25006": ("is read-only", "connect to the primary server"),
    "25P03": ("ended a session that was idle", "raise its idle_in_transaction_session_timeout"),
    "40": ("is busy with other writers", "try again"),
    "42501": ("refuses this user", "ask for the rights on its tables"),
    "3D000": ("does not exist", "create it with createdb"),
    "28": ("refuses to log in", "check user and password; PGPASSWORD or ~/.pgpass may hold it"),
    "08": ("cannot be reached", "check host and port, and that the server runs"),
    "57": ("stopped answering", "try again when the server is up"),
    "58": ("cannot be read or written", "check the server's disk"),
    "XX": ("is damaged", "look at the server's log, or restore a backup"),
}
_UNREACHABLE = _POSTGRESQL["08"]


def shown(url: URL) -> str:
    """A database as it may be shown: a path, or a URL without its password and query."""
    if url.get_backend_name() == "sqlite":
        return url.database or ""
    port = f":{url.port}" if url.port else ""
    user = f"{url.username}@" if url.username else ""
    return f"{url.get_backend_name()}://{user}{url.host or ''}{port}/{url.database or ''}"


@contextmanager
def translated(url: URL) -> Iterator[None]:
    """Turn what a user can mend into DatabaseUnavailable; let every other error pass.

    Raises:
        DatabaseUnavailable: The database cannot be opened or reached, or is locked, full, damaged
            or read-only.
    """
    try:
        yield
    except PoolTimeout as error:
        raise DatabaseUnavailable(
            f"the database {shown(url)} has every connection in use", hint="try again later"
        ) from error
    except DBAPIError as error:
        raise _unavailable(url, error.orig) or error from error.orig
    except sqlite3.Error as error:  # from a hook on connecting, which SQLAlchemy does not wrap
        raise _unavailable(url, error) or error from error


def is_transient(error: DBAPIError) -> bool:
    """Whether PostgreSQL gave up a transaction that may succeed when it is run again."""
    return getattr(error.orig, "sqlstate", None) in {"40001", "40P01"}


def is_missing_table(error: BaseException | None) -> bool:
    """Whether a driver's error says that a table does not exist."""
    if isinstance(error, sqlite3.Error):
        return "no such table" in str(error)
    return getattr(error, "sqlstate", None) == "42P01"


def _unavailable(url: URL, error: BaseException | None) -> DatabaseUnavailable | None:
    meaning: tuple[str, str] | None
    if is_missing_table(error):
        meaning, reason = ("lacks a table", "restore a backup, or start with a new one"), ""
    elif isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        meaning = _SQLITE.get(code, _SQLITE.get(code & 0xFF))
        reason = ""
    else:
        state = getattr(error, "sqlstate", None)
        meaning = _POSTGRESQL.get(state or "", _POSTGRESQL.get((state or "")[:2]))
        if state is None and type(error).__name__ == "OperationalError":
            meaning = _UNREACHABLE
        reason = f": {_first_line(error, url)}" if meaning is _UNREACHABLE else ""
    if meaning is None:
        return None
    problem, hint = meaning
    return DatabaseUnavailable(f"the database {shown(url)} {problem}{reason}", hint=hint)


def _first_line(error: BaseException | None, url: URL) -> str:
    line = (str(error).splitlines() or [""])[0]
    return line.replace(str(url.password), "***") if url.password else line
