"""Models, versions and baselines out of the database."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from builders.analyses import NOW, analysis, chain, graph_cost
from sqlalchemy import insert, select, update

from costdb.cost import RULES
from costdb.errors import NotInDatabase
from costdb.store import Store, schema
from costdb.store.database import write_transaction
from costdb.store.read import (
    first,
    latest,
    models,
    resolve,
    totals,
)
from costdb.store.records import IngestOutcome
from costdb.store.write import ingest

Add = Callable[..., IngestOutcome]


def archive(store: Store, tag: str) -> None:
    with write_transaction(store.engine) as connection:
        connection.execute(
            update(schema.version).where(schema.version.c.tag == tag).values(archived_at=NOW)
        )


def tags(*found: object) -> list[str | None]:
    return [None if version is None else version.tag for version in found]  # type: ignore[attr-defined] # versions


class TestResolve:
    def test_by_tag(self, store: Store, add: Add) -> None:
        add("v1")
        add("v2")
        assert resolve(store.engine, "detector@v1").name == "detector@v1"

    def test_without_a_tag_the_highest_ordinal_of_main(self, store: Store, add: Add) -> None:
        add("v2")
        add("v1", now=NOW - timedelta(days=1))
        add("v3", branch="dev")
        assert resolve(store.engine, "detector").tag == "v1"

    def test_without_main_the_highest_ordinal(self, store: Store, add: Add) -> None:
        add("v1", branch="dev")
        add("v2", branch="another")
        assert resolve(store.engine, "detector").tag == "v2"

    def test_archived_versions_only_by_their_tag(self, store: Store, add: Add) -> None:
        add("v1")
        add("v2")
        archive(store, "v2")
        assert resolve(store.engine, "detector").tag == "v1"
        assert resolve(store.engine, "detector@v2").archived_at == NOW

    def test_by_alias_after_tags(self, store: Store, add: Add) -> None:
        add("v1")
        add("v2")
        with write_transaction(store.engine) as connection:
            model_id, first_id = connection.execute(
                select(schema.version.c.model_id, schema.version.c.id).order_by(schema.version.c.id)
            ).first()  # type: ignore[misc] # there are two
            for name in ("prod", "v2"):
                connection.execute(
                    insert(schema.alias).values(
                        model_id=model_id, name=name, version_id=first_id, updated_at=NOW
                    )
                )
        assert resolve(store.engine, "detector@prod").tag == "v1"
        assert resolve(store.engine, "detector@v2").tag == "v2"

    @pytest.mark.parametrize(
        ("name", "message", "hint"),
        [
            pytest.param("detectr", "no model 'detectr'", "did you mean 'detector'?", id="model"),
            pytest.param("zzz@v1", "no model 'zzz'", "models: detector", id="list of models"),
            pytest.param("detector@v11", "no version 'v11'", "did you mean 'v1'?", id="tag"),
            pytest.param("detector@", "no version ''", "versions of detector: v1", id="no tag"),
            pytest.param("old", "'old' is called 'detector' now", "write detector", id="renamed"),
        ],
    )
    def test_what_is_not_there(
        self, store: Store, add: Add, name: str, message: str, hint: str
    ) -> None:
        add("v1")
        with write_transaction(store.engine) as connection:
            connection.execute(update(schema.model).values(former_names='["older", "old"]'))
        with pytest.raises(NotInDatabase) as caught:
            resolve(store.engine, name)
        assert message in caught.value.message
        assert caught.value.hint == hint

    def test_in_an_empty_database(self, store: Store) -> None:
        with pytest.raises(NotInDatabase) as caught:
            resolve(store.engine, "detector")
        assert caught.value.hint == "models: none"

    def test_a_model_whose_versions_are_all_archived(self, store: Store, add: Add) -> None:
        add("v1")
        archive(store, "v1")
        with pytest.raises(NotInDatabase, match="has no version"):
            resolve(store.engine, "detector")


class TestModels:
    def test_none(self, store: Store) -> None:
        assert models(store.engine) == []

    def test_each_with_its_latest_version(self, store: Store, add: Add) -> None:
        add("v1", model="b", width=8)
        add("v2", model="b", width=16)
        add("v3", model="b", width=32, branch="dev")
        add("v1", model="a", width=8)
        found = models(store.engine)
        assert [(model.name, model.versions, model.latest_tag) for model in found] == [
            ("a", 1, "v1"),
            ("b", 3, "v2"),
        ]
        assert found[1].latest_totals == {"default": analysis(width=16).cost.totals}

    def test_points_with_the_default_one_first(self, store: Store) -> None:
        points = ("b32", "zoom", "default", "a")
        analyses = [analysis(point=point) for point in points]
        ingest(store.engine, analyses, model="m", tag="v1", now=NOW)
        assert list(models(store.engine)[0].latest_totals) == ["default", "a", "b32", "zoom"]
        assert resolve(store.engine, "m").points == ("default", "a", "b32", "zoom")

    def test_without_a_cost_under_these_rules_there_are_no_totals(
        self, store: Store, add: Add
    ) -> None:
        add("v1")
        assert models(store.engine, rules=RULES + 1)[0].latest_totals == {"default": None}

    def test_archived_versions_do_not_count(self, store: Store, add: Add) -> None:
        add("v1")
        archive(store, "v1")
        (model,) = models(store.engine)
        assert (model.versions, model.latest_tag, model.latest_totals) == (0, None, {})


class TestBaselines:
    def test_first(self, store: Store, add: Add) -> None:
        for tag in ("v1", "v2", "v3"):
            add(tag)
        add("b", point="b32", branch="dev")
        archive(store, "v1")
        engine = store.engine
        assert tags(first(engine, "detector"), first(engine, "detector", "dev")) == ["v2", None]
        assert tags(first(engine, "detector", "dev", "b32")) == ["b"]

    def test_latest(self, store: Store, add: Add) -> None:
        for tag in ("v1", "v2", "v3"):
            add(tag)
        add("b", point="b32", branch="dev")
        archive(store, "v3")
        engine = store.engine
        assert tags(latest(engine, "detector"), latest(engine, "detector", "dev")) == ["v2", None]
        assert tags(latest(engine, "detector", "dev", "b32")) == ["b"]

    def test_totals(self, store: Store, add: Add) -> None:
        cost = graph_cost(chain(), number=5)
        add("v1", graph=chain(), cost=cost)
        version = resolve(store.engine, "detector")
        assert totals(store.engine, version) == cost.totals
        assert totals(store.engine, version, "b32") is None
        assert totals(store.engine, version, rules=RULES + 1) is None


@pytest.mark.parametrize("name", ["detector@\x00", "detector@\ud800", "\x00", "\udcff@v1"])
def test_what_no_name_can_be_is_not_there(name: str, store: Store, add: Add) -> None:
    add("v1")
    with pytest.raises(NotInDatabase):
        resolve(store.engine, name)
