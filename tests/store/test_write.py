"""What an ingest leaves in the database."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from builders.analyses import NOW, analysis, chain, graph_cost, state_dict
from sqlalchemy import Table, func, select, update
from sqlalchemy.exc import StatementError

from costdb.cost import RULES
from costdb.cost.result import View
from costdb.errors import UsageError, VersionConflict
from costdb.store import Store, schema
from costdb.store.database import read_transaction, write_transaction
from costdb.store.history import history
from costdb.store.read import models, resolve, totals
from costdb.store.records import IngestOutcome, IngestStatus
from costdb.store.stored import version_cost
from costdb.store.write import ingest

Add = Callable[..., IngestOutcome]

# What `analysis` gives for these widths; the digests themselves are canonical.py's business.
OLD, NEW = analysis(width=8).structure_digest, analysis(width=16).structure_digest


def rows(store: Store, table: Table) -> int:
    with read_transaction(store.engine) as connection:
        return connection.scalars(select(func.count()).select_from(table)).one()


def test_a_new_version_is_created(store: Store, add: Add) -> None:
    outcome = add("v1", git_sha="abc123", author="ada", source="job 7", sha256="00", width=8)

    assert outcome.status is IngestStatus.CREATED
    assert (outcome.model, outcome.tag, outcome.ordinal) == ("detector", "v1", 1024)
    assert outcome.digests == {"default": OLD}
    assert outcome.points[0].cost_added
    version = resolve(store.engine, "detector@v1")
    assert (version.git_sha, version.author, version.source) == ("abc123", "ada", "job 7")
    assert (version.artifact_path, version.artifact_bytes) == ("build/model.onnx", 1000)
    assert (version.sha256, version.branch, version.created_at) == ("00", "main", NOW)


def test_ordinals_follow_the_order_of_ingest_with_gaps(add: Add) -> None:
    # Neither the tag nor the time decides.
    earlier = NOW - timedelta(days=9)
    outcomes = [add("v9"), add("v10", now=earlier), add("v1", branch="dev"), add("a", model="b")]
    assert [outcome.ordinal for outcome in outcomes] == [1024, 2048, 3072, 1024]


def test_the_same_structure_again_changes_nothing(store: Store, add: Add) -> None:
    add("v1")
    tables = schema.metadata.sorted_tables
    before = {table.name: rows(store, table) for table in tables}

    outcome = add("v1", path="elsewhere/retrained.onnx", artifact_bytes=1001, loader_revision=2)

    assert outcome.status is IngestStatus.UNCHANGED
    assert outcome.ordinal == 1024
    assert not outcome.points[0].cost_added
    assert {table.name: rows(store, table) for table in tables} == before
    assert resolve(store.engine, "detector@v1").artifact_path == "build/model.onnx"


def test_names_alone_make_no_difference(add: Add) -> None:
    add("v1", graph=chain(prefix="resnet50"))
    assert add("v1", graph=chain(prefix="resnet50_1")).status is IngestStatus.UNCHANGED


def test_another_structure_is_refused_and_nothing_written(store: Store, add: Add) -> None:
    add("v1", width=8)
    with pytest.raises(VersionConflict) as caught:
        add("v1", width=16, artifact_bytes=2000)
    assert OLD in caught.value.message
    assert NEW in caught.value.message
    assert "detector@v1" in caught.value.message
    assert "--replace" in caught.value.hint
    assert rows(store, schema.structure) == rows(store, schema.cost) == 1
    assert version_cost(store.engine, resolve(store.engine, "detector@v1")).graph == chain()


def test_replace_keeps_the_old_analysis_and_marks_it(store: Store, add: Add) -> None:
    add("v1", width=8, git_sha="old")
    later = NOW + timedelta(hours=1)

    outcome = add(
        "v1", width=16, artifact_bytes=2000, path="new.onnx", replace=True, now=later, author="bo"
    )

    assert outcome.status is IngestStatus.REPLACED
    assert (outcome.points[0].old_digest, outcome.points[0].structure_digest) == (OLD, NEW)
    version = resolve(store.engine, "detector@v1")
    assert (version.artifact_path, version.artifact_bytes) == ("new.onnx", 2000)
    assert (version.author, version.git_sha, version.created_at) == ("bo", "old", NOW)
    assert version_cost(store.engine, version).graph == chain(width=16)
    with read_transaction(store.engine) as connection:
        kept = connection.execute(
            select(schema.analysis.c.created_at, schema.analysis.c.replaced_at).order_by(
                schema.analysis.c.id
            )
        ).all()
    assert [tuple(row) for row in kept] == [(NOW, later), (later, None)]


def test_replacing_back_and_forth_keeps_one_current_analysis(store: Store, add: Add) -> None:
    for width in (8, 16, 8, 16):
        add("v1", width=width, replace=True, artifact_bytes=width)
    assert rows(store, schema.analysis) == 4
    assert rows(store, schema.structure) == 2
    assert [point.structure_digest for point in history(store.engine)[0].versions] == [NEW]


def test_a_newer_loader_reanalyses_the_same_file(store: Store, add: Add) -> None:
    add("v1", width=8, loader_revision=1)
    outcome = add("v1", width=16, loader_revision=2)
    assert outcome.status is IngestStatus.REANALYSED
    assert (outcome.points[0].old_digest, outcome.points[0].structure_digest) == (OLD, NEW)
    assert (
        version_cost(store.engine, resolve(store.engine, "detector")).analysis.loader_revision == 2
    )


@pytest.mark.parametrize(
    ("about", "hint"),
    [
        pytest.param({"loader_revision": 2}, "upgrade the plugin", id="an older loader"),
        pytest.param({"loader_revision": 4, "artifact_bytes": 1001}, "--tag", id="another size"),
        pytest.param({"loader_revision": 4, "sha256": "bb"}, "--tag", id="another hash"),
        pytest.param({"loader_revision": 3}, "--tag", id="the same loader"),
    ],
)
def test_not_only_the_loader_differs(add: Add, about: dict[str, object], hint: str) -> None:
    add("v1", width=8, loader_revision=3, sha256="aa")
    with pytest.raises(VersionConflict) as caught:
        add("v1", width=16, **about)
    assert hint in caught.value.hint


def test_objects_without_a_size_are_not_taken_for_the_same_file(add: Add) -> None:
    add("v1", width=8, artifact_bytes=0, path="models:detector")
    with pytest.raises(VersionConflict):
        add("v1", width=16, artifact_bytes=0, path="models:detector", loader_revision=2)


def test_equal_hashes_are_the_same_file_whatever_their_path(add: Add) -> None:
    add("v1", width=8, sha256="aa", artifact_bytes=0)
    outcome = add("v1", width=16, sha256="aa", artifact_bytes=0, loader_revision=2, path="moved")
    assert outcome.status is IngestStatus.REANALYSED


def test_points_are_compared_each_on_its_own(store: Store) -> None:
    def put(*analyses: object, **options: object) -> IngestOutcome:
        return ingest(store.engine, analyses, model="m", tag="v1", now=NOW, **options)  # type: ignore[arg-type] # rows of a table

    created = put(analysis(width=8), analysis(width=8, point="b32"))
    assert created.status is IngestStatus.CREATED
    assert rows(store, schema.structure) == 1  # shared by both points

    added = put(analysis(width=8), analysis(width=16, point="b64"))
    assert added.status is IngestStatus.ADDED_POINTS
    assert [point.status.value for point in added.points] == ["unchanged", "added points"]
    assert resolve(store.engine, "m").points == ("default", "b32", "b64")

    with pytest.raises(VersionConflict, match="'b32'"):
        put(analysis(width=32, point="new"), analysis(width=16, point="b32"))
    assert resolve(store.engine, "m").points == ("default", "b32", "b64")

    replaced = put(analysis(width=32, artifact_bytes=5), replace=True)
    assert replaced.status is IngestStatus.REPLACED
    assert replaced.stale_points == ("b32", "b64")


def test_a_cost_under_newer_rules_is_added(store: Store, add: Add) -> None:
    add("v1", rules=RULES)
    outcome = add("v1", rules=RULES + 1)
    assert outcome.status is IngestStatus.UNCHANGED
    assert outcome.points[0].cost_added
    version = resolve(store.engine, "detector@v1")
    assert rows(store, schema.cost) == 2
    assert totals(store.engine, version, rules=RULES) == totals(
        store.engine, version, rules=RULES + 1
    )


def test_versions_share_structures_names_and_costs(store: Store, add: Add) -> None:
    for number in range(5):
        add(f"v{number}")
    assert rows(store, schema.structure) == rows(store, schema.layer_names) == 1
    assert rows(store, schema.cost) == 1
    assert rows(store, schema.layer_cost) == 2
    assert rows(store, schema.analysis) == 5


def test_a_description_is_set_and_kept(store: Store, add: Add) -> None:
    add("v1", description="finds things")
    add("v2")
    assert models(store.engine)[0].description == "finds things"
    add("v3", description="")
    assert models(store.engine)[0].description == ""


def test_a_former_name_starts_no_second_history(store: Store, add: Add) -> None:
    add("v1")
    with write_transaction(store.engine) as connection:
        connection.execute(update(schema.model).values(former_names='["old-detector"]'))
    with pytest.raises(UsageError) as caught:
        add("v2", model="old-detector")
    assert caught.value.hint == "write --model detector"


def test_a_state_dict_has_totals_without_a_graph(store: Store, add: Add) -> None:
    graph = state_dict()
    cost = graph_cost(graph)
    nothing: dict[str, Any] = dict.fromkeys(schema.NULLABLE_METRICS)
    cost = replace(cost, totals=replace(cost.totals, **nothing))
    add("v1", graph=graph, cost=cost)
    stored = version_cost(store.engine, resolve(store.engine, "detector"))
    assert stored.cost == cost
    assert stored.graph == graph
    assert not history(store.engine)[0].versions[0].is_lower_bound


@pytest.mark.parametrize(
    "name", [{"model": "a b"}, {"tag": "a b"}, {"branch": "a b"}, {"point": "a b"}]
)
def test_names_are_checked(store: Store, add: Add, name: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        add(**{"tag": "v1"} | name)
    assert models(store.engine) == []


@pytest.mark.parametrize("tag", ["v1.0-rc.1+build", "2026/03", "версия", "🚀", "x" * 128])
def test_tags_may_be_anything_visible(store: Store, add: Add, tag: str) -> None:
    add(tag)
    assert resolve(store.engine, f"detector@{tag}").tag == tag


def test_something_must_be_given_and_once(store: Store) -> None:
    for analyses in ([], [analysis(), analysis()]):
        with pytest.raises(UsageError):
            ingest(store.engine, analyses, model="m", tag="v1", now=NOW)


def test_a_naive_time_is_refused(store: Store, add: Add) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        add("v1", now=datetime(2026, 3, 1))  # noqa: DTZ001 - what is tested
    with (
        pytest.raises(StatementError, match="no time zone"),
        write_transaction(store.engine) as connection,
    ):
        connection.execute(
            schema.model.insert().values(
                slug="m",
                description="",
                former_names="[]",
                created_at=datetime(2026, 3, 1),  # noqa: DTZ001 - the same
            )
        )


def test_only_the_deployed_view_of_the_graph_is_kept(add: Add) -> None:
    cost = graph_cost(chain())
    with pytest.raises(ValueError, match="deployed"):
        add("v1", cost=replace(cost, view=View.STORED))
    with pytest.raises(ValueError, match="another graph"):
        add("v1", cost=replace(cost, layers=cost.layers[:1]))
