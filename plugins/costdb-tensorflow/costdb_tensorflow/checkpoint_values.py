"""The values of a checkpoint's tensors, read by costdb's own operation.

What an index says is checked before TensorFlow believes it and makes room for it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from glob import escape
from pathlib import Path
from typing import Any

from costdb.plugins import ArtifactUnreadable, BrokenArtifact, Source
from costdb_tensorflow.checkpoint_table import bundle_entries
from costdb_tensorflow.dtypes import ir_dtype
from costdb_tensorflow.inputs import sizes
from costdb_tensorflow.restoring import Stored
from costdb_tensorflow.runtime import MAX_MESSAGE_LENGTH

# A message holds 2 GiB; a frozen graph has some structure beside its weights.
MAX_MESSAGE_BYTES = (1 << 31) - (1 << 24)

# TensorFlow reads a resource by an operation of this name behind the variable's.
_READ_SUFFIX = "/Read/ReadVariableOp"


class CheckpointValues:
    """Stands in for a session in which variables were restored: all that it can is read them.

    Args:
        tensorflow: The module.
        prefix: What the paths of the checkpoint's files begin with.
        stored: Variable -> what it is restored from.
    """

    def __init__(self, tensorflow: Any, prefix: Path, stored: Mapping[str, Stored]) -> None:
        self._tensorflow = tensorflow
        self._prefix = prefix
        self._stored = stored

    def run(self, names: Sequence[str]) -> list[Any]:
        """The values of variables.

        Args:
            names: As the conversion asks for them: `w:0`, or `w/Read/ReadVariableOp:0`.

        Raises:
            BrokenArtifact: A variable is not restored from anything.
            ArtifactUnreadable: The checkpoint cannot be read, or lacks a tensor.
        """
        import numpy as np

        variables = [name.removesuffix(":0").removesuffix(_READ_SUFFIX) for name in names]
        for name in variables:
            if name not in self._stored:
                raise BrokenArtifact(
                    f"nothing in the graph says where the value of {name!r} is kept",
                    hint="save the model again, with all its variables",
                )
        stored = [self._stored[name] for name in variables]
        _check_stored(self._prefix, stored)
        try:
            tensors = self._tensorflow.raw_ops.RestoreV2(
                prefix=str(self._prefix),
                tensor_names=[entry.key for entry in stored],
                shape_and_slices=[entry.part for entry in stored],
                dtypes=[self._tensorflow.as_dtype(entry.dtype) for entry in stored],
            )
        except (self._tensorflow.errors.OpError, ValueError, TypeError) as error:
            raise ArtifactUnreadable(
                f"the checkpoint {self._prefix.name!r} cannot be read: {reason(error)}",
                hint="put its .index and .data files beside the graph, as they were saved",
            ) from error
        # Unlike Tensor.numpy, this copies nothing.
        return [np.asarray(tensor) for tensor in tensors]


def _check_stored(prefix: Path, wanted: Iterable[Stored]) -> None:
    """Check what an index says of some tensors before TensorFlow makes room for them.

    Raises:
        ArtifactUnreadable: One is not there, or there is no index.
        BrokenArtifact: One contradicts itself or the graph, or all are too large for one file.
    """
    with Source(f"{prefix}.index") as index:
        entries = dict(bundle_entries(index))
    total = 0
    for stored in wanted:
        entry = entries.get(stored.key)
        if entry is None:
            raise ArtifactUnreadable(
                f"the checkpoint {prefix.name!r} has no tensor {stored.key!r}",
                hint="save the graph and the checkpoint together again",
            )
        size = _bytes(entry)
        # Of a tensor that is kept in pieces, each piece has an entry with a size of its own.
        is_whole = entry.size == size or bool(entry.slices)
        if size is None or entry.dtype != stored.dtype or not is_whole:
            raise BrokenArtifact(
                f"the checkpoint {prefix.name!r} contradicts itself or the graph on {stored.key!r}",
                hint="save the graph and the checkpoint together again",
            )
        total += size
    if total > MAX_MESSAGE_BYTES:
        raise BrokenArtifact(
            f"{prefix.name!r} holds more than 2 GiB, which no frozen graph can",
            hint="keep the model as it is: costdb reads it without its weights",
        )


def _bytes(entry: Any) -> int | None:
    """The bytes of a BundleEntryProto's tensor by its shape; None where that says nothing."""
    dtype, shape = ir_dtype(entry.dtype), sizes(entry.shape)
    if dtype is None or None in shape:
        return None
    return (math.prod(size for size in shape if size is not None) * dtype.bits + 7) // 8


def check_links(folder: Path, prefix: Path) -> None:
    """Raise BrokenArtifact if a file of a checkpoint is a link that leads out of a folder."""
    for file in prefix.parent.glob(f"{escape(prefix.name)}.*"):
        Source(folder / prefix.name).sibling(str(file.relative_to(folder)))


def reason(error: Exception) -> str:
    """The first line of what TensorFlow says, without the name of its function."""
    lines = str(getattr(error, "message", error)).splitlines()
    line = lines[0].rpartition("}} ")[2] if lines else type(error).__name__
    return line if len(line) <= MAX_MESSAGE_LENGTH else f"{line[: MAX_MESSAGE_LENGTH - 1]}…"
