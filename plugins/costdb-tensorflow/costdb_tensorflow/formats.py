"""Which of TensorFlow's formats an artifact has, by its content and without reading its weights."""

from enum import Enum
from itertools import islice

from costdb.plugins import Source
from costdb.protowire import LENGTH_DELIMITED, VARINT
from costdb_tensorflow.checkpoint_files import is_checkpoint
from costdb_tensorflow.keras_files import is_hdf5, is_keras_archive
from costdb_tensorflow.sniffing import begins_as_graph_def, is_graph_def, readable_fields

# The file of a SavedModel's folder that holds the graphs.
SAVED_MODEL_FILE = "saved_model.pb"

# Of all SavedModels there are.
_SCHEMA_VERSION = 1

# A MetaGraphDef starts with one of these two: what it is for, or its graph.
_META_INFO, _GRAPH = 1, 2

# More than a MetaGraphDef has before its graph.
_FIELDS_READ = 4

_BEYOND_ANY_FILE = 1 << 62


class Format(Enum):
    """What the loader reads."""

    GRAPH_DEF = "a GraphDef"
    SAVED_MODEL = "a SavedModel"
    META_GRAPH = "a MetaGraphDef"
    CHECKPOINT = "a checkpoint"
    KERAS = "a Keras model"


def format_of(source: Source) -> Format | None:
    """The format of an artifact, which may be cut off; None if it is none of TensorFlow's.

    Raises:
        ArtifactUnreadable: The artifact cannot be read.
    """
    if source.scheme == "python":
        return None
    if source.is_directory:
        return Format.SAVED_MODEL if _holds_saved_model(source) else None
    return next((found for found, is_one in _SNIFFING.items() if is_one(source)), None)


def _holds_saved_model(folder: Source) -> bool:
    return folder.path is not None and (folder.path / SAVED_MODEL_FILE).exists()


def _is_saved_model(source: Source) -> bool:
    """Whether a file starts with the schema's version and a MetaGraphDef.

    An ONNX model starts with its version and a text, which does not start with a control character.
    """
    head = list(islice(readable_fields(source, 0, _BEYOND_ANY_FILE), 2))
    if not head or (head[0].number, head[0].wire_type) != (1, VARINT):
        return False
    if head[0].value != _SCHEMA_VERSION or head[0].end == source.size:
        return head[0].value == _SCHEMA_VERSION
    if len(head) < 2 or (head[1].number, head[1].wire_type) != (2, LENGTH_DELIMITED):
        return False
    return source.read_at_most(head[1].payload, 1) in {
        bytes([_META_INFO << 3 | LENGTH_DELIMITED]),
        bytes([_GRAPH << 3 | LENGTH_DELIMITED]),
    }


def _is_meta_graph(source: Source) -> bool:
    """Whether a file starts with what a MetaGraphDef is for, and then has a graph."""
    for entry in islice(readable_fields(source, 0, _BEYOND_ANY_FILE), _FIELDS_READ):
        if entry.wire_type != LENGTH_DELIMITED or entry.number not in {_META_INFO, _GRAPH}:
            return False
        if entry.number == _GRAPH:
            return begins_as_graph_def(source, entry.payload, entry.end)
    return False


def _is_keras(source: Source) -> bool:
    return is_hdf5(source) or is_keras_archive(source)


# Checkpoints come first: they go by a name that need not be a file's.
_SNIFFING = {
    Format.CHECKPOINT: is_checkpoint,
    Format.GRAPH_DEF: is_graph_def,
    Format.SAVED_MODEL: _is_saved_model,
    Format.META_GRAPH: _is_meta_graph,
    Format.KERAS: _is_keras,
}
