"""Checkpoints: costed by the graph beside them, else read as weights without a graph."""

from collections.abc import Iterable, Iterator

from costdb.plugins import (
    ArtifactUnreadable,
    Binding,
    BrokenArtifact,
    Graph,
    Role,
    Source,
    Tensor,
)
from costdb_tensorflow.checkpoint_files import is_missing, is_table, member, prefix_of
from costdb_tensorflow.checkpoint_table import bundle_entries
from costdb_tensorflow.dtypes import STRING, ir_dtype
from costdb_tensorflow.inputs import sizes
from costdb_tensorflow.meta_graph import load_meta_graph

FILE_FORMAT = "tensorflow-checkpoint"

# What TensorFlow 2 adds to the name of a tensor that is a variable's value.
_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"

# How TensorFlow 2 marks what an optimiser keeps for a variable.
_SLOT = "/.OPTIMIZER_SLOT/"

# What batch norms call their statistics.
_STATISTICS = frozenset({"moving_mean", "moving_variance"})


def load_checkpoint(source: Source, binding: Binding) -> Graph:
    """The graph of a checkpoint, or its weights alone where it has no `.meta`.

    Args:
        source: Any of the checkpoint's files, or the name that they share.
        binding: For the graph.

    Raises:
        ArtifactUnreadable: The file that tells is not there.
        BrokenArtifact: A file is cut off, malformed or contradicts itself.
        BindingError: An open size has no value, or a binding does not fit.
        PluginError: TensorFlow does not work here.
    """
    with member(source, ".meta") as meta_graph:
        if not is_missing(meta_graph):
            return load_meta_graph(meta_graph, binding)
    with member(source, ".index") as index:
        for table in (source, index):
            if is_table(table):
                return _weights(table)
    raise ArtifactUnreadable(
        f"the checkpoint {prefix_of(source)!r} has neither a .meta nor an .index file",
        hint="put its .meta file beside it, or export the model as a SavedModel",
    )


def _weights(index: Source) -> Graph:
    """All that is stored, as a graph without layers. Raises BrokenArtifact if that is nothing."""
    stored = dict(_stored(index))
    if not stored:
        raise BrokenArtifact(
            f"{index.name!r} lists no tensors",
            hint="put the .meta file of the checkpoint beside it, or save it again",
        )
    return Graph(
        layers=(),
        inputs=(),
        outputs=(),
        unread=tuple(
            Tensor(name, shape, ir_dtype(dtype), _role(name, stored))
            for name, (shape, dtype) in stored.items()
        ),
        file_format=FILE_FORMAT,
        framework="tensorflow",
        notes=("weights only: there is no .meta file with a graph to cost",),
    )


def _stored(index: Source) -> Iterator[tuple[str, tuple[tuple[int | None, ...], int]]]:
    """The name, shape and dtype number of each tensor of an index."""
    for key, entry in bundle_entries(index):
        if entry.dtype != STRING:
            yield key.removesuffix(_VALUE), (sizes(entry.shape), entry.dtype)


def _role(name: str, names: Iterable[str]) -> Role:
    """Buffers are statistics, and what an optimiser keeps for a variable; the rest is left open.

    TensorFlow 1 names the latter as if the variable were its scope: `w/Adam` is kept for `w`.
    """
    parent, _, last = name.rpartition("/")
    is_buffer = last in _STATISTICS or _SLOT in name or parent in names
    return Role.BUFFER if is_buffer else Role.STORED
