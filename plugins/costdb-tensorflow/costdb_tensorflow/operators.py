"""TensorFlow's operators in ONNX's words: one table, `OPERATORS`.

An operator that is not listed keeps its name in the domain `tf`, so that a rule can count it. The
operators: https://www.tensorflow.org/api_docs/python/tf/raw_ops
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from costdb.plugins import AttributeValue, Layer, Role
from costdb_tensorflow.fused import (
    fused_batch_normalization,
    fused_convolution,
    fused_depthwise_convolution,
    fused_matrix_product,
)
from costdb_tensorflow.operation import Attributes, Operation
from costdb_tensorflow.spatial import (
    average_pool,
    batch_normalization,
    channel_axis,
    convolution,
    depthwise_convolution,
    local_response_normalization,
    max_pool,
    transposed_convolution,
    transposed_depthwise_convolution,
)
from costdb_tensorflow.xla import general_dot

Lowering = Callable[[Operation], tuple[Layer, ...]]


def lower(operation: Operation) -> tuple[Layer, ...]:
    """The layers that do what an operation does."""
    lowering = OPERATORS.get(operation.node.op)
    return (operation.unmapped(),) if lowering is None else lowering(operation)


def _row(
    op: str,
    *positions: int | None,
    axis: int | None = None,
    axes: int | None = None,
    perm: int | None = None,
    attributes: Callable[[Operation], Attributes] | Attributes | None = None,
) -> Lowering:
    """One layer of an ONNX operator.

    Args:
        op: ONNX's name.
        positions: Which inputs become the layer's, in its order, None for an optional one that is
            left out; none given: all of them.
        axis: Position of the input that ONNX has as attribute `axis`; negative from the end. It is
            left out of the layer's inputs where the file stores its value.
        axes: The same for the attribute `axes`.
        perm: The same for the attribute `perm`.
        attributes: More of ONNX's attributes.
    """
    operands = {
        name: position
        for name, position in (("axis", axis), ("axes", axes), ("perm", perm))
        if position is not None
    }

    def lowering(operation: Operation) -> tuple[Layer, ...]:
        count = len(operation.inputs)
        stated: dict[str, AttributeValue] = {}
        moved = set()
        for name, position in operands.items():
            place = position % count if count else 0
            moved.add(place)
            values = operation.constants.get(place)
            if values is None:
                continue
            if name != "axis":
                stated[name] = values
            elif values:
                stated[name] = values[0]
        chosen = positions or [place for place in range(count) if place not in moved]
        inputs = [None if place is None else operation.input(place) for place in chosen]
        inputs.extend(operation.input(place) for place in sorted(moved) if not stated)
        more = attributes(operation) if callable(attributes) else attributes or {}
        return (operation.layer(op, tuple(inputs), operation.outputs, {**more, **stated}),)

    return lowering


def _reduction(op: str) -> Lowering:
    return _row(op, 0, axes=1, attributes=lambda o: {"keepdims": int(o.flag("keep_dims"))})


def _axis_attribute(operation: Operation) -> Attributes:
    return {"axis": operation.integer("axis")}


def _squeezed_axes(operation: Operation) -> Attributes:
    """The axes that are dropped; where none is named, all of size 1 are."""
    axes = operation.integers("squeeze_dims")
    return {"axes": axes} if axes else {}


def _matrix_product(first: str, second: str) -> Lowering:
    """A matrix product; the arguments are the attributes that transpose its operands."""
    return _row(
        "MatMul",
        attributes=lambda o: {"transA": int(o.flag(first)), "transB": int(o.flag(second))},
    )


def _bias_add(operation: Operation) -> tuple[Layer, ...]:
    """An add of a vector along the channels.

    Where channels come first, the vector is given the axes that broadcasting would miss.
    """
    data, bias = operation.input(0), operation.input(1)
    if channel_axis(operation) == -1 or data.shape is None or bias.shape is None:
        return (operation.layer("Add", (data, bias), operation.outputs),)
    trailing = len(data.shape) - 2
    column = replace(
        bias,
        name=f"{operation.output.name}:bias",
        shape=(*bias.shape, *(1,) * trailing),
        role=Role.ACTIVATION,
    )
    axes: Attributes = {"axes": tuple(range(1, 1 + trailing))}
    return (
        operation.layer("Unsqueeze", (bias,), (column,), axes, part="bias"),
        operation.layer("Add", (data, column), operation.outputs),
    )


def _fill(operation: Operation) -> tuple[Layer, ...]:
    """A tensor of one value: made of its shape if the value is stored, else expanded."""
    shape, value = operation.input(0), operation.input(1)
    if value.role.is_stored:
        return (operation.layer("ConstantOfShape", (shape,), operation.outputs),)
    return (operation.layer("Expand", (value, shape), operation.outputs),)


def _each(op: str) -> Lowering:
    """One layer for each input and its output."""

    def lowering(operation: Operation) -> tuple[Layer, ...]:
        return tuple(
            operation.layer(op, (given,), (result,))
            for given, result in zip(operation.inputs, operation.outputs, strict=False)
        )

    return lowering


def _unmapped(attributes: Callable[[Operation], Attributes]) -> Lowering:
    """An operator that ONNX lacks, with the attributes that its rule reads."""
    return lambda operation: (replace(operation.unmapped(), attributes=attributes(operation)),)


def _block_recurrence(operation: Operation) -> Attributes:
    return {
        "forget_bias": operation.number("forget_bias"),
        "cell_clip": operation.number("cell_clip"),
        "use_peephole": int(operation.flag("use_peephole")),
    }


# Operators of the same name, inputs and meaning.
_SAME = (
    "Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "BitwiseAnd", "BitwiseOr",
    "BitwiseXor", "Cast", "Ceil", "Cos", "Cosh", "Elu", "Equal", "Erf", "Exp", "Floor",
    "Greater", "Less", "Log", "Mul", "Neg", "Pow", "Range", "Reciprocal", "Relu", "Reshape",
    "Round", "Selu", "Shape", "Sigmoid", "Sign", "Sin", "Sinh", "Size", "Softplus", "Softsign",
    "Sqrt", "Sub", "Tan", "Tanh", "Tile",
)  # fmt: skip

# Operators of another name, but the same inputs and meaning: ONNX's name -> TensorFlow's.
_RENAMED = {
    "Add": ("Add", "AddV2", "BiasAddV1"),
    "And": ("LogicalAnd",),
    "BitCast": ("Bitcast",),
    "BitShift": ("LeftShift", "RightShift"),
    "BitwiseNot": ("Invert",),
    "Clip": ("ClipByValue",),
    "CumSum": ("Cumsum",),
    "Div": ("Div", "RealDiv", "TruncateDiv"),
    "Expand": ("BroadcastTo",),
    "GatherND": ("GatherNd", "ResourceGatherNd"),
    "GreaterOrEqual": ("GreaterEqual",),
    "IsInf": ("IsInf",),
    "IsNaN": ("IsNan",),
    "LessOrEqual": ("LessEqual",),
    "Max": ("Maximum",),
    "Min": ("Minimum",),
    "Mod": ("FloorMod", "Mod", "TruncateMod"),
    "NonZero": ("Where",),
    "Not": ("LogicalNot",),
    "Or": ("LogicalOr",),
    "Reciprocal": ("Inv",),
    "Round": ("Rint",),
    "ScatterND": ("TensorScatterUpdate",),
    "Sum": ("AccumulateNV2", "AddN"),
    "Where": ("Select", "SelectV2"),
}

# Operators that hand on their first input; what else they read is checked or printed.
_IDENTITIES = (
    "CheckNumerics", "CheckNumericsV2", "DebugGradientIdentity", "EnsureShape", "GuaranteeConst",
    "Identity", "PreventGradient", "Print", "Snapshot", "StopGradient",
)  # fmt: skip

OPERATORS: Mapping[str, Lowering] = MappingProxyType(
    {name: _row(name) for name in _SAME}
    | {name: _row(op) for op, names in _RENAMED.items() for name in names}
    | {name: _row("Identity", 0) for name in _IDENTITIES}
    | {
        "IdentityN": _each("Identity"),
        "ShapeN": _each("Shape"),
        # Convolutions, pooling, normalisation.
        "Conv": convolution,
        "Conv2D": convolution,
        "Conv3D": convolution,
        "Conv2DBackpropInput": transposed_convolution,
        "Conv2DBackpropInputV2": transposed_convolution,
        "Conv3DBackpropInputV2": transposed_convolution,
        "DepthwiseConv2dNative": depthwise_convolution,
        "DepthwiseConv2dNativeBackpropInput": transposed_depthwise_convolution,
        "BiasAdd": _bias_add,
        "AvgPool": average_pool,
        "AvgPool3D": average_pool,
        "MaxPool": max_pool,
        "MaxPool3D": max_pool,
        "MaxPoolV2": max_pool,
        "MaxPoolWithArgmax": max_pool,
        "FusedBatchNorm": batch_normalization,
        "FusedBatchNormV2": batch_normalization,
        "FusedBatchNormV3": batch_normalization,
        "BatchNormWithGlobalNormalization": _row(
            "BatchNormalization",
            0,
            4,
            3,
            1,
            2,
            attributes=lambda o: {"channel_axis": -1, "epsilon": o.number("variance_epsilon")},
        ),
        "LRN": local_response_normalization,
        "_FusedBatchNormEx": fused_batch_normalization,
        "_FusedConv2D": fused_convolution,
        "_FusedDepthwiseConv2dNative": fused_depthwise_convolution,
        "_FusedMatMul": fused_matrix_product,
        # Matrix products.
        "BatchMatMul": _matrix_product("adj_x", "adj_y"),
        "BatchMatMulV2": _matrix_product("adj_x", "adj_y"),
        "BatchMatMulV3": _matrix_product("adj_x", "adj_y"),
        "MatMul": _matrix_product("transpose_a", "transpose_b"),
        "SparseMatMul": _matrix_product("transpose_a", "transpose_b"),
        "Einsum": _row("Einsum", attributes=lambda o: {"equation": o.text("equation")}),
        "XlaDot": general_dot,
        "XlaDotV2": general_dot,
        # Activations.
        "LeakyRelu": _row("LeakyRelu", attributes=lambda o: {"alpha": o.number("alpha")}),
        "LogSoftmax": _row("LogSoftmax", attributes={"axis": -1}),
        "Relu6": _row("Clip", attributes={"min": 0.0, "max": 6.0}),
        "Softmax": _row("Softmax", attributes={"axis": -1}),
        # Reductions and searches.
        "All": _reduction("ReduceMin"),
        "Any": _reduction("ReduceMax"),
        "EuclideanNorm": _reduction("ReduceL2"),
        "Max": _reduction("ReduceMax"),
        "Mean": _reduction("ReduceMean"),
        "Min": _reduction("ReduceMin"),
        "Prod": _reduction("ReduceProd"),
        "Sum": _reduction("ReduceSum"),
        "ArgMax": _row("ArgMax", 0, axis=1, attributes={"keepdims": 0}),
        "ArgMin": _row("ArgMin", 0, axis=1, attributes={"keepdims": 0}),
        "TopK": _row("TopK", attributes={"axis": -1}),
        "TopKV2": _row("TopK", attributes={"axis": -1}),
        # What ONNX lacks.
        **dict.fromkeys(
            ("BlockLSTM", "BlockLSTMV2", "LSTMBlockCell"), _unmapped(_block_recurrence)
        ),
        "Svd": _unmapped(lambda o: {"compute_uv": int(o.flag("compute_uv"))}),
        **dict.fromkeys(
            ("Eig", "SelfAdjointEigV2"),
            _unmapped(lambda o: {"compute_v": int(o.flag("compute_v"))}),
        ),
        # Movement.
        "Concat": _row("Concat", axis=0),
        "ConcatV2": _row("Concat", axis=-1),
        "DepthToSpace": _row(
            "DepthToSpace", attributes=lambda o: {"blocksize": o.integer("block_size")}
        ),
        "ExpandDims": _row("Unsqueeze", 0, axes=1),
        "Fill": _fill,
        "Gather": _row("Gather", attributes={"axis": 0}),
        "GatherV2": _row(
            "Gather", 0, 1, axis=2, attributes=lambda o: {"batch_dims": o.integer("batch_dims")}
        ),
        "MirrorPad": _row("Pad", attributes=lambda o: {"mode": o.text("mode").lower()}),
        "OneHot": _row("OneHot", attributes=_axis_attribute),
        "Pack": _row("Concat", attributes=_axis_attribute),
        "Pad": _row("Pad", attributes={"mode": "constant"}),
        "PadV2": _row("Pad", attributes={"mode": "constant"}),
        "ResizeBicubic": _row("Resize", 0, None, None, 1, attributes={"mode": "cubic"}),
        "ResizeBilinear": _row("Resize", 0, None, None, 1, attributes={"mode": "linear"}),
        "ResizeNearestNeighbor": _row("Resize", 0, None, None, 1, attributes={"mode": "nearest"}),
        "ResourceGather": _row(
            "Gather", attributes=lambda o: {"axis": 0, "batch_dims": o.integer("batch_dims")}
        ),
        "ReverseSequence": _row(
            "ReverseSequence",
            attributes=lambda o: {
                "batch_axis": o.integer("batch_dim"),
                "time_axis": o.integer("seq_dim"),
            },
        ),
        "Slice": _row("Slice"),
        "SpaceToDepth": _row(
            "SpaceToDepth", attributes=lambda o: {"blocksize": o.integer("block_size")}
        ),
        "Split": _row("Split", 1, axis=0),
        "SplitV": _row("Split", 0, 1, axis=2),
        "Squeeze": _row("Squeeze", attributes=_squeezed_axes),
        "StridedSlice": _row("Slice", 0, 1, 2, None, 3),
        "Transpose": _row("Transpose", 0, perm=1),
        "Unpack": _row("Split", attributes=_axis_attribute),
    }
)
