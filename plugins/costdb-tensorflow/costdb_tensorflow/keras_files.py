"""Telling Keras' own files, which hold Python code's arguments instead of a graph.

A `.keras` file is a zip archive of `metadata.json`, `config.json` and `model.weights.h5`; before
that, models were HDF5 files with the same text in an attribute.
"""

import io
import zipfile
from pathlib import Path, PurePosixPath, PureWindowsPath

from costdb.plugins import MAX_ARCHIVE_RATIO, ArtifactError, BrokenArtifact, Source

CONFIGURATION = "config.json"
WEIGHTS = "model.weights.h5"

_ZIP = b"PK\x03\x04"
_HDF5 = b"\x89HDF\r\n\x1a\n"

# A list of members that is longer belongs to no model; one member takes 46 bytes and its name.
_MAX_DIRECTORY_BYTES = 1 << 24
MAX_MEMBERS = 10_000

_RATIO_COUNTS_FROM = 1 << 20
MAX_TEXT_BYTES = 1 << 26

# All that `zipfile` raises on broken archives.
_ZIP_ERRORS = (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, RuntimeError, ValueError)


class _Directory(io.FileIO):
    """A zip file of which only pieces of a directory's size are read."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _MAX_DIRECTORY_BYTES:
            raise zipfile.BadZipFile("the list of members is too long")
        return super().read(_MAX_DIRECTORY_BYTES if size is None or size < 0 else size)


def is_hdf5(source: Source) -> bool:
    """Whether a file is HDF5. Raises ArtifactUnreadable."""
    return source.read_at_most(0, len(_HDF5)) == _HDF5


def is_keras_archive(source: Source) -> bool:
    """Whether a local file is an archive of Keras'. Raises ArtifactUnreadable."""
    # Keras reads local files alone, and these two are the first things it writes.
    if source.path is None or source.read_at_most(0, len(_ZIP)) != _ZIP:
        return False
    try:
        names = {entry.filename for entry in members(source.path)}
    except ArtifactError:
        return False
    return {CONFIGURATION, WEIGHTS} <= names


def members(path: Path) -> list[zipfile.ZipInfo]:
    """The members of an archive. Raises BrokenArtifact."""
    try:
        with _Directory(path) as file, zipfile.ZipFile(file) as archive:
            return archive.infolist()
    except _ZIP_ERRORS as error:
        raise BrokenArtifact(
            f"{path.name!r} is a broken zip archive: {error}",
            hint="the file is truncated or damaged: copy or export it again",
        ) from error


def check_members(path: Path) -> None:
    """Refuse an archive that would fill memory or disk, or be unpacked outside of its folder.

    Raises:
        BrokenArtifact: It has too many members, or one that inflates beyond reason or whose name
            leads elsewhere.
    """
    entries = members(path)
    if len(entries) > MAX_MEMBERS:
        raise BrokenArtifact(
            f"{path.name!r} has {len(entries):,} members, more than {MAX_MEMBERS:,}",
            hint="no model has so many: export it again",
        )
    for entry in entries:
        _check_name(path, entry)
        inflated = entry.file_size > MAX_ARCHIVE_RATIO * max(entry.compress_size, 1)
        is_text = entry.filename.endswith(".json")
        if (inflated and entry.file_size > _RATIO_COUNTS_FROM) or (
            is_text and entry.file_size > MAX_TEXT_BYTES
        ):
            raise BrokenArtifact(
                f"member {entry.filename!r} of {path.name!r} inflates from"
                f" {entry.compress_size:,} to {entry.file_size:,} bytes",
                hint="no model has that much structure: export it again",
            )


def _check_name(path: Path, entry: zipfile.ZipInfo) -> None:
    name = entry.filename
    is_absolute = PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor
    is_link = entry.external_attr >> 28 == 0xA
    if is_absolute or is_link or ".." in PureWindowsPath(name).parts:
        raise BrokenArtifact(
            f"{path.name!r} has a member {name!r} that leads out of it",
            hint="no exporter writes that: do not trust the file",
        )
