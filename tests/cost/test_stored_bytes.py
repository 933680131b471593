"""Weights take the bytes that they are stored in, whatever their type and packing."""

from pathlib import Path

import pytest
from builders.graphs import activation, costed, fed, layer, stored

from costdb import api
from costdb.cost.engine import cost
from costdb.cost.result import GraphCost
from costdb.ir import DType, Graph, Layer, Role, Tensor


@pytest.mark.parametrize(
    ("dtype", "shape", "expected"),
    [
        pytest.param(DType.INT4, (3, 5), 8, id="int4: 15 elements, two a byte, rounded up"),
        pytest.param(DType.UINT4, (4, 8), 16, id="uint4: 32 elements in 16 bytes"),
        pytest.param(DType.INT2, (5,), 2, id="int2: 5 elements, four a byte, rounded up"),
        pytest.param(DType.FLOAT4E2M1, (7,), 4, id="float4: 7 elements, rounded up"),
        pytest.param(DType.FLOAT6E2M3, (4,), 3, id="float6: 24 bits"),
        pytest.param(DType.FLOAT8E4M3FN, (3, 5), 15, id="float8 e4m3"),
        pytest.param(DType.FLOAT8E5M2FNUZ, (3, 5), 15, id="float8 e5m2"),
        pytest.param(DType.FLOAT8E8M0, (4,), 4, id="float8 e8m0, a scale of a block"),
        pytest.param(DType.BFLOAT16, (3, 5), 30, id="bfloat16"),
        pytest.param(DType.BOOL, (3, 5), 15, id="bool: a byte each"),
        pytest.param(DType.COMPLEX64, (3, 5), 120, id="complex64: two floats"),
        pytest.param(DType.INT8, (), 1, id="a scalar"),
        pytest.param(DType.FLOAT32, (0, 4), 0, id="nothing"),
        pytest.param(DType.STRING, (4,), 0, id="text has no fixed size"),
    ],
)
def test_a_stored_tensor(dtype: DType, shape: tuple[int, ...], expected: int) -> None:
    weights = Tensor("w", shape, dtype, Role.PARAMETER)
    assert cost(Graph((), (), (), unread=(weights,))).totals.weight_bytes == expected


def blocks_of_four_bits() -> GraphCost:
    """K 256, N 64, blocks of 32: 8 blocks a row of 16 bytes each, a scale and half a byte each."""
    data = fed("x", 1, 4, 256, dtype=DType.FLOAT16)
    return costed(
        [
            layer(
                "MatMulNBits",
                [
                    data,
                    stored("w", 64, 8, 16, dtype=DType.UINT8),
                    stored("s", 512, dtype=DType.FLOAT16),
                    stored("z", 256, dtype=DType.UINT8),
                ],
                activation("y", 1, 4, 64, dtype=DType.FLOAT16),
                domain="com.microsoft",
                bits=4, block_size=32, K=256, N=64,
            )
        ]
    )  # fmt: skip


def test_a_product_with_packed_weights_holds_their_scales_and_zero_points() -> None:
    totals = blocks_of_four_bits().totals
    assert totals.weight_bytes == 64 * 8 * 16 + 512 * 2 + 64 * 8 // 2
    assert totals.params == 64 * 8 * 16
    assert totals.macs == 4 * 64 * 256


def test_a_product_with_packed_weights_moves_what_is_stored() -> None:
    read, written = 4 * 256 * 2 + 64 * 8 * 16 + 512 * 2 + 256, 4 * 64 * 2
    assert blocks_of_four_bits().totals.traffic_bytes == read + written


def test_a_quantised_table_is_held_packed_and_looked_up_unpacked() -> None:
    # 1,000 rows of 128 4-bit elements, a scale and a zero point for each 32 of them.
    entry = layer(
        "GatherBlockQuantized",
        [
            stored("table", 1000, 128, dtype=DType.UINT4),
            fed("ids", 1, 16, dtype=DType.INT64),
            stored("s", 1000, 4),
            stored("z", 1000, 4, dtype=DType.UINT4),
        ],
        activation("y", 1, 16, 128),
        domain="com.microsoft",
        block_size=32,
    )
    totals = costed([entry]).totals
    assert totals.weight_bytes == 1000 * 128 // 2 + 4 * 4000 + 4000 // 2
    assert totals.params == 128_000
    assert totals.activation_bytes == 16 * 128 * 4


def test_weights_that_pytorch_packs_take_their_bytes() -> None:
    # _weight_int4pack_mm_for_cpu: two weights a byte, and a scale and a zero for each 32 of 128.
    entry = layer(
        "_weight_int4pack_mm_for_cpu",
        [
            fed("x", 4, 128, dtype=DType.BFLOAT16),
            stored("w", 64, 64, dtype=DType.UINT8),
            stored("s", 4, 64, 2, dtype=DType.BFLOAT16),
        ],
        activation("y", 4, 64, dtype=DType.BFLOAT16),
        domain="aten",
    )
    totals = costed([entry]).totals
    assert totals.weight_bytes == 64 * 128 // 2 + 4 * 64 * 2 * 2
    assert totals.macs == 4 * 64 * 128


def quantised(weights: Tensor) -> list[Layer]:
    """int4 weights (8, 4) of a dense layer, dequantised as they are read."""
    scale, data = stored("s", 4), fed("x", 1, 8)
    floats = layer("DequantizeLinear", [weights, scale], activation("f", 8, 4), axis=1)
    return [floats, layer("MatMul", [data, floats.output], activation("y", 1, 4))]


def test_weights_that_are_dequantised_count_as_stored() -> None:
    result = costed(quantised(stored("w", 8, 4, dtype=DType.INT4)))
    # 32 weights in 16 bytes, and 4 scales in float32, at the layer that uses the product.
    assert (result.totals.params, result.totals.weight_bytes) == (32, 16 + 16)
    assert [entry.weight_bytes for entry in result.layers] == [0, 32]
    assert result.layers[0].folded


def test_activations_take_their_bytes_too() -> None:
    data = fed("x", 3, 5, dtype=DType.INT4)
    entry = layer("Relu", [data], activation("y", 3, 5, dtype=DType.INT4))
    totals = costed([entry]).totals
    assert (totals.traffic_bytes, totals.peak_activation_bytes) == (16, 16)
    assert (totals.int_ops, totals.flops) == (15, 0)


# PyTorch no longer makes such files; there are many.
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
def test_a_layer_that_pytorch_quantised_takes_the_bytes_of_its_integers(tmp_path: Path) -> None:
    """Its packed parameters are saved as the integers and the bias."""
    import torch

    integers = torch.quantize_per_tensor(torch.ones(32, 64), 0.5, 0, torch.qint8)
    path = tmp_path / "weights.pth"
    torch.save({"dense._packed_params._packed_params": (integers, torch.ones(32))}, path)
    totals = api.analyze(str(path)).cost.totals
    assert totals.weight_bytes == 32 * 64 + 4 * 32
