"""How routes are told which model and version are meant, and who may know."""

from typing import Annotated
from urllib.parse import unquote

from fastapi import Path, Query
from pydantic import AfterValidator, Field
from starlette.types import ASGIApp, Receive, Scope, Send

from costdb.server.access import Visitor
from costdb.server.service import Service
from costdb.sides import Side, version_side
from costdb.store import read
from costdb.store.names import LONGEST_BRANCH, LONGEST_NAME, check_model
from costdb.store.records import TokenScope, VersionRecord
from costdb.store.stored import version_cost

# Visible text: a database has no NUL.
VISIBLE = r"^[^\x00-\x20\x7f]+$"

SLUG = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


def _decoded(part: str) -> str:
    """A part of a path as it was before it was encoded."""
    name = unquote(part)
    if not name.isprintable():
        raise ValueError("a name is visible text")
    return name


Model = Annotated[str, Path(description="The model's name.", pattern=SLUG, max_length=LONGEST_NAME)]
# In the path as it was sent, so that "/" can be part of a tag: `EncodedPaths`.
Version = Annotated[
    str,
    Path(
        description='A tag or an alias, percent-encoded, "/" as well.',
        min_length=1,
        max_length=12 * LONGEST_NAME,
    ),
    AfterValidator(_decoded),
]
ModelAsked = Annotated[
    str, Query(description="The model's name.", pattern=SLUG, max_length=LONGEST_NAME)
]
# `MODEL@TAG`: the longest names, and what is between them.
_LONGEST_VERSION = 2 * LONGEST_NAME + 1
VersionName = Annotated[str, Field(pattern=VISIBLE, max_length=_LONGEST_VERSION)]
VersionAsked = Annotated[
    VersionName,
    Query(
        description="MODEL@TAG, MODEL@ALIAS, or MODEL for its latest version.",
        examples=["detector@v7"],
    ),
]
Branch = Annotated[
    str | None, Query(description="The branch.", pattern=VISIBLE, max_length=LONGEST_BRANCH)
]
Point = Annotated[
    str | None,
    Query(description="The operating point.", pattern=VISIBLE, max_length=LONGEST_NAME),
]


class EncodedPaths:
    """Middleware that leaves the paths of versions as they were sent: "%2F" is not "/".

    Args:
        app: What is behind it.
        prefix: What such paths begin with.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self.app = app
        self.prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["path"].startswith(self.prefix):
            scope["path"] = scope["raw_path"].decode("latin-1")
        await self.app(scope, receive, send)


def require_model(visitor: Visitor, scope: TokenScope, model: str) -> None:
    """See that a visitor may do something to a model, whether or not there is one.

    Raises:
        UsageError: None can be called so.
        AccessDenied: They may not.
    """
    visitor.require(scope, check_model(model))


def resolved(service: Service, visitor: Visitor, name: str) -> VersionRecord:
    """The version that `MODEL@TAG`, `MODEL@ALIAS` or `MODEL` stands for, if a visitor may read it.

    Raises:
        UsageError: No model can be called so.
        AccessDenied: They may not.
        NotInDatabase: There is no such version.
    """
    require_model(visitor, TokenScope.READ, name.partition("@")[0])
    return read.resolve(service.engine, name)


def version_named(service: Service, visitor: Visitor, name: str) -> Side:
    """The same as something to compare with. Raises as `resolved`."""
    engine = service.engine
    return version_side(
        name,
        lambda name: resolved(service, visitor, name),
        lambda version, point: version_cost(engine, version, point),
    )
