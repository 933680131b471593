"""Whether a server says that it runs, and whether it can serve."""

from collections.abc import Callable
from pathlib import Path

import psycopg
from fastapi.testclient import TestClient
from sqlalchemy import make_url, text

from costdb.store import open_store

MakeClient = Callable[..., TestClient]


def set_revision(url: str, revision: str) -> None:
    with open_store(url) as store, store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})


def test_both_answer_without_a_token(client: MakeClient) -> None:
    made = client(open_reading=False)
    for path in ("/healthz", "/readyz"):
        answer = made.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_file_that_is_gone(client: MakeClient, database: str) -> None:
    made = client()
    Path(database.removeprefix("sqlite:///")).unlink()
    answer = made.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "reason": "the database does not answer"}
    assert made.get("/healthz").status_code == 200


def test_another_schema(client: MakeClient, postgresql_url: str) -> None:
    made = client(database=postgresql_url)
    assert made.get("/readyz").status_code == 200
    set_revision(postgresql_url, "9999")
    answer = made.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["reason"] == "the database has another schema"


def test_a_database_that_goes_away_and_comes_back(client: MakeClient, postgresql_url: str) -> None:
    made = client(database=postgresql_url)
    url = make_url(postgresql_url)
    admin = url.set(database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            [url.database],
        )
        connection.execute(f"ALTER DATABASE {url.database} RENAME TO {url.database}_away".encode())
        answer = made.get("/readyz")
        assert answer.status_code == 503
        # Where the database is, is nobody's business.
        assert answer.json() == {"status": "unavailable", "reason": "the database does not answer"}
        connection.execute(f"ALTER DATABASE {url.database}_away RENAME TO {url.database}".encode())
    assert made.get("/readyz").status_code == 200
