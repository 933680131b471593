"""Walks a protobuf file on the wire and returns its skeleton: the same message without bulk.

A model file is a little structure and a lot of weights. `skeleton` copies the structure and jumps
over the fields that a schema calls bulk, without reading them: time and memory follow the
structure, not the file. What comes back is a valid message of the same type, so the ordinary
protobuf parsers read it.

The wire format: https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from costdb.errors import BrokenArtifact
from costdb.ir import SMALL_CONSTANT_ELEMENTS
from costdb.source import Source

# Bulk up to this many bytes is kept: it may be a constant that shapes depend on, at up to eight
# bytes an element.
SMALL_FIELD_BYTES = 8 * SMALL_CONSTANT_ELEMENTS

# Real models nest a dozen deep; a file made to exhaust the stack nests thousands.
MAX_DEPTH = 64

# Structure that is larger than this is not a model that anyone has trained.
MAX_SKELETON_BYTES = 1 << 30

VARINT = 0
FIXED64 = 1
LENGTH_DELIMITED = 2
FIXED32 = 5

_WIRE_TYPES = frozenset({VARINT, FIXED64, LENGTH_DELIMITED, FIXED32})
_MAX_VARINT_BYTES = 10
_MAX_HEADER_BYTES = 2 * _MAX_VARINT_BYTES


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


@dataclass(frozen=True, slots=True)
class Field:
    """One field as it stands on the wire.

    Attributes:
        number: The field's number in its message.
        wire_type: 0 varint, 1 fixed 64, 2 length-delimited, 5 fixed 32.
        start: Offset of its tag, in bytes.
        payload: Offset of its value; of a length-delimited field, behind the length.
        end: Offset behind its value.
        value: A varint's value; 0 for other types.
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
    while position < limit:
        header = source.read_at_most(position, min(_MAX_HEADER_BYTES, limit - position))
        tag, used = _varint(header, 0, source, position)
        number, wire_type = tag >> 3, tag & 7
        if number == 0 or wire_type not in _WIRE_TYPES:
            raise _broken(source, position, f"no field starts with the byte {header[0]:#04x}")
        payload = position + used
        value = 0
        if wire_type == LENGTH_DELIMITED:
            length, more = _varint(header, used, source, position)
            payload += more
            finish = payload + length
        elif wire_type == VARINT:
            value, more = _varint(header, used, source, position)
            finish = payload + more
        else:
            finish = payload + (8 if wire_type == FIXED64 else 4)
        if finish > limit:
            raise _broken(
                source,
                position,
                f"field {number} reaches to byte {finish:,}, its message ends at {limit:,}",
            )
        yield Field(number, wire_type, position, payload, finish, value)
        position = finish


def skeleton(source: Source, message: MessageType) -> bytes:
    """The message in a file without its bulk fields.

    Args:
        source: A file that holds one message.
        message: The message's type.

    Returns:
        The encoded message. Bulk fields of up to `SMALL_FIELD_BYTES` are kept; larger ones are
        left out and never read. Numbers that stand one by one instead of packed count together.

    Raises:
        BrokenArtifact: The file is no such message, is cut off or nests too deep.
    """
    return b"".join(_skeleton(source, message, 0, source.size, MAX_DEPTH))


def encode_varint(value: int) -> bytes:
    """A non-negative integer as a varint."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _skeleton(
    source: Source, message: MessageType, start: int, end: int, depth: int
) -> list[bytes]:
    """Pieces of the message between two offsets. Runs of kept fields are copied as one piece."""
    if depth == 0:
        raise _broken(source, start, f"{message.name} nests more than {MAX_DEPTH} messages deep")
    pieces: list[bytes] = []
    kept_bulk: dict[int, int] = {}
    copied = run = start
    for entry in fields(source, start, end):
        size = entry.end - entry.start
        child = message.children.get(entry.number)
        replacement: list[bytes] | None = None
        if entry.number in message.bulk:
            kept_bulk[entry.number] = kept_bulk.get(entry.number, 0) + entry.end - entry.payload
            if kept_bulk[entry.number] > SMALL_FIELD_BYTES:
                replacement = []
        elif child is not None and entry.wire_type == LENGTH_DELIMITED and size > SMALL_FIELD_BYTES:
            body = _skeleton(source, child, entry.payload, entry.end, depth - 1)
            tag = encode_varint(entry.number << 3 | LENGTH_DELIMITED)
            replacement = [tag, encode_varint(sum(map(len, body))), *body]
        if replacement is not None:
            if copied > run:
                pieces.append(_structure(source, message, run, copied))
            pieces.extend(replacement)
            run = entry.end
        copied = entry.end
    if copied > run:
        pieces.append(_structure(source, message, run, copied))
    return pieces


def _structure(source: Source, message: MessageType, start: int, end: int) -> bytes:
    if end - start > MAX_SKELETON_BYTES:
        raise BrokenArtifact(
            f"{source.name!r} holds {end - start:,} bytes of {message.name} that are not weights",
            hint="no model has that much structure: export it again",
        )
    return source.read(start, end - start)


def _varint(header: bytes, start: int, source: Source, position: int) -> tuple[int, int]:
    """A varint's value and how many bytes it takes."""
    value = 0
    for used, byte in enumerate(header[start : start + _MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * used)
        if byte < 0x80:
            return value, used + 1
    cut_off = len(header) - start < _MAX_VARINT_BYTES
    raise _broken(source, position, "a number is cut off" if cut_off else "a number is too long")


def _broken(source: Source, position: int, what: str) -> BrokenArtifact:
    return BrokenArtifact(
        f"{source.name!r} breaks off or is no protobuf message: at byte {position:,}, {what}",
        hint="copy or export the file again",
    )
