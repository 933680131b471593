"""Graphs as TensorFlow saves them for itself: MetaGraphDefs, with variables instead of constants.

A MetaGraphDef is a GraphDef with signatures: names for the inputs and outputs of what it computes.
Checkpoints have one in their `.meta` file, SavedModels one for each set of tags. Variables' shapes
are in the graph, so it is costed as it stands.

https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/meta_graph.proto
"""

from dataclasses import replace
from typing import Any

from costdb.plugins import Binding, Graph, Source
from costdb.protowire import MessageType, skeleton
from costdb_tensorflow.graph_def import graph_of
from costdb_tensorflow.messages import parse
from costdb_tensorflow.signatures import Signatures
from costdb_tensorflow.wire_schema import GRAPH_DEF

FILE_FORMAT = "tensorflow-metagraph"

# Enough to see whether they are the ones that were meant.
_OUTPUTS_LISTED = 4

# Operators' definitions, collections, assets and the tree of Python objects say nothing of costs.
META_GRAPH_DEF = MessageType(
    "MetaGraphDef",
    {1: MessageType("MetaInfoDef", bulk=frozenset({2})), 2: GRAPH_DEF},
    bulk=frozenset({4, 6, 7}),
)


def load_meta_graph(source: Source, binding: Binding) -> Graph:
    """The graph of a `.meta` file.

    Raises:
        BrokenArtifact: The file is cut off, malformed or contradicts itself.
        BindingError: An open size has no value, or a binding does not fit.
        PluginError: TensorFlow does not work here.
    """
    meta_graph = parse("MetaGraphDef", skeleton(source, META_GRAPH_DEF))
    return graph_of_meta_graph(meta_graph, binding, FILE_FORMAT)


def graph_of_meta_graph(
    meta_graph: Any, binding: Binding, file_format: str, notes: tuple[str, ...] = ()
) -> Graph:
    """The IR of a MetaGraphDef message; see `load_meta_graph`.

    Args:
        meta_graph: The message.
        binding: Inputs and outputs may be called as a signature calls them.
        file_format: See `Graph`.
        notes: What was chosen already.
    """
    asked = Signatures(meta_graph).resolve(binding)
    graph = graph_of(meta_graph.graph_def, asked.binding)
    said = [*notes, *asked.notes]
    if not asked.binding.outputs:
        listed = ", ".join(tensor.name for tensor in graph.outputs[:_OUTPUTS_LISTED])
        more = ", …" if len(graph.outputs) > _OUTPUTS_LISTED else ""
        said.append(
            f"no signature says what the outputs are, so what nothing reads is costed: {listed}"
            f"{more}; --output NODE names another"
        )
    return replace(graph, file_format=file_format, notes=(*said, *graph.notes))
