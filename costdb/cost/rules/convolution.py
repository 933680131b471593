"""Convolutions of any number of dimensions: plain, grouped, depthwise, transposed.

Layout does not matter: with C the channels of the output (or of the input, transposed), every
output element is a dot product over numel(W) / C weights, whatever the groups.
"""

from costdb.contracts import ZERO, Counts, dot_products, rule
from costdb.ir import Layer, Role

WEIGHTS = {1: Role.PARAMETER, 2: Role.PARAMETER}


def _bias(layer: Layer) -> Counts:
    return Counts(adds=layer.output.numel) if layer.has_input(2) else ZERO


def _stored(layer: Layer) -> int:
    return layer.input(1).numel + (layer.input(2).numel if layer.has_input(2) else 0)


def convolution_accesses(layer: Layer) -> int:
    """Memory accesses in elements, without reuse.

    Every input element is read for each weight that it meets, K*K*Cout/groups times; every output
    element is written once; the weights are read as stored, with the bias.

    Source: the reference article, section 4.
    """
    data = layer.input(0)
    channels = data.size(layer.integer("channel_axis", 1))
    reads = data.numel * layer.input(1).numel // channels if channels else 0
    return reads + layer.output.numel + _stored(layer)


@rule("Conv", weights=WEIGHTS, accesses=convolution_accesses)
def convolution(layer: Layer) -> Counts:
    """Count a convolution; stride, padding and dilation are in the output's shape.

    Formula: numel(Y) dot products of length numel(W) / Cout; one add per element of Y for a bias.
    Source: https://onnx.ai/onnx/operators/onnx__Conv.html
    Example: X (1, 3, 224, 224), W (32, 3, 3, 3), Y (1, 32, 112, 112): macs 10,838,016.
    """
    output = layer.output
    channels = output.size(layer.integer("channel_axis", 1))
    length = layer.input(1).numel // channels if channels else 0
    return dot_products(output.numel, length=length) + _bias(layer)


@rule("ConvTranspose", weights=WEIGHTS, accesses=convolution_accesses)
def transposed_convolution(layer: Layer) -> Counts:
    """Count a transposed convolution: every input element meets every weight of its channel.

    Formula: macs numel(X) * numel(W) / Cin in min(numel(Y), macs) dot products; one add per
    element of Y for a bias.
    Source: https://onnx.ai/onnx/operators/onnx__ConvTranspose.html
    Example: X (1, 64, 16, 16), W (64, 32, 4, 4), Y (1, 32, 32, 32): macs 8,388,608.
    """
    data = layer.input(0)
    channels = data.size(layer.integer("channel_axis", 1))
    macs = data.numel * layer.input(1).numel // channels if channels else 0
    return Counts(macs=macs, dots=min(layer.output.numel, macs)) + _bias(layer)
