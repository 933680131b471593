"""Tells PyTorch's formats from others by what they begin with and by the members of archives.

A loader is asked about every file, most of which are not its own: nothing here imports what reads
them.
"""

import re
import struct
from collections.abc import Sequence

from costdb.plugins import BrokenArtifact, Source
from costdb_torch.archive import Archive, first_member

_ZIP = b"PK\x03\x04"

# Of archives that torch.export.save writes: the program, as it was called before, and what its
# compiler leaves.
PROGRAM = re.compile(r"(?P<folder>(?:[^/]+/)?)models/(?P<model>[^/]+)\.json")
OLD_PROGRAM = "serialized_exported_program.json"
_COMPILED = re.compile(r"(?:[^/]+/)?data/aotinductor/.+")

# How long the header of a .safetensors file is; at most, the format says, 100 MB.
HEADER_LENGTH = struct.Struct("<Q")
_MAX_HEADER_BYTES = 100_000_000


def is_torch_file(source: Source) -> bool:
    """Whether the content of a file is of one of PyTorch's formats. Raises ArtifactUnreadable."""
    if source.read_at_most(0, len(_ZIP)) == _ZIP:
        return _is_torch_archive(source)
    return is_pickle(source) or is_safetensors(source)


def is_pickle(source: Source) -> bool:
    """Whether a file starts as a pickle of protocol 2 to 5."""
    head = source.read_at_most(0, 2)
    return len(head) == 2 and head[0] == 0x80 and 2 <= head[1] <= 5


def is_safetensors(source: Source) -> bool:
    """Whether a file starts with a length and a JSON object, whole or cut off."""
    head = source.read_at_most(0, HEADER_LENGTH.size + 2)
    if len(head) < HEADER_LENGTH.size + 2:
        return False
    (length,) = HEADER_LENGTH.unpack(head[: HEADER_LENGTH.size])
    return 2 <= length <= _MAX_HEADER_BYTES and head[HEADER_LENGTH.size :] in {b'{"', b"{ ", b"{}"}


def is_export(names: Sequence[str]) -> bool:
    """Whether an archive with these members is an exported program, or a compiled one."""
    return OLD_PROGRAM in names or any(
        PROGRAM.fullmatch(name) or _COMPILED.fullmatch(name) for name in names
    )


def is_torchscript(names: Sequence[str]) -> bool:
    """Whether an archive with these members is TorchScript."""
    rooted = [f"/{name}" for name in names]
    has_constants = any(name.endswith("/constants.pkl") for name in rooted)
    return has_constants and any("/code/" in name for name in rooted)


def is_checkpoint(names: Sequence[str]) -> bool:
    """Whether an archive with these members is a checkpoint."""
    return pickle_member(names) is not None


def pickle_member(names: Sequence[str]) -> str | None:
    """The member of a checkpoint that says what tensors it holds; None if there is none."""
    found = [name for name in names if name == "data.pkl" or name.endswith("/data.pkl")]
    return min(found, key=len, default=None)


def _is_torch_archive(source: Source) -> bool:
    try:
        with Archive.of(source) as archive:
            names = archive.names
    except BrokenArtifact:
        # Cut off: the list of members stood at the end. The first member still tells.
        first = f"/{first_member(source)}"
        return first.endswith("/data.pkl") or "/data/weights/" in first or "/data/0" in first
    return is_export(names) or is_torchscript(names) or is_checkpoint(names)
