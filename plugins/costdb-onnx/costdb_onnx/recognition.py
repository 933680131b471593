"""Tells an ONNX model from other files by its first bytes, without onnx.

Field numbers and types are those of ModelProto and GraphProto in
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from costdb.plugins import BrokenArtifact, Source
from costdb.protowire import LENGTH_DELIMITED, VARINT, fields

_IR_VERSION = 1
_GRAPH = 7

# The fields of a ModelProto and how each stands on the wire.
_MODEL_FIELDS = {
    _IR_VERSION: VARINT,
    2: LENGTH_DELIMITED,  # producer_name
    3: LENGTH_DELIMITED,  # producer_version
    4: LENGTH_DELIMITED,  # domain
    5: VARINT,  # model_version
    6: LENGTH_DELIMITED,  # doc_string
    _GRAPH: LENGTH_DELIMITED,
    8: LENGTH_DELIMITED,  # opset_import
    14: LENGTH_DELIMITED,  # metadata_props
    20: LENGTH_DELIMITED,  # training_info
    25: LENGTH_DELIMITED,  # functions
    26: LENGTH_DELIMITED,  # configuration
}

# The fields of a GraphProto: all are messages or text.
_GRAPH_FIELDS = frozenset({1, 2, 5, 10, 11, 12, 13, 14, 15, 16})

# Versions have come one by one since 2017; a number beyond this is another format's.
_LARGEST_IR_VERSION = 1000

# Fields are walked past the end of the file, so that the one that is cut off is seen as well.
_BEYOND_ANY_FILE = 1 << 62


def is_onnx_model(source: Source) -> bool:
    """Whether a file holds an ONNX model, or begins as one and is cut off.

    Only the headers of top-level fields are read. A model has a plausible IR version and a graph,
    and nothing that a ModelProto does not have.

    Raises:
        ArtifactUnreadable: The file cannot be read.
    """
    if source.is_directory or source.scheme == "python":
        return False
    has_version = has_graph = False
    try:
        for field in fields(source, 0, _BEYOND_ANY_FILE):
            if _MODEL_FIELDS.get(field.number) != field.wire_type:
                return False
            if field.number == _IR_VERSION:
                has_version = 0 < field.value <= _LARGEST_IR_VERSION
            elif field.number == _GRAPH:
                has_graph = _begins_as_graph(source, field.payload, field.end)
            if field.end >= source.size:
                break
    except BrokenArtifact:
        # It breaks off between two fields, or goes on as something else: its head decides.
        pass
    return has_version and has_graph


def _begins_as_graph(source: Source, start: int, end: int) -> bool:
    """Whether what lies between two offsets, as far as the file has it, begins as a GraphProto."""
    try:
        first = next(fields(source, start, end), None)
    except BrokenArtifact:
        return False
    if first is None:
        return False
    return first.wire_type == LENGTH_DELIMITED and first.number in _GRAPH_FIELDS
