"""The line on which each key of a TOML file stands.

`tomllib` keeps no positions. But each statement of a TOML file is a document of its own, so the
lines that a statement stands on are found by reading line after line until they make one.
"""

import tomllib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

_MOST_LINES = 200

# ("rules", 0, "metric"): keys, and positions in arrays of tables.
KeyPath = tuple[str | int, ...]


def key_lines(text: str) -> dict[KeyPath, int]:
    """Where each key and each table is first mentioned: the line on which that statement begins.

    Args:
        text: Valid TOML.
    """
    found: dict[KeyPath, int] = {}
    tables: dict[KeyPath, int] = {}  # how many each array of tables has so far
    table: KeyPath = ()
    for line, statement in _statements(text):
        values = tomllib.loads(statement)
        if statement.lstrip().startswith("["):
            table = _opened(values, tables)
            for depth in range(1, len(table) + 1):
                found.setdefault(table[:depth], line)
        else:
            for path in _paths(values):
                found.setdefault((*table, *path), line)
    return found


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each statement and the line that it begins on; empty lines and comments are statements.

    It gives up at a statement of more lines than anyone writes: each of them is read anew.
    """
    start, statement = 1, ""
    for number, line in enumerate(text.split("\n"), 1):
        if number - start > _MOST_LINES:
            return
        statement += f"{line}\n"
        try:
            tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        yield start, statement
        start, statement = number + 1, ""


def _opened(header: Mapping[str, Any], tables: dict[KeyPath, int]) -> KeyPath:
    """The table that a header opens: [a.b] is {"a": {"b": {}}}, [[a.b]] is {"a": {"b": [{}]}}."""
    path: KeyPath = ()
    value: Any = header
    while value:
        ((key, value),) = value.items()
        path = (*path, key)
        if isinstance(value, list):
            tables[path] = tables.get(path, 0) + 1
            value = {}
        if path in tables:
            path = (*path, tables[path] - 1)
    return path


def _paths(value: object) -> Iterator[KeyPath]:
    """The path of everything that a value holds."""
    entries: Collection[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        entries = value.items()
    elif isinstance(value, list):
        entries = list(enumerate(value))
    for key, inner in entries:
        yield (key,)
        yield from ((key, *rest) for rest in _paths(inner))
