"""Two costs compared: totals by hand, and sums that hold whatever the layers are."""

import pytest
from builders.costs import conv, graph_cost, layer, state_dict_cost
from hypothesis import given
from hypothesis import strategies as st

from costdb.cost.result import ADDITIVE_METRICS, METRICS, GraphCost
from costdb.trends.alignment import Change
from costdb.trends.difference import (
    TotalChange,
    difference,
    leading_metric,
    metric_of_layers,
)

STEM = conv("stem", (3, 8), 32)
HEAD = layer("Gemm", "head", macs=8_000, params=8_000, weight_bytes=32_000)
WIDER = layer("Gemm", "head", macs=9_000, params=9_000, weight_bytes=36_000)
BLOCK = conv("block", (8, 8), 32)


@pytest.mark.parametrize(
    ("old", "new", "change", "percent"),
    [
        pytest.param(100, 112, 12, 12.0, id="up"),
        pytest.param(100, 75, -25, -25.0, id="down"),
        pytest.param(4_100_000_000, 4_100_000_002, 2, 200 / 4.1e9, id="a little"),
        pytest.param(0, 5, 5, None, id="from nothing"),
        pytest.param(0, 0, 0, None, id="nothing"),
        pytest.param(None, 5, None, None, id="not known before"),
        pytest.param(5, None, None, None, id="not known now"),
    ],
)
def test_a_total(
    old: int | None, new: int | None, change: int | None, percent: float | None
) -> None:
    total = TotalChange("macs", old, new)
    assert total.change == change
    assert total.percent == pytest.approx(percent)


def test_who_changed_what() -> None:
    compared = difference(
        graph_cost([STEM, HEAD]), graph_cost([STEM, BLOCK, WIDER], unread_params=3), ["params"]
    )
    # 3*3*8*8 weights of the block, 1,000 more of the head, and 3 that no layer reads.
    assert compared.total("params").change == 576 + 1_000 + 3
    assert compared.sums("params") == {
        Change.ADDED: 576,
        Change.REMOVED: 0,
        Change.CHANGED: 1_000,
    }
    assert [part.change for part in compared.attribution["params"]] == [1_000, 576, 3]
    assert {kind.value: number for kind, number in compared.layers.items() if number} == {
        "added": 1,
        "changed": 1,
        "unchanged": 1,
    }
    assert [total.metric for total in compared.totals] == list(METRICS)


@pytest.mark.parametrize(
    ("old", "new", "leading"),
    [
        pytest.param(graph_cost([STEM]), graph_cost([]), "macs", id="graphs"),
        pytest.param(state_dict_cost(3), graph_cost([]), "params", id="weights before"),
        pytest.param(graph_cost([]), state_dict_cost(3), "params", id="weights now"),
    ],
)
def test_what_leads(old: GraphCost, new: GraphCost, leading: str) -> None:
    assert leading_metric(old, new) == leading
    assert list(difference(old, new).attribution) == [leading]


def test_a_peak_is_told_of_layers_by_what_it_is_made_of() -> None:
    assert metric_of_layers("peak_memory_bytes") == "activation_bytes"
    assert metric_of_layers("macs") == "macs"


numbers = st.integers(0, 10**12)
layers = st.builds(
    layer,
    st.sampled_from(["Conv", "Relu", "Gemm"]),
    st.sampled_from(["", "a", "b", "conv_1"]),
    scope=st.sampled_from(["", "m", "m/n", "k"]),
    macs=numbers,
    live_bytes=numbers,
    **{m: numbers for m in ADDITIVE_METRICS if m not in {"macs", "flops", "int_ops"}},
)
costs = st.builds(
    graph_cost, st.lists(layers, max_size=8), unread_params=numbers, unread_bytes=numbers
)


@given(costs, costs, st.sampled_from(ADDITIVE_METRICS))
def test_kinds_and_parts_add_up_to_the_change(old: GraphCost, new: GraphCost, metric: str) -> None:
    compared = difference(old, new, [metric])
    change = compared.total(metric).change
    assert change == (new.totals[metric] or 0) - (old.totals[metric] or 0)
    assert sum(part.change for part in compared.attribution[metric]) == change
    unread = [
        (cost.totals[metric] or 0) - sum(entry[metric] for entry in cost.layers)
        for cost in (old, new)
    ]
    assert sum(compared.sums(metric).values()) + unread[1] - unread[0] == change


@given(costs, costs, st.sampled_from(ADDITIVE_METRICS))
def test_the_way_back_is_the_way_there_turned(
    one: GraphCost, other: GraphCost, metric: str
) -> None:
    there, back = difference(one, other), difference(other, one)
    sums, turned = there.sums(metric), back.sums(metric)
    assert sums[Change.ADDED] == -turned[Change.REMOVED]
    assert sums[Change.REMOVED] == -turned[Change.ADDED]
    assert sums[Change.CHANGED] == -turned[Change.CHANGED]
    assert there.layers[Change.ADDED] == back.layers[Change.REMOVED]
    for kind in (Change.CHANGED, Change.MOVED, Change.RENAMED, Change.UNCHANGED):
        assert there.layers[kind] == back.layers[kind]


@given(costs)
def test_nothing_is_different_from_itself(cost: GraphCost) -> None:
    compared = difference(cost, cost, METRICS)
    assert {total.change for total in compared.totals} == {0}
    assert not any(compared.attribution.values())
    assert compared.layers[Change.UNCHANGED] == len(cost.layers)
