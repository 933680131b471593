"""Calls of functions, replaced by the functions' bodies.

TensorFlow 2 leaves functions in place where XLA is to compile them (Keras' grouped convolutions),
and older files call a function by using its name as an operator. A body becomes part of the graph
around it: node `conv` of a function that node `call` calls is then named `call/conv`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from costdb.plugins import BrokenArtifact
from costdb_tensorflow.constants import is_constant
from costdb_tensorflow.definitions import Definitions
from costdb_tensorflow.function_body import FunctionBody
from costdb_tensorflow.nodes import Node, Nodes, Value, reachable

CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})

# Real models nest a few functions; one that calls itself would never end.
MAX_DEPTH = 64

# More nodes than this are not a model but a file made to exhaust memory.
MAX_NODES = 1_000_000


def inline_calls(
    nodes: Nodes,
    outputs: Iterable[Value],
    definitions: Definitions,
    functions: Mapping[str, Any],
) -> tuple[Nodes, tuple[Value, ...]]:
    """Replace calls by bodies until none is left.

    Args:
        nodes: The graph.
        outputs: What is asked for.
        definitions: Of the operators.
        functions: Function name -> FunctionDef message.

    Returns:
        The nodes that the outputs need, and the outputs, which may lie in a body now.

    Raises:
        BrokenArtifact: A body contradicts itself, functions nest too deep or grow too large.
    """
    wanted = tuple(outputs)
    needed = reachable(nodes, wanted)
    _check_size(needed, functions)
    inlining = _Inlining(nodes, definitions, functions)
    for node in needed.values():
        inlining.add(node)
    return inlining.finished(wanted)


def _check_size(nodes: Nodes, functions: Mapping[str, Any]) -> None:
    """Raise BrokenArtifact if functions nest too deep or unfold to too many nodes."""
    known: dict[str, tuple[int, int]] = {}

    def measure(entry: Any, attributes: Mapping[str, Any], depth: int) -> tuple[int, int]:
        """How many nodes a node unfolds to, and how many functions deep."""
        name = _called_name(entry, attributes)
        if name not in functions:
            return 1, 0
        if depth < MAX_DEPTH and name not in known:
            inner = [measure(node, node.attr, depth + 1) for node in functions[name].node_def]
            size = 1 + sum(size for size, _ in inner)
            known[name] = size, 1 + max((height for _, height in inner), default=0)
        if name not in known or depth + known[name][1] > MAX_DEPTH:
            raise BrokenArtifact(
                f"function {name!r} is called {MAX_DEPTH} functions deep",
                hint="it may call itself: export the model again",
            )
        return known[name]

    if sum(measure(node, node.attributes, 0)[0] for node in nodes.values()) > MAX_NODES:
        raise BrokenArtifact(
            f"the functions of the graph unfold to more than {MAX_NODES:,} nodes",
            hint="no model has that much structure: export it again",
        )


def _called_name(entry: Any, attributes: Mapping[str, Any]) -> str:
    """The function that a node may call: by its operator's name or by attribute `f`."""
    if entry.op in CALLS:
        return str(attributes["f"].func.name) if "f" in attributes else ""
    return str(entry.op)


class _Inlining:
    """A graph in the making."""

    def __init__(
        self, nodes: Nodes, definitions: Definitions, functions: Mapping[str, Any]
    ) -> None:
        self._definitions = definitions
        self._functions = functions
        self._names = set(nodes)
        self._nodes: Nodes = {}
        # Output of a call -> the value that the function returns there.
        self._returned: dict[Value, Value] = {}
        # A constant of a function is one stored tensor, however often the function is called.
        self._constants: dict[tuple[str, str], str] = {}

    def add(self, node: Node) -> None:
        """Add a node, or what the function that it calls computes."""
        name = _called_name(node, node.attributes)
        if name in self._functions:
            given = node.attributes["f"].func.attr if node.op in CALLS else node.attributes
            self._expand(node, self._functions[name], given)
        elif node.op in CALLS:
            raise BrokenArtifact(
                f"node {node.name!r} calls a function that is not in the file",
                hint="export the model again",
            )
        else:
            self._nodes[node.name] = node

    def finished(self, outputs: Iterable[Value]) -> tuple[Nodes, tuple[Value, ...]]:
        """The nodes that the outputs need, reading what calls returned, and the outputs."""
        settled = tuple(self._settled(value) for value in outputs)
        nodes = {
            name: replace(node, inputs=tuple(map(self._settled, node.inputs)))
            for name, node in self._nodes.items()
        }
        return reachable(nodes, settled), settled

    def _expand(self, node: Node, function: Any, attributes: Mapping[str, Any]) -> None:
        """Add the body of the function that a node calls under some attributes."""
        body = FunctionBody(function, attributes, self._definitions)
        given = body.arguments(node)
        names: dict[str, str] = {}
        new: list[Node] = []
        for inner in body.nodes.values():
            is_shared = is_constant(inner) and inner.name not in body.generic
            key = (function.signature.name, inner.name)
            if is_shared and key in self._constants:
                names[inner.name] = self._constants[key]
                continue
            names[inner.name] = self._free_name(f"{node.name}/{inner.name}")
            new.append(inner)
            if is_shared:
                self._constants[key] = names[inner.name]

        def place(value: Value) -> Value:
            return given[value] if value in given else Value(names[value.node], value.output)

        for inner in new:
            inputs = tuple(map(place, inner.inputs))
            self.add(replace(inner, name=names[inner.name], inputs=inputs, caller=node.op))
        for output, value in enumerate(body.returned()):
            self._returned[Value(node.name, output)] = place(value)

    def _free_name(self, wanted: str) -> str:
        name = wanted
        suffix = 1
        while name in self._names:
            name = f"{wanted}_{suffix}"
            suffix += 1
        self._names.add(name)
        return name

    def _settled(self, value: Value) -> Value:
        """What a value is once calls are replaced."""
        seen: set[Value] = set()
        while value in self._returned and value not in seen:
            seen.add(value)
            value = self._returned[value]
        if value.node not in self._nodes:
            raise BrokenArtifact(
                f"the call {value.node!r} has no result {value.output}",
                hint="export the model again",
            )
        return value
