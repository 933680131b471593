"""Shapes of ONNX Runtime's own operators.

They are described in
https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md.
"""

from onnx import TensorProto

from costdb.plugins import Shape
from costdb_onnx.model.facts import tensor_type
from costdb_onnx.model.operands import Operands, ShapeRule, Types, as_first_input, rule_of


def _product(times: int | None, by: int | None) -> int | None:
    return None if times is None or by is None else times * by


def _total(*sizes: int | None) -> int | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def _quotient(size: int | None, by: int | None) -> int | None:
    return size // by if size is not None and by else None


def _matrix_shape(left: Shape | None, right: Shape | None) -> Shape | None:
    """The shape of a product of matrices, the axes before the last two broadcast."""
    if left is None or right is None or len(left) < 2 or len(right) < 2:
        return None
    outer = max(left[:-2], right[:-2], key=len)
    inner = min(left[:-2], right[:-2], key=len)
    aligned = (1,) * (len(outer) - len(inner)) + inner
    batch = tuple(b if a == 1 else a for a, b in zip(outer, aligned, strict=True))
    return (*batch, left[-2], right[-1])


def _swapped(shape: Shape | None, *, if_set: int) -> Shape | None:
    if shape is None or not if_set or len(shape) < 2:
        return shape
    return (*shape[:-2], shape[-1], shape[-2])


def _batch_moved(shape: Shape | None, *, if_set: int) -> Shape | None:
    """transBatch: the first axis goes behind the other batch axes."""
    if shape is None or not if_set or len(shape) < 3:
        return shape
    return (*shape[1:-1], shape[0], shape[-1])


def _fused_matmul(operands: Operands) -> Types:
    left, right = (
        _swapped(
            _batch_moved(operands.shape(position), if_set=operands.integer(f"transBatch{side}")),
            if_set=operands.integer(f"trans{side}"),
        )
        for position, side in enumerate("AB")
    )
    return [tensor_type(operands.element_type(0), _matrix_shape(left, right))]


def _packed_matmul(operands: Operands) -> Types:
    """A times a matrix of N columns that is packed into blocks."""
    shape = operands.shape(0)
    made = None if not shape else (*shape[:-1], operands.integer("N"))
    return [tensor_type(operands.element_type(0), made)]


def _integer_matmul(scale: int) -> ShapeRule:
    """A quantised product whose result is of the type of its scale."""
    return rule_of(
        lambda operands: [
            tensor_type(
                operands.element_type(scale),
                _matrix_shape(operands.shape(0), operands.shape(1)),
            )
        ]
    )


def _quantised_gemm(operands: Operands) -> Types:
    left = _swapped(operands.shape(0), if_set=operands.integer("transA"))
    right = _swapped(operands.shape(3), if_set=operands.integer("transB"))
    element_type = operands.element_type(0) if operands.has(8) else TensorProto.FLOAT
    return [tensor_type(element_type, _matrix_shape(left, right))]


def _quantised_concat(operands: Operands) -> Types:
    """Inputs: the output's scale and zero point, then tensor, scale and zero point of each part."""
    first, axis, position = operands.shape(2), operands.integer("axis"), 2
    if first is None or not -len(first) <= axis < len(first):
        return [tensor_type(operands.element_type(2), None)]
    total: int | None = 0
    while operands.has(position):
        total = _total(total, operands.size(position, axis))
        position += 3
    sizes = list(first)
    sizes[axis] = total
    return [tensor_type(operands.element_type(2), sizes)]


def _attention(past: int) -> ShapeRule:
    """Attention with its projections: input (B, S, D), weights (D, 3 H)."""

    def types(operands: Operands) -> Types:
        batch, length = operands.size(0, 0), operands.size(0, 1)
        sizes = operands.integers("qkv_hidden_sizes")
        hidden = sizes[2] if len(sizes) == 3 else _quotient(operands.size(1, -1), 3)
        heads = operands.integer("num_heads")
        before = operands.size(past, 3) if operands.has(past) else 0
        output = TensorProto.FLOAT if past == 8 else operands.element_type(0)
        present = (2, batch, heads, _total(before, length), _quotient(hidden, heads))
        return [tensor_type(output, (batch, length, hidden)), tensor_type(output, present)]

    return rule_of(types)


def _multi_head_attention(operands: Operands) -> Types:
    """Query (B, S, D) or all packed (B, S, N, 3, H); value (B, L, Dv) or (B, N, L, H)."""
    heads = operands.integer("num_heads")
    batch, length = operands.size(0, 0), operands.size(0, 1)
    key_length = operands.size(1, 1)
    if operands.rank(0) == 5:
        head, key_length = operands.size(0, 4), length
        value_head = head
    elif operands.rank(2) == 4:
        head, key_length = _quotient(operands.size(0, 2), heads), operands.size(2, 2)
        value_head = operands.size(2, 3)
    elif operands.rank(1) == 5:
        head, value_head = operands.size(1, 4), operands.size(1, 4)
    else:
        head = _quotient(operands.size(0, 2), heads)
        value_head = _quotient(operands.size(2, 2), heads)
    past = operands.size(6, 2) if operands.has(6) else 0
    total = _total(past, key_length)
    kind = operands.element_type(0)
    return [
        tensor_type(kind, (batch, length, _product(value_head, heads))),
        tensor_type(kind, (batch, heads, total, head)),
        tensor_type(kind, (batch, heads, total, value_head)),
    ]


def _group_query_attention(operands: Operands) -> Types:
    """Query (B, S, N H), or (B, S, (N + 2 KV) H) with key and value packed behind it."""
    heads, groups = operands.integer("num_heads"), operands.integer("kv_num_heads")
    batch, length, width = (operands.size(0, axis) for axis in range(3))
    head = _quotient(width, heads if operands.has(1) else heads + 2 * groups)
    past = operands.size(3, 2) if operands.has(3) else 0
    kind = operands.element_type(0)
    present = tensor_type(kind, (batch, groups, _total(past, length), head))
    return [tensor_type(kind, (batch, length, _product(head, heads))), present, present]


def _embedding_norm(operands: Operands) -> Types:
    """Sums of embeddings, normalised: token ids (B, S), word embedding (V, D)."""
    batch, length = operands.size(0, 0), operands.size(0, 1)
    embedded = tensor_type(operands.element_type(2), (batch, length, operands.size(2, 1)))
    return [embedded, tensor_type(TensorProto.INT32, (batch,)), embedded]


def _skip_norm(operands: Operands) -> Types:
    """The norm and the sum are of the input's type, mean and deviation one number for each row."""
    shape, kind = operands.shape(0), operands.element_type(0)
    rows = tensor_type(TensorProto.FLOAT, (*shape[:-1], 1) if shape else None)
    normed = tensor_type(kind, shape)
    return [normed, rows, rows, normed]


def _gathered_blocks(operands: Operands) -> Types:
    """Rows of a table of packed integers: data, indices, scales."""
    data, indices = operands.shape(0), operands.shape(1)
    kind, axis = operands.element_type(2), operands.integer("gather_axis")
    if data is None or indices is None or not -len(data) <= axis < len(data):
        return [tensor_type(kind, None)]
    axis %= len(data)
    sizes = list(data)
    if operands.element_type(0) == TensorProto.UINT8:
        sizes[-1] = _product(sizes[-1], 8 // max(1, operands.integer("bits", 4)))
    return [tensor_type(kind, (*sizes[:axis], *indices, *sizes[axis + 1 :]))]


def _halved(operands: Operands) -> Types:
    shape = operands.shape(0)
    made = None if not shape else (*shape[:-1], _quotient(shape[-1], 2))
    return [tensor_type(operands.element_type(0), made)]


def _packed_attention(operands: Operands) -> Types:
    """Tokens (T, D), weights (D, 3 H)."""
    sizes = operands.integers("qkv_hidden_sizes")
    hidden = sizes[2] if len(sizes) == 3 else _quotient(operands.size(1, -1), 3)
    return [tensor_type(operands.element_type(0), (operands.size(0, 0), hidden))]


def _masked_attention(operands: Operands) -> Types:
    """One token (B, 1, D), or all packed (B, 1, 3 D); value (B, 1, Dv) or (B, N, L, H)."""
    heads, batch = operands.integer("num_heads"), operands.size(0, 0)
    if operands.rank(2) == 4:
        width = _product(operands.size(2, 3), heads)
    elif operands.has(2):
        width = operands.size(2, 2)
    else:
        width = _quotient(operands.size(0, 2), 3)
    return [tensor_type(operands.element_type(0), (batch, operands.size(0, 1), width))]


def _columns_of_weights(operands: Operands) -> Types:
    """A times a matrix that is stored by its columns."""
    shape = operands.shape(0)
    made = None if not shape else (*shape[:-1], operands.size(1, 0))
    return [tensor_type(operands.element_type(0), made)]


_ELEMENTWISE = (
    "BiasAdd", "BiasDropout", "BiasGelu", "BiasSoftmax", "BitmaskBiasDropout",
    "CausalConvWithState", "ComplexMul", "ComplexMulConj", "FastGelu", "GatedAdd", "GatedRMSNorm",
    "Gelu", "GroupNorm", "Inverse", "MRotaryEmbedding", "MoE", "NGramRepeatBlock",
    "QLinearLeakyRelu", "QLinearSigmoid", "QLinearSoftmax", "QMoE", "QOrderedAttention",
    "QOrderedGelu", "QOrderedLayerNormalization", "QuickGelu", "RotaryEmbedding", "ScaledSiLU",
    "Trilu", "VarlenCausalConvWithState",
)  # fmt: skip

RUNTIME_SHAPES: dict[str, ShapeRule] = dict.fromkeys(_ELEMENTWISE, as_first_input(0)) | {
    "Attention": _attention(4),
    "BiasSplitGelu": rule_of(_halved),
    "DecoderMaskedMultiHeadAttention": rule_of(_masked_attention),
    "DecoderMaskedSelfAttention": _attention(4),
    "DynamicQuantizeMatMul": _integer_matmul(0),
    "EmbedLayerNormalization": rule_of(_embedding_norm),
    "FusedMatMul": rule_of(_fused_matmul),
    "FusedMatMulActivation": rule_of(_fused_matmul),
    "GatherBlockQuantized": rule_of(_gathered_blocks),
    "GroupQueryAttention": rule_of(_group_query_attention),
    "MatMulBlockQuantizedFp4Weight": rule_of(_columns_of_weights),
    "MatMulBlockQuantizedFp8Weight": rule_of(_columns_of_weights),
    "MatMulBnb4": rule_of(_packed_matmul),
    "MatMulIntegerToFloat": _integer_matmul(2),
    "MatMulNBits": rule_of(_packed_matmul),
    "MatMulNBitsMlp": rule_of(_packed_matmul),
    "MatMulNBitsQLoRA": rule_of(_packed_matmul),
    "MultiHeadAttention": rule_of(_multi_head_attention),
    "PackedAttention": rule_of(_packed_attention),
    "QAttention": _attention(8),
    "QGemm": rule_of(_quantised_gemm),
    "QLinearConcat": rule_of(_quantised_concat),
    "SkipGroupNorm": as_first_input(0, 1),
    "SkipLayerNormalization": rule_of(_skip_norm),
    "SkipSimplifiedLayerNormalization": rule_of(_skip_norm),
    "TransposeMatMul": rule_of(_fused_matmul),
}
