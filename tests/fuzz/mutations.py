"""Damage: what transport, disks and enemies do to a file.

Every function takes bytes and a source of randomness, and returns other bytes; nothing else decides
what comes out, so a finding can be made again from its number.
"""

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple

from costdb.protowire import FIXED32, FIXED64, LENGTH_DELIMITED, VARINT, encode_varint

# Where sizes, counts and offsets go wrong.
NUMBERS = (0, 1, 2, 7, 127, 128, 255, 1 << 16, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 62,
           (1 << 63) - 1, 1 << 63, (1 << 64) - 5, (1 << 64) - 1)  # fmt: skip

Mutation = Callable[[bytes, Random], bytes]


def mutated(data: bytes, donor: bytes, random: Random) -> bytes:
    """A file with one to four kinds of damage, at places that suit what the file is.

    Args:
        data: The file.
        donor: Another file, of which parts may be put into this one.
        random: Decides everything.
    """
    for _ in range(random.choice((1, 1, 1, 2, 2, 4))):
        if random.random() < 0.1:
            data = _spliced(data, donor, random)
        elif data[:4] == b"PK\x03\x04" and random.random() < 0.8:
            data = _in_archive(data, random)
        elif random.random() < 0.7 and (whole := parsed(data)):
            data = encoded(_in_message(whole, random))
        else:
            data = random.choice(PLAIN)(data, random)
    return data


def _spliced(data: bytes, donor: bytes, random: Random) -> bytes:
    start, end = _range(donor, random)
    at = random.randrange(len(data) + 1)
    behind = at + random.choice((0, end - start))
    return data[:at] + donor[start:end] + data[behind:]


def _range(data: bytes, random: Random) -> tuple[int, int]:
    """Start and end of a stretch, most often a short one."""
    start = random.randrange(len(data) + 1)
    longest = random.choice((1, 8, 64, 1024, len(data)))
    return start, min(len(data), start + random.randrange(longest + 1))


def flip_bits(data: bytes, random: Random) -> bytes:
    """Some bits are the other way round."""
    damaged = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 8))) if damaged else ():
        damaged[random.randrange(len(damaged))] ^= 1 << random.randrange(8)
    return bytes(damaged)


def set_bytes(data: bytes, random: Random) -> bytes:
    """A stretch is overwritten with one value."""
    start, end = _range(data, random)
    return (
        data[:start] + bytes([random.choice((0, 1, 0x7F, 0x80, 0xFF))]) * (end - start) + data[end:]
    )


def truncate(data: bytes, random: Random) -> bytes:
    """The end is missing."""
    return data[: random.randrange(len(data) + 1)]


def delete(data: bytes, random: Random) -> bytes:
    """A stretch is missing."""
    start, end = _range(data, random)
    return data[:start] + data[end:]


def duplicate(data: bytes, random: Random) -> bytes:
    """A stretch comes twice, or many times."""
    start, end = _range(data, random)
    times = random.choice((2, 2, 3, 50)) if end - start < 1024 else 2
    return data[:start] + data[start:end] * times + data[end:]


def swap(data: bytes, random: Random) -> bytes:
    """Two stretches have changed places."""
    a, b, c, d = sorted(random.randrange(len(data) + 1) for _ in range(4))
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def write_number(data: bytes, random: Random) -> bytes:
    """A number is written over what stands somewhere, as a varint or in 4 or 8 bytes."""
    number = random.choice(NUMBERS)
    written = random.choice(
        (
            encode_varint(number),
            (number & 0xFFFFFFFF).to_bytes(4, "little"),
            number.to_bytes(8, "little"),
        )
    )
    at = random.randrange(len(data) + 1)
    return data[:at] + written + data[at + len(written) :]


PLAIN: Sequence[Mutation] = (
    flip_bits, flip_bits, set_bytes, truncate, delete, duplicate, swap, write_number, write_number,
)  # fmt: skip


class Field(NamedTuple):
    """A field of a protobuf message.

    Attributes:
        number: Its number.
        wire_type: How it is written.
        value: A varint's number; the bytes of anything else.
    """

    number: int
    wire_type: int
    value: int | bytes


def parsed(data: bytes) -> list[Field]:
    """The fields of a message; none if this is no message."""
    found: list[Field] = []
    at = 0
    try:
        while at < len(data):
            tag, at = _varint(data, at)
            kind = tag & 7
            if tag >> 3 == 0:
                return []
            if kind == VARINT:
                value, at = _varint(data, at)
                found.append(Field(tag >> 3, kind, value))
                continue
            if kind == LENGTH_DELIMITED:
                length, at = _varint(data, at)
            elif kind in {FIXED64, FIXED32}:
                length = 8 if kind == FIXED64 else 4
            else:
                return []
            if at + length > len(data):
                return []
            found.append(Field(tag >> 3, kind, data[at : at + length]))
            at += length
    except IndexError:
        return []
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise IndexError


def encoded(fields: Sequence[Field]) -> bytes:
    """The message of such fields, all lengths right."""
    pieces: list[bytes] = []
    for number, wire_type, value in fields:
        pieces.append(encode_varint(number << 3 | wire_type))
        if isinstance(value, int):
            pieces.append(encode_varint(value))
        else:
            pieces += (encode_varint(len(value)),) if wire_type == LENGTH_DELIMITED else ()
            pieces.append(value)
    return b"".join(pieces)


def _in_message(fields: list[Field], random: Random) -> list[Field]:
    """A message in which one field, at any depth, is damaged."""
    at = random.randrange(len(fields))
    field = fields[at]
    if isinstance(field.value, bytes) and random.random() < 0.8 and (inner := parsed(field.value)):
        changed = field._replace(value=encoded(_in_message(inner, random)))
        return [*fields[:at], changed, *fields[at + 1 :]]
    other = random.choice(fields)
    match random.randrange(8):
        case 0:
            return fields[:at] + fields[at + 1 :]
        case 1:
            return fields[: at + 1] * random.choice((1, 2)) + fields[at:]
        case 2:
            rest = fields[:at] + fields[at + 1 :]
            random.shuffle(rest)
            return [*rest, field]
        case 3:
            changed = field._replace(number=random.choice((other.number, random.randrange(1, 40))))
        case 4:
            changed = field._replace(value=other.value, wire_type=other.wire_type)
        case 5 if isinstance(field.value, bytes) and field.wire_type == LENGTH_DELIMITED:
            deeper = field.value
            for _ in range(random.choice((1, 2, 200))):
                deeper = encoded([field._replace(value=deeper)])
            changed = field._replace(value=deeper[:100_000])
        case _:
            changed = field._replace(value=_other_value(field, random))
    return [*fields[:at], changed, *fields[at + 1 :]]


def _other_value(field: Field, random: Random) -> int | bytes:
    if isinstance(field.value, int):
        return random.choice((random.choice(NUMBERS), field.value + 1, field.value ^ 1))
    if field.wire_type != LENGTH_DELIMITED:
        return flip_bits(field.value, random)
    return random.choice(PLAIN)(field.value, random)


def _in_archive(data: bytes, random: Random) -> bytes:
    """A zip archive with one member damaged, missing, renamed or twice; its checksums are right."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(name, archive.read(name)) for name in archive.namelist()]
    # Damage that came before makes zipfile raise anything.
    except Exception:  # noqa: BLE001
        members = []
    if not members:
        return random.choice(PLAIN)(data, random)
    at = random.randrange(len(members))
    name, content = members[at]
    match random.randrange(12):
        case 0:
            del members[at]
        case 1:
            members[at] = (random.choice(members)[0], content)
        case 2:
            members[at] = (name, random.choice(members)[1])
        case _:
            # The programs and the lists of weights are what is read.
            read = [i for i, (other, _) in enumerate(members) if other.endswith((".json", ".pkl"))]
            at = random.choice(read or [at])
            name, content = members[at]
            members[at] = (name, _member(content, random))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in dict(members).items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _member(content: bytes, random: Random) -> bytes:
    if content[:1] in {b"{", b"["} and random.random() < 0.7:
        try:
            document = json.loads(content)
        except ValueError:
            pass
        else:
            damage_json(document, random)
            return json.dumps(document).encode()
    return random.choice(PLAIN)(content, random)


def damage_json(document: Any, random: Random) -> None:
    """Put something else at a random place of a document."""
    value = document
    while isinstance(value, dict | list) and value:
        keys: Sequence[Any] = list(value) if isinstance(value, dict) else range(len(value))
        key = random.choice(keys)
        inner = value[key]
        if not (isinstance(inner, dict | list) and inner) or random.random() < 0.05:
            others: tuple[Any, ...] = (
                None,
                True,
                -1,
                1 << 62,
                1 << 80,
                0.5,
                "x",
                [],
                {},
                [inner, inner],
            )
            value[key] = random.choice((*others, value[random.choice(keys)]))
            return
        value = inner
