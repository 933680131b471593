import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from builders.analyses import NOW, analysis, chain

from costdb.errors import BrokenExport, VersionConflict
from costdb.store import Store, administration, open_store, read, upgrade_store
from costdb.store.examination import Problem, examine
from costdb.store.exporting import export_lines
from costdb.store.importing import import_lines
from costdb.store.records import IngestOutcome
from costdb.store.stored import version_cost
from costdb.store.write import ingest

Add = Callable[..., IngestOutcome]


@pytest.fixture
def filled(store: Store, add: Add) -> Store:
    """Two models: a retrained version, a replaced one, an archived one, hostile text."""
    add("v1", width=8)
    add("v2", width=8, path="build/\udc80\0\x1a.onnx")
    add("v3", graph=chain(width=16, prefix="\x1b[31m=cmd()"))
    add("v3", width=32, replace=True, now=NOW + timedelta(days=1))
    add("v1", width=8, model="other", point="b32")
    administration.set_archived(store.engine, "detector@v2", NOW)
    administration.rename(store.engine, "other", "renamed")
    return store


def lines_of(store: Store) -> list[str]:
    return list(export_lines(store.engine))


def problems(store: Store) -> list[Problem]:
    """Without those of costs, which are made up and add up to nothing."""
    return [problem for problem in examine(store.engine) if problem.table != "cost"]


def other_backend(store: Store, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if store.backend == "postgresql":
        return f"sqlite:///{tmp_path / 'other.db'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url


def test_the_other_backend_and_back_give_the_same_bytes(
    filled: Store, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    first = lines_of(filled)
    there = other_backend(filled, request, tmp_path)
    upgrade_store(there)
    with open_store(there) as other:
        done = import_lines(other.engine, first)
        assert done.added["version"] == 4
        assert done.present == 0
        assert lines_of(other) == first
        assert problems(other) == []
        v3 = read.resolve(other.engine, "detector@v3")
        assert version_cost(other.engine, v3).graph == chain(width=32)
        with open_store(f"sqlite:///{tmp_path / 'back.db'}") as back:
            import_lines(back.engine, lines_of(other))
            assert lines_of(back) == first


def test_a_second_import_adds_nothing(filled: Store, tmp_path: Path) -> None:
    lines = lines_of(filled)
    with open_store(f"sqlite:///{tmp_path / 'other.db'}") as other:
        import_lines(other.engine, lines)
        again = import_lines(other.engine, lines)
        assert again.added == {}
        assert again.present == len(lines) - 2
        assert lines_of(other) == lines


def test_an_import_catches_up_with_what_was_replaced_since(
    filled: Store, add: Add, tmp_path: Path
) -> None:
    with open_store(f"sqlite:///{tmp_path / 'other.db'}") as other:
        import_lines(other.engine, lines_of(filled))
        add("v1", width=64, replace=True, now=NOW + timedelta(days=2))
        import_lines(other.engine, lines_of(filled))
        v1 = read.resolve(other.engine, "detector@v1")
        assert version_cost(other.engine, v1).graph == chain(width=64)
        assert problems(other) == []


def test_an_import_that_contradicts_writes_nothing(filled: Store, tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path / 'other.db'}") as other:
        ingest(other.engine, [analysis(width=5)], model="detector", tag="v1", now=NOW)
        before = lines_of(other)
        with pytest.raises(VersionConflict, match="contradicts"):
            import_lines(other.engine, lines_of(filled))
        assert lines_of(other) == before


def without(key: str) -> Callable[[dict[str, object]], object]:
    return lambda record: record.pop(key)


def with_value(key: str, value: object) -> Callable[[dict[str, object]], object]:
    return lambda record: record.update({key: value})


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        pytest.param("model", without("slug"), "lacks or has too much of slug", id="no-key"),
        pytest.param("model", with_value("x", 1), "lacks or has too much of x", id="another-key"),
        pytest.param("model", with_value("slug", "a b"), "no name for a model", id="model-name"),
        pytest.param("version", with_value("tag", "a@b"), "no tag of a version", id="tag"),
        pytest.param("version", with_value("model", "nobody"), "no model 'nobody'", id="reference"),
        pytest.param("version", with_value("model", 7), "model is 7", id="reference-type"),
        pytest.param("version", with_value("ordinal", "1"), "ordinal is '1'", id="integer"),
        pytest.param("version", with_value("ordinal", value=True), "ordinal is True", id="boolean"),
        pytest.param("version", with_value("ordinal", 2**63), "ordinal is 92", id="too-large"),
        pytest.param("version", with_value("branch", None), "branch is None", id="null"),
        pytest.param(
            "version",
            with_value("created_at", "2026-01-01T00:00:00"),
            "created_at is",
            id="naive-time",
        ),
        pytest.param("structure", with_value("content", "{}"), "digest", id="content"),
        pytest.param("layer_names", with_value("digest", "0"), "digest", id="digest"),
        pytest.param("cost", with_value("layer_costs", [[1]]), "a layer is", id="layer"),
        pytest.param("cost", with_value("layer_costs", 3), "no list", id="layers"),
        pytest.param("cost", with_value("kind", "price"), "no kind 'price'", id="kind"),
        pytest.param("end", with_value("rows", 3), "it says", id="count"),
    ],
)
def test_a_damaged_line_is_named_and_nothing_is_written(
    filled: Store,
    tmp_path: Path,
    kind: str,
    change: Callable[[dict[str, object]], object],
    message: str,
) -> None:
    lines = lines_of(filled)
    number = next(n for n, line in enumerate(lines) if f'"kind":"{kind}"' in line)
    record = json.loads(lines[number])
    change(record)
    lines[number] = json.dumps(record)
    with open_store(f"sqlite:///{tmp_path / 'other.db'}") as other:
        empty = lines_of(other)
        with pytest.raises(BrokenExport, match=f"line {number + 1} of the export: .*{message}"):
            import_lines(other.engine, lines)
        assert lines_of(other) == empty


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(lambda _: [], "ends too early", id="empty"),
        pytest.param(lambda lines: lines[:-1], "ends too early", id="cut-off"),
        pytest.param(lambda lines: lines[1:], "no costdb.export/1", id="no-header"),
        pytest.param(lambda lines: [*lines, lines[1]], "after the end", id="too-long"),
        pytest.param(lambda lines: [lines[0], "{", *lines[1:]], "no JSON", id="half-a-line"),
        pytest.param(lambda lines: [lines[0], "[]"], "no JSON object", id="list"),
        pytest.param(lambda lines: [lines[0], "[" * 100_000], "no JSON", id="deep"),
        pytest.param(
            lambda lines: [lines[0].replace('"0002"', '"0001"'), *lines[1:]],
            "schema '0001'",
            id="other-schema",
        ),
    ],
)
def test_a_damaged_export_is_refused(
    filled: Store,
    tmp_path: Path,
    damage: Callable[[list[str]], list[str]],
    message: str,
) -> None:
    with open_store(f"sqlite:///{tmp_path / 'other.db'}") as other:
        empty = lines_of(other)
        with pytest.raises(BrokenExport, match=message):
            import_lines(other.engine, damage(lines_of(filled)))
        assert lines_of(other) == empty
