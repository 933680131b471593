"""A web server on this machine, honest or not, that counts what it is asked."""

import base64
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO

USER = "user:secret"

# Longer than any test is ready to wait.
SLOW_SECONDS = 5


class WebServer(ThreadingHTTPServer):
    """Serves one file, under names that say how.

    `/model.bin` asks for a password; `/gone.bin` and `/forbidden.bin` are 404 and 403; `/dies.bin`
    breaks on reading; `/whole.bin` knows no ranges, `/shy.bin` says that it knows none, and
    `/endless.bin` no size; `/slow.bin` never answers; `/cut.bin` sends less than it says;
    `/moved.bin` leads to `/any.bin` of another port, `/down.bin` to an unencrypted server. Any
    other name is served as it should be.

    Attributes:
        file: What is served.
        sent: The bytes of each answer to a GET, in turn, as far as they are taken.
        requests: How often anything was asked.
        queries: What stood behind a question mark.
        elsewhere: Where `/moved.bin` leads to.
    """

    daemon_threads = True

    def __init__(self, file: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.file = file
        self.sent: list[int] = []
        self.requests = 0
        self.queries: set[str] = set()
        self.elsewhere = ""

    def handle_error(self, *_: object) -> None:
        """Whoever asked may be gone by the time of the answer."""

    def url(self, path: str, *, secret: bool = True) -> str:
        """The address of a file, by default with a password and a query."""
        if not secret:
            return f"http://127.0.0.1:{self.server_port}{path}"
        return f"http://{USER}@127.0.0.1:{self.server_port}{path}?sig=secret"


@contextmanager
def serving(file: Path) -> Iterator[WebServer]:
    """A server that runs."""
    with WebServer(file) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: WebServer
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        path, _, query = self.path.partition("?")
        self.server.requests += 1
        self.server.queries.add(query)
        if path == "/slow.bin":
            time.sleep(SLOW_SECONDS)
        status = self._status(path, with_body=with_body)
        size = self.server.file.stat().st_size
        start, end = 0, size if status in {200, 206} else 0
        if status == 206:
            asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"])
            assert asked
            start, end = int(asked[1]), min(int(asked[2]) + 1, size)
        self.send_response(status)
        self._headers(path, status, end - start, f"bytes {start}-{end - 1}/{size}")
        if with_body:
            with self.server.file.open("rb") as file:
                self._send(file, start, end - (9 if path == "/cut.bin" else 0))

    def _status(self, path: str, *, with_body: bool) -> int:
        fixed = {"/gone.bin": 404, "/forbidden.bin": 403, "/moved.bin": 302, "/down.bin": 302}
        if path in fixed:
            return fixed[path]
        password = "Basic " + base64.b64encode(USER.encode()).decode()
        if path == "/model.bin" and self.headers["Authorization"] != password:
            return 401
        if path == "/dies.bin" and with_body:
            return 500
        knows_ranges = path not in {"/whole.bin", "/shy.bin"}
        return 206 if self.headers["Range"] and with_body and knows_ranges else 200

    def _headers(self, path: str, status: int, length: int, content_range: str) -> None:
        if path == "/moved.bin":
            self.send_header("Location", self.server.elsewhere)
        if path == "/down.bin":
            # A name of this machine that is no loopback address to whoever reads it.
            self.send_header("Location", f"http://0.0.0.0:{self.server.server_port}/any.bin")
        if status == 206:
            self.send_header("Content-Range", content_range)
        if path == "/shy.bin":
            self.send_header("Accept-Ranges", "none")
        if path == "/endless.bin" and status == 200:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def _send(self, file: IO[bytes], start: int, end: int) -> None:
        self.server.sent.append(end - start)
        file.seek(start)
        try:
            while piece := file.read(min(1 << 16, end - file.tell())):
                self.wfile.write(piece)
        except OSError:
            # Whoever asked has heard enough.
            self.close_connection = True
        if self.path.startswith("/cut.bin"):
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass
