"""Archives that are cut off, damaged, or made to exhaust the reader."""

import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import torch_models as models

from costdb.binding import Binding
from costdb.errors import ArtifactError, BrokenArtifact, CostdbError
from costdb.ir import Graph
from costdb.source import Source
from costdb_torch import archive, export_archive, lowering
from costdb_torch.loader import TorchLoader

torch = pytest.importorskip("torch", reason="it exports the models")

Load = Callable[..., Graph]

FLIPS = 300


@pytest.fixture
def convnet(tmp_path: Path) -> Path:
    return models.export_convnet(tmp_path / "convnet.pt2")


@pytest.fixture
def program(convnet: Path) -> dict[str, Any]:
    return models.program_json(convnet)


@pytest.mark.parametrize("tenth", range(10))
def test_a_file_that_is_cut_off_is_claimed_and_refused(
    convnet: Path, load: Load, tenth: int
) -> None:
    content = convnet.read_bytes()
    convnet.write_bytes(content[: len(content) * tenth // 10])
    with Source(convnet) as source:
        assert TorchLoader().sniff(source) == (tenth > 0)
    with pytest.raises(BrokenArtifact) as raised:
        load(convnet)
    assert "\n" not in raised.value.message


def test_flipped_bits_are_an_error_in_one_line_or_a_graph(convnet: Path) -> None:
    content = convnet.read_bytes()
    generator = random.Random(20240607)  # noqa: S311 - no secret
    graphs, messages = 0, []
    for _ in range(FLIPS):
        flipped = bytearray(content)
        flipped[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
        convnet.write_bytes(flipped)
        try:
            with Source(convnet) as source:
                TorchLoader().load(source, Binding())
            graphs += 1
        except CostdbError as error:
            messages.append(error.message)
    assert all(message and "\n" not in message for message in messages)
    # A third of the file is weights and sample inputs, whose bits are never looked at.
    assert graphs > FLIPS // 10


def test_damaged_programs_are_an_error_in_one_line_or_a_graph(
    tmp_path: Path, program: dict[str, Any], load: Load
) -> None:
    """Any value of the JSON is replaced by one of another kind."""
    generator = random.Random(20240608)  # noqa: S311 - no secret
    messages = []
    for _ in range(FLIPS):
        damaged = json.loads(json.dumps(program))
        _damage(damaged, generator)
        try:
            load(models.write_program(tmp_path / "damaged.pt2", damaged))
        except CostdbError as error:
            messages.append(error.message)
    assert all(message and "\n" not in message for message in messages)


def _damage(value: Any, generator: random.Random) -> None:
    """Walk to a random value, and put something else there."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = generator.choice(keys)
        inner = value[key]
        if not isinstance(inner, dict | list) or generator.random() < 0.1:
            value[key] = generator.choice([None, -1, 1 << 80, "x", [], {}, True, 0.5])
            return
        value = inner


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "is no JSON", id="empty"),
        pytest.param(b"[]", "is no object", id="another kind"),
        pytest.param(b"{}", "has no 'graph_module'", id="nothing in it"),
        pytest.param(b"[" * 200_000, "nests deeper", id="nested too deep"),
        pytest.param(b"\xff\xfe{}", "is no JSON", id="no text"),
    ],
)
def test_what_is_no_program_is_refused(
    tmp_path: Path, load: Load, content: bytes, message: str
) -> None:
    with pytest.raises(BrokenArtifact, match=message) as raised:
        load(models.write_program(tmp_path / "p.pt2", content))
    assert "\n" not in raised.value.message


def graph(program: dict[str, Any]) -> dict[str, Any]:
    inner: dict[str, Any] = program["graph_module"]["graph"]
    return inner


def test_what_nothing_produces_is_named(
    tmp_path: Path, program: dict[str, Any], load: Load
) -> None:
    del graph(program)["nodes"][2]
    with pytest.raises(BrokenArtifact, match="reads 'relu_', which nothing produces"):
        load(models.write_program(tmp_path / "p.pt2", program))


def test_a_value_without_a_shape_is_named(
    tmp_path: Path, program: dict[str, Any], load: Load
) -> None:
    del graph(program)["tensor_values"]["linear"]
    with pytest.raises(BrokenArtifact, match="says nothing of tensor 'linear'"):
        load(models.write_program(tmp_path / "p.pt2", program))


def test_a_value_that_is_made_twice_is_named(
    tmp_path: Path, program: dict[str, Any], load: Load
) -> None:
    nodes = graph(program)["nodes"]
    nodes.append(json.loads(json.dumps(nodes[-1])))
    with pytest.raises(BrokenArtifact, match="'linear' is produced twice"):
        load(models.write_program(tmp_path / "p.pt2", program))


def test_an_argument_of_a_kind_to_come_is_named(
    tmp_path: Path, program: dict[str, Any], load: Load
) -> None:
    graph(program)["nodes"][0]["inputs"][0]["arg"] = {"as_quaternion": [1, 2, 3, 4]}
    with pytest.raises(BrokenArtifact, match="'as_quaternion'") as raised:
        load(models.write_program(tmp_path / "p.pt2", program))
    assert raised.value.hint == "pip install --upgrade costdb-torch"


def test_the_path_to_what_is_wrong_is_shown(
    tmp_path: Path, program: dict[str, Any], load: Load
) -> None:
    graph(program)["nodes"][3]["target"] = 7
    with pytest.raises(BrokenArtifact, match=r"graph_module\.graph\.nodes\[3\]\.target is no text"):
        load(models.write_program(tmp_path / "p.pt2", program))


def test_graphs_in_graphs_in_graphs_are_refused(
    tmp_path: Path, program: dict[str, Any], load: Load
) -> None:
    inner: dict[str, Any] = {
        "inputs": [],
        "outputs": [],
        "nodes": [],
        "tensor_values": {},
        "sym_int_values": {},
    }
    for _ in range(100):
        argument = {"name": "", "arg": {"as_graph": {"name": "g", "graph": inner}}}
        node = {"target": "torch.ops.higher_order.wrap", "inputs": [argument], "outputs": []}
        inner = {**inner, "nodes": [node]}
    graph(program)["nodes"] += inner["nodes"]
    with pytest.raises(BrokenArtifact, match="nests more than 32 deep"):
        load(models.write_program(tmp_path / "p.pt2", program))


def test_endless_programs_are_refused(
    convnet: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lowering, "MAX_LAYERS", 7)
    with pytest.raises(BrokenArtifact, match="more than 7 calls"):
        load(convnet)


def test_a_member_that_inflates_beyond_reason_is_refused(tmp_path: Path, load: Load) -> None:
    content = b'{"graph_module": ' + b" " * (8 << 20) + b"}"
    path = models.write_program(tmp_path / "b.pt2", content, compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 20_000
    with pytest.raises(BrokenArtifact, match="inflates from"):
        load(path)


def test_compressed_archives_are_read(
    tmp_path: Path, program: dict[str, Any], convnet: Path, load: Load
) -> None:
    content = json.dumps(program).encode()
    path = models.write_program(tmp_path / "c.pt2", content, compression=zipfile.ZIP_DEFLATED)
    assert load(path).layers == load(convnet).layers


def test_a_program_that_is_too_large_is_refused(
    convnet: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_archive, "MAX_JSON_BYTES", 1000)
    with pytest.raises(BrokenArtifact, match="inflates from"):
        load(convnet)


def test_endless_lists_of_members_are_refused(
    convnet: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_ARCHIVE_MEMBERS", 5)
    with pytest.raises(BrokenArtifact, match="members, more than 5"):
        load(convnet)


def test_encrypted_members_are_refused(convnet: Path, load: Load) -> None:
    content = bytearray(convnet.read_bytes())
    # The flags of every entry of the directory.
    position = content.find(b"PK\x01\x02")
    while position >= 0:
        content[position + 8] |= 1
        position = content.find(b"PK\x01\x02", position + 4)
    convnet.write_bytes(content)
    with pytest.raises(BrokenArtifact):
        load(convnet)


def test_a_formula_for_the_size_of_a_weight_is_refused(
    tmp_path: Path, convnet: Path, load: Load
) -> None:
    meta = {
        "dtype": 7,
        "sizes": [{"as_expr": {"expr_str": "s0"}}],
        "strides": [{"as_int": 1}],
        "storage_offset": {"as_int": 0},
    }
    config = {"config": {"w": {"path_name": "weight_0", "is_param": True, "tensor_meta": meta}}}
    path = models.write_program(tmp_path / "w.pt2", models.program_json(convnet))
    with zipfile.ZipFile(path, "a") as archive_file:
        name = "archive/data/weights/model_weights_config.json"
        archive_file.writestr(name, json.dumps(config))
    with pytest.raises(ArtifactError, match="size of weight 'w' is a formula"):
        load(path)


def test_pickled_objects_are_said_not_to_count(tmp_path: Path, convnet: Path, load: Load) -> None:
    config = {"config": {"object": {"path_name": "custom_obj_0", "is_param": False}}}
    path = models.write_program(tmp_path / "o.pt2", models.program_json(convnet))
    with zipfile.ZipFile(path, "a") as archive_file:
        name = "archive/data/constants/model_constants_config.json"
        archive_file.writestr(name, json.dumps(config))
    assert load(path).notes == ("1 of the stored objects are pickled and are not counted",)
