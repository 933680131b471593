"""Finding conventions, and adding one by adding a file."""

import importlib
from dataclasses import replace
from pathlib import Path

import pytest
from builders import onnx_models
from builders.command_line import runner
from builders.copies import copy_with
from builders.graphs import shaped

from costdb.contracts import Counts
from costdb.cost import conventions as package
from costdb.cost.convention import Convention
from costdb.cost.conventions import ARTICLE, convention_named, conventions
from costdb.cost.result import METRICS
from costdb.errors import UsageError
from costdb.ir import DType

# One file, as anybody would add it.
ADDED = '''\
"""Counts layers."""

from costdb.contracts import Counts
from costdb.cost.convention import convention
from costdb.ir import Layer


@convention("layers", unit="MACs", metric="macs", formula="1 for each layer")
def layers(layer: Layer, counts: Counts) -> int:
    """Count 1 for each layer."""
    return 1
'''


def test_the_conventions_that_are_promised() -> None:
    assert sorted(conventions()) == [
        "2mac", "article", "fvcore", "tf-profiler", "thop", "torchvision",
    ]  # fmt: skip
    assert convention_named(ARTICLE).metric == "flops"


def test_each_file_holds_one_convention() -> None:
    assert package.__file__ is not None
    files = [path for path in Path(package.__file__).parent.glob("*.py") if path.stem[0] != "_"]
    found = [
        [value for value in vars(module).values() if isinstance(value, Convention)]
        for module in (
            importlib.import_module(f"costdb.cost.conventions.{path.stem}") for path in files
        )
    ]
    assert [len(values) for values in found] == [1] * len(files)
    assert {value.name for values in found for value in values} == set(conventions())


@pytest.mark.parametrize("convention", conventions().values(), ids=lambda entry: entry.name)
def test_a_convention_says_what_it_is(convention: Convention) -> None:
    first, *_ = convention.documentation.splitlines()
    assert first.startswith("Count ")
    assert "Source: " in convention.documentation
    assert convention.unit in {"MACs", "FLOPs"}
    assert convention.metric in METRICS


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(UsageError, match="no convention 'tfprofiler'") as caught:
        convention_named("tfprofiler")
    assert "tf-profiler" in caught.value.hint
    with pytest.raises(UsageError) as caught:
        convention_named("?")
    assert all(name in caught.value.hint for name in conventions())


def test_the_article_counts_floating_point_alone() -> None:
    article, counts = convention_named("article"), Counts(macs=30, dots=10, adds=5)
    layer = shaped("Conv", (1, 3, 4, 4), (4, 3, 1, 1), (1, 4, 4, 4))
    assert article.count(layer, counts) == 2 * 30 - 10 + 5
    assert article.count(replace(layer, compute_dtype=DType.INT32), counts) == 0


def test_twice_the_macs_counts_nothing_else() -> None:
    layer = shaped("Conv", (1, 3, 4, 4), (4, 3, 1, 1), (1, 4, 4, 4))
    assert convention_named("2mac").count(layer, Counts(macs=30, dots=10, adds=5)) == 60


def test_a_convention_is_added_by_adding_one_file(tmp_path: Path) -> None:
    """costdb is copied, a file is put beside the others, and the command line counts by it."""
    copy = copy_with(tmp_path, "cost/conventions/every_layer.py", ADDED)
    model = tmp_path / "conv.onnx"
    onnx_models.save_conv(model, (1, 3, 8, 8), (4, 3, 3, 3), bias=True)
    run = runner(tmp_path)
    done = run("explain", model, "--convention", "layers", "-f", "csv", PYTHONPATH=copy)
    assert done.err == ""
    # 6 * 6 * 27 * 4 multiply-accumulates, and one layer.
    assert done.out.splitlines() == [
        "op,layers,costdb,layers,difference,reason",
        "Conv,1,3888,1,-3887,layers counts 1 for each layer; costdb counts multiply-accumulates",
    ]
