"""The inputs of a graph: its placeholders, and the sizes that a caller binds them to."""

from dataclasses import replace
from typing import Any

from costdb.plugins import (
    Binding,
    BindingError,
    BoundInput,
    BrokenArtifact,
    DeclaredShape,
    DType,
    InputBinding,
    Shape,
)
from costdb_tensorflow.constants import constant_shape, is_constant
from costdb_tensorflow.dtypes import ir_dtype
from costdb_tensorflow.nodes import Node, Nodes, parse_value
from costdb_tensorflow.outputs import PLACEHOLDERS

# Up to this version of graphs, a placeholder of no shape and one of a scalar look the same.
_LAST_PRODUCER_WITHOUT_SCALARS = 21


def bind_inputs(
    nodes: Nodes, needed: Nodes, producer: int, binding: Binding
) -> dict[str, BoundInput]:
    """The placeholders that have to be fed, with settled shapes, in the file's order.

    Args:
        nodes: The whole graph: a placeholder that the outputs do not need may be named as well.
        needed: What the outputs need.
        producer: The graph's version.
        binding: What the caller says; `x` and `x:0` name the same input.

    Raises:
        UnboundDimension: An open size has no value.
        BindingError: A binding names no placeholder, or contradicts the file.
    """
    said = _by_node(binding)
    declared: dict[str, tuple[DeclaredShape | None, DType | None]] = {}
    for node in nodes.values():
        if node.op in PLACEHOLDERS and (node.name in needed or node.name in said):
            shape = _declared_shape(node, nodes, producer)
            declared[node.name] = (shape, ir_dtype(placeholder_dtype(node)))
    bound = replace(binding, inputs=said).bind(declared)
    for name, entry in bound.items():
        _check_value(name, entry)
    return {name: entry for name, entry in bound.items() if name in needed}


def placeholder_dtype(node: Node) -> int:
    """The dtype number of a placeholder; 0 where the file does not say it."""
    return int(node.attributes["dtype"].type) if "dtype" in node.attributes else 0


def recorded_shape(node: Node, index: int) -> Shape | None:
    """The shape of an output that an exporter wrote beside the graph; None if it did not."""
    recorded = node.attributes.get("_output_shapes")
    shapes = recorded.list.shape if recorded is not None else ()
    if index >= len(shapes) or shapes[index].unknown_rank:
        return None
    return sizes(shapes[index])


def _by_node(binding: Binding) -> dict[str, InputBinding]:
    said: dict[str, InputBinding] = {}
    for name, entry in binding.inputs.items():
        value = parse_value(name)
        node = value.node if value.output == 0 else name
        if node in said:
            raise BindingError(
                f"input {node!r} is bound twice, as {name!r} too", hint="leave one of them out"
            )
        said[node] = entry
    return said


def _declared_shape(node: Node, nodes: Nodes, producer: int) -> DeclaredShape | None:
    """A placeholder's shape, None for open sizes; None if the file does not say the rank."""
    stated = node.attributes["shape"].shape if "shape" in node.attributes else None
    says_scalars = producer > _LAST_PRODUCER_WITHOUT_SCALARS
    if stated is not None and not stated.unknown_rank and (stated.dim or says_scalars):
        return sizes(stated)
    recorded = recorded_shape(node, 0)
    if recorded is not None:
        return recorded
    default = nodes[node.inputs[0].node] if node.inputs else None
    if default is not None and is_constant(default):
        return constant_shape(default)
    # Nobody feeds a resource or a variant by its shape.
    return () if ir_dtype(placeholder_dtype(node)) is DType.HANDLE else None


def sizes(shape: Any) -> Shape:
    """The sizes in a TensorShapeProto, None for open ones. Raises BrokenArtifact."""
    for dimension in shape.dim:
        if dimension.size < -1:
            raise BrokenArtifact(
                f"the file declares a size of {dimension.size}", hint="export the model again"
            )
    return tuple(dimension.size if dimension.size >= 0 else None for dimension in shape.dim)


def _check_value(name: str, bound: BoundInput) -> None:
    """Raise BindingError where a value was asked for that the input cannot take."""
    dtype, value = bound.dtype, bound.value
    if value is None:
        return
    held = dtype.value if dtype is not None else "of no known dtype"
    if dtype is None or not dtype.bits:
        raise BindingError(f"input {name!r} is {held} and takes no number", hint="leave it out")
    if not dtype.is_floating and not isinstance(value, int):
        raise BindingError(
            f"input {name!r} is {held} and cannot be {value!r}", hint=f"write --input {name}:=1"
        )
