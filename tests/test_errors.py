"""The error tree is the one that its module's docstring draws."""

import pickle
import re
from typing import NamedTuple

import pytest

from costdb import errors
from costdb.errors import CostdbError

# "    │   ├── BrokenArtifact      truncated, ...": what stands before the name gives its depth.
_LINE = re.compile(r"(?P<indent>(?:[ │]   |[├└]── )+)(?P<name>[A-Z]\w+) +(?P<text>\S.*)")


class Drawn(NamedTuple):
    name: str
    parent: str
    text: str


def drawn_tree() -> list[Drawn]:
    assert errors.__doc__ is not None
    path: list[str] = ["Exception"]
    tree: list[Drawn] = []
    for line in errors.__doc__.splitlines():
        if match := _LINE.fullmatch(line):
            depth = len(match["indent"]) // 4
            path[depth:] = [match["name"]]
            tree.append(Drawn(match["name"], path[depth - 1], match["text"]))
    return tree


def defined_errors() -> list[type[CostdbError]]:
    return [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, CostdbError)
    ]


def test_every_error_is_drawn_where_it_stands() -> None:
    drawn = [(entry.name, entry.parent) for entry in drawn_tree()]
    defined = [(kind.__name__, kind.__mro__[1].__name__) for kind in defined_errors()]
    assert drawn == defined


@pytest.mark.parametrize("entry", drawn_tree(), ids=lambda entry: entry.name)
def test_exit_codes_are_the_drawn_ones(entry: Drawn) -> None:
    parents = {drawn.name: drawn for drawn in drawn_tree()}
    nearest = entry
    while "exit code" not in nearest.text:
        nearest = parents[nearest.parent]
    drawn_code = int(nearest.text.split("exit code ")[1][0])
    kind: type[CostdbError] = getattr(errors, entry.name)
    assert kind("x").exit_code == drawn_code


def test_every_error_is_documented() -> None:
    assert all(kind.__doc__ for kind in defined_errors())


@pytest.mark.parametrize("kind", defined_errors())
def test_errors_cross_a_process_boundary_whole(kind: type[CostdbError]) -> None:
    copy = pickle.loads(pickle.dumps(kind("no file 'm'", hint="check the path")))  # noqa: S301
    assert type(copy) is kind
    assert (str(copy), copy.message, copy.hint) == ("no file 'm'", "no file 'm'", "check the path")


def test_a_hint_may_be_missing() -> None:
    assert CostdbError("wrong").hint == ""
