"""An application in this process, over SQLite and over PostgreSQL."""

from collections.abc import Iterator

import pytest
from builders.api_server import Api, serving_here


@pytest.fixture
def api(sqlite_url: str) -> Iterator[Api]:
    """An application over an empty SQLite database."""
    with serving_here(sqlite_url) as served:
        yield served


@pytest.fixture(params=["sqlite", "postgresql"])
def either_api(request: pytest.FixtureRequest) -> Iterator[Api]:
    """The same over each database."""
    with serving_here(request.getfixturevalue(f"{request.param}_url")) as served:
        yield served
