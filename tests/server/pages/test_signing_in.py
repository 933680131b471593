"""Signing in and out."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from builders.html import addresses, said
from builders.pages import SITE, MakeVisitor, add, make_token

from costdb.server.access import COOKIE
from costdb.server.pages.links import is_inside
from costdb.store import open_store
from costdb.store.records import TokenScope
from costdb.store.tokens import revoke_token


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database with a model."""
    url = str(tmp_path / "costs.db")
    with open_store(url) as store:
        add(store, "m", "v1")
    return url


def test_where_reading_is_closed_a_page_leads_to_the_form_and_back(
    visiting: MakeVisitor, url: str
) -> None:
    visit = visiting(url, open_reading=False)
    answer = visit.get("/models/m?metric=params")
    assert answer.status_code == 303
    form = answer.headers["location"]
    assert form == "/sign-in?then=%2Fmodels%2Fm%3Fmetric%3Dparams"
    (then,) = (each.get("value") for each in visit(form).iter("input")
               if each.get("name") == "then")  # fmt: skip
    token = make_token(url, "ann", TokenScope.READ)
    answer = visit.post("/sign-in", token=f" {token}\n", then=then)
    assert (answer.status_code, answer.headers["location"]) == (303, "/models/m?metric=params")
    page = visit("/models/m?metric=params")
    assert "ann (read)" in said(page)
    answer = visit.post("/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert visit.cookie is None
    assert visit.get("/").status_code == 303


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_cookie_is_for_this_site_and_no_script(
    visiting: MakeVisitor, url: str, scheme: str
) -> None:
    visit = visiting(url)
    visit.client.base_url = SITE.replace("http:", f"{scheme}:")
    token = make_token(url, "ann", TokenScope.READ)
    answer = visit.post("/sign-in", origin=str(visit.client.base_url), token=token)
    parts = answer.headers["set-cookie"].split("; ")
    assert parts[0] == f"{COOKIE}={token}"
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(parts)
    assert ("Secure" in parts) is (scheme == "https")


def test_the_cookie_is_forgotten_when_the_token_expires(visiting: MakeVisitor, url: str) -> None:
    expires = datetime.now(UTC) + timedelta(hours=1)
    token = make_token(url, "ann", TokenScope.READ, expires_at=expires)
    cookie = visiting(url).post("/sign-in", token=token).headers["set-cookie"]
    (age,) = (part for part in cookie.split("; ") if part.startswith("Max-Age="))
    assert 3500 < int(age.removeprefix("Max-Age=")) <= 3600


def test_a_token_that_does_not_hold_is_told_plainly(visiting: MakeVisitor, url: str) -> None:
    visit = visiting(url, open_reading=False)
    revoked = make_token(url, "gone", TokenScope.READ)
    with open_store(url) as store:
        revoke_token(store.engine, "gone", now=datetime.now(UTC))
    for token, told in (
        (revoked, "The token gone was revoked."),
        ("costdb_" + "x" * 43, "This is no token of this server."),
        ("hunter2", "This is no token of this server."),
        ("\x00<script>", "This is no token of this server."),
        ("", "Paste a token."),
    ):
        answer = visit.post("/sign-in", token=token)
        assert answer.status_code == 422
        assert told in answer.text
        assert token == "" or token not in answer.text
        assert "set-cookie" not in answer.headers


def test_a_token_that_held_once_leads_to_the_form_which_says_why(
    visiting: MakeVisitor, url: str
) -> None:
    token = make_token(url, "gone", TokenScope.READ)
    visit = visiting(url, token)
    visit("/")
    with open_store(url) as store:
        revoke_token(store.engine, "gone", now=datetime.now(UTC))
    answer = visit.get("/models/m")
    assert answer.headers["location"] == "/sign-in?then=%2Fmodels%2Fm"
    page = visit(answer.headers["location"])
    assert "The token gone was revoked." in said(page)
    assert "Forget the token that this browser has" in said(page)
    visit.post("/sign-out")
    visit("/models/m")


def test_another_site_cannot_sign_anyone_in_or_out(visiting: MakeVisitor, url: str) -> None:
    token = make_token(url, "ann", TokenScope.READ)
    for address in ("/sign-in", "/sign-out"):
        for origin in ("https://evil.example", "null", f"{SITE}.evil.example"):
            answer = visiting(url).post(address, origin=origin, token=token)
            assert answer.status_code == 403
            assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("target", "is_ours"),
    [
        ("/", True),
        ("/models/a?b=c#d", True),
        ("", False),
        ("//evil.example", False),
        ("/\\evil.example", False),
        ("/models\\..", False),
        ("https://evil.example", False),
        ("javascript:alert(1)", False),
        ("/\n/evil.example", False),
        ("/\t/evil.example", False),
    ],
)
def test_signing_in_leads_to_no_other_site(
    visiting: MakeVisitor, url: str, target: str, *, is_ours: bool
) -> None:
    assert is_inside(target) is is_ours
    visit = visiting(url)
    token = make_token(url, "ann", TokenScope.READ)
    answer = visit.post("/sign-in", token=token, then=target)
    assert answer.headers["location"] == (target if is_ours else "/")


def test_a_link_on_another_site_is_followed_by_who_is_signed_in(
    visiting: MakeVisitor, url: str
) -> None:
    visit = visiting(url, open_reading=False)
    answer = visit.get("/models/m", **{"Sec-Fetch-Site": "cross-site"})
    # The browser did not send its cookie; the page asks again, and then it does.
    assert answer.status_code == 401
    assert '<meta http-equiv="refresh" content="0">' in answer.text
    assert visit.get("/models/m", **{"Sec-Fetch-Site": "same-origin"}).status_code == 303


def test_anyone_who_may_read_is_told_so(visiting: MakeVisitor, url: str) -> None:
    page = visiting(url)("/sign-in")
    assert addresses(page)["look at the models"] == "/"
    assert "look at the models" not in said(visiting(url, open_reading=False)("/sign-in"))
