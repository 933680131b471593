"""A slice of `make fuzz`, and that it would notice what it looks for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from builders import hostile_files as files
from builders import onnx_models
from builders.command_line import runner
from builders.misbehaving import install_misbehaving
from fuzz.campaign import CRASH, EFFECT, Campaign
from fuzz.commands import sample
from fuzz.outcome import BUG, REFUSED, RESULT, VIOLATION, lay_out, outcome_of

from costdb.plugins import discover

FILES = 150


def seed(folder: Path, kind: str, content: bytes) -> None:
    place = folder / kind
    place.mkdir(parents=True, exist_ok=True)
    (place / str(len([*place.iterdir()]))).write_bytes(content)


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that are written without a framework, which would take longer than the slice."""
    folder, scratch = tmp_path_factory.mktemp("seeds"), tmp_path_factory.mktemp("scratch")
    simple = Path(onnx_models.onnx().__file__).parent / "backend/test/data/simple"
    for path in sorted(simple.rglob("*.onnx")):
        seed(folder, "onnx", path.read_bytes())
    seed(folder, "frozen", files.tensorflow_product(scratch).read_bytes())
    seed(folder, "exported", files.export_with_samples(scratch, scratch / "canary").read_bytes())
    seed(folder, "safetensors", files.safetensors(scratch / "w", [2, 2]).read_bytes())
    seed(folder, "checkpoint", files.checkpoint_that_runs(scratch, scratch / "no").read_bytes())
    return folder


@pytest.mark.parametrize("kind", ["onnx", "frozen", "exported", "safetensors", "checkpoint"])
def test_damaged_files_end_with_a_result_or_a_line(kind: str, seeds: Path, tmp_path: Path) -> None:
    campaign = Campaign(kind, seeds, tmp_path)
    campaign.run(FILES)
    assert campaign.files == FILES
    assert not campaign.has_failed, campaign.findings
    assert campaign.counts[REFUSED] > FILES // 10
    assert campaign.counts[RESULT] > 0 or kind == "checkpoint"


def test_some_are_read_by_the_command(seeds: Path, tmp_path: Path) -> None:
    counts = sample("onnx", range(3), seeds, tmp_path)
    assert counts.keys() <= {"stored", "refused"}
    assert counts.total() == 3


@pytest.fixture
def misbehaving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    site.mkdir()
    install_misbehaving(site)
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", os.fspath(site))


def behaving(name: str) -> bytes:
    """A file most of which may be damaged without a change to what it does."""
    return b"misbehave: " + name.encode() + b"\n" + bytes(20_000)


@pytest.mark.usefixtures("misbehaving")
@pytest.mark.parametrize(
    ("behaviour", "ending"), [("abort", CRASH), ("raise_bug", BUG), ("write_much", EFFECT)]
)
def test_what_a_file_does_to_its_reader_is_counted_and_kept(
    behaviour: str, ending: str, tmp_path: Path
) -> None:
    seed(tmp_path / "seeds", "onnx", behaving("behave"))
    campaign = Campaign("onnx", tmp_path / "seeds", tmp_path / "kept")
    # The first file, which is read as it is before the others, does nothing.
    (tmp_path / "seeds/onnx/1").write_bytes(behaving(behaviour))
    campaign.run(8)
    assert campaign.files == 8
    assert campaign.counts[ending] > 0
    assert campaign.has_failed == (ending != CRASH)
    (what,) = campaign.findings
    assert what.startswith(ending)
    (kept,) = (tmp_path / "kept").iterdir()
    assert {path.name for path in kept.iterdir()} == {"model.onnx", "said.txt"}


@pytest.mark.usefixtures("misbehaving")
def test_a_file_that_native_code_leaves_behind_is_noticed(tmp_path: Path) -> None:
    seed(tmp_path / "seeds", "onnx", behaving("write_natively"))
    campaign = Campaign("onnx", tmp_path / "seeds", tmp_path / "kept")
    campaign.run(2)
    assert campaign.strays == {"stray"}
    assert campaign.has_failed


@pytest.mark.usefixtures("misbehaving")
def test_what_ended_its_reader_is_refused_by_the_command(tmp_path: Path) -> None:
    seed(tmp_path / "seeds", "onnx", behaving("behave"))
    campaign = Campaign("onnx", tmp_path / "seeds", tmp_path / "kept")
    (tmp_path / "seeds/onnx/1").write_bytes(behaving("abort"))
    campaign.run(6)
    number = campaign.lethal[0]
    commands = tmp_path / "commands"
    commands.mkdir()
    assert sample("onnx", [number], campaign.seeds, commands) == {"refused": 1}
    done = runner(commands)("analyze", f"onnx-{number}/model.onnx")
    assert "was ended by signal SIGABRT" in done.err


@pytest.mark.usefixtures("misbehaving")
@pytest.mark.parametrize(
    ("behaviour", "kind", "said"),
    [
        ("behave", RESULT, ""),
        ("raise_own_error", REFUSED, "strange"),
        ("raise_bug", BUG, "ZeroDivisionError: no rank"),
    ],
)
def test_the_outcome_of_a_file(behaviour: str, kind: str, said: str, tmp_path: Path) -> None:
    file = lay_out("onnx", behaving(behaviour), tmp_path)
    outcome = outcome_of(file, discover())
    assert outcome.kind == kind
    assert said in outcome.said


@pytest.mark.parametrize(
    "effect",
    [
        "open('new', 'w')",
        "__import__('os').open('new', 65)",
        "__import__('os').mkdir('new')",
        "__import__('os').system('true')",
        "__import__('subprocess').run(['true'])",
        "__import__('pickle').loads(b'cbuiltins\\neval\\n.')",
    ],
)
def test_an_effect_ends_the_worker(effect: str, tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\nfrom fuzz.outcome import allow, forbid_effects\n"
        "forbid_effects()\nallow(Path('allowed').resolve())\n"
        "allowed = Path('allowed').resolve()\nallowed.write_text('')\nallowed.read_text()\n"
        f"{effect}\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == VIOLATION, done.stderr
    assert (tmp_path / "allowed").exists()
    assert not (tmp_path / "new").exists()
