"""Nodes and what TensorFlow inferred of them, as the IR's tensors and layers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from costdb.plugins import Body, BoundInput, Graph, Layer, Role, Tensor, assemble
from costdb_tensorflow.constants import integers, is_constant
from costdb_tensorflow.control_flow import LOOPS
from costdb_tensorflow.definitions import Definitions
from costdb_tensorflow.dtypes import ir_dtype
from costdb_tensorflow.inference import fact
from costdb_tensorflow.inputs import sizes
from costdb_tensorflow.nodes import Node, Nodes, Region, Value, all_nodes
from costdb_tensorflow.operation import Operation
from costdb_tensorflow.operators import lower
from costdb_tensorflow.outputs import VARIABLES, data_output_count, is_given, sets_resource
from costdb_tensorflow.walk import Known

# A variable that is a resource is read by an operator of its own.
_RESOURCE_VARIABLE = "VarHandleOp"
_READ_VARIABLE = "ReadVariableOp"


class Translation:
    """A graph on its way into the IR.

    Args:
        nodes: What the outputs need, calls inlined.
        asked: The outputs.
        bound: Input name -> its settled shape.
        known: What is known of every value, loop and branch.
        definitions: Of the operators.
    """

    def __init__(
        self,
        nodes: Nodes,
        asked: Sequence[Value],
        bound: Mapping[str, BoundInput],
        known: Known,
        definitions: Definitions,
    ) -> None:
        self._nodes = nodes
        self._index = {node.name: node for node in all_nodes(nodes)}
        self._bound = bound
        self._known = known
        self._definitions = definitions
        self._asked = [self._origin(value) for value in asked]
        regions = [region for node in self._index.values() for region in self._run(node)]
        self._arguments = {name for region in regions for name in region.arguments if name}
        self._results = {
            self._origin(value)
            for region in regions
            for value in region.results
            if value.node in region.nodes
        }
        self._read: dict[str, set[Value]] = {}
        read = (self._origin(v) for node in self._index.values() for v in node.reads)
        for value in (*read, *self._asked, *self._results):
            self._read.setdefault(value.node, set()).add(value)
        self._shared = self._stored_for_several([nodes, *(region.nodes for region in regions)])
        self._tensors: dict[Value, Tensor] = {}

    def inputs(self) -> list[Tensor]:
        """The placeholders that have to be fed, in the file's order."""
        return [self._tensor(Value(name)) for name in self._bound]

    def outputs(self) -> list[Tensor]:
        """What is asked for, each tensor once."""
        return self._each_once(self._asked)

    def layers(self) -> Iterator[Layer]:
        """A layer or more for each node that computes something, in the file's order."""
        return self._layers(self._nodes)

    def _layers(self, nodes: Nodes) -> Iterator[Layer]:
        for node in nodes.values():
            if node.regions:
                yield self._running(node)
            elif not is_given(node) and self._origin(Value(node.name)).node == node.name:
                operation = self._operation(node)
                if operation.outputs:
                    yield from lower(operation)

    def _running(self, node: Node) -> Layer:
        """The layer of a loop or of a choice between branches."""
        operation = Operation(
            node,
            self._definitions,
            tuple(self._tensor(self._origin(value)) for value in node.starts_with),
            tuple(map(self._tensor, sorted(self._read[node.name]))),
        )
        inputs: tuple[Tensor | None, ...] = operation.inputs
        if node.op in LOOPS:
            bodies = [Body(self._body(node.regions[0]), self._known.trips[node.name])]
            # ONNX's loop has a trip count and a condition before what it carries.
            inputs = (None, None, *inputs)
        else:
            bodies = [Body(self._body(region)) for region in self._run(node)]
        # A choice between more than two branches is an If as well: one of its bodies runs.
        op = "Loop" if node.op in LOOPS else "If"
        layer = operation.layer(op, inputs, operation.outputs)
        captured = (tensor for body in bodies for tensor in self._captured(body.graph))
        return replace(
            layer,
            bodies=tuple(bodies),
            captures=tuple({tensor.name: tensor for tensor in captured}.values()),
        )

    def _run(self, node: Node) -> list[Region]:
        """The regions of a node that may run."""
        taken = self._known.taken.get(node.name, ())
        return [node.regions[place] for place in taken] if node.op not in LOOPS else [*node.regions]

    def _body(self, region: Region) -> Graph:
        """The graph of a region."""
        arguments = [Value(name) for name in region.arguments if name is not None]
        kept = [place for place, name in enumerate(region.arguments) if name is None]
        results = [v for place, v in enumerate(region.results) if place not in kept]
        return assemble(
            self._layers(region.nodes),
            inputs=tuple(map(self._tensor, arguments)),
            outputs=self._each_once(map(self._origin, results)),
            captured={str(self._origin(value)) for value in region.free_values()},
        )

    def _captured(self, graph: Graph) -> Iterator[Tensor]:
        """What a body takes from outside.

        That is what is computed there, and of what is stored, what others read as well or the body
        only hands out.
        """
        own = {tensor.name for layer in graph.layers for tensor in layer.outputs}
        own.update(tensor.name for tensor in graph.inputs)
        handed_out = {tensor.name for tensor in graph.outputs}
        for tensor in graph.tensors():
            is_own = tensor.role.is_stored and tensor.name not in self._shared
            if tensor.name not in own and (not is_own or tensor.name in handed_out):
                yield tensor

    def _stored_for_several(self, graphs: Sequence[Nodes]) -> set[str]:
        """Names of the stored tensors that more than one graph or region reads."""
        homes: dict[str, int] = {}
        shared: set[str] = set()
        for number, nodes in enumerate(graphs):
            read = (value for node in nodes.values() for value in node.starts_with)
            for value in map(self._origin, read):
                if homes.setdefault(str(value), number) != number:
                    shared.add(str(value))
        return shared

    def _each_once(self, values: Iterable[Value]) -> list[Tensor]:
        return list(dict.fromkeys(map(self._tensor, values)))

    def _operation(self, node: Node) -> Operation:
        origins = [self._origin(value) for value in node.inputs]
        values = {place: integers(self._index[origin.node]) for place, origin in enumerate(origins)}
        return Operation(
            node,
            self._definitions,
            tuple(self._tensor(origin) for origin in origins),
            tuple(self._tensor(value) for value in self._yielded(node)),
            {place: value for place, value in values.items() if value is not None},
        )

    def _yielded(self, node: Node) -> list[Value]:
        """The outputs of a node that hold data, and of the others those that are read."""
        types = self._definitions.output_types(node)
        read = self._read.get(node.name, set())
        if not types:
            return sorted(read)
        count = data_output_count(node, self._definitions)
        every = (Value(node.name, index) for index in range(len(types)))
        return [value for value in every if value.output < count or value in read]

    def _origin(self, value: Value) -> Value:
        """The variable that a value is read from, or the value itself."""
        node = self._index[value.node]
        if node.op != _READ_VARIABLE or not node.inputs:
            return value
        source = node.inputs[0]
        while self._index[source.node].op == "Identity" and self._index[source.node].inputs:
            source = self._index[source.node].inputs[0]
        return source if self._index[source.node].op == _RESOURCE_VARIABLE else value

    def _tensor(self, value: Value) -> Tensor:
        if value not in self._tensors:
            self._tensors[value] = self._new_tensor(value)
        return self._tensors[value]

    def _new_tensor(self, value: Value) -> Tensor:
        node = self._index[value.node]
        if node.op == _RESOURCE_VARIABLE:
            return _variable(node)
        if sets_resource(node, self._index, self._definitions):
            return replace(self._tensor(node.inputs[0]), name=str(value), role=Role.OUTPUT)
        found = fact(value, self._known.facts)
        return Tensor(
            str(value),
            found.shape,
            ir_dtype(found.dtype),
            self._role(value),
            is_upper_bound=found.is_upper_bound,
        )

    def _role(self, value: Value) -> Role:
        node = self._index[value.node]
        if value.node in self._bound or value.node in self._arguments:
            return Role.INPUT
        if is_constant(node) or node.op in VARIABLES:
            return Role.STORED
        is_output = value in self._results or value in self._asked
        return Role.OUTPUT if is_output else Role.ACTIVATION


def _variable(node: Node) -> Tensor:
    """What a resource variable holds; the operator itself yields only a handle."""
    stated = node.attributes["shape"].shape if "shape" in node.attributes else None
    shape = None if stated is None or stated.unknown_rank else sizes(stated)
    dtype = node.attributes["dtype"].type if "dtype" in node.attributes else 0
    return Tensor(node.name, shape, ir_dtype(dtype), Role.STORED)
