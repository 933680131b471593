"""Products of vectors and of stacks of matrices that PyTorch has operators of its own for."""

from costdb.contracts import Counts, Coverage, dot_products, rule
from costdb.ir import Layer


@rule("inner", "linalg_vecdot", domain="aten")
def inner_product(layer: Layer) -> Counts:
    """Count the dot products of the vectors along an axis, by default the last.

    Formula: numel(Y) dot products of its length.
    Source: https://pytorch.org/docs/stable/generated/torch.inner.html
    Example: A (2, 64), B (3, 64), Y (2, 3): macs 384.
    """
    return dot_products(layer.output.numel, length=layer.input(0).size(layer.integer("dim", -1)))


@rule("addbmm", domain="aten")
def summed_products(layer: Layer) -> Counts:
    """Count C plus the sum of the products of matrices: C, A (b, n, k), B (b, k, m).

    Formula: numel(Y) dot products of length b * k; an add per element of Y, and multiplications by
    a beta and an alpha other than 1.
    Source: https://pytorch.org/docs/stable/generated/torch.addbmm.html
    Example: C (4, 5), A (8, 4, 16), B (8, 16, 5), Y (4, 5): macs 2,560.
    """
    left, size = layer.input(1), layer.output.numel
    scaled = sum(layer.number(name, 1.0) != 1.0 for name in ("alpha", "beta"))
    products = dot_products(size, length=left.size(0) * left.size(2))
    return products + Counts(adds=size, muls=size * scaled)


@rule("bilinear", domain="aten")
def bilinear_product(layer: Layer) -> Counts:
    """Count x W y + b for each matrix of W (out, in1, in2): X, Y, W.

    Formula: per row of X, out * in2 dot products of length in1 and out of length in2; an add per
    output element for a bias.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.Bilinear.html
    Example: X (8, 16), Y (8, 32), W (4, 16, 32), Z (8, 4): macs 17,408.
    """
    weights, size = layer.input(2), layer.output.numel
    first, second = weights.size(1), weights.size(2)
    return (
        dot_products(size * second, length=first)
        + dot_products(size, length=second)
        + Counts(adds=size if layer.has_input(3) else 0)
    )


@rule("_grouped_mm", domain="aten", coverage=Coverage.ESTIMATED)
def grouped_product(layer: Layer) -> Counts:
    """Count products of groups of rows, each with a matrix of its own: of experts.

    Formula: numel(Y) dot products of length k, the last axis of A (..., k); of two matrices whose
    columns and rows are grouped, of length k over the number of groups.
    Source: https://github.com/pytorch/pytorch/blob/main/aten/src/ATen/native/native_functions.yaml
    Example: A (128, 64), B (8, 64, 32), ends (8,), Y (128, 32): macs 262,144.
    """
    left, right, output = layer.input(0), layer.input(1), layer.output
    length = left.size(-1)
    if left.rank == 2 and right.rank == 2 and output.rank == 3:
        groups = output.size(0)
        length = length // groups if groups else 0
    return dot_products(output.numel, length=length)
