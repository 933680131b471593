"""Training graphs in `.meta` files: pruned to their outputs, they cost what is frozen of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import tensorflow_formats as formats
from builders import tensorflow_models as models

from costdb.canonical import structure_json
from costdb.cost.engine import cost
from costdb.cost.result import METRICS
from costdb.errors import BrokenArtifact
from costdb.ir import Graph

Load = Callable[..., Graph]


@pytest.fixture(scope="module", params=[False, True], ids=["reference", "resource"])
def training(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> formats.Training:
    return formats.train(tmp_path_factory.mktemp("training"), use_resource=request.param)


def test_pruned_to_its_outputs_it_costs_what_its_frozen_graph_costs(
    training: formats.Training, load: Load
) -> None:
    totals = cost(load(training.file(".meta"), outputs=["logits"])).totals
    frozen = cost(load(training.frozen)).totals
    # Freezing puts an Identity in the place of each read of a resource.
    same = [metric for metric in METRICS if metric != "layers"]
    assert {name: totals[name] for name in same} == {name: frozen[name] for name in same}
    assert totals.macs == formats.MACS
    assert totals.params == formats.WEIGHTS


def test_unpruned_it_costs_more(training: formats.Training, load: Load) -> None:
    graph = load(training.file(".meta"), outputs=["*"])
    totals = cost(graph).totals
    pruned = cost(load(training.file(".meta"), outputs=["logits"])).totals
    # Backwards, both products are done twice: for their weights and for what they read.
    assert (pruned.macs, totals.macs) == (formats.MACS, 3 * formats.MACS)
    assert pruned.flops is not None
    assert totals.flops is not None
    assert totals.flops > 3 * pruned.flops
    assert "RandomStandardNormal" in {layer.source_op for layer in graph.layers}


def test_unpruned_the_optimiser_counts(training: formats.Training, load: Load) -> None:
    layers = cost(load(training.file(".meta"), outputs=["*"])).layers
    steps = [layer for layer in layers if layer.op.endswith("ApplyAdam")]
    # Kingma and Ba, algorithm 1: 3 operations for the mean of the gradient, 4 for that of its
    # square and 5 for the step, for each weight.
    elements = sum(layer.counts.operations // 12 for layer in steps)
    assert (len(steps), elements) == (4, formats.WEIGHTS)


def test_left_alone_it_costs_the_loss_and_says_so(training: formats.Training, load: Load) -> None:
    graph = load(training.file(".meta"))
    assert "loss" in {tensor.name for tensor in graph.outputs}
    assert cost(graph).totals.macs == formats.MACS
    assert not {layer.source_op for layer in graph.layers} & {"Assign", "ApplyAdam"}
    assert graph.notes[0].startswith("no signature says what the outputs are")


@pytest.mark.parametrize("suffix", ["", ".index", ".data-00000-of-00001"])
def test_every_file_of_the_checkpoint_stands_for_it(
    training: formats.Training, load: Load, suffix: str
) -> None:
    graph = load(training.file(suffix), outputs=["logits"])
    assert structure_json(graph) == structure_json(load(training.file(".meta"), outputs=["logits"]))
    assert graph.file_format == "tensorflow-metagraph"


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_graph_that_is_cut_off_is_refused(
    training: formats.Training, tmp_path: Path, load: Load, tenth: int
) -> None:
    content = training.file(".meta").read_bytes()
    path = tmp_path / "cut.meta"
    path.write_bytes(content[: len(content) * tenth // 10])
    with pytest.raises(BrokenArtifact) as raised:
        load(path, outputs=["logits"])
    assert "\n" not in raised.value.message


def test_a_signature_in_it_is_followed(tmp_path: Path, load: Load) -> None:
    v1 = models.tensorflow().compat.v1

    def build(v1: Any) -> None:
        x = v1.placeholder("float32", [None, 4], name="x")
        v1.nn.relu(v1.matmul(x, v1.get_variable("w", [4, 3]), name="product"), name="y")

    with v1.Graph().as_default() as graph:
        build(v1)
        meta_graph = v1.train.export_meta_graph()
        signature = v1.saved_model.predict_signature_def(
            {"row": graph.get_tensor_by_name("x:0")},
            {"sum": graph.get_tensor_by_name("product:0")},
        )
        meta_graph.signature_def["serving_default"].CopyFrom(signature)
    path = tmp_path / "model.meta"
    path.write_bytes(meta_graph.SerializeToString())
    loaded = load(path, inputs=["row=5x4"])
    assert [tensor.name for tensor in loaded.outputs] == ["product"]
    assert cost(loaded).totals.macs == 5 * 4 * 3
