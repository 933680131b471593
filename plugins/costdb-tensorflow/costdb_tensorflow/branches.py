"""The branches of TensorFlow 1, each a number of nodes, as single nodes with regions.

A Switch hands its value to one of its outputs, and what depends on the other ones does not run; a
Merge yields what comes. So what depends on output k of the switches of one condition, up to the
merges, is what runs if the condition is k.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from costdb.plugins import MAX_NESTING, BrokenArtifact
from costdb_tensorflow.frames import MERGES, NEXT_ITERATIONS, SWITCHES
from costdb_tensorflow.nodes import Node, Nodes, Region, Value, identity_origin, in_order
from costdb_tensorflow.outputs import is_given

# A Switch with as many outputs as its number may choose between.
_NUMBERED_SWITCH = "_SwitchN"


class Side(NamedTuple):
    """One of the things that a condition may be.

    Attributes:
        condition: The truth value or number that decides.
        choice: What it is then: 1 for true, or the number.
    """

    condition: Value
    choice: int


# On which sides of conditions a node runs.
Context = frozenset[Side]

_ALWAYS: Context = frozenset()


class Contexts(NamedTuple):
    """Where the nodes of a graph run.

    Attributes:
        of: Name of a node -> on which sides of conditions it runs.
        numbers: The conditions that are numbers, not truth values.
    """

    of: Mapping[str, Context]
    numbers: frozenset[Value]


def contexts(nodes: Nodes) -> Contexts:
    """On which sides of conditions each node of a graph runs.

    A node that reads nothing runs where the nodes run that it waits for.

    Raises:
        BrokenArtifact: Branches nest too deep.
    """
    if not any(node.op in MERGES for node in nodes.values()):
        return Contexts({}, frozenset())
    found: dict[str, Context] = {}
    numbers: set[Value] = set()
    for node in in_order(nodes, NEXT_ITERATIONS):
        given = [_context(value, nodes, found) for value in node.inputs if value.node in found]
        if node.op == _NUMBERED_SWITCH and len(node.inputs) == 2:
            numbers.add(identity_origin(node.inputs[1], nodes))
        if not node.inputs:
            given = [found[name] for name in node.controls if name in found]
        if node.op in MERGES and given:
            found[node.name] = frozenset.intersection(*given)
            if (decided := _decision(given)) is not None:
                around = {side for entry in given for side in entry}
                found[node.name] = frozenset(s for s in around if s.condition != decided)
        else:
            found[node.name] = _ALWAYS.union(*given)
        if len(found[node.name]) > MAX_NESTING:
            raise BrokenArtifact(
                f"branches nest more than {MAX_NESTING} deep", hint="export the model again"
            )
    return Contexts(found, frozenset(numbers))


def fold_branches(nodes: Nodes, known: Contexts) -> tuple[Nodes, dict[Value, Value]]:
    """The nodes with each branch as one node `If` or `Case`, and what takes the merges' place.

    A Merge of which nothing says what decides stays as it is.

    Args:
        nodes: A graph without frames of loops.
        known: The contexts of its nodes; those of loops follow from what they read.
    """
    folding = _Folding(known)
    return folding.folded(nodes) if known.of else nodes, folding.replaced


def _context(value: Value, nodes: Nodes, found: Mapping[str, Context]) -> Context:
    """On which sides of conditions a value is there."""
    node = nodes.get(value.node)
    context = found.get(value.node, _ALWAYS)
    if node is None or node.op not in {*SWITCHES, _NUMBERED_SWITCH} or len(node.inputs) != 2:
        return context
    condition = identity_origin(node.inputs[1], nodes)
    decides_loop = condition.node in nodes and nodes[condition.node].op == "LoopCond"
    return context if decides_loop else context | {Side(condition, value.output)}


def _decision(given: Iterable[Context]) -> Value | None:
    """The condition on whose sides the inputs of a Merge differ; None if that is not clear."""
    sides: dict[Value, set[int]] = {}
    entries = list(given)
    for entry in entries:
        for side in entry:
            sides.setdefault(side.condition, set()).add(side.choice)
    differing = [condition for condition, choices in sides.items() if len(choices) > 1]
    if not differing:
        # Of a branch that yields a constant, nothing may say that it is one.
        common = frozenset.intersection(*entries) if entries else _ALWAYS
        left = {side.condition for entry in entries for side in entry - common}
        differing = list(left)
    return differing[0] if len(differing) == 1 else None


def _name_of_branch(merge: Node) -> str:
    """What a branch is called: TensorFlow names its merges `cond/Merge` or `cond/output/_7`."""
    scope = merge.name.rpartition("/")[0]
    return scope.removesuffix("/output").removesuffix("/merge") or merge.name


class _Folding:
    """Branches on their way into single nodes, the innermost first.

    Attributes:
        replaced: Value of a node that is gone -> what takes its place.
    """

    def __init__(self, known: Contexts) -> None:
        self.replaced: dict[Value, Value] = {}
        self._known = dict(known.of)
        self._numbers = known.numbers
        self._places = {name: place for place, name in enumerate(known.of)}

    def folded(self, nodes: Nodes) -> Nodes:
        """A graph, and the regions in it, with single nodes for branches."""
        level: Nodes = {}
        for node in nodes.values():
            regions = (replace(r, nodes=self.folded(r.nodes)) for r in node.regions)
            level[node.name] = replace(node, regions=tuple(regions))
        order = in_order(level)
        for place, node in enumerate(order):
            self._places[node.name] = place
            if node.regions:
                reads = [_context(value, level, self._known) for value in node.reads]
                self._known[node.name] = _ALWAYS.union(*reads)
        for condition, merges in self._groups(order, level):
            self._fold(condition, merges, level)
        return level

    def _groups(self, order: Iterable[Node], level: Nodes) -> list[tuple[Value, list[Node]]]:
        """The merges of each branch with what decides, an inner branch before an outer one."""
        groups: dict[tuple[Value, Context, str], list[Node]] = {}
        for node in order:
            if node.op in MERGES:
                given = [_context(value, level, self._known) for value in node.inputs]
                condition = _decision(given)
                if condition is not None:
                    # Two branches in a row may have one condition, but not one scope.
                    scope = node.name.rpartition("/")[0]
                    key = (condition, self._known[node.name], scope)
                    # Behind the others again: where its last merge stands.
                    groups[key] = [*groups.pop(key, []), node]
        return [(condition, merges) for (condition, _, _), merges in groups.items()]

    def _fold(self, condition: Value, merges: Sequence[Node], level: Nodes) -> None:
        """Add the node that takes the place of the merges of one condition."""
        by_side = [self._by_side(merge, condition, level) for merge in merges]
        columns = [values for values in by_side if values is not None]
        if len(columns) != len(merges) or len({len(values) for values in columns}) != 1:
            return
        outside: dict[Value, None] = {}
        regions = [
            self._region(Side(condition, choice), values, level, outside)
            for choice, values in enumerate(zip(*columns, strict=True))
        ]
        is_number = condition in self._numbers
        name = self._free_name(_name_of_branch(merges[0]))
        level[name] = Node(
            name,
            "Case" if is_number else "If",
            (condition,),
            {},
            # What runs if the condition holds comes first.
            regions=tuple(regions if is_number else reversed(regions)),
            captures=tuple(outside),
        )
        self._known[name] = self._known[merges[0].name]
        self._places[name] = self._places[merges[-1].name]
        for output, merge in enumerate(merges):
            self.replaced[Value(merge.name)] = Value(name, output)

    def _by_side(self, merge: Node, condition: Value, level: Nodes) -> list[Value] | None:
        """What a Merge yields for each choice, in order; None if that is not clear."""
        ordered: list[Value | None] = [None] * len(merge.inputs)
        unclear: list[Value] = []
        for value in merge.inputs:
            context = _context(value, level, self._known)
            choices = [side.choice for side in context if side.condition == condition]
            if len(choices) == 1 and choices[0] < len(ordered) and ordered[choices[0]] is None:
                ordered[choices[0]] = value
            else:
                unclear.append(value)
        if len(unclear) > 1:
            return None
        return [unclear[0] if value is None else value for value in ordered]

    def _region(
        self, side: Side, results: tuple[Value, ...], level: Nodes, outside: dict[Value, None]
    ) -> Region:
        """What runs on one side of a condition to yield some values; adds what it reads outside."""
        inner: dict[str, Node] = {}
        pending = list(results)
        while pending:
            value = self._behind_switches(pending.pop(), side, level)
            node = level.get(value.node)
            if node is not None and node.name in inner:
                continue
            if node is None or is_given(node) or side not in self._known.get(node.name, _ALWAYS):
                outside[value] = None
            else:
                inner[node.name] = node
                pending.extend(node.reads)
        ordered = sorted(inner.values(), key=lambda node: self._places[node.name])
        return Region({node.name: node for node in ordered}, (), results)

    def _behind_switches(self, value: Value, side: Side, level: Nodes) -> Value:
        """What a value is once the switches of a condition are gone."""
        seen: set[Value] = set()
        value = self.replaced.get(value, value)
        while value not in seen and (switch := self._switch_of(value, side, level)) is not None:
            seen.add(value)
            self.replaced[value] = switch.inputs[0]
            value = self.replaced.get(switch.inputs[0], switch.inputs[0])
        return value

    def _switch_of(self, value: Value, side: Side, level: Nodes) -> Node | None:
        """The switch of a condition that yields a value; None if something else does."""
        node = level.get(value.node)
        if node is None or node.op not in {*SWITCHES, _NUMBERED_SWITCH} or len(node.inputs) != 2:
            return None
        decides = identity_origin(node.inputs[1], level) == side.condition
        return node if decides else None

    def _free_name(self, wanted: str) -> str:
        name, suffix = wanted, 1
        while name in self._known:
            name, suffix = f"{wanted}_{suffix}", suffix + 1
        return name
