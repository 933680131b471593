"""Signing in with a token, which a cookie keeps that no script can read."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from costdb.server.access import COOKIE, Visitor, require_same_site, visitor_of
from costdb.server.pages import links
from costdb.server.pages.rendering import page
from costdb.server.service import Service, Serving
from costdb.store.records import TokenRecord
from costdb.store.tokens import token_of

router = APIRouter()

# A browser forgets the cookie of a token that does not expire after so long.
_KEPT_SECONDS = 30 * 24 * 3600


@router.get("/sign-in")
def sign_in(request: Request, service: Serving, then: str = "/") -> Response:
    """The form, and what became of the token that the browser has."""
    return _form(request, service, then, _state(request, service))


@router.post("/sign-in")
def take_token(
    request: Request,
    service: Serving,
    token: Annotated[str, Form()] = "",
    then: Annotated[str, Form()] = "/",
) -> Response:
    """Keep a token, if it holds."""
    require_same_site(request)
    text = token.strip()
    found = token_of(service.engine, text)
    mistake = _mistake(found) if text else "Paste a token."
    if found is None or mistake:
        return _form(request, service, then, mistake, status=422)
    answer = RedirectResponse(_inside(then), 303)
    lasts = _KEPT_SECONDS
    if found.expires_at is not None:
        lasts = min(lasts, max(int((found.expires_at - datetime.now(UTC)).total_seconds()), 1))
    answer.set_cookie(
        COOKIE,
        text,
        max_age=lasts,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    """Forget the token."""
    require_same_site(request)
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(
        COOKIE, httponly=True, samesite="strict", secure=request.url.scheme == "https"
    )
    return answer


def _form(
    request: Request, service: Service, then: str, mistake: str, *, status: int = 200
) -> Response:
    return page(
        request,
        _signed_in(request, service),
        "sign_in.html",
        status=status,
        then=_inside(then),
        mistake=mistake,
        open_reading=service.configuration.open_reading,
        has_cookie=COOKIE in request.cookies,
    )


def _state(request: Request, service: Service) -> str:
    """What is wrong with the token that the browser has kept; empty if nothing is."""
    text = request.cookies.get(COOKIE)
    return _mistake(token_of(service.engine, text)) if text else ""


def _mistake(found: TokenRecord | None) -> str:
    if found is None:
        return "This is no token of this server."
    if found.revoked_at is not None:
        return f"The token {found.name} was revoked."
    if not found.holds(datetime.now(UTC)):
        return f"The token {found.name} has expired."
    return ""


def _signed_in(request: Request, service: Service) -> Visitor | None:
    try:
        return visitor_of(request, service)
    except HTTPException:
        return None


def _inside(then: str) -> str:
    return then if links.is_inside(then) else "/"
