"""Exported programs and weights are read where PyTorch is not installed."""

import subprocess
import sys
from pathlib import Path

import pytest
from builders import torch_models as models

torch = pytest.importorskip("torch", reason="it writes the files")

READING = """
import sys
sys.modules["torch"] = None  # importing it raises ImportError
sys.modules["numpy"] = None
from costdb.binding import Binding
from costdb.errors import CostdbError
from costdb.source import Source
from costdb_torch.loader import TorchLoader

for path in sys.argv[1:]:
    with Source(path) as source:
        loader = TorchLoader()
        assert loader.sniff(source), path
        try:
            graph = loader.load(source, Binding(trust=True))
        except CostdbError as error:
            print(type(error).__name__, error.hint)
        else:
            print(len(graph.layers), sum(tensor.numel for tensor in graph.tensors()
                                         if tensor.role.is_stored))
"""


def read_without_torch(*paths: Path) -> list[str]:
    command = [sys.executable, "-c", READING, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_programs_and_weights(tmp_path: Path) -> None:
    state = {"weight": torch.randn(3, 4)}
    torch.save(state, tmp_path / "new.pth")
    torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    stored = models.CONVNET_PARAMS + models.CONVNET_BUFFERS
    program = models.export_convnet(tmp_path / "m.pt2")
    assert read_without_torch(program, tmp_path / "new.pth", tmp_path / "old.pth") == [
        f"8 {stored}",
        "0 12",
        "0 12",
    ]


def test_torchscript_says_what_is_missing(tmp_path: Path) -> None:
    models.script(torch.nn.ReLU(), tmp_path / "relu.pt")
    assert read_without_torch(tmp_path / "relu.pt") == [
        "PluginError pip install 'costdb-torch[torch]'"
    ]
