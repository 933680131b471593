"""What a command line asks of a reader, as far as can be told without Typer."""

import sys
from collections.abc import Iterable
from typing import Any

from costdb.isolation.messages import Request
from costdb.limits import Limits
from costdb.reading import Reading, under_settings
from costdb.settings import load_settings

# Flags -> what they are of a `Reading`.
_LISTS = {
    "--at": "at",
    "--dim": "dims",
    "--input": "inputs",
    "--limit": "limits",
    "--output": "outputs",
    "--trip": "trips",
}


def guessed_request(file: str, arguments: Iterable[str]) -> Request:
    """The request for a file, if the command reads it at the points that are typed and no others.

    Args:
        file: The file.
        arguments: The command line, with flags of any kind.

    Raises:
        CostdbError: A limit or `costdb.toml` is wrong.
    """
    reading = under_settings(_reading(arguments), load_settings())
    return Request(file, reading, {}, Limits.parse(reading.limits), tuple(sys.path))


def _reading(arguments: Iterable[str]) -> Reading:
    given: dict[str, Any] = {}
    rest = iter(arguments)
    for argument in rest:
        flag, equals, value = argument.partition("=")
        if flag == "--strict":
            given["strict"] = True
        elif flag == "--loader":
            given["loader"] = value if equals else next(rest, None)
        elif flag in _LISTS:
            given.setdefault(_LISTS[flag], []).append(value if equals else next(rest, ""))
    return Reading(**given)
