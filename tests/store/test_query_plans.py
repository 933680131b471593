"""Every statement that a command runs follows an index where a table may be large.

`costdb models` counts all versions, and so goes through an index of them.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from builders.analyses import NOW, analysis, chain
from builders.api_server import serving_here
from sqlalchemy import Engine, event

from costdb import api, maintenance
from costdb.cost.engine import cost
from costdb.store import Store
from costdb.store.exporting import export_lines
from costdb.store.importing import import_lines
from costdb.store.write import ingest

# Tables that grow with the versions. Models are few, and a list of them reads them all.
LARGE = ("version", "analysis", "structure", "layer_names", "cost", "layer_cost", "check_run")
_SCAN = {
    # Even where an index helps, a scan goes through all of it.
    "sqlite": re.compile(r"\bSCAN (?P<table>\w+)"),
    "postgresql": re.compile(r"\bSeq Scan on (?P<table>\w+)"),
}

Statement = tuple[str, Any]

# Rules for every kind of baseline, of the whole and of a part.
BASELINES = Path(__file__).parent / "every_baseline.toml"


@pytest.fixture
def url(store: Store, database_url: str) -> str:
    """A database of two models with some versions, an alias and an acceptance."""
    for model in ("detector", "other"):
        for number in range(1, 9):
            graph = chain(2, width=number)
            made = analysis(graph, cost=cost(graph))
            ingest(store.engine, [made], model=model, tag=f"v{number}", now=NOW)
    api.set_alias("detector@v3", "prod", database=database_url)
    api.accept("detector@v2", reason="wider", metrics=["macs"], database=database_url)
    return database_url


@contextmanager
def recorded() -> Iterator[list[Statement]]:
    """The statements that are executed meanwhile, on whatever database."""
    statements: list[Statement] = []

    def remember(_connection: Any, _cursor: Any, text: str, values: Any, *_: Any) -> None:
        if text.lstrip().upper().startswith(("SELECT", "WITH", "UPDATE", "DELETE")):
            statements.append((text, values))

    event.listen(Engine, "before_cursor_execute", remember)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", remember)


def scanned(engine: Engine, statements: list[Statement]) -> list[str]:
    """The large tables that a statement reads from end to end, with the statement."""
    found: list[str] = []
    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            # So small a table is read whole in any case, unless that is made dear.
            connection.exec_driver_sql("SET enable_seqscan = off")
        for text, values in dict(statements).items():
            rows = connection.exec_driver_sql(explain + text, values).all()
            plan = "\n".join(str(column) for row in rows for column in row)
            found.extend(
                f"{match['table']}: {text}"
                for match in _SCAN[engine.dialect.name].finditer(plan)
                if match["table"].rstrip("_0123456789") in LARGE
            )
    return found


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(lambda url: api.history("detector", database=url), id="history"),
        pytest.param(lambda url: api.history("detector", last=3, database=url), id="history-last"),
        pytest.param(
            lambda url: api.history("detector", since="v2", until="v5", database=url),
            id="history-since",
        ),
        pytest.param(lambda url: api.show("detector@prod", database=url), id="show"),
        pytest.param(lambda url: api.diff("detector@v2", "detector@v7", database=url), id="diff"),
        pytest.param(
            lambda url: api.history(
                "detector", branch="main", points=["default"], archived=True, database=url
            ),
            id="history-of-a-point",
        ),
        pytest.param(
            lambda url: api.history("detector", since=NOW, until=NOW, last=2, database=url),
            id="history-since-a-moment",
        ),
        pytest.param(lambda url: api.check("detector", database=url), id="check"),
        pytest.param(lambda url: api.check("detector@v3", database=url), id="check-version"),
        pytest.param(
            lambda url: api.check("detector", against="detector@prod", database=url),
            id="check-against",
        ),
        pytest.param(lambda url: api.check(all_models=True, database=url), id="check-all"),
        pytest.param(
            lambda url: api.check(all_models=True, policy=BASELINES, database=url),
            id="check-all-baselines",
        ),
        pytest.param(lambda url: api.replay("detector", database=url), id="replay"),
        pytest.param(
            lambda url: api.accept("detector@v8", reason="wider", database=url), id="accept"
        ),
        pytest.param(lambda url: api.accepted("detector", database=url), id="accepted"),
        pytest.param(lambda url: api.revoke(1, database=url), id="revoke"),
        pytest.param(lambda url: api.aliases("detector", database=url), id="alias-list"),
        pytest.param(lambda url: api.set_alias("detector@v4", "prod", database=url), id="alias"),
        pytest.param(
            lambda url: api.remove_alias("detector", "prod", database=url), id="alias-remove"
        ),
        pytest.param(lambda url: maintenance.archive("detector@v5", database=url), id="archive"),
        pytest.param(
            lambda url: maintenance.unarchive("detector@v5", database=url), id="unarchive"
        ),
        pytest.param(lambda url: maintenance.rename("detector", "new", database=url), id="rename"),
        pytest.param(
            lambda url: (
                api.check(all_models=True, database=url),
                api.check(all_models=True, database=url),
                maintenance.prune(timedelta(0), database=url),
            ),
            id="prune",
        ),
    ],
)
def test_no_large_table_is_read_whole(
    store: Store, url: str, command: Callable[[str], object]
) -> None:
    with recorded() as statements:
        command(url)
    assert statements
    assert scanned(store.engine, statements) == []


@pytest.mark.parametrize(
    ("tag", "width", "replace"),
    [
        pytest.param("v9", 30, False, id="new-structure"),
        pytest.param("v9", 3, False, id="known-structure"),
        pytest.param("v3", 3, False, id="unchanged"),
        pytest.param("v3", 30, True, id="replaced"),
    ],
)
@pytest.mark.usefixtures("url")
def test_an_ingest_reads_no_large_table_whole(
    store: Store, tag: str, width: int, *, replace: bool
) -> None:
    graph = chain(2, width=width)
    with recorded() as statements:
        made = analysis(graph, cost=cost(graph))
        ingest(store.engine, [made], model="detector", tag=tag, replace=replace, now=NOW)
    assert statements
    assert scanned(store.engine, statements) == []


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/versions?model=detector&limit=2", id="versions"),
        pytest.param("/versions?model=detector&after=5000&archived=true", id="older versions"),
        pytest.param("/versions?model=detector&branch=main", id="versions of a branch"),
        pytest.param("/versions/detector", id="latest version"),
        pytest.param("/versions/detector/v3", id="version"),
        pytest.param("/versions/detector/prod/analysis", id="analysis"),
        pytest.param("/versions/detector/v3/layers?limit=1", id="layers"),
        pytest.param("/diff?old=detector@v1&new=detector@v2", id="diff"),
        pytest.param("/history?model=detector&last=2", id="history"),
        pytest.param("/acceptances?model=detector", id="acceptances"),
    ],
)
def test_what_the_server_is_asked_reads_no_large_table_whole(
    store: Store, url: str, path: str
) -> None:
    with serving_here(url) as server, recorded() as statements:
        assert server.admin.get(path).status_code == 200
    assert statements
    assert scanned(store.engine, statements) == []


@pytest.mark.usefixtures("url")
def test_an_import_looks_once_at_all_that_was_replaced_and_else_reads_no_large_table_whole(
    store: Store,
) -> None:
    lines = list(export_lines(store.engine))
    others = [line.replace("detector", "detector-2") for line in lines]
    with recorded() as statements:
        import_lines(store.engine, lines)
        import_lines(store.engine, others)
    whole = scanned(store.engine, statements)
    assert [line.partition(":")[0] for line in whole] == ["analysis"]
    assert whole[0].endswith("replaced_at IS NOT NULL")


@pytest.mark.usefixtures("url")
def test_a_scan_is_seen(store: Store) -> None:
    with recorded() as statements, store.engine.connect() as connection:
        connection.exec_driver_sql("SELECT * FROM version WHERE author = 'ann'")
    assert [line.partition(":")[0] for line in scanned(store.engine, statements)] == ["version"]
