"""Shapes and dtypes of a graph's values by TensorFlow's own inference, and what follows from them.

Loops and branches are left out here: `costdb_tensorflow.walk` puts graphs and regions together.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from costdb.plugins import BoundInput, BrokenArtifact, Shape
from costdb_tensorflow.bounds import upper_bounds
from costdb_tensorflow.definitions import Definitions
from costdb_tensorflow.inference_graph import inference_graph
from costdb_tensorflow.nodes import Nodes, Value, in_order
from costdb_tensorflow.runtime import Inferred, Runtime
from costdb_tensorflow.tensor_lists import found_in_lists, merged_shapes
from costdb_tensorflow.values import known_value

# How many operators whose results' sizes depend on data may stand behind one another.
MAX_ROUNDS = 16

Facts = dict[Value, Inferred]


@dataclass(frozen=True, slots=True)
class Setting:
    """What inference needs beside a graph.

    Attributes:
        bound: Input name -> its settled shape.
        versions: The file's VersionDef message.
        definitions: Of the operators.
        runtime: The installed TensorFlow.
        follows_values: Whether small integers and the items of lists are followed as well, which
            only graphs with loops, branches and lists need.
    """

    bound: Mapping[str, BoundInput]
    versions: Any
    definitions: Definitions
    runtime: Runtime
    follows_values: bool


def infer(nodes: Nodes, given: Mapping[Value, Inferred], setting: Setting) -> Facts:
    """What is known of every output of every node.

    A size that depends on data takes its upper bound, and so does all that follows from it.

    Args:
        nodes: A graph or a part of one, without loops and branches.
        given: Values that are not to be inferred: of nodes that are not there, or not known.
        setting: See `Setting`.

    Raises:
        BrokenArtifact: TensorFlow refuses the graph.
        BindingError: An input is bound to a value that its dtype cannot hold.
    """
    inference = _Inference(nodes, setting)
    bounded = {value for value, entry in given.items() if entry.is_upper_bound}
    opened = {value: _opened(entry) for value, entry in given.items() if value in bounded}
    exact = inference.settled({**given, **opened}, inference.in_lists)
    facts = inference.settled({**given}, inference.open_values, exact if not bounded else None)
    return {
        value: entry._replace(
            is_upper_bound=value in bounded
            or (_is_definite(entry.shape) and not _is_definite(exact[value].shape))
        )
        for value, entry in facts.items()
        if value in exact
    }


class _Inference:
    """Rounds of inference over one graph."""

    def __init__(self, nodes: Nodes, setting: Setting) -> None:
        self._nodes = nodes
        self._setting = setting
        self._order = in_order(nodes) if setting.follows_values else []

    def settled(
        self,
        given: Mapping[Value, Inferred],
        find: Callable[[Facts], Mapping[Value, Inferred]],
        known: Facts | None = None,
    ) -> Facts:
        """What is known once no more open shapes are found.

        Args:
            given: Values that are not to be inferred.
            find: Facts -> shapes that TensorFlow left open.
            known: The result of the first round, if there was one.
        """
        stand_ins = dict(given)
        facts = self._round(stand_ins) if known is None else known
        for _ in range(MAX_ROUNDS):
            found = find(facts)
            if not found:
                break
            stand_ins |= found
            facts = self._round(stand_ins)
        return facts

    def in_lists(self, facts: Facts) -> Facts:
        """Open shapes of what is taken out of lists."""
        found: Facts = {}
        for node in self._order:
            for entry in found_in_lists(node, [facts.get(value) for value in node.inputs]):
                known = facts.get(Value(node.name, entry.output))
                if known is not None and entry.shape is not None:
                    shape = merged_shapes(known.shape, entry.shape)
                    if shape not in {None, known.shape}:
                        found[Value(node.name, entry.output)] = known._replace(shape=shape)
        return found

    def open_values(self, facts: Facts) -> Facts:
        """Open shapes of what is taken out of lists, and upper bounds of those that data decide."""
        return {**upper_bounds(self._nodes, facts), **self.in_lists(facts)}

    def _round(self, stand_ins: Mapping[Value, Inferred]) -> Facts:
        setting = self._setting
        graph_def = inference_graph(
            self._nodes, setting.bound, stand_ins, setting.versions, setting.definitions
        )
        found = {Value(*key): entry for key, entry in setting.runtime.shapes(graph_def).items()}
        facts = {**found, **stand_ins}
        for node in self._order:
            inputs = [facts.get(value) for value in node.inputs]
            first = facts.get(Value(node.name))
            if node.name in setting.bound:
                self._set_bound_value(node.name, facts)
            elif first is not None and first.value is None:
                value = known_value(node, inputs, first, setting.definitions)
                facts[Value(node.name)] = first._replace(value=value)
            for entry in found_in_lists(node, inputs):
                output = Value(node.name, entry.output)
                if entry.items is not None and output in facts:
                    facts[output] = facts[output]._replace(items=entry.items)
        return facts

    def _set_bound_value(self, name: str, facts: Facts) -> None:
        """Note the number that the caller gave for an input."""
        number = self._setting.bound[name].value
        if isinstance(number, int) and self._setting.bound[name].shape == ():
            facts[Value(name)] = facts[Value(name)]._replace(value=(int(number),))


def fact(value: Value, facts: Mapping[Value, Inferred]) -> Inferred:
    """What is known of a value. Raises BrokenArtifact if its node has no such output."""
    if value not in facts:
        raise BrokenArtifact(
            f"a node reads {str(value)!r}, an output that its node does not have",
            hint="export the model again",
        )
    return facts[value]


def _opened(entry: Inferred) -> Inferred:
    """A value whose upper bound is taken for unknown."""
    shape = None if entry.shape is None else (None,) * len(entry.shape)
    return entry._replace(shape=shape, value=None)


def _is_definite(shape: Shape | None) -> bool:
    return shape is not None and None not in shape
