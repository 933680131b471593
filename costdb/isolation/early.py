"""Starts to read a file before the command line is understood.

Typer takes as long to load as a model to be read. So the file that a command line names is read
from the start on, the way its flags most probably mean; a command that asks for exactly that is
given it, and any other starts a process of its own.
"""

import os
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

from costdb.isolation import interpreter

if TYPE_CHECKING:
    from costdb.isolation.messages import Request
    from costdb.isolation.process import ReadingProcess

# Those that read the first file that is named.
_COMMANDS = frozenset({"analyze", "check", "diff", "explain", "ingest"})

# With these, nothing is read, or many files are, or code that comes with the model runs.
_OTHERWISE = frozenset(
    {"--all", "--dask", "--from-git", "--help", "--manifest", "--replay", "--tag-from-name"}
    | {"--trust", "-h"}
)

# What is named beside models.
_NO_MODELS = (".csv", ".json", ".toml")

_begun: "ReadingProcess | None" = None


def begin(arguments: list[str]) -> None:
    """Start to read what a command line names, if it reads a file.

    Args:
        arguments: The command and what follows it.
    """
    global _begun  # noqa: PLW0603 - a process has one command line
    file = _file(arguments)
    if file is None:
        return
    with suppress(OSError):  # where nothing can be started, the command says so
        process = interpreter.start(interpreter.visible_environment())
        _begun = _reading(file, arguments, process)


def take(request: "Request") -> "ReadingProcess | None":
    """The process that reads what is asked for, if it has begun; any other is ended."""
    global _begun
    begun, _begun = _begun, None
    if begun is None or begun.is_for(request):
        return begun
    begun.close()
    return None


def abandon() -> None:
    """End a process whose answer was not asked for."""
    global _begun
    begun, _begun = _begun, None
    if begun is not None:
        begun.close()


def _file(arguments: list[str]) -> str | None:
    """The file that a command reads first, as far as can be told without knowing its flags."""
    if not arguments or arguments[0] not in _COMMANDS or _OTHERWISE.intersection(arguments):
        return None
    names = (name for name in arguments[1:] if not name.startswith("-"))
    models = (name for name in names if not name.endswith(_NO_MODELS))
    return next(filter(os.path.isfile, models), None)


def _reading(
    file: str, arguments: list[str], process: subprocess.Popen[bytes]
) -> "ReadingProcess | None":
    """What reads a file in a process that waits; None where the command line or a setting is wrong.

    What it imports is loaded while the process starts.
    """
    begun = None
    try:
        from costdb.errors import CostdbError  # noqa: PLC0415
        from costdb.isolation.guess import guessed_request  # noqa: PLC0415
        from costdb.isolation.process import ReadingProcess  # noqa: PLC0415

        with suppress(CostdbError):  # the command says what is wrong
            begun = ReadingProcess(guessed_request(file, arguments), process)
    finally:
        if begun is None:
            interpreter.end(process)
            process.communicate()
    return begun
