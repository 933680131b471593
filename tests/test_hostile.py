"""Files that are made to do harm: each is refused with a message of its own, and does none."""

from collections.abc import Callable
from pathlib import Path

import pytest
from builders import hostile_files as files
from builders.command_line import Costdb, runner


@pytest.fixture
def costdb(tmp_path: Path) -> Costdb:
    return runner(tmp_path)


def every_file(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if "__pycache__" not in path.parts}


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (files.export_bomb, "inflates from"),
        (files.checkpoint_bomb, "inflates from"),
        (files.onnx_nested, "nests more than 64 messages deep"),
        (files.tensorflow_nested, "nests too deep"),
        (files.export_nested, "nests deeper than any model"),
        (files.safetensors_nested, "nests deeper than any model"),
        (files.checkpoint_nested, "holds no tensor"),
        (files.onnx_exponential, "expand to more than"),
        (files.tensorflow_exponential, "unfold to more than"),
        (files.onnx_recursive, "function 'f' calls itself"),
        (files.tensorflow_recursive, "function 'f' is called 64 functions deep"),
        (files.onnx_cyclic, "depends on its own output"),
        (files.tensorflow_cyclic, "in a cycle"),
        (files.export_cyclic, "'y' reads 'y', which nothing produces"),
        (files.onnx_huge, "more than a 64-bit integer holds"),
        (files.onnx_huge_weight, "more than a 64-bit integer holds"),
        (files.tensorflow_huge, "more than 2**63 - 1 entries"),
        (files.tensorflow_huge_weight, "more than 2**63 - 1 entries"),
        (files.export_huge, "more than a 64-bit integer holds"),
        (files.safetensors_huge, "takes 16 bytes, which is not its size"),
        (files.onnx_negative, "declares a size of -5"),
        (files.onnx_negative_weight, "has shape (4, -5)"),
        (files.tensorflow_negative, "declares a size of -5"),
        (files.tensorflow_negative_weight, "has no definite shape"),
        (files.export_negative, "is -5, a negative size"),
        (files.safetensors_negative, "is -2, a negative size"),
        (files.onnx_outside, "'../secret.bin', which is no file in its folder"),
        (files.onnx_absolute, "'/etc/passwd', which is no file in its folder"),
        (files.onnx_link, "'w.bin', a link that leads out of its folder"),
        (files.safetensors_header, "a field that lies from byte 8 to 90,000,008"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_hostile_file_is_refused(
    write: Callable[[Path], Path], said: str, costdb: Costdb, tmp_path: Path
) -> None:
    file = write(tmp_path)
    before = every_file(tmp_path)
    done = costdb("ingest", file, "--tag", "v1")
    assert (done.code, done.out) == (1, ""), done
    error, hint = done.err.splitlines()
    assert error.startswith("error: ")
    assert said in error
    assert hint.startswith("hint: ")
    assert every_file(tmp_path) == before


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (files.checkpoint_that_runs, "names posix.system"),
        (files.bare_pickle_that_runs, "names posix.system"),
        (files.torchscript, "is a TorchScript program"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_pickle_that_would_run_is_refused(
    write: Callable[[Path, Path], Path], said: str, costdb: Costdb, tmp_path: Path
) -> None:
    file = write(tmp_path, tmp_path / "canary")
    before = every_file(tmp_path)
    done = costdb("ingest", file, "--tag", "v1")
    assert (done.code, done.out) == (1, "")
    assert said in done.err
    assert every_file(tmp_path) == before


def test_sample_inputs_that_would_run_are_not_looked_at(costdb: Costdb, tmp_path: Path) -> None:
    file = files.export_with_samples(tmp_path, tmp_path / "canary")
    done = costdb("analyze", file, "--format", "json")
    assert done.code == 0, done.err
    assert not (tmp_path / "canary").exists()


def test_the_canary_sings(tmp_path: Path) -> None:
    """The pickle of the tests above does run where someone loads it."""
    import pickle

    canary = tmp_path / "canary"
    pickle.loads(files.touching_pickle(canary))  # noqa: S301 - that is the point
    assert canary.exists()
