"""What deployment merges: the golden rows of batch norm, and what must not be merged."""

import pytest
from builders.graphs import activation, costed, fed, layer, stored

from costdb.cost.result import View
from costdb.ir import DType, Layer, Tensor

X = fed("x", 1, 3, 8, 8)
FILTER = stored("w", 16, 3, 3, 3)
CONV = layer("Conv", [X, FILTER], activation("c", 1, 16, 6, 6))
SIZE = 16 * 6 * 6


def norm(data: Tensor, name: str = "n") -> Layer:
    statistics = [stored(f"{name}.{part}", 16) for part in ("scale", "bias", "mean", "variance")]
    return layer("BatchNormalization", [data, *statistics], activation(name, *data.sizes))


def relu(data: Tensor, name: str = "r") -> Layer:
    return layer("Relu", [data], activation(name, *data.sizes))


def constant(op: str, data: Tensor, name: str, *sizes: int) -> Layer:
    return layer(op, [data, stored(f"{name}.value", *sizes)], activation(name, *data.sizes))


def folded(layers: list[Layer], view: View = View.DEPLOYED) -> list[str]:
    return [entry.name for entry in costed(layers, view).layers if entry.folded]


BATCH_NORM = norm(CONV.output)
BIAS = constant("Add", CONV.output, "b", 16, 1, 1)
SCALE = constant("Mul", BIAS.output, "s", 1, 16, 1, 1)
SHIFT = constant("Sub", SCALE.output, "o", 16, 1, 1)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        pytest.param([CONV, BATCH_NORM, relu(BATCH_NORM.output)], ["n"], id="Conv-BN-ReLU"),
        pytest.param(
            [CONV, relu(CONV.output), norm(relu(CONV.output).output)], [], id="Conv-ReLU-BN"
        ),
        pytest.param(
            [CONV, BIAS, SCALE, SHIFT, relu(SHIFT.output)], ["b", "s", "o"], id="a row of affines"
        ),
        pytest.param(
            [CONV, BIAS, norm(BIAS.output)], ["b", "n"], id="through the bias add"
        ),
        pytest.param([CONV, constant("Mul", CONV.output, "s")], ["s"], id="one value for all"),
        pytest.param(
            [CONV, constant("Mul", CONV.output, "s", 6)], [], id="a value for each column"
        ),
        pytest.param(
            [CONV, constant("Mul", CONV.output, "s", 16, 6, 6)], [], id="a value for each element"
        ),
        pytest.param(
            [CONV,
             layer("Add", [CONV.output, stored("v", 2, 1, 1, 1)], activation("s", 2, 16, 6, 6))],
            [], id="the constant broadcasts the data",
        ),
        pytest.param(
            [CONV, relu(CONV.output), BATCH_NORM,
             layer("Add", [BATCH_NORM.output, activation("r", 1, 16, 6, 6)],
                   activation("y", 1, 16, 6, 6))],
            [], id="the convolution feeds something else too",
        ),
        pytest.param(
            [CONV, layer("Add", [CONV.output, CONV.output], activation("y", 1, 16, 6, 6))],
            [], id="no constant",
        ),
        pytest.param(
            [layer("MatMul", [fed("x", 2, 8), stored("w", 8, 4)], activation("m", 2, 4)),
             constant("Add", activation("m", 2, 4), "b", 4)],
            ["b"], id="dense and its bias",
        ),
        pytest.param(
            [layer("MatMul", [fed("x", 2, 8), fed("w", 8, 4)], activation("m", 2, 4)),
             constant("Add", activation("m", 2, 4), "b", 4)],
            [], id="a product of two inputs has no weights to merge into",
        ),
        pytest.param(
            [CONV,
             layer("Add", [CONV.output, stored("v", 16, 1, 1)], activation("s", 1, 16, 6, None))],
            [], id="unknown shape",
        ),
    ],
)  # fmt: skip
def test_what_is_merged(layers: list[Layer], expected: list[str]) -> None:
    assert folded(layers) == expected
    assert folded(layers, View.STORED) == []


def test_conv_batch_norm_relu_costs_nothing_for_the_batch_norm() -> None:
    macs = SIZE * 27
    result = costed([CONV, BATCH_NORM, relu(BATCH_NORM.output)])
    # 2n-1 per dot product, one add per output for the bias that the norm leaves, one compare.
    assert result.totals.flops == 2 * macs - SIZE + SIZE + SIZE
    assert result.totals.params == FILTER.numel + 2 * 16
    assert result.totals.buffers == 2 * 16


def test_conv_relu_batch_norm_costs_four_operations_per_element() -> None:
    activated = relu(CONV.output)
    result = costed([CONV, activated, norm(activated.output)])
    assert result.totals.flops == 2 * SIZE * 27 - SIZE + SIZE + 4 * SIZE


def test_a_bias_add_is_charged_to_the_convolution_once() -> None:
    biased = layer("Conv", [X, FILTER, stored("bias", 16)], activation("c", 1, 16, 6, 6))
    with_bias = costed([biased, norm(biased.output)]).totals
    without = costed([CONV, BATCH_NORM]).totals
    assert with_bias.flops == without.flops
    assert with_bias.memory_accesses == without.memory_accesses
    assert with_bias.traffic_bytes == without.traffic_bytes


def test_a_merged_layer_aliases_its_input() -> None:
    plain = costed([CONV, relu(CONV.output)]).totals
    merged = costed([CONV, BATCH_NORM, relu(BATCH_NORM.output)]).totals
    assert merged.peak_activation_bytes == plain.peak_activation_bytes
    assert merged.activation_bytes == plain.activation_bytes


def test_what_depends_on_constants_alone_costs_nothing() -> None:
    scale = layer("Mul", [stored("a", 16, 1, 1), stored("b", 16, 1, 1)], activation("k", 16, 1, 1))
    scaled = layer("Mul", [X, stored("rgb", 3, 1, 1)], activation("y", 1, 3, 8, 8))
    used = layer("Mul", [CONV.output, scale.output], activation("z", 1, 16, 6, 6))
    result = costed([scaled, layer("Conv", [scaled.output, FILTER], CONV.output), scale, used])
    assert [entry.name for entry in result.layers if entry.folded] == ["k", "z"]
    assert result.totals.params == FILTER.numel + 3 + 16 + 16


def test_a_dot_product_of_constants_is_executed() -> None:
    product = layer("MatMul", [stored("a", 4, 5), stored("b", 5, 6)], activation("k", 4, 6))
    result = costed(
        [product, layer("Add", [fed("x", 4, 6), product.output], activation("y", 4, 6))]
    )
    assert result.totals.macs == 120
    assert not any(entry.folded for entry in result.layers)


def test_random_numbers_of_a_constant_shape_are_made_anew() -> None:
    shape = stored("shape", 2, dtype=DType.INT32)
    noise = layer("RandomStandardNormal", [shape], activation("n", 4, 6), domain="tf")
    result = costed([noise, layer("Add", [fed("x", 4, 6), noise.output], activation("y", 4, 6))])
    assert not any(entry.folded for entry in result.layers)
    assert result.layers[0].counts.operations > 0
