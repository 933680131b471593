"""On which line of a TOML file what stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costdb.toml_lines import KeyPath, key_lines


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", {}, id="nothing"),
        pytest.param("\n# words\n\na = 1\n", {("a",): 4}, id="a key behind a comment"),
        pytest.param("a.b = 1", {("a",): 1, ("a", "b"): 1}, id="a dotted key"),
        pytest.param('"a b" = 1\n"c.d" = 2', {("a b",): 1, ("c.d",): 2}, id="quoted keys"),
        pytest.param("[a]\nb = 1", {("a",): 1, ("a", "b"): 2}, id="a table"),
        pytest.param(
            "[a.b] # words\nc = 1", {("a",): 1, ("a", "b"): 1, ("a", "b", "c"): 2}, id="a deep one"
        ),
        pytest.param(
            "[[a]]\nb = 1\n[[a]]\n\nb = 2",
            {("a",): 1, ("a", 0): 1, ("a", 0, "b"): 2, ("a", 1): 3, ("a", 1, "b"): 5},
            id="tables in a row",
        ),
        pytest.param(
            "[[a.b]]\n[a.b.c]\nd = 1\n[[a.b]]\n[a.b.c]\nd = 1",
            {("a",): 1, ("a", "b"): 1, ("a", "b", 0): 1, ("a", "b", 0, "c"): 2,
             ("a", "b", 0, "c", "d"): 3, ("a", "b", 1): 4, ("a", "b", 1, "c"): 5,
             ("a", "b", 1, "c", "d"): 6},
            id="tables in tables in a row",
        ),
        pytest.param(
            'a = """\n[b]\nc = 1\n"""\nd = 2', {("a",): 1, ("d",): 5}, id="text that looks like it"
        ),
        pytest.param("a = '''\n'''\nb = '#'", {("a",): 1, ("b",): 3}, id="literal text"),
        pytest.param(
            "a = [\n  1, # one\n  2,\n]\nb = 3",
            {("a",): 1, ("a", 0): 1, ("a", 1): 1, ("b",): 5}, id="a list over lines",
        ),
        pytest.param(
            "a = {b = 1}\n", {("a",): 1, ("a", "b"): 1}, id="a table on a line"
        ),
    ],
)  # fmt: skip
def test_key_lines(text: str, expected: dict[KeyPath, int]) -> None:
    assert key_lines(text) == expected


@given(
    st.lists(st.sampled_from(["", "# a", 'k{} = """\n\n"""', "k{} = [\n1]", "[[t]]", "k{} = 1"]))
)
def test_every_key_is_found_where_it_is_written(parts: list[str]) -> None:
    text, expected, line = "", {}, 1
    for number, part in enumerate(parts):
        statement = part.format(number)
        if part.startswith("k"):
            expected[f"k{number}"] = line
        text += f"{statement}\n"
        line += statement.count("\n") + 1
    found = {path[-1]: place for path, place in key_lines(text).items()}
    assert {key: place for key, place in found.items() if str(key).startswith("k")} == expected


def test_a_statement_of_a_hundred_thousand_lines_ends_the_search() -> None:
    text = "a = 1\nb = [\n" + "1,\n" * 100_000 + "]\nc = 1\n"
    assert key_lines(text) == {("a",): 1}
