"""Calls of functions, replaced by the functions' bodies, and loops and branches given theirs.

TensorFlow 2 leaves functions in place where XLA is to compile them (Keras' grouped convolutions),
and older files call a function by using its name as an operator. A body becomes part of the graph
around it: node `conv` of a function that node `call` calls is then named `call/conv`. What a loop
or a branch runs becomes a region of its node.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from costdb.plugins import MAX_LAYERS, MAX_NESTING, BrokenArtifact
from costdb_tensorflow.constants import is_constant
from costdb_tensorflow.control_flow import BRANCHES, CALLS, IFS, LOOPS, called_functions
from costdb_tensorflow.definitions import Definitions
from costdb_tensorflow.function_body import FunctionBody
from costdb_tensorflow.messages import message
from costdb_tensorflow.nodes import Node, Nodes, Region, Value, all_nodes, reachable
from costdb_tensorflow.structure import structured

Placing = Callable[[Value], Value]


def inline_calls(
    nodes: Nodes,
    outputs: Iterable[Value],
    definitions: Definitions,
    functions: Mapping[str, Any],
) -> tuple[Nodes, tuple[Value, ...]]:
    """Replace calls by bodies until none is left, and give loops and branches their regions.

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
    inlined: Nodes = {}
    for node in needed.values():
        inlining.add(node, inlined)
    return inlining.finished(inlined, wanted)


def _check_size(nodes: Nodes, functions: Mapping[str, Any]) -> None:
    """Raise BrokenArtifact if functions nest too deep or unfold to too many nodes."""
    known: dict[str, tuple[int, int]] = {}

    def measure(entry: Any, attributes: Mapping[str, Any], depth: int) -> tuple[int, int]:
        """How many nodes a node unfolds to, and how many functions deep."""
        called = [entry.op, *(function.name for function in called_functions(entry.op, attributes))]
        inner = [measure_function(name, depth) for name in called if name in functions]
        return 1 + sum(size for size, _ in inner), max((height for _, height in inner), default=0)

    def measure_function(name: str, depth: int) -> tuple[int, int]:
        if depth < MAX_NESTING and name not in known:
            inner = [measure(node, node.attr, depth + 1) for node in functions[name].node_def]
            size = sum(size for size, _ in inner)
            known[name] = size, 1 + max((height for _, height in inner), default=0)
        if name not in known or depth + known[name][1] > MAX_NESTING:
            raise BrokenArtifact(
                f"function {name!r} is called {MAX_NESTING} functions deep",
                hint="it may call itself: export the model again",
            )
        return known[name]

    if sum(measure(node, node.attributes, 0)[0] for node in all_nodes(nodes)) > MAX_LAYERS:
        raise BrokenArtifact(
            f"the functions of the graph unfold to more than {MAX_LAYERS:,} nodes",
            hint="no model has that much structure: export it again",
        )


class _Inlining:
    """A graph in the making."""

    def __init__(
        self, nodes: Nodes, definitions: Definitions, functions: Mapping[str, Any]
    ) -> None:
        self._definitions = definitions
        self._functions = functions
        self._names = {node.name for node in all_nodes(nodes)}
        # The nodes that are left, wherever they stand.
        self._placed: set[str] = set()
        # Output of a call -> the value that the function returns there.
        self._returned: dict[Value, Value] = {}
        # A constant of a function is one stored tensor, however often the function is called.
        self._constants: dict[tuple[str, str], str] = {}
        self._stored: Nodes = {}

    def add(self, node: Node, into: Nodes) -> None:
        """Add a node, or what the function that it calls computes, to a graph or region."""
        called = called_functions(node.op, node.attributes)
        if node.regions:
            regions = tuple(map(self._inlined, node.regions))
            self._place(replace(node, regions=regions), into)
        elif node.op in self._functions:
            self._call(node, self._body(node, node.op, node.attributes), into)
        elif node.op in CALLS:
            if not called:
                raise _missing(node)
            self._call(node, self._body(node, called[0].name, called[0].attr), into)
        elif node.op in LOOPS:
            self._place(self._loop(node), into)
        elif node.op in BRANCHES:
            bodies = [self._body(node, function.name, function.attr) for function in called]
            self._place(self._branches(node, bodies), into)
        else:
            self._place(node, into)

    def finished(self, nodes: Nodes, outputs: Iterable[Value]) -> tuple[Nodes, tuple[Value, ...]]:
        """The nodes that the outputs need, reading what calls returned, and the outputs."""
        settled = tuple(map(self._settled, outputs))
        return reachable(self._all_settled({**self._stored, **nodes}), settled), settled

    def _all_settled(self, nodes: Nodes) -> Nodes:
        return {name: self._settled_node(node) for name, node in nodes.items()}

    def _settled_node(self, node: Node) -> Node:
        inputs = tuple(map(self._settled, node.inputs))
        regions = []
        for region in node.regions:
            results = tuple(map(self._settled, region.results))
            settled = replace(region, nodes=self._all_settled(region.nodes), results=results)
            regions.append(settled.pruned())
        free = dict.fromkeys(value for region in regions for value in region.free_values())
        return replace(node, inputs=inputs, regions=tuple(regions), captures=tuple(free))

    def _place(self, node: Node, into: Nodes) -> None:
        into[node.name] = node
        self._placed.add(node.name)

    def _inlined(self, region: Region) -> Region:
        """A region that the file has as it is, the calls in it replaced."""
        nodes: Nodes = {}
        for node in region.nodes.values():
            self.add(node, nodes)
        return replace(region, nodes=nodes)

    def _body(self, node: Node, name: str, attributes: Mapping[str, Any]) -> FunctionBody:
        """The body of a function that a node calls. Raises BrokenArtifact if it is not there."""
        if name not in self._functions:
            raise _missing(node)
        return FunctionBody(self._functions[name], attributes, self._definitions)

    def _call(self, node: Node, body: FunctionBody, into: Nodes) -> None:
        """Replace a call by the body of the function."""
        results = self._expand(node, body, body.arguments(node), into)
        for output, value in enumerate(results):
            self._returned[Value(node.name, output)] = value

    def _loop(self, node: Node) -> Node:
        """A loop with its region: the body and the condition, which read the same arguments."""
        called = called_functions(node.op, node.attributes)
        if len(called) != 2:
            raise _missing(node)
        body, condition = (self._body(node, part.name, part.attr) for part in called)
        types = self._definitions.input_types(node)
        kept = body.unchanged()
        nodes: Nodes = {}
        names: list[str | None] = []
        for place, (argument, initial) in enumerate(body.arguments(node).items()):
            if place in kept:
                names.append(None)
                self._returned[Value(node.name, place)] = initial
                continue
            name = self._free_name(f"{node.name}/{argument.node}")
            names.append(name)
            self._place(_placeholder(name, types[place] if place < len(types) else 0), nodes)
        given = [
            initial if name is None else Value(name)
            for name, initial in zip(names, node.inputs, strict=True)
        ]
        inside = replace(node, inputs=tuple(given))
        results = self._expand(inside, body, body.arguments(inside), nodes)
        goes_on = self._expand(inside, condition, condition.arguments(inside), nodes)
        if len(results) != len(given) or len(goes_on) != 1:
            raise BrokenArtifact(
                f"loop {node.name!r} carries {len(given)} values, its body returns {len(results)}"
                f" and its condition {len(goes_on)}",
                hint="export the model again",
            )
        return replace(node, regions=(Region(nodes, tuple(names), (*results, *goes_on)),))

    def _branches(self, node: Node, bodies: Sequence[FunctionBody]) -> Node:
        """A node that decides what runs, with a region for each branch."""
        if len(bodies) < (2 if node.op in IFS else 1) or not node.inputs:
            raise _missing(node)
        types = self._definitions.output_types(node) or []
        inside = replace(node, inputs=node.inputs[1:])
        regions = []
        for body in bodies:
            nodes: Nodes = {}
            results = self._expand(inside, body, body.arguments(inside), nodes)
            if len(results) != len(types):
                raise BrokenArtifact(
                    f"a branch of {node.name!r} returns {len(results)} values, not {len(types)}",
                    hint="export the model again",
                )
            regions.append(Region(nodes, (), tuple(results)))
        return replace(node, inputs=node.inputs[:1], regions=tuple(regions))

    def _expand(
        self, node: Node, body: FunctionBody, given: Mapping[Value, Value], into: Nodes
    ) -> list[Value]:
        """Add the body of a function that a node runs to a graph or region.

        Args:
            node: The node.
            body: The function.
            given: Argument -> the value that stands for it.
            into: Where its nodes go.

        Returns:
            What the function returns.
        """
        inner, returned = structured(body.nodes, tuple(body.returned()))
        names: dict[str, str] = {}
        new: Nodes = {}
        for entry in all_nodes(inner):
            key = (body.name, entry.name)
            is_shared = is_constant(entry) and entry.name not in body.generic
            if is_shared and key in self._constants:
                names[entry.name] = self._constants[key]
                continue
            names[entry.name] = self._free_name(_name_inside(entry.name, node.name))
            if is_shared:
                self._constants[key] = names[entry.name]
                self._place(replace(entry, name=names[entry.name], caller=node.op), self._stored)
            elif entry.name in inner:
                new[entry.name] = entry

        def place(value: Value) -> Value:
            return given[value] if value in given else Value(names[value.node], value.output)

        for entry in new.values():
            self.add(_renamed(entry, names, place, node.op), into)
        return [place(value) for value in returned]

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
        if value.node not in self._placed:
            raise BrokenArtifact(
                f"node {value.node!r} has no result {value.output} where it is read",
                hint="export the model again",
            )
        return value


def _name_inside(name: str, caller: str) -> str:
    """The name of a function's node where it is called, without saying a scope of both twice."""
    scopes = caller.split("/")
    for start in range(len(scopes)):
        shared = "/".join(scopes[start:])
        if name.startswith(f"{shared}/"):
            return caller + name[len(shared) :]
    return f"{caller}/{name}"


def _renamed(node: Node, names: Mapping[str, str], place: Placing, caller: str) -> Node:
    """A node of a function, and those of its regions, under the names that they have outside."""
    regions = tuple(
        Region(
            {names[name]: _renamed(n, names, place, caller) for name, n in region.nodes.items()},
            tuple(None if name is None else names[name] for name in region.arguments),
            tuple(map(place, region.results)),
        )
        for region in node.regions
    )
    inputs = tuple(map(place, node.inputs))
    return replace(node, name=names[node.name], inputs=inputs, regions=regions, caller=caller)


def _placeholder(name: str, dtype: int) -> Node:
    """A node that stands for a value that a region is given."""
    stated = message("AttrValue")
    stated.type = dtype
    return Node(name, "Placeholder", (), {"dtype": stated})


def _missing(node: Node) -> BrokenArtifact:
    return BrokenArtifact(
        f"node {node.name!r} calls a function that is not in the file",
        hint="export the model again",
    )
