"""A command line and two small models."""

from pathlib import Path

import pytest
from builders import onnx_models, tensorflow_models
from builders.command_line import Costdb, runner, runner_here


@pytest.fixture
def costdb(tmp_path: Path) -> Costdb:
    """Runs `costdb` in a folder of its own."""
    return runner(tmp_path)


@pytest.fixture
def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Costdb:
    """The same without a process of its own."""
    return runner_here(tmp_path, monkeypatch, capsys)


@pytest.fixture(scope="session")
def onnx_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A convolution with bias as `.onnx`."""
    path = tmp_path_factory.mktemp("models") / "conv.onnx"
    onnx_models.save_conv(path, (1, 3, 32, 32), (16, 3, 3, 3), bias=True)
    return path


@pytest.fixture(scope="session")
def pb_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A convolution, a batch norm and a ReLU as frozen `.pb`."""
    path = tmp_path_factory.mktemp("models") / "conv.pb"
    model = tensorflow_models.sequential((32, 32, 3), *tensorflow_models.conv_bn_relu(16))
    return tensorflow_models.freeze(model, path, (1, 32, 32, 3))
