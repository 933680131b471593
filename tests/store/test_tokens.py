"""Tokens: shown once, kept as digests, and gone when they are over."""

import re
from datetime import timedelta

import pytest
from builders.analyses import NOW

from costdb.errors import NotInDatabase, UsageError
from costdb.store import Store, schema
from costdb.store.database import read_transaction
from costdb.store.records import TokenRecord, TokenScope
from costdb.store.tokens import create_token, revoke_token, token_of, tokens

LATER = NOW + timedelta(days=1)


def test_what_is_made_is_found_by_its_text(store: Store) -> None:
    about = {"model_glob": "det*", "expires_at": LATER}
    record, text = create_token(store.engine, "ci", TokenScope.INGEST, **about, now=NOW)  # type: ignore[arg-type] # one dictionary for both
    assert record == TokenRecord("ci", TokenScope.INGEST, "det*", NOW, LATER, None)
    assert token_of(store.engine, text) == record
    assert tokens(store.engine) == [record]
    assert re.fullmatch(r"costdb_[A-Za-z0-9_-]{43}", text)  # 256 random bits


def test_its_text_is_nowhere_in_the_database(store: Store) -> None:
    _, text = create_token(store.engine, "ci", TokenScope.READ, now=NOW)
    with read_transaction(store.engine) as connection:
        (row,) = connection.execute(schema.token.select()).all()
    assert text.partition("_")[2] not in str(row)
    assert "ci" in str(row)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda _: "", id="nothing"),
        pytest.param(lambda text: text[:-1], id="cut off"),
        pytest.param(lambda text: text + "x", id="too long"),
        pytest.param(lambda text: text.upper(), id="another case"),
        pytest.param(lambda text: text.partition("_")[2], id="without the beginning"),
        pytest.param(lambda text: f"x{text}", id="another beginning"),
        pytest.param(lambda text: f"{text}\x00", id="NUL"),
        pytest.param(lambda text: f"{text}\ud800", id="no text"),
    ],
)
def test_another_text_is_no_token(change, store: Store) -> None:  # type: ignore[no-untyped-def] # lambdas
    _, text = create_token(store.engine, "ci", TokenScope.READ, now=NOW)
    assert token_of(store.engine, change(text)) is None


def test_every_token_has_another_text(store: Store) -> None:
    texts = {create_token(store.engine, f"ci{n}", TokenScope.READ, now=NOW)[1] for n in range(3)}
    assert len(texts) == 3


def test_a_name_is_there_once(store: Store) -> None:
    create_token(store.engine, "ci", TokenScope.READ, now=NOW)
    with pytest.raises(UsageError, match="there is a token 'ci' already"):
        create_token(store.engine, "ci", TokenScope.ADMIN, now=NOW)
    revoke_token(store.engine, "ci", now=NOW)
    with pytest.raises(UsageError, match="already"):
        create_token(store.engine, "ci", TokenScope.ADMIN, now=NOW)


@pytest.mark.parametrize("name", ["", "a b", "a\x00", "x" * 129])
def test_a_name_is_visible_text(name: str, store: Store) -> None:
    with pytest.raises(UsageError, match="is no name of a token"):
        create_token(store.engine, name, TokenScope.READ, now=NOW)


def test_it_is_over_when_it_is_said_to_be(store: Store) -> None:
    record, _ = create_token(store.engine, "ci", TokenScope.READ, expires_at=LATER, now=NOW)
    assert record.holds(LATER - timedelta(seconds=1))
    assert not record.holds(LATER)
    with pytest.raises(UsageError, match="expired at once"):
        create_token(store.engine, "late", TokenScope.READ, expires_at=NOW, now=NOW)


def test_it_can_be_taken_back_once(store: Store) -> None:
    _, text = create_token(store.engine, "ci", TokenScope.READ, now=NOW)
    revoked = revoke_token(store.engine, "ci", now=LATER)
    assert revoked.revoked_at == LATER
    assert not revoked.holds(LATER)
    assert revoke_token(store.engine, "ci", now=LATER + timedelta(days=1)) == revoked
    assert token_of(store.engine, text) == revoked


def test_what_is_not_there_cannot_be_taken_back(store: Store) -> None:
    with pytest.raises(NotInDatabase, match="there is no token 'ci'"):
        revoke_token(store.engine, "ci", now=NOW)


@pytest.mark.parametrize(
    ("scope", "other", "expected"),
    [
        (TokenScope.READ, TokenScope.READ, True),
        (TokenScope.READ, TokenScope.INGEST, False),
        (TokenScope.INGEST, TokenScope.READ, True),
        (TokenScope.INGEST, TokenScope.ADMIN, False),
        (TokenScope.ADMIN, TokenScope.INGEST, True),
        (TokenScope.ADMIN, TokenScope.ADMIN, True),
    ],
)
def test_scopes_include_each_other(scope: TokenScope, other: TokenScope, *, expected: bool) -> None:
    assert scope.includes(other) is expected
