"""The child's side, which `interpreter` starts: read one artifact, answer, and be gone.

The request comes as a line on standard input; the answer goes to standard output.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from costdb.isolation.content import Content, freeze_content, read_content
from costdb.isolation.messages import Answer, Request, encode_answer, encode_error
from costdb.plugins import Plugins, discover

# No reader writes a file, but for the one that it freezes into. Python caches the bytecode of what
# it imports, though: the limit lets that through, and keeps a file that takes a library over from
# filling the disk.
_MAX_FILE_BYTES = 16 << 20
_MAX_OPEN_FILES = 256

# Between the signal that a process may catch and the one that it may not.
_GRACE_SECONDS = 2


def main() -> NoReturn:
    """Serve one request, if one comes."""
    # What libraries print goes to standard error, not into the answer.
    answers = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    line = sys.stdin.buffer.readline()
    if not line:
        os._exit(0)  # the parent has ended, or has nothing to ask
    request = Request.decode(line)
    _end_with_parent()
    _restrict(request)
    sys.path[:] = request.module_path
    with os.fdopen(answers, "wb") as pipe:
        pipe.writelines(_answer(request))
    # Frameworks take long to be torn down, and some crash.
    os._exit(0)


def _answer(request: Request) -> Iterable[bytes]:
    plugins = discover()
    try:
        content = _content(request, plugins)
    except Exception as error:  # noqa: BLE001 - the parent raises it again
        return [encode_error(error)]
    with_rules = tuple(plugin.name for plugin in plugins.plugins if plugin.rules)
    return encode_answer(Answer(content, plugins.problems, with_rules))


def _content(request: Request, plugins: Plugins) -> Content:
    if request.freezing is None:
        return read_content(request.artifact, request.reading, request.points, plugins)
    destination = Path(request.freezing.path)
    return freeze_content(request.artifact, request.reading, destination, plugins)


def _end_with_parent() -> None:
    """End as soon as the parent does: it holds the other end of standard input until then."""
    lifeline = os.dup(sys.stdin.fileno())
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, sys.stdin.fileno())
    os.close(nothing)

    def wait() -> None:
        while os.read(lifeline, 1):
            pass
        if hasattr(os, "killpg"):
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _restrict(request: Request) -> None:
    """Have the system enforce what it can; the parent watches the rest."""
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        return

    def restrict(kind: int, soft: int, hard: int) -> None:
        _, most = resource.getrlimit(kind)
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)
        resource.setrlimit(kind, (soft, hard))

    restrict(resource.RLIMIT_CORE, 0, 0)
    seconds = request.limits.cpu_seconds
    if seconds is not None:
        restrict(resource.RLIMIT_CPU, seconds, seconds + _GRACE_SECONDS)
    if not request.reading.trust:
        most = _MAX_FILE_BYTES
        if request.freezing is not None:
            most += request.freezing.most_bytes
        restrict(resource.RLIMIT_FSIZE, most, most)
        restrict(resource.RLIMIT_NOFILE, _MAX_OPEN_FILES, _MAX_OPEN_FILES)
