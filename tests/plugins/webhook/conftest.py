"""A webhook on this machine."""

from collections.abc import Iterator

import pytest
from builders.webhook import Hook, listening


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A server that keeps what it is sent."""
    with listening() as found:
        yield found
