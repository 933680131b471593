"""Turns a ModelProto into a region: local functions are inlined and every name made unique.

Function bodies are inlined here rather than by `onnx.inliner`, because that leaves functions of
another opset than the model's as they are, and gives no layer a name that says which call it
comes from.
"""

import sys
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from onnx import (
    AttributeProto,
    FunctionProto,
    GraphProto,
    ModelProto,
    NodeProto,
    OperatorSetIdProto,
    TensorProto,
)

from costdb.plugins import MAX_LAYERS, MAX_NESTING, BrokenArtifact, Source
from costdb_onnx.model.facts import Fact
from costdb_onnx.model.functions import called_function, functions_by_key, inlined_sizes
from costdb_onnx.model.region import Region, Step, plain_domain
from costdb_onnx.model.scopes import layer_name, module_path
from costdb_onnx.model.stored import constant_fact, sparse_fact, stored_fact
from costdb_onnx.model.text import require_text

# Functions that call one another twice each double with every level; no model's come to this many
# nodes.
MAX_INLINED_NODES = 200_000

# Nearly all nodes share it.
_NO_BODIES: Mapping[str, Region] = {}

# What onnx takes as the version of a domain; another number is damage and means nothing.
_LARGEST_OPSET = 2**31 - 1


def expand(model: ModelProto, source: Source) -> Region:
    """The model's graph, ready for the walk.

    Raises:
        BrokenArtifact: A function calls itself, too much is nested or expanded, or a tensor is
            malformed or lies outside the model's folder.
    """
    expansion = _Expansion(model, source)
    return expansion.region(model.graph, _Context(_opsets(model.opset_import), ChainMap()))


@dataclass(frozen=True, slots=True)
class _Context:
    """Where a node stands.

    Attributes:
        opsets: Domain -> version.
        names: The file's name of a value -> its unique name.
        path: The call that the node's function was inlined for; "" outside functions.
        attributes: What the call gives for the function's attributes.
        functions: Names of the functions that are being inlined, outermost first.
        depth: How many calls and bodies lie around it.
    """

    opsets: Mapping[str, int]
    names: ChainMap[str, str]
    path: str = ""
    attributes: Mapping[str, AttributeProto] | None = None
    functions: tuple[str, ...] = ()
    depth: int = 0

    def resolve(self, name: str) -> str:
        """The unique name of a value; "" stays."""
        # ChainMap.get asks every map twice, and this is asked for every name of the model.
        for names in self.names.maps:
            unique = names.get(name)
            if unique is not None:
                return unique
        require_text((name,))
        if self.functions and name:
            raise BrokenArtifact(
                f"nothing produces {name!r}, which function {self.functions[-1]!r} reads",
                hint="export the model again",
            )
        return name


class _Expansion:
    """The expansion of one model."""

    def __init__(self, model: ModelProto, source: Source) -> None:
        self._source = source
        self._functions = functions_by_key(model.functions)
        self._inlined_sizes = inlined_sizes(self._functions)
        # Value -> how many go by that name.
        self._value_names: dict[str, int] = {}
        self._layer_names: set[str] = set()
        self._locations: set[str] = set()
        self._inlined_nodes = 0

    def region(self, graph: GraphProto, around: _Context) -> Region:
        """A graph, with the graph around it in reach."""
        context = _nested(replace(around, names=around.names.new_child()))
        self._define(_definitions(graph), context)
        stored = {
            context.resolve(tensor.name): self._stored(tensor) for tensor in graph.initializer
        }
        for sparse in graph.sparse_initializer:
            stored[context.resolve(sparse.values.name)] = sparse_fact(sparse)
        steps: list[Step] = []
        self._flatten(graph.node, context, steps, stored)
        return Region(
            steps=tuple(steps),
            inputs={
                name: value.type
                for value in graph.input
                if (name := context.resolve(value.name)) not in stored
            },
            outputs=tuple(context.resolve(value.name) for value in graph.output),
            stored=stored,
            declared={
                context.resolve(value.name): value.type
                for value in (*graph.value_info, *graph.output)
            },
        )

    def _flatten(
        self,
        nodes: Iterable[NodeProto],
        context: _Context,
        steps: list[Step],
        stored: dict[str, Fact],
    ) -> None:
        """Append the steps and stored tensors that nodes amount to."""
        for node in nodes:
            require_text(_texts(node))
            function = self._functions.get(called_function(node)) if self._functions else None
            if function is not None:
                self._inline(function, node, context, steps, stored)
                continue
            step = self._step(node, context)
            if step.op == "Constant" and not step.domain:
                stored.update((name, self._constant(step.node)) for name in step.outputs if name)
            else:
                steps.append(step)

    def _inline(
        self,
        function: FunctionProto,
        call: NodeProto,
        around: _Context,
        steps: list[Step],
        stored: dict[str, Fact],
    ) -> None:
        """Append what a function's nodes amount to for one call."""
        if not around.functions:
            self._inlined_nodes += self._inlined_sizes[called_function(call)]
            self._check_expansion()
        names: ChainMap[str, str] = ChainMap(
            dict.fromkeys(function.input, "")
            | {
                formal: around.resolve(actual)
                for formal, actual in zip(function.input, call.input, strict=False)
            }
        )
        given = [attribute for attribute in call.attribute if not attribute.ref_attr_name]
        given += _referenced(call, around)
        context = _nested(
            replace(
                around,
                opsets={**around.opsets, **_opsets(function.opset_import)},
                names=names,
                path=self._layer_name(call, around),
                attributes={item.name: item for item in (*function.attribute_proto, *given)},
                functions=(*around.functions, function.name),
            )
        )
        passed_on = self._connect_outputs(function, call, around, context)
        self._define((name for node in function.node for name in node.output), context)
        self._flatten((*function.node, *passed_on), context, steps, stored)

    def _connect_outputs(
        self, function: FunctionProto, call: NodeProto, around: _Context, context: _Context
    ) -> list[NodeProto]:
        """Name a function's outputs after the call's; nodes for inputs that it hands through."""
        passed_on = []
        for formal, actual in zip(function.output, call.output, strict=False):
            if not actual:
                continue
            if formal in context.names:
                # The name is a value already; a second one needs a node that makes it.
                alias = f"{formal} as {actual}"
                context.names[alias] = around.resolve(actual)
                passed_on.append(NodeProto(op_type="Identity", input=[formal], output=[alias]))
            else:
                context.names[formal] = around.resolve(actual)
        return passed_on

    def _step(self, node: NodeProto, context: _Context) -> Step:
        inputs = tuple(map(context.resolve, node.input))
        outputs = tuple(map(context.resolve, node.output))
        resolved = _resolved(node, inputs, outputs, context)
        bodies = {}
        for attribute in resolved.attribute:
            if attribute.HasField("g"):
                bodies[attribute.name] = self.region(attribute.g, context)
            for position, graph in enumerate(attribute.graphs):
                bodies[f"{attribute.name}[{position}]"] = self.region(graph, context)
        return Step(
            node=resolved,
            op=sys.intern(node.op_type),
            domain=sys.intern(plain_domain(node.domain)),
            inputs=inputs,
            outputs=outputs,
            name=self._layer_name(node, context),
            scope=sys.intern(module_path(node, context.path)),
            opsets=context.opsets,
            bodies=bodies or _NO_BODIES,
        )

    def _layer_name(self, node: NodeProto, context: _Context) -> str:
        name = layer_name(node, context.path, self._layer_names)
        self._layer_names.add(name)
        if len(self._layer_names) > MAX_LAYERS:
            raise BrokenArtifact(
                f"{self._source.name!r} holds more than {MAX_LAYERS:,} nodes",
                hint="no model has that many: export it again",
            )
        return name

    def _define(self, names: Iterable[str], context: _Context) -> None:
        """Give values unique names, as they are where they are not taken."""
        known = context.names.maps[0]
        for name in names:
            if name and name not in known:
                require_text((name,))
                known[name] = self._unique(name)

    def _unique(self, name: str) -> str:
        unique = name
        while unique in self._value_names:
            self._value_names[name] += 1
            unique = f"{name}#{self._value_names[name]}"
        self._value_names[unique] = 1
        return unique

    def _check_expansion(self) -> None:
        """Refuse functions that expand without end, before they do."""
        if self._inlined_nodes > MAX_INLINED_NODES:
            raise BrokenArtifact(
                f"the functions of {self._source.name!r} expand to more than"
                f" {MAX_INLINED_NODES:,} nodes",
                hint="inline them when you export the model",
            )

    def _constant(self, node: NodeProto) -> Fact:
        for attribute in node.attribute:
            if attribute.name == "value":
                self._check_location(attribute.t)
        return constant_fact(node)

    def _stored(self, tensor: TensorProto) -> Fact:
        self._check_location(tensor)
        return stored_fact(tensor)

    def _check_location(self, tensor: TensorProto) -> None:
        """Refuse external data that lie outside the model's folder; they are never opened."""
        if tensor.data_location != TensorProto.EXTERNAL:
            return
        location = {entry.key: entry.value for entry in tensor.external_data}.get("location", "")
        require_text((location,))
        if location not in self._locations:
            self._source.sibling(location)
            self._locations.add(location)


def _nested(context: _Context) -> _Context:
    if context.depth == MAX_NESTING:
        raise BrokenArtifact(
            f"functions and bodies nest more than {MAX_NESTING} deep",
            hint="inline the model's functions when you export it",
        )
    return replace(context, depth=context.depth + 1)


def _definitions(graph: GraphProto) -> Iterator[str]:
    yield from (value.name for value in graph.input)
    yield from (tensor.name for tensor in graph.initializer)
    yield from (sparse.values.name for sparse in graph.sparse_initializer)
    yield from (name for node in graph.node for name in node.output)


def _texts(node: NodeProto) -> list[str]:
    """What a node says of itself, its inputs and outputs apart."""
    texts = [node.name, node.op_type, node.domain, node.overload]
    for attribute in node.attribute:
        texts += (attribute.name, attribute.ref_attr_name)
    for entry in node.metadata_props:
        texts += (entry.key, entry.value)
    return texts


def _resolved(
    node: NodeProto, inputs: Sequence[str], outputs: Sequence[str], context: _Context
) -> NodeProto:
    """The node with unique names and without references to a function's attributes."""
    refers = any(attribute.ref_attr_name for attribute in node.attribute)
    if not refers and inputs == tuple(node.input) and outputs == tuple(node.output):
        return node
    resolved = NodeProto()
    resolved.CopyFrom(node)
    resolved.input[:] = inputs
    resolved.output[:] = outputs
    if refers:
        kept = [attribute for attribute in node.attribute if not attribute.ref_attr_name]
        del resolved.attribute[:]
        resolved.attribute.extend((*kept, *_referenced(node, context)))
    return resolved


def _referenced(node: NodeProto, context: _Context) -> Iterator[AttributeProto]:
    """The attributes that a node takes from the call of its function, under the node's names."""
    for attribute in node.attribute:
        given = (context.attributes or {}).get(attribute.ref_attr_name)
        if attribute.ref_attr_name and given is not None:
            named = AttributeProto()
            named.CopyFrom(given)
            named.name = attribute.name
            yield named


def _opsets(imports: Iterable[OperatorSetIdProto]) -> dict[str, int]:
    imports = list(imports)
    require_text(item.domain for item in imports)
    return {
        plain_domain(item.domain): item.version
        for item in imports
        if 0 < item.version <= _LARGEST_OPSET
    }
