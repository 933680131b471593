"""Aliases: names of versions that may move."""

import threading
from collections.abc import Callable

import pytest
from builders.analyses import NOW

from costdb.errors import NotInDatabase, UsageError
from costdb.store import Store
from costdb.store.aliases import aliases, remove_alias, set_alias
from costdb.store.read import resolve
from costdb.store.records import AliasMove, AliasRecord, IngestOutcome

Add = Callable[..., IngestOutcome]


def put(store: Store, version: str, name: str, author: str | None = "ada") -> AliasMove:
    return set_alias(store.engine, resolve(store.engine, version), name, author=author, now=NOW)


def test_an_alias_moves_and_says_from_where(store: Store, add: Add) -> None:
    add("v1")
    add("v2")
    assert put(store, "detector@v1", "prod") == AliasMove("detector", "prod", None, "v1")
    assert resolve(store.engine, "detector@prod").tag == "v1"
    assert put(store, "detector@v2", "prod", "bob") == AliasMove("detector", "prod", "v1", "v2")
    assert resolve(store.engine, "detector@prod").tag == "v2"
    assert put(store, "detector@prod", "beta") == AliasMove("detector", "beta", None, "v2")
    assert aliases(store.engine) == [
        AliasRecord("detector", "beta", "v2", "ada", NOW),
        AliasRecord("detector", "prod", "v2", "bob", NOW),
    ]


def test_to_set_it_again_changes_nothing(store: Store, add: Add) -> None:
    add("v1")
    put(store, "detector", "prod")
    assert put(store, "detector", "prod", "bob") == AliasMove("detector", "prod", "v1", "v1")
    assert [one.author for one in aliases(store.engine)] == ["ada"]


def test_each_model_has_its_own(store: Store, add: Add) -> None:
    for model in ("b", "a"):
        add("v1", model=model)
        put(store, model, "prod")
    assert [one.model for one in aliases(store.engine)] == ["a", "b"]
    assert [one.model for one in aliases(store.engine, "b")] == ["b"]
    remove_alias(store.engine, "a", "prod")
    assert resolve(store.engine, "b@prod").model == "b"


def test_a_removed_alias_is_forgotten_and_the_version_stays(store: Store, add: Add) -> None:
    add("v1")
    put(store, "detector", "prod")
    assert remove_alias(store.engine, "detector", "prod") == AliasMove(
        "detector", "prod", "v1", None
    )
    assert aliases(store.engine) == []
    with pytest.raises(NotInDatabase):
        resolve(store.engine, "detector@prod")
    assert resolve(store.engine, "detector@v1").tag == "v1"


def test_an_alias_hides_no_tag_and_a_tag_no_alias(store: Store, add: Add) -> None:
    add("v1")
    add("v2")
    with pytest.raises(UsageError, match="has a version tagged 'v2'"):
        put(store, "detector@v1", "v2")
    put(store, "detector@v1", "prod")
    with pytest.raises(UsageError, match="has an alias 'prod'") as caught:
        add("prod")
    assert "costdb alias remove detector@prod" in caught.value.hint
    assert [resolve(store.engine, f"detector@{tag}").tag for tag in ("prod", "v2")] == ["v1", "v2"]
    add("prod", model="another")


@pytest.mark.parametrize("name", ["", "a b", "a@b", "x" * 129, "\x1b[2J"])
def test_names_that_are_none(store: Store, add: Add, name: str) -> None:
    add("v1")
    with pytest.raises(UsageError, match="no name of an alias"):
        put(store, "detector", name)
    assert aliases(store.engine) == []


def test_what_is_not_there(store: Store, add: Add) -> None:
    add("v1")
    put(store, "detector", "prod")
    for call, message, hint in (
        (lambda: remove_alias(store.engine, "detector", "prd"), "no alias 'prd'", "'prod'"),
        (lambda: remove_alias(store.engine, "detectr", "prod"), "no model 'detectr'", "'detector'"),
        (lambda: aliases(store.engine, "detectr"), "no model 'detectr'", "'detector'"),
    ):
        with pytest.raises(NotInDatabase) as caught:
            call()
        assert message in caught.value.message
        assert hint in caught.value.hint


def test_two_who_set_it_at_once_both_get_their_turn(store: Store, add: Add) -> None:
    tags = [f"v{number}" for number in range(6)]
    for tag in tags:
        add(tag)
    moves: list[AliasMove] = []
    threads = [
        threading.Thread(target=lambda tag=tag: moves.append(put(store, f"detector@{tag}", "prod")))
        for tag in tags
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Each move starts where another one ended: none was lost.
    assert sorted(move.after or "" for move in moves) == tags
    last = resolve(store.engine, "detector@prod").tag
    assert {move.before for move in moves} == {None, *(tag for tag in tags if tag != last)}
