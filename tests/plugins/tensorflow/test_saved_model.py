"""SavedModels: costed as they stand, by their signatures, without their variables' values."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import tensorflow_formats as formats
from builders import tensorflow_models as models

from costdb import api
from costdb.canonical import structure_json
from costdb.cost.engine import cost
from costdb.errors import BindingError, BrokenArtifact
from costdb.ir import Graph

Load = Callable[..., Graph]

# MACs a row of `two`: x (n, 8) times w (8, 4), which `encode` does twice; that times w' (4, 8).
ENCODE = 8 * 4
ROUND_TRIP = 8 * 4 + 4 * 8


@pytest.fixture(scope="module")
def network() -> Any:
    """A little of what networks hold: a folding batch norm, dropout, grouped convolution."""
    layers = models.keras().layers
    return models.sequential(
        (16, 16, 8),
        *models.conv_bn_relu(16),
        models.convolution(16, groups=4),
        layers.Dropout(0.5),
        layers.GlobalAveragePooling2D(),
        models.dense(10),
    )


@pytest.fixture(scope="module")
def exported(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return formats.export_keras(network, tmp_path_factory.mktemp("saved") / "detector")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with two signatures, neither of them the default."""
    tf = models.tensorflow()
    w = tf.Variable(tf.random.normal((8, 4)), name="w")
    functions = {
        "encode": lambda x: {"code": x @ w, "length": tf.reduce_sum(x @ w, axis=1)},
        "copy": lambda x: {"copied": (x @ w) @ tf.transpose(w)},
    }
    return formats.save_functions(tmp_path_factory.mktemp("saved") / "two", functions, [w], 8)


def editable(saved: Path, tmp_path: Path, change: Callable[[Any], None]) -> Path:
    folder = tmp_path / "edited"
    shutil.copytree(saved, folder)
    formats.edit(folder, change)
    return folder


def test_a_network_costs_what_its_frozen_graph_does(
    network: Any, exported: Path, tmp_path: Path, load: Load
) -> None:
    frozen = models.freeze(network, tmp_path / "frozen.pb", (1, 16, 16, 8))
    totals, wanted = cost(load(exported)).totals, cost(load(frozen)).totals
    assert (totals.macs, totals.flops) == (wanted.macs, wanted.flops)
    assert (totals.params, totals.buffers) == (wanted.params, wanted.buffers)
    assert totals.params + totals.buffers == network.count_params()
    assert totals.unknown_layers == 0


def test_the_folder_and_the_file_in_it_are_the_same(exported: Path, load: Load) -> None:
    folder, file = load(exported), load(exported / "saved_model.pb")
    assert structure_json(folder) == structure_json(file)
    assert folder.file_format == "tensorflow-savedmodel"


def test_neither_values_nor_the_fingerprint_are_read(exported: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    shutil.copy(exported / "saved_model.pb", bare)
    totals = api.analyze(str(bare)).cost.totals
    assert totals == api.analyze(str(exported)).cost.totals


def test_the_bytes_of_a_folder_are_those_of_its_files(exported: Path) -> None:
    sizes = [file.stat().st_size for file in exported.rglob("*") if file.is_file()]
    assert len(sizes) >= 4
    assert api.analyze(str(exported)).artifact.bytes == sum(sizes)


@pytest.mark.parametrize("use_resource", [False, True], ids=["reference", "resource"])
def test_a_training_graph_is_pruned_to_its_signature(
    tmp_path: Path, load: Load, *, use_resource: bool
) -> None:
    v1 = models.tensorflow().compat.v1
    with v1.Graph().as_default() as graph, v1.Session() as session:
        formats._network(v1, use_resource=use_resource)
        session.run(v1.global_variables_initializer())
        named = {"image": graph.get_tensor_by_name("x:0")}
        yielded = {"scores": graph.get_tensor_by_name("logits:0")}
        v1.saved_model.simple_save(session, str(tmp_path / "saved"), named, yielded)
    graph_cost = cost(load(tmp_path / "saved"))
    assert graph_cost.totals.macs == formats.MACS
    assert graph_cost.totals.params == formats.WEIGHTS


def test_a_graph_of_several_signatures_wants_one_chosen(two: Path, load: Load) -> None:
    with pytest.raises(BindingError, match="signatures copy, encode") as raised:
        load(two)
    assert raised.value.hint == "add --output copy"


CHOSEN = [
    pytest.param(["encode"], 2 * ENCODE, id="a signature"),
    pytest.param(["copy"], ROUND_TRIP, id="the other one"),
    pytest.param(["encode", "copy"], 2 * ENCODE + ROUND_TRIP, id="both"),
]


@pytest.mark.parametrize(("asked", "macs"), CHOSEN)
def test_a_signature_is_chosen_by_its_name(
    two: Path, load: Load, asked: list[str], macs: int
) -> None:
    assert cost(load(two, outputs=asked)).totals.macs == macs


def test_inputs_and_outputs_go_by_the_names_of_the_signature(
    two: Path, tmp_path: Path, load: Load
) -> None:
    def rename(model: Any) -> None:
        signatures = model.meta_graphs[0].signature_def
        signatures["serving_default"].CopyFrom(signatures["encode"])
        del signatures["encode"]

    folder = editable(two, tmp_path, rename)
    graph = load(folder, inputs=["x=5x8"], outputs=["code"])
    assert [tensor.shape for tensor in graph.outputs] == [(5, 4)]
    assert cost(graph).totals.macs == 5 * ENCODE


def test_a_default_signature_is_costed_and_the_others_named(
    two: Path, tmp_path: Path, load: Load
) -> None:
    def rename(model: Any) -> None:
        signatures = model.meta_graphs[0].signature_def
        signatures["serving_default"].CopyFrom(signatures["copy"])

    graph = load(editable(two, tmp_path, rename))
    assert cost(graph).totals.macs == ROUND_TRIP
    assert graph.notes[0] == (
        "signature 'serving_default' is costed; others are encode: --output encode"
    )


def test_the_endpoint_that_keras_writes_twice_is_no_choice(exported: Path, load: Load) -> None:
    assert not [note for note in load(exported).notes if "signature" in note]


def test_a_node_can_be_asked_for(two: Path, load: Load) -> None:
    graph = load(two, outputs=["StatefulPartitionedCall_1:1"])  # the lengths of `encode`
    assert [tensor.shape for tensor in graph.outputs] == [(1,)]


def test_a_name_that_is_nowhere_is_refused(two: Path, load: Load) -> None:
    with pytest.raises(BindingError, match="no signature, output or node 'encod'") as raised:
        load(two, outputs=["encod"])
    assert raised.value.hint == "did you mean 'encode'?"


TAGS = [
    pytest.param([["serve"]], 2, 0, id="one graph"),
    pytest.param([["train"], ["serve"]], 3, 1, id="serve before others"),
    pytest.param([["serve", "gpu"], ["serve"]], 3, 1, id="serve alone before more tags"),
    pytest.param([["train"], ["gpu", "train"]], 2, 1, id="fewest tags where none serves"),
]


@pytest.mark.parametrize(("tags", "macs", "notes"), TAGS)
def test_the_graph_that_serves_is_chosen(
    tmp_path: Path, load: Load, tags: list[list[str]], macs: int, notes: int
) -> None:
    graph = load(formats.save_tagged(tmp_path / "saved", *tags))
    assert cost(graph).totals.macs == macs
    assert len(graph.notes) == notes
    assert all("graphs, tagged" in note for note in graph.notes)


def without_signatures(model: Any) -> None:
    signatures = model.meta_graphs[0].signature_def
    for name in list(signatures):
        del signatures[name]


def without_functions(model: Any) -> None:
    model.meta_graphs[0].graph_def.library.Clear()


def without_nodes(model: Any) -> None:
    del model.meta_graphs[0].graph_def.node[:]


def calling_itself(model: Any) -> None:
    graph_def = model.meta_graphs[0].graph_def
    for function in graph_def.library.function:
        for node in function.node_def:
            if node.op == "StatefulPartitionedCall":
                node.attr["f"].func.name = function.signature.name


def counting_too_far(model: Any) -> None:
    for node in model.meta_graphs[0].graph_def.node:
        if node.op == "VarHandleOp":
            node.attr["shape"].shape.dim[0].size = 2**62


BROKEN = [
    pytest.param(lambda model: model.Clear(), "holds no graph", id="no graph"),
    pytest.param(without_signatures, "has no signature", id="no signature"),
    pytest.param(without_functions, "calls a function that is not in the file", id="no function"),
    pytest.param(without_nodes, "which is not in the graph", id="no nodes"),
    pytest.param(calling_itself, "functions deep", id="a function that calls itself"),
]


@pytest.mark.parametrize(("change", "message"), BROKEN)
def test_a_broken_model_is_refused(
    exported: Path, tmp_path: Path, load: Load, change: Callable[[Any], None], message: str
) -> None:
    with pytest.raises(BrokenArtifact, match=message) as raised:
        load(editable(exported, tmp_path, change))
    assert "\n" not in raised.value.message


def test_a_variable_beyond_measure_is_refused(exported: Path, tmp_path: Path, load: Load) -> None:
    with pytest.raises(BrokenArtifact):
        load(editable(exported, tmp_path, counting_too_far))


@pytest.mark.parametrize("tenth", range(10))
def test_a_graph_that_is_cut_off_is_refused(
    exported: Path, tmp_path: Path, load: Load, tenth: int
) -> None:
    content = (exported / "saved_model.pb").read_bytes()
    cut = tmp_path / "saved_model.pb"
    cut.write_bytes(content[: len(content) * tenth // 10])
    with pytest.raises(BrokenArtifact) as raised:
        load(tmp_path)
    assert "\n" not in raised.value.message


def test_a_link_out_of_the_folder_is_not_followed(
    exported: Path, tmp_path: Path, load: Load
) -> None:
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").symlink_to(exported / "saved_model.pb")
    with pytest.raises(BrokenArtifact, match="leads out of its folder"):
        load(tmp_path / "saved")


def test_a_folder_behind_a_link_is_read(exported: Path, tmp_path: Path, load: Load) -> None:
    (tmp_path / "latest").symlink_to(exported)
    assert structure_json(load(tmp_path / "latest")) == structure_json(load(exported))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "macs", "count_params"),
    [
        pytest.param("MobileNetV2", 300_774_272, 3_538_984, id="MobileNetV2, tests/models.toml"),
        pytest.param("ResNet50", 3_857_973_248, 25_636_712, id="ResNet50, tests/models.toml"),
    ],
)
def test_keras_applications(
    name: str, macs: int, count_params: int, tmp_path: Path, load: Load
) -> None:
    model = getattr(models.keras().applications, name)(weights=None)
    totals = cost(load(formats.export_keras(model, tmp_path / name))).totals
    assert totals.macs == macs
    assert totals.params + totals.buffers == count_params == model.count_params()
    assert totals.unknown_layers == 0
