"""Distances between vectors: of all pairs, or of one with one."""

from costdb.contracts import ZERO, Counts, rule
from costdb.ir import Layer


def distance(length: int, order: float) -> Counts:
    """The p-norm of the difference of two vectors.

    Order 0 counts what differs, infinity takes the largest.
    """
    if length == 0:
        return ZERO
    differences = Counts(adds=length)
    if order == 2.0:
        return differences + Counts(muls=length, adds=length - 1, specials=1)
    if order == float("inf"):
        return differences + Counts(compares=2 * length - 1)
    if order in {0.0, 1.0}:
        return differences + Counts(compares=length, adds=length - 1)
    return differences + Counts(compares=length, specials=length + 1, adds=length - 1)


@rule("_cdist_forward", "cdist", "_pdist_forward", "pdist", domain="aten")
def all_distances(layer: Layer) -> Counts:
    """Count the distances of all pairs of vectors, by the p-norm of their difference.

    Formula: per pair of length n, n subtractions, n squares, n - 1 adds and a root for p = 2; n
    magnitudes and n - 1 adds for 1, n powers and a root more for others.
    Source: https://pytorch.org/docs/stable/generated/torch.cdist.html
    Example: A (1, 10, 64), B (1, 20, 64), Y (1, 10, 20): flops 38,400.
    """
    return layer.output.numel * distance(layer.input(0).size(-1), layer.number("p", 2.0))


@rule("pairwise_distance", domain="aten")
def paired_distance(layer: Layer) -> Counts:
    """Count the distance of each vector from its partner; epsilon is added to the differences.

    Formula: as cdist, for each element of Y; an add per element of the difference.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.pairwise_distance.html
    Example: A (8, 64), B (8, 64), Y (8,): flops 2,048.
    """
    length = layer.input(0).size(-1)
    return layer.output.numel * (distance(length, layer.number("p", 2.0)) + Counts(adds=length))


@rule("CDist", domain="com.microsoft")
def runtime_distances(layer: Layer) -> Counts:
    """Count the distances of all pairs of vectors, or their squares.

    Formula: per pair of length n, n subtractions, n squares, n - 1 adds; a root unless `metric` is
    "sqeuclidean", the default.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: A (10, 64), B (20, 64), metric "euclidean", Y (10, 20): flops 38,400.
    """
    length = layer.input(0).size(-1)
    if length == 0:
        return ZERO
    rooted = layer.string("metric", "sqeuclidean") == "euclidean"
    pair = Counts(adds=2 * length - 1, muls=length, specials=int(rooted))
    return layer.output.numel * pair


@rule("cosine_similarity", domain="aten")
def cosine_similarity(layer: Layer) -> Counts:
    """Count x y / (|x| |y|) along an axis.

    Formula: per pair of length n, 3n multiplications and 3n - 3 adds for x y, |x|^2 and |y|^2, two
    roots, two comparisons with epsilon, a multiplication and a division.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.cosine_similarity.html
    Example: A (8, 64), B (8, 64), dim 1, Y (8,): flops 3,096.
    """
    length = layer.input(0).size(layer.integer("dim", 1))
    if length == 0:
        return ZERO
    pair = Counts(muls=3 * length + 1, adds=3 * length - 3, specials=2, compares=2, divs=1)
    return layer.output.numel * pair


@rule("dist", domain="aten")
def whole_distance(layer: Layer) -> Counts:
    """Count the p-norm of the difference of two tensors.

    Formula: as cdist, for all elements as one vector.
    Source: https://pytorch.org/docs/stable/generated/torch.dist.html
    Example: A (8, 64), B (8, 64), Y (): flops 1,536.
    """
    length = max(layer.input(0).numel, layer.input(1).numel)
    return distance(length, layer.number("p", 2.0))
