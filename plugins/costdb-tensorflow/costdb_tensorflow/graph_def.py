"""From a GraphDef file to the IR."""

from typing import Any

from costdb.plugins import Binding, BrokenArtifact, Graph, Source, assemble
from costdb.protowire import skeleton
from costdb_tensorflow.definitions import Definitions
from costdb_tensorflow.functions import inline_calls
from costdb_tensorflow.inference import Setting
from costdb_tensorflow.inputs import bind_inputs
from costdb_tensorflow.installation import installed
from costdb_tensorflow.layers import Translation
from costdb_tensorflow.messages import parse
from costdb_tensorflow.nodes import all_nodes, read_nodes
from costdb_tensorflow.outputs import choose_outputs
from costdb_tensorflow.structure import structured
from costdb_tensorflow.tensor_lists import LIST_OPERATORS
from costdb_tensorflow.walk import batch_axes, walk
from costdb_tensorflow.wire_schema import GRAPH_DEF

FILE_FORMAT = "tensorflow-graphdef"
FRAMEWORK = "tensorflow"


def load_graph_def(source: Source, binding: Binding) -> Graph:
    """The graph of a GraphDef file.

    Raises:
        BrokenArtifact: The file is cut off, malformed or contradicts itself.
        BindingError: An open size has no value, or a binding does not fit.
        PluginError: TensorFlow does not work here.
    """
    return graph_of(parse("GraphDef", skeleton(source, GRAPH_DEF)), binding)


def graph_of(graph_def: Any, binding: Binding) -> Graph:
    """The IR of a GraphDef message; see `load_graph_def`."""
    nodes = read_nodes(graph_def.node)
    if not nodes:
        raise BrokenArtifact("the graph has no nodes", hint="export the model again")
    functions = {entry.signature.name: entry for entry in graph_def.library.function}
    runtime = installed()
    definitions = Definitions(runtime.definition, functions)
    asked = choose_outputs(nodes, definitions, binding.outputs)
    formed, asked = structured(nodes, asked)
    needed, outputs = inline_calls(formed, asked, definitions, functions)
    bound = bind_inputs(nodes, needed, graph_def.versions.producer, binding)
    follows = any(
        node.regions or node.op in LIST_OPERATORS or batch_axes(node) > 1
        for node in all_nodes(needed)
    )
    setting = Setting(bound, graph_def.versions, definitions, runtime, follows)
    known = walk(needed, setting, binding.trips)
    translation = Translation(needed, outputs, bound, known, definitions)
    notes = [note for entry in bound.values() for note in entry.notes]
    if not graph_def.HasField("versions"):
        notes.append("the file lacks a graph's last field, its version: it may be cut off")
    return assemble(
        translation.layers(),
        inputs=translation.inputs(),
        outputs=translation.outputs(),
        file_format=FILE_FORMAT,
        framework=FRAMEWORK,
        notes=notes,
    )
