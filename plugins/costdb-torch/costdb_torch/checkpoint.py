"""Checkpoints as `torch.save` writes them, `.pth`, `.pt` and `.bin`: names, sizes and types.

Two formats are read: a zip archive with the pickle in `*/data.pkl` and each storage in a file of
its own (since PyTorch 1.6), and before that a row of pickles with the storages behind them. See
torch/serialization.py.
"""

import io
from collections.abc import Iterator, Mapping
from typing import Any

from costdb.plugins import BrokenArtifact, Graph, Source
from costdb_torch.archive import Archive, SourceFile
from costdb_torch.pickled_tensors import (
    MAX_PICKLE_BYTES,
    PickledTensor,
    Unpickled,
    read_pickle,
)
from costdb_torch.program import StoredTensor
from costdb_torch.recognition import pickle_member
from costdb_torch.state_dict import role_of, state_dict_graph

FILE_FORMAT = "torch-checkpoint"

_MAGIC = 0x1950A86A20F9469CFC6C

# Where training scripts put a model's weights, beside those of the optimizer.
_MODEL_KEYS = ("state_dict", "model", "model_state_dict")


def load_checkpoint(archive: Archive) -> Graph:
    """The weights of an archive that `is_checkpoint` accepted.

    Raises:
        TrustRequired: It holds more than weights.
        BrokenArtifact: It is broken.
    """
    return _graph(_read_archive(archive))


def load_pickle(source: Source) -> Graph:
    """The weights of a checkpoint in the old format; raises as `load_checkpoint` does."""
    return _graph(_read_pickles(SourceFile(source)))


def tensors_of_checkpoint(file: SourceFile) -> list[StoredTensor]:
    """The weights of a checkpoint that lies in a file; raises as `load_checkpoint` does."""
    with Archive(file) as archive:
        return list(_stored(_read_archive(archive).value))


def _read_archive(archive: Archive) -> Unpickled:
    member = pickle_member(archive.names)
    if member is None:
        raise BrokenArtifact("the archive has no data.pkl", hint="save the weights again")
    data = archive.read(member, MAX_PICKLE_BYTES)
    return read_pickle(io.BytesIO(data), repr(archive.source.name))


def _read_pickles(file: SourceFile) -> Unpickled:
    name = repr(file.source.name)
    unpickled = read_pickle(file, name)
    if unpickled.value != _MAGIC:
        return unpickled
    for _ in range(2):  # the version of the protocol, and sizes of C's types
        read_pickle(file, name)
    unpickled = read_pickle(file, name)
    keys = read_pickle(file, name).value
    end = file.tell() + _storage_bytes(unpickled, keys if isinstance(keys, list) else [])
    if end > file.length:
        raise BrokenArtifact(
            f"{name} ends at byte {file.length:,}, its weights reach to {end:,}",
            hint="the file is truncated: copy or save it again",
        )
    return unpickled


def _storage_bytes(unpickled: Unpickled, keys: list[Any]) -> int:
    """Bytes of the storages that lie behind the pickles, each with its length in front."""
    storages = [unpickled.storages[key] for key in keys if key in unpickled.storages]
    return sum(
        8 + storage.elements * storage.dtype.bits // 8 for storage in storages if storage.dtype
    )


def _graph(unpickled: Unpickled) -> Graph:
    value, notes = unpickled.value, []
    if isinstance(value, Mapping):
        for key in _MODEL_KEYS:
            if key in value and any(_tensors(value[key])):
                value = value[key]
                notes = [f"counted is what stands under {key!r}; the rest is the training's"]
                break
    stored = list(_stored(value))
    if not stored:
        raise BrokenArtifact(
            "the checkpoint holds no tensor", hint="save the weights: torch.save(state_dict, path)"
        )
    return state_dict_graph(stored, FILE_FORMAT, notes)


def _stored(value: Any) -> Iterator[StoredTensor]:
    for key, tensor in _tensors(value):
        role = role_of(key, tensor.dtype)
        yield StoredTensor(key, tensor.shape, tensor.dtype, role, tensor.location)


def _tensors(root: Any) -> Iterator[tuple[str, PickledTensor]]:
    """Every tensor with the keys that lead to it, joined by dots.

    Containers may hold each other any number of times, and themselves: each is entered once.
    """
    pending: list[tuple[str, Any]] = [("", root)]
    entered: set[int] = set()
    while pending:
        key, value = pending.pop()
        if isinstance(value, PickledTensor):
            yield key or "tensor", value
        elif isinstance(value, dict | list | tuple) and id(value) not in entered:
            entered.add(id(value))
            inside = dict.items(value) if isinstance(value, dict) else enumerate(value)
            # The last in is the first out: they are put in backwards.
            pending.extend(
                (f"{key}.{_word(name)}" if key else _word(name), item)
                for name, item in reversed([*inside])
            )


def _word(key: object) -> str:
    """A key as a part of a name; one that could be of any length, as text, is not spelt out."""
    is_short = isinstance(key, str) or (isinstance(key, int) and key.bit_length() <= 64)
    return str(key) if is_short else type(key).__name__
