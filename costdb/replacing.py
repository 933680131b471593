"""Writing a file whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from costdb.errors import OutputUnwritable


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A path beside a file, to write to; what is written there then takes the file's place.

    After an error, whatever it is, what was there before still is.

    Args:
        target: The file, which need not exist.

    Raises:
        OutputUnwritable: It is a folder, a link or a device, or cannot be written.
    """
    try:
        # A rename would replace a link, and /dev/stdout is one.
        if target.is_symlink() or (target.exists() and not target.is_file()):
            raise OutputUnwritable(f"{str(target)!r} is no regular file", hint="name another file")
        # The ending stays: it says how the file is written.
        unfinished = target.with_name(f".{os.getpid()}.{target.name}")
        try:
            yield unfinished
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise OutputUnwritable(
            f"{str(target)!r} cannot be written: {error.strerror}", hint="name another file"
        ) from error
