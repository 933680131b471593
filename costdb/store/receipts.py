"""Receipts: what the server answered to a push, for a client that got no answer and asks again.

A receipt is written in the transaction that it is about, so that there is one exactly where a push
was kept.
"""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, delete, insert, select
from sqlalchemy.exc import IntegrityError

from costdb.errors import UsageError
from costdb.store.database import read_transaction
from costdb.store.schema import receipt

# Clients that got no answer ask again within minutes; a job that is started anew, within days.
KEPT_FOR = timedelta(days=7)


class AnsweredMeanwhile(Exception):
    """There is a receipt of this key already: another request with it came first."""


def receipt_key(token_name: str, key: str) -> str:
    """What a client's key is kept as: two tokens may use the same one."""
    return _digest(f"{token_name}\n{key}".encode("utf-8", "surrogatepass"))


def request_digest(body: bytes) -> str:
    """What a request is known by."""
    return _digest(body)


def answer_to(engine: Engine, key: str, request: str) -> str | None:
    """What was answered to a request before.

    Args:
        engine: The database.
        key: Of `receipt_key`.
        request: Of `request_digest`.

    Returns:
        The answer as it was given to `add_receipt`; None where there is none.

    Raises:
        UsageError: The key was used for another request.
        DatabaseUnavailable: The database cannot be read.
    """
    with read_transaction(engine) as connection:
        query = select(receipt.c.request, receipt.c.answer).where(receipt.c.key == key)
        row = connection.execute(query).one_or_none()
    if row is None:
        return None
    if row.request != request:
        raise UsageError(
            "this Idempotency-Key was used for another push", hint="make a new key for each push"
        )
    return str(row.answer)


def add_receipt(
    connection: Connection, key: str, request: str, answer: str, *, now: datetime
) -> None:
    """Keep what is answered to a request, and let go of receipts that nobody asks for any more.

    Args:
        connection: In the transaction that does what was requested.
        key: Of `receipt_key`.
        request: Of `request_digest`.
        answer: Any text.
        now: The time, aware.

    Raises:
        AnsweredMeanwhile: There is one; the transaction is to be given up.
    """
    connection.execute(delete(receipt).where(receipt.c.created_at < now - KEPT_FOR))
    row = {"key": key, "request": request, "answer": answer, "created_at": now}
    try:
        connection.execute(insert(receipt).values(row))
    except IntegrityError as error:
        raise AnsweredMeanwhile from error


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
