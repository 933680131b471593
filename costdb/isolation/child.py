"""The child's side: read one artifact, answer, and be gone.

    python -m costdb.isolation.child

The request comes as a line on standard input; the answer goes to standard output.
"""

import gc
import os
import signal
import sys
import threading
from collections.abc import Iterable
from typing import NoReturn

from costdb.isolation.content import read_content
from costdb.isolation.messages import Answer, Request, encode_answer, encode_error
from costdb.limits import Limits
from costdb.plugins import discover

# No reader writes files, but Python caches the bytecode of what it imports: the limit lets that
# through, and keeps a file that takes a library over from filling the disk.
_MAX_FILE_BYTES = 16 << 20
_MAX_OPEN_FILES = 256

# Between the signal that a process may catch and the one that it may not.
_GRACE_SECONDS = 2


def main() -> NoReturn:
    """Serve one request."""
    # What libraries print goes to standard error, not into the answer.
    answers = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    request = Request.decode(sys.stdin.buffer.readline())
    _end_with_parent()
    _restrict(request.limits, trust=request.reading.trust)
    # A process of a second has no use for the collector; it only walks over the graph.
    gc.disable()
    sys.path[:] = request.module_path
    with os.fdopen(answers, "wb") as pipe:
        pipe.writelines(_answer(request))
    # Frameworks take long to be torn down, and some crash.
    os._exit(0)


def _answer(request: Request) -> Iterable[bytes]:
    plugins = discover()
    try:
        content = read_content(request.artifact, request.reading, request.points, plugins)
    except Exception as error:  # noqa: BLE001 - the parent raises it again
        return [encode_error(error)]
    with_rules = tuple(plugin.name for plugin in plugins.plugins if plugin.rules)
    return encode_answer(Answer(content, plugins.problems, with_rules))


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


def _restrict(limits: Limits, *, trust: bool) -> None:
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
    if limits.cpu_seconds is not None:
        seconds = limits.cpu_seconds
        restrict(resource.RLIMIT_CPU, seconds, seconds + _GRACE_SECONDS)
    if not trust:
        restrict(resource.RLIMIT_FSIZE, _MAX_FILE_BYTES, _MAX_FILE_BYTES)
        restrict(resource.RLIMIT_NOFILE, _MAX_OPEN_FILES, _MAX_OPEN_FILES)


if __name__ == "__main__":
    main()
