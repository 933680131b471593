"""Requests that may be sent again: what is written answers once for each key of a client."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

from fastapi import Header
from sqlalchemy import Connection

from costdb.server.access import Visitor
from costdb.server.answers import Json
from costdb.server.service import Service
from costdb.store.receipts import (
    AnsweredMeanwhile,
    add_receipt,
    answer_to,
    receipt_key,
    request_digest,
)

REPLAYED = "Idempotency-Replayed"

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="Any text that is new with each request. Sent again with the same body, it"
        f" gives the same answer, marked by the header {REPLAYED}.",
        min_length=1,
        max_length=255,
    ),
]


class Answer(NamedTuple):
    """What is answered."""

    document: dict[str, Any]
    status: int = 200


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is to be written with what a request does."""

    key: str
    request: str
    now: datetime

    def add(self, connection: Connection, answer: Answer) -> None:
        """Write it. Raises AnsweredMeanwhile, with which the transaction is to be given up."""
        add_receipt(connection, self.key, self.request, json.dumps(answer), now=self.now)


def once(
    service: Service,
    visitor: Visitor,
    key: str | None,
    request: bytes,
    act: Callable[[Receipt | None], Answer],
) -> Json:
    """Answer a request, or answer it again as it was answered.

    Args:
        service: Where.
        visitor: Who asks; keys are each token's own.
        key: The client's key; None to act in any case.
        request: What is asked.
        act: Does it, and adds the receipt, if one is given, in the transaction in which it writes.

    Raises:
        UsageError: The key was used for another request.
    """
    if key is None or visitor.name is None:
        return Json(*act(None))
    receipt = Receipt(receipt_key(visitor.name, key), request_digest(request), datetime.now(UTC))
    earlier = answer_to(service.engine, receipt.key, receipt.request)
    if earlier is None:
        try:
            return Json(*act(receipt))
        except AnsweredMeanwhile:
            earlier = answer_to(service.engine, receipt.key, receipt.request)
    assert earlier is not None  # noqa: S101 - receipts are kept for days
    document, status = json.loads(earlier)
    return Json(document, status, headers={REPLAYED: "true"})
