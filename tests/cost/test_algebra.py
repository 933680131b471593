"""What algebra says of costs, whatever the graph."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from builders.families import FAMILIES, Family
from builders.graphs import activation, costed, fed, graph, layer, stored
from hypothesis import given, settings
from hypothesis import strategies as st

from costdb import canonical
from costdb.cost.engine import cost
from costdb.cost.result import ADDITIVE_METRICS, METRICS, GraphCost, View
from costdb.ir import Body, Graph, Layer, Tensor, assemble

families = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
batches = st.integers(1, 40)


def digest(of: Graph) -> str:
    return canonical.structure_digest(canonical.structure_json(of))


def known(result: GraphCost) -> dict[str, int]:
    return {metric: result.totals[metric] or 0 for metric in METRICS}


@families
@settings(max_examples=8, deadline=None)
@given(batch=batches)
def test_doubling_the_batch_doubles_the_work(family: Family, batch: int) -> None:
    once, twice = cost(family(batch)), cost(family(2 * batch))
    for metric in ("macs", "flops", "int_ops", "activation_bytes"):
        assert twice.totals[metric] == 2 * (once.totals[metric] or 0), metric
    for metric in ("params", "buffers", "weight_bytes", "layers"):
        assert twice.totals[metric] == once.totals[metric], metric
    for one, two in zip(once.layers, twice.layers, strict=True):
        assert two.counts == 2 * one.counts, one.name


@given(st.sampled_from([1, 2, 4, 8]), st.integers(1, 4), st.sampled_from(["Conv", "ConvTranspose"]))
def test_splitting_a_convolution_into_groups_divides_its_macs(
    groups: int, width: int, op: str
) -> None:
    def convolved(groups: int) -> GraphCost:
        data = fed("x", 2, 8, 6, 6)
        if op == "Conv":
            weights = stored("w", 8 * width, 8 // groups, 3, 3)
        else:
            weights = stored("w", 8, 8 * width // groups, 3, 3)
        output = activation("y", 2, 8 * width, *((4, 4) if op == "Conv" else (8, 8)))
        return costed([layer(op, [data, weights], output, group=groups)])

    whole, split = convolved(1), convolved(groups)
    assert (split.totals.macs or 0) * groups == whole.totals.macs
    assert split.totals.params * groups == whole.totals.params


@given(st.permutations(range(4)))
def test_the_order_of_independent_layers_changes_no_sum(order: list[int]) -> None:
    data = fed("x", 1, 3, 8, 8)
    branches = [
        layer("Conv", [data, stored(f"w{n}", n + 1, 3, 3, 3)], activation(f"y{n}", 1, n + 1, 6, 6))
        for n in range(4)
    ]
    outputs = [branch.output for branch in branches]
    plain = cost(graph(branches, outputs))
    shuffled = cost(graph([branches[n] for n in order], outputs))
    for metric in ADDITIVE_METRICS:
        assert shuffled.totals[metric] == plain.totals[metric], metric
    macs = {entry.name: entry.macs for entry in plain.layers}
    assert {entry.name: entry.macs for entry in shuffled.layers} == macs


def renamed(of: Graph, names: Mapping[str, str]) -> Graph:
    """The same graph with other names for tensors, layers and scopes, bodies included."""

    def other(tensor: Tensor) -> Tensor:
        return replace(tensor, name=names[tensor.name])

    def layered(entry: Layer) -> Layer:
        return replace(
            entry,
            name=f"other/{entry.name}",
            scope="elsewhere",
            inputs=tuple(None if tensor is None else other(tensor) for tensor in entry.inputs),
            outputs=tuple(map(other, entry.outputs)),
            captures=tuple(map(other, entry.captures)),
            bodies=tuple(
                Body(renamed(body.graph, names), body.trip_count) for body in entry.bodies
            ),
        )

    return replace(
        of,
        layers=tuple(map(layered, of.layers)),
        inputs=tuple(map(other, of.inputs)),
        outputs=tuple(map(other, of.outputs)),
        unread=tuple(map(other, of.unread)),
    )


def tensor_names(of: Graph) -> set[str]:
    bodies = (body.graph for entry in of.all_layers() for body in entry.bodies)
    return {tensor.name for each in (of, *bodies) for tensor in each.tensors()}


@families
@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_names_change_nothing_not_even_the_digest(family: Family, data: st.DataObject) -> None:
    plain = family(2)
    names = sorted(tensor_names(plain))
    others = data.draw(st.permutations([f"t{place}" for place in range(len(names))]))
    other = renamed(plain, dict(zip(names, others, strict=True)))
    assert digest(other) == digest(plain)
    before, after = cost(plain), cost(other)
    assert after.totals == before.totals
    for one, two in zip(before.layers, after.layers, strict=True):
        assert replace(two, name=one.name, scope=one.scope, note=one.note) == one


@families
@settings(max_examples=6, deadline=None)
@given(batch=batches, op=st.sampled_from(["Relu", "MatMul", "Nobody"]), place=st.integers(0, 3))
def test_a_layer_that_nothing_uses_changes_nothing(
    family: Family, batch: int, op: str, place: int
) -> None:
    plain = family(batch)
    read = plain.layers[0].input(0)
    unused = layer(op, [read, stored("unused_w", 4, 4)], activation("unused", 4, 4))
    layers = list(plain.layers)
    layers.insert(min(place, len(layers)), unused)
    other = assemble(
        layers, inputs=plain.inputs, outputs=plain.outputs, file_format=plain.file_format
    )
    assert digest(other) == digest(plain)
    assert cost(other) == cost(plain)


def chain(ops: list[str], channels: int, batch: int) -> Graph:
    """Layers in a row over planes: convolutions, batch norms, scales and offsets, ReLUs."""
    layers: list[Layer] = []
    data = fed("x", batch, channels, 4, 4)
    for place, op in enumerate(ops):
        inputs = [data]
        if op == "Conv":
            inputs.append(stored(f"w{place}", channels, channels, 1, 1))
        elif op == "BatchNormalization":
            inputs += [stored(f"n{place}{part}", channels) for part in range(4)]
        elif op in {"Mul", "Add"}:
            inputs.append(stored(f"c{place}", channels, 1, 1))
        layers.append(layer(op, [*inputs], activation(f"y{place}", batch, channels, 4, 4)))
        data = layers[-1].output
    return graph(layers)


@given(
    st.lists(
        st.sampled_from(["Conv", "BatchNormalization", "Mul", "Add", "Relu"]),
        min_size=1,
        max_size=8,
    ),
    st.integers(2, 5),
    st.integers(1, 3),
)
def test_what_is_stored_costs_at_least_what_is_deployed(
    ops: list[str], channels: int, batch: int
) -> None:
    built = chain(ops, channels, batch)
    stored_view, deployed = known(cost(built, view=View.STORED)), known(cost(built))
    assert {metric for metric in METRICS if stored_view[metric] < deployed[metric]} == set()
    for metric in ("params", "buffers", "weight_bytes", "macs", "layers"):
        assert stored_view[metric] == deployed[metric], metric


@families
def test_what_is_stored_costs_at_least_what_is_deployed_in_every_family(family: Family) -> None:
    built = family(2)
    stored_view, deployed = known(cost(built, view=View.STORED)), known(cost(built))
    assert {metric for metric in METRICS if stored_view[metric] < deployed[metric]} == set()
