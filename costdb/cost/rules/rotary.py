"""Rotary position embeddings: pairs of elements are turned by the angle of their position."""

from dataclasses import replace

from costdb.contracts import Counts, rule
from costdb.cost.rules.attention import head_count
from costdb.ir import Layer, Role, Uncountable


def rotation(elements: int) -> Counts:
    """Turning so many elements: cos * x - sin * y and sin * x + cos * y for each two of them."""
    return Counts(muls=2 * elements, adds=elements)


def _rotated(layer: Layer) -> int:
    """How many elements are turned: all, or the first `rotary_embedding_dim` of each head."""
    data = layer.input(0)
    turned = layer.integer("rotary_embedding_dim", 0)
    if turned == 0:
        return data.numel
    length = data.size(3) if data.rank == 4 else data.size(2) // head_count(layer, "num_heads")
    if not 0 < turned <= length:
        raise Uncountable(f"{turned} elements of heads of {length} are no part to turn")
    return data.numel // length * turned


@rule("RotaryEmbedding", weights={1: Role.CONSTANT, 2: Role.CONSTANT})
def rotary_embedding(layer: Layer) -> Counts:
    """Count a rotation of queries or keys by tables of cosines and sines, which are constants.

    Formula: 2 multiplications and an add per element that is turned: all of them, or the first
    `rotary_embedding_dim` of each head.
    Source: https://onnx.ai/onnx/operators/onnx__RotaryEmbedding.html
    Example: X (1, 32, 128, 64), cos (128, 32), sin (128, 32), Y (1, 32, 128, 64): flops 786,432.
    """
    return rotation(_rotated(layer))


# The same with the positions in front of the tables.
RUNTIME_ROTARY_EMBEDDING = tuple(
    replace(rule, domain="com.microsoft", weights={2: Role.CONSTANT, 3: Role.CONSTANT})
    for rule in rotary_embedding
)


# One position of each kind for each token, and tables as above.
SECTIONED_ROTARY_EMBEDDING = tuple(
    replace(rule, op="MRotaryEmbedding") for rule in RUNTIME_ROTARY_EMBEDDING
)


@rule("GemmaRotaryEmbedding", domain="com.microsoft")
def rotary_embedding_of_both(layer: Layer) -> Counts:
    """Count rotations of queries and keys by angles whose cosines and sines are taken here.

    Formula: 2 special functions per angle; 2 multiplications and an add per element of the queries
    and of the keys.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: angles (1, 16, 64), Q (1, 8, 16, 64), Q (1, 8, 16, 64), K (1, 8, 16, 64),
    K (1, 8, 16, 64), Y (1, 8, 16, 64): flops 51,200.
    """
    turned = layer.input(1).numel + layer.input(3).numel
    return Counts(specials=2 * layer.input(0).numel) + rotation(turned)
