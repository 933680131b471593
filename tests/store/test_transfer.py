import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Event
from time import sleep

import pytest
from builders.analyses import NOW, analysis, chain
from builders.writing import counted, exported, fill
from sqlalchemy.event import listen

from costdb.errors import BrokenArtifact, BrokenExport, VersionConflict
from costdb.store import Store, administration, open_store, read, upgrade_store
from costdb.store.database import outside_transaction
from costdb.store.examination import Problem, examine
from costdb.store.exporting import export_lines
from costdb.store.importing import import_lines
from costdb.store.migrations import HEAD
from costdb.store.records import IngestOutcome, IngestStatus
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
            lambda lines: [lines[0].replace(f'"{HEAD}"', '"0001"'), *lines[1:]],
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


def test_an_export_is_of_one_moment_while_others_write(filled: Store, add: Add) -> None:
    before = lines_of(filled)
    lines = export_lines(filled.engine)
    # The header, and the first row of a model: the rest is still to be read.
    begun = [next(lines), next(lines)]
    add("v4", width=64)
    add("v1", width=64, model="another")
    assert [*begun, *lines] == before
    assert len(lines_of(filled)) > len(before)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        pytest.param(
            "UPDATE version SET model_id = 77 WHERE id = 2",
            "row 2 of version cannot be exported: model_id 77 is no row of model",
            id="version",
        ),
        pytest.param(
            "UPDATE layer_cost SET cost_id = 77 WHERE cost_id = 1",
            "row 77 0 of layer_cost cannot be exported: cost_id 77 is no row of cost",
            id="layers",
        ),
        pytest.param(
            "DELETE FROM layer_names WHERE id = 1",
            "row 1 of analysis cannot be exported: layer_names_id 1 is no row of layer_names",
            id="names",
        ),
    ],
)
def test_nothing_is_left_out_for_a_broken_reference(
    sqlite_url: str, statement: str, message: str
) -> None:
    """Only SQLite can be told not to look at references."""
    fill(sqlite_url)
    with open_store(sqlite_url) as store:
        with outside_transaction(store.engine) as connection:
            connection.execute("PRAGMA foreign_keys=OFF")
            connection.execute(statement)
            connection.execute("PRAGMA foreign_keys=ON")
        with pytest.raises(BrokenArtifact) as caught:
            lines_of(store)
        assert caught.value.message == message
        assert "costdb db doctor" in caught.value.hint
        assert message.partition(": ")[2] in {problem.text for problem in examine(store.engine)}


def test_an_import_and_an_ingest_of_the_same_model_wait_for_each_other(
    postgresql_url: str,
) -> None:
    """The import writes a structure, the ingest locks the model; each then needs the other's."""
    upgrade_store(postgresql_url)
    with open_store(postgresql_url) as store, ThreadPoolExecutor(1) as pool:
        # The model is there, the structures are not.
        ingest(store.engine, [counted(8)], model="segmenter", tag="v0", now=NOW)
        structures_written, model_locked = Event(), Event()

        def lines() -> Iterator[str]:
            for line in exported():
                if line.startswith('{"kind":"version"'):
                    structures_written.set()
                    assert model_locked.wait(60)
                    sleep(0.5)  # the ingest is waiting for the structure by now
                # After those that are there.
                yield line.replace('"ordinal":', '"ordinal":9')

        importing = pool.submit(import_lines, store.engine, lines())
        assert structures_written.wait(60)

        def note(*happened: object) -> None:
            if "UPDATE" in str(happened[2]):  # SELECT ... FOR NO KEY UPDATE
                model_locked.set()

        listen(store.engine, "after_cursor_execute", note)
        done = ingest(store.engine, [counted(24)], model="segmenter", tag="v9", now=NOW)
        assert done.status is IngestStatus.CREATED
        assert importing.result(60).added["version"] == 2
        assert list(examine(store.engine)) == []
