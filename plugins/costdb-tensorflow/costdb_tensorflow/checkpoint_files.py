"""The files of a checkpoint: `model.ckpt.index`, `.data-00000-of-00001` and maybe `.meta`.

A checkpoint is called by what its files' names have in common, `model.ckpt`; any of them stands
for it. Checkpoints of TensorFlow's first releases have one file of that name, and its `.meta`.
"""

import os
import re

from costdb.plugins import ArtifactError, Source

# What the tables of checkpoints end with.
MAGIC = bytes.fromhex("57fb808b247547db")

_MEMBER = re.compile(r"(?P<prefix>.+)\.(?:index|meta|data-\d{5}-of-\d{5})", re.DOTALL)


def is_checkpoint(source: Source) -> bool:
    """Whether an artifact is a file of a checkpoint other than its `.meta`, or is called as one.

    Raises:
        ArtifactUnreadable: The artifact cannot be read.
    """
    if source.name.endswith(".meta"):
        return False
    # Of any other file of a server, asking for its end or an index would be a request in vain.
    if source.path is None and not _MEMBER.fullmatch(source.name):
        return False
    if is_table(source):
        return True
    index = member(source, ".index")
    return is_table(index) or (is_missing(source) and not is_missing(member(source, ".meta")))


def prefix_of(source: Source) -> str:
    """What the files of a checkpoint are called together, without the folder."""
    match = _MEMBER.fullmatch(source.name)
    return match["prefix"] if match else source.name


def member(source: Source, suffix: str) -> Source:
    """One of the files, which need not exist. Raises BrokenArtifact if it links out of the folder.

    Args:
        source: Any of the files, or the name that they share.
        suffix: ".index" or ".meta".
    """
    return source.sibling(prefix_of(source) + suffix)


def is_table(source: Source) -> bool:
    """Whether a file ends as the tables of checkpoints do; false if it cannot be read."""
    if _is_not_there(source):
        return False
    try:
        size = source.size
        return size >= len(MAGIC) and source.read(size - len(MAGIC), len(MAGIC)) == MAGIC
    except ArtifactError:
        return False


def is_missing(source: Source) -> bool:
    """Whether there is no such file; one that may not be read counts as missing."""
    if _is_not_there(source):
        return True
    try:
        return source.size < 0
    except ArtifactError:
        return True


def _is_not_there(source: Source) -> bool:
    # Opening it would say so, too, but only after a search for a name that looks alike. Path.exists
    # raises where a folder above may not be searched.
    return source.path is not None and not os.path.exists(source.path)  # noqa: PTH110
