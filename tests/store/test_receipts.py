"""Receipts: one for each key, kept exactly where the push is."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from builders.analyses import NOW, analysis
from sqlalchemy import Connection, func, select

from costdb.errors import UsageError, VersionConflict
from costdb.store import Store, schema
from costdb.store.database import read_transaction, write_transaction
from costdb.store.receipts import (
    KEPT_FOR,
    AnsweredMeanwhile,
    add_receipt,
    answer_to,
    receipt_key,
    request_digest,
)
from costdb.store.records import IngestOutcome
from costdb.store.write import ingest

KEY, REQUEST = receipt_key("ci", "one"), request_digest(b"{}")


def count(store: Store, table: Any) -> int:
    with read_transaction(store.engine) as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def add(store: Store, key: str = KEY, answer: str = "kept", days: int = 0) -> None:
    with write_transaction(store.engine) as connection:
        add_receipt(connection, key, REQUEST, answer, now=NOW + timedelta(days=days))


def test_an_answer_comes_back_as_it_was(store: Store) -> None:
    assert answer_to(store.engine, KEY, REQUEST) is None
    add(store, answer='{"a": "\x00\ud800\x1a"}')
    assert answer_to(store.engine, KEY, REQUEST) == '{"a": "\x00\ud800\x1a"}'


def test_a_key_is_for_one_request(store: Store) -> None:
    add(store)
    with pytest.raises(UsageError, match="was used for another push"):
        answer_to(store.engine, KEY, request_digest(b"[]"))


def test_a_key_is_one_tokens_own() -> None:
    keys = [receipt_key(*pair) for pair in (("ci", "one"), ("cd", "one"), ("ci", "\udc80"))]
    assert len(set(keys)) == 3


def test_there_is_one_of_a_key(store: Store) -> None:
    add(store, answer="first")
    with pytest.raises(AnsweredMeanwhile):
        add(store, answer="second")
    assert answer_to(store.engine, KEY, REQUEST) == "first"


def test_old_ones_go_when_one_is_added(store: Store) -> None:
    add(store, "old")
    add(store, "young", days=1)
    add(store, "new", days=KEPT_FOR.days + 1)
    with read_transaction(store.engine) as connection:
        kept = connection.scalars(select(schema.receipt.c.key).order_by(schema.receipt.c.key))
        assert kept.all() == ["new", "young"]


class TestWithAnIngest:
    """`record` of `costdb.store.write.ingest`."""

    @staticmethod
    def push(store: Store, record: Callable[[Connection, IngestOutcome], None], width: int) -> None:
        found = [analysis(width=width)]
        ingest(store.engine, found, model="detector", tag="v1", now=NOW, record=record)

    def test_both_are_kept(self, store: Store) -> None:
        def record(connection: Connection, outcome: IngestOutcome) -> None:
            add_receipt(connection, KEY, REQUEST, outcome.status.value, now=NOW)

        self.push(store, record, 8)
        assert answer_to(store.engine, KEY, REQUEST) == "created"

    def test_neither_is_kept_where_the_receipt_cannot_be(self, store: Store) -> None:
        add(store, answer="first")

        def record(connection: Connection, _outcome: IngestOutcome) -> None:
            add_receipt(connection, KEY, REQUEST, "second", now=NOW)

        with pytest.raises(AnsweredMeanwhile):
            self.push(store, record, 8)
        assert count(store, schema.version) == count(store, schema.structure) == 0

    def test_neither_is_kept_where_the_version_cannot_be(self, store: Store) -> None:
        self.push(store, lambda *_: None, 8)

        def record(connection: Connection, _outcome: IngestOutcome) -> None:
            add_receipt(connection, KEY, REQUEST, "second", now=NOW)

        with pytest.raises(VersionConflict):
            self.push(store, record, 9)
        assert count(store, schema.receipt) == 0
