"""Numbers for Prometheus.

Several worker processes add up what they count in files of the folder PROMETHEUS_MULTIPROC_DIR,
which `running` makes: prometheus.github.io/client_python/multiprocess.
"""

import os
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import Engine
from sqlalchemy.pool import QueuePool

MEDIA_TYPE = CONTENT_TYPE_LATEST
PUSH_ROUTE = "/api/v1/versions"

# Seconds: a page takes milliseconds, a push of a large network or a check of many models seconds.
_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

# Any word may stand where a method does; each would be a time series.
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})

# When each series began is of no use here, and would be a third of the text.
disable_created_metrics()  # type: ignore[no-untyped-call] # the package types some alone


class Metrics:
    """What is counted of one application."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "costdb_requests",
            "Requests that were answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "costdb_request_seconds",
            "From a request's first byte to its answer's last.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._pushes = Counter(
            "costdb_pushes",
            "Pushed versions: created, known, refused, or failed.",
            ("outcome",),
            registry=self._registry,
        )
        self._connections = Gauge(
            "costdb_database_connections",
            "Connections to the database that are in use, or open and idle.",
            ("state",),
            registry=self._registry,
            multiprocess_mode="livesum",
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request.

        Args:
            method: As it was sent.
            route: The template of its route, such as `/api/v1/versions/{model}/{name}`.
            status: Of the answer.
            seconds: How long it took.
        """
        known = method if method in _METHODS else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(known, route).observe(seconds)
        if known == "POST" and route == PUSH_ROUTE:
            self._pushes.labels(_push_outcome(status)).inc()

    def observe_pool(self, engine: Engine) -> None:
        """Note how many connections this process has."""
        if isinstance(engine.pool, QueuePool):
            self._connections.labels("in use").set(engine.pool.checkedout())
            self._connections.labels("idle").set(engine.pool.checkedin())

    def text(self) -> bytes:
        """What all processes counted, in the format of Prometheus."""
        folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        if folder is None:
            return generate_latest(self._registry)
        _forget_dead_processes(Path(folder))
        registry = CollectorRegistry()
        MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call] # as above
        return generate_latest(registry)


def _push_outcome(status: int) -> str:
    if status == 201:
        return "created"
    if status < 400:
        return "known"
    return "refused" if status < 500 else "failed"


def _forget_dead_processes(folder: Path) -> None:
    """Take the connections of workers that died out of the sum; what they counted stays."""
    for file in folder.glob("gauge_live*.db"):
        process = int(file.stem.rpartition("_")[2])
        if not Path(f"/proc/{process}").exists():
            file.unlink(missing_ok=True)  # another worker may be asked at the same time
