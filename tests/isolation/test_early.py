"""A file is read before the command line is understood, and only for a command that asks for it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from builders import onnx_models
from typer.main import get_command

from costdb.analysis import analyses
from costdb.cli.reading import reads_files
from costdb.isolation import early, guess, interpreter
from costdb.isolation.guess import guessed_request
from costdb.isolation.process import ReadingProcess, reading_process
from costdb.limits import Limits
from costdb.reading import Reading


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of its own with a model, its process ended afterwards."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("COSTDB_")]:
        monkeypatch.delenv(name)
    onnx_models.save_conv(tmp_path / "net.onnx", ("batch", 3, 8, 8), (4, 3, 3, 3))
    yield tmp_path
    early.abandon()


def begun(*arguments: str) -> ReadingProcess:
    early.begin(list(arguments))
    assert early._begun is not None
    return early._begun


def is_running(process: ReadingProcess) -> bool:
    return process._process.returncode is None and process._process.poll() is None


@pytest.mark.parametrize(
    ("flags", "reading"),
    [
        ([], Reading()),
        (["--format", "json", "--top", "3"], Reading()),
        (["--dim", "a=1", "--dim=b=2"], Reading(dims=["a=1", "b=2"])),
        (["--input", "x=1x3", "--output=y"], Reading(inputs=["x=1x3"], outputs=["y"])),
        (["--at", "b32:batch=32", "--trip", "l=3"], Reading(at=["b32:batch=32"], trips=["l=3"])),
        (["--loader", "onnx", "--strict"], Reading(loader="onnx", strict=True)),
        (["--loader=onnx"], Reading(loader="onnx")),
        (["--dim"], Reading(dims=[""])),
    ],
    ids=str,
)
def test_flags_mean_what_typer_takes_them_for(flags: list[str], reading: Reading) -> None:
    assert guessed_request("net.onnx", ["analyze", "net.onnx", *flags]).reading == reading


def reader(readings: list[Reading]) -> Any:
    """A command that reads files, as Typer makes it; it notes what its flags mean."""
    app = typer.Typer(add_completion=False)

    @app.command()
    @reads_files
    def read(reading: Reading) -> None:
        readings.append(reading)

    return get_command(app)


READING_FLAGS = {option.opts[0]: option.is_flag for option in reader([]).params}


@pytest.mark.parametrize("flag", READING_FLAGS)
def test_no_flag_that_says_how_files_are_read_is_forgotten(flag: str) -> None:
    arguments = [flag] if READING_FLAGS[flag] else [flag, "x=1"]
    readings: list[Reading] = []
    reader(readings)(arguments, standalone_mode=False)
    assert readings != [Reading()]
    assert readings == [guess._reading(arguments)] or flag in early._OTHERWISE


def test_limits_are_those_of_the_command_and_of_the_settings(folder: Path) -> None:
    (folder / "costdb.toml").write_text('[limits]\ncpu = "7 s"\nmemory = "1 GiB"\n')
    request = guessed_request("net.onnx", ["analyze", "net.onnx", "--limit", "cpu=9s"])
    assert request.limits == Limits(1 << 30, 9, 120)


@pytest.mark.parametrize(
    "arguments",
    [
        ["analyze", "net.onnx"],
        ["ingest", "--tag", "v1", "net.onnx"],
        ["check", "--policy", "policy.toml", "net.onnx"],
        ["diff", "saved.json", "net.onnx"],
        ["explain", "net.onnx", "--convention", "fvcore"],
    ],
    ids=" ".join,
)
def test_what_reads_a_file_begins_at_once(folder: Path, arguments: list[str]) -> None:
    (folder / "policy.toml").touch()
    (folder / "saved.json").touch()
    assert begun(*arguments)._name == "net.onnx"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--help"],
        ["--version"],
        ["history", "net.onnx"],
        ["analyze"],
        ["analyze", "missing.onnx"],
        ["analyze", "https://example.com/net.onnx"],
        ["analyze", "folder"],
        ["analyze", "net.onnx", "--help"],
        ["analyze", "net.onnx", "--trust"],
        ["analyze", "net.onnx", "--limit", "cpu=nothing"],
        ["ingest", "net.onnx", "--tag-from-name", "--jobs", "2"],
        ["check", "--all"],
    ],
    ids=" ".join,
)
def test_what_does_not_begins_nothing(folder: Path, arguments: list[str]) -> None:
    (folder / "folder").mkdir()
    early.begin(arguments)
    assert early._begun is None


def test_a_wrong_setting_is_left_to_the_command(folder: Path) -> None:
    (folder / "costdb.toml").write_text("limits = 3\n")
    early.begin(["analyze", "net.onnx"])
    assert early._begun is None


def test_where_nothing_can_be_started_the_command_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", os.fspath(folder / "no-python"))
    early.begin(["analyze", "net.onnx"])
    assert early._begun is None


def test_who_asks_for_the_same_is_given_it_once() -> None:
    process = begun("analyze", "net.onnx", "--dim", "batch=2")
    request = guessed_request("net.onnx", ["--dim=batch=2"])
    with reading_process(request) as taken:
        assert taken is process
        graph = taken.answer().content.graphs["default"].graph
    assert graph.inputs[0].shape == (2, 3, 8, 8)
    with reading_process(request) as another:
        assert another is not process


def test_an_analysis_takes_what_has_begun() -> None:
    process = begun("analyze", "net.onnx")
    (analysis,) = analyses("net.onnx", Reading(), {})
    # By hand: 6*6 outputs of 4 channels, a dot product of 3*3*3 each.
    assert analysis.cost.totals.macs == 6 * 6 * 4 * 27
    assert early._begun is None
    assert not is_running(process)


@pytest.mark.parametrize(
    ("file", "flags"),
    [("other.onnx", []), ("net.onnx", ["--dim", "batch=2"]), ("net.onnx", ["--limit", "cpu=1s"])],
    ids=str,
)
def test_who_asks_for_something_else_is_not(file: str, flags: list[str]) -> None:
    process = begun("analyze", "net.onnx")
    assert early.take(guessed_request(file, flags)) is None
    assert not is_running(process)


def test_it_may_see_no_more_than_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    process = begun("analyze", "net.onnx")
    monkeypatch.delenv("PYTHONHASHSEED")
    assert early.take(guessed_request("net.onnx", [])) is None
    assert not is_running(process)


def test_what_nobody_asks_for_is_ended() -> None:
    process = begun("analyze", "net.onnx")
    early.abandon()
    assert not is_running(process)
    early.abandon()


def test_a_child_that_is_asked_nothing_leaves_quietly() -> None:
    process = interpreter.start(interpreter.visible_environment())
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, b"", b"")


def test_the_memory_of_a_child_is_watched_before_its_answer_is_asked_for() -> None:
    process = begun("analyze", "net.onnx", "--limit", "memory=1MiB")
    try:
        # No Python is so small.
        assert process._process.wait(60) != 0
    except subprocess.TimeoutExpired:
        pytest.fail("the child outlived its limit")
