"""What came before versions, and what their branches have had."""

from collections.abc import Callable

import pytest
from builders.analyses import NOW, analysis, chain
from sqlalchemy import update

from costdb.errors import NotInDatabase
from costdb.store import Store, read, schema
from costdb.store.database import write_transaction
from costdb.store.lineage import (
    best,
    distinct_contents,
    has_versions,
    latest_of_each,
    neighbours,
    versions,
)
from costdb.store.read import resolve, totals_of
from costdb.store.records import IngestOutcome, VersionRecord

Add = Callable[..., IngestOutcome]


def archive(store: Store, tag: str) -> None:
    with write_transaction(store.engine) as connection:
        connection.execute(
            update(schema.version).where(schema.version.c.tag == tag).values(archived_at=NOW)
        )


def tags(*found: object) -> list[str | None]:
    return [None if version is None else version.tag for version in found]  # type: ignore[attr-defined] # versions


def previous(store: Store, tag: str, point: str = "default") -> str | None:
    version = resolve(store.engine, f"detector@{tag}")
    (found,) = tags(neighbours(store.engine, [version])[version.id, point].previous)
    return found


def test_what_came_before_several_versions(store: Store, add: Add) -> None:
    for tag, about in {
        "v1": {}, "d1": {"branch": "dev"}, "v2": {"point": "b32"}, "v3": {}, "gone": {},
        "v4": {}, "d2": {"branch": "dev"},
    }.items():  # fmt: skip
        add(tag, **about)
    add("v4", point="b32")
    archive(store, "gone")
    engine = store.engine
    every = [resolve(engine, f"detector@{tag}") for tag in ("v1", "v2", "v3", "v4", "d1", "d2")]
    found = neighbours(engine, every)
    assert {
        (one.tag, point): tags(*found[one.id, point]) for one in every for point in one.points
    } == {
        ("v1", "default"): [None, None],
        ("v2", "b32"): [None, None],
        ("v3", "default"): ["v1", "v1"],
        ("v4", "default"): ["v3", "v1"],
        ("v4", "b32"): ["v2", "v2"],
        ("d1", "default"): [None, None],
        ("d2", "default"): ["d1", "d1"],
    }
    assert neighbours(engine, []) == {}


def test_more_versions_than_a_statement_takes(
    store: Store, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "IDS_AT_ONCE", 2)
    for number in range(5):
        add(f"v{number}", model=f"m{number}")
        add(f"w{number}", model=f"m{number}", width=16)
    latest_ones = latest_of_each(store.engine)
    assert [(name, one and one.tag) for name, one in latest_ones] == [
        (f"m{number}", f"w{number}") for number in range(5)
    ]
    versions_found = [one for _, one in latest_ones if one]
    found = neighbours(store.engine, versions_found)
    assert set(tags(*(pair.previous for pair in found.values()))) == {
        f"v{number}" for number in range(5)
    }
    costs = totals_of(store.engine, [one.id for one in versions_found])
    assert {cost.macs for cost in costs.values()} == {analysis(width=16).cost.totals.macs}
    assert len(costs) == 5


def test_the_latest_of_each_model_on_a_branch(store: Store, add: Add) -> None:
    add("v1", model="b")
    add("v2", model="b")
    add("v1", model="a", branch="dev")
    add("v1", model="c")
    archive(store, "v2")
    engine = store.engine
    assert [(name, one and one.tag) for name, one in latest_of_each(engine)] == [
        ("a", None), ("b", "v1"), ("c", "v1"),
    ]  # fmt: skip
    assert [one and one.tag for _, one in latest_of_each(engine, "dev")] == ["v1", None, None]
    archive(store, "v1")
    assert [has_versions(engine, name) for name in ("a", "b", "none")] == [False] * 3


def test_versions_of_a_branch(store: Store, add: Add) -> None:
    for tag in ("v2", "v1", "v3"):
        add(tag)
    add("d1", branch="dev")
    archive(store, "v1")
    assert tags(*versions(store.engine, "detector")) == ["v2", "v3"]
    assert tags(*versions(store.engine, "detector", "dev")) == ["d1"]
    with pytest.raises(NotInDatabase, match="'detectr'"):
        versions(store.engine, "detectr")


def test_the_best_version_is_the_latest_of_the_lowest(store: Store, add: Add) -> None:
    # A chain of a width has MACs of a thousand times as many, and a few.
    for tag, width in {"v1": 16, "v2": 8, "v3": 8, "v4": 12, "v5": 4}.items():
        add(tag, width=width)
    add("d1", width=1, branch="dev")
    engine = store.engine
    v5 = resolve(engine, "detector@v5")

    def of_macs(before: int | None, point: str = "default") -> VersionRecord | None:
        return best(engine, "detector", "main", point, "macs", before=before)

    assert tags(of_macs(v5.ordinal), of_macs(None), of_macs(0)) == ["v3", "v5", None]
    assert tags(of_macs(None, "b32")) == [None]
    archive(store, "v3")
    assert tags(of_macs(v5.ordinal)) == ["v2"]


def test_what_a_branch_has_had(store: Store, add: Add) -> None:
    add("v1", width=8)
    add("v2", width=16)
    add("v3", width=8)
    add("v4", graph=chain(width=8, prefix="other"))
    add("d1", width=32, branch="dev")
    v4 = resolve(store.engine, "detector@v4")
    place = store.engine, "detector", "main", "default"
    assert tags(*distinct_contents(*place, before=None)) == ["v2", "v3", "v4"]
    assert tags(*distinct_contents(*place, before=v4.ordinal)) == ["v2", "v3"]
    assert tags(*distinct_contents(*place, before=0)) == []


def test_previous_is_the_next_lower_one_on_the_branch_with_the_point(
    store: Store, add: Add
) -> None:
    add("v1", point="b32")
    add("v2")
    add("v3")
    add("x", branch="dev")
    add("v4")
    add("v4", point="b32")
    add("v1", model="other")
    archive(store, "v3")
    assert [previous(store, "v4"), previous(store, "v4", "b32")] == ["v2", "v1"]
    assert [previous(store, "v2"), previous(store, "x")] == [None, None]


def test_previous_follows_ordinals_not_rows(store: Store, add: Add) -> None:
    add("v1")
    add("v3")
    add("v2")
    with write_transaction(store.engine) as connection:
        connection.execute(
            update(schema.version).where(schema.version.c.tag == "v2").values(ordinal=1536)
        )
    assert previous(store, "v3") == "v2"
