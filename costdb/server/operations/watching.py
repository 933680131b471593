"""Each request gets a number, a line in the log, and a place in the metrics."""

import asyncio
import logging
import re
import time
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from costdb.server.operations.health import PROBES
from costdb.server.operations.log import FIELDS, logger
from costdb.server.operations.metrics import Metrics
from costdb.server.operations.refusing import refusal

HEADER = "x-request-id"

# A proxy's own number is kept, so that both logs can be read together.
_NUMBER = re.compile(r"[A-Za-z0-9._-]{1,64}")

# How a request is counted that no route is for: its path is anyone's text.
NO_ROUTE = "none"
_MAX_PATH = 200

# Nobody is there to read an answer; nginx made the number for its log.
CLIENT_GONE = 499


class Watching:
    """Middleware that watches requests; a bug becomes a line in the log and an answer without it.

    Args:
        app: What is behind it.
        metrics: Where requests are counted.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start = time.perf_counter()
        request = Headers(scope=scope).get(HEADER, "")
        number = request if _NUMBER.fullmatch(request) else uuid4().hex
        status = 0

        async def send_watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = number
            await send(message)

        try:
            await self.app(scope, receive, send_watched)
        except ClientDisconnect:
            status = status or CLIENT_GONE
        except asyncio.CancelledError:
            # What takes longer than the server may still run: uvicorn.Config's
            # timeout_graceful_shutdown. 503 would say that nothing was done.
            if status:
                raise
            answer = refusal(504, "the server is ending", "ask again", retry_after="5")
            await answer(scope, receive, send_watched)
        except Exception:
            logger.exception("a bug in costdb", extra={FIELDS: {"request": number}})
            if status:
                # Half of an answer is out: only a broken connection says that it is no whole one.
                raise
            answer = refusal(500, "something broke here", f"the log says what, at {number}")
            await answer(scope, receive, send_watched)
        finally:
            self._note(scope, number, status, time.perf_counter() - start)

    def _note(self, scope: Scope, number: str, status: int, seconds: float) -> None:
        route = _route(scope)
        self.metrics.answered(scope["method"], route, status, seconds)
        service = getattr(scope["app"].state, "service", None)
        if service is not None:
            self.metrics.observe_pool(service.engine)
        fields = {
            "request": number,
            "method": scope["method"][:_MAX_PATH],
            "route": route,
            "path": scope["path"][:_MAX_PATH],
            "status": status,
            "milliseconds": round(1000 * seconds, 1),
            "token": scope.get("state", {}).get("token_name"),
            "client": scope["client"][0] if scope["client"] else None,
        }
        is_dull = route in PROBES and status < 500
        logger.log(logging.DEBUG if is_dull else logging.INFO, "request", extra={FIELDS: fields})


def _route(scope: Scope) -> str:
    """The template of the route that answered."""
    # FastAPI's routers keep their prefix to themselves, and the whole template there.
    whole = scope.get("fastapi", {}).get("effective_route_context")
    template: str | None = getattr(whole or scope.get("route"), "path_format", None)
    # A mounted folder of files has no templates: all of it counts as one route.
    return template or scope.get("root_path") or NO_ROUTE
