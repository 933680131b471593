"""What TensorFlow and the file's function library say of operators: arguments and defaults."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from costdb.plugins import BrokenArtifact
from costdb_tensorflow.dtypes import RESOURCE, VARIANT, value_dtype
from costdb_tensorflow.messages import parse
from costdb_tensorflow.nodes import Node

# One argument of an operator's definition may stand for this many values at most.
MAX_ARGUMENT_LENGTH = 1 << 16


class Definitions:
    """The definitions of operators, each looked up once.

    Args:
        find: Operator name -> its encoded OpDef; None for an operator that is not registered.
        functions: Function name -> FunctionDef message, for nodes whose operator is a function.
    """

    def __init__(self, find: Callable[[str], bytes | None], functions: Mapping[str, Any]) -> None:
        self._find = find
        self._functions = functions
        self._known: dict[str, Any | None] = {}

    def of(self, op: str) -> Any | None:
        """An operator's OpDef; None for one that is not known."""
        if op not in self._known:
            if op in self._functions:
                self._known[op] = self._functions[op].signature
            else:
                encoded = self._find(op)
                self._known[op] = None if encoded is None else parse("OpDef", encoded)
        return self._known[op]

    def attribute(self, node: Node, name: str) -> Any | None:
        """An attribute's AttrValue, its default where the file leaves it out; None if neither."""
        if name in node.attributes:
            return node.attributes[name]
        definition = self.of(node.op)
        for entry in definition.attr if definition is not None else ():
            if entry.name == name and entry.HasField("default_value"):
                return entry.default_value
        return None

    def input_types(self, node: Node) -> list[int]:
        """The dtype numbers of a node's inputs; empty for an unknown operator."""
        definition = self.of(node.op)
        if definition is None:
            return []
        return [number for entry in definition.input_arg for number in self._types(node, entry)]

    def output_types(self, node: Node) -> list[int] | None:
        """The dtype numbers of a node's outputs, 0 where unknown; None for an unknown operator."""
        definition = self.of(node.op)
        if definition is None:
            return None
        return [number for entry in definition.output_arg for number in self._types(node, entry)]

    def yields_data(self, node: Node) -> bool:
        """Whether a node has an output that is more than a handle."""
        types = self.output_types(node)
        return types is None or any(number not in {RESOURCE, VARIANT} for number in types)

    def argument_lengths(self, node: Node, arguments: Any) -> Iterator[tuple[str, int]]:
        """The names of arguments (input_arg or output_arg) and how many values each stands for."""
        for entry in arguments:
            yield entry.name, len(self._types(node, entry))

    def _types(self, node: Node, argument: Any) -> list[int]:
        """The dtypes of the values that one argument stands for."""
        if argument.type_list_attr:
            listed = self.attribute(node, argument.type_list_attr)
            return [] if listed is None else [value_dtype(number) for number in listed.list.type]
        number = value_dtype(argument.type)
        if argument.type_attr:
            stated = self.attribute(node, argument.type_attr)
            number = 0 if stated is None else value_dtype(stated.type)
        if not argument.number_attr:
            return [number]
        count = self.attribute(node, argument.number_attr)
        length = 0 if count is None else count.i
        if not 0 <= length <= MAX_ARGUMENT_LENGTH:
            raise BrokenArtifact(
                f"node {node.name!r} says that {argument.number_attr} is {length:,}",
                hint="export the model again",
            )
        return [number] * length
