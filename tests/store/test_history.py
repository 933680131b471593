"""Totals over versions."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from builders.analyses import NOW, analysis
from sqlalchemy import event, update

from costdb.cost import RULES
from costdb.errors import NotInDatabase, UsageError
from costdb.store import Store, schema
from costdb.store.database import write_transaction
from costdb.store.history import Bound, history, history_pieces
from costdb.store.records import IngestOutcome, Series
from costdb.store.write import ingest

Add = Callable[..., IngestOutcome]


def shown(found: list[Series]) -> list[tuple[str, str, str, str]]:
    """Model, point, branch and the tags."""
    return [
        (one.model, one.point, one.branch, " ".join(point.tag for point in one.versions))
        for one in found
    ]


@pytest.fixture
def lines(store: Store, add: Add) -> Store:
    """Two models; one has two points and two branches, a version a day, and an archived one."""
    for day, (tag, branch) in enumerate(
        [("v1", "main"), ("v2", "main"), ("x1", "dev"), ("v3", "main"), ("v4", "main")]
    ):
        points = ["default", "b32"] if tag in {"v1", "v2", "x1"} else ["default"]
        ingest(
            store.engine,
            [analysis(width=8 + day, point=point) for point in points],
            model="detector",
            tag=tag,
            branch=branch,
            git_sha=f"sha-{tag}",
            now=NOW + timedelta(days=day),
        )
    add("gone", branch="dead")
    add("v1", model="another")
    with write_transaction(store.engine) as connection:
        connection.execute(
            update(schema.version).where(schema.version.c.tag == "gone").values(archived_at=NOW)
        )
    return store


def test_series_of_all_models(lines: Store) -> None:
    assert shown(history(lines.engine)) == [
        ("another", "default", "main", "v1"),
        ("detector", "default", "dev", "x1"),
        ("detector", "default", "main", "v1 v2 v3 v4"),
        ("detector", "b32", "dev", "x1"),
        ("detector", "b32", "main", "v1 v2"),
    ]


def test_one_version_in_full(lines: Store) -> None:
    (series,) = history(lines.engine, "detector", points=["default"], branch="dev")
    (point,) = series.versions
    made = analysis(width=10)
    assert (point.tag, point.ordinal, point.git_sha) == ("x1", 3 * 1024, "sha-x1")
    assert point.ingested_at == NOW + timedelta(days=2)
    assert point.ingested_at.tzinfo is UTC
    assert point.structure_digest == made.structure_digest
    assert (point.totals, point.rules) == (made.cost.totals, RULES)


@pytest.mark.parametrize(
    ("selection", "tags"),
    [
        pytest.param({"last": 1}, "v4", id="last"),
        pytest.param({"last": 2}, "v3 v4", id="last two"),
        pytest.param({"last": 99}, "v1 v2 v3 v4", id="more than there are"),
        pytest.param({"since": "v2"}, "v2 v3 v4", id="since a tag"),
        pytest.param({"until": "v3"}, "v1 v2 v3", id="until a tag"),
        pytest.param({"since": "x1"}, "v3 v4", id="since a tag of another branch"),
        pytest.param({"since": "v2", "until": "v3"}, "v2 v3", id="between tags"),
        pytest.param({"last": 2, "until": "v3"}, "v2 v3", id="the last before a tag"),
        pytest.param({"since": NOW + timedelta(days=1)}, "v2 v3 v4", id="since a moment"),
        pytest.param({"until": NOW + timedelta(days=1)}, "v1 v2", id="until a moment"),
        pytest.param({"since": "2026-03-02"}, "v2 v3 v4", id="since a day"),
        pytest.param({"until": "2026-03-02"}, "v1 v2", id="until a day, inclusive"),
        pytest.param({"since": "2026-03-02T13:00"}, "v3 v4", id="since a time"),
        pytest.param({"until": "2026-03-02T13:29:59+01:00"}, "v1", id="until a zoned time"),
    ],
)
def test_selections(lines: Store, selection: dict[str, object], tags: str) -> None:
    (series,) = history(lines.engine, "detector", points=["default"], branch="main", **selection)  # type: ignore[arg-type] # rows of a table
    assert " ".join(point.tag for point in series.versions) == tags


def test_the_last_versions_are_those_of_each_branch_that_have_the_point(lines: Store) -> None:
    assert shown(history(lines.engine, "detector", points=["b32"], last=1)) == [
        ("detector", "b32", "dev", "x1"),
        ("detector", "b32", "main", "v2"),
    ]
    assert shown(history(lines.engine, last=1)) == [
        ("another", "default", "main", "v1"),
        ("detector", "default", "dev", "x1"),
        ("detector", "default", "main", "v4"),
        ("detector", "b32", "dev", "x1"),
    ]


def test_a_tag_that_looks_like_a_day_is_a_tag(lines: Store, add: Add) -> None:
    add("2026-03-02", now=NOW + timedelta(days=9))
    (series,) = history(lines.engine, "detector", branch="main", points=["default"], since="v4")
    assert [point.tag for point in series.versions] == ["v4", "2026-03-02"]
    (series,) = history(
        lines.engine, "detector", branch="main", points=["default"], since="2026-03-02"
    )
    assert [point.tag for point in series.versions] == ["2026-03-02"]


def test_a_day_is_a_bound_for_all_models(lines: Store) -> None:
    found = history(lines.engine, until=str(date(2026, 3, 1)), points=["default"])
    assert shown(found) == [
        ("another", "default", "main", "v1"),
        ("detector", "default", "main", "v1"),
    ]


def test_several_models_and_points(lines: Store, add: Add) -> None:
    add("v2", model="another")
    assert shown(history(lines.engine, "another", "detector", points=["default"], last=1)) == [
        ("another", "default", "main", "v2"),
        ("detector", "default", "dev", "x1"),
        ("detector", "default", "main", "v4"),
    ]
    both = history(lines.engine, "detector", points=["b32", "default"], branch="main", last=2)
    assert shown(both) == [("detector", "default", "main", "v3 v4")]
    both = history(lines.engine, "detector", points=["b32", "default"], branch="main", until="v2")
    assert [one.point for one in both] == ["default", "b32"]


def test_a_tag_bounds_each_model_by_its_own_version(lines: Store, add: Add) -> None:
    for tag in ("v2", "v3"):
        add(tag, model="another")
    since = history(lines.engine, "another", "detector", points=["default"], since="v2")
    assert shown(since) == [
        ("another", "default", "main", "v2 v3"),
        ("detector", "default", "dev", "x1"),
        ("detector", "default", "main", "v2 v3 v4"),
    ]
    with pytest.raises(NotInDatabase, match="'another' has no version 'v4'"):
        history(lines.engine, "another", "detector", since="v4")


def test_a_day_that_is_a_tag_of_one_model_is_a_day_for_another(lines: Store, add: Add) -> None:
    add("2026-03-02", model="another", now=NOW + timedelta(days=9))
    found = history(
        lines.engine, "another", "detector", points=["default"], branch="main", since="2026-03-02"
    )
    assert shown(found) == [
        ("another", "default", "main", "2026-03-02"),
        ("detector", "default", "main", "v2 v3 v4"),
    ]


def test_archived_versions_are_told_of_if_asked(lines: Store) -> None:
    (series,) = history(lines.engine, "detector", branch="dead", archived=True)
    assert [(point.tag, point.is_archived) for point in series.versions] == [("gone", True)]
    (series,) = history(lines.engine, "detector", branch="main", points=["b32"], archived=True)
    assert [point.is_archived for point in series.versions] == [False, False]


@pytest.mark.parametrize(
    ("models", "selection", "error"),
    [
        pytest.param(["nobody"], {}, NotInDatabase, id="no model"),
        pytest.param(["detector", "nobody"], {}, NotInDatabase, id="one of several is none"),
        pytest.param(["detector"], {"since": "v9"}, NotInDatabase, id="no tag"),
        pytest.param(["x"], {"since": "2026-03-02"}, NotInDatabase, id="no model, a day"),
        pytest.param([], {"since": "v1"}, UsageError, id="a tag without a model"),
        pytest.param([], {"last": 0}, UsageError, id="none"),
    ],
)
def test_mistakes(
    models: list[str], selection: dict[str, Bound], error: type[Exception], lines: Store
) -> None:
    with pytest.raises(error):
        history(lines.engine, *models, **selection)  # type: ignore[arg-type] # rows of a table


def test_no_match_is_no_series(lines: Store) -> None:
    assert history(lines.engine, "detector", branch="nothing") == []
    assert history(lines.engine, "detector", points=["b64"]) == []
    assert history(lines.engine, since=datetime(2030, 1, 1, tzinfo=UTC)) == []


def test_what_was_costed_under_other_rules_has_no_totals(store: Store, add: Add) -> None:
    add("v1", width=8, rules=RULES)
    add("v1", width=8, rules=RULES + 1)
    add("v2", width=16, rules=RULES + 1)
    (series,) = history(store.engine)
    assert [point.rules for point in series.versions] == [RULES, RULES + 1]
    assert [point.totals is None for point in series.versions] == [False, True]


def test_a_lower_bound_says_so(store: Store, add: Add) -> None:
    # By hand: coverage goes by the number mod 4, of layers 101 apart; 3 is unknown.
    add("v1", width=2)  # 2000 and 2101: exact, estimated
    add("v2", graph=None, width=3)
    (series,) = history(store.engine)
    unknown = [analysis(width=width).cost.is_lower_bound for width in (2, 3)]
    assert [point.is_lower_bound for point in series.versions] == unknown


def test_it_is_one_statement_that_reads_no_layers(lines: Store) -> None:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(lines.engine, "before_cursor_execute", note)
    history(lines.engine, last=3)
    statements = [text for text in statements if not text.startswith(("BEGIN", "SELECT 1"))]
    assert len(statements) == 1
    assert "layer_cost" not in statements[0]
    assert "content" not in statements[0]


def test_a_long_history_comes_in_pieces(lines: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = history(lines.engine)
    monkeypatch.setattr("costdb.store.history.VERSIONS_AT_ONCE", 3)
    pieces = list(history_pieces(lines.engine))
    assert max(len(piece.versions) for piece in pieces) == 3
    assert shown(pieces) == [
        ("another", "default", "main", "v1"),
        ("detector", "default", "dev", "x1"),
        ("detector", "default", "main", "v1 v2 v3"),
        ("detector", "default", "main", "v4"),
        ("detector", "b32", "dev", "x1"),
        ("detector", "b32", "main", "v1 v2"),
    ]
    assert history(lines.engine) == whole
