"""Which values of a graph are asked for."""

import re
from collections.abc import Iterator, Sequence

from costdb.plugins import BindingError, BrokenArtifact, nearest
from costdb_tensorflow.constants import is_constant
from costdb_tensorflow.definitions import Definitions
from costdb_tensorflow.dtypes import STRING
from costdb_tensorflow.nodes import Node, Nodes, Value, parse_value

EVERY_NODE = "*"

PLACEHOLDERS = frozenset({"Placeholder", "PlaceholderV2", "PlaceholderWithDefault"})

VARIABLES = frozenset({"Variable", "VariableV2", "TemporaryVariable", "VarHandleOp"})

# Sinks that yield something for TensorFlow's own use: names and contents of checkpoints, messages
# for TensorBoard, questions about variables.
_BOOKKEEPING = frozenset(
    {
        "AudioSummary", "AudioSummaryV2", "HistogramSummary", "ImageSummary", "MergeSummary",
        "ScalarSummary", "TensorSummary", "TensorSummaryV2",
        "Restore", "RestoreSlice", "RestoreV2", "ShardedFilename",
        "IsVariableInitialized", "VarIsInitializedOp",
    }
)  # fmt: skip

# Unread reads, there for other nodes to wait on: of a variable, of the condition that picks
# a branch, of the name of a checkpoint.
_READERS = frozenset({"Identity", "ReadVariableOp"})
_SWITCHES = frozenset({"RefSwitch", "Switch", "_SwitchN"})

# What leaves a loop.
_EXITS = frozenset({"Exit", "RefExit"})

# The scope of the branches around an Assert, which yield a truth value that nothing reads.
_ASSERTION_SCOPE = "AssertGuard"

# The scope of what computes gradients, some of which no optimiser asks for.
_GRADIENT_SCOPE = re.compile(r"(?:.*/)?gradient(?:s(?:_\d+)?|_tape)/")

# How many outputs hold what an operator is for; the others are statistics for its gradient, or say
# which branch was taken.
_DATA_OUTPUTS = {
    "FusedBatchNorm": 1,
    "FusedBatchNormV2": 1,
    "FusedBatchNormV3": 1,
    "_FusedBatchNormEx": 1,
    "Merge": 1,
    "RefMerge": 1,
}


def choose_outputs(
    nodes: Nodes, definitions: Definitions, names: Sequence[str]
) -> tuple[Value, ...]:
    """The values to cost, each once.

    Args:
        nodes: The graph.
        definitions: Of the operators.
        names: What the caller asks for: `node` or `node:1`; "*" for every node's outputs; nothing
            for every node that yields data, that no other node reads and that does not train.

    Raises:
        BindingError: A name is not in the graph, or its node yields nothing.
        BrokenArtifact: Nothing is asked for, and the graph yields nothing.
    """
    if not names:
        training = {node.name for node in nodes.values() if _trains(node, nodes, definitions)}
        read = _read(nodes)
        unwanted = training | read | _idle_exits(nodes, read)
        chosen = list(_all_outputs(nodes, definitions, unless_in=unwanted))
        if not chosen:
            raise BrokenArtifact(
                "no node of the graph yields data", hint="name one with --output NODE"
            )
        return tuple(chosen)
    wanted: dict[Value, None] = {}
    for name in names:
        values = (
            _all_outputs(nodes, definitions, unless_in=set())
            if name == EVERY_NODE
            else [_named(name, nodes, definitions)]
        )
        wanted.update(dict.fromkeys(values))
    return tuple(wanted)


def data_output_count(node: Node, definitions: Definitions) -> int:
    """How many outputs of a node hold data. An unknown operator is taken to have one."""
    types = definitions.output_types(node)
    return 1 if types is None else min(len(types), _DATA_OUTPUTS.get(node.op, len(types)))


def is_given(node: Node) -> bool:
    """Whether a node's value is fed or stored instead of being computed."""
    return is_constant(node) or node.op in PLACEHOLDERS or node.op in VARIABLES


def sets_resource(node: Node, nodes: Nodes, definitions: Definitions) -> bool:
    """Whether a node yields nothing but sets a variable that is a resource.

    Its first output then stands for what it leaves in the variable.
    """
    if not node.inputs or definitions.output_types(node) != []:
        return False
    return nodes[node.inputs[0].node].op == "VarHandleOp"


def _all_outputs(nodes: Nodes, definitions: Definitions, unless_in: set[str]) -> Iterator[Value]:
    """Every data output of the nodes that compute something and are not in a set."""
    for node in nodes.values():
        if node.name in unless_in or is_given(node) or _is_bookkeeping(node, nodes, definitions):
            continue
        if sets_resource(node, nodes, definitions):
            yield Value(node.name)
        elif definitions.yields_data(node):
            for index in range(data_output_count(node, definitions)):
                yield Value(node.name, index)


def _is_bookkeeping(node: Node, nodes: Nodes, definitions: Definitions) -> bool:
    """Whether a node that nothing reads is for TensorFlow's own use."""
    if node.op in _BOOKKEEPING or _ASSERTION_SCOPE in node.name.split("/"):
        return True
    if node.op not in _READERS or not node.inputs:
        return False
    read = nodes[node.inputs[0].node]
    is_file_name = read.op == "ShardedFilename" or (
        is_given(read) and definitions.output_types(read) == [STRING]
    )
    return read.op in VARIABLES or read.op in _SWITCHES or is_constant(read) or is_file_name


def _read(nodes: Nodes) -> set[str]:
    """The nodes that others read.

    Where gradients are computed, what is reported of the training is its result: there neither
    messages nor gradients make a loss something that others read.
    """
    derived = {name for name in nodes if _GRADIENT_SCOPE.match(name)}
    if derived:
        derived.update(node.name for node in nodes.values() if node.op in _BOOKKEEPING)
    return {
        value.node for node in nodes.values() for value in node.inputs if node.name not in derived
    }


def _idle_exits(nodes: Nodes, read: set[str]) -> set[str]:
    """The exits that nothing reads, such as a counter's, of loops that have others."""
    exits: dict[Value, list[str]] = {}
    for node in nodes.values():
        if node.op in _EXITS and node.inputs:
            switch = nodes[node.inputs[0].node]
            exits.setdefault(switch.inputs[-1] if switch.inputs else Value(""), []).append(
                node.name
            )
    return {
        name
        for names in exits.values()
        if any(other in read for other in names)
        for name in names
        if name not in read
    }


def _trains(node: Node, nodes: Nodes, definitions: Definitions) -> bool:
    """Whether a node sets a variable, by a reference that it then yields, or makes a gradient."""
    definition = definitions.of(node.op)
    sets_variable = definition is not None and any(entry.is_ref for entry in definition.output_arg)
    is_gradient = _GRADIENT_SCOPE.match(node.name) is not None
    return sets_variable or is_gradient or sets_resource(node, nodes, definitions)


def _named(name: str, nodes: Nodes, definitions: Definitions) -> Value:
    value = parse_value(name)
    if value.node not in nodes:
        raise BindingError(
            f"the model has no node {value.node!r}", hint=nearest(value.node, nodes, "its nodes")
        )
    types = definitions.output_types(nodes[value.node])
    if types is not None and value.output >= len(types):
        raise BindingError(
            f"node {value.node!r} has {len(types)} outputs, and none is number {value.output}",
            hint="leave --output out for what the graph yields",
        )
    return value
