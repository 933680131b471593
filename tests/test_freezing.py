"""`freeze`: a file is written whole, once it is known to cost the same, or not at all."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import onnx_models

from costdb import api
from costdb.binding import Binding
from costdb.errors import (
    BrokenArtifact,
    CostdbError,
    CostError,
    OutputUnwritable,
    UnknownFormat,
    UsageError,
)
from costdb.plugins import Plugin, Plugins, choose_freezer, discover
from costdb.source import Source

# An image of 8x8, a kernel of 3x3x3 without padding, 4 channels.
MACS = 6 * 6 * 4 * 27


class CopyingFreezer:
    """A freezer of ONNX files, which hold their weights already.

    Args:
        given: What it writes instead of the model; None for the model itself.
        error: What it raises when it has begun to write.
    """

    name = "copy"

    def __init__(self, given: Path | None = None, error: Exception | None = None) -> None:
        self.given = given
        self.error = error

    def sniff(self, source: Source) -> bool:
        return source.name.endswith(".onnx")

    def freeze(self, source: Source, destination: Path, binding: Binding) -> None:  # noqa: ARG002
        shutil.copyfile(self.given or source.location, destination)
        if self.error is not None:
            raise self.error


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    onnx_models.save_conv(path, ("batch", 3, 8, 8), (4, 3, 3, 3))
    return path


def reading(freezer: CopyingFreezer, *inputs: str) -> api.Reading:
    plugin = Plugin("copy", "copy 1", loaders=discover().loaders, freezers=(freezer,))
    return api.Reading(inputs=inputs, plugins=Plugins((plugin,)))


def files(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_a_model_is_frozen_and_costed(model: Path, tmp_path: Path) -> None:
    frozen = api.freeze(str(model), tmp_path / "frozen.onnx", reading(CopyingFreezer()))
    assert frozen.path.read_bytes() == model.read_bytes()
    assert frozen.analysis.cost.totals.macs == MACS
    assert frozen.analysis.artifact.path == str(tmp_path / "frozen.onnx")
    assert files(tmp_path) == {"model.onnx", "frozen.onnx"}


def test_open_sizes_are_bound_for_costing_alone(model: Path, tmp_path: Path) -> None:
    frozen = api.freeze(
        str(model), tmp_path / "frozen.onnx", reading(CopyingFreezer(), "x=5x3x8x8")
    )
    assert frozen.analysis.cost.totals.macs == 5 * MACS
    assert frozen.path.read_bytes() == model.read_bytes()


def test_a_file_is_as_others_may_read_it(model: Path, tmp_path: Path) -> None:
    api.freeze(str(model), tmp_path / "frozen.onnx", reading(CopyingFreezer()))
    (tmp_path / "ordinary").write_bytes(b"")
    modes = [(tmp_path / name).stat().st_mode for name in ("frozen.onnx", "ordinary")]
    assert modes[0] == modes[1]


def test_a_graph_that_costs_something_else_is_not_written(model: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    onnx_models.save_conv(other, ("batch", 3, 8, 8), (5, 3, 3, 3))
    with pytest.raises(CostError, match="has macs 4,860 instead of 3,888"):
        api.freeze(str(model), tmp_path / "frozen.onnx", reading(CopyingFreezer(given=other)))
    assert files(tmp_path) == {"model.onnx", "other.onnx"}


@pytest.mark.parametrize(
    "freezer",
    [
        pytest.param(CopyingFreezer(error=BrokenArtifact("no")), id="an error halfway"),
        pytest.param(CopyingFreezer(given=Path(__file__)), id="what no loader reads"),
    ],
)
def test_nothing_is_left_of_a_failure(model: Path, tmp_path: Path, freezer: CopyingFreezer) -> None:
    (tmp_path / "frozen.onnx").write_bytes(b"old")
    with pytest.raises(CostdbError):
        api.freeze(str(model), tmp_path / "frozen.onnx", reading(freezer), force=True)
    assert (tmp_path / "frozen.onnx").read_bytes() == b"old"
    assert files(tmp_path) == {"model.onnx", "frozen.onnx"}


def directory(path: Path) -> None:
    path.mkdir()


def file(path: Path) -> None:
    path.write_bytes(b"old")


def dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize("make", [directory, file, dangling_link])
def test_nothing_is_overwritten(model: Path, tmp_path: Path, make: Callable[[Path], None]) -> None:
    destination = tmp_path / "frozen.onnx"
    make(destination)
    with pytest.raises(UsageError):
        api.freeze(str(model), destination, reading(CopyingFreezer()))
    assert os.path.lexists(destination)
    assert files(tmp_path) == {"model.onnx", "frozen.onnx"}


def test_a_file_that_comes_into_being_meanwhile_stays(model: Path, tmp_path: Path) -> None:
    destination = tmp_path / "frozen.onnx"

    class SlowFreezer(CopyingFreezer):
        def freeze(self, source: Source, into: Path, binding: Binding) -> None:
            super().freeze(source, into, binding)
            destination.write_bytes(b"someone else's")

    with pytest.raises(UsageError, match="is there already"):
        api.freeze(str(model), destination, reading(SlowFreezer()))
    assert destination.read_bytes() == b"someone else's"
    assert files(tmp_path) == {"model.onnx", "frozen.onnx"}


def test_with_force_a_file_is_replaced(model: Path, tmp_path: Path) -> None:
    (tmp_path / "frozen.onnx").write_bytes(b"old")
    frozen = api.freeze(str(model), tmp_path / "frozen.onnx", reading(CopyingFreezer()), force=True)
    assert frozen.path.read_bytes() == model.read_bytes()


def test_a_pipe_is_not_replaced(model: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="is no regular file"):
        api.freeze(str(model), tmp_path / "pipe", reading(CopyingFreezer()), force=True)
    assert (tmp_path / "pipe").is_fifo()


def test_a_folder_that_is_not_there_is_an_error(model: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputUnwritable, match="No such file or directory"):
        api.freeze(str(model), tmp_path / "no" / "frozen.onnx", reading(CopyingFreezer()))


def test_what_a_library_says_is_said_even_without_an_error_number(
    model: Path, tmp_path: Path
) -> None:
    freezer = CopyingFreezer(error=OSError("the disk is asleep"))
    with pytest.raises(OutputUnwritable, match=r"cannot be frozen into .*: the disk is asleep"):
        api.freeze(str(model), tmp_path / "frozen.onnx", reading(freezer))


def test_a_format_that_nothing_freezes_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("notes")
    with (
        Source(path) as source,
        pytest.raises(UnknownFormat, match=r"nothing freezes 'notes\.txt'"),
    ):
        choose_freezer(source, Plugins((Plugin("copy", "", freezers=(CopyingFreezer(),)),)))


def test_without_a_plugin_the_hint_names_one(model: Path) -> None:
    with Source(model) as source, pytest.raises(UnknownFormat) as raised:
        choose_freezer(source, Plugins(()))
    assert "pip install costdb-tensorflow" in raised.value.hint
