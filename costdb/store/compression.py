"""Canonical JSON as it lies in the database, and compressed files."""

import zstandard

CompressionError = zstandard.ZstdError
open_compressed = zstandard.open

# Structures repeat a few keys thousands of times: a higher level gains little and costs time.
_LEVEL = 3


def compressed(content: bytes) -> bytes:
    """The content, compressed; its size is in the frame."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(content)


def restored(content: bytes) -> bytes:
    """What `compressed` was given. Raises CompressionError where it is damaged."""
    return zstandard.ZstdDecompressor().decompress(content)
