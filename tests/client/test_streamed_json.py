"""JSON that arrives in pieces is the JSON that was sent."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costdb.client.streamed_json import StreamedJson

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)  # fmt: skip
VALUES = st.recursive(SCALARS, lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=9)


def cut(text: str, length: int) -> Iterator[str]:
    return (text[start : start + length] for start in range(0, len(text), length))


@given(VALUES, st.integers(1, 9), st.sampled_from([None, 2]))
def test_a_value_is_what_it_was(value: Any, length: int, indent: int | None) -> None:
    assert StreamedJson(cut(json.dumps(value, indent=indent), length)).value() == value


@given(st.dictionaries(st.text(), st.lists(VALUES, max_size=3), max_size=3), st.integers(1, 9))
def test_objects_and_lists_are_walked_through(document: dict[str, list[Any]], length: int) -> None:
    text = StreamedJson(cut(json.dumps(document, indent=1), length))
    assert {key: list(text.values()) for key in text.members()} == document


def test_no_more_is_held_than_is_needed() -> None:
    """A list of many numbers, of which the reader has a piece at a time."""
    taken = 0

    def pieces() -> Iterator[str]:
        nonlocal taken
        yield "["
        for number in range(1000):
            taken += 1
            yield f"{number}, " * 100
        yield "0]"

    values = StreamedJson(pieces()).values()
    assert next(values) == 0
    assert taken <= 2
    assert sum(1 for _ in values) == 100_000


@pytest.mark.parametrize("text", ["", " ", "nonsense", "[1, 2", '"open'])
def test_what_is_no_value_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        StreamedJson(iter([text])).value()


@pytest.mark.parametrize("text", ["", "1", "[", "[1 2]", "[,]", "[1,]", "[1.x]"])
def test_what_is_no_list_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        list(StreamedJson(iter([text])).values())


@pytest.mark.parametrize("text", ["", "[]", "{", "{1", '{"a" 1}', '{"a":'])
def test_what_is_no_object_is_an_error(text: str) -> None:
    document = StreamedJson(iter([text]))
    with pytest.raises(ValueError, match=r"."):
        {key: document.value() for key in document.members()}
