"""A page out of a template, with what every page has: where one is, and who one is."""

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from costdb import __version__
from costdb.report.html.page import environment
from costdb.server.access import Visitor
from costdb.server.pages import links, static

_PACKAGE = "costdb.server.pages"

# What a visitor sees may be for them alone, and is asked for anew each time.
_HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Cookie"}


def page(
    request: Request, visitor: Visitor | None, template: str, *, status: int = 200, **context: Any
) -> HTMLResponse:
    """A template's HTML. Every value is escaped unless it is Markup already.

    Args:
        request: What was asked for.
        visitor: Who asked; None where that is not known.
        template: Its file.
        status: The HTTP status.
        context: What the template shows.
    """
    text = (
        environment(_PACKAGE)
        .get_template(template)
        .render(
            links=links,
            static=static.address,
            version_of_costdb=__version__,
            path=request.url.path,
            here=here(request),
            visitor=visitor,
            **context,
        )
    )
    return HTMLResponse(text, status, headers=_HEADERS)


def here(request: Request) -> str:
    """The address that was asked for, without the server's."""
    query = request.url.query
    path = request.scope.get("raw_path", b"").decode("ascii", "replace") or request.url.path
    return f"{path}?{query}" if query else path
