"""Everything that writes to a database, as one call each, for tests that disturb it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from tempfile import TemporaryDirectory

from builders.analyses import NOW, analysis, chain

from costdb.cost import RULES
from costdb.cost.engine import cost
from costdb.cost.result import Analysis
from costdb.cost.rules import built_in_rules
from costdb.store import administration, open_store, upgrade_store
from costdb.store.acceptances import add_acceptances
from costdb.store.exporting import export_lines
from costdb.store.importing import import_lines
from costdb.store.recosting import outdated, recost
from costdb.store.write import ingest
from costdb.trends.acceptance import Acceptance

LATER = datetime(2026, 4, 1, tzinfo=UTC)


def counted(width: int, *, point: str = "default", rules: int = RULES) -> Analysis:
    """An analysis whose cost is counted, not made up: a doctor adds it up."""
    graph = chain(width=width)
    return analysis(graph, point=point, cost=replace(cost(graph), rules=rules))


def fill(url: str) -> None:
    """Two versions of a detector in a new database, both costed by the rules before today's."""
    upgrade_store(url)
    with open_store(url) as store:
        for tag, width in (("v1", 8), ("v2", 16)):
            made = counted(width, rules=RULES - 1)
            ingest(store.engine, [made], model="detector", tag=tag, now=NOW)


@cache
def exported() -> tuple[str, ...]:
    """Another database, as `costdb export` writes it."""
    with TemporaryDirectory() as folder, open_store(f"{folder}/other.db") as store:
        for tag, width in (("v1", 8), ("v2", 24)):
            ingest(store.engine, [counted(width)], model="segmenter", tag=tag, now=NOW)
        return tuple(export_lines(store.engine))


def _ingest(url: str) -> None:
    made = [counted(32), counted(48, point="b32")]
    with open_store(url) as store:
        ingest(store.engine, made, model="classifier", tag="v1", now=LATER)


def _replace(url: str) -> None:
    with open_store(url) as store:
        ingest(store.engine, [counted(64)], model="detector", tag="v1", replace=True, now=LATER)


def _recost(url: str) -> None:
    with open_store(url) as store:
        assert list(recost(store.engine, built_in_rules(), outdated(store.engine))) == []


def _import(url: str) -> None:
    with open_store(url) as store:
        import_lines(store.engine, exported())


def _accept(url: str) -> None:
    with open_store(url) as store:
        accepted = [
            Acceptance("detector", "v2", "default", metric, "total", 1, RULES, "new", "ada", LATER)
            for metric in ("macs", "flops")
        ]
        add_acceptances(store.engine, accepted)


def _rename(url: str) -> None:
    with open_store(url) as store:
        administration.rename(store.engine, "detector", "finder")


def _upgrade(url: str) -> None:
    upgrade_store(url)


# Name -> what writes, to the database with a URL.
OPERATIONS: dict[str, Callable[[str], None]] = {
    "ingest": _ingest,
    "replace": _replace,
    "recost": _recost,
    "import": _import,
    "accept": _accept,
    "rename": _rename,
    "upgrade": _upgrade,
}
