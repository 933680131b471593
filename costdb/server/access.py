"""Who asks, and what they may: by a token in the `Authorization` header, or in a page's cookie."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPBearer

from costdb.errors import AccessDenied
from costdb.server.service import Service, Serving
from costdb.store.records import TokenRecord, TokenScope
from costdb.store.tokens import token_of

COOKIE = "costdb_token"

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

# Documents in the OpenAPI description that there are tokens; `_token_text` reads them.
bearer = HTTPBearer(auto_error=False, description="What `costdb token create` printed.")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever sent a request.

    Attributes:
        token: What they showed; None for a visitor who may read because anyone may.
        open_reading: Whether anyone may read.
    """

    token: TokenRecord | None
    open_reading: bool

    @property
    def name(self) -> str | None:
        """Whose token it is; None without one."""
        return None if self.token is None else self.token.name

    @property
    def may_read_all(self) -> bool:
        """Whether they may read of every model, whatever it is called."""
        return self.open_reading or (self.token is not None and self.token.model_glob == "*")

    def may(self, scope: TokenScope, model: str | None = None) -> bool:
        """Whether they may do something, to a model if one is given."""
        if scope is TokenScope.READ and self.open_reading:
            return True
        if self.token is None or not self.token.scope.includes(scope):
            return False
        return model is None or fnmatchcase(model, self.token.model_glob)

    def require(self, scope: TokenScope, model: str | None = None) -> None:
        """See that they may.

        Raises:
            HTTPException: 401: that takes a token, and they showed none.
            AccessDenied: Their token does not allow it.
        """
        if self.may(scope, model):
            return
        if self.token is None:
            raise unauthorized("this takes a token: Authorization: Bearer ...")
        if not self.token.scope.includes(scope):
            raise AccessDenied(
                f"this takes a token of scope {scope.value!r}",
                hint="ask whoever runs the server for: costdb token create NAME"
                f" --scope {scope.value}",
            )
        raise AccessDenied(
            f"the token {self.token.name!r} is for {self.token.model_glob!r}, not for {model!r}",
            hint="use the token of that model",
        )


def unauthorized(reason: str) -> HTTPException:
    """Nobody who may ask showed up: 401, with the way to show who one is."""
    return HTTPException(401, reason, headers={"WWW-Authenticate": "Bearer"})


def visitor_of(request: Request, service: Service) -> Visitor:
    """Who sent a request.

    Raises:
        HTTPException: 401: the token is none, was revoked or has expired.
        AccessDenied: A page of another site sent it.
    """
    text = _token_text(request)
    open_reading = service.configuration.open_reading
    request.state.may_read_all = open_reading  # for what errors say
    if text is None:
        return Visitor(None, open_reading)
    found = token_of(service.engine, text)
    if found is None:
        raise unauthorized("this is no token of this server")
    if not found.holds(datetime.now(UTC)):
        how = "was revoked" if found.revoked_at is not None else "has expired"
        raise unauthorized(f"the token {found.name!r} {how}")
    request.state.token_name = found.name  # for the log, and for limits by token
    visitor = Visitor(found, open_reading)
    request.state.may_read_all = visitor.may_read_all
    return visitor


def _token_text(request: Request) -> str | None:
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    if kind:
        if kind.lower() != "bearer":
            raise unauthorized("only bearer tokens are known here")
        return text.strip()
    cookie = request.cookies.get(COOKIE)
    if cookie is not None and request.method not in _SAFE_METHODS:
        require_same_site(request)
    return cookie


def require_same_site(request: Request) -> None:
    """A browser sends the cookie along with what any page makes it send. Raises AccessDenied."""
    origin = request.headers.get("origin")
    # "https://costs.example:8765", or "null" of a page that has no origin.
    if origin is None or origin.partition("://")[2] != request.headers.get("host"):
        raise AccessDenied("this came from a page of another site", hint="use the page of costdb")


def _require(scope: TokenScope) -> Callable[..., Visitor]:
    def visitor(request: Request, service: Serving) -> Visitor:
        found = visitor_of(request, service)
        found.require(scope)
        return found

    return visitor


# What a route asks for as a parameter. Routes about one model ask `require(scope, model)` besides.
Reader = Annotated[Visitor, Depends(_require(TokenScope.READ))]
Ingester = Annotated[Visitor, Depends(_require(TokenScope.INGEST))]
Administrator = Annotated[Visitor, Depends(_require(TokenScope.ADMIN))]
