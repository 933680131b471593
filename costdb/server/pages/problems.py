"""Errors as pages, for whoever asks for a page."""

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from costdb.errors import CostdbError, UsageError
from costdb.server.access import COOKIE
from costdb.server.pages import links
from costdb.server.pages.rendering import here, page
from costdb.server.problems import answer_error, as_costdb_error, status_of, told

_TITLES = {
    403: "This is not for you",
    404: "There is no such thing",
    405: "This cannot be done here",
    409: "This clashes with what is there",
    413: "This is too large",
    422: "This cannot be understood",
    429: "This is too often",
    503: "The database cannot be reached",
}


async def answer(request: Request, error: Exception) -> Response:
    """An exception handler: a page for a browser, JSON for everyone else."""
    if not _wants_page(request):
        return await answer_error(request, error)
    if isinstance(error, HTTPException):
        if error.status_code == 401:
            return _unauthorized(request)
        told_of = _problem(request, str(error.detail), "", error.status_code)
        told_of.headers.update(error.headers or {})
        return told_of
    if isinstance(error, RequestValidationError):
        mistake: CostdbError = UsageError(as_costdb_error(error).message)
    else:
        assert isinstance(error, CostdbError)  # noqa: S101 - registered for these alone
        mistake = told(error, request)
    return _problem(request, mistake.message, mistake.hint, status_of(mistake))


def _wants_page(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return "text/html" in accepted and not request.url.path.startswith("/api/")


def _problem(request: Request, message: str, hint: str, status: int) -> Response:
    title = _TITLES.get(status, "This could not be done")
    return page(
        request, None, "problem.html", status=status, title=title, message=message, hint=hint
    )


def _unauthorized(request: Request) -> Response:
    """Lead to where one signs in, and from there back here."""
    if _may_have_cookie(request):
        return page(request, None, "arriving.html", status=401)
    then = here(request) if request.method == "GET" else "/"
    return RedirectResponse(links.sign_in(then), 303)


def _may_have_cookie(request: Request) -> bool:
    """Whether the browser may have kept the cookie to itself, as a link on another site led here.

    It sends it with what a page of this server asks for, so the page that says so asks again.
    """
    came_from = request.headers.get("sec-fetch-site")
    return request.method == "GET" and came_from == "cross-site" and COOKIE not in request.cookies
