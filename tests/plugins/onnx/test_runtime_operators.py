"""Operators of ONNX Runtime: shapes as its documentation defines them.

https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders.onnx_models import node, save, value, weight

from costdb.ir import DType, Graph, Shape

Load = Callable[..., Graph]

MICROSOFT = "com.microsoft"

B, S, D, HEADS = 2, 16, 64, 4
FLOATS = {
    "image": (1, 8, 10, 10),
    "last": (1, 10, 10, 8),
    "kernel": (4, 8, 3, 3),
    "h": (B, S, D),
    "projections": (D, 3 * D),
    "past": (2, B, HEADS, 5, D // HEADS),
    "past_key": (B, HEADS, 5, D // HEADS),
    "past_group": (B, 2, 5, D // HEADS),
    "grouped_key": (B, S, 2 * (D // HEADS)),
    "packed_groups": (B, S, D + 2 * 2 * (D // HEADS)),
    "packed": (B, S, HEADS, 3, D // HEADS),
    "cross": (B, HEADS, 7, D // HEADS),
    "matrix": (D, 5),
    "transposed": (5, D),
    "batch_second": (S, B, D),
    "scale": (),
    "words": (100, D),
    "token": (B, 1, D),
    "packed_token": (B, 1, 3 * D),
    "tokens": (30, D),
}
BYTES = {
    "q_image": (1, 8, 10, 10),
    "q_kernel": (4, 8, 3, 3),
    "q_left": (6, 4),
    "q_right": (4, 3),
    "zero": (),
    "blocks": (100, 32),
}


def ms(op: str, inputs: list[str], outputs: int = 1, **attributes: Any) -> Any:
    names = ["y", *(f"y{number}" for number in range(1, outputs))]
    return node(op, inputs, names, domain=MICROSOFT, **attributes)


def quantised(name: str) -> list[str]:
    return [name, "scale", "zero"]


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        pytest.param(ms("Gelu", ["h"]), [(B, S, D)], id="Gelu"),
        pytest.param(
            ms(
                "DecoderMaskedSelfAttention",
                ["token", "projections", "", "", "past"],
                2,
                num_heads=HEADS,
            ),
            [(B, 1, D), (2, B, HEADS, 6, D // HEADS)],
            id="DecoderMaskedSelfAttention",
        ),
        pytest.param(
            ms("DecoderMaskedMultiHeadAttention", ["token", "token", "token"], num_heads=HEADS),
            [(B, 1, D)],
            id="DecoderMaskedMultiHeadAttention",
        ),
        pytest.param(
            ms("DecoderMaskedMultiHeadAttention", ["packed_token"], num_heads=HEADS),
            [(B, 1, D)],
            id="DecoderMaskedMultiHeadAttention, packed",
        ),
        pytest.param(
            ms("DecoderMaskedMultiHeadAttention", ["token", "cross", "cross"], num_heads=HEADS),
            [(B, 1, D)],
            id="DecoderMaskedMultiHeadAttention, over the keys of others",
        ),
        pytest.param(
            ms("PackedAttention", ["tokens", "projections"], num_heads=HEADS),
            [(30, D)],
            id="PackedAttention",
        ),
        pytest.param(
            ms(
                "PackedAttention",
                ["tokens", "projections"],
                num_heads=HEADS,
                qkv_hidden_sizes=[80, 80, 32],
            ),
            [(30, 32)],
            id="PackedAttention, values of another size",
        ),
        pytest.param(
            ms("MatMulBlockQuantizedFp8Weight", ["h", "transposed"]),
            [(B, S, 5)],
            id="MatMulBlockQuantizedFp8Weight",
        ),
        pytest.param(
            ms("FusedConv", ["image", "kernel"], activation="Relu", strides=[2, 2]),
            [(1, 4, 4, 4)],
            id="FusedConv",
        ),
        pytest.param(ms("NhwcConv", ["last", "kernel"]), [(1, 8, 8, 4)], id="NhwcConv"),
        pytest.param(
            ms("NhwcMaxPool", ["last"], kernel_shape=[2, 2], strides=[2, 2]),
            [(1, 5, 5, 8)],
            id="NhwcMaxPool",
        ),
        pytest.param(
            ms("FusedMatMul", ["h", "transposed"], transB=1, alpha=0.5),
            [(B, S, 5)],
            id="FusedMatMul",
        ),
        pytest.param(
            ms("FusedMatMul", ["batch_second", "matrix"], transBatchA=1),
            [(B, S, 5)],
            id="FusedMatMul, batch axis moved",
        ),
        pytest.param(
            ms("MatMulNBits", ["h", "blocks", "scale"], K=D, N=100, bits=4, block_size=32),
            [(B, S, 100)],
            id="MatMulNBits",
        ),
        pytest.param(
            ms("MatMulIntegerToFloat", ["q_left", "q_right", "scale", "scale"]),
            [(6, 3)],
            id="MatMulIntegerToFloat",
        ),
        pytest.param(
            ms("QGemm", [*quantised("q_left"), *quantised("q_right"), "", "scale", "zero"]),
            [(6, 3)],
            id="QGemm",
        ),
        pytest.param(
            ms("QLinearAdd", [*quantised("q_image"), *quantised("q_image"), "scale", "zero"]),
            [(1, 8, 10, 10)],
            id="QLinearAdd",
        ),
        pytest.param(
            ms(
                "QLinearConcat",
                ["scale", "zero", *quantised("q_image"), *quantised("q_image")],
                axis=1,
            ),
            [(1, 16, 10, 10)],
            id="QLinearConcat",
        ),
        pytest.param(
            ms("QLinearGlobalAveragePool", [*quantised("q_image"), "scale", "zero"]),
            [(1, 8, 1, 1)],
            id="QLinearGlobalAveragePool",
        ),
        pytest.param(
            ms(
                "QLinearReduceMean",
                [*quantised("q_image"), "scale", "zero"],
                axes=[2, 3],
                keepdims=0,
            ),
            [(1, 8)],
            id="QLinearReduceMean",
        ),
        pytest.param(
            ms("Attention", ["h", "projections", "", "", "past"], 2, num_heads=HEADS),
            [(B, S, D), (2, B, HEADS, 5 + S, D // HEADS)],
            id="Attention",
        ),
        pytest.param(
            ms(
                "MultiHeadAttention",
                ["h", "h", "h", "", "", "", "past_key", "past_key"],
                3,
                num_heads=HEADS,
            ),
            [(B, S, D), (B, HEADS, 5 + S, D // HEADS), (B, HEADS, 5 + S, D // HEADS)],
            id="MultiHeadAttention",
        ),
        pytest.param(
            ms("MultiHeadAttention", ["packed"], num_heads=HEADS), [(B, S, D)], id="all packed"
        ),
        pytest.param(
            ms("MultiHeadAttention", ["h", "cross", "cross"], num_heads=HEADS),
            [(B, S, D)],
            id="cross",
        ),
        pytest.param(
            ms(
                "GroupQueryAttention",
                ["h", "grouped_key", "grouped_key", "past_group", "past_group"],
                3,
                num_heads=HEADS,
                kv_num_heads=2,
            ),
            [(B, S, D), (B, 2, 5 + S, D // HEADS), (B, 2, 5 + S, D // HEADS)],
            id="GroupQueryAttention",
        ),
        pytest.param(
            ms("GroupQueryAttention", ["packed_groups"], num_heads=HEADS, kv_num_heads=2),
            [(B, S, D)],
            id="GroupQueryAttention, packed",
        ),
        pytest.param(
            ms("SkipLayerNormalization", ["h", "h", "scale"], 4),
            [(B, S, D), (B, S, 1), (B, S, 1), (B, S, D)],
            id="SkipLayerNormalization",
        ),
        pytest.param(
            ms("EmbedLayerNormalization", ["ids", "ids", "words"], 2),
            [(B, S, D), (B,)],
            id="EmbedLayerNormalization",
        ),
        pytest.param(
            ms("GatherBlockQuantized", ["blocks", "ids", "words"], bits=4, gather_axis=0),
            [(B, S, 64)],
            id="GatherBlockQuantized",
        ),
        pytest.param(ms("BiasSplitGelu", ["h", "scale"]), [(B, S, D // 2)], id="BiasSplitGelu"),
        pytest.param(
            node("SimplifiedLayerNormalization", ["h", "scale"], ["y"]),
            [(B, S, D)],
            id="SimplifiedLayerNormalization",
        ),
        pytest.param(
            node("LayerNormalization", ["h", "words"], ["y"], axis=-1),
            [(B, S, D)],
            id="before its opset",
        ),
    ],
)
def test_shapes(load: Load, tmp_path: Path, layer: Any, shapes: list[Shape]) -> None:
    fed = [value(name, shape) for name, shape in FLOATS.items()]
    fed += [value(name, shape, "UINT8") for name, shape in BYTES.items()]
    fed.append(value("ids", (B, S), "INT32"))
    path = save(
        tmp_path / "m.onnx", [layer], fed, list(layer.output), opset=14, domains={MICROSOFT: 1}
    )
    (loaded,) = load(path).layers
    assert [tensor.shape for tensor in loaded.outputs] == shapes


def test_channels_are_last_where_the_operator_says_so(load: Load, tmp_path: Path) -> None:
    layer = ms("NhwcConv", ["x", "w"])
    stored = [weight("w", (4, 8, 3, 3))]
    path = save(
        tmp_path / "m.onnx",
        [layer],
        [value("x", (1, 10, 10, 8))],
        ["y"],
        stored,
        domains={MICROSOFT: 1},
    )
    (loaded,) = load(path).layers
    assert loaded.attributes["channel_axis"] == -1
    assert loaded.compute_dtype is DType.FLOAT32
