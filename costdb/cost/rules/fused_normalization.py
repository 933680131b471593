"""Normalisations of ONNX Runtime with the sums that it merges into them.

https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md describes them.
"""

from costdb.contracts import ZERO, Counts, rule
from costdb.cost.rules.activation import activation
from costdb.cost.rules.attention import head_count
from costdb.cost.rules.normalization import centred, root_mean_square
from costdb.cost.rules.quantization import DEQUANTIZE
from costdb.cost.rules.runtime_attention import given
from costdb.ir import Layer, Role


def _parameters(*positions: int) -> dict[int, Role]:
    return dict.fromkeys(positions, Role.PARAMETER)


def _rows(layer: Layer, length: int) -> int:
    return layer.output.numel // length if length else 0


@rule("SkipLayerNormalization", domain="com.microsoft", weights=_parameters(2, 3, 4))
def skip_layer_normalization(layer: Layer) -> Counts:
    """Count a layer norm of x + skip, or of x + skip + bias.

    Formula: an add per element for each of skip and bias; as LayerNormalization over the last axis.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: X (1, 128, 768), skip (1, 128, 768), scale (768,), shift (768,), Y (1, 128, 768):
    flops 786,816.
    """
    length, size = layer.input(0).size(-1), layer.output.numel
    summed = Counts(adds=size * given(layer, 1, 3, 4), muls=size)
    return centred(_rows(layer, length), length) + summed


@rule("SkipSimplifiedLayerNormalization", domain="com.microsoft", weights=_parameters(2, 3))
def skip_rms_normalization(layer: Layer) -> Counts:
    """Count a root-mean-square norm of x + skip, or of x + skip + bias.

    Formula: an add per element for each of skip and bias; as RMSNormalization over the last axis:
    per row of length n, 3n multiplications, n adds, 2 divisions and a square root.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: X (1, 128, 4096), skip (1, 128, 4096), scale (4096,), Y (1, 128, 4096):
    flops 2,621,824.
    """
    size, length = layer.output.numel, layer.input(0).size(-1)
    summed = Counts(adds=size * given(layer, 1, 3))
    return summed + root_mean_square(_rows(layer, length), length, scaled=True)


@rule("EmbedLayerNormalization", domain="com.microsoft", weights=_parameters(2, 3, 4, 5, 6))
def embedding_normalization(layer: Layer) -> Counts:
    """Count a layer norm of a sum of embeddings: words, positions, segments.

    Formula: an add per element for the positions and one for segments; as LayerNormalization over
    the last axis; a comparison per element of a mask.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: ids (1, 128), segments (1, 128), words (30522, 768), positions (512, 768),
    segment (2, 768), scale (768,), shift (768,), Y (1, 128, 768): flops 885,120.
    """
    return _embedded(layer)


def _embedded(layer: Layer) -> Counts:
    length = layer.input(2).size(1)
    rows = layer.input(0).numel
    summed = rows * length * Counts(adds=1 + layer.has_input(4))
    masked = Counts(compares=layer.input(7).numel) if layer.has_input(7) else ZERO
    return summed + centred(rows, length) + rows * length * Counts(adds=1, muls=1) + masked


@rule("GroupNorm", "SkipGroupNorm", domain="com.microsoft", weights=_parameters(1, 2, 4))
def runtime_group_normalization(layer: Layer) -> Counts:
    """Count a group norm and a Swish if `activation` asks for it; Skip: of x + skip (+ bias).

    Formula: an add per element for each of skip and bias; as GroupNormalization; for a Swish
    2 adds, an exp, a division and a multiplication per element.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: X (1, 64, 64, 320), scale (320,), shift (320,), groups 32, activation 1,
    Y (1, 64, 64, 320): flops 15,728,736.
    """
    size = layer.output.numel
    rows = layer.input(0).size(0) * head_count(layer, "groups")
    after = activation("swish" if layer.integer("activation", 0) else "none")
    summed = Counts(adds=size * given(layer, 3, 4))
    scaled = size * (Counts(muls=1, adds=1) + after)
    return summed + centred(rows, size // rows if rows else 0) + scaled


@rule("GatedRMSNorm", domain="com.microsoft", weights=_parameters(1))
def gated_rms_normalization(layer: Layer) -> Counts:
    """Count a root-mean-square norm of groups of C elements, times an activation of a gate.

    Formula: per group of length C, 3C multiplications, C adds, 2 divisions and a square root; per
    element the activation of the gate and a multiplication.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: X (1, 16, 512), scale (128,), gate (1, 16, 512), activation "silu", Y (1, 16, 512):
    flops 82,112.
    """
    size, length = layer.output.numel, layer.input(1).numel
    gated = activation(layer.string("activation", "silu")) + Counts(muls=1)
    return root_mean_square(_rows(layer, length), length, scaled=True) + size * gated


@rule(
    "QEmbedLayerNormalization",
    domain="com.microsoft",
    weights=_parameters(2, 3, 4, 5, 6) | dict.fromkeys(range(8, 18), Role.CONSTANT),
)
def quantized_embedding_normalization(layer: Layer) -> Counts:
    """Count a layer norm of a sum of embeddings that are stored as integers.

    Formula: as EmbedLayerNormalization; a subtraction and a multiplication for each element that is
    looked up, and for each of the scale and the shift.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: ids (1, 128), segments (1, 128), words (30522, 768), positions (512, 768),
    segment (2, 768), scale (768,), shift (768,), Y (1, 128, 768): flops 1,478,016.
    """
    rows, length = layer.input(0).numel, layer.input(2).size(1)
    dequantized = (2 + layer.has_input(4)) * rows * length + 2 * length
    return _embedded(layer) + dequantized * DEQUANTIZE
