"""The style, the script and the icon of the pages, at addresses that change with their content."""

import hashlib
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from costdb.report.html.page import resource

router = APIRouter()

_FOLDER = files("costdb.server.pages") / "static"
_A_YEAR = 365 * 24 * 3600


@cache
def address(name: str) -> str:
    """Where a file is: `costdb.css`, `costdb.js` or `costdb.svg`."""
    stem, _, suffix = name.partition(".")
    digest = hashlib.sha256(_contents()[name][0]).hexdigest()[:16]
    return f"/static/{stem}-{digest}.{suffix}"


@router.get("/static/{name}")
def static(name: str) -> Response:
    """One of the files; it never changes at its address."""
    found = next((known for known in _contents() if address(known) == f"/static/{name}"), None)
    if found is None:
        raise HTTPException(404, "there is no such file")
    content, kind = _contents()[found]
    caching = f"public, max-age={_A_YEAR}, immutable"
    return Response(content, media_type=kind, headers={"Cache-Control": caching})


@cache
def _contents() -> dict[str, tuple[bytes, str]]:
    """Name -> content and media type. Reports and pages share most of their style."""
    style = str(resource("style.css")) + (_FOLDER / "pages.css").read_text(encoding="utf-8")
    return {
        "costdb.css": (style.encode(), "text/css"),
        "costdb.js": (resource("plot.js").encode(), "text/javascript"),
        "costdb.svg": ((_FOLDER / "icon.svg").read_bytes(), "image/svg+xml"),
    }
