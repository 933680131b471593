"""Canonical JSON as it lies in the database."""

import zstandard

# Structures repeat a few keys thousands of times: a higher level gains little and costs time.
_LEVEL = 3


def compressed(content: bytes) -> bytes:
    """The content, compressed; its size is in the frame."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(content)


def restored(content: bytes) -> bytes:
    """What `compressed` was given."""
    return zstandard.ZstdDecompressor().decompress(content)
