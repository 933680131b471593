"""What the pages of a model of 10,000 versions take: time in the server, and bytes on the wire."""

import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import httpx
from builders.analyses import NOW, analysis, chain
from builders.serving import serving
from sqlalchemy import RowMapping, insert, select

from costdb.cost.engine import cost
from costdb.store import Store, open_store
from costdb.store.schema import analysis as analyses
from costdb.store.schema import model, structure, version
from costdb.store.write import ORDINAL_GAP, ingest

VERSIONS = 10_000
LAYERS = 300
STRUCTURES = 200
_RUNS = 7

# Every how many versions the cost changes.
_STEADY, _RESTLESS = 50, 1

_HEADINGS = "| page | time | on the wire | as HTML |"
_ABOUT = (
    f"A model of {VERSIONS:,} versions of {LAYERS} layers in SQLite, asked over loopback from a"
    " server that has answered before; medians. The costs of one model change every"
    f" {_STEADY} versions, those of the other with each."
)


def page(_folder: Path) -> str:
    """Fill a database, ask for pages of it, describe it in Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder, "costs.db")
        with open_store(str(database)) as store:
            _fill(store)
        with serving(database) as server, httpx.Client(base_url=server.url) as client:
            rows = [_row(client, name, path) for name, path in _PAGES.items()]
    return "\n\n".join([_ABOUT, "\n".join([_HEADINGS, "| --- | ---: | ---: | ---: |", *rows])])


def _fill(store: Store) -> None:
    """Two models of so many versions, made up around some real structures."""
    for number in range(STRUCTURES):
        graph = chain(LAYERS, width=8 + number)
        ingest(store.engine, [analysis(graph, cost=cost(graph))], model="seed", tag=f"s{number}",
               now=NOW)  # fmt: skip
    with store.engine.begin() as connection:
        seeded = connection.execute(select(analyses)).mappings().first()
        head = connection.execute(select(version)).mappings().first()
        assert seeded is not None
        assert head is not None
        structures = connection.scalars(select(structure.c.id)).all()
        for name, every in (("steady", _STEADY), ("restless", _RESTLESS)):
            values = {"slug": name, "description": "", "former_names": "[]", "created_at": NOW}
            owner = connection.scalar(insert(model).values(values).returning(model.c.id))
            rows = [
                {**_without_id(head), "model_id": owner, "tag": f"v{place}",
                 "ordinal": (place + 1) * ORDINAL_GAP,
                 "created_at": NOW + timedelta(hours=place)}
                for place in range(VERSIONS)
            ]  # fmt: skip
            connection.execute(insert(version), rows)
            ids = connection.scalars(
                select(version.c.id).where(version.c.model_id == owner).order_by(version.c.ordinal)
            ).all()
            connection.execute(
                insert(analyses),
                [
                    {**_without_id(seeded), "version_id": identity,
                     "structure_id": structures[(place // every * 7) % STRUCTURES]}
                    for place, identity in enumerate(ids)
                ],
            )  # fmt: skip


def _without_id(row: RowMapping) -> dict[str, object]:
    return {name: value for name, value in row.items() if name != "id"}


def _row(client: httpx.Client, name: str, path: str) -> str:
    seconds = []
    size = 0
    text = client.get(path).raise_for_status().text
    for _ in range(_RUNS):
        start = time.perf_counter()
        with client.stream("GET", path) as answer:
            size = sum(map(len, answer.iter_raw()))
        seconds.append(time.perf_counter() - start)
    wire, html = size / 1000, len(text.encode()) / 1000
    return f"| {name} | {statistics.median(seconds):.2f} s | {wire:.0f} kB | {html:.0f} kB |"


_PAGES = {
    "models": "/",
    "history, steady": "/models/steady",
    "history, restless": "/models/restless",
    "history, restless, a derived metric": "/models/restless?metric=arithmetic_intensity",
    "a version": "/models/steady/versions/v9999",
    "a diff": "/diff?old=steady@v1&new=steady@v9999",
    "findings": "/findings",
}
