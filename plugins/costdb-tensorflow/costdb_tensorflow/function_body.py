"""The body of one function as nodes: its own way of naming values, turned into the graph's.

A body spells a value `argument`, or `node:output:index` with the name of an output argument and
the index within it:
https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/function.proto
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from costdb.plugins import BrokenArtifact
from costdb_tensorflow.definitions import Definitions
from costdb_tensorflow.nodes import Node, Nodes, Value, identity_origin, is_control


class FunctionBody:
    """A function's nodes under the attributes of one call.

    Nodes and arguments share one name space; a `Value` of an argument stands for what is given.

    Attributes:
        name: The function's.
        nodes: The nodes, by their names in the function.
        generic: Names of the nodes that depend on attributes which a call gives.

    Args:
        function: The FunctionDef message.
        attributes: What the call gives for the function's attributes.
        definitions: Of the operators.

    Raises:
        BrokenArtifact: A node reads what is not there, or two have one name.
    """

    def __init__(
        self, function: Any, attributes: Mapping[str, Any], definitions: Definitions
    ) -> None:
        self.name = str(function.signature.name)
        self._function = function
        self._definitions = definitions
        self._signature = Node(function.signature.name, function.signature.name, (), attributes)
        self._argument_lengths = dict(
            definitions.argument_lengths(self._signature, function.signature.input_arg)
        )
        # Inputs name outputs by their operators' definitions, so the nodes are read twice.
        self.nodes: Nodes = {
            node_def.name: Node(
                node_def.name,
                node_def.op,
                (),
                self._filled_in(node_def.attr),
                controls=tuple(text[1:] for text in node_def.input if is_control(text)),
            )
            for node_def in function.node_def
        }
        for node_def in function.node_def:
            inputs = [
                value
                for text in node_def.input
                if not is_control(text)
                for value in self._values(text)
            ]
            node = self.nodes[node_def.name]
            self.nodes[node_def.name] = replace(node, inputs=tuple(inputs))
        self.generic = frozenset(
            node_def.name
            for node_def in function.node_def
            if any(map(_is_placeholder, node_def.attr.values()))
        )

    def arguments(self, call: Node) -> dict[Value, Value]:
        """Argument -> the value that a call gives for it. Raises BrokenArtifact if some lack."""
        names = self._arguments()
        if len(names) != len(call.inputs):
            raise BrokenArtifact(
                f"node {call.name!r} gives {len(call.inputs)} arguments to function"
                f" {self.name!r}, which takes {len(names)}",
                hint="export the model again",
            )
        return dict(zip(names, call.inputs, strict=True))

    def returned(self) -> list[Value]:
        """What the function returns, in order."""
        return [
            value
            for argument in self._function.signature.output_arg
            for value in self._values(self._function.ret[argument.name])
        ]

    def unchanged(self) -> frozenset[int]:
        """The positions at which the function returns its argument of the same position."""
        pairs = zip(self._arguments(), self.returned(), strict=False)
        return frozenset(
            place
            for place, (argument, value) in enumerate(pairs)
            if identity_origin(value, self.nodes) == argument
        )

    def _arguments(self) -> list[Value]:
        return [
            Value(name, index)
            for name, length in self._argument_lengths.items()
            for index in range(length)
        ]

    def _filled_in(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        """A node's attributes, those that refer to the call's replaced by what it gives."""
        filled: dict[str, Any] = {}
        for name, value in attributes.items():
            if not _is_placeholder(value):
                filled[name] = value
                continue
            given = self._definitions.attribute(self._signature, value.placeholder)
            if given is not None:
                filled[name] = given
        return filled

    def _values(self, text: str) -> list[Value]:
        """The values that a reference stands for: one, or all of a list that has no index."""
        first, *rest = text.split(":")
        index = int(rest[-1]) if rest and rest[-1].isdecimal() else None
        if first in self._argument_lengths:
            start, length = 0, self._argument_lengths[first]
        elif first in self.nodes:
            start, length = self._output(self.nodes[first], rest[0] if rest else "", index or 0)
        else:
            raise self._broken(text)
        if index is None:
            return [Value(first, start + offset) for offset in range(length)]
        if index >= length:
            raise self._broken(text)
        return [Value(first, start + index)]

    def _output(self, node: Node, output: str, index: int) -> tuple[int, int]:
        """Where an output argument starts among a node's outputs, and how many it stands for."""
        definition = self._definitions.of(node.op)
        if definition is None:
            # Nothing says which outputs an unknown operator has, so the index is taken as it is.
            return 0, index + 1
        start = 0
        for name, length in self._definitions.argument_lengths(node, definition.output_arg):
            if name == output:
                return start, length
            start += length
        raise self._broken(f"{node.name}:{output}")

    def _broken(self, text: str) -> BrokenArtifact:
        return BrokenArtifact(
            f"function {self.name!r} reads {text!r}, which it does not have",
            hint="export the model again",
        )


def _is_placeholder(attribute: Any) -> bool:
    """Whether an AttrValue stands for an attribute of the call."""
    return bool(attribute.WhichOneof("value") == "placeholder")
