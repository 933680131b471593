"""The control flow of TensorFlow 1 in the form that TensorFlow 2 has: loops and branches as nodes.

TensorFlow 1 writes a loop as a frame of Enter, Merge, LoopCond, Switch, NextIteration and Exit, and
a branch as Switch and Merge; so do graphs whose control flow was lowered when they were frozen.
"""

from dataclasses import replace

from costdb_tensorflow.branches import contexts, fold_branches
from costdb_tensorflow.frames import FRAME_OPERATORS, fold_frames
from costdb_tensorflow.nodes import Node, Nodes, Value, reachable

_OPERATORS = FRAME_OPERATORS | {"Merge", "RefMerge"}


def structured(nodes: Nodes, outputs: tuple[Value, ...]) -> tuple[Nodes, tuple[Value, ...]]:
    """The nodes that the outputs need, with loops and branches as single nodes with regions.

    Args:
        nodes: A graph, or the body of a function.
        outputs: What is asked of it.

    Returns:
        The nodes and the outputs, which may be those of a loop or a branch now; a graph without
        such control flow as it is.

    Raises:
        BrokenArtifact: A loop does not close, or nests too deep.
    """
    if not any(node.op in _OPERATORS for node in nodes.values()):
        return nodes, outputs
    looped, outputs, replaced = fold_frames(nodes, outputs)
    looped, outputs = _settled(looped, outputs, replaced)
    folded, replaced = fold_branches(looped, contexts(nodes))
    return _settled(folded, outputs, replaced)


def _settled(
    nodes: Nodes, outputs: tuple[Value, ...], replaced: dict[Value, Value]
) -> tuple[Nodes, tuple[Value, ...]]:
    """The nodes that the outputs need, reading what replaced a value instead of it."""

    def settle(value: Value) -> Value:
        seen: set[Value] = set()
        while value in replaced and value not in seen:
            seen.add(value)
            value = replaced[value]
        return value

    def settled_node(node: Node) -> Node:
        regions = []
        for region in node.regions:
            results = tuple(map(settle, region.results))
            inner = {name: settled_node(entry) for name, entry in region.nodes.items()}
            regions.append(replace(region, nodes=inner, results=results).pruned())
        free = dict.fromkeys(value for region in regions for value in region.free_values())
        inputs = tuple(map(settle, node.inputs))
        return replace(node, inputs=inputs, regions=tuple(regions), captures=tuple(free))

    asked = tuple(map(settle, outputs))
    return reachable({name: settled_node(node) for name, node in nodes.items()}, asked), asked
