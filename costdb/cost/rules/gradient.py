"""Gradients of operators, as TensorFlow and PyTorch name them."""

import math

from costdb.contracts import ZERO, Counts, Coverage, rule
from costdb.cost.rules.elementwise import ADD, COMPARE, DIV, MUL, SIGMOID, SPECIAL, per_element
from costdb.ir import Layer, Uncountable

ELEMENTWISE = (
    *per_element(COMPARE, "dy where x is over 0", "tf:ReluGrad", "aten:threshold_backward"),
    *per_element(2 * COMPARE, "dy where x is between 0 and 6", "tf:Relu6Grad"),
    *per_element(COMPARE + MUL, "dy, or a slope times dy below 0", "tf:LeakyReluGrad"),
    *per_element(COMPARE + ADD + MUL, "dy, or dy * (y + 1) below 0", "tf:EluGrad", "tf:SeluGrad"),
    *per_element(2 * MUL + ADD, "dy * y * (1 - y)", "tf:SigmoidGrad", "aten:sigmoid_backward"),
    *per_element(2 * MUL + ADD, "dy * (1 - y * y)", "tf:TanhGrad", "aten:tanh_backward"),
    *per_element(SIGMOID, "dy / (exp(-x) + 1)", "tf:SoftplusGrad"),
    *per_element(COMPARE + ADD + MUL + DIV, "dy / (1 + |x|)^2", "tf:SoftsignGrad"),
    *per_element(MUL + DIV, "dy * 0.5 / y", "tf:SqrtGrad"),
    *per_element(4 * MUL, "dy * -0.5 * y^3", "tf:RsqrtGrad"),
    *per_element(ADD + 2 * MUL, "-dy * y * y", "tf:ReciprocalGrad", "tf:InvGrad"),
    *per_element(
        7 * MUL + 2 * ADD + 2 * SPECIAL,
        "dy * (Phi(x) + x * phi(x)), Phi and phi being the normal distribution and its density",
        "aten:gelu_backward",
    ),
)


@rule("BiasAddGrad", domain="tf")
def bias_gradient(layer: Layer) -> Counts:
    """Count the sum over all but the channels.

    Formula: numel(X) - numel(Y) adds.
    Source: https://www.tensorflow.org/api_docs/python/tf/raw_ops/BiasAddGrad
    Example: X (8, 14, 14, 32), Y (32,): flops 50,144.
    """
    return Counts(adds=max(layer.input(0).numel - layer.output.numel, 0))


@rule(
    "Conv2DBackpropFilter",
    "Conv2DBackpropFilterV2",
    "Conv3DBackpropFilter",
    "Conv3DBackpropFilterV2",
    domain="tf",
)
def filter_gradient(layer: Layer) -> Counts:
    """Count the gradient of a convolution's weights (..., Cin / g, Cout).

    Formula: macs numel(dY) * numel(dW) / Cout, as many as of the convolution, in numel(dW) dot
    products.
    Source: https://www.tensorflow.org/api_docs/python/tf/raw_ops/Conv2DBackpropFilter
    Example: X (1, 112, 112, 32), size (4,), dY (1, 112, 112, 64), dW (3, 3, 32, 64):
    macs 231,211,008.
    """
    weights, channels = layer.output, layer.output.size(-1)
    macs = layer.input(2).numel * weights.numel // channels if channels else 0
    return Counts(macs=macs, dots=min(weights.numel, macs))


@rule("DepthwiseConv2dNativeBackpropFilter", domain="tf")
def depthwise_filter_gradient(layer: Layer) -> Counts:
    """Count the gradient of a depthwise convolution's weights (kh, kw, C, m).

    Formula: macs numel(dY) * kh * kw, in numel(dW) dot products.
    Source: https://www.tensorflow.org/api_docs/python/tf/raw_ops/DepthwiseConv2dNativeBackpropFilter
    Example: X (1, 112, 112, 32), size (4,), dY (1, 112, 112, 32), dW (3, 3, 32, 1):
    macs 3,612,672.
    """
    macs = layer.input(2).numel * layer.output.size(0) * layer.output.size(1)
    return Counts(macs=macs, dots=min(layer.output.numel, macs))


@rule("convolution_backward", domain="aten")
def convolution_gradients(layer: Layer) -> Counts:
    """Count the gradients of a convolution's input, weights and bias: dY, X, W.

    Formula: for input and weights as many macs as of the convolution each, in as many dot products
    as they have elements; for the bias numel(dY) - C adds. `output_mask` says which are asked for.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    Example: dY (1, 64, 112, 112), X (1, 32, 112, 112), W (64, 32, 3, 3), output_mask [1, 1, 0],
    dX (1, 32, 112, 112): macs 462,422,016.
    """
    gradient, data, weights = layer.input(0), layer.input(1), layer.input(2)
    asked = layer.integers("output_mask") if "output_mask" in layer.attributes else (1, 1, 1)
    transposed = layer.integer("transposed", 0)
    outer = weights.size(0)
    macs = (data if transposed else gradient).numel * weights.numel // outer if outer else 0
    counts = ZERO
    for is_asked, tensor in zip(asked, (data, weights), strict=False):
        if is_asked:
            counts += Counts(macs=macs, dots=min(tensor.numel, macs))
    if any(asked[2:]):
        counts += Counts(adds=gradient.numel - gradient.size(1) if gradient.numel else 0)
    return counts


@rule("MaxPoolGrad", domain="tf", coverage=Coverage.ESTIMATED)
def max_pool_gradient(layer: Layer) -> Counts:
    """Count the search for the largest elements again, and the sums at their places.

    Formula: a comparison per element of X, as if windows did not overlap, an add per element of dY.
    Source: https://www.tensorflow.org/api_docs/python/tf/raw_ops/MaxPoolGrad
    Example: X (1, 8, 8, 4), Y (1, 4, 4, 4), dY (1, 4, 4, 4), dX (1, 8, 8, 4): flops 320.
    """
    return Counts(compares=layer.input(0).numel, adds=layer.input(2).numel)


@rule("max_pool2d_with_indices_backward", domain="aten")
def max_pool_gradient_at_indices(layer: Layer) -> Counts:
    """Count the sums at the places of the largest elements, which are known.

    Formula: an add per element of dY.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
    Example: dY (1, 4, 4, 4), X (1, 4, 8, 8), places (1, 4, 4, 4), dX (1, 4, 8, 8): flops 64.
    """
    return Counts(adds=layer.input(0).numel)


@rule("AvgPoolGrad", domain="tf", coverage=Coverage.ESTIMATED)
def average_pool_gradient(layer: Layer) -> Counts:
    """Count gradients that are divided and added to each element of their window.

    Formula: a division per element of dY, an add per element of dX, as if windows did not overlap.
    Source: https://www.tensorflow.org/api_docs/python/tf/raw_ops/AvgPoolGrad
    Example: shape (4,), dY (1, 4, 4, 4), dX (1, 8, 8, 4): flops 320.
    """
    return Counts(divs=layer.input(1).numel, adds=layer.output.numel)


@rule("avg_pool2d_backward", domain="aten")
def average_pool_gradient_of_kernel(layer: Layer) -> Counts:
    """Count gradients that are divided and added to each element of their window.

    Formula: a division and kh * kw adds per element of dY.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html
    Example: dY (1, 4, 4, 4), X (1, 4, 8, 8), kernel_size [2, 2], dX (1, 4, 8, 8): flops 320.
    """
    size = layer.input(0).numel
    sides = layer.integers("kernel_size")
    if any(side < 1 for side in sides):
        raise Uncountable(f"avg_pool2d_backward has a kernel_size of {sides}")
    return Counts(divs=size, adds=size * math.prod(sides * (2 if len(sides) == 1 else 1)))


@rule("_adaptive_avg_pool2d_backward", "_adaptive_avg_pool3d_backward", domain="aten")
def adaptive_pool_gradient(layer: Layer) -> Counts:
    """Count gradients that are divided and added to each element of their window.

    Formula: a division per element of dY, an add per element of X; windows do not overlap where the
    sizes divide.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html
    Example: dY (1, 4, 1, 1), X (1, 4, 8, 8), dX (1, 4, 8, 8): flops 260.
    """
    return Counts(divs=layer.input(0).numel, adds=layer.output.numel)


@rule("FusedBatchNormGrad", "FusedBatchNormGradV2", "FusedBatchNormGradV3", domain="tf")
def batch_norm_gradient(layer: Layer) -> Counts:
    """Count the gradients of a batch norm by the statistics of the batch: dY, X, scale.

    Formula: per element of X normalised values (a subtraction, a multiplication), the sums of dY
    and of dY times them (2 adds, a multiplication), and scale / deviation * (dY - mean - x * mean)
    (2 subtractions, 2 multiplications); per channel 2 divisions, a multiplication, an add, a root
    and a division.
    Source: https://www.tensorflow.org/api_docs/python/tf/raw_ops/FusedBatchNormGradV3
    Example: dY (8, 4, 4, 16), X (8, 4, 4, 16), scale (16,), dX (8, 4, 4, 16): flops 18,528.
    """
    per_channel = Counts(divs=3, muls=1, adds=1, specials=1)
    return layer.input(1).numel * (5 * ADD + 4 * MUL) + layer.input(2).numel * per_channel


@rule("native_layer_norm_backward", "native_group_norm_backward", domain="aten")
def norm_gradient(layer: Layer) -> Counts:
    """Count the gradients of a layer or group norm: dY, X.

    Formula: per element of X normalised values (a subtraction, a multiplication), the gradients of
    scale and bias (2 adds, a multiplication), dY * scale (a multiplication), its sum and that of it
    times the normalised values (2 adds, a multiplication), and the gradient of X (2 subtractions, 2
    multiplications).
    Source: https://pytorch.org/docs/stable/generated/torch.nn.LayerNorm.html
    Example: dY (8, 64), X (8, 64), dX (8, 64): flops 6,656.
    """
    return layer.input(1).numel * (7 * ADD + 6 * MUL)


@rule("embedding_dense_backward", domain="aten")
def embedding_gradient(layer: Layer) -> Counts:
    """Count rows that are added to those of a table.

    Formula: an add per element of dY.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.Embedding.html
    Example: dY (8, 64), rows (8,), dW (1000, 64): flops 512.
    """
    return Counts(adds=layer.input(0).numel)
