"""Operators as they were once: attributes for what are inputs now, other defaults, other names.

The forms are those of https://github.com/onnx/onnx/blob/main/docs/Changelog.md; the shapes follow
from the inputs by hand.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders.onnx_models import constant, node, save, value, weight

from costdb.contracts import Coverage
from costdb.cost.engine import cost
from costdb.ir import Graph

Load = Callable[..., Graph]

X = (2, 3, 4, 6)


def form(
    op: str,
    made: tuple[int, ...] | list[tuple[int, ...]],
    /,
    *stored: Any,
    x: tuple[int, ...] = X,
    operations: int | None = None,
    **attributes: Any,
) -> Any:
    return op, x, made, stored, operations, attributes


def scalar(name: str) -> Any:
    return constant(name, 1, "float32")


def vectors(count: int, channels: int = 3) -> list[Any]:
    return [weight(f"w{number}", (channels,)) for number in range(count)]


N = 2 * 3 * 4 * 6

FORMS = [
    # opset, form
    (1, form("Reshape", (6, 24), shape=[6, -1])),
    (5, form("Reshape", (6, 24), constant("s", [6, -1]))),
    (1, form("Pad", (2, 3, 6, 9), paddings=[0, 0, 1, 1, 0, 0, 1, 2])),
    (2, form("Pad", (2, 3, 6, 9), pads=[0, 0, 1, 1, 0, 0, 1, 2])),
    (11, form("Pad", (2, 3, 6, 9), constant("p", [0, 0, 1, 1, 0, 0, 1, 2]))),
    (1, form("Clip", X, min=0.0, max=6.0, operations=2 * N)),
    (6, form("Clip", X, min=0.0, max=6.0, operations=2 * N)),
    (6, form("Clip", X, max=6.0, operations=N)),
    (11, form("Clip", X, *map(scalar, "ab"), operations=2 * N)),
    (1, form("Dropout", X, is_test=1, operations=0)),
    (6, form("Dropout", X, is_test=1, operations=0)),
    (7, form("Dropout", X, ratio=0.5, operations=0)),
    (10, form("Dropout", X, ratio=0.5, operations=0)),
    (12, form("Dropout", X, constant("r", 0.5, "float32"), operations=0)),
    (1, form("Upsample", (2, 3, 8, 18), height_scale=2.0, width_scale=3.0, mode="nearest")),
    (7, form("Upsample", (2, 3, 8, 18), scales=[1.0, 1.0, 2.0, 3.0])),
    (9, form("Upsample", (2, 3, 8, 18), constant("s", [1, 1, 2, 3], "float32"))),
    (10, form("Resize", (2, 3, 8, 18), constant("s", [1, 1, 2, 3], "float32"))),
    (1, form("BatchNormalization", X, *vectors(4), consumed_inputs=[0, 0, 0, 1, 1], is_test=1)),
    (6, form("BatchNormalization", X, *vectors(4), is_test=1, spatial=1)),
    (7, form("BatchNormalization", X, *vectors(4), spatial=1)),
    (9, form("BatchNormalization", X, *vectors(4))),
    (14, form("BatchNormalization", X, *vectors(4), training_mode=0)),
    (1, form("InstanceNormalization", X, *vectors(2), consumed_inputs=[0, 0, 0])),
    (6, form("InstanceNormalization", X, *vectors(2))),
    (1, form("Add", X, weight("w", (3,)), axis=1, broadcast=1, operations=N)),
    (6, form("Add", X, weight("w", (4, 6)), broadcast=1, operations=N)),
    (7, form("Add", X, weight("w", (4, 6)), operations=N)),
    (1, form("Concat", (2, 5, 4, 6), weight("w", (2, 2, 4, 6)), operations=0)),
    (4, form("Concat", (2, 5, 4, 6), weight("w", (2, 2, 4, 6)), axis=1, operations=0)),
    (1, form("Cast", X, to="FLOAT16")),
    (6, form("Cast", X, to=10)),
    (1, form("Gemm", (6, 5), weight("a", (4, 5)), weight("c", (5,)), x=(6, 4), broadcast=1)),
    (7, form("Gemm", (6, 5), weight("a", (4, 5)), weight("c", (5,)), x=(6, 4))),
    (11, form("Gemm", (6, 5), weight("a", (4, 5)), x=(6, 4))),
    (1, form("Sum", X, weight("w", X), operations=N)),
    (1, form("GRU", [(7, 1, 2, 4), (1, 2, 4)], weight("w", (1, 12, 3)), weight("r", (1, 12, 4)),
             x=(7, 2, 3), hidden_size=4, output_sequence=1)),
    (1, form("Softmax", X)),
    (11, form("Softmax", X)),
    (13, form("Softmax", X)),
    (1, form("Hardmax", X)),
    (1, form("Split", [(2, 1, 4, 6), (2, 2, 4, 6)], axis=1, split=[1, 2], operations=0)),
    (1, form("Split", [(2, 1, 4, 6), (2, 2, 4, 6)], constant("s", [1, 2]), axis=1, operations=0)),
    (2, form("Split", [(2, 1, 4, 6), (2, 2, 4, 6)], axis=1, split=[1, 2], operations=0)),
    (13, form("Split", [(2, 1, 4, 6), (2, 2, 4, 6)], constant("s", [1, 2]), axis=1, operations=0)),
    (18, form("Split", [(2, 3, 2, 6), (2, 3, 2, 6)], axis=2, num_outputs=2, operations=0)),
    (1, form("Squeeze", (2, 3), axes=[1, 3], x=(2, 1, 3, 1), operations=0)),
    (13, form("Squeeze", (2, 3), constant("a", [1, 3]), x=(2, 1, 3, 1), operations=0)),
    (1, form("Unsqueeze", (2, 1, 3), axes=[1], x=(2, 3), operations=0)),
    (13, form("Unsqueeze", (2, 1, 3), constant("a", [1]), x=(2, 3), operations=0)),
    (1, form("ReduceSum", (2, 1, 4, 6), axes=[1], operations=N - N // 3)),
    (11, form("ReduceSum", (2, 4, 6), axes=[-3], keepdims=0, operations=N - N // 3)),
    (13, form("ReduceSum", (2, 4, 6), constant("a", [1]), keepdims=0, operations=N - N // 3)),
    (1, form("ReduceMax", (2, 3), axes=[2, 3], keepdims=0)),
    (18, form("ReduceMax", (2, 3), constant("a", [2, 3]), keepdims=0)),
    (1, form("Slice", (2, 3, 2, 3), axes=[2, 3], starts=[1, 0], ends=[3, -3], operations=0)),
    (
        10,
        form("Slice", (2, 3, 2, 3), constant("s", [1, 0]), constant("e", [3, -3]),
             constant("a", [2, 3]), operations=0),
    ),
    (1, form("TopK", [(2, 3, 4, 2), (2, 3, 4, 2)], k=2)),
    (10, form("TopK", [(2, 3, 4, 2), (2, 3, 4, 2)], constant("k", [2]))),
    (11, form("TopK", [(2, 3, 2, 6), (2, 3, 2, 6)], constant("k", [2]), axis=2)),
    (1, form("MaxPool", (2, 3, 3, 5), kernel_shape=[2, 2], operations=2 * 3 * 3 * 5 * 4)),
    (8, form("MaxPool", [(2, 3, 3, 5)] * 2, kernel_shape=[2, 2])),
    (10, form("MaxPool", (2, 3, 2, 3), kernel_shape=[3, 2], strides=[2, 2], ceil_mode=1)),
    (1, form("AveragePool", (2, 3, 3, 5), kernel_shape=[2, 2])),
    (1, form("LpPool", (2, 3, 3, 5), kernel_shape=[2, 2], p=2.0)),
    (1, form("GlobalLpPool", (2, 3, 1, 1), p=2.0)),
    (1, form("Tile", (2, 9, 4, 6), constant("t", 3), constant("a", 1), operations=0)),
    (6, form("Tile", (2, 9, 4, 6), constant("t", [1, 3, 1, 1]), operations=0)),
    (1, form("PRelu", X, weight("w", (3,)), consumed_inputs=[0, 0])),
    (6, form("PRelu", X, weight("w", (3,)))),
    (7, form("PRelu", X, weight("w", (3, 1, 1)))),
    (1, form("Selu", X, consumed_inputs=[0])),
    (1, form("Relu", X, consumed_inputs=[0], operations=N)),
    (1, form("Elu", X, consumed_inputs=[0])),
    (1, form("HardSigmoid", X, consumed_inputs=[0])),
    (1, form("Equal", X, weight("w", (6,)), broadcast=1, operations=N)),
    (1, form("Pow", X, weight("w", (6,)), broadcast=1)),
    (1, form("ArgMax", (2, 1, 4, 6), axis=1)),
    (1, form("Flatten", (6, 24), axis=2, operations=0)),
    (1, form("Gather", (2, 2, 4, 6), constant("i", [0, 2]), axis=1, operations=0)),
    (1, form("Transpose", (6, 4, 3, 2), operations=0)),
    (1, form("LRN", X, size=3)),
    (9, form("MeanVarianceNormalization", X)),
    (1, form("Conv", (2, 5, 2, 4), weight("w", (5, 3, 3, 3)))),
    (1, form("ConvTranspose", (2, 5, 6, 8), weight("w", (3, 5, 3, 3)))),
    (1, form("GlobalAveragePool", (2, 3, 1, 1))),
    (1, form("DepthToSpace", (2, 1, 8, 12), x=(2, 4, 4, 6), blocksize=2, operations=0)),
    (9, form("OneHot", (2, 3, 5), constant("d", [5]), constant("v", [0, 1], "float32"), x=(2, 3))),
    (9, form("Scatter", X, constant("i", [[[[1]]]]), weight("u", (1, 1, 1, 1)), operations=0)),
    (
        1,
        form("LSTM", [(7, 1, 2, 4), (1, 2, 4)], weight("w", (1, 16, 3)), weight("r", (1, 16, 4)),
             x=(7, 2, 3), hidden_size=4, output_sequence=1),
    ),
    (
        7,
        form("GRU", [(7, 1, 2, 4), (1, 2, 4)], weight("w", (1, 12, 3)), weight("r", (1, 12, 4)),
             x=(7, 2, 3), hidden_size=4),
    ),
    (
        14,
        form("RNN", [(2, 7, 1, 4), (2, 1, 4)], weight("w", (1, 4, 3)), weight("r", (1, 4, 4)),
             x=(2, 7, 3), hidden_size=4, layout=1),
    ),
    (18, form("GroupNormalization", X, *vectors(2, 3), num_groups=3)),
    (21, form("GroupNormalization", X, *vectors(2, 3), num_groups=3)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("opset", "old"),
    [
        pytest.param(opset, old, id=f"{old[0]}-{opset}-{place}")
        for place, (opset, old) in enumerate(FORMS)
    ],
)
def test_a_form(load: Load, tmp_path: Path, opset: int, old: Any) -> None:
    op, given, shapes, stored, operations, attributes = old
    shapes = [shapes] if isinstance(shapes, tuple) else shapes
    names = [f"y{place}" for place in range(len(shapes))]
    operands = ["x", *(tensor.name for tensor in stored)]
    x = value("x", given, "INT64" if op == "OneHot" else "FLOAT")
    layer = node(op, operands, names, **attributes)
    outputs = [value(name, None) for name in names]
    for output in outputs:
        output.ClearField("type")
    path = save(tmp_path / "m.onnx", [layer], [x], outputs, stored, opset=opset)
    graph = load(path)
    assert [tensor.shape for tensor in graph.outputs] == shapes
    (entry,) = cost(graph).layers
    assert entry.coverage is not Coverage.UNKNOWN, entry.note
    assert entry.counts.operations == operations or operations is None
