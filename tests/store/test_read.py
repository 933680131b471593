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
from costdb.store.read import anchor, first, latest, models, previous, resolve, totals
from costdb.store.records import IngestOutcome
from costdb.store.write import ingest

Add = Callable[..., IngestOutcome]


def archive(store: Store, tag: str) -> None:
    with write_transaction(store.engine) as connection:
        connection.execute(
            update(schema.version).where(schema.version.c.tag == tag).values(archived_at=NOW)
        )


def accept(store: Store, tag: str, value: int, *, metric: str = "macs", **about: object) -> None:
    with write_transaction(store.engine) as connection:
        version_id, model_id = connection.execute(
            select(schema.version.c.id, schema.version.c.model_id).where(
                schema.version.c.tag == tag
            )
        ).one()
        row = {
            "model_id": model_id,
            "version_id": version_id,
            "point": "default",
            "metric": metric,
            "scope": "total",
            "value": value,
            "rules": RULES,
            "reason": "a larger decoder",
            "author": "ada",
            "created_at": NOW,
        }
        connection.execute(insert(schema.acceptance).values(row | about))


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
    def test_previous_is_the_next_lower_one_on_the_branch_with_the_point(
        self, store: Store, add: Add
    ) -> None:
        add("v1", point="b32")
        add("v2")
        add("v3")
        add("x", branch="dev")
        add("v4")
        add("v1", model="other")
        archive(store, "v3")
        engine = store.engine
        v4 = resolve(engine, "detector@v4")
        v2 = resolve(engine, "detector@v2")
        found = tags(previous(engine, v4), previous(engine, v2), previous(engine, v4, "b32"))
        assert found == ["v2", None, "v1"]
        assert previous(engine, resolve(engine, "detector@x")) is None

    def test_previous_follows_ordinals_not_rows(self, store: Store, add: Add) -> None:
        add("v1")
        add("v3")
        add("v2")
        with write_transaction(store.engine) as connection:
            connection.execute(
                update(schema.version).where(schema.version.c.tag == "v2").values(ordinal=1536)
            )
        engine = store.engine
        assert tags(previous(engine, resolve(engine, "detector@v3"))) == ["v2"]

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

    def test_the_anchor_is_the_first_version_while_nothing_was_accepted(
        self, store: Store, add: Add
    ) -> None:
        add("v1")
        add("v2")
        add("v3")
        engine = store.engine
        found = anchor(engine, resolve(engine, "detector@v3"), metric="macs")
        assert found is not None
        assert (found.version.tag, found.acceptance) == ("v1", None)
        assert anchor(engine, resolve(engine, "detector@v1"), metric="macs") is None

    def test_the_anchor_is_what_was_accepted_last(self, store: Store, add: Add) -> None:
        for tag in ("v1", "v2", "v3"):
            add(tag)
        accept(store, "v3", 30)
        accept(store, "v2", 20, reason="after all")
        accept(store, "v3", 9, metric="flops")
        accept(store, "v3", 8, scope="layer:a")
        accept(store, "v3", 7, point="b32")
        engine = store.engine
        v3 = resolve(engine, "detector@v3")
        found = anchor(engine, v3, metric="macs")
        assert found is not None
        assert found.acceptance is not None
        assert found.version.tag == "v2"
        assert (found.acceptance.value, found.acceptance.reason) == (20, "after all")
        assert (found.acceptance.author, found.acceptance.created_at) == ("ada", NOW)
        scoped = anchor(engine, v3, metric="macs", scope="layer:a")
        assert scoped is not None
        assert scoped.acceptance is not None
        assert scoped.acceptance.value == 8

    def test_an_archived_version_is_no_anchor(self, store: Store, add: Add) -> None:
        for tag in ("v1", "v2", "v3"):
            add(tag)
        accept(store, "v2", 20)
        archive(store, "v2")
        found = anchor(store.engine, resolve(store.engine, "detector@v3"), metric="macs")
        assert found is not None
        assert (found.version.tag, found.acceptance) == ("v1", None)

    def test_totals(self, store: Store, add: Add) -> None:
        cost = graph_cost(chain(), number=5)
        add("v1", graph=chain(), cost=cost)
        version = resolve(store.engine, "detector")
        assert totals(store.engine, version) == cost.totals
        assert totals(store.engine, version, "b32") is None
        assert totals(store.engine, version, rules=RULES + 1) is None
