import pytest
from builders.analyses import NOW, analysis, chain
from sqlalchemy import text, update

from costdb.cost.engine import cost
from costdb.store import Store, open_store, schema
from costdb.store.compression import compressed
from costdb.store.database import outside_transaction, write_transaction
from costdb.store.examination import examine
from costdb.store.write import ingest


@pytest.fixture
def filled(store: Store) -> Store:
    """Two versions whose costs are counted, not made up: a doctor adds them up."""
    for tag, width in (("v1", 8), ("v2", 16)):
        graph = chain(width=width)
        counted = analysis(graph, cost=cost(graph))
        ingest(store.engine, [counted], model="detector", tag=tag, now=NOW)
    return store


def test_nothing_is_wrong_with_what_ingest_writes(filled: Store) -> None:
    assert list(examine(filled.engine)) == []


WRONG = "its digest is not that of its content"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        pytest.param(
            "UPDATE cost SET macs = macs + 1 WHERE id = 2",
            # Two matrix products of 1x16 and 16x16.
            ("cost", "2", "macs is 513, its layers make 512"),
            id="total",
        ),
        pytest.param(
            "UPDATE cost SET params = 1 WHERE id = 1",
            ("cost", "1", "params is 1, its layers make 128"),
            id="weights",
        ),
        pytest.param(
            "UPDATE layer_cost SET coverage = 'unknown' WHERE cost_id = 1 AND position = 0",
            ("cost", "1", "2 layers are exact, 1 say so"),
            id="coverage",
        ),
        pytest.param(
            "DELETE FROM layer_cost WHERE cost_id = 1 AND position = 1",
            ("cost", "1", "it has 1 layers, its structure has 2"),
            id="lost-layer",
        ),
        pytest.param(
            "UPDATE structure SET digest = 'ir1:0' WHERE id = 2",
            ("structure", "2", WRONG),
            id="structure-digest",
        ),
        pytest.param(
            "UPDATE layer_names SET digest = '0' WHERE id = 1",
            ("layer_names", "1", WRONG),
            id="names-digest",
        ),
        pytest.param(
            "UPDATE version SET ordinal = -5 WHERE id = 1",
            ("version", "1", "its ordinal is not positive"),
            id="ordinal",
        ),
        pytest.param(
            "UPDATE analysis SET replaced_at = created_at WHERE version_id = 2",
            ("version", "2", "it has no current analysis"),
            id="no-current-analysis",
        ),
        pytest.param(
            "DELETE FROM analysis WHERE version_id = 2",
            ("version", "2", "it has no analysis"),
            id="orphan",
        ),
    ],
)
def test_what_is_wrong_is_named_by_its_row(
    filled: Store, statement: str, expected: tuple[str, str, str]
) -> None:
    with write_transaction(filled.engine) as connection:
        connection.execute(text(statement))
    found = [(problem.table, problem.row, problem.text) for problem in examine(filled.engine)]
    assert expected in found


@pytest.mark.parametrize("content", [b"no zstd", compressed(b"{}"), compressed(b"[" * 5000)])
def test_damaged_content_is_named(filled: Store, content: bytes) -> None:
    for table in (schema.structure, schema.layer_names):
        with write_transaction(filled.engine) as connection:
            connection.execute(update(table).where(table.c.id == 1).values(content=content))
    found = {(problem.table, problem.row, problem.text) for problem in examine(filled.engine)}
    assert {("structure", "1", WRONG), ("layer_names", "1", WRONG)} <= found


def test_a_reference_to_nothing_is_named(sqlite_url: str) -> None:
    """Only SQLite can be told not to look at references."""
    with open_store(sqlite_url) as store:
        ingest(store.engine, [analysis()], model="detector", tag="v1", now=NOW)
        with outside_transaction(store.engine) as connection:
            connection.execute("PRAGMA foreign_keys=OFF")
            connection.execute("UPDATE version SET model_id = 77")
            connection.execute("PRAGMA foreign_keys=ON")
        found = {(problem.table, problem.row, problem.text) for problem in examine(store.engine)}
    assert ("version", "1", "model_id 77 is no row of model") in found
    assert ("model", "1", "it has no version") in found
