"""Acceptances in the database."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from builders.analyses import NOW
from sqlalchemy import update

from costdb.errors import NotInDatabase
from costdb.store import Store, schema
from costdb.store.acceptances import acceptances, add_acceptances, revoke_acceptance
from costdb.store.database import write_transaction
from costdb.store.records import IngestOutcome
from costdb.trends.acceptance import Acceptance

Add = Callable[..., IngestOutcome]

MADE = Acceptance(
    model="detector", tag="v2", point="default", metric="macs", scope="op:\x00[red]", value=7,
    rules=1, reason="a larger decoder\x1b", author="ada", accepted_at=NOW,
    expires_at=NOW + timedelta(days=1),
)  # fmt: skip


def test_they_come_back_as_they_were_with_numbers(store: Store, add: Add) -> None:
    add("v1")
    add("v2")
    other = replace(MADE, metric="dtype", value=None, author=None, expires_at=None, tag="v1")
    made = add_acceptances(store.engine, [MADE, other])
    assert [replace(one, id=None) for one in made] == [MADE, other]
    assert acceptances(store.engine) == made
    assert len({one.id for one in made} - {None}) == 2


def test_of_one_model(store: Store, add: Add) -> None:
    for model in ("detector", "speech"):
        add("v2", model=model)
        add_acceptances(store.engine, [replace(MADE, model=model)])
    assert [one.model for one in acceptances(store.engine)] == ["detector", "speech"]
    assert [one.model for one in acceptances(store.engine, "speech")] == ["speech"]
    with pytest.raises(NotInDatabase, match="no model 'speach'"):
        acceptances(store.engine, "speach")


def test_an_archived_version_was_never_accepted(store: Store, add: Add) -> None:
    add("v2")
    add_acceptances(store.engine, [MADE])
    with write_transaction(store.engine) as connection:
        connection.execute(update(schema.version).values(archived_at=NOW))
    assert acceptances(store.engine) == []


def test_all_or_nothing(store: Store, add: Add) -> None:
    add("v2")
    with pytest.raises(NotInDatabase, match="no version 'v3'"):
        add_acceptances(store.engine, [MADE, replace(MADE, tag="v3")])
    assert acceptances(store.engine) == []


def test_revoking_keeps_and_marks(store: Store, add: Add) -> None:
    add("v2")
    (made,) = add_acceptances(store.engine, [MADE])
    assert made.id is not None
    revoked = revoke_acceptance(store.engine, made.id, NOW)
    assert revoked == replace(made, revoked_at=NOW)
    assert revoke_acceptance(store.engine, made.id, NOW + timedelta(days=1)) == revoked
    assert acceptances(store.engine) == [revoked]
    with pytest.raises(NotInDatabase) as caught:
        revoke_acceptance(store.engine, made.id + 1, NOW)
    assert caught.value.hint == "costdb accept --list"
