"""Nodes and what TensorFlow inferred of them, as the IR's tensors and layers."""

from collections.abc import Iterator, Mapping, Sequence

from costdb.plugins import BoundInput, BrokenArtifact, Layer, Role, Tensor
from costdb_tensorflow.constants import integers, is_constant
from costdb_tensorflow.definitions import Definitions
from costdb_tensorflow.dtypes import ir_dtype
from costdb_tensorflow.inference import Inference
from costdb_tensorflow.inputs import sizes
from costdb_tensorflow.nodes import Node, Nodes, Value
from costdb_tensorflow.operation import Operation
from costdb_tensorflow.operators import lower
from costdb_tensorflow.outputs import VARIABLES, data_output_count, is_given

# A variable that is a resource is read by an operator of its own.
_RESOURCE_VARIABLE = "VarHandleOp"
_READ_VARIABLE = "ReadVariableOp"

# Closes a loop of TensorFlow 1; its edge would make the graph cyclic.
_NEXT_ITERATION = "NextIteration"


class Translation:
    """A graph on its way into the IR.

    Args:
        nodes: What the outputs need, calls inlined.
        asked: The outputs.
        bound: Input name -> its settled shape.
        inference: What TensorFlow says of every output of every node.
        definitions: Of the operators.
    """

    def __init__(
        self,
        nodes: Nodes,
        asked: Sequence[Value],
        bound: Mapping[str, BoundInput],
        inference: Inference,
        definitions: Definitions,
    ) -> None:
        self._nodes = nodes
        self._bound = bound
        self._inference = inference
        self._definitions = definitions
        self._asked = [self._origin(value) for value in asked]
        self._read = {self._origin(v) for node in nodes.values() for v in node.inputs}
        self._read.update(self._asked)
        self._tensors: dict[Value, Tensor] = {}

    def inputs(self) -> list[Tensor]:
        """The placeholders that have to be fed, in the file's order."""
        return [self._tensor(Value(name)) for name in self._bound]

    def outputs(self) -> list[Tensor]:
        """What is asked for, each tensor once."""
        return list(dict.fromkeys(self._tensor(value) for value in self._asked))

    def layers(self) -> Iterator[Layer]:
        """A layer or more for each node that computes something, in the file's order."""
        for node in self._nodes.values():
            if not is_given(node) and self._origin(Value(node.name)).node == node.name:
                operation = self._operation(node)
                if operation.outputs:
                    yield from lower(operation)

    def _operation(self, node: Node) -> Operation:
        origins = [
            self._origin(value)
            for value in node.inputs
            if self._nodes[value.node].op != _NEXT_ITERATION
        ]
        values = {place: integers(self._nodes[origin.node]) for place, origin in enumerate(origins)}
        return Operation(
            node,
            self._definitions,
            tuple(self._tensor(origin) for origin in origins),
            tuple(self._tensor(value) for value in self._results(node)),
            {place: value for place, value in values.items() if value is not None},
        )

    def _results(self, node: Node) -> list[Value]:
        """The outputs of a node that hold data, and of the others those that are read."""
        types = self._definitions.output_types(node)
        if types is None:
            return sorted({value for value in self._read if value.node == node.name})
        count = data_output_count(node, self._definitions)
        every = (Value(node.name, index) for index in range(len(types)))
        return [value for value in every if value.output < count or value in self._read]

    def _origin(self, value: Value) -> Value:
        """The variable that a value is read from, or the value itself."""
        node = self._nodes[value.node]
        if node.op != _READ_VARIABLE or not node.inputs:
            return value
        source = node.inputs[0]
        while self._nodes[source.node].op == "Identity" and self._nodes[source.node].inputs:
            source = self._nodes[source.node].inputs[0]
        return source if self._nodes[source.node].op == _RESOURCE_VARIABLE else value

    def _tensor(self, value: Value) -> Tensor:
        if value not in self._tensors:
            self._tensors[value] = self._new_tensor(value)
        return self._tensors[value]

    def _new_tensor(self, value: Value) -> Tensor:
        node = self._nodes[value.node]
        if node.op == _RESOURCE_VARIABLE:
            return _variable(node)
        if value not in self._inference:
            raise BrokenArtifact(
                f"a node reads {str(value)!r}, an output that its node does not have",
                hint="export the model again",
            )
        found = self._inference[value]
        return Tensor(
            str(value),
            found.shape,
            ir_dtype(found.dtype),
            self._role(value),
            is_upper_bound=found.is_upper_bound,
        )

    def _role(self, value: Value) -> Role:
        node = self._nodes[value.node]
        if value.node in self._bound:
            return Role.INPUT
        if is_constant(node) or node.op in VARIABLES:
            return Role.STORED
        return Role.OUTPUT if value in self._asked else Role.ACTIVATION


def _variable(node: Node) -> Tensor:
    """What a resource variable holds; the operator itself yields only a handle."""
    stated = node.attributes["shape"].shape if "shape" in node.attributes else None
    shape = None if stated is None or stated.unknown_rank else sizes(stated)
    dtype = node.attributes["dtype"].type if "dtype" in node.attributes else 0
    return Tensor(node.name, shape, ir_dtype(dtype), Role.STORED)
