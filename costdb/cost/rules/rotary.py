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
