"""What a file does to its reader is one line on stderr, exit code 1, and nothing is stored."""

import os
import shutil
from pathlib import Path

import pytest
from builders.command_line import Costdb
from builders.misbehaving import install_misbehaving, misbehaving_file, misbehaving_when_frozen


@pytest.fixture
def site(tmp_path: Path) -> str:
    """A folder with a plugin that misbehaves, for PYTHONPATH."""
    folder = tmp_path / "site"
    folder.mkdir()
    install_misbehaving(folder)
    return os.fspath(folder)


@pytest.mark.parametrize(
    ("behaviour", "flags", "error", "hint"),
    [
        ("allocate", ["memory=100MiB"], "takes more than 100 MiB of memory", "memory=200MiB"),
        ("spin", ["cpu=1s"], "takes more than 1 s of the processor's time", "--limit cpu=2s"),
        ("sleep", ["none", "time=1s"], "takes more than 1 s", "--limit time=2s"),
        ("read_null", [], "ended by signal SIGSEGV", "damaged or made to do harm"),
    ],
)
def test_a_file_that_harms_its_reader(
    costdb: Costdb, site: str, tmp_path: Path, *, behaviour: str, flags: list[str], error: str,
    hint: str,
) -> None:  # fmt: skip
    file = misbehaving_file(tmp_path, behaviour)
    limits = [argument for flag in flags for argument in ("--limit", flag)]
    done = costdb("ingest", file, "--tag", "v1", *limits, PYTHONPATH=site)
    assert done.code == 1
    assert done.out == ""
    said = done.err.splitlines()
    assert len(said) == 2, done.err
    assert said[0].startswith("error: ")
    assert error in said[0]
    assert hint in said[1]
    assert not (tmp_path / "costs.db").exists()


def test_freezing_is_done_by_a_child(costdb: Costdb, site: str, tmp_path: Path) -> None:
    file = misbehaving_when_frozen(tmp_path, "behave")
    done = costdb("freeze", file, "-o", "frozen.bad", "--format", "json", PYTHONPATH=site)
    assert done.code == 0, done
    assert (tmp_path / "frozen.bad").read_bytes() == b"misbehave: behave"


@pytest.mark.parametrize(
    ("behaviour", "flags", "error", "hint"),
    [
        ("allocate", ["memory=100MiB"], "takes more than 100 MiB of memory", "memory=200MiB"),
        ("spin", ["cpu=1s"], "takes more than 1 s of the processor's time", "--limit cpu=2s"),
        ("sleep", ["time=2s"], "takes more than 2 s", "--limit time=4s"),
        ("read_null", [], "ended by signal SIGSEGV", "damaged or made to do harm"),
        ("recurse", [], "nests deeper than any model", "export the model again"),
        ("demand", [], "asks for more memory than there is", "export the model again"),
        ("fill_the_disk", [], "cannot be frozen into '.': File too large", "name a file elsewhere"),
    ],
)
def test_a_file_that_harms_its_freezer(
    costdb: Costdb, site: str, tmp_path: Path, *, behaviour: str, flags: list[str], error: str,
    hint: str,
) -> None:  # fmt: skip
    file = misbehaving_when_frozen(tmp_path, behaviour)
    limits = [argument for flag in flags for argument in ("--limit", flag)]
    (tmp_path / "frozen.bad").write_bytes(b"old")
    done = costdb("freeze", file, "-o", "frozen.bad", "--force", *limits, PYTHONPATH=site)
    assert (done.code, done.out) == (1, "")
    said = done.err.splitlines()
    assert len(said) == 2, done.err
    assert error in said[0]
    assert hint in said[1]
    assert (tmp_path / "frozen.bad").read_bytes() == b"old"
    left = {path.name for path in tmp_path.iterdir()} - {"site", "large"}
    assert left == {"model.bad", "frozen.bad"}


@pytest.mark.parametrize("command", [["analyze"], ["ingest", "--tag", "v1"], ["explain"]])
def test_every_command_that_reads_takes_limits(
    costdb: Costdb, onnx_file: Path, command: list[str]
) -> None:
    done = costdb(*command, onnx_file, "--limit", "memory=1MiB")
    assert (done.code, done.out) == (1, "")
    assert "takes more than 1 MiB of memory" in done.err


def test_check_takes_limits(costdb: Costdb, onnx_file: Path) -> None:
    done = costdb("check", onnx_file, "--against", onnx_file, "--limit", "memory=1MiB")
    assert (done.code, done.out) == (1, "")
    assert "takes more than 1 MiB of memory" in done.err


@pytest.mark.parametrize(
    "command",
    [
        ["analyze", "net.onnx"],
        ["ingest", "net.onnx", "--tag", "v1"],
        ["ingest", ".", "--tag-from-name", "--model", "m"],
        ["explain", "net.onnx"],
        ["diff", "net.onnx", "net.onnx"],
        ["check", "net.onnx", "--against", "net.onnx"],
        ["freeze", "net.onnx", "-o", "frozen.pb"],
    ],
    ids=" ".join,
)
def test_limits_of_the_settings_file_hold_for_every_command(
    costdb: Costdb, tmp_path: Path, onnx_file: Path, command: list[str]
) -> None:
    shutil.copy(onnx_file, tmp_path / "net.onnx")
    (tmp_path / "costdb.toml").write_text('[limits]\nmemory = "1 MiB"\n')
    done = costdb(*command)
    assert done.code == 1
    assert "takes more than 1 MiB of memory" in done.out + done.err


def test_a_typed_limit_comes_before_the_settings_file(
    costdb: Costdb, tmp_path: Path, onnx_file: Path
) -> None:
    (tmp_path / "costdb.toml").write_text('[limits]\nmemory = "1 MiB"\n')
    assert costdb("analyze", onnx_file, "--limit", "memory=2GiB").code == 0


def test_a_wrong_limit_in_the_settings_file(
    costdb: Costdb, tmp_path: Path, onnx_file: Path
) -> None:
    (tmp_path / "costdb.toml").write_text('[limits]\n\nmemory = "much"\n')
    done = costdb("analyze", onnx_file)
    assert (done.code, done.out) == (1, "")
    assert f"{tmp_path / 'costdb.toml'}:3: limits.memory is the text 'much', no limit" in done.err


def test_a_limit_that_cannot_be_read_is_a_usage_error(costdb: Costdb, onnx_file: Path) -> None:
    done = costdb("analyze", onnx_file, "--limit", "memory=much")
    assert done.code == 2
    assert "--limit 'memory=much' is not NAME=AMOUNT" in done.err


@pytest.mark.parametrize("command", [["analyze"], ["check", "--against", "net.onnx"]])
def test_a_plugin_that_does_not_work_is_named(
    costdb: Costdb, site: str, tmp_path: Path, onnx_file: Path, command: list[str]
) -> None:
    (tmp_path / "site" / "costdb_misbehaving.py").write_text("import no_such_framework\n")
    (tmp_path / "net.onnx").write_bytes(onnx_file.read_bytes())
    done = costdb(*command, "net.onnx", PYTHONPATH=site)
    warnings = [line for line in done.err.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 1, done
    assert "plugin 'misbehaving' (costdb-misbehaving 1) is left out" in warnings[0]
