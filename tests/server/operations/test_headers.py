"""Headers of every answer, whatever it is."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

MakeClient = Callable[..., TestClient]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/", 200, id="a page"),
        pytest.param("/api/v1/models", 200, id="the API"),
        pytest.param("/nothing", 404, id="nothing"),
        pytest.param("/bug", 500, id="a bug"),
        pytest.param("/healthz", 200, id="a probe"),
    ],
)
def test_every_answer_has_them(path: str, status: int, client: MakeClient) -> None:
    answer = client().get(path)
    assert answer.status_code == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    # Nothing of a URL leaves for another site, and a form of a page still says where it is from.
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] in {"private, no-store", "private, no-cache"}
    assert answer.headers["x-request-id"]
    assert "server" not in answer.headers


def test_nothing_inline_and_no_frames(client: MakeClient) -> None:
    policy = client().get("/").headers["content-security-policy"]
    directives = dict(part.split(" ", 1) for part in policy.split("; "))
    assert directives["default-src"] == "'none'"
    assert directives["frame-ancestors"] == "'none'"
    assert directives["base-uri"] == "'none'"
    assert {directives[name] for name in ("script-src", "style-src", "form-action")} == {"'self'"}
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("scheme", "promised"),
    [pytest.param("http", False, id="http"), pytest.param("https", True, id="https")],
)
def test_https_is_promised_over_https(scheme: str, client: MakeClient, *, promised: bool) -> None:
    answer = client().get(f"{scheme}://testserver/healthz")
    assert ("strict-transport-security" in answer.headers) is promised


def test_a_route_says_itself_what_may_be_kept(client: MakeClient) -> None:
    made = client()

    @made.app.get("/kept")  # type: ignore[attr-defined,untyped-decorator]
    def kept() -> object:
        from fastapi.responses import Response

        return Response(headers={"cache-control": "max-age=60"})

    assert made.get("/kept").headers["cache-control"] == "max-age=60"
