"""A format is added without a change to the core: a distribution installed with pip."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

DISTRIBUTION = Path(__file__).parent / "third_party" / "costdb-tiny"

HEADER = b"tiny 1\ninput x 8\ndense hidden 4\nwobble hidden 3\nend\n"
WEIGHTS = bytes(8 * 4 * 4)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that pip installed the distribution into."""
    target = tmp_path_factory.mktemp("site")
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation",
        "--no-index", "--disable-pip-version-check", "--target", str(target), str(DISTRIBUTION),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return target


def costdb(installed: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-m", "costdb", *map(str, arguments)]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, cwd=installed
    )


def test_its_loader_and_its_rule_are_found(installed: Path, tmp_path: Path) -> None:
    model = tmp_path / "net.tiny"
    model.write_bytes(HEADER + WEIGHTS)
    done = costdb(installed, "analyze", model, "--dim", "batch=2", "--format", "json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    # Two rows: 2*4 dot products of length 8, then three times a sine and an add on 8 elements.
    assert document["totals"]["macs"] == 64
    assert document["totals"]["flops"] == 2 * 64 - 8 + 3 * 2 * 8
    assert document["totals"]["params"] == 32
    assert document["coverage"]["unknown"] == 0
    assert document["artifact"]["format"] == "tiny"


def test_it_is_listed(installed: Path) -> None:
    done = costdb(installed, "plugins", "--format", "json")
    listed = {plugin["name"]: plugin for plugin in json.loads(done.stdout)["plugins"]}
    assert listed["tiny"]["distribution"] == "costdb-tiny 1.0"
    assert listed["tiny"]["rules"] == ["tiny:wobble"]
    assert not listed["tiny"]["problem"]


def test_without_it_no_one_reads_the_file(tmp_path: Path) -> None:
    model = tmp_path / "net.tiny"
    model.write_bytes(HEADER + WEIGHTS)
    done = costdb(tmp_path, "analyze", model)
    assert done.returncode == 1
    assert "no loader reads 'net.tiny'" in done.stderr
    assert "Traceback" not in done.stderr
