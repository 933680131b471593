"""Whatever a file does to its reader, the parent gets an answer or an error with a message."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import pytest
from builders import onnx_models
from builders.misbehaving import install_misbehaving, misbehaving_file

from costdb.errors import (
    ArtifactError,
    ArtifactUnreadable,
    BrokenArtifact,
    CostdbError,
    LimitExceeded,
    ReaderCrashed,
)
from costdb.isolation.content import read_content
from costdb.isolation.messages import Answer, Request
from costdb.isolation.process import ReadingProcess
from costdb.limits import Limits
from costdb.plugins import discover
from costdb.reading import Reading

Read = Callable[..., Answer]
DEFAULT = Limits()
NO_LIMITS = Limits(None, None, None)
PLAIN = Reading()


def request_for(
    file: Path, reading: Reading = PLAIN, limits: Limits = DEFAULT, *sites: Path
) -> Request:
    module_path = (*map(os.fspath, sites), *sys.path)
    return Request(os.fspath(file), reading, {}, limits, module_path)


def answer_to(request: Request) -> Answer:
    with ReadingProcess(request) as process:
        return process.answer()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    install_misbehaving(folder)
    return folder


@pytest.fixture
def read(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Has a child read a file that makes its loader misbehave."""
    monkeypatch.chdir(tmp_path)

    def read(behaviour: str, *, trust: bool = False, limits: Limits = DEFAULT) -> Answer:
        file = misbehaving_file(tmp_path, behaviour)
        return answer_to(request_for(file, Reading(trust=trust), limits, site))

    return read


@dataclass(frozen=True)
class Ending:
    """How the reading of a misbehaving file ends."""

    behaviour: str
    kind: type[CostdbError]
    said: str
    advice: str
    limits: Limits = DEFAULT


@pytest.mark.parametrize(
    "ending",
    [
        Ending("allocate", LimitExceeded, "128 MiB", "memory=256MiB", Limits(128 << 20)),
        Ending("spin", LimitExceeded, "1 s of the processor's time", "cpu=2s", Limits(None, 1)),
        Ending("sleep", LimitExceeded, "more than 1 s", "time=2s", Limits(None, None, 1)),
        Ending("close_the_answer", LimitExceeded, "than 1 s", "time=2s", Limits(None, None, 1)),
        Ending("abort", ReaderCrashed, "SIGABRT: Check failed: rank >= 0", "report"),
        Ending("read_null", ReaderCrashed, "SIGSEGV", "report"),
        Ending("leave", ReaderCrashed, "exit code 7", "report"),
        Ending("exit_politely", ReaderCrashed, "exit code 3", "report"),
        Ending("recurse", BrokenArtifact, "nests deeper", "export the model again"),
        Ending("demand", BrokenArtifact, "more memory than there is", "export the model again"),
        Ending("raise_own_error", BrokenArtifact, "strange \udc80 file", "look again"),
        Ending("write_much", ArtifactError, "File too large", ""),
    ],
    ids=lambda ending: ending.behaviour,
)
def test_what_a_file_does_to_its_reader_is_an_error(ending: Ending, read: Read) -> None:
    with pytest.raises(CostdbError) as raised:
        read(ending.behaviour, limits=ending.limits)
    assert type(raised.value) is ending.kind
    assert ending.said in raised.value.message
    assert ending.advice in raised.value.hint


@pytest.mark.parametrize(
    "ending",
    [
        Ending("escape_with_the_answer", LimitExceeded, "1 s", "time=2s", Limits(None, None, 1)),
        Ending("escape_and_abort", ReaderCrashed, "SIGABRT: Check failed", "report", NO_LIMITS),
    ],
    ids=lambda ending: ending.behaviour,
)
def test_what_outlives_its_reader_keeps_no_one_waiting(
    ending: Ending, read: Read, tmp_path: Path
) -> None:
    with pytest.raises(ending.kind, match=ending.said) as raised:
        read(ending.behaviour, limits=ending.limits)
    assert ending.advice in raised.value.hint
    escaped = int((tmp_path / "escaped").read_text())
    assert is_running(escaped)
    os.kill(escaped, signal.SIGKILL)


def test_a_bug_is_raised_as_what_it_was_with_the_place_in_the_child(read: Read) -> None:
    with pytest.raises(ZeroDivisionError, match="no rank") as raised:
        read("raise_bug")
    assert "in raise_bug" in str(raised.value.__cause__)


@pytest.mark.parametrize("behaviour", ["print_much", "read_input"])
def test_what_a_reader_prints_and_reads_is_kept_apart(behaviour: str, read: Read) -> None:
    content = read(behaviour).content
    assert content.loader == "misbehaving"
    assert content.graphs["default"].graph.unread[0].shape == (2, 3)


def test_it_sees_no_secrets(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COSTDB_TOKEN", "COSTDB_URL", "AWS_SECRET_ACCESS_KEY", "CI_JOB_TOKEN"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("https_proxy", "http://proxy.example")
    with pytest.raises(ArtifactError) as raised:
        read("tell_environment")
    seen = set(raised.value.message.split())
    assert {"PATH", "https_proxy"} <= seen
    assert not seen & {"COSTDB_TOKEN", "COSTDB_URL", "AWS_SECRET_ACCESS_KEY", "CI_JOB_TOKEN"}
    # Code that is trusted may need anything.
    with pytest.raises(ArtifactError, match="CI_JOB_TOKEN"):
        read("tell_environment", trust=True)


@pytest.mark.parametrize(
    ("trust", "limits"),
    [
        pytest.param(False, f"0 60 {16 << 20} 256", id="stranger"),
        pytest.param(True, "0 60", id="trusted"),
    ],
)
def test_the_system_enforces_what_it_can(trust: bool, limits: str, read: Read) -> None:  # noqa: FBT001 - a row
    with pytest.raises(ArtifactError) as raised:
        read("tell_limits", trust=trust)
    assert raised.value.message.startswith(limits)


def test_what_it_started_ends_with_it(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    request = request_for(misbehaving_file(tmp_path, "leave_a_process"), PLAIN, DEFAULT, site)
    with ReadingProcess(request):
        wait_until((tmp_path / "pids").exists)
    assert_gone(tmp_path / "pids")


@pytest.mark.parametrize(
    "ending", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda s: s.name
)
def test_it_ends_with_its_parent(ending: signal.Signals, site: Path, tmp_path: Path) -> None:
    # What a shell runs in the background ignores SIGINT, and so would what it starts.
    command = ["/usr/bin/env", "--default-signal=INT", sys.executable, "-m", "costdb", "analyze"]
    command.append(str(misbehaving_file(tmp_path, "leave_a_process")))
    environment = {**os.environ, "PYTHONPATH": str(site)}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as parent:
        wait_until((tmp_path / "pids").exists)
        parent.send_signal(ending)
        parent.communicate(timeout=60)
    assert_gone(tmp_path / "pids")


def assert_gone(pids: Path) -> None:
    for pid in map(int, pids.read_text().split()):
        wait_until(lambda pid=pid: not is_running(pid))  # type: ignore[misc] # pid is bound


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # a zombie has ended, and waits for whoever adopts it


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = monotonic() + 60
    while not condition():
        assert monotonic() < deadline, "nothing happened for a minute"
        sleep(0.02)


def test_several_threads_read_at_once(read: Read) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(read, ["print_much", "read_input"] * 2)
        assert [answer.content.size for answer in answers] == [21, 21, 21, 21]


def test_a_child_reads_what_this_process_reads(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx_models.save_conv(path, ("batch", 3, 8, 8), (4, 3, 3, 3), bias=True)
    reading = Reading(at=["small:batch=2", "large:batch=64"])
    answer = answer_to(request_for(path, reading))
    assert answer.content == read_content(os.fspath(path), reading, {}, discover())
    assert answer.rule_plugins == ()
    shapes = {point: found.graph.inputs[0].shape for point, found in answer.content.graphs.items()}
    assert shapes == {"small": (2, 3, 8, 8), "large": (64, 3, 8, 8)}


def test_notes_come_along(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx_models.save_conv(path, ("batch", 3, 8, 8), (4, 3, 3, 3))
    notes = answer_to(request_for(path)).content.graphs["default"].graph.notes
    assert ["batch" in note for note in notes] == [True]


def test_a_plugin_that_does_not_work_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken-1.dist-info").mkdir()
    (tmp_path / "broken-1.dist-info" / "METADATA").write_text("Name: broken\nVersion: 1\n")
    (tmp_path / "broken-1.dist-info" / "entry_points.txt").write_text("[costdb]\nx = no_such\n")
    path = tmp_path / "net.onnx"
    onnx_models.save_conv(path, (1, 3, 8, 8), (4, 3, 3, 3))
    problems = answer_to(request_for(path, PLAIN, DEFAULT, tmp_path)).plugin_problems
    assert len(problems) == 1
    assert "No module named 'no_such'" in problems[0]


def test_an_answer_need_not_be_asked_for(tmp_path: Path) -> None:
    file = misbehaving_file(tmp_path, "sleep")
    request = request_for(file)
    with ReadingProcess(request) as process:
        pid = process._process.pid
    assert not is_running(pid)


def test_a_missing_file_is_said_as_ever(tmp_path: Path) -> None:
    with pytest.raises(ArtifactUnreadable, match=r"no\.onnx"):
        answer_to(request_for(tmp_path / "no.onnx"))


def test_where_no_child_can_be_started_the_error_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", os.fspath(tmp_path / "no-python"))
    with pytest.raises(ReaderCrashed, match="No such file"):
        answer_to(request_for(tmp_path / "net.onnx"))
