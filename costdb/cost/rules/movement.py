"""Operators that only move, reshape or make data: they compute nothing, and zero is written down.

Views hand on their input's memory under another shape; the others read and write.
"""

from costdb.contracts import ZERO, Counts, Rule, rule
from costdb.ir import Layer


def _nothing(_: Layer) -> Counts:
    return ZERO


VIEWS = tuple(
    Rule(op, _nothing, domain=domain, is_view=True, documentation="Count nothing: a view.")
    for domain, ops in {
        "": ("Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Dropout"),
    }.items()
    for op in ops
)

MOVES = tuple(
    Rule(op, _nothing, domain=domain, documentation="Count nothing: data are moved or made.")
    for domain, ops in {
        "": (
            "Cast", "CastLike", "Concat", "Constant", "ConstantOfShape", "DepthToSpace",
            "Expand", "EyeLike", "Gather", "GatherElements", "GatherND", "OneHot", "Pad",
            "ReverseSequence", "ScatterElements", "ScatterND", "Shape", "Size", "Slice",
            "SpaceToDepth", "Split", "Tile", "Transpose", "Trilu", "CenterCropPad", "BitCast",
        ),
        "tf": (
            "BatchToSpaceND", "BroadcastArgs", "InvertPermutation", "MatrixBandPart",
            "MatrixDiagV3", "Rank", "Roll", "SpaceToBatchND",
        ),
        "aten": ("as_strided", "roll", "flip", "unfold", "tril", "triu"),
    }.items()
    for op in ops
)  # fmt: skip


@rule("Range")
def arithmetic_sequence(layer: Layer) -> Counts:
    """Count start + i * step.

    Formula: a multiplication and an add per element.
    Source: https://onnx.ai/onnx/operators/onnx__Range.html
    Example: start (), limit (), delta (), Y (128,): flops 256.
    """
    return layer.output.numel * Counts(muls=1, adds=1)


@rule("NonZero")
def non_zero(layer: Layer) -> Counts:
    """Count where elements are not zero.

    Formula: a comparison per input element.
    Source: https://onnx.ai/onnx/operators/onnx__NonZero.html
    Example: X (4, 4), Y (2, 16): flops 16.
    """
    return Counts(compares=layer.input(0).numel)
