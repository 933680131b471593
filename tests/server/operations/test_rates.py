"""How often one client may ask: by token, else by address, and never by what is made up."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

MakeClient = Callable[..., TestClient]
MakeToken = Callable[..., str]

LIMIT = 3


@pytest.fixture
def limited(client: MakeClient) -> MakeClient:
    """Clients of one application each, from whose addresses LIMIT requests a minute may come."""
    return lambda *address, **given: client(*address, requests_per_minute=LIMIT, **given)


def asks(client: TestClient, times: int, path: str = "/api/v1/models", **headers: str) -> list[int]:
    return [client.get(path, headers=headers).status_code for _ in range(times)]


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def elsewhere(client: TestClient, address: str) -> TestClient:
    """Another client of the same application, which runs already."""
    return TestClient(client.app, client=(address, 50000))


def test_one_too_many(limited: MakeClient) -> None:
    client = limited()
    assert asks(client, LIMIT + 2) == [200] * LIMIT + [429] * 2
    answer = client.get("/api/v1/models")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert answer.json()["error"] == "more than 3 requests in a minute"
    assert answer.headers["retry-after"] in answer.json()["hint"]


@pytest.mark.parametrize(
    ("other", "code"),
    [
        pytest.param("192.0.2.2", 200, id="another address"),
        pytest.param("192.0.2.1", 429, id="the same"),
    ],
)
def test_addresses_count_apart(other: str, code: int, limited: MakeClient) -> None:
    client = limited()
    asks(client, LIMIT)
    assert asks(elsewhere(client, other), 1) == [code]


@pytest.mark.parametrize(
    ("other", "code"),
    [
        pytest.param("2001:db8:0:1::ffff", 429, id="the same network"),
        pytest.param("2001:db8:0:2::1", 200, id="another network"),
    ],
)
def test_a_network_of_ipv6_is_one_client(other: str, code: int, limited: MakeClient) -> None:
    client = limited("2001:db8:0:1::1")
    asks(client, LIMIT)
    assert asks(elsewhere(client, other), 1) == [code]


def test_tokens_count_apart_once_they_are_known(limited: MakeClient, token: MakeToken) -> None:
    client = limited(open_reading=False)
    first, second = bearer(token("first")), bearer(token("second"))
    assert asks(client, 1, **first) + asks(client, 1, **second) == [200, 200]
    assert asks(client, LIMIT + 1, **first) == [200] * LIMIT + [429]
    assert asks(client, LIMIT + 1, **second) == [200] * LIMIT + [429]


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("bearer {}", id="in other letters"),
        pytest.param("Bearer  {}", id="with another space"),
        pytest.param("Bearer \t{}", id="with a tab"),
    ],
)
def test_a_token_is_one_however_it_is_written(
    header: str, limited: MakeClient, token: MakeToken
) -> None:
    client = limited(open_reading=False)
    secret = token("ci")
    assert asks(client, LIMIT + 1, **bearer(secret))[0] == 200
    other = elsewhere(client, "192.0.2.2")
    assert asks(other, 2, authorization=header.format(secret)) == [429, 429]


@pytest.mark.parametrize(
    "path", ["/api/v1/models", "/nothing"], ids=["where tokens are read", "where none are"]
)
@pytest.mark.parametrize("name", ["authorization", "cookie"])
def test_what_is_made_up_counts_for_the_address(
    name: str, path: str, limited: MakeClient, token: MakeToken
) -> None:
    client = limited(open_reading=False)
    good = bearer(token("good"))
    assert asks(client, 1, **good) == [200]
    kind = "Bearer" if name == "authorization" else "costdb_token="
    codes = [
        client.get(path, headers={name: f"{kind} costdb_{number}"}).status_code
        for number in range(LIMIT + 1)
    ]
    assert codes[-1] == 429
    assert codes.count(429) == 2  # the good token's first request counted for the address as well
    # Whoever has a token at the same address goes on.
    assert asks(client, 1, **good) == [200]


def test_probes_are_never_refused(limited: MakeClient) -> None:
    client = limited()
    asks(client, LIMIT)
    assert asks(client, 5, "/healthz") + asks(client, 5, "/readyz") == [200] * 10
    assert asks(client, 1) == [429]


def test_without_a_limit(client: MakeClient) -> None:
    assert set(asks(client(requests_per_minute=None), 50)) == {200}
