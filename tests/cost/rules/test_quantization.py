"""Quantised operators: the products of the floats, zero points, scales, rounding, saturation."""

import pytest
from builders.graphs import activation, costed, fed, stored
from builders.rules import counted, node, rule_of

from costdb.contracts import Counts, Coverage
from costdb.ir import DType, Layer, Role

MS = "com.microsoft"
# Divide, round, shift, saturate; subtract and multiply; multiply, round, shift, saturate.
QUANTIZE = Counts(divs=1, compares=3, adds=1)
DEQUANTIZE = Counts(adds=1, muls=1)
REQUANTIZE = Counts(muls=1, compares=3, adds=1)

X, W = (1, 3, 8, 8), (4, 3, 3, 3)
CONV = Counts(macs=144 * 27, dots=144)


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(node("QuantizeLinear", [(4, 5), (), ()], (4, 5)), 20 * QUANTIZE, id="8 bit"),
        pytest.param(
            node("QuantizeLinear", [(4, 5), ()], (4, 5)),
            20 * Counts(divs=1, compares=3), id="without a zero point",
        ),
        pytest.param(
            node(f"{MS}:DequantizeLinear", [(4, 5), (), ()], (4, 5)), 20 * DEQUANTIZE, id="back"
        ),
        pytest.param(
            node("DequantizeLinear", [(4, 5), (5,)], (4, 5)),
            Counts(muls=20), id="back without a zero point",
        ),
        pytest.param(
            node("DynamicQuantizeLinear", [(4, 5)], (4, 5), (), ()),
            20 * (QUANTIZE + Counts(compares=2)) + Counts(adds=2, divs=2, compares=3),
            id="the range first: two comparisons each; scale and zero point",
        ),
        pytest.param(
            node(f"{MS}:GatherBlockQuantized", [(50, 4), (3,), (50, 1)], (3, 8)),
            24 * DEQUANTIZE, id="three rows of eight",
        ),
        pytest.param(
            node("tf:FakeQuantWithMinMaxVars", [(4, 5), (), ()], (4, 5)),
            20 * Counts(compares=3, adds=2, divs=1, muls=1), id="simulated",
        ),
        pytest.param(node("tf:QuantizeV2", [(4, 5), (), ()], (4, 5)), 20 * QUANTIZE, id="tf"),
        pytest.param(node("aten:dequantize", [(4, 5)], (4, 5)), 20 * DEQUANTIZE, id="torch"),
    ],
)  # fmt: skip
def test_between_floats_and_integers(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(node("ConvInteger", [X, W], (1, 4, 6, 6)), CONV, id="ConvInteger"),
        pytest.param(
            node("ConvInteger", [X, W, (), (4,)], (1, 4, 6, 6), stored=[1, 2, 3]),
            CONV + Counts(adds=192), id="ConvInteger: 192 inputs shifted, the weights long before",
        ),
        pytest.param(
            node("QLinearConv", [X, (), (), W, (), (), (), (), (4,)], (1, 4, 6, 6), stored=[3]),
            CONV + Counts(adds=192 + 144) + 144 * REQUANTIZE,
            id="QLinearConv: a bias per output, 144 sums to integers",
        ),
        pytest.param(
            node(
                f"{MS}:QLinearConv", [(1, 8, 8, 3), (), (), W, (), (), (), ()], (1, 6, 6, 4),
                stored=[3], channel_axis=-1,
            ),
            CONV + Counts(adds=192) + 144 * REQUANTIZE, id="channels last, no bias",
        ),
        pytest.param(
            node("MatMulInteger", [(4, 8), (8, 5), (), ()], (4, 5)),
            Counts(macs=160, dots=20, adds=32 + 40), id="MatMulInteger of two activations",
        ),
        pytest.param(
            node(f"{MS}:MatMulInteger16", [(4, 8), (8, 5)], (4, 5)),
            Counts(macs=160, dots=20), id="MatMulInteger16",
        ),
        pytest.param(
            node(
                "QLinearMatMul", [(4, 8), (), (), (8, 5), (), (), (), ()], (4, 5), stored=[3]
            ),
            Counts(macs=160, dots=20, adds=32) + 20 * REQUANTIZE, id="QLinearMatMul",
        ),
        pytest.param(
            node(
                f"{MS}:MatMulIntegerToFloat", [(4, 8), (8, 5), (), (5,), (), (5,), (5,)], (4, 5),
                stored=[1],
            ),
            Counts(macs=160, dots=20, adds=32 + 20, muls=20), id="to floats, with a bias",
        ),
        pytest.param(
            node(f"{MS}:DynamicQuantizeMatMul", [(4, 8), (8, 5), (5,), (5,)], (4, 5), stored=[1]),
            Counts(macs=160, dots=20, adds=32, muls=20) + 32 * (QUANTIZE + Counts(compares=2)),
            id="A quantised at run time",
        ),
        pytest.param(
            node(
                f"{MS}:QGemm", [(4, 8), (), (), (5, 8), (), (), (5,), (), ()], (4, 5),
                stored=[3], transB=1,
            ),
            Counts(macs=160, dots=20, adds=32 + 20) + 20 * REQUANTIZE, id="QGemm to integers",
        ),
        pytest.param(
            node(f"{MS}:QGemm", [(4, 8), (), (), (8, 5), (), ()], (4, 5), stored=[3]),
            Counts(macs=160, dots=20, adds=32, muls=20), id="QGemm to floats",
        ),
        pytest.param(
            node(
                f"{MS}:QAttention",
                [(1, 3, 8), (8, 24), (24,), (), (), (1,), (), (), (2, 1, 2, 5, 4)],
                (1, 3, 8), num_heads=2, stored=[1],
            ),
            Counts(macs=576, dots=72, adds=72 + 24, muls=72)
            + Counts(
                macs=48 * 8, dots=48 + 24, muls=48, adds=48 + 48 - 6, divs=48, specials=48
            ),
            id="QAttention: 3 x 8 by 8 x 24, then two heads of 3 x 8 scores",
        ),
        pytest.param(
            node(f"{MS}:MatMulNBits", [(4, 32), (5, 1, 16), (5,)], (4, 5), K=32, N=5, bits=4),
            Counts(macs=640, dots=20), id="MatMulNBits: the full matrix",
        ),
        pytest.param(
            node(
                f"{MS}:MatMulNBits", [(4, 32), (5, 1, 16), (5,), None, None, (5,)], (4, 5),
                K=32, N=5,
            ),
            Counts(macs=640, dots=20, adds=20), id="with a bias",
        ),
        pytest.param(
            node("aten:_weight_int4pack_mm", [(4, 32), (5, 16), (1, 5, 2)], (4, 5)),
            Counts(macs=640, dots=20), id="by PyTorch",
        ),
    ],
)  # fmt: skip
def test_products(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(
            node(f"{MS}:QLinearAdd", [(4, 5), (), (), (5,), (), (), (), ()], (4, 5)),
            Counts(adds=20) + 25 * DEQUANTIZE + 20 * QUANTIZE, id="Add, broadcast",
        ),
        pytest.param(
            node(f"{MS}:QLinearMul", [(4, 5), (), (), (5,), (), (), (), ()], (4, 5), stored=[3]),
            Counts(muls=20) + 20 * DEQUANTIZE + 20 * QUANTIZE, id="Mul by a constant",
        ),
        pytest.param(
            node(f"{MS}:QLinearSigmoid", [(4, 5), (), (), (), ()], (4, 5)),
            20 * (Counts(adds=2, specials=1, divs=1) + DEQUANTIZE + QUANTIZE), id="Sigmoid",
        ),
        pytest.param(
            node(f"{MS}:QLinearLeakyRelu", [(4, 5), (), (), (), ()], (4, 5)),
            20 * (Counts(compares=1, muls=1) + DEQUANTIZE + QUANTIZE), id="LeakyRelu",
        ),
        pytest.param(
            node(f"{MS}:QLinearSoftmax", [(4, 5), (), (), (), ()], (4, 5)),
            4 * Counts(specials=5, adds=4, divs=5) + 20 * (DEQUANTIZE + QUANTIZE), id="Softmax",
        ),
        pytest.param(
            node(
                f"{MS}:QLinearAveragePool", [(1, 2, 4, 4), (), (), (), ()], (1, 2, 2, 2),
                kernel_shape=(2, 2),
            ),
            Counts(adds=24, divs=8) + 32 * DEQUANTIZE + 8 * QUANTIZE, id="AveragePool",
        ),
        pytest.param(
            node(f"{MS}:QLinearGlobalAveragePool", [(1, 2, 4, 4), (), (), (), ()], (1, 2, 1, 1)),
            Counts(adds=30, divs=2) + 32 * DEQUANTIZE + 2 * QUANTIZE, id="GlobalAveragePool",
        ),
        pytest.param(
            node(f"{MS}:QLinearReduceMean", [(4, 5), (), (), (), ()], (4, 1)),
            Counts(adds=16, divs=4) + 20 * DEQUANTIZE + 4 * QUANTIZE, id="ReduceMean",
        ),
        pytest.param(
            node(
                f"{MS}:QLinearWhere", [(4, 5), (4, 5), (), (), (4, 5), (), (), (), ()], (4, 5)
            ),
            Counts(compares=20) + 40 * DEQUANTIZE + 20 * QUANTIZE, id="Where",
        ),
        pytest.param(
            node(f"{MS}:QLinearConcat", [(), (), (2, 5), (), (), (3, 5), (), ()], (5, 5)),
            25 * (DEQUANTIZE + QUANTIZE), id="Concat",
        ),
        pytest.param(
            node(f"{MS}:MulInteger", [(4, 5), (), (4, 5)], (4, 5)),
            Counts(muls=20, adds=20), id="MulInteger, one zero point",
        ),
        pytest.param(
            node(f"{MS}:ReduceSumInteger", [(4, 5)], (4,)), Counts(adds=16), id="ReduceSumInteger"
        ),
    ],
)  # fmt: skip
def test_elementwise(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts


@pytest.mark.parametrize(
    ("layer", "accesses"),
    [
        pytest.param(
            node("ConvInteger", [X, W], (1, 4, 6, 6)), 192 * 36 + 144 + 108, id="ConvInteger"
        ),
        pytest.param(
            node("QLinearConv", [X, (), (), W, (), (), (), (), (4,)], (1, 4, 6, 6)),
            192 * 36 + 144 + 108 + 4, id="QLinearConv, with its bias",
        ),
        pytest.param(
            node("MatMulInteger", [(4, 8), (8, 5)], (4, 5)), 160 + 40 + 20, id="MatMulInteger"
        ),
        pytest.param(
            node(f"{MS}:MatMulInteger16", [(4, 8), (8, 5)], (4, 5)), 220, id="MatMulInteger16"
        ),
        pytest.param(
            node("QLinearMatMul", [(4, 8), (), (), (8, 5)], (4, 5)), 220, id="QLinearMatMul"
        ),
        pytest.param(
            node(f"{MS}:MatMulIntegerToFloat", [(4, 8), (8, 5), (), ()], (4, 5)),
            220, id="MatMulIntegerToFloat",
        ),
        pytest.param(
            node(f"{MS}:DynamicQuantizeMatMul", [(4, 8), (8, 5), ()], (4, 5)),
            220, id="DynamicQuantizeMatMul",
        ),
        pytest.param(
            node(f"{MS}:QGemm", [(4, 8), (), (), (8, 5), (), (), (5,)], (4, 5)), 225, id="QGemm"
        ),
        pytest.param(
            node(f"{MS}:MatMulNBits", [(4, 32), (5, 1, 16), (5,)], (4, 5)),
            4 * 32 * 5 + 80 + 20, id="MatMulNBits: the bytes that are stored",
        ),
    ],
)  # fmt: skip
def test_accesses_are_those_of_the_floats(layer: Layer, accesses: int) -> None:
    rule = rule_of(layer)
    assert rule.accesses is not None
    assert rule.accesses(layer) == accesses


@pytest.mark.parametrize(
    ("op", "parameters"),
    [
        pytest.param("QLinearConv", {3, 8}, id="QLinearConv"),
        pytest.param("QLinearMatMul", {0, 3}, id="QLinearMatMul"),
        pytest.param(f"{MS}:QGemm", {3, 6}, id="QGemm"),
        pytest.param(f"{MS}:MatMulNBits", {1, 5}, id="MatMulNBits"),
        pytest.param(f"{MS}:GatherBlockQuantized", {0}, id="GatherBlockQuantized"),
        pytest.param(f"{MS}:QLinearAdd", set(), id="QLinearAdd"),
    ],
)
def test_scales_and_zero_points_are_no_parameters(op: str, parameters: set[int]) -> None:
    weights = rule_of(node(op, [], ())).weights
    assert {place for place, role in weights.items() if role is Role.PARAMETER} == parameters
    assert {role for place, role in weights.items() if place not in parameters} == {Role.CONSTANT}


def test_a_quantised_convolution_counts_integer_operations_and_its_weights() -> None:
    scale = stored("scale")
    zero = stored("zero", dtype=DType.UINT8)
    data = fed("x", *X, dtype=DType.UINT8)
    weights, scales = stored("w", *W, dtype=DType.INT8), stored("scales", 4)
    zeros, bias = stored("zeros", 4, dtype=DType.INT8), stored("b", 4, dtype=DType.INT32)
    layer = Layer(
        "conv",
        "QLinearConv",
        (data, scale, zero, weights, scales, zeros, scale, zero, bias),
        (activation("y", 1, 4, 6, 6, dtype=DType.UINT8),),
        compute_dtype=DType.UINT8,
    )
    totals = costed([layer]).totals
    assert (totals.params, totals.macs, totals.flops) == (112, 3_888, 0)
    # 2 * 3,888 - 144, 192 zero points, 144 biases, 5 for each of 144 outputs.
    assert totals.int_ops == 7_632 + 192 + 144 + 720


def test_a_dynamically_quantised_lstm_is_an_estimate() -> None:
    rule = rule_of(node(f"{MS}:DynamicQuantizeLSTM", [], ()))
    assert rule.coverage is Coverage.ESTIMATED
