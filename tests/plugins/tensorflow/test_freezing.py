"""Freezing: the same function with its weights inside, without running the file."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import tensorflow_formats as formats
from builders import tensorflow_models as models

from costdb.binding import Binding
from costdb.canonical import structure_json
from costdb.errors import ArtifactUnreadable, BrokenArtifact, TrustRequired
from costdb.ir import Graph
from costdb.plugins import Freezer
from costdb.source import Source
from costdb_tensorflow import TensorflowFreezer, freezing

Freeze = Callable[..., Path]
Load = Callable[..., Graph]


@pytest.fixture
def freeze(tmp_path: Path) -> Freeze:
    """Freeze an artifact; keyword arguments are those of `Binding.parse`."""

    def frozen(path: Path, **binding: Any) -> Path:
        destination = tmp_path / "frozen.pb"
        with Source(path) as source:
            TensorflowFreezer().freeze(source, destination, Binding.parse(**binding))
        return destination

    return frozen


@pytest.fixture(scope="module")
def network() -> Any:
    """With a call that stays one: a grouped convolution."""
    return models.sequential(
        (8, 8, 4), *models.conv_bn_relu(4), models.convolution(4, groups=2), models.dense(3)
    )


@pytest.fixture(scope="module")
def exported(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return formats.export_keras(network, tmp_path_factory.mktemp("saved") / "network")


@pytest.fixture(scope="module", params=[False, True], ids=["reference", "resource"])
def training(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> formats.Training:
    return formats.train(tmp_path_factory.mktemp("training"), use_resource=request.param)


def operators(path: Path) -> set[str]:
    """The operators of a frozen graph, those of its functions included."""
    graph_def = models.tensorflow().compat.v1.GraphDef.FromString(path.read_bytes())
    bodies = [function.node_def for function in graph_def.library.function]
    return {node.op for nodes in (graph_def.node, *bodies) for node in nodes}


def test_it_is_a_freezer() -> None:
    assert isinstance(TensorflowFreezer(), Freezer)


def test_a_saved_model_computes_the_same(network: Any, exported: Path, freeze: Freeze) -> None:
    import numpy as np

    path = freeze(exported)
    image = np.random.default_rng(models.SEED).normal(size=(2, 8, 8, 4)).astype(np.float32)
    graph_def = models.tensorflow().compat.v1.GraphDef.FromString(path.read_bytes())
    fed = next(node.name for node in graph_def.node if node.op == "Placeholder")
    computed = formats.run_frozen(path, "StatefulPartitionedCall_1:0", {f"{fed}:0": image})
    wanted = network(image, training=False).numpy()
    np.testing.assert_allclose(computed, wanted, rtol=1e-5)


def test_no_variable_and_no_restoring_is_left(exported: Path, freeze: Freeze) -> None:
    left = operators(freeze(exported))
    assert not left & {"VarHandleOp", "ReadVariableOp", "RestoreV2", "SaveV2"}


def test_the_file_in_the_folder_is_the_folder(exported: Path, freeze: Freeze, load: Load) -> None:
    folder = structure_json(load(freeze(exported)))
    assert structure_json(load(freeze(exported / "saved_model.pb"))) == folder


@pytest.mark.parametrize("suffix", ["", ".meta", ".index"])
def test_a_checkpoint_computes_the_same(
    training: formats.Training, freeze: Freeze, suffix: str
) -> None:
    import numpy as np

    path = freeze(training.file(suffix), outputs=["logits"])
    image = np.ones((1, formats.SIDE, formats.SIDE, 1), np.float32)
    computed = formats.run_frozen(path, "logits:0", {"x:0": image})
    np.testing.assert_allclose(computed, training.logits, rtol=1e-4)
    assert "ApplyAdam" not in operators(path)


def test_a_variable_in_parts_computes_the_same(tmp_path: Path, freeze: Freeze) -> None:
    import numpy as np

    v1 = models.tensorflow().compat.v1
    row = np.arange(6, dtype=np.float32)[None]
    with v1.Graph().as_default(), v1.Session() as session:
        halves = v1.fixed_size_partitioner(2)
        w = v1.get_variable("w", [6, 3], partitioner=halves, use_resource=False)
        v1.matmul(v1.placeholder("float32", [1, 6], name="x"), w, name="y")
        session.run(v1.global_variables_initializer())
        v1.train.Saver().save(session, str(tmp_path / "model.ckpt"))
        wanted = session.run("y:0", {"x:0": row})
    path = freeze(tmp_path / "model.ckpt", outputs=["y"])
    np.testing.assert_allclose(formats.run_frozen(path, "y:0", {"x:0": row}), wanted, rtol=1e-5)


def test_a_file_is_one_message_in_its_one_form(exported: Path, freeze: Freeze) -> None:
    content = freeze(exported).read_bytes()
    graph_def = models.tensorflow().compat.v1.GraphDef.FromString(content)
    assert content == graph_def.SerializeToString(deterministic=True)
    assert graph_def.library.function
    assert graph_def.versions.producer


def test_a_graph_that_is_too_large_for_one_message_is_refused(
    exported: Path, freeze: Freeze, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = freeze(exported).stat().st_size
    monkeypatch.setattr(freezing, "_MAX_FILE_BYTES", size - 1)
    with pytest.raises(BrokenArtifact, match="which no message can hold"):
        freeze(exported)


def test_a_saved_model_of_tensorflow_1(tmp_path: Path, freeze: Freeze) -> None:
    import numpy as np

    saved = formats.save_tagged(tmp_path / "saved", ["serve"])
    computed = formats.run_frozen(freeze(saved), "y:0", {"x:0": np.ones((1, 2), np.float32)})
    v1 = models.tensorflow().compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        v1.saved_model.load(session, ["serve"], str(saved))
        np.testing.assert_allclose(computed, session.run("y:0", {"x:0": [[1, 1]]}))


@pytest.mark.parametrize("kind", ["keras", "h5"])
def test_a_file_of_keras_wants_trust(
    network: Any, tmp_path: Path, freeze: Freeze, kind: str
) -> None:
    path = formats.save_keras(network, tmp_path / f"model.{kind}")
    with pytest.raises(TrustRequired):
        freeze(path)
    assert "Conv2D" in operators(freeze(path, trust=True))


def test_nothing_of_the_file_runs(
    training: formats.Training, tmp_path: Path, freeze: Freeze
) -> None:
    """A graph may do anything when it is restored, such as write a file."""
    import numpy as np

    v1 = models.tensorflow().compat.v1
    victim = tmp_path / "written"
    for file in training.prefix.parent.glob("model.ckpt.*"):
        shutil.copy(file, tmp_path)
    meta_graph = v1.MetaGraphDef.FromString(training.file(".meta").read_bytes())
    nodes = meta_graph.graph_def.node
    for node in nodes:
        if node.op in {"Assign", "AssignVariableOp", "VarHandleOp", "VariableV2"}:
            node.input.append("^evil")
    nodes.append(models.constant("victim", np.array(str(victim), object)))
    nodes.append(models.constant("content", np.array("gotcha", object)))
    nodes.append(models.node("evil", "WriteFile", "victim", "content"))
    (tmp_path / "model.ckpt.meta").write_bytes(meta_graph.SerializeToString())

    freeze(tmp_path / "model.ckpt", outputs=["logits"])
    assert not victim.exists()
    with v1.Graph().as_default(), v1.Session() as session:
        saver = v1.train.import_meta_graph(str(tmp_path / "model.ckpt.meta"))
        saver.restore(session, str(tmp_path / "model.ckpt"))
    assert victim.exists()


def without(folder: Path, pattern: str) -> None:
    for file in folder.rglob(pattern):
        file.unlink()


MISSING = [
    pytest.param("variables.index", "no file", id="no index"),
    pytest.param("variables.data*", "cannot be read", id="no values"),
]


@pytest.mark.parametrize(("pattern", "message"), MISSING)
def test_missing_values_are_named(
    exported: Path, tmp_path: Path, freeze: Freeze, pattern: str, message: str
) -> None:
    folder = tmp_path / "bare"
    shutil.copytree(exported, folder)
    without(folder, pattern)
    with pytest.raises(ArtifactUnreadable, match=message) as raised:
        freeze(folder)
    assert "\n" not in raised.value.message


@pytest.mark.parametrize("name", ["variables", "variables/variables.data-00000-of-00001"])
def test_a_link_out_of_the_folder_is_not_followed(
    exported: Path, tmp_path: Path, freeze: Freeze, name: str
) -> None:
    folder = tmp_path / "linked"
    shutil.copytree(exported, folder)
    (folder / name).rename(tmp_path / "outside")
    (folder / name).symlink_to(tmp_path / "outside")
    with pytest.raises(BrokenArtifact, match="leads out of its folder"):
        freeze(folder)


def test_a_checkpoint_of_another_network_is_refused(
    exported: Path, tmp_path: Path, freeze: Freeze
) -> None:
    other = models.sequential((8, 8, 4), models.convolution(4))
    saved = formats.export_keras(other, tmp_path / "other")
    folder = tmp_path / "mixed"
    shutil.copytree(exported, folder)
    shutil.rmtree(folder / "variables")
    shutil.copytree(saved / "variables", folder / "variables")
    with pytest.raises((ArtifactUnreadable, BrokenArtifact), match="the checkpoint 'variables'"):
        freeze(folder)


# What the index says of `w1`: its dtype, float32, and its shape, 3x3x1x4.
FIRST_KERNEL = bytes.fromhex("0801 1210 1202 0803 1202 0803 1202 0801 1202 0804")

CONTRADICTIONS = [
    pytest.param(b"\x08\x02" + FIRST_KERNEL[2:], id="float64"),
    pytest.param(FIRST_KERNEL[:-1] + b"\x7f", id="127 channels"),
]


@pytest.mark.parametrize("entry", CONTRADICTIONS)
def test_an_index_that_contradicts_itself_is_refused(
    training: formats.Training, tmp_path: Path, freeze: Freeze, entry: bytes
) -> None:
    """Before TensorFlow makes room for what it says."""
    for file in training.prefix.parent.glob("model.ckpt.*"):
        shutil.copy(file, tmp_path)
    index = tmp_path / "model.ckpt.index"
    content = index.read_bytes()
    assert FIRST_KERNEL in content
    index.write_bytes(content.replace(FIRST_KERNEL, entry, 1))
    with pytest.raises(BrokenArtifact, match="contradicts itself or the graph on 'w1'"):
        freeze(tmp_path / "model.ckpt", outputs=["logits"])


def test_values_that_are_cut_off_are_refused(
    exported: Path, tmp_path: Path, freeze: Freeze
) -> None:
    folder = tmp_path / "cut"
    shutil.copytree(exported, folder)
    for file in folder.rglob("variables.data*"):
        file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ArtifactUnreadable, match="cannot be read") as raised:
        freeze(folder)
    assert "\n" not in raised.value.message


def test_a_variable_that_nothing_restores_is_named(
    exported: Path, tmp_path: Path, freeze: Freeze
) -> None:
    folder = tmp_path / "forgotten"
    shutil.copytree(exported, folder)
    formats.edit(folder, lambda model: model.meta_graphs[0].ClearField("saver_def"))
    with pytest.raises(BrokenArtifact, match="nothing in the graph says where the value of"):
        freeze(folder)


def test_a_copy_of_nothing_restores_nothing(
    training: formats.Training, tmp_path: Path, freeze: Freeze
) -> None:
    for suffix in (".index", ".data-00000-of-00001"):
        shutil.copy(training.file(suffix), tmp_path)
    meta_graph = models.tensorflow().compat.v1.MetaGraphDef.FromString(
        training.file(".meta").read_bytes()
    )
    for node in meta_graph.graph_def.node:
        if node.name.startswith("save/Assign"):
            node.input[1] = "copy_of_nothing"
    meta_graph.graph_def.node.add(name="copy_of_nothing", op="Identity")
    path = tmp_path / training.file(".meta").name
    path.write_bytes(meta_graph.SerializeToString())
    with pytest.raises(BrokenArtifact, match="nothing in the graph says where the value of"):
        freeze(path, outputs=["logits"])


def test_a_table_cannot_be_frozen(tmp_path: Path, freeze: Freeze) -> None:
    layers = models.keras().layers
    model = models.keras().Sequential(
        [
            layers.Input((1,), dtype="string"),
            layers.StringLookup(vocabulary=["a", "b"]),
            layers.Embedding(4, 2),
        ]
    )
    with pytest.raises(BrokenArtifact, match="looks words up in the table"):
        freeze(formats.export_keras(model, tmp_path / "words"))


def test_a_checkpoint_without_a_graph_cannot_be_frozen(
    training: formats.Training, tmp_path: Path, freeze: Freeze
) -> None:
    index = tmp_path / "model.ckpt.index"
    index.write_bytes(training.file(".index").read_bytes())
    with pytest.raises(ArtifactUnreadable, match=r"has no \.meta file"):
        freeze(index)
