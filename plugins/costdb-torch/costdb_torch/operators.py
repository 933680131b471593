"""The one table from ATen's operators to the IR's, which are ONNX's.

A row says which operator of the IR a call is, which arguments are its inputs and which become
attributes. Keys are names without overload (`relu`), or with it where overloads are operators of
their own (`max.other`); operators outside ATen have their library in front (`torchvision.nms`).
In-place forms (`relu_`) need no row: `lowering` strips the underscore.

What has no row keeps its name in domain `aten`, all its tensors as inputs and all its numbers as
attributes, so that a cost rule can be written for it.

Schemas: https://github.com/pytorch/pytorch/blob/main/aten/src/ATen/native/native_functions.yaml
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from costdb_torch import attributes as to
from costdb_torch.calls import Call


@dataclass(frozen=True, slots=True)
class Operator:
    """What a call is in the IR.

    Attributes:
        op: The operator's name.
        domain: "" for ONNX's.
        inputs: The arguments that become inputs, in the IR's order; None for every tensor among
            the arguments in their own order.
        attributes: Call -> attributes.
        is_view: Whether the result may be the first input's memory, so that writing to the result
            writes to the input.
        optional_outputs: Whether all results but the first are left out where nothing reads them.
    """

    op: str
    domain: str = ""
    inputs: tuple[str, ...] | None = None
    attributes: to.FromCall = to.nothing
    is_view: bool = False
    optional_outputs: bool = False


# A row, or a choice between several.
Row = Operator | Callable[[Call], Operator]


def operator_of(name: str, overload: str, call: Call) -> Operator:
    """What a call is in the IR.

    Args:
        name: The operator, with its library in front unless that is ATen.
        overload: The overload, such as "Tensor".
        call: Its arguments and results.
    """
    row = OPERATORS.get(f"{name}.{overload}") or OPERATORS.get(name)
    if row is None:
        library, _, op = name.rpartition(".")
        return _unmapped(op, library or "aten")
    operator = row if isinstance(row, Operator) else row(call)
    if operator.inputs and not call.given(operator.inputs[0]):
        # Another schema than the row was written for: nothing is to be lost without a word.
        return _unmapped(name.rpartition(".")[2])
    return operator


def _unmapped(op: str, domain: str = "aten") -> Operator:
    return Operator(op, domain, attributes=Call.plain_arguments)


# Calls that are one operator or another, as their arguments say.


def _convolution(call: Call) -> Operator:
    return _plain_or_transposed("ConvTranspose" if call.flag("transposed") else "Conv", call)


def _transposed_convolution(call: Call) -> Operator:
    return _plain_or_transposed("ConvTranspose", call)


def _plain_or_transposed(op: str, call: Call) -> Operator:
    data = "self" if "self" in call.arguments else "input"
    return Operator(op, inputs=(data, "weight", "bias"), attributes=to.convolution)


def _attention(call: Call) -> Operator:
    mask = "attn_bias" if "attn_bias" in call.arguments else "attn_mask"
    return Operator(
        "scaled_dot_product_attention",
        "aten",
        inputs=("query", "key", "value", mask),
        optional_outputs=True,
    )


_STORED_STATISTICS = Operator(
    "BatchNormalization",
    inputs=("input", "weight", "bias", "running_mean", "running_var"),
    attributes=to.epsilon,
    optional_outputs=True,
)


def _batch_norm(call: Call) -> Operator:
    """With stored statistics it is ONNX's; with those of the batch there is more to compute."""
    of_batch = call.flag("training") or call.tensor("running_mean") is None
    return _unmapped("batch_norm") if of_batch else _STORED_STATISTICS


def _instance_norm(call: Call) -> Operator:
    if call.arguments.get("use_input_stats") is False:
        return _STORED_STATISTICS
    inputs = ("input", "weight", "bias")
    return Operator("InstanceNormalization", inputs=inputs, attributes=to.epsilon)


def _adaptive_pool(pool: str, rank: int) -> Callable[[Call], Operator]:
    """A pool over so many axes that is told its output's size.

    Torch cuts an axis of n into m windows, from floor(i * n / m) to ceil((i + 1) * n / m). They
    have n / m elements where m divides n, and in general ceil(n / m) or one more; the pool is
    counted with ceil(n / m) throughout. A single window is ONNX's global pool.
    """

    def choose(call: Call) -> Operator:
        data = call.tensor("self")
        read = (data.shape or ())[-rank:] if data else ()
        written = (call.output.shape or ())[-rank:]
        if written and set(written) == {1}:
            return Operator(f"Global{pool}", inputs=("self",), optional_outputs=True)
        sizes = tuple(math.ceil(n / m) for n, m in zip(read, written, strict=False) if n and m)
        known = to.fixed(kernel_shape=sizes) if len(sizes) == rank else to.nothing
        return Operator(pool, inputs=("self",), attributes=known, optional_outputs=True)

    return choose


def _scaled(op: str, name: str) -> Callable[[Call], Operator]:
    """A sum that scales its second term is an operator of its own where the scale is not 1."""
    return lambda call: Operator(op) if call.number("alpha") in {None, 1} else _unmapped(name)


def _division(call: Call) -> Operator:
    return Operator("floor_divide", "aten") if call.text("rounding_mode") else Operator("Div")


def _difference(call: Call) -> Operator:
    """Neighbours along an axis, subtracted; again and again where n is not 1."""
    return Operator("Sub") if call.integer("n", 1) == 1 else _unmapped("diff")


def _dropout(call: Call) -> Operator:
    trains = call.flag("train") or call.flag("training")
    # In place, the argument has another name.
    data = "self" if "self" in call.arguments else "input"
    return _unmapped("dropout") if trains else Operator("Identity", inputs=(data,))


def _conversion(call: Call) -> Operator:
    data = call.tensor("self")
    same = data is not None and data.dtype == call.output.dtype
    return Operator("Identity" if same else "Cast", inputs=("self",), is_view=same)


def _copy(call: Call) -> Operator:
    """The old content of the destination is lost: only the source is read."""
    source = call.tensor("src")
    if source is not None and source.shape != call.output.shape:
        return Operator("Expand", inputs=("src",))
    same = source is not None and source.dtype == call.output.dtype
    return Operator("Identity" if same else "Cast", inputs=("src",))


def _norm(call: Call) -> Operator:
    order = call.number("p" if "p" in call.arguments else "ord")
    op = "ReduceL1" if order == 1 else "ReduceL2" if order in {None, 2} else ""
    if not op:
        return _unmapped("linalg_vector_norm")
    return Operator(op, inputs=("self",), attributes=to.axes)


_SCATTER_REDUCTIONS = {
    "sum": "add", "add": "add", "prod": "mul", "multiply": "mul", "amax": "max", "amin": "min",
}  # fmt: skip


def _scatter_reduce(call: Call) -> Operator:
    reduction = _SCATTER_REDUCTIONS.get(call.text("reduce"))
    if reduction is None:
        return _unmapped("scatter_reduce")
    return Operator("ScatterElements", attributes=to.fixed(reduction=reduction))


def _index_put(call: Call) -> Operator:
    added = call.flag("accumulate")
    return Operator("ScatterND", attributes=to.fixed(reduction="add") if added else to.nothing)


def _grid_sample(call: Call) -> Operator:
    mode = ("linear", "nearest", "cubic")[call.integer("interpolation_mode", 0) % 3]
    return Operator("GridSample", inputs=("input", "grid"), attributes=to.fixed(mode=mode))


# The table, by family.


def _each(row: Row, *names: str) -> dict[str, Row]:
    """One row for several operators; a name may be several, separated by spaces."""
    return dict.fromkeys(" ".join(names).split(), row)


def _unary(**ops: str) -> dict[str, Row]:
    """Rows of one input: IR operator -> ATen's names for it."""
    rows: dict[str, Row] = {}
    for op, names in ops.items():
        rows |= _each(Operator(op, inputs=("self",)), names)
    return rows


def _any_inputs(**ops: str) -> dict[str, Row]:
    """Rows that take every tensor: IR operator -> ATen's names for it."""
    rows: dict[str, Row] = {}
    for op, names in ops.items():
        rows |= _each(Operator(op), names)
    return rows


_CONVOLUTIONS = {
    **_each(
        _convolution,
        "conv1d conv2d conv3d convolution _convolution convolution_overrideable",
        "cudnn_convolution mkldnn_convolution thnn_conv2d _slow_conv2d_forward slow_conv3d",
        "conv_depthwise3d _conv_depthwise2d",
    ),
    **_each(
        _transposed_convolution,
        "conv_transpose1d conv_transpose2d conv_transpose3d slow_conv_transpose2d",
        "slow_conv_transpose3d cudnn_convolution_transpose",
    ),
    "torchvision.deform_conv2d": Operator(
        "DeformConv",
        inputs=("input", "weight", "offset", "bias", "mask"),
        attributes=lambda call: {"channel_axis": 1, "group": call.integer("groups", 1)},
    ),
}

# Gemm is used beyond ONNX's matrices: its operands may have batch axes.
_PRODUCTS = {
    "linear": Operator("Gemm", inputs=("input", "weight", "bias"), attributes=to.fixed(transB=1)),
    **_each(Operator("Gemm", inputs=("mat1", "mat2", "self"), attributes=to.scales), "addmm"),
    "addmv": Operator("Gemm", inputs=("mat", "vec", "self"), attributes=to.scales),
    "baddbmm": Operator("Gemm", inputs=("batch1", "batch2", "self"), attributes=to.scales),
    **_any_inputs(MatMul="mm bmm matmul mv dot vdot linalg_matmul", Mul="outer ger"),
    "_int_mm": Operator("MatMulInteger"),
    "_scaled_mm": Operator("Gemm", inputs=("self", "mat2", "bias")),
    "einsum": Operator("Einsum", inputs=("tensors",), attributes=to.equation),
    "tensordot": Operator("Einsum", inputs=("self", "other"), attributes=to.contraction),
}

_ATTENTION = _each(
    _attention,
    "scaled_dot_product_attention _scaled_dot_product_attention_math",
    "_scaled_dot_product_flash_attention _scaled_dot_product_flash_attention_for_cpu",
    "_scaled_dot_product_efficient_attention _scaled_dot_product_cudnn_attention",
    "_scaled_dot_product_fused_attention_overrideable _cudnn_attention_forward",
    "_scaled_dot_product_attention_math_for_mps",
)


def _normalization(op: str, inputs: tuple[str, ...], attributes: to.FromCall) -> Operator:
    return Operator(op, inputs=inputs, attributes=attributes, optional_outputs=True)


_NORMALIZATIONS = {
    **_each(
        _batch_norm,
        "batch_norm native_batch_norm _native_batch_norm_legit _batch_norm_impl_index",
        "cudnn_batch_norm miopen_batch_norm",
    ),
    **_each(_STORED_STATISTICS, "_native_batch_norm_legit_no_training _batch_norm_no_update"),
    "_batch_norm_with_update": _unmapped("batch_norm"),
    **_each(
        _normalization("LayerNormalization", ("input", "weight", "bias"), to.normalized_axis),
        "layer_norm native_layer_norm",
    ),
    **_each(
        _normalization("GroupNormalization", ("input", "weight", "bias"), to.groups),
        "group_norm native_group_norm",
    ),
    "instance_norm": _instance_norm,
    **_each(
        _normalization("RMSNormalization", ("input", "weight"), to.normalized_axis),
        "rms_norm _fused_rms_norm",
    ),
}

_POOLS = (
    {
        name.format(rank): Operator(
            op, inputs=("self",), attributes=to.window(rank), optional_outputs=True
        )
        for op, names in {
            "MaxPool": ("max_pool{}d", "max_pool{}d_with_indices"),
            "AveragePool": ("avg_pool{}d",),
        }.items()
        for name in names
        for rank in (1, 2, 3)
    }
    | {
        name.format(rank): _adaptive_pool(op, rank)
        for name, op in {
            "adaptive_max_pool{}d": "MaxPool",
            "adaptive_avg_pool{}d": "AveragePool",
        }.items()
        for rank in (1, 2, 3)
    }
    | {f"_adaptive_avg_pool{rank}d": _adaptive_pool("AveragePool", rank) for rank in (2, 3)}
)

_ACTIVATIONS = {
    **_unary(
        Relu="relu", Sigmoid="sigmoid", Tanh="tanh", Swish="silu", Mish="mish",
        Softplus="softplus", HardSwish="hardswish", HardSigmoid="hardsigmoid", Selu="selu",
        Shrink="hardshrink softshrink", ThresholdedRelu="threshold",
    ),
    **_any_inputs(PRelu="prelu _prelu_kernel"),
    "elu": Operator("Elu", inputs=("self",), attributes=to.alpha("alpha")),
    "celu": Operator("Celu", inputs=("self",), attributes=to.alpha("alpha")),
    "leaky_relu": Operator("LeakyRelu", inputs=("self",), attributes=to.alpha("negative_slope")),
    "gelu": Operator("Gelu", inputs=("self",), attributes=to.approximation),
    "relu6": Operator("Clip", inputs=("self",), attributes=to.fixed(min=0.0, max=6.0)),
    "hardtanh": Operator(
        "Clip",
        inputs=("self",),
        attributes=lambda call: {"min": -1.0, "max": 1.0} | to.bounds("min_val", "max_val")(call),
    ),
    **_each(
        Operator("Clip", inputs=("self", "min", "max"), attributes=to.bounds("min", "max")),
        "clamp clip clamp_min clamp_max",
    ),
    **_each(
        Operator("Softmax", inputs=("self",), attributes=to.axis(-1)),
        "softmax _softmax _safe_softmax special_softmax",
    ),
    **_each(
        Operator("LogSoftmax", inputs=("self",), attributes=to.axis(-1)),
        "log_softmax _log_softmax special_log_softmax",
    ),
    **_each(
        Operator("log_sigmoid", "aten", inputs=("self",), optional_outputs=True),
        "log_sigmoid log_sigmoid_forward",
    ),
}  # fmt: skip

_ELEMENTWISE = {
    "add": _scaled("Add", "add"),
    **_each(_scaled("Sub", "sub"), "sub subtract"),
    "rsub": _scaled("Sub", "rsub"),
    **_each(_division, "div divide"),
    "diff": _difference,
    **_any_inputs(
        Mul="mul multiply", Div="true_divide", Mod="remainder fmod", Pow="pow",
        Max="maximum fmax max.other", Min="minimum fmin min.other",
        Where="where.self where.Scalar where.ScalarOther where.ScalarSelf",
        Equal="eq", Greater="gt greater", GreaterOrEqual="ge greater_equal",
        Less="lt less", LessOrEqual="le less_equal",
        And="logical_and", Or="logical_or", Xor="logical_xor",
        BitwiseAnd="bitwise_and __and__", BitwiseOr="bitwise_or __or__",
        BitwiseXor="bitwise_xor __xor__",
        BitShift="bitwise_left_shift bitwise_right_shift __lshift__ __rshift__",
    ),
    "masked_fill": Operator("Where", inputs=("mask", "value", "self")),
    **_unary(
        Reciprocal="reciprocal", Neg="neg negative", Abs="abs absolute", Sign="sign sgn",
        Floor="floor", Ceil="ceil", Round="round", Exp="exp", Log="log", Sqrt="sqrt",
        Erf="erf special_erf", Sin="sin", Cos="cos", Tan="tan", Asin="asin arcsin",
        Acos="acos arccos", Atan="atan arctan", Sinh="sinh", Cosh="cosh", Asinh="asinh arcsinh",
        Acosh="acosh arccosh", Atanh="atanh arctanh", Not="logical_not", BitwiseNot="bitwise_not",
        IsNaN="isnan", IsInf="isinf",
    ),
}  # fmt: skip

_REDUCTIONS = {
    **{
        name: Operator(op, inputs=("self",), attributes=to.axes, optional_outputs=True)
        for op, names in {
            "ReduceSum": "sum", "ReduceMean": "mean", "ReduceProd": "prod",
            "ReduceMax": "amax max any", "ReduceMin": "amin min all",
            "ReduceLogSumExp": "logsumexp",
        }.items()
        for name in names.split()
    },
    **_each(_norm, "norm linalg_vector_norm"),
    "argmax": Operator("ArgMax", inputs=("self",), attributes=to.optional_axis),
    "argmin": Operator("ArgMin", inputs=("self",), attributes=to.optional_axis),
    "cumsum": Operator("CumSum", inputs=("self",), attributes=to.axis(0)),
    "topk": Operator("TopK", inputs=("self",), attributes=to.top_k),
}  # fmt: skip


def _resize(mode: str, **more: int) -> Operator:
    return Operator("Resize", attributes=to.fixed(mode=mode, **more))


_RESIZES = {
    **_each(
        _resize("nearest"),
        "upsample_nearest1d upsample_nearest2d upsample_nearest3d",
        "_upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d",
    ),
    **_each(_resize("linear"), "upsample_linear1d upsample_bilinear2d upsample_trilinear3d"),
    "upsample_bicubic2d": _resize("cubic"),
    "_upsample_bilinear2d_aa": _resize("linear", antialias=1),
    "_upsample_bicubic2d_aa": _resize("cubic", antialias=1),
}

_LOOKUPS = {
    "embedding": Operator("Gather", inputs=("weight", "indices"), attributes=to.fixed(axis=0)),
    "index_select": Operator("Gather", inputs=("self", "index"), attributes=to.axis(0)),
    "gather": Operator("GatherElements", inputs=("self", "index"), attributes=to.axis(0)),
    "take_along_dim": Operator("GatherElements", inputs=("self", "indices")),
    **_each(Operator("GatherND", inputs=("self", "indices")), "index _unsafe_index"),
    **_each(_index_put, "index_put _unsafe_index_put _index_put_impl"),
    "index_add": Operator("ScatterND", attributes=to.fixed(reduction="add")),
    **_any_inputs(
        ScatterND="index_copy index_fill slice_scatter select_scatter diagonal_scatter"
        " as_strided_scatter masked_scatter",
        ScatterElements="scatter.src scatter.value",
        OneHot="one_hot", AffineGrid="affine_grid_generator",
    ),
    "scatter_add": Operator("ScatterElements", attributes=to.fixed(reduction="add")),
    **_each(_scatter_reduce, "scatter_reduce scatter.reduce scatter.value_reduce"),
    **_unary(NonZero="nonzero argwhere"),
    "torchvision.nms": Operator("NonMaxSuppression"),
    "torchvision.roi_align": Operator("RoiAlign"),
    **_each(_grid_sample, "grid_sampler grid_sampler_2d grid_sampler_3d"),
}  # fmt: skip

_VIEWS = {
    name: Operator(op, inputs=("self",), is_view=True)
    for op, names in {
        "Reshape": "view reshape view_as reshape_as unflatten ravel view_as_real view_as_complex"
        " _unsafe_view _reshape_alias view_copy",
        "Flatten": "flatten",
        "Squeeze": "squeeze squeeze_copy",
        "Unsqueeze": "unsqueeze unsqueeze_copy",
        "Expand": "expand expand_as broadcast_to expand_copy",
        "Transpose": "permute transpose t numpy_T mT mH adjoint movedim moveaxis swapaxes swapdims"
        " permute_copy transpose_copy t_copy",
        "Slice": "slice select narrow diagonal slice_copy select_copy",
        "Split": "split split_with_sizes chunk tensor_split unbind hsplit vsplit dsplit"
        " unsafe_split unsafe_chunk unsafe_split_with_sizes split_with_sizes_copy unbind_copy",
        "Identity": "contiguous detach alias lift_fresh positive resolve_conj resolve_neg"
        " requires_grad detach_copy alias_copy",
    }.items()
    for name in names.split()
} | {
    name: Operator(name, "aten", inputs=("self",), is_view=True)
    for name in ("as_strided", "unfold")
}

_MOVES = {
    **_unary(
        Identity="clone lift lift_fresh_copy", Tile="repeat tile", Trilu="tril triu",
        DepthToSpace="pixel_shuffle", SpaceToDepth="pixel_unshuffle",
        Pad="pad constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d"
        " replication_pad1d replication_pad2d replication_pad3d _pad_circular",
    ),
    **_each(_conversion, "to _to_copy type_as"),
    "copy": _copy,
    **_each(_dropout, "dropout feature_dropout alpha_dropout native_dropout"),
    **_each(
        Operator("Concat", inputs=("tensors",), attributes=to.axis(0)),
        "cat concat concatenate stack hstack vstack dstack column_stack",
    ),
    "meshgrid": Operator("Expand", inputs=("tensors",)),
}  # fmt: skip

# What is made at run time, out of a shape alone. ONNX's ConstantOfShape and EyeLike stand for
# weights in graphs whose roles have to be traced; a program says itself what its weights are.
_MAKERS = {
    name: Operator(op, inputs=())
    for op, names in {
        "Constant": "zeros ones full empty eye scalar_tensor zeros_like ones_like full_like"
        " empty_like new_zeros new_ones new_full new_empty empty_strided new_empty_strided"
        " empty_permuted fill zero",
        "Range": "arange linspace",
        "RandomUniform": "rand rand_like uniform",
        "RandomNormal": "randn randn_like normal normal_functional",
    }.items()
    for name in names.split()
}

_QUANTIZATION = {
    f"quantized_decomposed.{name}_per_{grain}": Operator(op)
    for name, op in {"quantize": "QuantizeLinear", "dequantize": "DequantizeLinear"}.items()
    for grain in ("tensor", "channel", "token")
}

OPERATORS: Mapping[str, Row] = {
    **_CONVOLUTIONS,
    **_PRODUCTS,
    **_ATTENTION,
    **_NORMALIZATIONS,
    **_POOLS,
    **_ACTIVATIONS,
    **_ELEMENTWISE,
    **_REDUCTIONS,
    **_RESIZES,
    **_LOOKUPS,
    **_VIEWS,
    **_MOVES,
    **_MAKERS,
    **_QUANTIZATION,
}
