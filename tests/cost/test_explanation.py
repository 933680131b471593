"""Where two totals part: every layer, as often as it runs, with a reason; the sums agree."""

from dataclasses import replace

import pytest
from builders.graphs import activation, fed, graph, layer, stored
from hypothesis import given
from hypothesis import strategies as st

from costdb.contracts import Counts, Rule
from costdb.cost.convention import Convention, convention
from costdb.cost.conventions import convention_named
from costdb.cost.engine import cost
from costdb.cost.explanation import ExplainedLayer, Explanation, explain
from costdb.cost.rules import rule_table
from costdb.errors import CostError
from costdb.ir import Body, DType, Graph, Layer, Role, Tensor, Uncountable, assemble

X = fed("x", 1, 3, 8, 8)
CONV = layer("Conv", [X, stored("w", 4, 3, 1, 1)], activation("c", 1, 4, 8, 8))
NORM = layer(
    "BatchNormalization",
    [CONV.output, *(stored(name, 4) for name in ("scale", "bias", "mean", "variance"))],
    activation("n", 1, 4, 8, 8),
)
RELU = layer("Relu", [NORM.output], activation("y", 1, 4, 8, 8))
# 64 positions of 4 channels, each a dot product of length 3.
OUTPUTS, MACS = 256, 768


@convention("each", unit="MACs", metric="macs", formula="1 for each run")
def each(_: Layer, __: Counts) -> int:
    """Count 1 for each run of a layer."""
    return 1


def row(explanation: Explanation, name: str) -> ExplainedLayer:
    return next(entry for entry in explanation.layers if entry.name == name)


def numbers(explanation: Explanation) -> dict[str, tuple[int, int]]:
    return {entry.name: (entry.costdb, entry.convention) for entry in explanation.layers}


def test_what_folds_is_a_difference_with_its_reason() -> None:
    explanation = explain(graph([CONV, NORM, RELU]), convention_named("fvcore"))
    assert numbers(explanation) == {"c": (MACS, MACS), "n": (0, 2 * OUTPUTS), "y": (0, 0)}
    assert (explanation.costdb_total, explanation.convention_total) == (MACS, MACS + 512)
    assert explanation.difference == 512
    assert [entry.reason for entry in explanation.layers] == [
        "",
        "fvcore counts 2 for each element, 1 without scale and bias; costdb folds it at deployment",
        "",
    ]
    assert row(explanation, "n").output_shape == (1, 4, 8, 8)


def test_the_bias_that_folding_leaves_is_named() -> None:
    explanation = explain(graph([CONV, NORM, RELU]), convention_named("article"))
    dots = 2 * MACS - OUTPUTS
    assert numbers(explanation) == {
        "c": (dots + OUTPUTS, dots),
        "n": (0, 4 * OUTPUTS),
        "y": (OUTPUTS, OUTPUTS),
    }
    assert row(explanation, "c").reason == (
        "article counts every operation; costdb counts 2n - 1 a dot product and additions,"
        " with the bias that folding leaves"
    )
    assert row(explanation, "n").reason == (
        "article counts every operation; costdb folds it at deployment"
    )


def test_what_a_convention_omits_has_the_reason_of_costdb() -> None:
    explanation = explain(graph([CONV, NORM, RELU]), convention_named("2mac"))
    assert row(explanation, "y").reason == (
        "2mac counts dot products alone; costdb counts comparisons"
    )
    attention = layer(
        "scaled_dot_product_attention",
        [fed(name, 1, 2, 5, 8) for name in "qkv"],
        activation("a", 1, 2, 5, 8),
        domain="aten",
    )
    (entry,) = explain(graph([attention]), convention_named("fvcore")).layers
    assert (entry.costdb, entry.convention) == (2 * 2 * 5 * 5 * 8, 0)
    assert entry.reason == "fvcore has no handler for it; costdb counts multiply-accumulates"


def test_integer_operations_are_counted_apart() -> None:
    add = layer(
        "Add",
        [fed("i", 6, dtype=DType.INT32), fed("j", 6, dtype=DType.INT32)],
        activation("s", 6, dtype=DType.INT32),
    )
    ones = replace(each, metric="flops")
    (entry,) = explain(graph([add]), ones).layers
    assert (entry.costdb, entry.convention) == (0, 1)
    assert entry.reason.endswith("; costdb counts integer operations apart")


def test_a_layer_without_a_rule_makes_the_total_a_lower_bound() -> None:
    odd = layer("Odd", [fed("i", 6)], activation("o", 6), domain="me")
    explanation = explain(graph([odd]), each)
    assert explanation.unknown_layers == 1
    assert explanation.layers[0].reason == "each counts 1 for each run; costdb cannot count it"
    table = rule_table([Rule("Odd", lambda _: Counts(macs=7, dots=1), domain="me")])
    known = explain(graph([odd]), convention_named("2mac"), table)
    assert (known.unknown_layers, known.convention_total) == (0, 14)
    assert known.layers[0].costdb == 13


def test_a_layer_whose_sizes_no_one_knows_counts_nothing() -> None:
    relu = layer("Relu", [fed("i", 6)], activation("o", None))
    explanation = explain(graph([relu]), convention_named("article"))
    assert explanation.unknown_layers == 1
    assert explanation.convention_total == 0


def test_what_a_convention_cannot_count_is_said() -> None:
    @convention("fussy", unit="MACs", metric="macs")
    def fussy(layer: Layer, counts: Counts) -> int:
        """Count what is a convolution."""
        if layer.op != "Conv":
            raise Uncountable(f"{layer.op} is too much")
        return counts.macs

    explanation = explain(graph([CONV, RELU_ON_CONV]), fussy)
    assert explanation.uncountable_layers == 1
    assert explanation.layers[0].reason == ""
    assert explanation.layers[1].reason == "fussy cannot count it: Relu is too much"
    assert explanation.difference == 0


RELU_ON_CONV = layer("Relu", [CONV.output], activation("r", 1, 4, 8, 8))

DATA = fed("d", 4, 8)


def product(name: str, data: Tensor) -> Layer:
    return layer("MatMul", [data, stored(f"{name}w", 8, 8)], activation(name, 4, 8))


def branch(*layers: Layer) -> Graph:
    return assemble(layers, inputs=[], outputs=[layers[-1].output], captured=["d"])


def control(*bodies: Body, op: str = "If") -> Graph:
    entry = Layer(
        "control",
        op,
        (),
        (activation("out", 4, 8),),
        bodies=bodies,
        captures=(DATA,),
        compute_dtype=DType.FLOAT32,
    )
    return assemble([entry], inputs=[DATA], outputs=[entry.output])


@pytest.mark.parametrize(
    ("trips", "times"),
    [
        pytest.param(10, 10, id="so many trips"),
        pytest.param(0, 0, id="none"),
        pytest.param(None, 1, id="as data decide: once"),
    ],
)
def test_a_loop_is_counted_as_often_as_it_runs(trips: int | None, times: int) -> None:
    explanation = explain(control(Body(branch(product("p", DATA)), trips)), each)
    assert numbers(explanation) == {"control": (0, 1), "p": (times * 4 * 8 * 8, times)}


def test_a_loop_in_a_loop() -> None:
    inner = Layer(
        "inner",
        "Loop",
        (),
        (activation("in", 4, 8),),
        bodies=(Body(branch(product("p", DATA)), 5),),
        captures=(DATA,),
    )
    explanation = explain(control(Body(branch(inner), 3)), each)
    assert numbers(explanation) == {"control": (0, 1), "inner": (0, 3), "p": (15 * 256, 15)}


def test_a_branch_that_is_not_taken_counts_on_neither_side() -> None:
    cheap = layer("Relu", [DATA], activation("cheap", 4, 8))
    first = product("p", DATA)
    dear = branch(first, product("q", first.output))
    explanation = explain(control(Body(branch(cheap)), Body(dear)), each)
    assert numbers(explanation) == {
        "control": (0, 1),
        "cheap": (0, 0),
        "p": (256, 1),
        "q": (256, 1),
    }


def test_bodies_that_are_no_alternatives_all_count() -> None:
    bodies = [Body(branch(product(name, DATA)), 2) for name in ("p", "q")]
    explanation = explain(control(*bodies, op="SequenceMap"), each)
    assert numbers(explanation) == {"control": (0, 1), "p": (512, 2), "q": (512, 2)}


def test_a_state_dict_has_nothing_to_count() -> None:
    weights = Graph((), (), (), unread=(Tensor("w", (4,), DType.FLOAT32, Role.PARAMETER),))
    with pytest.raises(CostError, match="weights only"):
        explain(weights, each)


@pytest.mark.parametrize(("framework", "said"), [("onnx", "of onnx"), ("", "of another framework")])
def test_a_convention_of_one_framework_counts_no_other(framework: str, said: str) -> None:
    built = replace(graph([CONV]), framework=framework)
    with pytest.raises(CostError, match=f"tf-profiler counts tensorflow files.*{said}"):
        explain(built, convention_named("tf-profiler"))


LAYERS = st.lists(
    st.tuples(st.sampled_from(["Conv", "BatchNormalization", "Relu", "Add"]), st.integers(1, 4)),
    min_size=1,
    max_size=6,
)
CONVENTIONS = st.sampled_from([each, *map(convention_named, ["2mac", "article", "fvcore", "thop"])])


def network(kinds: list[tuple[str, int]]) -> Graph:
    """Layers in a row on an image, of any kinds."""
    data, layers = X, []
    for number, (op, channels) in enumerate(kinds):
        before = data.size(1)
        after = channels if op == "Conv" else before
        weights = {
            "Conv": [stored(f"w{number}", after, before, 1, 1)],
            "BatchNormalization": [stored(f"{n}{number}", before) for n in "sbmv"],
            "Add": [stored(f"a{number}", before, 1, 1)],
        }.get(op, [])
        layers.append(layer(op, [data, *weights], activation(f"t{number}", 1, after, 8, 8)))
        data = layers[-1].output
    return graph(layers)


@given(LAYERS, CONVENTIONS)
def test_the_differences_add_up_to_the_difference_of_the_totals(
    kinds: list[tuple[str, int]], counted_by: Convention
) -> None:
    built = network(kinds)
    explanation = explain(built, counted_by)
    totals = cost(built).totals
    assert explanation.costdb_total == totals[counted_by.metric]
    assert sum(entry.difference for entry in explanation.layers) == (
        explanation.convention_total - explanation.costdb_total
    )
    assert all(bool(entry.reason) == bool(entry.difference) for entry in explanation.layers)
