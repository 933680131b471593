"""Ten thousand ingests of small models by processes that live long, one and several at once."""

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.models import MODELS
from benchmarks.servers import emptied, urls_of_backends

if TYPE_CHECKING:
    from costdb.reading import Reading

INGESTS = 10_000
# Of one process alone so many tell the rate.
INGESTS_ALONE = 2_500
PROCESSES = 4
WIDTHS = 100

_ABOUT = (
    f"{INGESTS:,} ingests through `costdb.api.ingest` by {PROCESSES} processes into one database,"
    f" every second one into one model that all write to, and {INGESTS_ALONE:,} by one process for"
    f" its rate. Each ingest reads a file of a small model, {WIDTHS} different ones in turn, itself"
    " (`Reading(plugins=...)`), opens the database, stores a version in a transaction of its own"
    " and closes the database. SQLite has a write-ahead log and synchronous=NORMAL, as costdb sets"
    " them; PostgreSQL has the settings that it ships with.\n\n"
    "Lost are versions that are not there although they were reported; out of order are ordinals"
    " that are not higher than those of all versions that were stored before. An ingest that fails,"
    " such as by `database is locked`, would end the run."
)
_ORDER = """
    SELECT count(*) FROM (
        SELECT ordinal, max(ordinal) OVER (
            PARTITION BY model_id ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS before FROM version
    ) AS stored WHERE ordinal <= before
"""


class _Share(NamedTuple):
    """What one process ingests: files of a folder in turn, into a model of a database."""

    url: str
    model: str
    name: str
    ingests: int


def page(_folder: Path) -> str:
    """Ingest into both databases, describe it in Markdown."""
    rows = [
        "| database | one process | 4 processes | ratio | versions | lost | out of order |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    with urls_of_backends() as urls:
        for backend, url_of in urls.items():
            url = url_of("costdb_ingests")
            emptied(url)
            rows.append(_row(backend, url))
    return "\n\n".join([_ABOUT, "\n".join(rows)])


def _row(backend: str, url: str) -> str:
    from costdb.store import open_store, upgrade_store

    upgrade_store(url)
    print(f"{backend}: {INGESTS_ALONE:,} ingests by one process", file=sys.stderr, flush=True)
    alone = _rate(url, "alone", 1, INGESTS_ALONE)
    print(f"{backend}: {INGESTS:,} by {PROCESSES} processes", file=sys.stderr, flush=True)
    together = _rate(url, "together", PROCESSES, INGESTS)
    with open_store(url) as store, store.engine.connect() as connection:
        stored = connection.exec_driver_sql("SELECT count(*) FROM version").scalar_one()
        out_of_order = connection.exec_driver_sql(_ORDER).scalar_one()
    lost = INGESTS_ALONE + INGESTS - stored
    return (
        f"| {backend} | {alone:,.0f}/s | {together:,.0f}/s | {together / alone:.2f}x"
        f" | {stored:,} | {lost:,} | {out_of_order:,} |"
    )


def _rate(url: str, model: str, processes: int, ingests: int) -> float:
    """Ingests a second."""
    with ProcessPoolExecutor(processes) as pool:
        list(pool.map(_warm_up, [None] * processes))
        start = time.perf_counter()
        each = ingests // processes
        list(pool.map(_ingest, [_Share(url, model, str(n), each) for n in range(processes)]))
        return ingests / (time.perf_counter() - start)


def _warm_up(_nothing: None) -> None:
    """Load what every ingest needs, and see that the files are there."""
    from builders.onnx_models import save_matmul

    from costdb import api

    folder = MODELS / "small"
    folder.mkdir(parents=True, exist_ok=True)
    for width in range(1, WIDTHS + 1):
        if not (folder / f"{width}.onnx").exists():
            save_matmul(folder / f"{width}.onnx", (1, width), (width, width))
    api.analyze(str(folder / "1.onnx"), _reading())


def _ingest(share: _Share) -> None:
    from costdb import api

    reading = _reading()
    for number in range(share.ingests):
        api.ingest(
            str(MODELS / "small" / f"{number % WIDTHS + 1}.onnx"),
            reading,
            model=share.model if number % 2 else f"{share.model}-{share.name}",
            tag=f"{share.name}-{number}",
            database=share.url,
        )


def _reading() -> "Reading":
    from costdb.api import Reading
    from costdb.plugins import discover

    return Reading(plugins=discover())
