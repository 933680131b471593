"""Walks a protobuf file on the wire and returns its skeleton: the same message without bulk.

A model file is a little structure and a lot of weights. `skeleton` copies the structure and jumps
over the fields that a schema calls bulk, without reading them: time and memory follow the
structure, not the file. What comes back is a valid message of the same type, so the ordinary
protobuf parsers read it.

The wire format: https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from costdb.caps import MAX_NESTING
from costdb.errors import BrokenArtifact
from costdb.ir import SMALL_CONSTANT_ELEMENTS
from costdb.source import Source

# Bulk up to this many bytes is kept: it may be a constant that shapes depend on, at up to eight
# bytes an element.
SMALL_FIELD_BYTES = 8 * SMALL_CONSTANT_ELEMENTS

# Structure that is larger than this is not a model that anyone has trained.
MAX_SKELETON_BYTES = 1 << 29

VARINT = 0
FIXED64 = 1
LENGTH_DELIMITED = 2
FIXED32 = 5

_FIXED_BYTES = {FIXED64: 8, FIXED32: 4}
_MAX_FIELD_NUMBER = (1 << 29) - 1
_MAX_VARINT_BYTES = 10
_MAX_HEADER_BYTES = 2 * _MAX_VARINT_BYTES
_64_BITS = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class MessageType:
    """What the walk has to know of a message type.

    Attributes:
        name: As its `.proto` calls it; for error messages.
        children: Field number -> type, for the fields in which bulk may lie.
        bulk: Numbers of the fields that hold data: bytes, packed or repeated numbers.
    """

    name: str
    children: Mapping[int, "MessageType"] = field(default_factory=dict)
    bulk: frozenset[int] = frozenset()


class Field(NamedTuple):
    """One field as it stands on the wire. Offsets are bytes from the start of the file.

    Attributes:
        number: The field's number in its message.
        wire_type: 0 varint, 1 fixed 64, 2 length-delimited, 5 fixed 32.
        start: Offset of its tag.
        payload: Offset of its value; of a length-delimited field, behind the length.
        end: Offset behind its value.
        value: A varint's value, as 64 bits without a sign; 0 for other types.
    """

    number: int
    wire_type: int
    start: int
    payload: int
    end: int
    value: int


def fields(source: Source, start: int = 0, end: int | None = None) -> Iterator[Field]:
    """The fields of the message that lies between two offsets, without reading their values.

    Raises:
        BrokenArtifact: This is not a protobuf message, or it is cut off.
    """
    position = start
    limit = source.size if end is None else end
    window, window_start, window_end = b"", start, start
    while position < limit:
        if position + _MAX_HEADER_BYTES > window_end and window_end < limit:
            window, window_start = source.window(position, _MAX_HEADER_BYTES)
            window_end = window_start + len(window)
        try:
            entry = _field(window, window_start, position)
        except _Malformed as error:
            raise _broken(source, position, str(error)) from None
        except IndexError:
            raise _broken(source, position, "a number is cut off") from None
        if entry.end > limit:
            raise _broken(
                source,
                position,
                f"field {entry.number} reaches to byte {entry.end:,}, its message ends at"
                f" {limit:,}",
            )
        yield entry
        position = entry.end


def skeleton(source: Source, message: MessageType) -> bytes:
    """The message in a file without its bulk fields.

    Args:
        source: A file that holds one message.
        message: The message's type.

    Returns:
        The encoded message. A bulk field of up to `SMALL_FIELD_BYTES` is kept; a larger one is
        left out, and its data are not read beyond what a read-ahead takes along. All occurrences
        of a bulk field in one message count together and stay or go together: numbers may stand
        one by one instead of packed.

    Raises:
        BrokenArtifact: The file is no such message, is cut off, nests too deep or has more
            structure than `MAX_SKELETON_BYTES`.
    """
    return b"".join(_Skeleton(source).pieces(message, 0, source.size, MAX_NESTING))


def encode_varint(value: int) -> bytes:
    """A non-negative integer as a varint."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


class _Skeleton:
    """Copies the structure of one file, and limits how much that may be."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._copied = 0

    def pieces(self, message: MessageType, start: int, end: int, depth: int) -> list[bytes]:
        """The skeleton of the message between two offsets, in pieces to be joined."""
        if depth == 0:
            raise _broken(
                self._source, start, f"{message.name} nests more than {MAX_NESTING} messages deep"
            )
        left_out = self._large_bulk(message, start, end)
        pieces: list[bytes] = []
        # Neighbouring fields that are kept are one run, copied as one piece.
        run = start
        for number, wire_type, field_start, payload, field_end, _ in fields(
            self._source, start, end
        ):
            child = None
            if wire_type == LENGTH_DELIMITED and field_end - payload > SMALL_FIELD_BYTES:
                child = message.children.get(number)
            if child is None and number not in left_out:
                continue
            if run < field_start:
                pieces.append(self._copy(run, field_start))
            run = field_end
            if child is not None:
                body = self.pieces(child, payload, field_end, depth - 1)
                pieces.append(encode_varint(number << 3 | LENGTH_DELIMITED))
                pieces.append(encode_varint(sum(map(len, body))))
                pieces.extend(body)
        if run < end:
            pieces.append(self._copy(run, end))
        return pieces

    def _large_bulk(self, message: MessageType, start: int, end: int) -> set[int]:
        """Numbers of the bulk fields that are too large to keep, all occurrences together."""
        if not message.bulk:
            return set()
        sizes = dict.fromkeys(message.bulk, 0)
        for number, _, _, payload, field_end, _ in fields(self._source, start, end):
            if number in sizes:
                sizes[number] += field_end - payload
        return {number for number, size in sizes.items() if size > SMALL_FIELD_BYTES}

    def _copy(self, start: int, end: int) -> bytes:
        self._copied += end - start
        if self._copied > MAX_SKELETON_BYTES:
            raise BrokenArtifact(
                f"{self._source.name!r} holds more than {MAX_SKELETON_BYTES:,} bytes that are"
                " not weights",
                hint="no model has that much structure: export it again",
            )
        return self._source.read(start, end - start)


class _Malformed(Exception):
    """The bytes at a position start no field."""


def _field(window: bytes, window_start: int, position: int) -> Field:
    """The field at an offset of the file. Raises _Malformed, or IndexError behind the window."""
    start = position - window_start
    # Nearly all tags and lengths are one byte: those are not worth a call.
    tag = window[start]
    tag, at = (tag, start + 1) if tag < 0x80 else _varint(window, start)
    wire_type = tag & 7
    payload = window_start + at
    value = 0
    if wire_type == LENGTH_DELIMITED:
        length = window[at]
        length, at = (length, at + 1) if length < 0x80 else _varint(window, at)
        payload = window_start + at
        end = payload + length
    elif wire_type == VARINT:
        value, at = _varint(window, at)
        value &= _64_BITS
        end = window_start + at
    elif wire_type in _FIXED_BYTES:
        end = payload + _FIXED_BYTES[wire_type]
    else:
        raise _Malformed(f"no field starts with the byte {window[start]:#04x}")
    number = tag >> 3
    if not 0 < number <= _MAX_FIELD_NUMBER:
        raise _Malformed(f"no field has the number {number:,}")
    return Field(number, wire_type, position, payload, end, value)


def _varint(window: bytes, start: int) -> tuple[int, int]:
    """The value of a varint and the index behind it. Raises _Malformed, IndexError."""
    value = 0
    for used in range(_MAX_VARINT_BYTES):
        byte = window[start + used]
        value |= (byte & 0x7F) << (7 * used)
        if byte < 0x80:
            return value, start + used + 1
    raise _Malformed("a number is too long")


def _broken(source: Source, position: int, what: str) -> BrokenArtifact:
    return BrokenArtifact(
        f"{source.name!r} breaks off or is no protobuf message: at byte {position:,}, {what}",
        hint="copy or export the file again",
    )
