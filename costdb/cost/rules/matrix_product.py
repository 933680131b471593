"""Matrix products: Gemm, MatMul with broadcast, Einsum."""

import math

from costdb.contracts import Counts, dot_products, rule
from costdb.ir import Layer, Role, Tensor, Uncountable


def _inner_size(operand: Tensor, *, transposed: bool) -> int:
    """The length of the dot products, read off the left operand."""
    return operand.size(-2 if transposed and operand.rank > 1 else -1)


def matrix_product_accesses(layer: Layer) -> int:
    """Memory accesses in elements of a 1x1 convolution of the same shape.

    Every element of the left operand is read for each column of the right one, M*K*N reads a
    matrix; the right operand and a bias are read as stored; every output element is written.

    Source: the reference article, section 4, read for a fully connected layer.
    """
    inner = _inner_size(layer.input(0), transposed=bool(layer.integer("transA", 0)))
    stored = layer.input(1).numel + (layer.input(2).numel if layer.has_input(2) else 0)
    return layer.output.numel * inner + stored + layer.output.numel


@rule(
    "Gemm",
    weights={0: Role.PARAMETER, 1: Role.PARAMETER, 2: Role.PARAMETER},
    accesses=matrix_product_accesses,
)
def gemm(layer: Layer) -> Counts:
    """Count a general matrix product, Y = alpha * A' B' + beta * C.

    Formula: numel(Y) dot products of length K; one add per element of Y if C is given; a
    multiplication per element of Y for an alpha and per element of C for a beta other than 1.
    Source: https://onnx.ai/onnx/operators/onnx__Gemm.html
    Example: A (1, 4096), B (4096, 4096), C (4096,), Y (1, 4096): macs 16,777,216.
    """
    size = layer.output.numel
    inner = _inner_size(layer.input(0), transposed=bool(layer.integer("transA", 0)))
    scaled = size if layer.number("alpha", 1.0) != 1.0 else 0
    counts = dot_products(size, length=inner)
    if layer.has_input(2):
        scaled += layer.input(2).numel if layer.number("beta", 1.0) != 1.0 else 0
        counts += Counts(adds=size)
    return counts + Counts(muls=scaled)


@rule(
    "MatMul",
    weights={0: Role.PARAMETER, 1: Role.PARAMETER},
    accesses=matrix_product_accesses,
)
def matmul(layer: Layer) -> Counts:
    """Count a matrix product as numpy.matmul defines it, batch axes broadcast.

    Formula: numel(Y) dot products of length K.
    Source: https://onnx.ai/onnx/operators/onnx__MatMul.html
    Example: A (8, 128, 64), B (64, 32), Y (8, 128, 32): macs 2,097,152.
    """
    inner = _inner_size(layer.input(0), transposed=bool(layer.integer("transA", 0)))
    return dot_products(layer.output.numel, length=inner)


@rule("Einsum", weights={0: Role.PARAMETER, 1: Role.PARAMETER})
def einsum(layer: Layer) -> Counts:
    """Count an Einstein summation as its definition reads, without a contraction path.

    Formula: numel(Y) dot products over the indices that Y lacks; with n > 2 operands, n - 2 more
    multiplications for each combination of indices. A single operand is only summed:
    numel(X) - numel(Y) adds.
    Source: https://onnx.ai/onnx/operators/onnx__Einsum.html
    Example: "bhqd,bhkd->bhqk", A (1, 12, 64, 64), B (1, 12, 64, 64), Y (1, 12, 64, 64):
    macs 3,145,728.
    """
    terms = _terms(layer.string("equation"))
    if len(terms) != len(layer.inputs):
        raise Uncountable(f"{layer.string('equation')!r} does not fit {len(layer.inputs)} operands")
    sizes: dict[str, int] = {}
    for position, term in enumerate(terms):
        shape = layer.input(position).sizes
        for index, size in zip(_indices(term, len(shape)), shape, strict=True):
            # A size of 1 broadcasts against any other.
            sizes[index] = size if sizes.get(index, 1) == 1 else sizes[index]
    combinations = math.prod(sizes.values())
    outputs = layer.output.numel
    if len(terms) == 1 or outputs == 0:
        return Counts(adds=max(combinations - outputs, 0))
    counts = dot_products(outputs, length=combinations // outputs)
    return counts + Counts(muls=(len(terms) - 2) * combinations)


def _terms(equation: str) -> list[str]:
    """The operands' indices; an ellipsis is written as one dot."""
    operands, _, _ = equation.replace(" ", "").replace("...", ".").partition("->")
    return operands.split(",")


def _indices(term: str, rank: int) -> list[str]:
    """One index for each axis; those of an ellipsis are numbered from the right."""
    before, dots, after = term.partition(".")
    hidden = rank - len(before) - len(after)
    if hidden < 0 or (hidden > 0 and not dots):
        raise Uncountable(f"Einsum term {term!r} does not fit rank {rank}")
    return [*before, *(f".{axis}" for axis in range(hidden, 0, -1)), *after]
