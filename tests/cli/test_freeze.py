"""`costdb freeze` as typed, and TensorFlow's folders and checkpoints through the other commands."""

import json
from pathlib import Path

import pytest
from builders import tensorflow_formats as formats
from builders import tensorflow_models as models
from builders.command_line import Costdb

# x (n, 8) times w (8, 4).
MACS = 8 * 4


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SavedModel of one matrix product."""
    tf = models.tensorflow()
    w = tf.Variable(tf.random.normal((8, 4)), name="w")
    folder = tmp_path_factory.mktemp("models") / "encoder"
    return formats.save_functions(folder, {"serving_default": lambda x: x @ w}, [w], 8)


@pytest.fixture(scope="module")
def keras_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "dense.keras"
    return formats.save_keras(models.sequential((8,), models.dense(4)), path)


def test_a_saved_model_is_frozen(costdb: Costdb, saved: Path, tmp_path: Path) -> None:
    done = costdb("freeze", saved, "-o", "model.pb", "--input", "x=3x8")
    assert done.code == 0, done
    assert f"{saved} is frozen as model.pb" in done.out
    assert f"{3 * MACS}" in next(line for line in done.out.splitlines() if "macs" in line)
    document = json.loads(costdb("analyze", "model.pb", "--format", "json").out)
    assert document["totals"]["macs"] == MACS
    assert document["totals"]["params"] == 32
    assert {file.name for file in tmp_path.iterdir()} == {"model.pb"}


def test_weights_may_be_written_that_no_reader_may_write(costdb: Costdb, tmp_path: Path) -> None:
    tf = models.tensorflow()
    w = tf.Variable(tf.zeros((2048, 2560)), name="w")
    formats.save_functions(tmp_path / "large", {"serving_default": lambda x: x @ w}, [w], 2048)
    done = costdb("freeze", "large", "-o", "model.pb")
    assert done.code == 0, done
    assert (tmp_path / "model.pb").stat().st_size > 4 * 2048 * 2560  # 20 MiB


def test_a_file_that_is_there_stays(costdb: Costdb, saved: Path, tmp_path: Path) -> None:
    (tmp_path / "model.pb").write_bytes(b"old")
    done = costdb("freeze", saved, "-o", "model.pb")
    assert (done.code, done.out) == (2, "")
    assert done.err == "error: 'model.pb' is there already\nhint: add --force to replace it\n"
    assert (tmp_path / "model.pb").read_bytes() == b"old"


def test_a_frozen_graph_is_not_frozen_again(costdb: Costdb, pb_file: Path) -> None:
    done = costdb("freeze", pb_file, "-o", "model.pb")
    assert done.code == 1
    assert "it is frozen already" in done.err


def test_a_file_of_keras_wants_trust(costdb: Costdb, keras_file: Path, tmp_path: Path) -> None:
    done = costdb("freeze", keras_file, "-o", "model.pb")
    assert (done.code, done.out) == (1, "")
    assert "or add --trust" in done.err.splitlines()[1]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_file_of_keras_is_frozen_with_trust(costdb: Costdb, keras_file: Path) -> None:
    done = costdb("freeze", keras_file, "-o", "model.pb", "--trust", "--format", "json")
    assert done.code == 0, done
    assert json.loads(done.out)["totals"]["macs"] == MACS


def test_a_broken_model_leaves_nothing(costdb: Costdb, saved: Path, tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    content = (saved / "saved_model.pb").read_bytes()
    (tmp_path / "bare" / "saved_model.pb").write_bytes(content)
    done = costdb("freeze", "bare", "-o", "model.pb")
    assert (done.code, done.out) == (1, "")
    assert "variables.index" in done.err.splitlines()[-2]
    assert {file.name for file in tmp_path.iterdir()} == {"bare"}


def test_a_folder_is_ingested_and_checked_under_its_name(costdb: Costdb, saved: Path) -> None:
    done = costdb("ingest", f"{saved}/", "--tag", "v1")
    assert done.code == 0, done
    assert done.out.startswith("encoder@v1: stored as a new version")
    again = costdb("ingest", saved / "saved_model.pb", "--tag", "v1")
    assert "nothing changed" in again.out
    done = costdb("check", saved, "--against", "encoder@v1")
    assert done.code == 0, done
    assert costdb("explain", saved, "--convention", "2mac").code == 0


def test_a_folder_has_no_hash(costdb: Costdb, saved: Path) -> None:
    done = costdb("ingest", saved, "--tag", "v1", "--hash")
    assert done.code == 2
    assert "is a folder, which has no SHA-256" in done.err


@pytest.mark.parametrize("tenth", [0, 3, 6, 9])
def test_a_truncated_model_is_one_line(
    costdb: Costdb, saved: Path, tmp_path: Path, tenth: int
) -> None:
    content = (saved / "saved_model.pb").read_bytes()
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "saved_model.pb").write_bytes(content[: len(content) * tenth // 10])
    done = costdb("ingest", "cut", "--tag", "v1")
    assert (done.code, done.out) == (1, "")
    assert [line.partition(":")[0] for line in done.err.splitlines()] == ["error", "hint"]


def test_a_checkpoint_goes_by_its_prefix(costdb: Costdb, tmp_path: Path) -> None:
    training = formats.train(tmp_path, use_resource=True)
    done = costdb("analyze", training.prefix, "--output", "logits", "--format", "json")
    document = json.loads(done.out)
    assert document["totals"]["macs"] == formats.MACS
    assert document["artifact"]["bytes"] == sum(
        training.file(suffix).stat().st_size
        for suffix in (".meta", ".index", ".data-00000-of-00001")
    )
