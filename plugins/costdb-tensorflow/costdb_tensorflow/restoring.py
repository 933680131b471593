"""Which tensor of a checkpoint each variable is restored from, as the graph itself says.

A saved graph holds the operations that would restore it: RestoreV2 reads tensors by their keys, and
an assignment puts each of them into a variable. They are read here and never run.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from costdb.plugins import BrokenArtifact
from costdb_tensorflow.definitions import Definitions
from costdb_tensorflow.function_body import FunctionBody
from costdb_tensorflow.nodes import Node, Nodes, Value, identity_origin, parse_value, read_nodes

_ASSIGNMENTS = frozenset({"Assign", "AssignVariableOp"})
_RESTORE = "RestoreV2"


class Stored(NamedTuple):
    """Where a variable's value is kept.

    Attributes:
        key: The tensor's name in the checkpoint.
        part: Which part of it, as RestoreV2 spells it; empty for all.
        dtype: TensorFlow's number of its dtype.
    """

    key: str
    part: str
    dtype: int


def restored_variables(meta_graph: Any, definitions: Definitions) -> dict[str, Stored]:
    """Variable node -> what it is restored from.

    Args:
        meta_graph: The MetaGraphDef message, with the values of its constants.
        definitions: Of the operators.

    Raises:
        BrokenArtifact: The graph contradicts itself.
    """
    nodes = read_nodes(meta_graph.graph_def.node)
    wanted = _behind(parse_value(meta_graph.saver_def.restore_op_name).node, nodes)
    functions = {entry.signature.name: entry for entry in meta_graph.graph_def.library.function}
    found = dict(_restored(nodes, wanted, {}))
    for name in wanted:
        called: Any = nodes[name].attributes.get("f")
        function = functions.get(called.func.name) if called is not None else None
        if function is not None:
            body = FunctionBody(function, called.func.attr, definitions)
            found |= _restored(body.nodes, body.nodes, body.arguments(nodes[name]))
    return found


def _behind(name: str, nodes: Nodes) -> list[str]:
    """The nodes that have to run for one to run, those that it only waits for included."""
    found: dict[str, None] = {}
    pending = [name]
    while pending:
        name = pending.pop()
        if name in nodes and name not in found:
            found[name] = None
            pending.extend(nodes[name].controls)
            pending.extend(value.node for value in nodes[name].inputs)
    return list(found)


def _restored(
    nodes: Nodes, wanted: Iterable[str], given: Mapping[Value, Value]
) -> Iterator[tuple[str, Stored]]:
    """The variables that some nodes assign to, given what arguments of a function stand for."""
    for name in wanted:
        node = nodes[name]
        if node.op in _ASSIGNMENTS and len(node.inputs) >= 2:
            source = identity_origin(node.inputs[1], nodes)
            restore = nodes.get(source.node)
            if restore is not None and restore.op == _RESTORE:
                variable = given.get(node.inputs[0], node.inputs[0])
                yield variable.node, _stored(nodes, restore, source.output)


def _stored(nodes: Nodes, restore: Node, output: int) -> Stored:
    try:
        keys, parts = (_texts(nodes[value.node]) for value in restore.inputs[1:3])
        dtypes = restore.attributes["dtypes"].list.type
        return Stored(keys[output], parts[output], int(dtypes[output]))
    except (KeyError, IndexError, ValueError) as error:
        raise BrokenArtifact(
            f"node {restore.name!r} does not say what it restores", hint="export the model again"
        ) from error


def _texts(node: Node) -> list[str]:
    """The texts of a constant. Raises KeyError for any other node."""
    values = node.attributes["value"].tensor.string_val
    return [value.decode(errors="replace") for value in values]
