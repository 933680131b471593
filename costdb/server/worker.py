"""What each process that answers requests begins and ends with.

Importing this loads little: a worker does it before it can be told anything.
"""

import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

from costdb.server.configuration import Configuration, LogFormat

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

# For threads to end by themselves whose requests were given up.
_LAST_SECONDS = 1.0


def worker_application(configuration: Configuration, log_format: LogFormat) -> "ASGIApp":
    """The application of this process, its log set up.

    The process ends with its parent, and soon after the application has.
    """
    _end_with_parent()
    from costdb.server.app import create_app  # noqa: PLC0415 - see the module
    from costdb.server.operations.log import configure_log  # noqa: PLC0415

    configure_log(log_format)
    app = create_app(configuration)

    async def application(scope: "Scope", receive: "Receive", send: "Send") -> None:
        await app(scope, receive, send)
        if scope["type"] == "lifespan":
            _end_soon()

    return application


def _end_with_parent() -> None:
    """A worker whose parent was killed would keep the port."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    # A terminal tells all processes at once; the parent waits for its workers, and tells them then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="costdb-parent", daemon=True).start()


def _end_soon() -> None:
    """Python waits for threads, and one may wait for a lock; an open transaction is undone."""
    timer = threading.Timer(_LAST_SECONDS, os._exit, (0,))
    timer.daemon = True
    timer.start()
