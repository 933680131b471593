"""Fills a database with versions: an import of what is made up around a few real structures."""

import json
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from builders.analyses import NOW, analysis, chain
from sqlalchemy import Column, Integer, Table, Text, and_, cast, func, insert, literal, select

from costdb.cost.engine import cost
from costdb.store import Store, open_store, schema, upgrade_store
from costdb.store.database import write_transaction
from costdb.store.exporting import export_lines
from costdb.store.importing import import_lines
from costdb.store.write import ORDINAL_GAP, ingest

VERSIONS_OF_A_MODEL = 200
LAYERS = 100
STRUCTURES = 200
# One model in ten is wider in its second half, model-7 among them.
GROWING = 10
GROWTH = 20

# So many are imported; more are copies of them, which the database makes itself.
IMPORTED = 100_000

# Kinds of lines: of which there is one a model or a version, and which many versions share.
_EACH = ("model", "version", "analysis")
_SHARED = ("structure", "layer_names", "cost")


def fill(url: str, versions: int, note: Path) -> None:
    """See that a database holds so many versions, and note how large it is, and how it was filled.

    Args:
        url: An empty database, or one that was filled before.
        versions: How many.
        note: A JSON file: the `rate` of the import in versions a second, and `bytes` on disk.
    """
    upgrade_store(url)
    with open_store(url) as store:
        with store.engine.connect() as connection:
            is_filled = connection.exec_driver_sql("SELECT 1 FROM version LIMIT 1").scalar()
        if not is_filled:
            imported = min(versions, IMPORTED)
            start = time.perf_counter()
            import_lines(store.engine, lines(imported))  # all of them, or none
            rate = imported / (time.perf_counter() - start)
            for copy in range(1, versions // imported):
                _add_copy(store, copy * (imported // VERSIONS_OF_A_MODEL))
            _tidy(store, url)
            note.write_text(json.dumps({"rate": rate, "bytes": _bytes(store)}))


def lines(versions: int) -> Iterator[str]:
    """An export of so many versions, made up around a few real structures.

    Args:
        versions: How many.
    """
    header, by_kind = _seed()
    model, version, analysed = (json.loads(by_kind[kind][0]) for kind in _EACH)
    digests = [json.loads(line)["digest"] for line in by_kind["structure"]]
    shared = [line for kind in _SHARED for line in by_kind[kind]]
    models = range(versions // VERSIONS_OF_A_MODEL)
    places = range(VERSIONS_OF_A_MODEL)
    yield header
    for number in models:
        yield json.dumps(model | {"slug": f"model-{number}"})
    yield from shared
    for number in models:
        for place in places:
            named = {"model": f"model-{number}", "tag": f"v{place}"}
            yield json.dumps(version | named | {"ordinal": (place + 1) * ORDINAL_GAP})
    for number in models:
        for place in places:
            at = {"created_at": (NOW + timedelta(hours=place)).isoformat()}
            named = {"version": f"model-{number}@v{place}"}
            yield json.dumps(analysed | named | at | {"structure": digests[_width(number, place)]})
    yield json.dumps(
        {"kind": "end", "rows": len(models) * (1 + 2 * VERSIONS_OF_A_MODEL) + len(shared)}
    )


def _seed() -> tuple[str, dict[str, list[str]]]:
    """The export of a database of all the structures: its first line, and the others by kind."""
    with tempfile.TemporaryDirectory() as folder, open_store(f"{folder}/seed.db") as seed:
        for number in range(STRUCTURES):
            graph = chain(LAYERS, width=8 + number)
            made = analysis(graph, cost=cost(graph))
            ingest(seed.engine, [made], model="seed", tag=f"v{number}", now=NOW)
        header, *records = export_lines(seed.engine)
    by_kind: dict[str, list[str]] = {}
    for line in records:
        by_kind.setdefault(json.loads(line)["kind"], []).append(line)
    return header, by_kind


def _width(number: int, place: int) -> int:
    """Which structure a version of a model has."""
    grows = number % GROWING == 7 and place >= VERSIONS_OF_A_MODEL // 2
    return (number + GROWTH * grows) % STRUCTURES


def _add_copy(store: Store, shift: int) -> None:
    """Copy the models that were imported, with their versions and analyses, under higher numbers.

    Args:
        store: The database.
        shift: What is added to the number in a model's name.
    """
    old, new = schema.model.alias("old"), schema.model.alias("new")
    old_version = schema.version.alias("old_version")
    number = cast(func.substr(old.c.slug, len("model-") + 1), Integer)
    slug = literal("model-") + cast(number + shift, Text)
    is_imported = number < IMPORTED // VERSIONS_OF_A_MODEL
    versions = (
        select(new.c.id, *_columns(schema.version, "model_id"))
        .join_from(schema.version, old, old.c.id == schema.version.c.model_id)
        .join(new, new.c.slug == slug)
        .where(is_imported)
    )
    analyses = (
        select(schema.version.c.id, *_columns(schema.analysis, "version_id"))
        .join_from(schema.analysis, old_version, old_version.c.id == schema.analysis.c.version_id)
        .join(old, old.c.id == old_version.c.model_id)
        .join(new, new.c.slug == slug)
        .join(
            schema.version,
            and_(schema.version.c.model_id == new.c.id, schema.version.c.tag == old_version.c.tag),
        )
        .where(is_imported)
    )
    models = select(slug, *(old.c[column.name] for column in _columns(schema.model, "slug")))
    with write_transaction(store.engine) as connection:
        for table, first, rows in (
            (schema.model, "slug", models.where(is_imported)),
            (schema.version, "model_id", versions),
            (schema.analysis, "version_id", analyses),
        ):
            names = [first, *(column.name for column in _columns(table, first))]
            connection.execute(insert(table).from_select(names, rows))


def _columns(table: Table, changed: str) -> list[Column[Any]]:
    """The columns that a copy takes as they are."""
    return [column for column in table.c if column.name not in {"id", changed}]


def _tidy(store: Store, url: str) -> None:
    """What PostgreSQL's autovacuum does in the minutes after such an import."""
    if store.backend == "postgresql":
        import psycopg

        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")


def _bytes(store: Store) -> int:
    with store.engine.connect() as connection:
        if store.backend == "sqlite":
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            return Path(store.location).stat().st_size
        size = "SELECT pg_database_size(current_database())"
        return int(connection.exec_driver_sql(size).scalar_one())
