"""Tokens for the server. The database keeps the digest of a secret; the secret is shown once."""

import hashlib
import hmac
import secrets
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Engine, RowMapping, insert, select, update
from sqlalchemy.exc import IntegrityError

from costdb.errors import NotInDatabase, UsageError
from costdb.store.database import read_transaction, write_transaction
from costdb.store.names import check_token_name
from costdb.store.records import TokenRecord, TokenScope
from costdb.store.schema import token

# What a token begins with, so that scanners for leaked secrets know it.
PREFIX = "costdb"
_SECRET_BYTES = 32


def create_token(
    engine: Engine,
    name: str,
    scope: TokenScope,
    *,
    model_glob: str = "*",
    expires_at: datetime | None = None,
    now: datetime,
) -> tuple[TokenRecord, str]:
    """Make a token.

    Args:
        engine: The database.
        name: Whose it is; no other token has it.
        scope: What it allows.
        model_glob: Of which models.
        expires_at: From when on it allows nothing, aware; None for never.
        now: The time, aware.

    Returns:
        The token, and the text that whoever uses it sends. Nothing can show that text again.

    Raises:
        UsageError: There is one of this name, the name is not allowed, or it expires at once.
        DatabaseUnavailable: The database cannot be written.
    """
    check_token_name(name)
    if expires_at is not None and expires_at <= now:
        raise UsageError(
            f"the token {name!r} would be expired at once", hint="name a time that is to come"
        )
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    values = {
        "name": name,
        "hash": _digest(secret),
        "scope": scope.value,
        "model_glob": model_glob,
        "created_at": now,
        "expires_at": expires_at,
    }
    try:
        with write_transaction(engine) as connection:
            connection.execute(insert(token).values(values))
    except IntegrityError as error:
        raise UsageError(
            f"there is a token {name!r} already", hint="name it otherwise; revoked ones keep theirs"
        ) from error
    record = TokenRecord(name, scope, model_glob, now, expires_at, None)
    return record, f"{PREFIX}_{secret}"


def tokens(engine: Engine) -> list[TokenRecord]:
    """Every token, revoked ones too, in the order of their making.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    with read_transaction(engine) as connection:
        rows = connection.execute(select(token).order_by(token.c.id)).mappings().all()
    return list(map(_record, rows))


def revoke_token(engine: Engine, name: str, *, now: datetime) -> TokenRecord:
    """Take a token back; one that was revoked before stays as it was.

    Raises:
        NotInDatabase: There is no such token.
        DatabaseUnavailable: The database cannot be written.
    """
    with write_transaction(engine) as connection:
        row = connection.execute(select(token).where(token.c.name == name)).mappings().one_or_none()
        if row is None:
            raise NotInDatabase(f"there is no token {name!r}", hint="costdb token list")
        found = _record(row)
        if found.revoked_at is not None:
            return found
        connection.execute(update(token).where(token.c.name == name).values(revoked_at=now))
    return replace(found, revoked_at=now)


def token_of(engine: Engine, text: str) -> TokenRecord | None:
    """The token that a text is, revoked or expired ones too; None if it is none.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    prefix, _, secret = text.partition("_")
    if prefix != PREFIX:
        return None
    digest = _digest(secret)
    with read_transaction(engine) as connection:
        query = select(token).where(token.c.hash == digest)
        row = connection.execute(query).mappings().one_or_none()
    if row is None or not hmac.compare_digest(row["hash"], digest):
        return None
    return _record(row)


def _digest(secret: str) -> str:
    """A secret of 256 random bits needs no slow hash: there is nothing to guess."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _record(row: RowMapping) -> TokenRecord:
    return TokenRecord(
        name=row["name"],
        scope=TokenScope(row["scope"]),
        model_glob=row["model_glob"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )
