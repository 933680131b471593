"""Protobuf messages by hand, for files that no library would write."""

from collections.abc import Iterable

from costdb.protowire import encode_varint


def field(number: int, value: bytes | str | int) -> bytes:
    """One field: a number as a varint, text or bytes with their length in front."""
    if isinstance(value, int):
        return encode_varint(number << 3) + encode_varint(value & (1 << 64) - 1)
    content = value.encode() if isinstance(value, str) else value
    return encode_varint(number << 3 | 2) + encode_varint(len(content)) + content


def message(*fields: tuple[int, bytes | str | int]) -> bytes:
    """A message of such fields."""
    return b"".join(field(number, value) for number, value in fields)


def nested(numbers: Iterable[int], depth: int, innermost: bytes = b"") -> bytes:
    """A message in a message, so many times over: the fields' numbers, the outermost first."""
    path = tuple(numbers)
    content = innermost
    for _ in range(depth):
        for number in reversed(path):
            content = field(number, content)
    return content
