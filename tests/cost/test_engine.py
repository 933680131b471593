"""Totals, coverage and weights."""

from dataclasses import replace

import pytest
from builders.graphs import activation, costed, fed, graph, layer, shaped, stored

from costdb.contracts import COUNT_NAMES, Counts, Coverage, Rule, dot_products
from costdb.cost.engine import cost
from costdb.cost.result import METRICS, View
from costdb.cost.rules import built_in_rules, rule_table
from costdb.errors import CostError, PluginError
from costdb.ir import AttributeValue, DType, Graph, Layer, Role, Tensor, Uncountable, assemble

X = fed("x", 1, 3, 8, 8)


def test_a_dot_product_of_length_n_is_n_macs_and_2n_minus_1_flops() -> None:
    counts = dot_products(1, length=10)
    assert (counts.macs, counts.operations) == (10, 19)


@pytest.mark.parametrize(("inputs", "outputs"), [(4096, 4096), (10, 3)])
def test_dense(inputs: int, outputs: int) -> None:
    data, weights = fed("x", 1, inputs), stored("w", inputs, outputs)
    plain = costed([layer("MatMul", [data, weights], activation("y", 1, outputs))]).totals
    assert plain.macs == inputs * outputs
    assert plain.flops == (2 * inputs - 1) * outputs
    biased = layer("Gemm", [data, weights, stored("b", outputs)], activation("y", 1, outputs))
    assert costed([biased]).totals.flops == 2 * inputs * outputs
    assert costed([biased]).totals.params == (inputs + 1) * outputs


def test_integer_layers_count_integer_operations() -> None:
    data = fed("x", 4, dtype=DType.INT64)
    totals = costed([layer("Add", [data, data], activation("y", 4, dtype=DType.INT64))]).totals
    assert (totals.int_ops, totals.flops) == (4, 0)


def test_an_unknown_operator_is_named_and_makes_a_lower_bound() -> None:
    layers = [
        layer("Relu", [X], activation("r", 1, 3, 8, 8)),
        layer("Odd", [activation("r", 1, 3, 8, 8)], activation("y", 4), domain="me"),
        layer("Odd", [activation("y", 4)], activation("z", 4), domain="me"),
    ]
    result = costed(layers)
    assert result.unknown_ops == {"me:Odd": 2}
    assert result.is_lower_bound
    assert result.totals.unknown_layers == 2
    assert result.coverage[Coverage.EXACT] == 1
    assert result.layers[1].note == "no rule counts me:Odd"


def test_an_unknown_shape_makes_its_layer_unknown_and_says_why() -> None:
    result = costed([layer("Relu", [fed("x", 4)], activation("y", None))])
    assert result.layers[0].coverage is Coverage.UNKNOWN
    assert result.layers[0].note == "the shape of 'y' is unknown"


def test_a_size_that_depends_on_data_is_bounded() -> None:
    found = Tensor("n", (1, 16), DType.INT64, is_upper_bound=True)
    result = costed([layer("NonZero", [fed("x", 16)], found)])
    assert result.layers[0].coverage is Coverage.BOUNDED


def test_a_state_dict_has_no_graph_to_cost() -> None:
    weights = Tensor("w", (10, 4), DType.BFLOAT16, Role.PARAMETER)
    totals = cost(Graph((), (), (), unread=(weights,))).totals
    assert (totals.params, totals.weight_bytes) == (40, 80)
    assert {totals[metric] for metric in METRICS[3:]} == {None}


def test_packed_weights_take_the_bytes_that_they_are_stored_in() -> None:
    weights = Tensor("w", (3, 5), DType.INT4, Role.PARAMETER)
    assert cost(Graph((), (), (), unread=(weights,))).totals.weight_bytes == 8


def test_a_number_that_no_database_holds_names_its_layer() -> None:
    entry = layer("Relu", [fed("x", 2**40, 2**40)], activation("y", 2**40, 2**40), name="big")
    with pytest.raises(CostError, match="layer 'big' has compares"):
        costed([entry])
    # Two tensors of 2.6e18 bytes may live at a time; three layers that read and write one do not
    # fit into 9.2e18.
    side = 2**30 + 2**29
    names = [activation(f"y{n}", side, side, dtype=DType.INT8) for n in range(3)]
    data = [fed("x", side, side, dtype=DType.INT8), *names]
    chain = [layer("Relu", [data[n]], data[n + 1]) for n in range(3)]
    with pytest.raises(CostError, match="the whole model has"):
        costed(chain)


def test_weights_are_charged_to_the_layer_that_uses_them() -> None:
    cast = layer(
        "Cast", [stored("w", 16, 3, 3, 3, dtype=DType.FLOAT16)], activation("f", 16, 3, 3, 3)
    )
    conv = layer("Conv", [X, cast.output], activation("y", 1, 16, 6, 6))
    result = costed([cast, conv])
    assert [entry.params for entry in result.layers] == [0, 432]
    assert result.totals.weight_bytes == 432 * 2


def test_a_weight_that_is_an_output_counts() -> None:
    weights = stored("w", 4, 4)
    entry = layer("Relu", [fed("x", 4)], activation("y", 4))
    built = assemble([entry], inputs=[fed("x", 4)], outputs=[entry.output, weights])
    assert cost(built).totals.params == 16
    prepared = layer("Transpose", [weights], activation("t", 4, 4))
    built = assemble(
        [entry, prepared], inputs=[fed("x", 4)], outputs=[entry.output, prepared.output]
    )
    assert cost(built).totals.params == 16


def test_the_stored_view_folds_nothing() -> None:
    conv = layer("Conv", [X, stored("w", 4, 3, 1, 1)], activation("c", 1, 4, 8, 8))
    bias = layer("Add", [conv.output, stored("b", 4, 1, 1)], activation("y", 1, 4, 8, 8))
    deployed, as_stored = costed([conv, bias]), costed([conv, bias], View.STORED)
    assert deployed.totals.flops == as_stored.totals.flops
    assert (deployed.totals.traffic_bytes or 0) < (as_stored.totals.traffic_bytes or 0)
    assert deployed.totals.params == as_stored.totals.params == 16


def test_a_plugins_rule_is_used_and_a_clash_is_refused() -> None:
    odd = Rule("Odd", lambda entry: entry.output.numel * Counts(adds=7), domain="me")
    table = rule_table([odd])
    entry = shaped("Odd", (4,), (4,), domain="me")
    assert cost(graph([replace(entry, inputs=(fed("x", 4),))]), table).totals.flops == 28
    with pytest.raises(PluginError, match="two rules count me:Odd"):
        rule_table([odd, odd])
    with pytest.raises(PluginError, match="two rules count Conv"):
        rule_table([Rule("Conv", lambda _: Counts())])


@pytest.mark.parametrize(
    ("counts", "complaint"),
    [
        pytest.param(Counts(adds=-1), "counts -1 adds in layer 'y'", id="negative"),
        pytest.param(Counts(macs=-2, dots=-2), "counts -2 macs", id="the first of two"),
        pytest.param(Counts(macs=3, dots=4), "counts more dots than macs", id="dots over macs"),
    ],
)
def test_a_rule_that_counts_what_cannot_be_is_named(counts: Counts, complaint: str) -> None:
    table = rule_table([Rule("Odd", lambda _: counts, domain="me")])
    entry = layer("Odd", [fed("x", 4)], activation("y", 4), domain="me")
    with pytest.raises(CostError, match=f"the rule for me:Odd {complaint}") as caught:
        cost(graph([entry]), table)
    assert "costdb plugins" in caught.value.hint


def test_operators_that_are_not_counted_say_why_once_each() -> None:
    layers = [
        layer("Odd", [fed("x", 4)], activation("a", 4), domain="me"),
        layer("StringSplit", [activation("a", 4)], activation("b", 4)),
        layer("Odd", [activation("b", 4)], activation("c", 4), domain="me"),
        layer("Relu", [activation("c", 4)], activation("d", None)),
        layer("Relu", [activation("d", None)], activation("e", None)),
    ]
    assert costed(layers).unknown_reasons == {
        "me:Odd": "no rule counts me:Odd",
        "StringSplit": "it works on text, whose length no shape tells",
        "Relu": "the shape of 'd' is unknown",
    }


def test_accesses_of_a_matrix_product_of_unknown_size_count_what_is_known() -> None:
    entry = layer("MatMul", [fed("x", 4), stored("w", 4, 2)], activation("y", None))
    assert costed([entry]).layers[0].memory_accesses == 4 + 8


@pytest.mark.parametrize("rule", built_in_rules().values(), ids=lambda rule: ":".join(rule.key))
def test_a_rule_counts_an_empty_tensor_or_says_that_it_cannot(rule: Rule) -> None:
    attributes: dict[str, AttributeValue] = {
        "kernel_shape": (2, 2),
        "num_groups": 1,
        "size": 1,
        "equation": "abcd->abcd",
    }
    tensors = tuple(Tensor(f"x{n}", (0, 2, 2, 2), DType.FLOAT32) for n in range(5))
    output = Tensor("y", (0, 2, 2, 2), DType.FLOAT32)
    inputs = tensors[:1] if rule.op == "Einsum" else tensors
    entry = Layer("e", rule.op, inputs, (output,), domain=rule.domain, attributes=attributes)
    try:
        counts = rule.count(entry)
    except Uncountable:
        return
    assert all(getattr(counts, name) >= 0 for name in COUNT_NAMES)
    assert counts.dots <= counts.macs
