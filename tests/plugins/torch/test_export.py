"""Exported programs: weights, roles, names, outputs, and the layouts of the archive."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import torch_models as models

from costdb.canonical import names_json, structure_json
from costdb.errors import ArtifactError, BindingError, BrokenArtifact
from costdb.ir import Graph, Role, Tensor

torch = pytest.importorskip("torch", reason="it exports the models")

Load = Callable[..., Graph]


def weights(graph: Graph) -> dict[str, Tensor]:
    return {tensor.name: tensor for tensor in graph.tensors() if tensor.role.is_stored}


def roles(graph: Graph) -> dict[str, Role]:
    return {name: tensor.role for name, tensor in weights(graph).items()}


@pytest.fixture
def convnet(tmp_path: Path) -> Path:
    return models.export_convnet(tmp_path / "convnet.pt2")


def test_the_layers_of_a_convnet(convnet: Path, load: Load) -> None:
    graph = load(convnet)
    assert [layer.op for layer in graph.layers] == [
        "Conv",
        "BatchNormalization",
        "Relu",
        "MaxPool",
        "Conv",
        "GlobalAveragePool",
        "Flatten",
        "Gemm",
    ]
    assert [tensor.shape for tensor in graph.inputs] == [(1, 3, 32, 32)]
    assert [(tensor.shape, tensor.role) for tensor in graph.outputs] == [((1, 10), Role.OUTPUT)]
    assert (graph.file_format, graph.framework) == ("torch-export", "pytorch")
    assert graph.notes == ()


def test_a_batch_norm_has_its_inputs_in_the_order_of_onnx(convnet: Path, load: Load) -> None:
    norm = load(convnet).layers[1]
    names = [tensor.name for tensor in norm.inputs if tensor]
    assert names[1:] == ["1.weight", "1.bias", "1.running_mean", "1.running_var"]


def test_everything_stored_counts(convnet: Path, load: Load) -> None:
    graph = load(convnet)
    by_role = {
        role: sum(tensor.numel for tensor in weights(graph).values() if tensor.role is role)
        for role in (Role.PARAMETER, Role.BUFFER)
    }
    assert by_role[Role.PARAMETER] == models.CONVNET_PARAMS
    assert by_role[Role.BUFFER] == models.CONVNET_BUFFERS
    assert [tensor.name for tensor in graph.unread] == ["1.num_batches_tracked"]


def test_tied_weights_are_one_tensor(tmp_path: Path, load: Load) -> None:
    tied = torch.nn.Embedding(50, 8)
    head = torch.nn.Linear(8, 50, bias=False)
    head.weight = tied.weight
    model = models.network(lambda self, x: self.head(self.embed(x)), embed=tied, head=head)
    graph = load(models.export(model, [torch.zeros(1, 4, dtype=torch.int64)], tmp_path / "t.pt2"))
    gather, gemm = graph.layers
    assert gather.input(0) == gemm.input(1)
    assert weights(graph).keys() == {"embed.weight"}


def test_equal_weights_are_two_tensors(tmp_path: Path, load: Load) -> None:
    layers = [torch.nn.Linear(8, 8, bias=False) for _ in range(2)]
    layers[1].load_state_dict(layers[0].state_dict())
    graph = load(
        models.export(torch.nn.Sequential(*layers), [torch.randn(1, 8)], tmp_path / "e.pt2")
    )
    assert weights(graph).keys() == {"0.weight", "1.weight"}


def test_a_part_of_a_tensor_is_another_tensor(tmp_path: Path, load: Load) -> None:
    whole = torch.nn.Parameter(torch.randn(2, 8))
    part = torch.nn.Parameter(whole.data[0])
    model = models.network(lambda self, x: x * self.whole + self.part, whole=whole, part=part)
    graph = load(models.export(model, [torch.randn(2, 8)], tmp_path / "p.pt2"))
    assert {name: tensor.shape for name, tensor in weights(graph).items()} == {
        "whole": (2, 8),
        "part": (8,),
    }


def test_roles_are_those_of_the_signature(tmp_path: Path, load: Load) -> None:
    model = models.network(
        lambda self, x: x * self.scale + self.table + self.hidden + torch.tensor([1.0, 2.0]),
        scale=torch.nn.Parameter(torch.randn(2)),
        table=torch.randn(2),
    )
    model.register_buffer("hidden", torch.randn(2), persistent=False)
    graph = load(models.export(model, [torch.randn(3, 2)], tmp_path / "r.pt2"))
    assert roles(graph) == {
        "scale": Role.PARAMETER,
        "table": Role.BUFFER,
        "hidden": Role.BUFFER,
        "lifted_tensor_0": Role.CONSTANT,
    }


def test_a_weight_may_be_called_like_an_input(tmp_path: Path, load: Load) -> None:
    model = models.network(lambda self, x: x + self.x, x=torch.nn.Parameter(torch.randn(2)))
    graph = load(models.export(model, [torch.randn(2)], tmp_path / "n.pt2"))
    assert [tensor.name for tensor in graph.inputs] == ["x"]
    assert weights(graph).keys() == {"state_dict.x"}


def test_values_of_weights_change_nothing(tmp_path: Path, load: Load) -> None:
    graphs = [load(models.export_convnet(tmp_path / f"{name}.pt2")) for name in ("one", "two")]
    assert structure_json(graphs[0]) == structure_json(graphs[1])
    assert names_json(graphs[0]) == names_json(graphs[1])


def test_poisoned_weights_change_nothing(convnet: Path, load: Load) -> None:
    clean = structure_json(load(convnet))
    with zipfile.ZipFile(convnet) as archive:
        entries = [
            entry for entry in archive.infolist() if "/data/weights/weight_" in entry.filename
        ]
    content = bytearray(convnet.read_bytes())
    for entry in entries:
        # Behind the local header; the name and the padding are as long as it says.
        lengths = content[entry.header_offset + 26 : entry.header_offset + 30]
        name, extra = (int.from_bytes(lengths[i : i + 2], "little") for i in (0, 2))
        start = entry.header_offset + 30 + name + extra
        content[start : start + entry.file_size] = b"\xff" * entry.file_size
    assert len(entries) == 10  # 5 of the norm, 1 and 2 of the convolutions, 2 of the dense layer
    convnet.write_bytes(content)
    assert structure_json(load(convnet)) == clean


@pytest.mark.parametrize(
    "layout",
    [
        pytest.param(models.older_layout, id="2.1 to 2.7"),
        pytest.param(models.checkpoint_layout, id="2.8"),
    ],
)
def test_layouts_of_older_versions(tmp_path: Path, load: Load, layout: Callable[..., Path]) -> None:
    """The same program and weights give the same graph, tied weights included."""
    tied = torch.nn.Linear(8, 8)
    other = torch.nn.Linear(8, 8)
    other.weight = tied.weight
    model = torch.nn.Sequential(tied, torch.nn.BatchNorm1d(8), other).eval()
    new = models.export(model, [torch.randn(2, 8)], tmp_path / "new.pt2")
    old = layout(new, model.state_dict(), tmp_path / "old.pt2")
    assert structure_json(load(old)) == structure_json(load(new))


def test_without_a_list_of_weights_the_program_names_them(
    tmp_path: Path, convnet: Path, load: Load
) -> None:
    path = models.write_program(tmp_path / "bare.pt2", models.program_json(convnet))
    assert roles(load(path)) == roles(load(convnet))


def test_nodes_without_names_are_called_as_their_results(
    tmp_path: Path, convnet: Path, load: Load
) -> None:
    """Programs of PyTorch before 2.6 name only values."""
    program = models.program_json(convnet)
    for node in program["graph_module"]["graph"]["nodes"]:
        del node["name"]
    graph = load(models.write_program(tmp_path / "nameless.pt2", program))
    assert [layer.name for layer in graph.layers] == [
        layer.outputs[0].name for layer in load(convnet).layers
    ]


def test_outputs_are_the_programs_own(tmp_path: Path, load: Load) -> None:
    model = models.network(lambda _, x: {"double": x * 2, "square": x * x, "size": x.shape[0]})
    graph = load(models.export(model, [torch.randn(3)], tmp_path / "o.pt2"))
    assert [tensor.name for tensor in graph.outputs] == ["mul", "mul_1"]


def test_an_output_can_be_chosen(tmp_path: Path, load: Load) -> None:
    path = models.export(
        models.network(lambda _, x: (x.exp().log(), x.sin())), [torch.randn(3)], tmp_path / "o.pt2"
    )
    assert [layer.op for layer in load(path, outputs=["exp"]).layers] == ["Exp"]
    with pytest.raises(BindingError, match="no value 'expp'") as raised:
        load(path, outputs=["expp"])
    assert raised.value.hint == "did you mean 'exp'?"


def test_everything_can_be_kept(tmp_path: Path, load: Load) -> None:
    """The sine is computed and dropped; PyTorch exports it all the same."""

    def forward(_: Any, x: Any) -> Any:
        x.sin()
        return x.exp()

    path = models.export(models.network(forward), [torch.randn(3)], tmp_path / "o.pt2")
    assert [layer.op for layer in load(path, outputs=["*"]).layers] == ["Sin", "Exp"]
    assert [layer.op for layer in load(path).layers] == ["Exp"]


def test_a_program_that_returns_no_tensor_has_nothing_to_cost(tmp_path: Path, load: Load) -> None:
    path = models.export(
        models.network(lambda _, x: x.shape[0]), [torch.randn(3)], tmp_path / "n.pt2"
    )
    with pytest.raises(BrokenArtifact, match="returns no tensor"):
        load(path)


def test_a_training_program_shows_what_it_changes(tmp_path: Path, load: Load) -> None:
    """With batch statistics, batch norm is an operator of its own."""
    model = torch.nn.BatchNorm1d(4).train()
    graph = load(models.export(model, [torch.randn(8, 4)], tmp_path / "train.pt2"))
    assert "aten:batch_norm" in [layer.qualified_op for layer in graph.layers]


def test_decomposed_programs_read_alike(tmp_path: Path, convnet: Path, load: Load) -> None:
    """After `run_decompositions` the calls are others, and the shapes and weights the same."""
    graph = load(
        models.export(
            models.convnet(), models.convnet_inputs(), tmp_path / "core.pt2", decomposed=True
        )
    )
    ops = [layer.op for layer in graph.layers if layer.op not in {"Transpose", "Reshape"}]
    assert ops == [
        "Conv",
        "BatchNormalization",
        "Relu",
        "MaxPool",
        "Conv",
        "ReduceMean",
        "Gemm",
    ]
    assert roles(graph) == roles(load(convnet))


def test_several_programs_are_refused(tmp_path: Path, convnet: Path, load: Load) -> None:
    with zipfile.ZipFile(tmp_path / "two.pt2", "w") as archive:
        for name in ("encoder", "decoder"):
            archive.writestr(f"archive/models/{name}.json", "{}")
    with pytest.raises(ArtifactError, match="2 programs: encoder, decoder"):
        load(tmp_path / "two.pt2")
    assert convnet.exists()


def test_a_compiled_package_is_refused(tmp_path: Path, load: Load) -> None:
    with zipfile.ZipFile(tmp_path / "compiled.pt2", "w") as archive:
        archive.writestr("archive/data/aotinductor/model/model.so", b"\x7fELF")
    with pytest.raises(ArtifactError, match="compiled code and no program"):
        load(tmp_path / "compiled.pt2")
