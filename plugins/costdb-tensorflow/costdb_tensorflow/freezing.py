"""Freezing: a saved graph with its variables' values as constants, as one GraphDef.

Nothing of the file runs. Which tensor of the checkpoint belongs to which variable is read off the
graph, costdb's own operation reads those tensors, and TensorFlow's conversion puts them in. Keras'
own files are the exception: they are exported by Keras first, which needs trust.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from costdb.plugins import ArtifactUnreadable, Binding, BrokenArtifact, CostdbError, Source
from costdb.protowire import LENGTH_DELIMITED, encode_varint
from costdb_tensorflow.checkpoint_files import is_missing, member, prefix_of
from costdb_tensorflow.checkpoint_values import (
    MAX_MESSAGE_BYTES,
    CheckpointValues,
    check_links,
    reason,
)
from costdb_tensorflow.definitions import Definitions
from costdb_tensorflow.formats import Format, format_of
from costdb_tensorflow.installation import imported, installed, quiet
from costdb_tensorflow.keras_model import exported
from costdb_tensorflow.messages import parse
from costdb_tensorflow.nodes import read_nodes
from costdb_tensorflow.outputs import choose_outputs
from costdb_tensorflow.restoring import restored_variables
from costdb_tensorflow.saved_model import graph_file, served
from costdb_tensorflow.signatures import Signatures

# What protobuf reads as one message.
_MAX_FILE_BYTES = (1 << 31) - 1

# What all operators that make a table have in their names.
_TABLE = "HashTable"


def write_frozen(source: Source, destination: Path, binding: Binding) -> None:
    """Write an artifact's graph with its weights as constants; see `costdb.plugins.Freezer`.

    Raises:
        BrokenArtifact: The artifact is cut off, malformed, contradicts itself or is too large.
        ArtifactUnreadable: Its weights are not there, or it is no local file.
        TrustRequired: It is a Keras model, and the binding does not say that it may run.
        BindingError: An output is not in it.
        PluginError: TensorFlow does not work here.
    """
    if format_of(source) is Format.KERAS:
        with exported(source, trust=binding.trust) as folder, Source(folder) as saved:
            write_frozen(saved, destination, binding)
        return
    meta_graph, prefix = _saved_graph(source)
    with quiet(), _silent_log():
        frozen = _frozen(meta_graph, prefix, binding)
    _write(frozen, destination)


def _saved_graph(source: Source) -> tuple[Any, Path]:
    """The whole MetaGraphDef of an artifact, and what the paths of its checkpoint begin with."""
    if source.path is None:
        raise ArtifactUnreadable(
            f"TensorFlow reads local checkpoints alone, and {source.location!r} is none",
            hint="download the model and name the local one",
        )
    if format_of(source) is Format.SAVED_MODEL:
        with graph_file(source) as file:
            meta_graph, _ = served(parse("SavedModel", _whole(file)), source.name)
            folder = Path(file.location).parent
        prefix = folder / "variables" / "variables"
        check_links(folder, prefix)
        return meta_graph, prefix
    with member(source, ".meta") as file:
        if is_missing(file):
            raise ArtifactUnreadable(
                f"the checkpoint {prefix_of(source)!r} has no .meta file, and so no graph",
                hint="put its .meta file beside it, or export the model as a SavedModel",
            )
        prefix = source.path.parent / prefix_of(source)
        check_links(source.path.parent, prefix)
        return parse("MetaGraphDef", _whole(file)), prefix


def _whole(source: Source) -> bytes:
    if source.size > MAX_MESSAGE_BYTES:
        raise BrokenArtifact(
            f"{source.name!r} has more than 2 GiB, which no message can hold",
            hint="export the model again",
        )
    return source.read(0, source.size)


def _frozen(meta_graph: Any, prefix: Path, binding: Binding) -> Any:
    """The frozen GraphDef, a message of TensorFlow's own."""
    tensorflow = imported()
    graph_def = _own_message(tensorflow, meta_graph.graph_def)
    functions = {entry.signature.name: entry for entry in meta_graph.graph_def.library.function}
    definitions = Definitions(installed().definition, functions)
    wanted = Signatures(meta_graph).resolve(binding).binding.outputs
    outputs = choose_outputs(read_nodes(meta_graph.graph_def.node), definitions, wanted)
    checkpoint = CheckpointValues(tensorflow, prefix, restored_variables(meta_graph, definitions))
    try:
        frozen = tensorflow.compat.v1.graph_util.convert_variables_to_constants(
            checkpoint, graph_def, list(dict.fromkeys(value.node for value in outputs))
        )
    except CostdbError:
        raise
    # The conversion believes what a graph says, and fails in many ways where it lies.
    except Exception as error:
        raise BrokenArtifact(
            f"TensorFlow cannot freeze the graph: {reason(error)}",
            hint="costdb reads it as it stands; name fewer outputs with --output",
        ) from error
    _drop_unused_functions(frozen)
    _check_nothing_is_looked_up(frozen)
    return frozen


def _own_message(tensorflow: Any, graph_def: Any) -> Any:
    """A GraphDef as a message of TensorFlow's own, which checks more of it."""
    try:
        return tensorflow.compat.v1.GraphDef.FromString(graph_def.SerializeToString())
    except DecodeError as error:
        raise BrokenArtifact(
            f"this is no GraphDef: {reason(error)}", hint="copy or export the file again"
        ) from error


def _drop_unused_functions(graph_def: Any) -> None:
    """Leave out the functions that no node calls any more, such as the one that restores."""
    bodies = {entry.signature.name: entry.node_def for entry in graph_def.library.function}
    used: set[str] = set()
    pending = [graph_def.node]
    while pending:
        for name in _called(pending.pop()):
            if name in bodies and name not in used:
                used.add(name)
                pending.append(bodies[name])
    kept = [entry for entry in graph_def.library.function if entry.signature.name in used]
    del graph_def.library.function[:]
    graph_def.library.function.extend(kept)
    gradients = [entry for entry in graph_def.library.gradient if entry.function_name in used]
    del graph_def.library.gradient[:]
    graph_def.library.gradient.extend(gradients)


def _check_nothing_is_looked_up(graph_def: Any) -> None:
    """Raise BrokenArtifact if a graph needs a table, whose contents no constant can be."""
    bodies = [entry.node_def for entry in graph_def.library.function]
    for node_def in chain(graph_def.node, *bodies):
        if _TABLE in node_def.op:
            raise BrokenArtifact(
                f"the model looks words up in the table {node_def.name!r}, and a frozen graph has"
                " no place for what is in it",
                hint="name an output that needs no table with --output, or keep the model as it is",
            )


def _write(graph_def: Any, destination: Path) -> None:
    """Write a GraphDef, which is of no use afterwards. Raises BrokenArtifact if it is too large.

    It is encoded node by node: protobuf holds what it encodes at once several times over.
    """
    tag = encode_varint(graph_def.NODE_FIELD_NUMBER << 3 | LENGTH_DELIMITED)
    with destination.open("wb") as file:
        for node_def in graph_def.node:
            encoded = node_def.SerializeToString(deterministic=True)
            file.writelines((tag, encode_varint(len(encoded)), encoded))
        del graph_def.node[:]
        file.write(graph_def.SerializeToString(deterministic=True))
        if file.tell() > _MAX_FILE_BYTES:
            raise BrokenArtifact(
                "frozen, the model has more than 2 GiB, which no message can hold",
                hint="keep it as it is: costdb reads it without its weights",
            )


def _called(node_defs: Any) -> Iterator[str]:
    """The functions that some nodes name, by an attribute or as their operator."""
    for node_def in node_defs:
        yield node_def.op
        for attribute in node_def.attr.values():
            yield attribute.func.name
            yield from (entry.name for entry in attribute.list.func)


@contextmanager
def _silent_log() -> Iterator[None]:
    """Keep TensorFlow from advising against its older functions, which have no newer ones."""
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
