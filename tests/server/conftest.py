"""What tests of the server need."""

import pytest

from costdb.store import upgrade_store


@pytest.fixture
def postgresql_url(postgresql_url: str) -> str:
    """A PostgreSQL database with tables and nothing in them."""
    upgrade_store(postgresql_url)
    return postgresql_url
