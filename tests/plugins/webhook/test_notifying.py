"""The plugin as it is installed, and called by `costdb check --notify`."""

import shutil
from pathlib import Path

import pytest
from builders import onnx_models
from builders.command_line import Costdb, runner
from builders.findings import finding
from builders.webhook import Hook

from costdb import api
from costdb.plugins import discover


@pytest.fixture(scope="module")
def worse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database whose model got worse in its latest version."""
    folder = tmp_path_factory.mktemp("worse")
    for tag, channels in (("v1", 4), ("v2", 8)):
        onnx_models.save_conv(folder / "net.onnx", (1, 3, 8, 8), (channels, 3, 3, 3))
        assert runner(folder)("ingest", "net.onnx", "--tag", tag).code == 0
    return folder


@pytest.fixture
def costdb(worse: Path, tmp_path: Path) -> Costdb:
    """A command line with a copy of that database."""
    shutil.copytree(worse, tmp_path, dirs_exist_ok=True)
    return runner(tmp_path)


def test_it_is_found() -> None:
    plugin = next(plugin for plugin in discover().plugins if plugin.name == "webhook")
    assert plugin.notifier is not None
    assert plugin.problem == ""
    assert plugin.distribution.startswith("costdb-webhook ")


def test_a_check_notifies_of_what_is_new_and_exits_as_before(hook: Hook, costdb: Costdb) -> None:
    first = costdb("check", "net", "--notify", COSTDB_WEBHOOK_URL=hook.url)
    assert (first.code, first.err) == (3, "")
    (sent,) = hook.bodies
    assert {entry["verdict"] for entry in sent["findings"]} <= {"regression", "warn"}
    assert "regression: net@v2: macs +100.0 %" in sent["text"]


def test_without_the_flag_no_one_is_told(hook: Hook, costdb: Costdb) -> None:
    assert costdb("check", "net", COSTDB_WEBHOOK_URL=hook.url).code == 3
    assert hook.bodies == []


def test_what_fails_is_a_warning_without_the_secret(hook: Hook, costdb: Costdb) -> None:
    hook.answers = [404]
    done = costdb("check", "net", "--notify", COSTDB_WEBHOOK_URL=hook.url)
    assert done.code == 3
    assert "warning: plugin 'webhook' could not notify: 127.0.0.1 did not take" in done.err
    assert "S3CRET" not in done.err + done.out


def test_a_url_that_is_not_set_is_a_warning(costdb: Costdb) -> None:
    done = costdb("check", "net", "--notify")
    assert done.code == 3
    assert "COSTDB_WEBHOOK_URL is not set" in done.err


def test_findings_that_the_last_run_had_are_not_sent(
    hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COSTDB_WEBHOOK_URL", hook.url)
    old, unknown = finding(is_new=False), finding(is_new=None, metric="flops")
    assert api.notify([old, finding(), unknown, finding(verdict="improved")]) == ()
    (sent,) = hook.bodies
    assert [entry["metric"] for entry in sent["findings"]] == ["macs", "flops"]
    assert api.notify([old]) == ()
    assert len(hook.bodies) == 1
