"""The loops of TensorFlow 1, each a frame of nodes, as single nodes with a region.

How frames work: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/ops/
control_flow_ops.cc and "Implementation of Control Flow in TensorFlow", 2017.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from costdb.plugins import MAX_NESTING, BrokenArtifact
from costdb_tensorflow.nodes import Node, Nodes, Region, Value, identity_origin, in_order, reachable
from costdb_tensorflow.outputs import is_given

ENTERS = frozenset({"Enter", "RefEnter"})
EXITS = frozenset({"Exit", "RefExit"})
MERGES = frozenset({"Merge", "RefMerge"})
NEXT_ITERATIONS = frozenset({"NextIteration", "RefNextIteration"})
SWITCHES = frozenset({"RefSwitch", "Switch"})

FRAME_OPERATORS = ENTERS | EXITS | NEXT_ITERATIONS | {"LoopCond"}

# Loops in loops, from the outermost.
Frame = tuple[str, ...]

# What `tf.while_loop` adds to the name of a loop to get that of its frame.
_FRAME_SUFFIX = "/while_context"


def fold_frames(
    nodes: Nodes, outputs: tuple[Value, ...]
) -> tuple[Nodes, tuple[Value, ...], dict[Value, Value]]:
    """The nodes that the outputs need, each loop a node `While`.

    Args:
        nodes: A graph, or the body of a function.
        outputs: What is asked of it; what lies in a loop cannot be, and is left out.

    Returns:
        The nodes; the outputs; and what takes the place of values of nodes that are gone.

    Raises:
        BrokenArtifact: A loop does not close, nests too deep, or is all that is asked for.
    """
    if not any(node.op in FRAME_OPERATORS for node in nodes.values()):
        return nodes, outputs, {}
    frames = _frames(nodes)
    asked = tuple(value for value in outputs if not _yields_in(value, nodes, frames))
    if outputs and not asked:
        raise BrokenArtifact(
            f"{str(outputs[0])!r} is computed anew in each run of a loop",
            hint="name what the loop yields with --output NODE",
        )
    members: dict[Frame, list[Node]] = {}
    for node in reachable(nodes, asked).values():
        if not is_given(node):
            members.setdefault(frames.get(node.name, ()), []).append(node)
    folding = _Folding(nodes)
    opened = {frame[:depth] for frame in members for depth in range(1, len(frame) + 1)}
    for frame in sorted(opened, key=lambda frame: (-len(frame), frame)):
        loop = folding.folded(frame, members.get(frame, []))
        members.setdefault(frame[:-1], []).append(loop)
    outside = [node for node in nodes.values() if is_given(node)] + members.get((), [])
    for node in outside:
        if node.op in FRAME_OPERATORS:
            raise _open_loop(node.name)
    return folding.in_file_order(outside), asked, folding.replaced


def _frames(nodes: Nodes) -> dict[str, Frame]:
    """The frame that each node runs in; an Enter runs in the frame that it opens.

    A node that reads nothing runs where the nodes run that it waits for.
    """
    frames: dict[str, Frame] = {}
    for node in in_order(nodes, NEXT_ITERATIONS):
        before = [value.node for value in node.inputs] or node.controls
        known = [_frame_of_results(nodes[name], frames[name]) for name in before if name in frames]
        frame = max(known, key=len, default=())
        if node.op in ENTERS:
            frame = (*frame, _frame_name(node))
        if len(frame) > MAX_NESTING:
            raise BrokenArtifact(
                f"loops nest more than {MAX_NESTING} deep", hint="export the model again"
            )
        frames[node.name] = frame
    return frames


def _frame_of_results(node: Node, frame: Frame) -> Frame:
    return frame[:-1] if node.op in EXITS else frame


def _frame_name(enter: Node) -> str:
    stated = enter.attributes.get("frame_name")
    return stated.s.decode(errors="replace") if stated is not None else ""


def _yields_in(value: Value, nodes: Nodes, frames: Mapping[str, Frame]) -> bool:
    """Whether a value is one of each run of a loop."""
    if value.node not in nodes or is_given(nodes[value.node]):
        return False
    return bool(_frame_of_results(nodes[value.node], frames.get(value.node, ())))


class _Folding:
    """Loops on their way into single nodes, the innermost first.

    Attributes:
        replaced: Value of a node that is gone -> what takes its place.
    """

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._places = {name: place for place, name in enumerate(nodes)}
        self.replaced: dict[Value, Value] = {}

    def in_file_order(self, nodes: Iterable[Node]) -> Nodes:
        """Nodes as the file orders them, a loop where its condition stands."""
        return {n.name: n for n in sorted(nodes, key=lambda node: self._places[node.name])}

    def folded(self, frame: Frame, members: Sequence[Node]) -> Node:
        """The node that takes the place of the nodes of a frame. Raises BrokenArtifact."""
        conditions = [node for node in members if node.op == "LoopCond"]
        if len(conditions) != 1:
            raise _open_loop(frame[-1])
        condition = conditions[0]
        name = self._free_name(frame[-1].removesuffix(_FRAME_SUFFIX))
        self._places[name] = self._places[condition.name]
        variables = [self._variable(node) for node in members if self._is_variable(node)]
        inner: list[Node] = []
        for variable in variables:
            if self._is_unchanged(variable):
                self.replaced[Value(variable.merge.name)] = variable.initial
            else:
                inner.append(_placeholder(variable.merge))
        for node in members:
            if node.op in ENTERS:
                self.replaced[Value(node.name)] = _first_input(node)
            elif node.op in SWITCHES and self._is_decided_by(node, condition):
                self.replaced[Value(node.name, 1)] = _first_input(node)
            elif node.op in EXITS:
                self.replaced[Value(node.name)] = self._left_with(node, name, variables)
            elif node.op not in FRAME_OPERATORS and not self._is_variable(node):
                inner.append(node)
        changing = {node.name for node in inner}
        merges = [variable.merge.name for variable in variables]
        region = Region(
            self.in_file_order(inner),
            tuple(merge if merge in changing else None for merge in merges),
            (*(variable.following for variable in variables), _first_input(condition)),
        )
        initial = tuple(variable.initial for variable in variables)
        return Node(name, "While", initial, {}, regions=(region,))

    def _is_variable(self, node: Node) -> bool:
        """Whether a node joins what enters a loop with what the run before has left."""
        edges = ENTERS | NEXT_ITERATIONS
        return node.op in MERGES and any(n.op in edges for n in self._sources(node.inputs))

    def _sources(self, values: Iterable[Value]) -> list[Node]:
        """The nodes of some values, but for the arguments of a function, which have none."""
        return [self._nodes[value.node] for value in values if value.node in self._nodes]

    def _switched(self, value: Value, output: int) -> Value:
        """What a Switch hands to one of its outputs; any other value as it is."""
        value = identity_origin(value, self._nodes)
        for node in self._sources([value]):
            if node.op in SWITCHES and value.output == output:
                return identity_origin(_first_input(node), self._nodes)
        return value

    def _variable(self, merge: Node) -> "_Variable":
        sources = self._sources(merge.inputs)
        enters = [_first_input(node) for node in sources if node.op in ENTERS]
        following = [_first_input(node) for node in sources if node.op in NEXT_ITERATIONS]
        if len(enters) != 1 or len(following) != 1:
            raise _open_loop(merge.name)
        return _Variable(merge, enters[0], following[0])

    def _is_unchanged(self, variable: "_Variable") -> bool:
        """Whether each run hands a variable on as it is."""
        return self._switched(variable.following, 1) == Value(variable.merge.name)

    def _is_decided_by(self, switch: Node, condition: Node) -> bool:
        """Whether a Switch lets a value into the loop's body, or out of the loop."""
        decision = switch.inputs[1:2]
        return any(identity_origin(v, self._nodes).node == condition.name for v in decision)

    def _left_with(self, leaving: Node, loop: str, variables: Sequence["_Variable"]) -> Value:
        """What leaves a loop at an Exit: what the loop yields, or what never changed in it."""
        value = self._switched(_first_input(leaving), 0)
        for place, variable in enumerate(variables):
            if value == Value(variable.merge.name):
                return variable.initial if self._is_unchanged(variable) else Value(loop, place)
        return value

    def _free_name(self, wanted: str) -> str:
        name, suffix = wanted, 1
        while name in self._places:
            name, suffix = f"{wanted}_{suffix}", suffix + 1
        return name


class _Variable(NamedTuple):
    """A value that a loop carries from run to run.

    Attributes:
        merge: The node that yields it in each run.
        initial: What it is in the first run.
        following: What a run leaves for the next one.
    """

    merge: Node
    initial: Value
    following: Value


def _placeholder(merge: Node) -> Node:
    """A node that stands for what a loop carries, under the same name."""
    stated = {"dtype": merge.attributes["T"]} if "T" in merge.attributes else {}
    return Node(merge.name, "Placeholder", (), stated)


def _first_input(node: Node) -> Value:
    if not node.inputs:
        raise BrokenArtifact(
            f"node {node.name!r} ({node.op}) reads nothing", hint="export the model again"
        )
    return node.inputs[0]


def _open_loop(name: str) -> BrokenArtifact:
    return BrokenArtifact(
        f"the loop at {name!r} does not close",
        hint="the file is cut off or badly cut down: export the model again",
    )
