"""Which part of a model layers lie in."""

import pytest
from builders.costs import layer

from costdb.trends.alignment import Change, Pair
from costdb.trends.module_path import ModulePaths, label


def pair(old: str | None, new: str | None) -> Pair:
    before, after = (None if s is None else layer("Relu", scope=s) for s in (old, new))
    return Pair(Change.CHANGED, before, after)


@pytest.mark.parametrize(
    ("scopes", "path", "part"),
    [
        pytest.param([("", "")], (), (), id="no scope"),
        pytest.param([("a", "a")], ("a",), ("a",), id="one module"),
        pytest.param([("a/b", "a/b"), ("c", "c")], ("a", "b"), ("a",), id="the outermost module"),
        pytest.param(
            [("m/a/b", "m/a/b"), ("m/c", "m/c")], ("m", "a", "b"), ("m", "a"),
            id="below what all share",
        ),
        pytest.param([("m/a", "m/a"), ("m", "m")], ("m", "a"), ("m", "a"), id="one stands above"),
        pytest.param([("m", "m"), ("m/a", "m/a")], ("m",), ("m",), id="directly in what all share"),
        pytest.param([("a", None), ("b", "b")], ("a",), ("a",), id="removed"),
        pytest.param(
            [("net_1/a", None), ("net_1/b", "net50/b")], ("net50", "a"), ("net50", "a"),
            id="the model is called otherwise",
        ),
        pytest.param(
            [("net_1/a", None), ("net_1/b", "net/b"), (None, "top")], ("net_1", "a"), ("net_1",),
            id="there is another module beside the model",
        ),
        pytest.param(
            [("block_1/a", None), ("block_2/a", "block_2/a")], ("block_1", "a"), ("block_1",),
            id="blocks are numbered",
        ),
    ],
)  # fmt: skip
def test_paths(
    scopes: list[tuple[str | None, str | None]], path: tuple[str, ...], part: tuple[str, ...]
) -> None:
    pairs = [pair(*entry) for entry in scopes]
    paths = ModulePaths(pairs)
    assert paths.path(pairs[0]) == path
    assert paths.part(path) == part


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        pytest.param([("net", "a", "x")], "net/a/x", id="one module"),
        pytest.param([("net", "a", "x"), ("net", "a", "x")], "net/a/x", id="one module twice"),
        pytest.param([("net", "a", "x"), ("net", "a", "y")], "net/a/*", id="modules in one"),
        pytest.param([("net", "a"), ("net", "a", "y")], "net/a/*", id="a module and what is in it"),
        pytest.param([("a", "x"), ("b", "x")], "*", id="nothing in common"),
        pytest.param([(), ("b", "x")], "*", id="one without a scope"),
    ],
)
def test_label(paths: list[tuple[str, ...]], expected: str) -> None:
    assert label(paths) == expected
