"""Read-only random access to an artifact, wherever it lies, and to the files beside it.

A loader asks for byte ranges; a local file is read with `pread`, a URL with range requests
through fsspec. Nothing is downloaded whole, and nothing is ever written.
"""

import difflib
import hashlib
import os
import shlex
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from costdb.errors import ArtifactUnreadable, BrokenArtifact, UsageError
from costdb.remote import LOOPBACK_HOSTS, REMOTE_SCHEMES, RemoteFile, may_be_read, without_secrets

FILE_SCHEME = "file"
PYTHON_SCHEME = "python"

# Small reads are served from a window of this size or more, so that walking a file of many small
# fields costs few system calls. What is skipped costs none, whatever its size.
WINDOW_BYTES = 1 << 16

_CHUNK_BYTES = 1 << 24


class _Backend(Protocol):
    """Where the bytes come from.

    `read` returns fewer bytes only where the file ends, and so does `at_least`, which may return
    more.
    """

    size: int

    def read(self, offset: int, length: int) -> bytes: ...

    def at_least(self, offset: int, length: int) -> bytes: ...

    def close(self) -> None: ...


class Source:
    """An artifact: a local file or folder, a URL, or `module:factory` of scheme `python`.

    Use it as a context manager. Sizes and offsets are in bytes.

    Attributes:
        location: The path or URL as it may be shown and stored: without user info and query.
        scheme: "file", "https", "s3", "gs", "az", "http" (loopback only) or "python".
    """

    def __init__(self, location: str | os.PathLike[str]) -> None:
        """Name an artifact; nothing is opened yet.

        Raises:
            ArtifactUnreadable: It is a URL of a kind that is not read.
        """
        self.scheme, self._target = _parse(os.fspath(location))
        self.location = without_secrets(self._target) if self.is_remote else self._target
        self._backend: _Backend | None = None
        self._window = b""
        self._window_start = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Source({self.location!r})"

    @property
    def name(self) -> str:
        """The file's name: the last part of its path."""
        return PurePosixPath(self.location).name or self.location

    @property
    def path(self) -> Path | None:
        """The local path; None for a URL or a Python object."""
        return Path(self.location) if self.scheme == FILE_SCHEME else None

    @property
    def is_directory(self) -> bool:
        """Whether it is a local folder."""
        # Path.is_dir raises where a folder above may not be searched.
        return self.scheme == FILE_SCHEME and os.path.isdir(self.location)  # noqa: PTH112

    @property
    def is_remote(self) -> bool:
        """Whether it lies behind a URL."""
        return self.scheme not in {FILE_SCHEME, PYTHON_SCHEME}

    @property
    def size(self) -> int:
        """Its size in bytes. Raises ArtifactUnreadable."""
        return self._open().size

    @property
    def total_size(self) -> int:
        """Bytes of all that it names: a file, a folder's files, a checkpoint's; 0 for Python.

        A checkpoint is named by what the names of its files begin with: `model.ckpt` stands for
        `model.ckpt.index` and those beside it. Links are not followed.

        Raises:
            ArtifactUnreadable: There is nothing of that name, or it cannot be read.
        """
        if self.scheme == PYTHON_SCHEME:
            return 0
        if self.is_directory:
            return _file_bytes(Path(self.location).rglob("*"))
        if self.path is not None and not os.path.lexists(self.path):
            beside = _file_bytes(_beginning_with(self.path))
            return beside or self.size
        return self.size

    def read(self, offset: int, length: int) -> bytes:
        """Bytes from an offset, exactly as many as asked for.

        Raises:
            BrokenArtifact: The file has no such bytes.
            ArtifactUnreadable: It cannot be read.
        """
        if 0 <= offset <= offset + length <= self.size:
            data = self._read(offset, length)
            if len(data) == length:
                return data
        raise BrokenArtifact(
            f"{self.name!r} has {self.size:,} bytes, and a field that lies from byte"
            f" {offset:,} to {offset + length:,}",
            hint="the file is cut off or damaged: copy or export it again",
        )

    def read_at_most(self, offset: int, length: int) -> bytes:
        """Bytes from an offset, fewer where the file ends. Raises ArtifactUnreadable."""
        return self._read(offset, max(0, min(length, self.size - offset)))

    def window(self, offset: int, length: int) -> tuple[bytes, int]:
        """A stretch of the file that is at hand, to read many small things without a copy each.

        Args:
            offset: Where the caller reads next.
            length: How much the caller needs from there, at most `WINDOW_BYTES`.

        Returns:
            Bytes of the file and the offset of the first one. They hold what was asked for, or
            reach the file's end.

        Raises:
            ArtifactUnreadable: It cannot be read.
        """
        return self._filled_window(offset, length)

    def sibling(self, relative: str) -> "Source":
        """A file in the same folder or below, such as external data.

        Raises:
            BrokenArtifact: The path is absolute or leads out of the folder, links followed.
        """
        parts = PurePosixPath(relative.replace("\\", "/"))
        is_absolute = parts.is_absolute() or PureWindowsPath(relative).drive
        if not parts.parts or is_absolute or ".." in parts.parts or "\0" in relative:
            raise BrokenArtifact(
                f"{self.name!r} refers to {relative!r}, which is no file in its folder",
                hint="move that file beside the model and export the model again",
            )
        if self.is_remote:
            url = urlsplit(self._target)
            folder = url.path.rpartition("/")[0]
            # Object stores take a key as it is; a web server decodes what it is sent.
            below = quote(str(parts)) if url.scheme in {"https", "http"} else str(parts)
            return Source(urlunsplit(url._replace(path=f"{folder}/{below}")))
        # Not Path.resolve: up to Python 3.12 it raises RuntimeError where links go in a circle.
        folder = os.path.realpath(Path(self._target).parent)
        target = Path(folder, parts)
        if not Path(os.path.realpath(target)).is_relative_to(folder):
            raise BrokenArtifact(
                f"{self.name!r} refers to {relative!r}, a link that leads out of its folder",
                hint="put the file itself beside the model",
            )
        return Source(target)

    def close(self) -> None:
        """Let go of the file; reading again opens it again."""
        if self._backend is not None:
            self._backend.close()
        self._backend = None
        self._window = b""

    def _open(self) -> _Backend:
        if self._backend is None:
            if self.scheme == FILE_SCHEME:
                self._backend = _LocalFile(self._target, self.name)
            elif self.scheme == PYTHON_SCHEME:
                raise ArtifactUnreadable(f"{self.location!r} names a Python object, not a file")
            else:
                self._backend = RemoteFile(self._target, self.location, self.scheme)
        return self._backend

    def _read(self, offset: int, length: int) -> bytes:
        if length > WINDOW_BYTES:
            return self._open().read(offset, length)
        window, window_start = self._filled_window(offset, length)
        return window[offset - window_start : offset - window_start + length]

    def _filled_window(self, offset: int, length: int) -> tuple[bytes, int]:
        backend = self._open()
        start = offset - self._window_start
        needed = min(length, backend.size - offset)
        if start < 0 or start + needed > len(self._window):
            self._window = backend.at_least(offset, length)
            self._window_start = offset
        return self._window, self._window_start


class _LocalFile:
    """A regular file, read by position."""

    def __init__(self, path: str, name: str) -> None:
        self._name = name
        try:
            # Without O_NONBLOCK, opening a named pipe would wait for a writer.
            self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise ArtifactUnreadable(
                f"no file {path!r}", hint=_look_alike(Path(path)) or "check the path"
            ) from error
        except PermissionError as error:
            raise ArtifactUnreadable(
                f"{name!r} may not be read", hint=f"chmod +r {shlex.quote(path)}"
            ) from error
        except (OSError, ValueError) as error:
            raise ArtifactUnreadable(f"{name!r} cannot be opened: {error}") from error
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(self._descriptor)
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise ArtifactUnreadable(f"{name!r} is {kind}", hint="name a model file")
        self.size = status.st_size

    def read(self, offset: int, length: int) -> bytes:
        pieces: list[bytes] = []
        while length > 0:
            try:
                # One pread returns at most 2 GiB on Linux.
                piece = os.pread(self._descriptor, min(length, 1 << 30), offset)
            except OSError as error:
                raise ArtifactUnreadable(
                    f"{self._name!r} cannot be read at byte {offset:,}: {error.strerror}"
                ) from error
            if not piece:
                break
            pieces.append(piece)
            offset += len(piece)
            length -= len(piece)
        return b"".join(pieces)

    def at_least(self, offset: int, length: int) -> bytes:
        return self.read(offset, max(length, WINDOW_BYTES))

    def close(self) -> None:
        os.close(self._descriptor)


def _parse(target: str) -> tuple[str, str]:
    """The scheme of what a caller named, and the path, URL or object to open."""
    before, separator, after = target.partition("://")
    if not separator:
        return (PYTHON_SCHEME if _names_factory(target) else FILE_SCHEME), target
    if "::" in target:
        raise ArtifactUnreadable(
            "URLs with '::' chain file systems and are not read", hint="name the file itself"
        )
    scheme = before.lower()
    url = f"{scheme}://{after}"
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ArtifactUnreadable(
            f"this {scheme!r} URL is malformed", hint="write https://host/path"
        ) from None
    if scheme == FILE_SCHEME and parts.netloc in {"", "localhost"}:
        return FILE_SCHEME, unquote(parts.path)
    if not may_be_read(url):
        raise ArtifactUnreadable(
            f"URLs of scheme {scheme!r} are not read"
            if scheme != "http"
            else f"http is only read from {' and '.join(sorted(LOOPBACK_HOSTS))}",
            hint=f"use a path or one of {', '.join(sorted(REMOTE_SCHEMES))}",
        )
    return scheme, url


def sha256(location: str) -> str:
    """The SHA-256 of a file, all of which is read for it.

    Raises:
        UsageError: It is a folder, which has none.
        ArtifactUnreadable: It cannot be read.
    """
    digest = hashlib.sha256()
    with Source(location) as source:
        if source.is_directory:
            raise UsageError(
                f"{location!r} is a folder, which has no SHA-256", hint="leave --hash out"
            )
        for offset in range(0, source.size, _CHUNK_BYTES):
            digest.update(source.read_at_most(offset, _CHUNK_BYTES))
    return digest.hexdigest()


def _names_factory(target: str) -> bool:
    """Whether it reads `package.module:factory` and is not the name of a file."""
    module, _, factory = target.partition(":")
    if not all(name.isidentifier() for name in (*module.split("."), factory)):
        return False
    # Path.exists raises where the name is too long for the file system.
    return not os.path.exists(target)  # noqa: PTH110


def _beginning_with(path: Path) -> Iterator[Path]:
    """The files beside a path whose names are its name, a dot and something else."""
    with suppress(OSError):
        yield from (file for file in path.parent.iterdir() if file.name.startswith(f"{path.name}."))


def _file_bytes(paths: Iterable[Path]) -> int:
    """Bytes of the regular files among some paths. Raises ArtifactUnreadable."""
    try:
        states = [os.lstat(path) for path in paths]
    except OSError as error:
        raise ArtifactUnreadable(f"{error.filename!r} cannot be read: {error.strerror}") from error
    return sum(state.st_size for state in states if stat.S_ISREG(state.st_mode))


def _look_alike(path: Path) -> str:
    """A hint that names the file that was probably meant; empty if there is none."""
    with suppress(OSError):
        names = [entry.name for entry in islice(path.parent.iterdir(), 1000)]
        for match in difflib.get_close_matches(path.name, names, n=1):
            return f"did you mean {str(path.with_name(match))!r}?"
    return ""
