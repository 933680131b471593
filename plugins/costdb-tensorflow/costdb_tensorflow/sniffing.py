"""Telling a GraphDef from other files, without TensorFlow and without reading its weights.

A GraphDef starts with its first node: field 1, a NodeDef whose first two fields are its name and
its operator. Nothing else that ends in `.pb` starts like that: an ONNX model and a SavedModel
start with a version number, a MetaGraphDef with a message that names no operator.
"""

import re
from collections.abc import Iterator
from itertools import islice

from costdb.plugins import BrokenArtifact, Source
from costdb.protowire import LENGTH_DELIMITED, VARINT, Field, fields

# Longer names exist only in files that are something else.
MAX_NAME_BYTES = 4096

# The characters that TensorFlow allows in a node's name and in its operator's.
_NODE_PATTERNS = {
    1: re.compile(rb"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*"),
    2: re.compile(rb"[A-Za-z_][A-Za-z0-9_.\\/>-]*"),
}

# Field number -> wire type: node, library, version, versions, debug_info.
_GRAPH_DEF_FIELDS = {
    1: LENGTH_DELIMITED,
    2: LENGTH_DELIMITED,
    3: VARINT,
    4: LENGTH_DELIMITED,
    5: LENGTH_DELIMITED,
}

# Enough of a graph's fields to tell; a node is one field, however large.
_FIELDS_READ = 8

_BEYOND_ANY_FILE = 1 << 62


def is_graph_def(source: Source) -> bool:
    """Whether an artifact starts as a GraphDef does; it may be cut off behind the first names.

    Raises:
        ArtifactUnreadable: The artifact cannot be read.
    """
    if source.scheme == "python" or source.is_directory:
        return False
    return begins_as_graph_def(source, 0, source.size)


def begins_as_graph_def(source: Source, start: int, end: int) -> bool:
    """Whether what lies between two offsets starts as a GraphDef does; see `is_graph_def`."""
    # A limit beyond the file lets a first node through that is cut off.
    first = next(readable_fields(source, start, _BEYOND_ANY_FILE), None)
    if first is None or not _is_node(source, first):
        return False
    return all(
        _GRAPH_DEF_FIELDS.get(entry.number) == entry.wire_type
        for entry in islice(readable_fields(source, start, min(end, source.size)), _FIELDS_READ)
    )


def _is_node(source: Source, message: Field) -> bool:
    """Whether a field is a message that starts with a node's name and operator."""
    if (message.number, message.wire_type) != (1, LENGTH_DELIMITED):
        return False
    end = min(message.end, source.size)
    names = list(islice(readable_fields(source, message.payload, end), len(_NODE_PATTERNS)))
    return [entry.number for entry in names] == list(_NODE_PATTERNS) and all(
        entry.wire_type == LENGTH_DELIMITED
        and entry.end - entry.payload <= MAX_NAME_BYTES
        and _NODE_PATTERNS[entry.number].fullmatch(
            source.read(entry.payload, entry.end - entry.payload)
        )
        for entry in names
    )


def readable_fields(source: Source, start: int, end: int) -> Iterator[Field]:
    """The fields between two offsets, up to the first that cannot be one."""
    try:
        yield from fields(source, start, end)
    except BrokenArtifact:
        return
