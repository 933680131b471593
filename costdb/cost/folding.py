"""Which layers a deployed model does not execute.

At inference a batch norm behind a convolution is merged into the convolution's weights (the
reference article, section 3 (4)), and what depends on constants alone is computed once, when the
model is built. Folding zeroes the cost of such layers; it never rewrites the graph.
"""

from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from costdb.contracts import Counts
from costdb.cost.rules.random_numbers import RANDOM_OPERATORS
from costdb.ir import Graph, Layer, Tensor, Uncountable

_PRODUCERS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
_AFFINE = frozenset({"Add", "Sub", "Mul"})


@dataclass(frozen=True, slots=True)
class Folding:
    """What deployment merges or computes beforehand.

    Attributes:
        constants: Names of the tensors that are known before the model runs.
        computed_beforehand: Positions of the layers that make some of them.
        merged: Position of a layer -> the tensor that it passes on unchanged, its scale and offset
            having gone into another layer's weights.
        hosts: Position of a layer that takes those in, and so has a bias -> its channels.
    """

    constants: AbstractSet[str] = frozenset()
    computed_beforehand: AbstractSet[int] = frozenset()
    merged: Mapping[int, Tensor] = field(default_factory=dict)
    hosts: Mapping[int, int] = field(default_factory=dict)

    def __contains__(self, position: int) -> bool:
        """Whether the layer at a position costs nothing."""
        return position in self.merged or position in self.computed_beforehand


def fold(
    graph: Graph, counts: Mapping[int, Counts], outer: AbstractSet[str] = frozenset()
) -> Folding:
    """Find the layers that a deployed model does not execute.

    Args:
        graph: The model, or the body of a control-flow layer.
        counts: Position of a layer -> its counts; layers that no rule counts are absent.
        outer: Names of the constants of the graph around a body.

    Returns:
        Which layers cost nothing, and why.
    """
    beforehand, constants = _constants(graph, counts, outer)
    merged, hosts = _merged(graph, constants)
    return Folding(constants, beforehand, merged, hosts)


def _constants(
    graph: Graph, counts: Mapping[int, Counts], outer: AbstractSet[str]
) -> tuple[set[int], set[str]]:
    """Layers that depend on constants alone, and the names of all constant tensors.

    A dot product is never taken for free: a layer with one is executed, constant or not.
    """
    names = {tensor.name for tensor in graph.tensors() if tensor.role.is_stored} | outer
    positions: set[int] = set()
    for position, layer in enumerate(graph.layers):
        counted = counts.get(position)
        if counted is None or counted.macs or layer.bodies:
            continue
        if (layer.domain, layer.op) in RANDOM_OPERATORS:
            continue  # it makes other numbers each time
        if layer.inputs and all(tensor.name in names for tensor in layer.reads):
            positions.add(position)
            names.update(tensor.name for tensor in layer.outputs)
    return positions, names


def _merged(graph: Graph, constants: AbstractSet[str]) -> tuple[dict[int, Tensor], dict[int, int]]:
    """Per-channel constant affine layers with what they pass on, and the layers that host them."""
    readers = Counter(tensor.name for layer in graph.layers for tensor in layer.reads)
    readers.update(tensor.name for tensor in graph.outputs)
    host_of: dict[str, int] = {}
    merged: dict[int, Tensor] = {}
    hosts: dict[int, int] = {}
    for position, layer in enumerate(graph.layers):
        if _takes_in_affine(layer, constants):
            host_of[layer.output.name] = position
            continue
        data = _affine_input(layer, constants)
        if data is None or data.name not in host_of or readers[data.name] != 1:
            continue
        host = host_of[data.name]
        axis = _channel_axis(graph.layers[host])
        if _is_per_channel(layer, data, axis, constants):
            merged[position] = data
            hosts[host] = data.size(axis)
            host_of[layer.output.name] = host
    return merged, hosts


def _takes_in_affine(layer: Layer, constants: AbstractSet[str]) -> bool:
    """Whether a scale and an offset per channel can be merged into the layer's weights."""
    if layer.domain or layer.op not in _PRODUCERS or not layer.has_input(1):
        return False
    return layer.input(1).name in constants


def _channel_axis(layer: Layer) -> int:
    """The axis of the output along which each channel has weights of its own."""
    if layer.op in {"Gemm", "MatMul"}:
        return -1
    return layer.integer("channel_axis", 1)


def _affine_input(layer: Layer, constants: AbstractSet[str]) -> Tensor | None:
    """The one input that a layer scales and shifts by constants; None if it does something else."""
    if layer.domain:
        return None
    given = list(layer.reads)
    computed = [tensor for tensor in given if tensor.name not in constants]
    if layer.op == "BatchNormalization":
        return computed[0] if len(computed) == 1 and computed[0] == layer.input(0) else None
    if layer.op in _AFFINE and len(given) == 2 and len(computed) == 1:
        return computed[0]
    return None


def _is_per_channel(
    layer: Layer, data: Tensor, channel_axis: int, constants: AbstractSet[str]
) -> bool:
    """Whether every constant holds one value, or one for each channel, and broadcasts no data."""
    try:
        rank, channels = data.rank, data.size(channel_axis)
        if layer.output.sizes != data.sizes:
            return False
        if layer.op == "BatchNormalization":
            return True
        for tensor in layer.reads:
            if tensor.name in constants and tensor.numel != 1:
                aligned = (1,) * (rank - tensor.rank) + tensor.sizes
                wanted = [1] * rank
                wanted[channel_axis] = channels
                if list(aligned) != wanted:
                    return False
    except Uncountable:
        return False
    return True
