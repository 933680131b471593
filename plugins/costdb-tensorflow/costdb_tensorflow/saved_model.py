"""SavedModels: a folder with the graph in `saved_model.pb` and the variables' values beside it.

The values are not read, nor is `fingerprint.pb`: variables' shapes are in the graph.

https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/saved_model.proto
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from costdb.plugins import Binding, BrokenArtifact, Graph, Source
from costdb.protowire import MessageType, skeleton
from costdb_tensorflow.formats import SAVED_MODEL_FILE
from costdb_tensorflow.messages import parse
from costdb_tensorflow.meta_graph import META_GRAPH_DEF, graph_of_meta_graph
from costdb_tensorflow.signatures import Signatures

FILE_FORMAT = "tensorflow-savedmodel"

SAVED_MODEL = MessageType("SavedModel", {2: META_GRAPH_DEF})

# What serving looks for.
SERVE = "serve"


def graph_file(source: Source) -> Source:
    """The file that holds the graphs: the artifact itself, or the one in the folder that it is.

    Raises:
        BrokenArtifact: That file is a link that leads out of the folder.
    """
    if not source.is_directory:
        return source
    # By way of a file in the folder, `sibling` says what is in it and what only links say is.
    return Source(Path(source.location) / SAVED_MODEL_FILE).sibling(SAVED_MODEL_FILE)


def load_saved_model(source: Source, binding: Binding, file_format: str = FILE_FORMAT) -> Graph:
    """The graph of a SavedModel's folder, or of the `saved_model.pb` in it.

    Args:
        source: The folder or the file.
        binding: Inputs and outputs may be called as a signature calls them.
        file_format: See `Graph`.

    Raises:
        BrokenArtifact: The file is cut off, malformed or contradicts itself.
        BindingError: An open size has no value, or a binding does not fit.
        PluginError: TensorFlow does not work here.
    """
    with graph_file(source) as file:
        model = parse("SavedModel", skeleton(file, SAVED_MODEL))
    meta_graph, notes = served(model, source.name)
    if not Signatures(meta_graph).names and not binding.outputs:
        raise BrokenArtifact(
            f"{source.name!r} has no signature that says what it computes",
            hint="save it with signatures=..., or name a node with --output NODE",
        )
    return graph_of_meta_graph(meta_graph, binding, file_format, notes)


def served(model: Any, name: str) -> tuple[Any, tuple[str, ...]]:
    """The graph of a SavedModel that is costed: the one tagged `serve` alone, else the next best.

    Args:
        model: The SavedModel message.
        name: What the artifact is called.

    Returns:
        The MetaGraphDef, and a note if there were others.

    Raises:
        BrokenArtifact: There is no graph.
    """
    if not model.meta_graphs:
        raise BrokenArtifact(f"{name!r} holds no graph", hint="export the model again")
    chosen = min(model.meta_graphs, key=lambda entry: _preference(entry.meta_info_def.tags))
    if len(model.meta_graphs) == 1:
        return chosen, ()
    listed = "; ".join(_described(entry.meta_info_def.tags) for entry in model.meta_graphs[:8])
    note = (
        f"of {len(model.meta_graphs)} graphs, tagged {listed}, the one tagged"
        f" {_described(chosen.meta_info_def.tags)} is costed"
    )
    return chosen, (note,)


def _preference(tags: Sequence[str]) -> tuple[bool, int]:
    return SERVE not in tags, len(tags)


def _described(tags: Sequence[str]) -> str:
    return ", ".join(sorted(tags)) or "nothing"
