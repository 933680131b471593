"""The processes of `costdb serve`, from the first line that they print to their end."""

import errno
import os
import signal
import socket
import sys
import tempfile
from contextlib import suppress
from functools import partial
from multiprocessing.connection import wait
from types import FrameType

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from costdb.errors import ServerUnavailable
from costdb.server.configuration import Configuration, Listening
from costdb.server.operations.log import configure_log, logger
from costdb.server.worker import worker_application
from costdb.store import open_store

BACKLOG = 2048

# Longer than proxies keep a connection that nothing is sent on: they close it first, and send no
# request into one that is about to go.
KEEP_ALIVE_SECONDS = 75

# A worker that says nothing for so long is killed; a busy machine may keep one waiting for a while.
HUNG_SECONDS = 30

# What cannot be listened at, and what to do instead.
_REFUSALS = {
    errno.EADDRINUSE: ("is taken", "name another port, or --port 0 for any that is free"),
    errno.EACCES: ("may not be used by this user", "name a port above 1023"),
    errno.EADDRNOTAVAIL: ("is not of this machine", "name another --host, such as 127.0.0.1"),
}


def run(configuration: Configuration, listening: Listening) -> None:
    """Serve until the process is told to end, by SIGTERM or SIGINT.

    Requests that are under way then are answered, within a time limit.

    Raises:
        DatabaseUnavailable: The database is missing, cannot be reached, or is locked.
        SchemaMismatch: Its tables are newer, older or another program's.
        ServerUnavailable: The address cannot be listened at, or no worker could start.
    """
    configure_log(listening.log_format)
    # Seen here once, and before anyone is told an address, instead of in each worker.
    with open_store(configuration.database, create=False) as store:
        location = store.location
        for note in store.notes:
            logger.warning(note)
    with _listener(listening.host, listening.port) as listener:
        logger.info("serving %s at %s", location, _url(listening.host, listener))
        _serve(configuration, listening, listener)


def _serve(configuration: Configuration, listening: Listening, listener: socket.socket) -> None:
    config = uvicorn.Config(
        # A worker gets this through a pipe: no secret shows on a command line.
        partial(worker_application, configuration, listening.log_format),
        factory=True,
        workers=listening.workers,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        proxy_headers=bool(listening.proxies),
        forwarded_allow_ips=list(listening.proxies),
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=listening.shutdown_seconds,
        timeout_worker_healthcheck=HUNG_SECONDS,
    )
    signal.signal(signal.SIGTERM, _end)
    try:
        if listening.workers == 1:
            uvicorn.Server(config).run([listener])
        else:
            _serve_by_several(config, listener)
    except KeyboardInterrupt:
        pass
    except SystemExit as error:
        # Uvicorn's code for this means something else here.
        if error.code == STARTUP_FAILURE:
            raise ServerUnavailable("the server could not start", hint="see above why") from error
        raise


def _serve_by_several(config: uvicorn.Config, listener: socket.socket) -> None:
    """Run worker processes, and new ones in the place of those that die."""
    with tempfile.TemporaryDirectory(prefix="costdb-metrics-") as folder:
        # Workers add their counts up there: see `metrics`.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        supervisor = _Supervisor(config, [listener])
        supervisor.run()
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        sys.exit(STARTUP_FAILURE)


class _Supervisor(Multiprocess):
    """Uvicorn's, which alone waits HUNG_SECONDS for a worker that dies while it is asked."""

    def keep_subprocess_alive(self) -> None:
        """Ask each worker until it answers or is dead, and leave the rest to uvicorn."""
        for worker in self.processes:
            answer = worker.parent_conn
            with suppress(OSError, EOFError):
                answer.send(b"ping")
                if answer in wait([answer, worker.process.sentinel], HUNG_SECONDS):
                    answer.recv()
        super().keep_subprocess_alive()


def _end(_signal: int, _frame: FrameType | None) -> None:
    """To be told to end is no failure; uvicorn raises the signal again when all is done."""
    sys.exit(0)


def _listener(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises ServerUnavailable."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise ServerUnavailable(
            f"there is no host {host!r} to listen at", hint="name another --host, such as 127.0.0.1"
        ) from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        problem, hint = _REFUSALS.get(error.errno or 0, (f"cannot be used: {error.strerror}", ""))
        raise ServerUnavailable(f"port {port} of {host} {problem}", hint=hint) from error
    return listener


def _url(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
