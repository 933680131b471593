"""Web servers on this machine that answer as they are told, or lose the answers of others."""

import http.client
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server says; nothing at all where the status is None."""

    status: int | None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


LOST = Answer(None)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a server was asked."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class AnsweringServer(ThreadingHTTPServer):
    """Gives its answers in turn, the last one again and again.

    Attributes:
        asked: What it was asked, in turn.
        url: Where it is.
    """

    daemon_threads = True

    def __init__(self, answers: Sequence[Answer], certificate: str | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = list(answers)
        self.asked: list[Asked] = []
        scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self.server_port}"

    def answer(self, asked: Asked) -> Answer:
        """What is said to a request."""
        self.asked.append(asked)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def handle_error(self, *_: object) -> None:
        """Whoever asked may be gone, or refuse the certificate."""


class LosingServer(AnsweringServer):
    """Lets another server do what it is asked, and loses the first answers.

    Attributes:
        losses: How many it loses from now on.
    """

    def __init__(self, behind: str, losses: int) -> None:
        super().__init__([LOST], None)
        self.behind = urlsplit(behind).netloc
        self.losses = losses

    def answer(self, asked: Asked) -> Answer:
        """What the other server says, unless that is lost."""
        self.asked.append(asked)
        connection = http.client.HTTPConnection(self.behind, timeout=60)
        connection.request(asked.method, asked.path, asked.body, dict(asked.headers))
        response = connection.getresponse()
        body = response.read()
        connection.close()
        if self.losses:
            self.losses -= 1
            return LOST
        kept = {"content-type", "content-encoding"}
        headers = {name: value for name, value in response.getheaders() if name.lower() in kept}
        return Answer(response.status, body, headers)


@contextmanager
def answering(*answers: Answer, certificate: str | None = None) -> Iterator[AnsweringServer]:
    """A server that gives these answers; over HTTPS with a certificate's file."""
    with running(AnsweringServer(answers, certificate)) as server:
        yield server


@contextmanager
def losing(behind: str, losses: int) -> Iterator[LosingServer]:
    """A server that loses so many answers of another one."""
    server = LosingServer(behind, losses)
    with running(server):
        yield server


@contextmanager
def running(server: AnsweringServer) -> Iterator[AnsweringServer]:
    """A server while it runs."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: AnsweringServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.answer(Asked(self.command, self.path, headers, body))
        if answer.status is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        pass
