"""Shapes and dtypes of every value of a graph, by TensorFlow's own inference."""

from collections.abc import Mapping
from typing import Any

from costdb.plugins import BoundInput, Shape
from costdb_tensorflow.bounds import upper_bounds
from costdb_tensorflow.definitions import Definitions
from costdb_tensorflow.inference_graph import inference_graph
from costdb_tensorflow.inputs import recorded_shape
from costdb_tensorflow.nodes import Node, Nodes, Value
from costdb_tensorflow.runtime import Inferred, Runtime

# Attributes that name the dtype of what an operator yields, by custom.
_DTYPE_ATTRIBUTES = ("dtype", "out_type", "output_type", "Tout", "DstT", "T")

# How many operators whose results' sizes depend on data may stand behind one another.
MAX_ROUNDS = 16

Inference = Mapping[Value, Inferred]


def infer(
    nodes: Nodes,
    bound: Mapping[str, BoundInput],
    versions: Any,
    definitions: Definitions,
    runtime: Runtime,
) -> Inference:
    """The shape and dtype of every output of every node.

    A size that depends on data takes its upper bound, and so does all that follows from it.

    Args:
        nodes: What the outputs need.
        bound: Input name -> its settled shape.
        versions: The file's VersionDef message.
        definitions: Of the operators.
        runtime: The installed TensorFlow.

    Raises:
        BrokenArtifact: TensorFlow refuses the graph.
        BindingError: An input is bound to a value that its dtype cannot hold.
    """

    def shapes(stand_ins: Mapping[Value, Inferred]) -> dict[Value, Inferred]:
        graph_def = inference_graph(nodes, bound, stand_ins, versions, definitions)
        found = {Value(*key): entry for key, entry in runtime.shapes(graph_def).items()}
        return {**found, **stand_ins}

    stand_ins = _unknown_values(nodes, definitions)
    exact = inferred = shapes(stand_ins)
    for _ in range(MAX_ROUNDS):
        bounds = upper_bounds(nodes, inferred)
        if not bounds:
            break
        stand_ins |= bounds
        inferred = shapes(stand_ins)
    return {
        value: entry._replace(
            is_upper_bound=_is_definite(entry.shape) and not _is_definite(exact[value].shape)
        )
        for value, entry in inferred.items()
        if value in exact
    }


def _is_definite(shape: Shape | None) -> bool:
    return shape is not None and None not in shape


def _unknown_values(nodes: Nodes, definitions: Definitions) -> dict[Value, Inferred]:
    """What unknown operators yield, as far as it is read, and what the file says of it."""
    unknown = {node.name for node in nodes.values() if definitions.of(node.op) is None}
    dtypes = {Value(name): 0 for name in sorted(unknown)}
    for node in nodes.values():
        for position, value in enumerate(node.inputs):
            if value.node in unknown and not dtypes.get(value):
                types = definitions.input_types(node)
                dtypes[value] = types[position] if position < len(types) else 0
    return {
        value: Inferred(
            recorded_shape(nodes[value.node], value.output),
            dtype or _dtype_by_custom(nodes[value.node]),
        )
        for value, dtype in dtypes.items()
    }


def _dtype_by_custom(node: Node) -> int:
    """The dtype that an unknown operator's attributes suggest; 0 if they do not."""
    stated = (node.attributes[name].type for name in _DTYPE_ATTRIBUTES if name in node.attributes)
    return next((int(number) for number in stated if number), 0)
