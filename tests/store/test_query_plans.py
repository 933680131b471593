"""Every statement that a command runs follows an index where a table may be large.

`costdb models` counts all versions, and so goes through an index of them.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from builders.analyses import NOW, analysis, chain
from sqlalchemy import Engine, event

from costdb import api
from costdb.cost.engine import cost
from costdb.store import Store
from costdb.store.write import ingest

# Tables that grow with the versions. Models are few, and a list of them reads them all.
LARGE = ("version", "analysis", "structure", "layer_names", "cost", "layer_cost", "check_run")
_SCAN = {
    # Even where an index helps, a scan goes through all of it.
    "sqlite": re.compile(r"\bSCAN (?P<table>\w+)"),
    "postgresql": re.compile(r"\bSeq Scan on (?P<table>\w+)"),
}

Statement = tuple[str, Any]


@pytest.fixture
def url(store: Store, database_url: str) -> str:
    """A database of two models with some versions, an alias and an acceptance."""
    for model in ("detector", "other"):
        for number in range(1, 9):
            graph = chain(2, width=number)
            made = analysis(graph, cost=cost(graph))
            ingest(store.engine, [made], model=model, tag=f"v{number}", now=NOW)
    api.set_alias("detector@v3", "prod", database=database_url)
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
        pytest.param(lambda url: api.check("detector", database=url), id="check"),
        pytest.param(lambda url: api.check(all_models=True, database=url), id="check-all"),
    ],
)
def test_no_large_table_is_read_whole(
    store: Store, url: str, command: Callable[[str], object]
) -> None:
    with recorded() as statements:
        command(url)
    assert statements
    assert scanned(store.engine, statements) == []


@pytest.mark.usefixtures("url")
def test_a_scan_is_seen(store: Store) -> None:
    with recorded() as statements, store.engine.connect() as connection:
        connection.exec_driver_sql("SELECT * FROM version WHERE author = 'ann'")
    assert [line.partition(":")[0] for line in scanned(store.engine, statements)] == ["version"]
