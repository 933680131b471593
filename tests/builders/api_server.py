"""The server's application in this process, over a database of a test's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from builders.analyses import analysis, chain
from fastapi import FastAPI
from fastapi.testclient import TestClient

from costdb.cost.engine import cost
from costdb.cost.result import Analysis
from costdb.ir import Graph
from costdb.pushing import push_document
from costdb.server.app import create_app
from costdb.server.configuration import Configuration
from costdb.store import schema
from costdb.store.database import read_transaction
from costdb.store.records import TokenScope
from costdb.store.tokens import create_token

if TYPE_CHECKING:
    from sqlalchemy import Engine

PREFIX = "/api/v1"


@dataclass(frozen=True, slots=True)
class Api:
    """An application that answers.

    Attributes:
        app: The application.
        admin: A client with a token for everything.
    """

    app: FastAPI
    admin: TestClient

    @property
    def engine(self) -> "Engine":
        """The database behind it."""
        engine: Engine = self.app.state.service.engine
        return engine

    def token(self, scope: TokenScope, model_glob: str = "*", **about: Any) -> str:
        """The text of a new token; its name is `about["name"]`, else that of its scope and glob."""
        name = about.pop("name", f"{scope.value} {model_glob}".replace(" ", "-"))
        about.setdefault("now", datetime.now(UTC))
        return create_token(self.engine, name, scope, model_glob=model_glob, **about)[1]

    def client(self, token: str | None = None) -> TestClient:
        """A client of its own, with a token or without."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return TestClient(self.app, base_url=f"http://testserver{PREFIX}", headers=headers)

    def allowed(self, scope: TokenScope, model_glob: str = "*") -> TestClient:
        """A client with a new token."""
        return self.client(self.token(scope, model_glob))

    def push(self, tag: str, *, model: str = "detector", width: int = 8, **about: Any) -> Any:
        """Push a chain of matrix products as a version, and return what was answered."""
        body = push_document([counted(chain(width=width))], model=model, tag=tag, **about)
        answer = self.admin.post("/versions", json=body)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()

    def rows(self) -> dict[str, list[Any]]:
        """All that the database holds, but for tokens."""
        with read_transaction(self.engine) as connection:
            return {
                table.name: list(connection.execute(table.select()).all())
                for table in schema.metadata.sorted_tables
                if table.name != "token"
            }


@contextmanager
def serving_here(database: str, **configuration: Any) -> Iterator[Api]:
    """An application over a database with tables, until the block ends."""
    given = {"requests_per_minute": None} | configuration
    app = create_app(Configuration(database, **given))
    with TestClient(app):
        api = Api(app, TestClient(app))
        admin = api.client(api.token(TokenScope.ADMIN, name="admin"))
        yield replace(api, admin=admin)


def counted(graph: Graph, **about: Any) -> Analysis:
    """An analysis of a graph with what it really costs."""
    return analysis(graph, cost=cost(graph), **about)
