"""A server that anyone on its machine may read answers to that machine's names alone."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

MakeClient = Callable[..., TestClient]

NAMES = ("localhost", "127.0.0.1", "[::1]")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        pytest.param("localhost", 200, id="a name"),
        pytest.param("localhost:8765", 200, id="a name and a port"),
        pytest.param("LOCALHOST:1", 200, id="names have no case"),
        pytest.param("127.0.0.1:8765", 200, id="an address"),
        pytest.param("[::1]:8765", 200, id="an address of IPv6"),
        pytest.param("[::1]", 200, id="an address of IPv6 without a port"),
        pytest.param("evil.example", 421, id="another name"),
        pytest.param("localhost.evil.example", 421, id="one that begins alike"),
        pytest.param("evil.example:127.0.0.1", 421, id="no port"),
        pytest.param("", 421, id="none"),
    ],
)
def test_names(host: str, status: int, client: MakeClient) -> None:
    answer = client(host_names=NAMES).get("/api/v1/models", headers={"host": host})
    assert answer.status_code == status
    if status == 421:
        assert "127.0.0.1" in answer.json()["hint"]


def test_any_name_where_none_is_given(client: MakeClient) -> None:
    assert client().get("/healthz", headers={"host": "costs.example"}).status_code == 200
