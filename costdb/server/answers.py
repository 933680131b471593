"""Answers as JSON, and bodies of requests."""

from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import JSONResponse

from costdb.report.escape import json_text


class Json(JSONResponse):
    """A document as `json.dumps` writes it: any name of a layer, whatever a string can hold."""

    def render(self, content: Any) -> bytes:
        """The text, in ASCII."""
        return json_text(content, indent=None).encode("ascii")


async def _body(request: Request) -> bytes:
    return await request.body()


# A body as it was sent. It is parsed by the route, which runs in a thread of its own: a large one
# would keep every other request waiting.
BodyBytes = Annotated[bytes, Depends(_body)]
