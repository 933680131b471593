"""Numbers that are derived from the stored ones, and adding one by adding a file."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from builders import onnx_models
from builders.command_line import runner
from builders.copies import copy_with
from builders.costs import state_dict_cost
from builders.graphs import activation, costed, fed, layer, stored

from costdb.cost.metric import DerivedMetric, ratio
from costdb.cost.metrics import derived, derived_metrics
from costdb.cost.result import METRICS, Totals
from costdb.errors import UsageError

# One file, as anybody would add it.
ADDED = '''\
"""How deep a model is for its size."""

from costdb.cost.metric import Numbers, derived_metric, ratio


@derived_metric(unit="layers/MAC")
def layers_per_mac(numbers: Numbers) -> float | None:
    """Layers for each multiply-accumulate.

    Formula: layers / macs; none without either.
    Source: this test
    """
    return ratio(numbers["layers"], numbers["macs"])
'''

# 4096 -> 4096 with a bias: 2 I J FLOPs, (I + 1) J weights of 4 bytes; 4096 elements in and out.
DENSE = costed(
    [
        layer(
            "Gemm",
            [fed("x", 1, 4096), stored("w", 4096, 4096), stored("b", 4096)],
            activation("y", 1, 4096),
        )
    ]
).totals
WEIGHTS = 4097 * 4096


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("arithmetic_intensity", 2 * 4096 * 4096 / (4 * (WEIGHTS + 2 * 4096))),
        ("bytes_per_parameter", 4.0),
        ("macs_per_parameter", 4096 / 4097),
        ("operations", 2 * 4096 * 4096),
    ],
)
def test_of_a_dense_layer(name: str, expected: float) -> None:
    assert derived(name)(DENSE) == expected


def test_the_metrics_that_are_promised() -> None:
    assert sorted(derived_metrics()) == [
        "arithmetic_intensity", "bytes_per_parameter", "macs_per_parameter", "operations",
    ]  # fmt: skip
    # None of them is stored: a name says which it is.
    assert not set(derived_metrics()) & set(METRICS)


@pytest.mark.parametrize("metric", derived_metrics().values(), ids=lambda entry: entry.name)
def test_a_metric_says_what_it_is(metric: DerivedMetric) -> None:
    assert "Formula: " in metric.documentation
    assert "Source: " in metric.documentation


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [
        pytest.param(3, 4, 0.75, id="a quotient"),
        pytest.param(0, 4, 0.0, id="nothing of something"),
        pytest.param(3, 0, None, id="of nothing"),
        pytest.param(None, 4, None, id="of an unknown part"),
        pytest.param(3, None, None, id="of an unknown whole"),
        pytest.param(10**19, 10**18, 10.0, id="larger than a float holds exactly"),
    ],
)
def test_ratio(part: int | None, whole: int | None, expected: float | None) -> None:
    assert ratio(part, whole) == expected


def test_operations_add_integers_to_floats() -> None:
    assert derived("operations")(replace(DENSE, flops=5, int_ops=7)) == 12


def test_weights_alone_have_bytes_a_parameter_and_nothing_else() -> None:
    totals: Totals = state_dict_cost(10).totals
    assert {name: metric(totals) for name, metric in derived_metrics().items()} == {
        "arithmetic_intensity": None,
        "bytes_per_parameter": 4.0,
        "macs_per_parameter": None,
        "operations": None,
    }


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(UsageError, match="no metric 'intensity'") as caught:
        derived("intensity")
    assert "arithmetic_intensity" in caught.value.hint


def test_a_metric_is_added_by_adding_one_file(tmp_path: Path) -> None:
    """costdb is copied, a file is put beside the others, and the command line shows it."""
    copy = copy_with(tmp_path, "cost/metrics/depth.py", ADDED)
    model = tmp_path / "conv.onnx"
    onnx_models.save_conv(model, (1, 3, 8, 8), (4, 3, 3, 3), bias=True)
    run = runner(tmp_path)
    done = run("analyze", model, "-f", "json", PYTHONPATH=copy)
    # 6 * 6 * 27 * 4 multiply-accumulates in one layer.
    assert json.loads(done.out)["derived"]["layers_per_mac"] == 1 / 3888
    table = run("analyze", model, PYTHONPATH=copy)
    assert "layers_per_mac" in table.out
    assert "0.0002572 layers/MAC" in table.out
