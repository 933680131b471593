"""TorchScript: refused without trust, recorded from a run without data with it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import torch_models as models

from costdb.errors import ArtifactError, BindingError, TrustRequired, UnboundDimension
from costdb.ir import Graph, Role

torch = pytest.importorskip("torch", reason="it makes and runs TorchScript")

Load = Callable[..., Graph]

IMAGE = "input=1x3x32x32"


def stored(graph: Graph, role: Role) -> int:
    return sum(tensor.numel for tensor in graph.tensors() if tensor.role is role)


def macs(graph: Graph) -> int:
    total = 0
    for layer in graph.layers:
        if layer.op == "Conv":
            total += layer.output.numel * layer.input(1).numel // layer.output.size(1)
        elif layer.op in {"Gemm", "MatMul"}:
            total += layer.output.numel * layer.input(0).size(-1)
    return total


@pytest.fixture
def scripted(tmp_path: Path) -> Path:
    return models.script(models.convnet(), tmp_path / "scripted.pt")


@pytest.fixture
def repeats(tmp_path: Path) -> Path:
    return models.script(models.repeating_module(), tmp_path / "repeats.pt")


def test_it_is_a_program_and_refused_in_one_line(scripted: Path, load: Load) -> None:
    with pytest.raises(TrustRequired, match=r"'scripted\.pt' is a TorchScript program") as raised:
        load(scripted)
    assert "\n" not in raised.value.message
    assert raised.value.hint == (
        'export it, torch.export.save(torch.export.export(model, inputs), "model.pt2"),'
        " or add --trust"
    )


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="scripted"),
        pytest.param({"traced_with": True}, id="traced"),
    ],
)
def test_a_run_shows_the_same_network(tmp_path: Path, load: Load, options: Any) -> None:
    if options:
        options = {"traced_with": models.convnet_inputs()}
    path = models.script(models.convnet(), tmp_path / "net.pt", **options)
    graph = load(path, trust=True, inputs=[IMAGE])
    assert macs(graph) == models.CONVNET_MACS
    assert stored(graph, Role.PARAMETER) == models.CONVNET_PARAMS
    assert stored(graph, Role.BUFFER) == models.CONVNET_BUFFERS
    assert (graph.file_format, graph.outputs[0].shape) == ("torchscript", (1, 10))
    norm = next(layer for layer in graph.layers if layer.op == "BatchNormalization")
    assert [tensor.name for tensor in norm.inputs if tensor][1:] == [
        *("1.weight", "1.bias", "1.running_mean", "1.running_var"),
    ]


def test_the_shapes_are_those_that_are_given(scripted: Path, load: Load) -> None:
    graph = load(scripted, trust=True, inputs=["input=3x3x64x64:float32"])
    assert graph.inputs[0].shape == (3, 3, 64, 64)
    assert graph.outputs[0].shape == (3, 10)


def test_numbers_that_tracing_wrote_into_the_code(tmp_path: Path, load: Load) -> None:
    """They are tensors there, and their values are looked at: they alone need data."""
    model = models.network(
        lambda self, x: self.dense(x * 0.125) * 0.125 / 3, dense=torch.nn.Linear(4, 4)
    )
    path = models.script(model, tmp_path / "traced.pt", traced_with=torch.randn(2, 4))
    graph = load(path, trust=True, inputs=["x=2x4"])
    assert macs(graph) == 2 * 4 * 4
    assert stored(graph, Role.PARAMETER) == 4 * 4 + 4


def test_freezing_makes_weights_constants_whose_role_is_open(tmp_path: Path, load: Load) -> None:
    """The batch norm is gone, its scale merged into the convolution, which has a bias now."""
    model = torch.nn.Sequential(*list(models.convnet())[:3]).eval()
    graph = load(
        models.script(model, tmp_path / "frozen.pt", frozen=True), trust=True, inputs=[IMAGE]
    )
    assert [layer.op for layer in graph.layers] == ["Conv", "Relu"]
    assert stored(graph, Role.STORED) == 8 * 3 * 9 + 8


def test_programs_run_with_their_control_flow(repeats: Path, load: Load) -> None:
    graph = load(repeats, trust=True, inputs=["x=2x4", "times:=3"])
    assert [layer.op for layer in graph.layers].count("Gemm") == 4
    assert stored(graph, Role.PARAMETER) == 4 * 4 + 4 + 4
    assert [tensor.shape for tensor in graph.outputs] == [(2, 4), (2, 4)]
    assert (
        graph.outputs[0] == next(layer for layer in graph.layers if layer.op == "ScatterND").output
    )


def test_optional_inputs_may_be_given(repeats: Path, load: Load) -> None:
    inputs = ["x=2x4", "times:=1", "scale:=0.5", "mask=2x4"]
    graph = load(repeats, trust=True, inputs=inputs)
    assert [tensor.name for tensor in graph.inputs] == ["x", "mask"]
    assert "Add" in [layer.op for layer in graph.layers]


@pytest.mark.parametrize(
    ("inputs", "kind", "message", "hint"),
    [
        pytest.param(
            ["times:=1"],
            UnboundDimension,
            "input 'x' has no shape in the file",
            "add --input x=1x3x224x224",
            id="no shape",
        ),
        pytest.param(
            ["x=2x4"],
            UnboundDimension,
            "'times' is a number",
            "add --input times:=1",
            id="no number",
        ),
        pytest.param(
            ["x=2x4", "times:=1", "y=3"],
            BindingError,
            "no input 'y'",
            "its inputs: times, x",
            id="no such input",
        ),
        pytest.param(
            ["x=2x5", "times:=1"],
            ArtifactError,
            "running 'repeats.pt' without data failed",
            'export it: torch.export.save(torch.export.export(model, inputs), "model.pt2")',
            id="a shape that does not fit",
        ),
    ],
)
def test_a_binding_that_does_not_fit_is_refused(  # noqa: PLR0917 - the columns of the table
    repeats: Path, load: Load, inputs: list[str], kind: type[Exception], message: str, hint: str
) -> None:
    with pytest.raises(kind, match=message) as raised:
        load(repeats, trust=True, inputs=inputs)
    assert raised.value.hint == hint  # type: ignore[attr-defined] # all have one
    assert "\n" not in str(raised.value)


def test_what_needs_data_cannot_be_run(tmp_path: Path, load: Load) -> None:
    path = models.script(models.deciding_function(), tmp_path / "data.pt")
    with pytest.raises(ArtifactError, match="without data failed"):
        load(path, trust=True, inputs=["x=3"])


def test_inputs_that_cannot_be_typed_are_refused(tmp_path: Path, load: Load) -> None:
    path = models.script(models.listing_function(), tmp_path / "list.pt")
    with pytest.raises(ArtifactError, match=r"input 'x' is a List\[Tensor\]"):
        load(path, trust=True)
