"""`package.module:factory`: made, and exported without data, if it is trusted."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from costdb.errors import ArtifactError, CostdbError, TrustRequired, UnboundDimension
from costdb.ir import Graph, Role

pytest.importorskip("torch", reason="it makes and exports the modules")

Load = Callable[..., Graph]

MODULE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, padding=1)
        self.first = nn.Linear(width, width)
        self.tied = nn.Linear(width, width)
        self.tied.weight = self.first.weight
        self.unused = nn.Linear(5, 5)
        self.register_buffer("offset", torch.arange(float(width)))

    def forward(self, image, scale=None):
        features = self.conv(image).relu().mean((2, 3))
        return self.tied(self.first(features)) + self.offset + torch.ones(1)

def small():
    return Net()

def huge():
    # 40 GB of weights: made on the meta device, or not at all.
    return nn.Linear(100_000, 100_000)

instance = Net()

def numbers():
    return [1, 2]

def breaks():
    raise ValueError("no luck\\nwith details")

def data():
    class Data(nn.Module):
        def forward(self, x):
            return x if x.sum().item() > 0 else -x
    return Data()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with a module of factories in it."""
    (tmp_path / "costdb_test_nets.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("costdb_test_nets", None)


def stored(graph: Graph, role: Role) -> int:
    return sum(tensor.numel for tensor in graph.tensors() if tensor.role is role)


def test_it_is_code_and_refused_in_one_line(load: Load) -> None:
    with pytest.raises(TrustRequired, match="'costdb_test_nets:small' is Python code") as raised:
        load("costdb_test_nets:small")
    assert "--trust" in raised.value.hint
    assert "costdb_test_nets" not in sys.modules


@pytest.mark.parametrize("factory", ["small", "instance"])
@pytest.mark.parametrize(
    "name", [pytest.param("image", id="by name"), pytest.param("x", id="by position")]
)
def test_a_module_is_exported(load: Load, factory: str, name: str) -> None:
    """Tied weights count once; unused ones count."""
    graph = load(f"costdb_test_nets:{factory}", trust=True, inputs=[f"{name}=2x3x16x16"])
    assert [layer.op for layer in graph.layers if layer.op in {"Conv", "Gemm"}] == [
        *("Conv", "Gemm", "Gemm"),
    ]
    assert stored(graph, Role.PARAMETER) == 3 * 8 * 9 + 8 + 8 * 8 + 8 + 8 + 5 * 5 + 5
    assert stored(graph, Role.BUFFER) == 8
    assert graph.outputs[0].shape == (2, 8)
    assert graph.file_format == "torch-module"
    first = graph.layers[0]
    assert (first.scope, first.source_module) == ("conv", "torch.nn.modules.conv.Conv2d")


def test_weights_take_no_memory(load: Load) -> None:
    graph = load("costdb_test_nets:huge", trust=True, inputs=["input=1x100000"])
    assert stored(graph, Role.PARAMETER) == 100_000 * 100_000 + 100_000


@pytest.mark.parametrize(
    ("location", "inputs", "kind", "message"),
    [
        pytest.param(
            "nets_that_are_not_there:f", [], ArtifactError, "No module named", id="module"
        ),
        pytest.param("costdb_test_nets:nothing", [], ArtifactError, "has no 'nothing'", id="name"),
        pytest.param(
            "costdb_test_nets:numbers", [], ArtifactError, "makes list instead of", id="no module"
        ),
        pytest.param(
            "costdb_test_nets:breaks", [], ArtifactError, "ValueError: no luck$", id="raises"
        ),
        pytest.param(
            "costdb_test_nets:small", [], UnboundDimension, "'image' has no shape", id="no input"
        ),
        pytest.param(
            "costdb_test_nets:small",
            ["image=1x5x8x8"],
            ArtifactError,
            "exporting 'costdb_test_nets:small' failed",
            id="a shape that does not fit",
        ),
        pytest.param(
            "costdb_test_nets:data", ["x=3"], ArtifactError, "exporting .* failed", id="needs data"
        ),
    ],
)
def test_what_cannot_be_made_or_exported_is_an_error_in_one_line(
    load: Load, location: str, inputs: list[str], kind: type[CostdbError], message: str
) -> None:
    with pytest.raises(kind, match=message) as raised:
        load(location, trust=True, inputs=inputs)
    assert "\n" not in raised.value.message
