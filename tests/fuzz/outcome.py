"""What becomes of one file, and what must not happen meanwhile."""

import json
import os
import platform
import sys
import traceback
from pathlib import Path
from random import Random
from typing import NamedTuple

from fuzz.mutations import mutated
from fuzz.seeds import FILE_NAMES

from costdb.analysis import analyses
from costdb.cost.document import analysis_document
from costdb.errors import CostdbError
from costdb.plugins import Plugins
from costdb.reading import Reading
from costdb.report import escape

RESULT, REFUSED, BUG = "result", "refused", "bug"

# The exit code of a worker that touched what it must not touch.
VIOLATION = 99


class Outcome(NamedTuple):
    """How the analysis of a file ended.

    Attributes:
        kind: One of the names above.
        said: The error's line, or the bug's traceback.
    """

    kind: str
    said: str


def read_seeds(folder: Path, kind: str) -> list[bytes]:
    """The real files of a format."""
    return [path.read_bytes() for path in sorted((folder / kind).iterdir())]


def damaged_file(kind: str, number: int, seeds: list[bytes]) -> bytes:
    """A file of a format; its number decides all of it."""
    random = Random(f"{kind} {number}")
    return mutated(random.choice(seeds), random.choice(seeds), random)


def lay_out(kind: str, content: bytes, scratch: Path) -> Path:
    """Write a file as its format wants it, and return what to name on the command line."""
    file = scratch / FILE_NAMES[kind]
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    return file if file.parent == scratch else file.parent


def outcome_of(artifact: Path, plugins: Plugins) -> Outcome:
    """Read and cost a file in this process, as far as what `analyze --format json` prints."""
    try:
        for analysis in analyses(os.fspath(artifact), Reading(plugins=plugins), {}):
            json.dumps(analysis_document(analysis), allow_nan=False)
    except CostdbError as error:
        line = escape.plain(error.message)
        return Outcome(REFUSED if line and "\n" not in line else BUG, line)
    # A bug is what this looks for.
    except Exception:  # noqa: BLE001
        return Outcome(BUG, traceback.format_exc())
    return Outcome(RESULT, "")


_FORBIDDEN = (
    "os.chmod", "os.exec", "os.fork", "os.link", "os.mkdir", "os.posix_spawn", "os.remove",
    "os.rename", "os.rmdir", "os.spawn", "os.symlink", "os.system", "os.truncate",
    "pickle.find_class", "shutil.rmtree", "socket.connect", "subprocess.Popen",
)  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def forbid_effects() -> None:
    """End this process as soon as Python code writes a file, starts a process, or loads a pickle.

    There is no way back; whoever calls this lays its files out with `lay_out` in a folder of its
    own, for which it calls `allow`.
    """
    platform.processor()  # frameworks ask for it, which the first time starts a program
    sys.addaudithook(_audit)


_allowed: list[str] = []


def allow(folder: Path) -> None:
    """Let files below a folder be written."""
    _allowed.append(os.fspath(folder))


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open":
        path, _, flags = arguments
        is_harmless = not (isinstance(flags, int) and flags & _WRITING) or path == os.devnull
    else:
        path = arguments[0] if arguments else ""
        is_harmless = event not in _FORBIDDEN
    if not is_harmless and not str(path).startswith(tuple(_allowed)):
        os.write(2, f"{event} {arguments!r:.200}\n".encode())
        os._exit(VIOLATION)
