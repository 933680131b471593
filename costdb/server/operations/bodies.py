"""Bodies of requests: so large at most, sent within a time, inflated here, large ones in turn."""

import asyncio
import zlib
from contextlib import suppress

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from costdb.server.operations.refusing import refusal

# gzip, and nothing else: docs.python.org/3/library/zlib.html#zlib.decompress
_GZIP_WINDOW = 31

_CLOSE = {"connection": "close"}

# From there on a body waits for its turn: reading and counting JSON takes some 20 times its size,
# at worst 30 times, and Python's lock lets one at a time do that anyway.
LARGE_BYTES = 1 << 20
_LARGE_AT_ONCE = 1
_SECONDS_TO_NEXT_TRY = 5


class BodyLimit:
    """Middleware that refuses bodies that are too large or too slow; large ones take turns.

    What is behind it sees a body as it was before it was compressed.

    Args:
        app: What is behind it.
        max_bytes: The largest body, as it is sent and inflated.
        seconds: How long a client may take to send it, and how long a large one waits for its turn.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, seconds: float) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.seconds = seconds
        self._turns = asyncio.Semaphore(_LARGE_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        encoding = headers.get("content-encoding", "identity").strip().lower()
        is_gzip = encoding == "gzip"
        body = _Body(receive, self.max_bytes, self.seconds, self._turns, is_gzip=is_gzip)
        if encoding not in {"gzip", "identity"}:
            answer = refusal(415, f"a body cannot be {encoding[:20]!r}", "send it as gzip")
            await answer(scope, receive, send)
            return
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > self.max_bytes:
            await body.let_pass()
            answer = refusal(413, _too_large(self.max_bytes), _SMALLER, **_CLOSE)
            await answer(scope, receive, send)
            return
        if is_gzip:
            scope["headers"] = [
                (name, value)
                for name, value in scope["headers"]
                if name not in {b"content-encoding", b"content-length"}
            ]

        async def send_noting(message: Message) -> None:
            body.answered()
            await send(message)

        try:
            await self.app(scope, body.receive, send_noting)
        finally:
            body.answered()


_SMALLER = "ask whoever runs the server to raise --max-body"


def _too_large(max_bytes: int) -> str:
    return f"the body is larger than {max_bytes:,} bytes"


class _Body:
    """The body of one request as it comes in."""

    def __init__(
        self,
        receive: Receive,
        max_bytes: int,
        seconds: float,
        turns: asyncio.Semaphore,
        *,
        is_gzip: bool,
    ) -> None:
        self._receive = receive
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._deadline = asyncio.get_running_loop().time() + seconds
        self._turns = turns
        self._inflater = zlib.decompressobj(_GZIP_WINDOW) if is_gzip else None
        self._has_turn = False
        self._is_answered = False
        self._is_complete = False
        self._sent = 0
        self._inflated = 0

    def answered(self) -> None:
        """Note that an answer is on its way: none can be given of the body, and its turn is over.

        Who takes an answer slowly keeps nobody waiting.
        """
        self._is_answered = True
        if self._has_turn:
            self._has_turn = False
            self._turns.release()

    async def receive(self) -> Message:
        """The next piece, inflated.

        Raises:
            HTTPException: The body is too large or too slow, no gzip, or had to wait too long.
        """
        try:
            return await self._next()
        except HTTPException:
            if self._is_answered:
                return {"type": "http.disconnect"}
            raise

    async def _next(self) -> Message:
        if self._is_complete:
            # What is yet to come is that the client is gone.
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, "the body took too long", headers=_CLOSE) from None
        if message["type"] != "http.request":
            return message
        self._is_complete = not message.get("more_body", False)
        piece: bytes = message.get("body", b"")
        self._sent += len(piece)
        if self._inflater is not None and self._sent > 0:
            piece = await self._inflate(self._inflater, piece)
        if max(self._sent, self._inflated) > self._max_bytes:
            await self.let_pass()
            raise HTTPException(413, _too_large(self._max_bytes), headers=_CLOSE)
        if self._sent > LARGE_BYTES:
            await self._take_turn()
        return {"type": "http.request", "body": piece, "more_body": not self._is_complete}

    async def let_pass(self) -> None:
        """Take what is still being sent, up to as much again: who is cut off reads no answer."""
        passed = 0
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._deadline):
                while not self._is_complete and passed <= self._max_bytes:
                    message = await self._receive()
                    passed += len(message.get("body", b""))
                    self._is_complete = not message.get("more_body", False)

    async def _take_turn(self) -> None:
        """Wait until it may be large; nothing is received meanwhile, and the client has to wait."""
        if self._has_turn or self._is_answered:
            return
        start = asyncio.get_running_loop().time()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._seconds):
                self._has_turn = await self._turns.acquire()
        self._deadline += asyncio.get_running_loop().time() - start
        if not self._has_turn:
            await self.let_pass()
            headers = {**_CLOSE, "retry-after": str(_SECONDS_TO_NEXT_TRY)}
            raise HTTPException(503, "other large requests come first", headers=headers)

    async def _inflate(self, inflater: "zlib._Decompress", piece: bytes) -> bytes:
        """What a piece becomes, no more than one byte over what is allowed."""
        inflated = b""
        # A piece of some kilobytes may become the largest body: not before its turn.
        if self._inflated <= LARGE_BYTES:
            inflated = self._inflate_up_to(LARGE_BYTES, inflater, piece)
            piece = inflater.unconsumed_tail
        if LARGE_BYTES < self._inflated <= self._max_bytes:
            await self._take_turn()
            inflated += self._inflate_up_to(self._max_bytes, inflater, piece)
        if self._inflated <= self._max_bytes and (
            inflater.unused_data or (self._is_complete and not inflater.eof)
        ):
            raise HTTPException(400, "the body is no whole gzip file", headers=_CLOSE)
        return inflated

    def _inflate_up_to(self, most: int, inflater: "zlib._Decompress", piece: bytes) -> bytes:
        """What a piece becomes, until all that was inflated is a byte more than that."""
        try:
            inflated = inflater.decompress(piece, most - self._inflated + 1)
        except zlib.error as error:
            raise HTTPException(400, "the body is no gzip", headers=_CLOSE) from error
        self._inflated += len(inflated)
        return inflated
