"""A GraphDef's nodes as Python values, free of protobuf's spelling of inputs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from costdb.plugins import BrokenArtifact


class Value(NamedTuple):
    """One output of a node.

    Attributes:
        node: The node's name.
        output: Which of its outputs, from 0.
    """

    node: str
    output: int = 0

    def __str__(self) -> str:
        return f"{self.node}:{self.output}" if self.output else self.node


@dataclass(frozen=True, slots=True)
class Node:
    """One node.

    Attributes:
        name: Unique in its graph.
        op: TensorFlow's name for the operator, or the name of a function that it calls.
        inputs: The values that it reads; control inputs carry no data and are left out.
        attributes: Attribute name -> AttrValue message.
        caller: The operator that calls the function in whose body it stands; empty outside of any.
    """

    name: str
    op: str
    inputs: tuple[Value, ...]
    attributes: Mapping[str, Any]
    caller: str = ""


# By name, in the file's order.
Nodes = dict[str, Node]


def is_control(text: str) -> bool:
    """Whether an input only orders execution: `^name`."""
    return text.startswith("^")


def parse_value(text: str) -> Value:
    """A value as GraphDef files spell it: `node` or `node:1`."""
    name, colon, index = text.rpartition(":")
    return Value(name, int(index)) if colon and index.isdecimal() else Value(text)


def read_nodes(node_defs: Iterable[Any]) -> Nodes:
    """The nodes of a graph.

    Raises:
        BrokenArtifact: A name is used twice, or an input is no node.
    """
    nodes: Nodes = {}
    for node_def in node_defs:
        if node_def.name in nodes:
            raise BrokenArtifact(
                f"two nodes are called {node_def.name!r}", hint="export the model again"
            )
        inputs = tuple(parse_value(text) for text in node_def.input if not is_control(text))
        nodes[node_def.name] = Node(node_def.name, node_def.op, inputs, dict(node_def.attr))
    check_inputs(nodes)
    return nodes


def check_inputs(nodes: Nodes) -> None:
    """Raise BrokenArtifact if a node reads one that is not there."""
    for node in nodes.values():
        for value in node.inputs:
            if value.node not in nodes:
                raise BrokenArtifact(
                    f"node {node.name!r} reads {value.node!r}, which is not in the file",
                    hint="the file is cut off or badly cut down: export the model again",
                )


def reachable(nodes: Nodes, values: Iterable[Value]) -> Nodes:
    """The nodes that some values depend on, in the same order."""
    found: set[str] = set()
    pending = [value.node for value in values]
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending.extend(value.node for value in nodes[name].inputs)
    return {name: node for name, node in nodes.items() if name in found}
