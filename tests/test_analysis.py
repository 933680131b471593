import os
from pathlib import Path

import pytest
from builders import onnx_models

from costdb import api
from costdb.analysis import model_name
from costdb.binding import Binding
from costdb.errors import CostError, UsageError
from costdb.ir import DType, Graph, Role, Tensor, assemble
from costdb.plugins import Plugin, Plugins
from costdb.source import Source


@pytest.mark.parametrize(
    ("artifact", "name"),
    [
        ("resnet50.onnx", "resnet50"),
        ("build/v3/detector.v2.pb", "detector.v2"),
        ("models/detector/model.onnx", "detector"),
        ("models/detector/saved_model.pb", "detector"),
        ("frozen_graph.pb", Path.cwd().name),
        ("https://host/models/detector/frozen_graph.pb?key=secret", "detector"),
        ("torchvision.models:resnet50", "resnet50"),
        ("my model (1).onnx", "my-model-1"),
        ("run/detector.ckpt-1000.meta", "detector"),
        ("run/detector.ckpt.data-00000-of-00001", "detector"),
        ("runs/detector/model.ckpt", "detector"),
        ("s3://bucket/runs/detector/model.ckpt-7.index", "detector"),
    ],
)
def test_the_name_of_a_model_comes_from_its_file(artifact: str, name: str) -> None:
    assert model_name(artifact) == name


@pytest.mark.parametrize(
    ("folder", "artifact", "name"),
    [
        ("export/detector", "export/detector", "detector"),
        ("export/detector", "export/detector/", "detector"),
        ("export/detector.v2", "export/detector.v2", "detector.v2"),
        ("detector/saved_model", "detector/saved_model", "detector"),
        ("serving/detector/7", "serving/detector/7", "detector"),
        ("detector/.", "detector/.", "detector"),
    ],
)
def test_a_folder_gives_a_model_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, artifact: str, name: str
) -> None:
    (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert model_name(artifact) == name


def test_the_folder_in_which_one_is_gives_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "detector").mkdir()
    monkeypatch.chdir(tmp_path / "detector")
    assert model_name(".") == "detector"


def test_a_file_without_letters_gives_no_name() -> None:
    with pytest.raises(UsageError, match="gives no name"):
        model_name("---.onnx")


def unknown(folder: Path) -> str:
    nodes = [onnx_models.node("Wobble", ["x"], ["y"], domain="vendor")]
    inputs, outputs = [onnx_models.value("x", (1, 4))], [onnx_models.value("y", (1, 4))]
    path = onnx_models.save(folder / "odd.onnx", nodes, inputs, outputs, domains={"vendor": 1})
    return os.fspath(path)


def test_an_unknown_operator_is_named_and_with_strict_refused(tmp_path: Path) -> None:
    path = unknown(tmp_path)
    assert api.analyze(path).cost.unknown_ops == {"vendor:Wobble": 1}
    with pytest.raises(CostError, match="vendor:Wobble x1"):
        api.analyze(path, api.Reading(strict=True))


def test_one_analysis_is_of_one_point(tmp_path: Path) -> None:
    path = unknown(tmp_path)
    with pytest.raises(UsageError, match="one point"):
        api.analyze(path, api.Reading(at=["a:b=1", "c:b=2"]))


def test_operating_points_are_stored_beside_each_other(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx_models.save_conv(path, ("batch", 3, 8, 8), (4, 3, 3, 3))
    database = os.fspath(tmp_path / "costs.db")
    api.ingest(os.fspath(path), tag="v1", database=database)
    added = api.ingest(
        os.fspath(path), api.Reading(at=["b32:batch=32"]), tag="v1", database=database
    )
    assert added.outcome.status.value == "added points"
    macs = {
        line.point: totals.macs
        for line in api.history("net", database=database)
        if (totals := line.versions[0].totals)
    }
    assert macs == {"default": 36 * 4 * 27, "b32": 32 * 36 * 4 * 27}


def test_points_of_costdb_toml_are_ingested_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx_models.save_conv(tmp_path / "net.onnx", ("batch", 3, 8, 8), (4, 3, 3, 3))
    (tmp_path / "costdb.toml").write_text(
        '[database]\nurl = "costs.db"\n'
        '[models.detector]\nfile = "*.onnx"\n'
        "[models.detector.points.b8]\ndim.batch = 8\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COSTDB_URL", raising=False)
    done = api.ingest("net.onnx", tag="v1", hash_file=True)
    assert (done.outcome.model, [p.point for p in done.outcome.points]) == (
        "detector",
        ["default", "b8"],
    )
    assert api.show("detector@v1").version.sha256 is not None
    assert api.show("detector@v1", point="b8").cost.totals.macs == 8 * 36 * 4 * 27
    assert [note for note in done.warnings if "batch" in note]


@pytest.mark.parametrize(
    ("reading", "batch"),
    [
        pytest.param(api.Reading(), 8, id="the default point of the settings"),
        pytest.param(api.Reading(dims=["batch=2"]), 2, id="what is typed takes its place"),
        pytest.param(api.Reading(at=["b4:batch=4"]), 4, id="another point"),
    ],
)
def test_a_file_is_analysed_at_the_default_point_of_costdb_toml(
    reading: api.Reading, batch: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx_models.save_conv(tmp_path / "net.onnx", ("batch", 3, 8, 8), (4, 3, 3, 3))
    (tmp_path / "costdb.toml").write_text(
        '[models.detector]\nfile = "*.onnx"\n'
        "[models.detector.points.default]\ndim.batch = 8\n"
        "[models.detector.points.b16]\ndim.batch = 16\n"
    )
    monkeypatch.chdir(tmp_path)
    analysis = api.analyze("net.onnx", reading)
    assert analysis.cost.totals.macs == batch * 36 * 4 * 27


class WeightsInMemory:
    """A loader that is an object of the caller's: no other process could have it."""

    name = "memory"
    revision = 1
    suffixes = (".memory",)

    def __init__(self, weights: list[Tensor]) -> None:
        self.weights = weights

    def sniff(self, source: Source) -> bool:
        return source.name.endswith(".memory")

    def load(self, source: Source, binding: Binding) -> Graph:  # noqa: ARG002 - the protocol
        return assemble([], inputs=[], outputs=[], unread=self.weights)


def test_with_plugins_of_its_own_a_caller_reads_in_this_process(tmp_path: Path) -> None:
    (tmp_path / "net.memory").touch()
    loader = WeightsInMemory([Tensor("w", (2, 3), DType.FLOAT32, Role.PARAMETER)])
    plugins = Plugins((Plugin("memory", "none", loaders=(loader,)),))
    analysis = api.analyze(os.fspath(tmp_path / "net.memory"), api.Reading(plugins=plugins))
    assert analysis.cost.totals.params == 6
    assert (analysis.loader, analysis.artifact.bytes) == ("memory", 0)
