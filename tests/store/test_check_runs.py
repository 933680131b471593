"""What checks found, kept so that the next one knows what is new."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders.analyses import NOW
from sqlalchemy import event, update

from costdb.contracts import Attribution, Finding
from costdb.store import Store, check_runs, schema
from costdb.store.check_runs import runs, save_runs
from costdb.store.database import write_transaction
from costdb.store.records import CheckRun

FINDING = Finding(
    kind="macs-increased", model="detector", tag="v2", point="default", metric="macs",
    scope="layer:\x00[red]", verdict="regression", reason="=cmd()\ud800", old=2**62, new=2**62 + 2,
    limit=2**62, rule="r", baseline="previous v1",
    attribution=(Attribution("decoder/*", 2, "1 new Conv"),), is_new=True,
)  # fmt: skip
RUN = CheckRun("detector", "branch main", 1, "regression", (FINDING,), NOW)


def test_a_run_comes_back_as_it_was(store: Store) -> None:
    plain = replace(FINDING, old=None, new=None, limit=None, attribution=(), is_new=None)
    run = replace(RUN, findings=(FINDING, plain))
    save_runs(store.engine, [run])
    assert list(runs(store.engine, "detector", "branch main")) == [run]


def test_the_last_one_comes_first_and_others_are_left_out(store: Store) -> None:
    save_runs(store.engine, [replace(RUN, verdict=str(number)) for number in range(3)])
    save_runs(store.engine, [replace(RUN, subject="speech"), replace(RUN, baseline="detector@v1")])
    found = [run.verdict for run in runs(store.engine, "detector", "branch main")]
    assert found == ["2", "1", "0"]
    assert list(runs(store.engine, "detector", "branch dev")) == []


def test_nothing_is_written_for_nothing(store: Store) -> None:
    save_runs(store.engine, [])
    assert list(runs(store.engine, "detector", "branch main")) == []


def test_runs_are_read_as_they_are_needed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_runs, "_PAGE", 2)
    moments = [NOW + timedelta(minutes=number) for number in range(5)]
    save_runs(store.engine, [replace(RUN, created_at=moment) for moment in moments])
    statements: list[str] = []
    event.listen(
        store.engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_rest: statements.append(statement),
    )
    reader = runs(store.engine, "detector", "branch main")
    assert next(reader).created_at == moments[-1]
    assert sum("check_run" in statement for statement in statements) == 1
    assert [run.created_at for run in reader] == moments[-2::-1]
    assert sum("check_run" in statement for statement in statements) == 3


def test_what_another_version_of_the_program_kept_can_be_read(store: Store) -> None:
    save_runs(store.engine, [RUN])
    with write_transaction(store.engine) as connection:
        text = connection.exec_driver_sql("SELECT findings FROM check_run").scalar_one()
        changed = text.replace('"is_new": true', '"was_seen": 3')
        connection.execute(update(schema.check_run).values(findings=changed))
    (run,) = runs(store.engine, "detector", "branch main")
    assert run.findings == (replace(FINDING, is_new=None),)
