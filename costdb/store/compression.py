"""Canonical JSON as it lies in the database, and compressed files."""

from io import BufferedReader, TextIOWrapper

import zstandard

from costdb.errors import BrokenArtifact

CompressionError = zstandard.ZstdError
open_compressed = zstandard.open

# Structures repeat a few keys thousands of times: a higher level gains little and costs time.
_LEVEL = 3


def compressed(content: bytes) -> bytes:
    """The content, compressed; its size is in the frame."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(content)


def text_of(file: BufferedReader) -> TextIOWrapper:
    """UTF-8 text of a file or pipe, whether or not it is compressed: its first bytes say so."""
    magic = zstandard.FRAME_HEADER
    if not file.peek(len(magic)).startswith(magic):
        return TextIOWrapper(file, encoding="utf-8")
    content = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
    return TextIOWrapper(content, encoding="utf-8")


def restored(content: bytes) -> bytes:
    """What `compressed` was given. Raises BrokenArtifact where it is damaged."""
    try:
        return zstandard.ZstdDecompressor().decompress(content)
    except CompressionError as error:
        raise BrokenArtifact(
            f"a stored graph is damaged: {error}",
            hint="costdb db doctor names the row; restore a backup",
        ) from error
