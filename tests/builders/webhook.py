"""A server on this machine that keeps what it is sent."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Hook:
    """A webhook.

    Attributes:
        url: Where it is; its path is the secret.
        answers: The status codes of the next answers; 200 when they are used up.
        bodies: What it was sent.
        headers: The headers that came with it.
        paths: Where that was sent to.
    """

    url: str = ""
    answers: list[int] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Hook]:
    """A webhook that is up while the block runs."""
    kept = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            kept.bodies.append(json.loads(self.rfile.read(length)))
            kept.headers.append(dict(self.headers))
            kept.paths.append(self.path)
            code = kept.answers.pop(0) if kept.answers else 200
            self.send_response(code)
            if 300 <= code < 400:
                self.send_header("Location", f"{kept.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - http.server's name

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        kept.url = f"http://127.0.0.1:{server.server_port}/services/S3CRET"
        yield kept
        server.shutdown()
