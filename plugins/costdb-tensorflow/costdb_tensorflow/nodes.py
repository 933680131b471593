"""A GraphDef's nodes as Python values, free of protobuf's spelling of inputs."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
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
        name: Unique in its graph and the regions in it.
        op: TensorFlow's name for the operator, or the name of a function that it calls.
        inputs: The values that it reads; control inputs carry no data and are left out.
        attributes: Attribute name -> AttrValue message.
        caller: The operator that calls the function in whose body it stands; empty outside of any.
        controls: Names of the nodes that have to run before it.
        regions: What a loop or a branch runs.
        captures: What the regions read from outside.
    """

    name: str
    op: str
    inputs: tuple[Value, ...]
    attributes: Mapping[str, Any]
    caller: str = ""
    controls: tuple[str, ...] = ()
    regions: tuple["Region", ...] = ()
    captures: tuple[Value, ...] = ()

    @property
    def reads(self) -> tuple[Value, ...]:
        """Every value that it needs, whether it or a region of it reads it."""
        return self.inputs + self.captures

    @property
    def starts_with(self) -> tuple[Value, ...]:
        """What it reads itself: of a loop, only what its runs change."""
        if not self.regions or not self.regions[0].arguments:
            return self.inputs
        arguments = self.regions[0].arguments
        pairs = zip(self.inputs, arguments, strict=True)
        return tuple(value for value, name in pairs if name is not None)


# By name, in the file's order.
Nodes = dict[str, Node]


@dataclass(frozen=True, slots=True)
class Region:
    """A graph that a node runs: the body of a loop with its condition, or a branch.

    Its nodes may read values of the graphs around it.

    Attributes:
        nodes: Its own nodes; arguments are placeholders among them.
        arguments: Of a loop, what each input of its node is called inside; None for one that no
            run changes, which is read from outside. Of a branch, nothing.
        results: What it yields; of a loop, the next value of each input, then the condition.
    """

    nodes: Nodes
    arguments: tuple[str | None, ...]
    results: tuple[Value, ...]

    def pruned(self) -> "Region":
        """The region without nodes that nothing needs; arguments stay, whether read or not."""
        arguments = (Value(name) for name in self.arguments if name is not None)
        return replace(self, nodes=reachable(self.nodes, (*self.results, *arguments)))

    def free_values(self) -> tuple[Value, ...]:
        """What it reads from outside."""
        read = [value for node in self.nodes.values() for value in node.reads]
        free = (value for value in (*read, *self.results) if value.node not in self.nodes)
        return tuple(dict.fromkeys(free))


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
        controls = tuple(text[1:] for text in node_def.input if is_control(text))
        nodes[node_def.name] = Node(
            node_def.name, node_def.op, inputs, dict(node_def.attr), controls=controls
        )
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
    """The nodes that some values depend on, in the same order; those of other graphs are let be."""
    found: set[str] = set()
    pending = [value.node for value in values]
    while pending:
        name = pending.pop()
        if name in nodes and name not in found:
            found.add(name)
            pending.extend(value.node for value in nodes[name].reads)
    return {name: node for name, node in nodes.items() if name in found}


def identity_origin(value: Value, nodes: Mapping[str, Node]) -> Value:
    """The value that reaches a place through nodes that only hand it on."""
    seen: set[str] = set()
    node = nodes.get(value.node)
    while node is not None and node.op == "Identity" and node.inputs and node.name not in seen:
        seen.add(node.name)
        value = node.inputs[0]
        node = nodes.get(value.node)
    return value


def all_nodes(nodes: Nodes) -> Iterator[Node]:
    """Every node, each followed by those of its regions."""
    for node in nodes.values():
        yield node
        for region in node.regions:
            yield from all_nodes(region.nodes)


def in_order(nodes: Nodes, ignored: Collection[str] = ()) -> list[Node]:
    """The nodes, each behind those that it reads or waits for; those in a cycle come last.

    Args:
        nodes: A graph.
        ignored: Operators whose results are read an iteration later.
    """
    waits: dict[str, int] = {}
    readers: dict[str, list[str]] = {}
    for node in nodes.values():
        before = dict.fromkeys((*(value.node for value in node.reads), *node.controls))
        needed = [name for name in before if name in nodes and nodes[name].op not in ignored]
        waits[node.name] = len(needed)
        for name in needed:
            readers.setdefault(name, []).append(node.name)
    ready = [name for name, count in waits.items() if count == 0]
    for name in ready:
        for reader in readers.get(name, ()):
            waits[reader] -= 1
            if waits[reader] == 0:
                ready.append(reader)
    stuck = (name for name, count in waits.items() if count > 0)
    return [nodes[name] for name in (*ready, *stuck)]
