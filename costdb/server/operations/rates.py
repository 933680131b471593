"""How often one client may ask."""

import hashlib
import ipaddress
import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from costdb.server.access import COOKIE
from costdb.server.operations.refusing import refusal

# Probes must not fail because somebody else at the same address asks too often.
UNLIMITED = frozenset({"/healthz", "/readyz"})

# All addresses of such a network of IPv6 may be one client's.
_IPV6_PREFIX = 64


class RateLimit:
    """Middleware that counts requests for each token, and without one for each address.

    A token counts for itself once it was found to be one. Guesses count for the address that they
    come from, so that nobody can try one after the other.

    Args:
        app: What is behind it.
        per_minute: How many requests a client may send in any minute.
    """

    def __init__(self, app: ASGIApp, per_minute: int) -> None:
        self.app = app
        self._item = RateLimitItemPerMinute(per_minute)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._tokens: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] in UNLIMITED:
            await self.app(scope, receive, send)
            return
        token = _token(Request(scope))
        client = token if token in self._tokens else _network(scope)
        if not self._limiter.hit(self._item, client):
            await self._refuse(client, scope, receive, send)
            return
        await self.app(scope, receive, send)
        if "token_name" in scope.get("state", {}):
            self._tokens.add(token)

    async def _refuse(self, client: str, scope: Scope, receive: Receive, send: Send) -> None:
        reset = self._limiter.get_window_stats(self._item, client).reset_time
        seconds = max(1, math.ceil(reset - time.time()))
        answer = refusal(
            429,
            f"more than {self._item.amount} requests in a minute",
            f"ask again in {seconds} s",
            retry_after=str(seconds),
        )
        await answer(scope, receive, send)


def _token(request: Request) -> str:
    """What tells tokens apart, and tells none."""
    # "bearer  x" is "Bearer x": else each way to write a token could ask as often as one client.
    words = request.headers.get("authorization", "").split() or [request.cookies.get(COOKIE, "")]
    return hashlib.sha256(words[-1].encode("utf-8", "surrogatepass")).hexdigest()


def _network(scope: Scope) -> str:
    """Who asks, as far as addresses tell."""
    host: str = scope["client"][0] if scope["client"] else "nowhere"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 4:
        return host
    return str(ipaddress.ip_network((int(address), _IPV6_PREFIX), strict=False))
