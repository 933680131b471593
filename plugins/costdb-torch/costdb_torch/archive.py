"""Zip archives read in place: the list of members, and the few small ones that are asked for.

PyTorch's archives hold a little structure beside a lot of weights. Only the central directory and
the members that are read are fetched, so a model behind a URL is not downloaded.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from costdb.plugins import (
    MAX_ARCHIVE_DIRECTORY_BYTES,
    MAX_ARCHIVE_MEMBERS,
    MAX_ARCHIVE_RATIO,
    BrokenArtifact,
    Source,
)

_RATIO_COUNTS_FROM = 1 << 20

_PIECE_BYTES = 1 << 20

_LOCAL_HEADER = struct.Struct("<4s22xHH")  # signature, length of the name, length of the extra
_LOCAL_SIGNATURE = b"PK\x03\x04"

# All that `zipfile` raises on broken archives, or on features that no PyTorch writes.
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)


class SourceFile(io.RawIOBase):
    """A range of a source as a read-only file.

    Args:
        source: Where the bytes lie.
        start: Offset of the file in the source, in bytes.
        length: Its length in bytes; None for all that follows.
        most: The most bytes that one read may ask for.
    """

    def __init__(
        self,
        source: Source,
        start: int = 0,
        length: int | None = None,
        most: int = MAX_ARCHIVE_DIRECTORY_BYTES,
    ) -> None:
        self.source = source
        self.start = start
        self.length = source.size - start if length is None else length
        self._most = most
        self._position = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """The position, in bytes from the file's start."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move, and return the new position. Raises ValueError for one before the start."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.length}[whence]
        if base + offset < 0:
            raise ValueError(f"position {base + offset} is before the start")
        self._position = base + offset
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """Bytes from the position on, fewer where the file ends. Raises BrokenArtifact."""
        left = max(0, self.length - self._position)
        wanted = left if size is None or size < 0 else min(size, left)
        if wanted > self._most:
            raise BrokenArtifact(
                f"{self.source.name!r} holds {wanted:,} bytes of structure in one piece",
                hint="no model has that much structure: export it again",
            )
        data = self.source.read_at_most(self.start + self._position, wanted)
        self._position += len(data)
        return data

    def readline(self, size: int | None = -1) -> bytes:  # noqa: ARG002 - lines are read whole
        """Bytes up to and with the next line feed."""
        pieces = []
        while piece := self.read(256):
            line, feed, rest = piece.partition(b"\n")
            pieces.append(line + feed)
            if feed:
                self._position -= len(rest)
                break
        return b"".join(pieces)


class Archive:
    """A zip archive; use it as a context manager.

    Attributes:
        source: Where it lies.
        names: The members, in the order of the directory.
    """

    def __init__(self, file: SourceFile) -> None:
        """Read the list of members. Raises BrokenArtifact."""
        self.source = file.source
        self._file = file
        with self._translated():
            self._zip = zipfile.ZipFile(file)
        self.names = tuple(self._zip.namelist())
        if len(self.names) > MAX_ARCHIVE_MEMBERS:
            raise BrokenArtifact(
                f"{self.source.name!r} has {len(self.names):,} members,"
                f" more than {MAX_ARCHIVE_MEMBERS:,}",
                hint="no model has so many: export it again",
            )

    @classmethod
    def of(cls, source: Source) -> Self:
        """The archive that a source is. Raises BrokenArtifact, ArtifactUnreadable."""
        return cls(SourceFile(source))

    def read(self, name: str, most: int) -> bytes:
        """A member's content.

        Args:
            name: The member.
            most: The largest size in bytes that is read.

        Raises:
            BrokenArtifact: It is larger, inflates beyond reason or is broken.
        """
        entry = self._zip.getinfo(name)
        inflated = entry.file_size > MAX_ARCHIVE_RATIO * max(entry.compress_size, 1)
        if entry.file_size > most or (inflated and entry.file_size > _RATIO_COUNTS_FROM):
            raise BrokenArtifact(
                f"member {name!r} of {self.source.name!r} inflates from"
                f" {entry.compress_size:,} to {entry.file_size:,} bytes",
                hint="no model has that much structure: export it again",
            )
        with self._translated(), self._zip.open(entry) as member:
            return b"".join(iter(lambda: member.read(_PIECE_BYTES), b""))

    def open(self, name: str) -> SourceFile | None:
        """A member in place, without reading it; None if it is compressed.

        Raises:
            BrokenArtifact: It does not lie where the directory says.
        """
        entry = self._zip.getinfo(name)
        if entry.compress_type != zipfile.ZIP_STORED:
            return None
        start = self._file.start + entry.header_offset
        header = self.source.read(start, _LOCAL_HEADER.size)
        signature, name_length, extra_length = _LOCAL_HEADER.unpack(header)
        if signature != _LOCAL_SIGNATURE:
            raise BrokenArtifact(
                f"member {name!r} of {self.source.name!r} is not where the directory says",
                hint="copy or export the file again",
            )
        start += _LOCAL_HEADER.size + name_length + extra_length
        return SourceFile(self.source, start, entry.file_size)

    def close(self) -> None:
        """Let go of the directory."""
        self._zip.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except _ZIP_ERRORS as error:
            raise BrokenArtifact(
                f"{self.source.name!r} is a broken zip archive: {error}",
                hint="the file is truncated or damaged: copy or export it again",
            ) from error


def first_member(source: Source) -> str:
    """The name of the member that a zip file starts with, whole or not; empty if there is none."""
    header = source.read_at_most(0, _LOCAL_HEADER.size)
    if len(header) < _LOCAL_HEADER.size or not header.startswith(_LOCAL_SIGNATURE):
        return ""
    _, name_length, _ = _LOCAL_HEADER.unpack(header)
    return source.read_at_most(_LOCAL_HEADER.size, name_length).decode("utf-8", "replace")
