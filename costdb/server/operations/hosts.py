"""Which names a request may ask for."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from costdb.server.operations.refusing import refusal


class HostNames:
    """Middleware that answers to some names alone.

    Without it, a page of a hostile site whose name leads to this machine's address could have a
    browser read what only this machine's users may.

    Args:
        app: What is behind it.
        names: The names, without a port.
    """

    def __init__(self, app: ASGIApp, names: tuple[str, ...]) -> None:
        self.app = app
        self.names = frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            host = Headers(scope=scope).get("host", "")
            name, colon, port = host.rpartition(":")
            if (name if colon and port.isdecimal() else host).lower() not in self.names:
                answer = refusal(
                    421,
                    "this server answers to users of its own machine",
                    f"ask it at {min(self.names)}, or say --closed or --open-reading",
                )
                await answer(scope, receive, send)
                return
        await self.app(scope, receive, send)
