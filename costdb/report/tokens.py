"""Tokens, without their secrets, as listings and as JSON: `costdb.tokens/1`, `costdb.token/1`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from costdb.report.listing import Column, Listing
from costdb.store.records import TokenRecord

_COLUMNS = ("name", "scope", "models", "state", "created", "expires", "revoked")


def tokens_listing(tokens: Sequence[TokenRecord], now: datetime) -> Listing:
    """A row for each token.

    Args:
        tokens: In this order.
        now: The time at which they hold or do not, aware.
    """
    return Listing(
        tuple(map(Column, _COLUMNS)),
        [_row(one, now) for one in tokens],
        footer=() if tokens else ("none yet: costdb token create NAME --scope ingest",),
    )


def tokens_document(tokens: Sequence[TokenRecord], now: datetime) -> dict[str, Any]:
    """The same as JSON."""
    return {"schema": "costdb.tokens/1", "tokens": [_document(one, now) for one in tokens]}


def token_document(token: TokenRecord, now: datetime) -> dict[str, Any]:
    """One token as JSON."""
    return {"schema": "costdb.token/1", **_document(token, now)}


def token_sentence(token: TokenRecord) -> str:
    """What a token is: "ci: ingest, models 'detector*', until 2027-01-01 00:00 UTC"."""
    models = "every model" if token.model_glob == "*" else f"models {token.model_glob!r}"
    until = "" if token.expires_at is None else f", until {_moment(token.expires_at)}"
    return f"{token.name}: {token.scope.value}, {models}{until}"


def _row(token: TokenRecord, now: datetime) -> tuple[str | None, ...]:
    return (
        token.name,
        token.scope.value,
        token.model_glob,
        _state(token, now),
        _moment(token.created_at),
        "never" if token.expires_at is None else _moment(token.expires_at),
        None if token.revoked_at is None else _moment(token.revoked_at),
    )


def _document(token: TokenRecord, now: datetime) -> dict[str, Any]:
    return {
        "name": token.name,
        "scope": token.scope.value,
        "models": token.model_glob,
        "state": _state(token, now),
        "created_at": token.created_at.isoformat(),
        "expires_at": token.expires_at and token.expires_at.isoformat(),
        "revoked_at": token.revoked_at and token.revoked_at.isoformat(),
    }


def _state(token: TokenRecord, now: datetime) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "in force" if token.holds(now) else "expired"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
