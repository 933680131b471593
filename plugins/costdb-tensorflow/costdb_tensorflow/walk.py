"""What is known of every value of a graph, through the loops and branches in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from costdb.plugins import BindingError, BrokenArtifact, nearest
from costdb_tensorflow.constants import is_constant
from costdb_tensorflow.control_flow import IFS, LOOPS
from costdb_tensorflow.definitions import Definitions
from costdb_tensorflow.inference import Facts, Setting, fact, infer
from costdb_tensorflow.inputs import recorded_shape
from costdb_tensorflow.nodes import Node, Nodes, Region, Value, all_nodes, in_order
from costdb_tensorflow.outputs import VARIABLES
from costdb_tensorflow.runtime import Inferred, Items
from costdb_tensorflow.tensor_lists import merged_shapes
from costdb_tensorflow.trip_count import final_counters, trip_count

# Attributes that name the dtype of what an operator yields, by custom.
_DTYPE_ATTRIBUTES = ("dtype", "out_type", "output_type", "Tout", "DstT", "T")

# A value that a loop carries may change its shape from run to run. The sizes that do are found by
# walking the body again; each walk leaves fewer of them, so a few always do.
_MAX_WALKS = 8

# Walking a body again walks the loops in it again: a file that nests many doubles the work with
# each.
MAX_REGION_WALKS = 20_000

# What may stand between a variable and where it is read.
_READERS = frozenset({"Identity", "ReadVariableOp"})


@dataclass(frozen=True, slots=True)
class Known:
    """What a walk finds out.

    Attributes:
        facts: Of every value, those of regions included.
        trips: Name of a loop -> how often it runs; None where data decide.
        taken: Name of a node with branches -> which of them may run.
    """

    facts: Facts = field(default_factory=dict)
    trips: dict[str, int | None] = field(default_factory=dict)
    taken: dict[str, tuple[int, ...]] = field(default_factory=dict)


def walk(nodes: Nodes, setting: Setting, trips: Mapping[str, int]) -> Known:
    """What is known of a graph's values, loops and branches.

    Args:
        nodes: What the outputs need, calls inlined.
        setting: What inference needs beside it.
        trips: Name of a loop -> how often the caller says that it runs.

    Raises:
        BrokenArtifact: TensorFlow refuses the graph.
        BindingError: A trip count contradicts the file or belongs to no loop, or an input is bound
            to a value that its dtype cannot hold.
    """
    walking = _Walk(nodes, setting, trips)
    walking.graph(nodes)
    for name in trips:
        if name not in walking.known.trips:
            hint = nearest(name, walking.known.trips, "its loops")
            raise BindingError(f"the model has no loop {name!r}", hint=hint)
    return walking.known


class _Stage(NamedTuple):
    """Nodes that can be inferred at once, and the loops and branches that read of them only."""

    plain: Nodes
    running: list[Node]


class _Walk:
    """Goes through a graph and its regions, and remembers what is known."""

    def __init__(self, nodes: Nodes, setting: Setting, trips: Mapping[str, int]) -> None:
        self.known = Known()
        self._setting = setting
        self._said = trips
        self._walks = 0
        self._index = {node.name: node for node in all_nodes(nodes)}
        self._unknown = _unknown_values(self._index, setting.definitions)

    def graph(self, nodes: Nodes) -> None:
        """Find out what is known of the values of a graph or region."""
        for stage in _stages(nodes):
            self._infer(stage.plain)
            for node in stage.running:
                if node.op in LOOPS:
                    self._loop(node, node.regions[0])
                else:
                    self._branches(node)

    def _infer(self, nodes: Nodes) -> None:
        """Infer the values of some nodes."""
        for node in nodes.values():
            if batch_axes(node) > 1:
                self._check_batch(node)
        given: Facts = {}
        for name in nodes.keys() & self._unknown.keys():
            given |= self._unknown[name]
        needed = dict(nodes)
        for node in nodes.values():
            for value in node.inputs:
                self._bring(value, needed, given)
        if needed:
            self.known.facts.update(infer(needed, given, self._setting))

    def _check_batch(self, node: Node) -> None:
        """Raise BrokenArtifact for a gather with more batch axes than axes: TensorFlow aborts."""
        shapes = [fact(value, self.known.facts).shape for value in node.inputs[:2]]
        fewest = min((len(shape) for shape in shapes if shape is not None), default=None)
        if fewest is not None and batch_axes(node) > fewest:
            raise BrokenArtifact(
                f"node {node.name!r} gathers along {batch_axes(node)} batch axes of {fewest}",
                hint="export the model again",
            )

    def _bring(self, value: Value, needed: Nodes, given: Facts) -> None:
        """See to it that a value can be read: as what is known of it, or as what it is stored in.

        What is stored is repeated as it is, since TensorFlow looks into constants and needs more of
        a variable than its handle's shape.
        """
        chain: Nodes = {}
        place = value
        while value.node not in needed and place.node in self._index and place.node not in chain:
            node = self._index[place.node]
            chain[node.name] = node
            if is_constant(node) or node.op in VARIABLES:
                needed.update(chain)
            elif node.op in _READERS and node.inputs:
                place = node.inputs[0]
        if value.node not in needed:
            given[value] = fact(value, self.known.facts)

    def _region(self, region: Region) -> None:
        """Walk a region whose arguments are known."""
        self._walks += 1
        if self._walks > MAX_REGION_WALKS:
            raise BrokenArtifact(
                "the model's loops nest so deep that their shapes cannot be followed",
                hint="unroll the inner loops when you export it",
            )
        given = {name for name in region.arguments if name is not None}
        self.graph({name: node for name, node in region.nodes.items() if name not in given})
        for value in region.results:
            self._settle(value)

    def _settle(self, value: Value) -> None:
        """Infer a value that is stored and that nothing has read yet."""
        if value not in self.known.facts and value.node in self._index:
            self._infer({value.node: self._index[value.node]})

    def _loop(self, node: Node, region: Region) -> None:
        """Walk a loop's body until what it carries keeps its shape."""
        carried = {place: name for place, name in enumerate(region.arguments) if name is not None}
        for value in node.inputs:
            self._settle(value)
        initial = [fact(node.inputs[place], self.known.facts) for place in carried]
        current = [entry._replace(value=None) for entry in initial]
        growth: list[int] = []
        for _ in range(_MAX_WALKS):
            self.known.facts.update(zip(map(Value, carried.values()), current, strict=True))
            self._region(region)
            after = [fact(region.results[place], self.known.facts) for place in carried]
            growth = growth or [_grown(*pair) for pair in zip(current, after, strict=True)]
            widened = [_alike(*pair) for pair in zip(current, after, strict=True)]
            if widened == current:
                break
            current = widened
        known = trip_count(node, region, self._index, self.known.facts)
        trips = self._trips(node.name, known)
        for place, entry, start, added in zip(carried, current, initial, growth, strict=True):
            result = _extended(entry, start, added, trips)
            self.known.facts[Value(node.name, place)] = result
        if trips is not None:
            facts = self.known.facts
            for place, number in final_counters(node, region, self._index, facts, trips).items():
                value = Value(node.name, place)
                facts[value] = facts[value]._replace(value=(number,))

    def _branches(self, node: Node) -> None:
        """Walk the branches that can run: the one that is known to be taken, or all."""
        self._settle(node.inputs[0])
        chosen = fact(node.inputs[0], self.known.facts).value
        taken = tuple(range(len(node.regions)))
        if chosen is not None and len(chosen) == 1:
            taken = (_branch(chosen[0], node),)
        results: list[list[Inferred]] = []
        for place in taken:
            self._region(node.regions[place])
            values = node.regions[place].results
            results.append([fact(value, self.known.facts) for value in values])
        self.known.taken[node.name] = taken
        for output, entries in enumerate(zip(*results, strict=True)):
            self.known.facts[Value(node.name, output)] = _any_of(entries)

    def _trips(self, loop: str, known: int | None) -> int | None:
        """How often a loop runs: as the file says, else as the caller does. Raises BindingError."""
        said = self._said.get(loop)
        if known is not None and said is not None and known != said:
            raise BindingError(
                f"loop {loop!r} runs {known} times, not {said}",
                hint=f"leave --trip {loop}={said} out",
            )
        self.known.trips[loop] = said if known is None else known
        return self.known.trips[loop]


def batch_axes(node: Node) -> int:
    """How many batch axes a gather has; 0 for any other node."""
    stated = node.attributes.get("batch_dims") if node.op == "GatherV2" else None
    return 0 if stated is None else abs(int(stated.i))


def _stages(nodes: Nodes) -> list[_Stage]:
    """The nodes in stages: each reads only of those before it, and what loops there yield.

    A gather of several batch axes waits for what it reads, to be checked before it is inferred.
    """
    level: dict[str, int] = {}
    for node in in_order(nodes):
        waits = batch_axes(node) > 1
        before = (value.node for value in node.reads if value.node in level)
        level[node.name] = max(
            (level[name] + (waits or bool(nodes[name].regions)) for name in before), default=0
        )
    stages = [_Stage({}, []) for _ in range(max(level.values(), default=-1) + 1)]
    for node in nodes.values():
        stage = stages[level[node.name]]
        if node.regions:
            stage.running.append(node)
        else:
            stage.plain[node.name] = node
    return stages


def _branch(chosen: int, node: Node) -> int:
    """Which branch runs for a value of the condition or index."""
    last = len(node.regions) - 1
    if node.op in IFS:
        return 0 if chosen else last
    return chosen if 0 <= chosen <= last else last


def _alike(one: Inferred, two: Inferred) -> Inferred:
    """What is known of a value that is the one or the other; sizes that differ are unknown."""
    shape = None
    if one.shape is not None and two.shape is not None and len(one.shape) == len(two.shape):
        shape = tuple(a if a == b else None for a, b in zip(one.shape, two.shape, strict=True))
    items = None
    if one.items is not None or two.items is not None:
        first, second = one.items or Items(None, None), two.items or Items(None, None)
        length = first.length if first.length == second.length else None
        items = Items(merged_shapes(first.shape, second.shape), length)
    is_upper_bound = one.is_upper_bound or two.is_upper_bound
    return Inferred(shape, one.dtype, is_upper_bound, items=items)


def _any_of(entries: Sequence[Inferred]) -> Inferred:
    """What is known of a value that data choose; of sizes that differ, the largest is a bound."""
    first, *others = entries
    for other in others:
        alike = _alike(first, other)
        if alike.shape is not None and first.shape is not None and other.shape is not None:
            pairs = list(zip(first.shape, other.shape, strict=True))
            sizes = tuple(None if a is None or b is None else max(a, b) for a, b in pairs)
            is_bound = alike.is_upper_bound or first.shape != other.shape
            alike = alike._replace(shape=sizes, is_upper_bound=is_bound)
        first = alike
    return first


def _grown(one: Inferred, two: Inferred) -> int:
    """How many items a run adds to a list."""
    before = one.items.length if one.items is not None else None
    after = two.items.length if two.items is not None else None
    return 0 if before is None or after is None else after - before


def _extended(entry: Inferred, start: Inferred, added: int, trips: int | None) -> Inferred:
    """What a loop yields: what it carries at the end, a list longer by what each run adds."""
    if trips == 0:
        return start
    if entry.items is None or start.items is None or start.items.length is None:
        return entry
    if not added or trips is None:
        return entry
    length = max(0, start.items.length + added * trips)
    return entry._replace(items=entry.items._replace(length=length))


def _unknown_values(index: Mapping[str, Node], definitions: Definitions) -> dict[str, Facts]:
    """Unknown operator's node -> what it yields, as far as it is read and the file says of it."""
    unknown = {
        name for name, node in index.items() if not node.regions and definitions.of(node.op) is None
    }
    dtypes = {Value(name): 0 for name in sorted(unknown)}
    for node in index.values() if unknown else ():
        types = definitions.input_types(node)
        for position, value in enumerate(node.inputs):
            if value.node in unknown and not dtypes.get(value):
                dtypes[value] = types[position] if position < len(types) else 0
        for value in (value for region in node.regions for value in region.results):
            if value.node in unknown:
                dtypes.setdefault(value, 0)
    values: dict[str, Facts] = {}
    for value, dtype in dtypes.items():
        node = index[value.node]
        shape = recorded_shape(node, value.output)
        values.setdefault(node.name, {})[value] = Inferred(shape, dtype or _dtype_by_custom(node))
    return values


def _dtype_by_custom(node: Node) -> int:
    """The dtype that an unknown operator's attributes suggest; 0 if they do not."""
    stated = (node.attributes[name].type for name in _DTYPE_ATTRIBUTES if name in node.attributes)
    return next((int(number) for number in stated if number), 0)
