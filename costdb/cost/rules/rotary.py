"""Rotary position embeddings: pairs of elements are turned by the angle of their position."""

from costdb.contracts import Counts, rule
from costdb.cost.rules.attention import head_count
from costdb.ir import Layer, Role

TABLES = {1: Role.CONSTANT, 2: Role.CONSTANT}


def rotation(elements: int) -> Counts:
    """Turning so many elements: cos * x - sin * y and sin * x + cos * y for each two of them."""
    return Counts(muls=2 * elements, adds=elements)


def _rotated(layer: Layer) -> int:
    """How many elements are turned: all, or the first `rotary_embedding_dim` of each head."""
    data = layer.input(0)
    turned = layer.integer("rotary_embedding_dim", 0)
    if not turned:
        return data.numel
    length = data.size(3) if data.rank == 4 else data.size(2) // head_count(layer, "num_heads")
    return data.numel // length * turned if length else 0


@rule("RotaryEmbedding", weights=TABLES)
def rotary_embedding(layer: Layer) -> Counts:
    """Count a rotation of queries or keys by tables of cosines and sines, which are constants.

    Formula: 2 multiplications and an add per element that is turned: all of them, or the first
    `rotary_embedding_dim` of each head.
    Source: https://onnx.ai/onnx/operators/onnx__RotaryEmbedding.html
    Example: X (1, 32, 128, 64), cos (128, 32), sin (128, 32), Y (1, 32, 128, 64): flops 786,432.
    """
    return rotation(_rotated(layer))


@rule("RotaryEmbedding", domain="com.microsoft", weights={2: Role.CONSTANT, 3: Role.CONSTANT})
def runtime_rotary_embedding(layer: Layer) -> Counts:
    """Count a rotation as ONNX's RotaryEmbedding does, whose positions are the second input here.

    Formula: 2 multiplications and an add per element that is turned.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: X (1, 128, 2048), positions (1, 128), cos (2048, 16), sin (2048, 16), num_heads 32,
    rotary_embedding_dim 32, Y (1, 128, 2048): flops 393,216.
    """
    return rotation(_rotated(layer))
