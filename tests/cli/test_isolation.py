"""What a file does to its reader is one line on stderr, exit code 1, and nothing is stored."""

import os
from pathlib import Path

import pytest
from builders.command_line import Costdb
from builders.misbehaving import install_misbehaving, misbehaving_file


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
