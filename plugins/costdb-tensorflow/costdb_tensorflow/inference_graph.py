"""The graph that TensorFlow infers shapes on: the same, but for what only weights would need.

Weights become placeholders of their shape, and inputs take their bound sizes.
"""

from collections.abc import Mapping
from itertools import count
from typing import Any

from costdb.plugins import BindingError, BoundInput, BrokenArtifact, Shape
from costdb_tensorflow.constants import constant_dtype, constant_shape, has_value, is_constant
from costdb_tensorflow.definitions import Definitions
from costdb_tensorflow.dtypes import VALUE_FIELDS
from costdb_tensorflow.inputs import placeholder_dtype
from costdb_tensorflow.messages import message
from costdb_tensorflow.nodes import Node, Nodes, Value
from costdb_tensorflow.runtime import Inferred

# The fields of a TensorProto that hold numbers as they are.
_PLAIN_FIELDS = frozenset({"float_val", "double_val", "int_val", "int64_val", "bool_val"})

# Stands in where nothing says the dtype, and so nothing known reads it.
_ANY_DTYPE = 1


def inference_graph(
    nodes: Nodes,
    bound: Mapping[str, BoundInput],
    stand_ins: Mapping[Value, Inferred],
    versions: Any,
    definitions: Definitions,
) -> bytes:
    """An encoded GraphDef.

    Args:
        nodes: What the outputs need.
        bound: Input name -> its settled shape.
        stand_ins: Values that are read from placeholders instead of the nodes that yield them.
        versions: The file's VersionDef message.
        definitions: Of the operators. A node whose operator is not known is left out, since
            TensorFlow would refuse the whole graph; what is read of it must be stood in for.

    Raises:
        BrokenArtifact: A constant has no definite shape, or a node another number of inputs than
            its operator.
        BindingError: An input is bound to a value that its dtype cannot hold.
    """
    graph_def = message("GraphDef")
    graph_def.versions.CopyFrom(versions)
    free_names = (f"stand_in_{number}" for number in count())
    names = dict(zip(stand_ins, (name for name in free_names if name not in nodes), strict=False))
    for value, name in names.items():
        _add_stand_in(graph_def, name, stand_ins[value])
    for node in nodes.values():
        if node.name in bound:
            _add_input(graph_def, node, bound[node.name])
        elif is_constant(node) and not has_value(node):
            _add_placeholder(graph_def, node.name, constant_dtype(node), constant_shape(node))
        elif definitions.of(node.op) is not None:
            _check_inputs(node, definitions)
            _add_copy(graph_def, node, names)
    return bytes(graph_def.SerializeToString())


def _check_inputs(node: Node, definitions: Definitions) -> None:
    """Raise BrokenArtifact if a node says that it reads another number of values than it does.

    TensorFlow would see it as well, but allocates what the number says before.
    """
    count = len(definitions.input_types(node))
    if count != len(node.inputs):
        raise BrokenArtifact(
            f"node {node.name!r} ({node.op}) reads {len(node.inputs)} values instead of {count}",
            hint="export the model again",
        )


def _add_input(graph_def: Any, node: Node, bound: BoundInput) -> None:
    dtype = placeholder_dtype(node)
    value_field = VALUE_FIELDS.get(dtype)
    if bound.value is None or value_field not in _PLAIN_FIELDS:
        _add_placeholder(graph_def, node.name, dtype, bound.shape)
        return
    added = graph_def.node.add(name=node.name, op="Const")
    added.attr["dtype"].type = dtype
    tensor = added.attr["value"].tensor
    tensor.dtype = dtype
    _set_shape(tensor.tensor_shape, bound.shape)
    try:
        getattr(tensor, value_field).append(bound.value)
    except ValueError as error:
        held = bound.dtype.value if bound.dtype is not None else "no number"
        raise BindingError(
            f"input {node.name!r} is {held} and cannot be {bound.value!r}"
        ) from error


def _add_stand_in(graph_def: Any, name: str, stood_for: Inferred) -> None:
    """Add a constant if the value is known, for shapes may depend on it, else a placeholder."""
    dtype = stood_for.dtype or _ANY_DTYPE
    if stood_for.value is None or VALUE_FIELDS.get(dtype) not in _PLAIN_FIELDS:
        _add_placeholder(graph_def, name, dtype, stood_for.shape)
        return
    added = graph_def.node.add(name=name, op="Const")
    added.attr["dtype"].type = dtype
    tensor = added.attr["value"].tensor
    tensor.dtype = dtype
    _set_shape(tensor.tensor_shape, stood_for.shape)
    getattr(tensor, VALUE_FIELDS[dtype]).extend(stood_for.value)


def _add_placeholder(graph_def: Any, name: str, dtype: int, shape: Shape | None) -> None:
    added = graph_def.node.add(name=name, op="Placeholder")
    added.attr["dtype"].type = dtype
    _set_shape(added.attr["shape"].shape, shape)


def _set_shape(target: Any, shape: Shape | None) -> None:
    target.SetInParent()
    target.unknown_rank = shape is None
    for size in shape or ():
        target.dim.add(size=-1 if size is None else size)


def _add_copy(graph_def: Any, node: Node, names: Mapping[Value, str]) -> None:
    """Add a node as it is, without what concerns only its execution: devices, colocation."""
    added = graph_def.node.add(name=node.name, op=node.op)
    added.input.extend(names.get(value, str(value)) for value in node.inputs)
    for name, value in node.attributes.items():
        if not name.startswith("_"):
            added.attr[name].CopyFrom(value)
