"""Tables, the sorted files of keys and values that TensorFlow keeps a checkpoint's index in.

The format is LevelDB's: https://github.com/google/leveldb/blob/main/doc/table_format.md
TensorFlow never compresses its blocks.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from costdb.plugins import BrokenArtifact, Source
from costdb_tensorflow.checkpoint_files import MAGIC
from costdb_tensorflow.messages import parse

# Two handles, padded, and the magic number.
_FOOTER_BYTES = 48

# A block is followed by its compression and a checksum.
_TRAILER_BYTES = 5
_UNCOMPRESSED = 0

# TensorFlow starts a new block every 256 KiB; the list of them is one too.
MAX_BLOCK_BYTES = 1 << 24

# Names are paths of scopes. An entry holds only what its key adds to the one before.
MAX_KEY_BYTES = 1 << 14


def bundle_entries(index: Source) -> Iterator[tuple[str, Any]]:
    """The key and BundleEntryProto message of each tensor of a checkpoint's index.

    Raises:
        BrokenArtifact: The file is no index, is cut off or contradicts itself.
        ArtifactUnreadable: It cannot be read.
    """
    for key, value in table_entries(index):
        # The empty key holds the header, one that starts with zero a piece of a tensor.
        if key and not key.startswith(b"\0"):
            yield key.decode(errors="replace"), parse("BundleEntryProto", value)


class _Handle(NamedTuple):
    """Where a block lies, in bytes."""

    offset: int
    size: int


def table_entries(source: Source) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of a table, in order.

    Raises:
        BrokenArtifact: The file is no table, is cut off or contradicts itself.
        ArtifactUnreadable: It cannot be read.
    """
    footer = source.read(max(0, source.size - _FOOTER_BYTES), min(source.size, _FOOTER_BYTES))
    if not footer.endswith(MAGIC):
        raise _broken(source)
    try:
        for block in _blocks(source, footer):
            yield from _entries(_block(source, block))
    except IndexError:
        raise _broken(source) from None


def _blocks(source: Source, footer: bytes) -> Iterator[_Handle]:
    """Where the blocks of entries lie. Raises IndexError where that cannot be."""
    _, end = _handle(footer, 0)
    index, _ = _handle(footer, end)
    read = 0
    for _, value in _entries(_block(source, index)):
        block, _ = _handle(value, 0)
        # They lie one behind the other, so none is read twice.
        if block.offset < read:
            raise IndexError
        read = block.offset + block.size
        yield block


def _block(source: Source, handle: _Handle) -> bytes:
    if handle.size > MAX_BLOCK_BYTES:
        raise BrokenArtifact(
            f"{source.name!r} has a block of {handle.size:,} bytes, more than a name takes",
            hint="copy or save the checkpoint again",
        )
    data = source.read(handle.offset, handle.size + _TRAILER_BYTES)
    if data[handle.size] != _UNCOMPRESSED:
        raise BrokenArtifact(
            f"{source.name!r} is compressed, as no checkpoint of TensorFlow's is",
            hint="save the checkpoint again",
        )
    return data[: handle.size]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The entries of a block. Raises IndexError where it is cut off or not in order."""
    # Behind the entries: offsets to restart from, 4 bytes each, and how many there are.
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (restarts + 1)
    if end < 0:
        raise IndexError
    key, last = b"", None
    position = 0
    while position < end:
        shared, position = _varint(block, position)
        own, position = _varint(block, position)
        length, position = _varint(block, position)
        if shared > len(key) or shared + own > MAX_KEY_BYTES or position + own + length > end:
            raise IndexError
        key = key[:shared] + block[position : position + own]
        if last is not None and key <= last:
            raise IndexError
        last = key
        position += own
        yield key, block[position : position + length]
        position += length


def _handle(data: bytes, position: int) -> tuple[_Handle, int]:
    """A block's place, and the offset behind it. Raises IndexError."""
    offset, position = _varint(data, position)
    size, position = _varint(data, position)
    return _Handle(offset, size), position


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """A number and the offset behind it. Raises IndexError where it is cut off or too long."""
    value = 0
    for shift in range(0, 64, 7):
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise IndexError


def _broken(source: Source) -> BrokenArtifact:
    return BrokenArtifact(
        f"{source.name!r} is no index of a checkpoint, or a damaged one",
        hint="copy or save the checkpoint again",
    )
