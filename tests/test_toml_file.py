"""TOML that people write: every mistake at once."""

from pathlib import Path

import pytest

from costdb.errors import ConfigurationError
from costdb.toml_file import TomlFile, TomlTable

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
