"""Read-only random access to an artifact, wherever it lies, and to the files beside it.

A loader asks for byte ranges; a local file is read with `pread`, a URL with range requests
through fsspec. Nothing is downloaded whole, and nothing is ever written.
"""

import difflib
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import urlsplit, urlunsplit

from costdb.errors import ArtifactUnreadable, BrokenArtifact

PYTHON_SCHEME = "python"
REMOTE_SCHEMES = frozenset({"https", "s3", "gs", "az"})
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})

# Headers are read in windows of this size, so that walking a file of many small fields costs
# few system calls or requests. A skipped field costs none, whatever its size.
WINDOW_BYTES = 1 << 16


class _Backend(Protocol):
    """Where the bytes come from."""

    size: int

    def read(self, offset: int, length: int) -> bytes: ...

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
            ArtifactUnreadable: The URL's scheme is not one that is read.
        """
        self._target = os.fspath(location)
        self.scheme = _scheme(self._target)
        self.location = _shown(self._target, self.scheme)
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
        return PurePosixPath(self.location.rstrip("/")).name

    @property
    def path(self) -> Path | None:
        """The local path; None for a URL or a Python object."""
        return Path(self.location) if self.scheme == "file" else None

    @property
    def is_directory(self) -> bool:
        """Whether it is a local folder."""
        return self.path is not None and self.path.is_dir()

    @property
    def size(self) -> int:
        """Its size in bytes. Raises ArtifactUnreadable."""
        return self._open().size

    def read(self, offset: int, length: int) -> bytes:
        """Bytes from an offset, exactly as many as asked for.

        Raises:
            BrokenArtifact: The file ends before that.
            ArtifactUnreadable: It cannot be read.
        """
        data = self._read_window(offset, length)
        if len(data) != length:
            raise BrokenArtifact(
                f"{self.name!r} ends at byte {self.size:,}, inside a field that reaches to"
                f" {offset + length:,}",
                hint="the file is truncated: copy or export it again",
            )
        return data

    def read_at_most(self, offset: int, length: int) -> bytes:
        """Bytes from an offset, fewer where the file ends. Raises ArtifactUnreadable."""
        return self._read_window(offset, max(0, min(length, self.size - offset)))

    def sibling(self, relative: str) -> "Source":
        """A file in the same folder or below, such as external data.

        Raises:
            BrokenArtifact: The path is absolute or leads out of the folder, links followed.
        """
        parts = PurePosixPath(relative.replace("\\", "/"))
        if not relative or parts.is_absolute() or ".." in parts.parts or ":" in relative:
            raise BrokenArtifact(
                f"{self.name!r} refers to {relative!r}, which is outside its folder",
                hint="move the file beside the model and export it again",
            )
        if self.path is None:
            folder = self._target.rsplit("/", 1)[0]
            return Source(f"{folder}/{parts}")
        folder_path = self.path.parent.resolve()
        target = folder_path / parts
        if not target.resolve().is_relative_to(folder_path):
            raise BrokenArtifact(
                f"{self.name!r} refers to {relative!r}, a link that leads outside its folder",
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
            if self.scheme == "file":
                self._backend = _LocalFile(Path(self._target), self.name)
            elif self.scheme == PYTHON_SCHEME:
                raise ArtifactUnreadable(f"{self.location!r} names a Python object, not a file")
            else:
                self._backend = _RemoteFile(self._target, self.location, self.scheme)
        return self._backend

    def _read_window(self, offset: int, length: int) -> bytes:
        start = offset - self._window_start
        if start >= 0 and start + length <= len(self._window):
            return self._window[start : start + length]
        backend = self._open()
        if length >= WINDOW_BYTES:
            return backend.read(offset, length)
        self._window = backend.read(offset, WINDOW_BYTES)
        self._window_start = offset
        return self._window[:length]


class _LocalFile:
    """A regular file, read by position."""

    def __init__(self, path: Path, name: str) -> None:
        try:
            # Without O_NONBLOCK, opening a named pipe would wait for a writer.
            self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise ArtifactUnreadable(
                f"no file {str(path)!r}", hint=_look_alike(path) or "check the path"
            ) from error
        except PermissionError as error:
            raise ArtifactUnreadable(
                f"{name!r} may not be read", hint=f"chmod +r {path}"
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
            # One pread returns at most 2 GiB on Linux.
            piece = os.pread(self._descriptor, min(length, 1 << 30), offset)
            if not piece:
                break
            pieces.append(piece)
            offset += len(piece)
            length -= len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        os.close(self._descriptor)


class _RemoteFile:
    """A URL, read by range requests."""

    def __init__(self, target: str, location: str, scheme: str) -> None:
        import fsspec

        self._location = location
        try:
            self._filesystem, self._path = fsspec.core.url_to_fs(target)
            self.size = int(self._filesystem.size(self._path))
        except ImportError as error:
            raise ArtifactUnreadable(
                f"reading {scheme}: URLs needs another package: {error}",
                hint=f"pip install 'fsspec[{_FSSPEC_EXTRAS[scheme]}]'",
            ) from error
        except Exception as error:
            raise ArtifactUnreadable(
                f"{location!r} cannot be read: {type(error).__name__}",
                hint="check the address and your access to it",
            ) from error

    def read(self, offset: int, length: int) -> bytes:
        end = min(offset + length, self.size)
        if offset >= end:
            return b""
        try:
            return bytes(self._filesystem.cat_file(self._path, start=offset, end=end))
        except Exception as error:
            raise ArtifactUnreadable(
                f"{self._location!r} stopped answering at byte {offset:,}: {type(error).__name__}",
                hint="try again",
            ) from error

    def close(self) -> None:
        pass


_FSSPEC_EXTRAS = {"https": "http", "http": "http", "s3": "s3", "gs": "gcs", "az": "abfs"}


def _scheme(target: str) -> str:
    before, separator, _ = target.partition("://")
    if not separator:
        module, colon, factory = target.partition(":")
        is_factory = bool(colon) and factory.isidentifier() and not Path(target).exists()
        dotted = all(part.isidentifier() for part in module.split("."))
        return PYTHON_SCHEME if is_factory and dotted else "file"
    if "::" in target:
        raise ArtifactUnreadable(
            f"chained URL {_shown(target, before)!r} is not read", hint="name the file itself"
        )
    if before == "http" and urlsplit(target).hostname in LOOPBACK_HOSTS:
        return before
    if before not in REMOTE_SCHEMES:
        raise ArtifactUnreadable(
            f"URLs of scheme {before!r} are not read",
            hint=f"use a path or one of {', '.join(sorted(REMOTE_SCHEMES))}",
        )
    return before


def _shown(target: str, scheme: str) -> str:
    """The target without user info, query and fragment, which may hold secrets."""
    if "://" not in target or scheme == "file":
        return target
    parts = urlsplit(target)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _look_alike(path: Path) -> str:
    """A hint that names the file that was probably meant; empty if there is none."""
    with suppress(OSError):
        names = [entry.name for entry in _some(path.parent.iterdir(), 1000)]
        for match in difflib.get_close_matches(path.name, names, n=1):
            return f"did you mean {str(path.with_name(match))!r}?"
    return ""


def _some(entries: Iterator[Path], limit: int) -> Iterator[Path]:
    yield from (entry for entry, _ in zip(entries, range(limit), strict=False))
