import io
import json
import zipfile
from contextlib import suppress
from random import Random

import pytest
from builders.wire import message, nested
from fuzz.mutations import PLAIN, Mutation, damage_json, encoded, mutated, parsed
from hypothesis import given
from hypothesis import strategies as st

MESSAGE = message((1, "name"), (2, 300), (3, message((7, 1 << 63), (8, b"\xff"))))
ARCHIVE = io.BytesIO()
with zipfile.ZipFile(ARCHIVE, "w") as archive:
    archive.writestr("model.json", json.dumps({"sizes": [1, 2, 3], "name": "net"}))


@pytest.mark.parametrize(
    "data",
    [MESSAGE, nested((3,), 50, MESSAGE), b"\x0d1234\x1112345678"],
    ids=["flat", "deep", "fixed"],
)
def test_a_message_is_taken_apart_and_put_together(data: bytes) -> None:
    assert encoded(parsed(data)) == data


@pytest.mark.parametrize("data", [b"", b"\x0a", b"\x0a\x7f", b"\x07", b"\x00\x00", b"\xff" * 12])
def test_what_is_no_message_has_no_fields(data: bytes) -> None:
    assert parsed(data) == []


EMPTY_ARCHIVE = b"PK\x03\x04" + bytes(26) + b"PK\x05\x06" + bytes(18)


@pytest.mark.parametrize(
    "data",
    [MESSAGE, ARCHIVE.getvalue(), EMPTY_ARCHIVE, bytes(100), b"x", b""],
    ids=["message", "archive", "empty archive", "zeros", "a letter", "nothing"],
)
def test_the_same_number_gives_the_same_damage(data: bytes) -> None:
    files = [[mutated(data, MESSAGE, Random(f"x {n}")) for n in range(100)] for _ in range(2)]
    assert files[0] == files[1]
    assert len(set(files[0])) > 10


@pytest.mark.parametrize("mutation", dict.fromkeys(PLAIN), ids=lambda mutation: mutation.__name__)
@given(data=st.binary(max_size=300), number=st.integers(0, 1000))
def test_any_bytes_can_be_damaged(mutation: Mutation, data: bytes, number: int) -> None:
    damaged = mutation(data, Random(number))
    assert len(damaged) <= 60 * len(data) + 10


def test_an_archive_with_a_damaged_member_can_still_be_opened() -> None:
    data = ARCHIVE.getvalue()
    opened = 0
    for number in range(200):
        damaged = mutated(data, data, Random(number))
        with suppress(Exception), zipfile.ZipFile(io.BytesIO(damaged)) as file:
            opened += damaged != data and file.testzip() is None
    assert opened > 50


def test_json_is_damaged_in_one_place() -> None:
    document = {"a": {"b": [1, 2, 3]}, "c": "text"}
    before = json.dumps(document)
    changed = set()
    for number in range(50):
        copy = json.loads(before)
        damage_json(copy, Random(number))
        changed.add(json.dumps(copy))
    assert len(changed) > 10
