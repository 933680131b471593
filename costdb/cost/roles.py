"""What each stored tensor is for, where the file does not say.

A slot decides: a rule names the inputs that hold weights, and a batch norm's statistics are
buffers. From a slot the tensor is traced back through layers that only change its layout or type,
down to a stored tensor or to the layer that builds it. Any other stored float of more than one
element is a parameter, and the rest are constants.
"""

from collections.abc import Iterator, Mapping

from costdb.cost.rules import RuleTable
from costdb.ir import Graph, Layer, Role, Tensor

# Layers whose first input is the same weights under another layout, type or precision.
_TRANSPARENT = frozenset(
    {"Cast", "CastLike", "DequantizeLinear", "Expand", "Flatten", "Identity", "Reshape", "Squeeze"}
    | {"Tile", "Transpose", "Unsqueeze"}
)

# Layers that make a tensor out of nothing but its shape.
_BUILDERS = frozenset({"ConstantOfShape", "EyeLike"})

_ROOTS = frozenset({("tf", "Rsqrt"), ("aten", "rsqrt"), ("", "Sqrt")})


def assign_roles(graph: Graph, rules: RuleTable) -> Mapping[str, Role]:
    """The role of every weight of a graph.

    Args:
        graph: Whose stored tensors may have role STORED.
        rules: Where the weight slots are named.

    Returns:
        Tensor name -> PARAMETER, BUFFER or CONSTANT, for all stored tensors, those in bodies
        included, and for the outputs of layers that build weights. What the file said stays.
    """
    origins = _Origins(graph)
    stored = {tensor.name: tensor for tensor in _all_tensors(graph) if tensor.role.is_stored}
    roles: dict[str, Role] = {
        name: tensor.role for name, tensor in stored.items() if tensor.role is not Role.STORED
    }
    slots = [*_decomposed_statistics(graph, origins), *_slots(graph, rules)]
    for tensor, role in slots:
        origin = origins.trace(tensor)
        if origin is not None:
            roles.setdefault(origin.name, role)
    for tensor in (*stored.values(), *origins.built()):
        roles.setdefault(tensor.name, _role_by_size(tensor))
    return roles


def _all_tensors(graph: Graph) -> Iterator[Tensor]:
    yield from graph.tensors()
    for layer in graph.all_layers():
        for body in layer.bodies:
            yield from body.graph.tensors()


def _slots(graph: Graph, rules: RuleTable) -> Iterator[tuple[Tensor, Role]]:
    for layer in graph.all_layers():
        rule = rules.get((layer.domain, layer.op))
        for position, role in rule.weights.items() if rule else ():
            if layer.has_input(position):
                yield layer.input(position), role


def _role_by_size(tensor: Tensor) -> Role:
    is_float = tensor.dtype is not None and tensor.dtype.is_floating
    known = tensor.shape is not None and None not in tensor.shape
    return Role.PARAMETER if is_float and known and tensor.numel > 1 else Role.CONSTANT


class _Origins:
    """Follows tensors back to where their data come from."""

    def __init__(self, graph: Graph) -> None:
        self.producers = {
            tensor.name: layer for layer in graph.all_layers() for tensor in layer.outputs
        }

    def trace(self, tensor: Tensor) -> Tensor | None:
        """The stored or built tensor that this one is a view of; None if it is computed."""
        while not tensor.role.is_stored:
            layer = self.producers.get(tensor.name)
            if layer is None:
                return None
            if _builds(layer):
                return tensor
            if layer.domain or layer.op not in _TRANSPARENT or not layer.has_input(0):
                return None
            tensor = layer.input(0)
        return tensor

    def built(self) -> Iterator[Tensor]:
        """The outputs of layers that make a tensor out of a stored shape."""
        for layer in self.producers.values():
            if _builds(layer):
                yield layer.output

    def producer(self, tensor: Tensor | None) -> Layer | None:
        """The layer that computes a tensor; None if it is fed or stored."""
        return None if tensor is None else self.producers.get(tensor.name)


def _builds(layer: Layer) -> bool:
    return (
        not layer.domain
        and layer.op in _BUILDERS
        and all(tensor.role.is_stored for tensor in layer.reads)
    )


def _decomposed_statistics(graph: Graph, origins: _Origins) -> Iterator[tuple[Tensor, Role]]:
    """The mean and variance of batch norms that are written out as arithmetic.

    Keras 3 writes x * scale + (offset - mean * scale) with scale = rsqrt(variance + epsilon)
    * gamma: the variance is what is added to epsilon under the root, and the mean is what is
    multiplied by the scale to be subtracted.
    """
    scales: set[str] = set()
    subtracted = {
        layer.input(1).name for layer in graph.layers if _is(layer, "Sub") and layer.has_input(1)
    }
    for layer in graph.all_layers():
        if (layer.domain, layer.op) in _ROOTS and (added := origins.producer(layer.input(0))):
            variances = [
                origin
                for origin in _vectors(added, origins)
                if _is(added, "Add") and origin is not None
            ]
            if len(variances) == 1:
                yield variances[0], Role.BUFFER
                scales.update(tensor.name for tensor in layer.outputs)
        elif _is(layer, "Mul") and any(t and t.name in scales for t in layer.inputs):
            others = [tensor for tensor in layer.inputs if tensor and tensor.name not in scales]
            vectors = [origins.trace(tensor) for tensor in others]
            if layer.output.name in subtracted:
                yield from ((origin, Role.BUFFER) for origin in vectors if origin is not None)
            elif vectors and None not in vectors:
                scales.add(layer.output.name)


def _is(layer: Layer, op: str) -> bool:
    return not layer.domain and layer.op == op


def _vectors(layer: Layer, origins: _Origins) -> list[Tensor | None]:
    """The stored inputs of a layer that have more than one element."""
    traced = (origins.trace(tensor) for tensor in layer.inputs if tensor is not None)
    return [origin for origin in traced if origin is not None and (origin.nbytes or 0) > 8]
