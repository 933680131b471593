"""Operators that only move, reshape or make data: they compute nothing, and zero is written down.

Views hand on their input's memory under another shape; the others read and write.
"""

from costdb.contracts import ZERO, Counts, Rule, rule
from costdb.cost.rules.equivalent import renamed
from costdb.ir import Layer


def _nothing(_: Layer) -> Counts:
    return ZERO


VIEWS = tuple(
    Rule(op, _nothing, domain=domain, is_view=True, documentation="Count nothing: a view.")
    for domain, ops in {
        "": (
            "Dropout", "Flatten", "Identity", "Optional", "OptionalGetElement", "Reshape",
            "Squeeze", "Unsqueeze",
        ),
        "com.microsoft": ("BitmaskDropout", "ExpandDims"),
    }.items()
    for op in ops
)  # fmt: skip

MOVES = tuple(
    Rule(op, _nothing, domain=domain, documentation="Count nothing: data are moved or made.")
    for domain, ops in {
        "": (
            "BitCast", "Cast", "CastLike", "CenterCropPad", "Compress", "Concat", "Constant",
            "ConstantOfShape", "DepthToSpace", "Expand", "EyeLike", "Gather", "GatherElements",
            "GatherND", "MaxUnpool", "OneHot", "Pad", "ReverseSequence", "Scatter", "Shape",
            "Size", "Slice", "SpaceToDepth", "Split", "TensorScatter", "Tile", "Transpose", "Trilu",
        ),
        "ai.onnx.ml": (
            "ArrayFeatureExtractor", "CastMap", "CategoryMapper", "DictVectorizer",
            "FeatureVectorizer", "LabelEncoder", "OneHotEncoder", "ZipMap",
        ),
        "com.microsoft": (
            "GatherND", "Pad", "RemovePadding", "RestorePadding", "SampleOp", "TorchEmbedding",
            "Trilu", "UnfoldTensor",
        ),
        "tf": (
            "Assign", "AssignVariableOp", "BatchToSpace", "BatchToSpaceND", "BroadcastArgs",
            "BroadcastGradientArgs", "Complex", "Diag", "DiagPart", "DynamicPartition",
            "DynamicStitch", "Empty", "ExtractImagePatches", "ExtractVolumePatches", "Imag",
            "InvertPermutation", "MatrixBandPart", "MatrixDiag", "MatrixDiagPart",
            "MatrixDiagPartV2", "MatrixDiagPartV3", "MatrixDiagV2", "MatrixDiagV3",
            "MatrixSetDiag", "MatrixSetDiagV2", "MatrixSetDiagV3", "OnesLike",
            "ParallelDynamicStitch", "Rank", "ReadVariableOp", "Real", "ResourceScatterNdUpdate",
            "ResourceScatterUpdate", "RestoreV2", "Reverse", "ReverseV2", "Roll", "ScatterNdUpdate",
            "ScatterUpdate", "SpaceToBatch", "SpaceToBatchND", "StatelessRandomGetAlg",
            "StatelessRandomGetKeyCounter", "StatelessRandomGetKeyCounterAlg", "VarHandleOp",
            "Variable", "VariableV2", "ZerosLike",
        ),
        "aten": (
            "_conj", "_local_scalar_dense", "_shape_as_tensor", "_stack", "as_strided",
            "as_strided_copy", "atleast_1d", "atleast_2d", "atleast_3d", "block_diag",
            "broadcast_tensors", "cartesian_prod", "channel_shuffle", "combinations", "complex",
            "conj", "conj_physical", "diag", "diag_embed", "diagflat", "diagonal_copy",
            "fft_fftshift", "fft_ifftshift", "fill_diagonal", "flip", "fliplr", "flipud", "im2col",
            "imag", "item", "masked_select", "max_unpool2d", "max_unpool3d", "narrow_copy",
            "native_channel_shuffle", "put", "real", "repeat_interleave", "resize", "roll", "rot90",
            "row_stack", "sym_is_contiguous", "sym_numel", "sym_size", "sym_storage_offset",
            "sym_stride", "take", "tril", "tril_indices", "triu", "triu_indices", "unfold",
            "unfold_copy", "view_as_complex_copy", "view_as_real_copy",
        ),
    }.items()
    for op in ops
)  # fmt: skip

# A list of tensors is a handle without a size; what goes in and comes out is moved.
LISTS = tuple(
    Rule(op, _nothing, domain=domain, documentation="Count nothing: lists of tensors are handled.")
    for domain, ops in {
        "": (
            "ConcatFromSequence", "OptionalHasElement", "SequenceAt", "SequenceConstruct",
            "SequenceEmpty", "SequenceErase", "SequenceInsert", "SequenceLength", "SplitToSequence",
        ),
        "tf": (
            "EmptyTensorList", "EmptyTensorMap", "StackCloseV2", "StackPopV2", "StackPushV2",
            "StackV2", "TensorArrayCloseV3", "TensorArrayConcatV3", "TensorArrayGatherV3",
            "TensorArrayGradV3", "TensorArrayGradWithShape", "TensorArrayReadV3",
            "TensorArrayScatterV3", "TensorArraySizeV3", "TensorArraySplitV3", "TensorArrayV3",
            "TensorArrayWriteV3", "TensorListConcat", "TensorListConcatLists", "TensorListConcatV2",
            "TensorListElementShape", "TensorListFromTensor", "TensorListGather",
            "TensorListGetItem", "TensorListLength", "TensorListPopBack", "TensorListPushBack",
            "TensorListPushBackBatch", "TensorListReserve", "TensorListResize", "TensorListScatter",
            "TensorListScatterIntoExistingList", "TensorListScatterV2", "TensorListSetItem",
            "TensorListSplit", "TensorListStack", "TensorMapErase", "TensorMapHasKey",
            "TensorMapInsert", "TensorMapLookup", "TensorMapSize", "TensorMapStackKeys",
        ),
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


RUNTIME_RANGE = renamed(arithmetic_sequence, "com.microsoft:Range")


@rule("NonZero")
def non_zero(layer: Layer) -> Counts:
    """Count where elements are not zero.

    Formula: a comparison per input element.
    Source: https://onnx.ai/onnx/operators/onnx__NonZero.html
    Example: X (4, 4), Y (2, 16): flops 16.
    """
    return Counts(compares=layer.input(0).numel)
