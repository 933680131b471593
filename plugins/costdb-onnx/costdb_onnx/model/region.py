"""A graph made ready for the walk: functions inlined, names unique, constants set apart."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from onnx import NodeProto, TypeProto

from costdb_onnx.model.facts import Fact


@dataclass(frozen=True, slots=True)
class Step:
    """One node.

    Attributes:
        node: The node, with the unique names of its inputs and outputs.
        op: The operator.
        domain: The operator's domain; "" for ONNX's own, however the file writes that.
        inputs: Unique names; "" for an absent optional one.
        outputs: The same.
        name: The layer's name.
        scope: The module path.
        opsets: Domain -> version, of the model or of the function that the node comes from.
        bodies: Attribute -> the graph that it holds.
    """

    node: NodeProto
    op: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    name: str
    scope: str
    opsets: Mapping[str, int]
    bodies: Mapping[str, "Region"]

    @property
    def opset(self) -> int:
        """The version of the operator's domain; 0 where the model does not import it."""
        return self.opsets.get(self.domain, 0)

    @property
    def reads(self) -> Iterator[str]:
        """Names of the values that it needs, those that its bodies take from outside included."""
        yield from filter(None, self.inputs)
        for body in self.bodies.values():
            yield from body.free_names()


@dataclass(frozen=True, slots=True)
class Region:
    """A model's graph, or one that a control-flow node runs.

    Attributes:
        steps: In the file's order.
        inputs: What is fed, with the declared types, in the file's order.
        outputs: What is asked for.
        stored: Initializers and the outputs of Constant nodes.
        declared: Types that the file gives for other values; free dimensions may stand in them.
    """

    steps: tuple[Step, ...]
    inputs: Mapping[str, TypeProto]
    outputs: tuple[str, ...]
    stored: Mapping[str, Fact]
    declared: Mapping[str, TypeProto]

    def free_names(self) -> set[str]:
        """Names of the values that it takes from the graph around it."""
        read = {name for step in self.steps for name in step.reads}
        return read.union(self.outputs).difference(self.defined_names())

    def defined_names(self) -> set[str]:
        """Names of the values that are fed, stored or computed in it."""
        computed = {name for step in self.steps for name in step.outputs if name}
        return computed.union(self.inputs, self.stored)


def plain_domain(domain: str) -> str:
    """The domain, with "" for ONNX's own."""
    return "" if domain == "ai.onnx" else domain
