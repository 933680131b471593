"""Bodies cost their layers times the trip count; of branches the costlier one counts."""

import pytest
from builders.graphs import activation, fed, layer, stored

from costdb.contracts import Coverage
from costdb.cost.engine import cost
from costdb.cost.result import GraphCost, LayerCost
from costdb.ir import Body, DType, Graph, Layer, Role, Tensor, assemble

X = fed("x", 4, 8)
WEIGHTS = stored("w", 8, 8)


def product(name: str, weights: Tensor, data: Tensor) -> Layer:
    return layer("MatMul", [data, weights], activation(name, 4, 8))


def body(*layers: Layer, inputs: tuple[Tensor, ...] = (), captured: tuple[str, ...] = ()) -> Graph:
    return assemble(layers, inputs=inputs, outputs=[layers[-1].output], captured=captured)


def control(op: str, bodies: tuple[Body, ...], captures: tuple[Tensor, ...] = ()) -> Layer:
    return Layer("c", op, (X,), (activation("y", 4, 8),), bodies=bodies, captures=captures,
                 compute_dtype=DType.FLOAT32)  # fmt: skip


def costed(*layers: Layer) -> GraphCost:
    return cost(assemble(layers, inputs=[X], outputs=[layers[-1].output]))


def row(result: GraphCost, name: str) -> LayerCost:
    return next(entry for entry in result.layers if entry.name == name)


INNER = fed("i", 4, 8)
LOOP_BODY = body(product("p", stored("wb", 8, 8), INNER), inputs=(INNER,))


def test_a_loop_costs_its_body_times_the_trip_count_and_its_weights_once() -> None:
    result = costed(control("Loop", (Body(LOOP_BODY, 10),)))
    assert [entry.name for entry in result.layers] == ["c", "p"]
    assert result.totals.macs == 10 * 4 * 8 * 8
    assert result.totals.params == 64
    assert result.totals.unknown_layers == 0
    assert row(result, "p").activation_bytes == 10 * 4 * 8 * 4


def test_a_trip_count_that_is_data_counts_once_and_says_so() -> None:
    result = costed(control("Loop", (Body(LOOP_BODY, None),)))
    assert result.totals.macs == 4 * 8 * 8
    assert row(result, "p").coverage is Coverage.BOUNDED
    assert "--trip c=N" in row(result, "p").note


def test_a_loop_that_never_runs_costs_nothing_but_its_weights() -> None:
    totals = costed(control("Loop", (Body(LOOP_BODY, 0),))).totals
    assert (totals.macs, totals.params) == (0, 64)


def test_nested_loops_multiply() -> None:
    inner = control("Loop", (Body(LOOP_BODY, 3),))
    outer = body(Layer("o", "Loop", (fed("j", 4, 8),), (activation("z", 4, 8),),
                       bodies=inner.bodies), inputs=(fed("j", 4, 8),))  # fmt: skip
    assert costed(control("Loop", (Body(outer, 5),))).totals.macs == 15 * 256


def test_of_two_branches_the_costlier_one_counts_and_both_keep_their_weights() -> None:
    small = body(layer("Relu", [X], activation("r", 4, 8)), captured=("x",))
    large = body(product("p", stored("wl", 8, 8), X), captured=("x",))
    bias = stored("b", 8)
    small = body(layer("Add", [X, bias], activation("r", 4, 8)), captured=("x",))
    result = costed(control("If", (Body(small), Body(large)), captures=(X,)))
    assert result.totals.macs == 256
    assert result.totals.params == 64 + 8
    assert row(result, "p").coverage is Coverage.BOUNDED
    assert row(result, "r").flops == 0
    assert "another branch" in row(result, "r").note


def test_weights_from_outside_count_once() -> None:
    first = product("f", WEIGHTS, X)
    inner = body(product("p", WEIGHTS, INNER), inputs=(INNER,))
    loop = Layer("c", "Loop", (first.output,), (activation("y", 4, 8),), bodies=(Body(inner, 2),))
    result = costed(first, loop)
    assert result.totals.params == 64
    assert result.totals.macs == 3 * 256


def test_a_constant_from_outside_is_one_inside() -> None:
    scale = layer("Mul", [stored("a", 8), stored("b", 8)], activation("k", 8))
    inner = body(layer("Add", [scale.output, stored("d", 8)], activation("q", 8)), captured=("k",))
    loop = Layer("c", "Loop", (X,), (activation("y", 8),), bodies=(Body(inner, 4),),
                 captures=(scale.output,))  # fmt: skip
    assert row(costed(scale, loop), "q").folded


def test_the_peak_inside_a_body_adds_to_what_lives_around_it() -> None:
    grown = activation("g", 4, 1000)
    inner = body(
        layer("Tile", [INNER], grown), layer("ReduceSum", [grown], activation("s", 4, 8)),
        inputs=(INNER,),
    )  # fmt: skip
    result = costed(control("Loop", (Body(inner, 2),)))
    around = 2 * 4 * 8 * 4
    assert result.totals.peak_activation_bytes == around + 4 * 8 * 4 + 4 * 1000 * 4


@pytest.mark.parametrize("trip_count", [3, None], ids=["known", "data"])
def test_an_unknown_layer_of_a_body_stays_unknown(trip_count: int | None) -> None:
    odd = Layer("u", "Odd", (INNER,), (activation("v", 4, 8),))
    inner = assemble([odd], inputs=[INNER], outputs=[odd.output])
    result = costed(control("Loop", (Body(inner, trip_count),)))
    assert row(result, "u").coverage is Coverage.UNKNOWN


def test_roles_reach_into_bodies() -> None:
    scalar = Tensor("slope", (1,), DType.FLOAT32, Role.STORED)
    inner = body(layer("PRelu", [INNER, scalar], activation("v", 4, 8)), inputs=(INNER,))
    assert costed(control("Loop", (Body(inner, 1),))).totals.params == 1


def test_bodies_that_are_no_alternatives_both_count() -> None:
    """FlexAttention changes scores by one graph and probabilities by another."""
    heads = fed("q", 1, 2, 4, 8)
    scores = fed("s", 1, 2, 4, 4)
    changes = [
        Body(body(layer(op, [scores], activation(op, 1, 2, 4, 4)), inputs=(scores,)))
        for op in ("Neg", "Abs")
    ]
    attention = Layer("a", "FlexAttention", (heads, heads, heads), (activation("y", 1, 2, 4, 8),),
                      domain="ai.onnx.preview", bodies=tuple(changes),
                      compute_dtype=DType.FLOAT32)  # fmt: skip
    result = cost(assemble([attention], inputs=[heads], outputs=[attention.output]))
    assert (row(result, "Neg").flops, row(result, "Abs").flops) == (32, 32)
    assert row(result, "Neg").coverage is Coverage.EXACT
    assert row(result, "a").macs == 2 * 2 * 4 * 4 * 8
    # It computes itself: what it reads and writes counts, unlike that of a loop.
    assert row(result, "a").traffic_bytes == 2 * 4 * 64


def test_every_body_of_a_map_counts() -> None:
    mapped = [Body(body(product(name, stored(f"w{name}", 8, 8), INNER), inputs=(INNER,)), 3)
              for name in ("p", "q")]  # fmt: skip
    assert costed(control("SequenceMap", tuple(mapped))).totals.macs == 2 * 3 * 256


def test_an_operator_that_runs_graphs_unknown_to_us_is_no_silent_zero() -> None:
    search = Layer("b", "BeamSearch", (X,), (activation("y", 4, 8),), domain="com.microsoft",
                   bodies=(Body(LOOP_BODY, None),))  # fmt: skip
    result = costed(search)
    assert row(result, "b").coverage is Coverage.UNKNOWN
    assert "until data say stop" in result.unknown_reasons["com.microsoft:BeamSearch"]
    assert row(result, "p").coverage is Coverage.BOUNDED
    assert result.totals.macs == 256


def test_what_a_body_takes_from_outside_lives_there_and_counts_once() -> None:
    outside = layer("Relu", [X], activation("r", 4, 8))
    inner = body(layer("Neg", [outside.output], activation("n", 4, 8)), captured=("r",))
    branch = Layer("c", "If", (X,), (activation("y", 4, 8),), bodies=(Body(inner),),
                   captures=(outside.output,))  # fmt: skip
    # x, r and y live around the branch, n within it: 4 tensors of 128 bytes.
    assert row(costed(outside, branch), "n").live_bytes == 4 * 128
