"""TOML that people write: on which line what stands, and every mistake at once."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costdb.errors import ConfigurationError
from costdb.toml_file import KeyPath, TomlFile, TomlTable, key_lines


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


TEXT = """
[[thing]]
colour = "red"
size = 3

[[thing]]
colr = "red"
colour = 7
"""


def mistakes(error: ConfigurationError) -> list[tuple[str, str]]:
    return [(one.message, one.hint) for one in (error, *error.others)]


def read_things(file: TomlFile) -> list[tuple[str, str, str]]:
    file.check_keys(("thing",))
    things = []
    for table in file.tables("thing"):
        table.check_keys(("colour", "size", "name"), "a thing")
        things.append(
            (
                table.choice("colour", ("green", "blue"), "blue"),
                table.text("size", "large"),
                table.required_text("name", "ball"),
            )
        )
    return things


def test_everything_that_is_wrong_is_said_with_its_line() -> None:
    file = TomlFile("things.toml", TEXT)
    assert read_things(file) == [("blue", "large", "")] * 2
    assert all(table.is_wrong for table in file.tables("thing")) is False
    with pytest.raises(ConfigurationError) as caught:
        file.check()
    assert mistakes(caught.value) == [
        ("things.toml:2: it has no name", 'write name = "ball"'),
        ('things.toml:3: colour = "red" is not known', "known: blue, green"),
        ("things.toml:4: size = 3 is no text", 'write size = "..."'),
        ("things.toml:6: it has no name", 'write name = "ball"'),
        ("things.toml:7: 'colr' is no key of a thing", "did you mean 'colour'?"),
        ("things.toml:8: colour = 7 is no text", 'write colour = "..."'),
    ]


def test_nothing_is_said_of_what_is_right() -> None:
    text = '[[thing]]\ncolour = "green"\nsize = "small"\nname = "ball"\n'
    file = TomlFile("things.toml", text)
    (table,) = file.tables("thing")
    assert isinstance(table, TomlTable)
    assert (table.line, table.is_wrong) == (1, False)
    assert read_things(file) == [("green", "small", "ball")]
    file.check()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("thing = 3", "t:1: thing is no array of tables", id="a number"),
        pytest.param("a = 1\nthing = [3]", "t:2: thing is no array of tables", id="numbers"),
        pytest.param("[thing]\na = 1", "t:1: thing is no array of tables", id="one table"),
        pytest.param("[[thing]]\n[[thnig]]", "t:2: 'thnig' is no key here", id="a wrong head"),
    ],
)
def test_what_is_no_array_of_tables(text: str, message: str) -> None:
    file = TomlFile("t", text)
    file.check_keys(("thing", "a"))
    file.tables("thing")
    with pytest.raises(ConfigurationError) as caught:
        file.check()
    assert caught.value.message == message


@pytest.mark.parametrize("text", ["thing = 3\n[other]\n", "a = [3]"])
def test_tables_inside_what_is_no_table(text: str) -> None:
    file = TomlFile("t", text)
    assert file.tables("thing", "inner") == []
    file.check_keys(("a",), ("thing", "inner"))
    file.check()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"[[thing", "{file} is not valid TOML: ", id="no TOML"),
        pytest.param(b"a = " + b"[" * 20_000, "{file} is not valid TOML: ", id="too deep"),
        pytest.param(b"\xff", "{file} is not valid TOML: ", id="no UTF-8"),
        pytest.param(None, "the policy '{file}' cannot be read: No such file", id="no file"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "things.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        TomlFile.read(path, "policy")
    assert caught.value.message.startswith(message.format(file=path))


def test_lines_that_end_as_windows_ends_them(tmp_path: Path) -> None:
    path = tmp_path / "things.toml"
    path.write_bytes(TEXT.replace("\n", "\r\n").encode())
    (first, second) = TomlFile.read(path, "file").tables("thing")
    assert (first.line, second.line) == (2, 6)
