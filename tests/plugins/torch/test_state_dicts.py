"""Weights without a graph: checkpoints and .safetensors."""

import json
import struct
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import torch_models as models

from costdb.errors import BrokenArtifact, TrustRequired
from costdb.ir import DType, Graph, Role

torch = pytest.importorskip("torch", reason="it writes the files")

Load = Callable[..., Graph]
Save = Callable[[Any], Path]

NO_GRAPH = "weights only: there is no graph to cost"


def as_zip(value: Any, path: Path) -> None:
    torch.save(value, path)


def as_pickles(value: Any, path: Path) -> None:
    torch.save(value, path, _use_new_zipfile_serialization=False)


@pytest.fixture(params=[pytest.param(as_zip, id="zip"), pytest.param(as_pickles, id="before 1.6")])
def save(request: pytest.FixtureRequest, tmp_path: Path) -> Save:
    """Write a checkpoint in one of the two formats."""

    def saved(value: Any) -> Path:
        path = tmp_path / "checkpoint.pth"
        request.param(value, path)
        return path

    return saved


def shapes(graph: Graph) -> dict[str, Any]:
    return {tensor.name: tensor.shape for tensor in graph.unread}


def test_a_state_dict_has_weights_and_no_layers(load: Load, save: Save) -> None:
    graph = load(save(models.convnet().state_dict()))
    assert graph.is_state_dict
    assert graph.notes == (NO_GRAPH,)
    assert graph.file_format == "torch-checkpoint"
    by_role = dict.fromkeys(Role, 0)
    for tensor in graph.unread:
        by_role[tensor.role] += tensor.numel
    assert by_role[Role.PARAMETER] == models.CONVNET_PARAMS
    assert by_role[Role.BUFFER] == models.CONVNET_BUFFERS
    assert shapes(graph)["0.weight"] == (8, 3, 3, 3)


def test_tied_weights_count_once(load: Load, save: Save) -> None:
    weight = torch.randn(5, 7)
    graph = load(save(OrderedDict(embed=weight, head=weight, copy=weight.clone())))
    assert shapes(graph) == {"embed": (5, 7), "copy": (5, 7)}


def test_parts_of_a_storage_are_tensors_of_their_own(load: Load, save: Save) -> None:
    whole = torch.randn(4, 6)
    state = {"whole": whole, "row": whole[1], "column": whole[:, 1], "turned": whole.t()}
    assert shapes(load(save(state))) == {
        "whole": (4, 6),
        "row": (6,),
        "column": (4,),
        "turned": (6, 4),
    }


@pytest.mark.parametrize(
    ("torch_name", "dtype", "role"),
    [
        pytest.param("float32", DType.FLOAT32, Role.PARAMETER, id="float32"),
        pytest.param("float16", DType.FLOAT16, Role.PARAMETER, id="float16"),
        pytest.param("bfloat16", DType.BFLOAT16, Role.PARAMETER, id="bfloat16"),
        pytest.param("float8_e4m3fn", DType.FLOAT8E4M3FN, Role.PARAMETER, id="float8"),
        pytest.param("complex64", DType.COMPLEX64, Role.PARAMETER, id="complex64"),
        pytest.param("int64", DType.INT64, Role.CONSTANT, id="int64"),
        pytest.param("int8", DType.INT8, Role.CONSTANT, id="int8: quantised weights"),
        pytest.param("uint16", DType.UINT16, Role.CONSTANT, id="uint16: no storage class"),
        pytest.param("bool", DType.BOOL, Role.CONSTANT, id="bool"),
    ],
)
def test_types_and_roles(load: Load, save: Save, torch_name: str, dtype: DType, role: Role) -> None:
    state = {"weight": torch.zeros(4, 3).to(getattr(torch, torch_name))}
    (tensor,) = load(save(state)).unread
    assert (tensor.dtype, tensor.role, tensor.shape) == (dtype, role, (4, 3))


def test_parameters_devices_and_other_furniture(load: Load, save: Save) -> None:
    parameter = torch.nn.Parameter(torch.randn(3))
    tagged = torch.nn.Parameter(torch.randn(2))
    tagged.tag = "kept beside the tensor"
    state = {
        "parameter": parameter,
        "tagged": tagged,
        "empty": torch.empty(0, 4),
        "scalar": torch.tensor(1.5),
        "device": torch.device("cpu"),
        "dtype": torch.float16,
        "size": torch.Size([1, 2]),
        "epoch": 3,
        "names": ["a", "b"],
        "seen": {1, 2},
    }
    assert shapes(load(save(state))) == {
        "parameter": (3,),
        "tagged": (2,),
        "empty": (0, 4),
        "scalar": (),
    }


def test_of_a_training_checkpoint_the_model_counts(load: Load, save: Save) -> None:
    model = torch.nn.Linear(4, 3)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.randn(2, 4)).sum().backward()
    optimizer.step()
    state = {"state_dict": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 7}
    graph = load(save(state))
    assert shapes(graph) == {"weight": (3, 4), "bias": (3,)}
    assert graph.notes[1] == "counted is what stands under 'state_dict'; the rest is the training's"


def test_nested_tensors_are_named_by_their_keys(load: Load, save: Save) -> None:
    state = {"encoder": {"layers": [torch.randn(2), {"bias": torch.randn(3)}]}}
    assert shapes(load(save(state))) == {"encoder.layers.0": (2,), "encoder.layers.1.bias": (3,)}


def test_names_that_meet_stay_apart(load: Load, save: Save) -> None:
    state = {"a.b": torch.randn(2), "a": {"b": torch.randn(3)}}
    assert shapes(load(save(state))) == {"a.b": (2,), "a.b (2)": (3,)}


def test_a_list_that_holds_itself_is_entered_once(load: Load, save: Save) -> None:
    state: dict[str, Any] = {"weight": torch.randn(2)}
    state["again"] = [state, state]
    assert shapes(load(save(state))) == {"weight": (2,)}


def test_a_lone_tensor(load: Load, save: Save) -> None:
    assert shapes(load(save(torch.randn(2, 2)))) == {"tensor": (2, 2)}


def test_a_checkpoint_without_tensors_is_refused(load: Load, save: Save) -> None:
    with pytest.raises(BrokenArtifact, match="holds no tensor"):
        load(save({"epoch": 3}))


def test_a_pickled_module_is_refused_by_name(load: Load, save: Save) -> None:
    with pytest.raises(TrustRequired, match=r"names torch\.nn\.modules\.linear\.Linear") as raised:
        load(save(torch.nn.Linear(2, 2)))
    assert "state_dict" in raised.value.hint


def safetensors_file(path: Path, header: Any, data: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def test_safetensors(tmp_path: Path, load: Load) -> None:
    safetensors = pytest.importorskip("safetensors.torch", reason="it writes the file")
    state = {
        "fc.weight": torch.randn(3, 4).to(torch.bfloat16),
        "fc.qweight": torch.zeros(4, 2, dtype=torch.int32),
        "bn.running_var": torch.ones(4),
    }
    safetensors.save_file(state, tmp_path / "m.safetensors", metadata={"format": "pt"})
    graph = load(tmp_path / "m.safetensors")
    assert {(t.name, t.shape, t.dtype, t.role) for t in graph.unread} == {
        ("fc.weight", (3, 4), DType.BFLOAT16, Role.PARAMETER),
        ("fc.qweight", (4, 2), DType.INT32, Role.CONSTANT),
        ("bn.running_var", (4,), DType.FLOAT32, Role.BUFFER),
    }
    assert (graph.file_format, graph.notes) == ("safetensors", (NO_GRAPH,))


def entry(dtype: str = "F32", shape: Any = (2,), offsets: Any = (0, 8)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def test_packed_types_take_half_a_byte(tmp_path: Path, load: Load) -> None:
    path = safetensors_file(tmp_path / "f4", {"w": entry("F4", (3, 2), (0, 3))}, bytes(3))
    (tensor,) = load(path).unread
    assert (tensor.dtype, tensor.nbytes) == (DType.FLOAT4E2M1, 3)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        pytest.param({"w": entry(offsets=(0, 16))}, "reaches to byte 16 of 8", id="cut off"),
        pytest.param({"w": entry(shape=(3,))}, "which is not its size", id="another size"),
        pytest.param({"w": entry(shape=(-2,))}, "a negative size", id="a negative size"),
        pytest.param({"w": entry(offsets=(8, 0))}, "no start and end", id="backwards"),
        pytest.param({"w": entry(offsets=(0,))}, "no start and end", id="no end"),
        pytest.param({"w": {"dtype": "F32"}}, "has no 'shape'", id="no shape"),
        pytest.param({"w": 3}, "is no object", id="no entry"),
        pytest.param({"w": entry(shape=("2",))}, "is no integer", id="a text for a size"),
        pytest.param({"w": entry(shape=(1 << 70,))}, "more than 64 bits", id="an endless size"),
        pytest.param(b'{"w": ' + b"[" * 100_000, "nests deeper", id="nested too deep"),
        pytest.param(b'{"w": }', "is no JSON", id="no JSON"),
        pytest.param(b'{"w": ' + b"9" * 5000 + b"}", "is no JSON", id="an endless number"),
    ],
)
def test_a_broken_header_is_refused(tmp_path: Path, load: Load, header: Any, message: str) -> None:
    path = safetensors_file(tmp_path / "broken.safetensors", header, bytes(8))
    with pytest.raises(BrokenArtifact, match=message) as raised:
        load(path)
    assert "\n" not in raised.value.message
