"""Normalisations: with stored statistics (batch), with computed ones (layer, group, instance)."""

from costdb.contracts import ZERO, Counts, rule
from costdb.cost.rules.equivalent import renamed
from costdb.ir import Layer, Role, Uncountable

SCALE_AND_BIAS = {1: Role.PARAMETER, 2: Role.PARAMETER}


@rule("BatchNormalization", weights=SCALE_AND_BIAS | {3: Role.BUFFER, 4: Role.BUFFER})
def batch_normalization(layer: Layer) -> Counts:
    """Count a batch norm at inference: (x - mean) / deviation * scale + bias.

    Formula: two adds, one division and one multiplication per element; the deviations are
    constants. Behind a convolution it is folded and costs nothing.
    Source: the reference article, section 3 (4); https://onnx.ai/onnx/operators/onnx__BatchNormalization.html
    Example: X (1, 32, 112, 112), Y (1, 32, 112, 112): flops 1,605,632.
    """
    size = layer.output.numel
    return Counts(adds=2 * size, divs=size, muls=size)


def centred(rows: int, length: int) -> Counts:
    """Mean, variance and (x - mean) / sqrt(variance + epsilon) over rows of one length.

    Each row: the mean (length - 1 adds, a division), the differences (length adds), their squares
    (length multiplications), the variance (length - 1 adds, a division), epsilon, square root and
    reciprocal (an add, a special, a division), and the scaling (length multiplications).
    """
    if length == 0:
        return ZERO
    return rows * Counts(adds=3 * length - 1, muls=2 * length, divs=3, specials=1)


def root_mean_square(rows: int, length: int, *, scaled: bool = False) -> Counts:
    """Count x / sqrt(mean(x^2) + epsilon) over rows of one length, and a scale where there is one.

    Each row: squares (length multiplications), their mean (length - 1 adds, a division), epsilon,
    square root and reciprocal (an add, a special, a division), length multiplications.
    """
    if length == 0:
        return ZERO
    return rows * Counts(adds=length, muls=(2 + scaled) * length, divs=2, specials=1)


def _scale_and_bias(layer: Layer, scale: int, bias: int) -> Counts:
    size = layer.output.numel
    return Counts(
        muls=size if layer.has_input(scale) else 0, adds=size if layer.has_input(bias) else 0
    )


def _rows(layer: Layer, length: int) -> int:
    return layer.input(0).numel // length if length else 0


def _trailing_length(layer: Layer) -> int:
    """Elements of one row that is normalised: all axes from `axis` on."""
    data = layer.input(0)
    axis = layer.integer("axis", -1)
    length = 1
    for position in range(axis if axis < 0 else axis - data.rank, 0):
        length *= data.size(position)
    return length


@rule("LayerNormalization", weights=SCALE_AND_BIAS)
def layer_normalization(layer: Layer) -> Counts:
    """Count a layer norm over the axes from `axis` on.

    Formula: per row of length n: 3n - 1 adds, 2n multiplications, 3 divisions, a square root; per
    element a multiplication for the scale and an add for the bias.
    Source: https://onnx.ai/onnx/operators/onnx__LayerNormalization.html
    Example: X (1, 197, 768), scale (768,), bias (768,), Y (1, 197, 768): flops 1,059,663.
    """
    length = _trailing_length(layer)
    return centred(_rows(layer, length), length) + _scale_and_bias(layer, 1, 2)


@rule("RMSNormalization", weights={1: Role.PARAMETER})
def rms_normalization(layer: Layer) -> Counts:
    """Count a root-mean-square norm: x / sqrt(mean(x^2) + epsilon) * scale.

    Formula: per row of length n: n squares, n - 1 adds and a division for their mean, epsilon,
    square root and reciprocal, n multiplications; per element one for the scale.
    Source: https://onnx.ai/onnx/operators/onnx__RMSNormalization.html
    Example: X (1, 128, 4096), scale (4096,), Y (1, 128, 4096): flops 2,097,536.
    """
    length = _trailing_length(layer)
    return root_mean_square(_rows(layer, length), length) + _scale_and_bias(layer, 1, 2)


# ONNX Runtime writes it into ONNX's domain under this name.
SIMPLIFIED_LAYER_NORMALIZATION = renamed(rms_normalization, "SimplifiedLayerNormalization")


@rule("InstanceNormalization", weights=SCALE_AND_BIAS)
def instance_normalization(layer: Layer) -> Counts:
    """Count an instance norm: each channel of each sample by its own statistics.

    Formula: as LayerNormalization, with rows of the spatial size.
    Source: https://onnx.ai/onnx/operators/onnx__InstanceNormalization.html
    Example: X (1, 64, 56, 56), scale (64,), bias (64,), Y (1, 64, 56, 56): flops 1,405,120.
    """
    data = layer.input(0)
    rows = data.size(0) * data.size(layer.integer("channel_axis", 1))
    return centred(rows, data.numel // rows if rows else 0) + _scale_and_bias(layer, 1, 2)


@rule("GroupNormalization", weights=SCALE_AND_BIAS)
def group_normalization(layer: Layer) -> Counts:
    """Count a group norm: each group of channels of each sample by its own statistics.

    Formula: as LayerNormalization, with rows of the group's size.
    Source: https://onnx.ai/onnx/operators/onnx__GroupNormalization.html
    Example: X (1, 64, 56, 56), num_groups 32, scale (64,), bias (64,), Y (1, 64, 56, 56):
    flops 1,405,024.
    """
    groups = layer.integer("num_groups", 0)
    if groups < 1:
        raise Uncountable("GroupNormalization has no num_groups")
    rows = layer.input(0).size(0) * groups
    return centred(rows, layer.input(0).numel // rows if rows else 0) + _scale_and_bias(layer, 1, 2)


@rule("MeanVarianceNormalization")
def mean_variance_normalization(layer: Layer) -> Counts:
    """Count a normalisation to mean 0 and variance 1 over given axes, by default 0, 2 and 3.

    Formula: as LayerNormalization without scale and bias.
    Source: https://onnx.ai/onnx/operators/onnx__MeanVarianceNormalization.html
    Example: X (2, 3, 4, 4), Y (2, 3, 4, 4): flops 489.
    """
    data = layer.input(0)
    axes = layer.integers("axes") if "axes" in layer.attributes else (0, 2, 3)
    length = 1
    for axis in axes:
        length *= data.size(axis)
    return centred(_rows(layer, length), length)


@rule("LRN")
def local_response_normalization(layer: Layer) -> Counts:
    """Count x / (bias + alpha / size * sum of squares over `size` channels) ^ beta.

    Formula: per element a square, size - 1 adds, a multiplication, an add, a power, a division.
    Source: https://onnx.ai/onnx/operators/onnx__LRN.html
    Example: X (1, 96, 54, 54), size 5, Y (1, 96, 54, 54): flops 2,519,424.
    """
    size = max(layer.integer("size", 1), 0)
    return layer.output.numel * Counts(muls=2, adds=size, specials=1, divs=1)


@rule("LpNormalization")
def lp_normalization(layer: Layer) -> Counts:
    """Count x / norm(x) along an axis, by default the L2 norm along the last one.

    Formula: per row of length n: n squares (L2) or magnitudes (L1), n - 1 adds, a square root for
    L2, n divisions.
    Source: https://onnx.ai/onnx/operators/onnx__LpNormalization.html
    Example: X (2, 512), Y (2, 512): flops 3,072.
    """
    length = layer.input(0).size(layer.integer("axis", -1))
    if length == 0:
        return ZERO
    if layer.integer("p", 2) == 1:
        per_row = Counts(compares=length, adds=length - 1, divs=length)
    else:
        per_row = Counts(muls=length, adds=length - 1, specials=1, divs=length)
    return _rows(layer, length) * per_row


@rule("_weight_norm", "_weight_norm_interface", domain="aten")
def weight_normalization(layer: Layer) -> Counts:
    """Count v * g / |v|, a norm for each element of g.

    Formula: per row of length n: n squares, n - 1 adds, a square root, a division, n
    multiplications.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.utils.parametrizations.weight_norm.html
    Example: v (8, 64), g (8, 1), Y (8, 64): flops 1,544.
    """
    rows = layer.input(1).numel
    length = layer.input(0).numel // rows if rows else 0
    if length == 0:
        return ZERO
    return rows * Counts(muls=2 * length, adds=length - 1, specials=1, divs=1)
