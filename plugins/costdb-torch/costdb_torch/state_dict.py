"""Weights without a graph."""

from collections.abc import Iterable

from costdb.plugins import DType, Graph, Role
from costdb_torch.export_graph import distinct
from costdb_torch.program import StoredTensor

NO_GRAPH = "weights only: there is no graph to cost"

_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def role_of(key: str, dtype: DType | None) -> Role:
    """What a tensor of a state dict is for.

    Floats are parameters, the running statistics of norms are buffers. Everything else is a
    constant: integers are indices, counters, or quantised weights, of which one integer may hold
    several, so that counting their elements as parameters would be wrong. Their bytes count.
    """
    if key.rpartition(".")[2] in _STATISTICS:
        return Role.BUFFER
    return Role.PARAMETER if dtype is not None and dtype.is_floating else Role.CONSTANT


def state_dict_graph(
    stored: Iterable[StoredTensor], file_format: str, notes: Iterable[str] = ()
) -> Graph:
    """The weights as a graph without layers, each tensor once.

    Args:
        stored: All tensors.
        file_format: See `Graph`.
        notes: What else a reader should know.
    """
    return Graph(
        layers=(),
        inputs=(),
        outputs=(),
        unread=tuple(distinct(list(stored)).values()),
        file_format=file_format,
        framework="pytorch",
        notes=(NO_GRAPH, *notes),
    )
