"""How much the local functions of a model come to when they are inlined."""

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from onnx import FunctionProto, NodeProto

from costdb.plugins import BrokenArtifact
from costdb_onnx.model.region import plain_domain
from costdb_onnx.model.text import require_text

# Domain, name and overload.
FunctionKey = tuple[str, str, str]


def functions_by_key(functions: Iterable[FunctionProto]) -> dict[FunctionKey, FunctionProto]:
    """The functions under what calls them. Raises BrokenArtifact where a name is no text."""
    keyed = {}
    for function in functions:
        require_text((function.domain, function.name, function.overload))
        require_text((*function.input, *function.output))
        keyed[plain_domain(function.domain), function.name, function.overload] = function
    return keyed


def called_function(node: NodeProto) -> FunctionKey:
    """Under which key a node's function stands, if it has one."""
    return (plain_domain(node.domain), node.op_type, node.overload)


def inlined_sizes(functions: Mapping[FunctionKey, FunctionProto]) -> dict[FunctionKey, int]:
    """Function -> the nodes that one call of it comes to, those of inner calls included.

    Raises:
        BrokenArtifact: A function calls itself, directly or through others.
    """
    nodes = {key: list(_all_nodes(function.node)) for key, function in functions.items()}
    calls = {
        key: [call for node in inner if (call := called_function(node)) in functions]
        for key, inner in nodes.items()
    }
    sizes: dict[FunctionKey, int] = {}
    try:
        for key in TopologicalSorter(calls).static_order():
            sizes[key] = len(nodes[key]) + sum(sizes[call] for call in calls[key])
    except CycleError as error:
        _, name, _ = min(error.args[1])
        raise BrokenArtifact(
            f"function {name!r} calls itself", hint="export the model again"
        ) from error
    return sizes


def _all_nodes(nodes: Iterable[NodeProto]) -> Iterator[NodeProto]:
    """The nodes and those of their bodies."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                yield from _all_nodes(graph.node)
