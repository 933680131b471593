"""What a name stands for where costs are compared."""

import json
from pathlib import Path

import pytest
from builders import onnx_models
from builders.analyses import analysis

from costdb.cost.document import analysis_document
from costdb.errors import ArtifactUnreadable, BrokenArtifact, NotInDatabase
from costdb.reading import Reading
from costdb.settings import Settings
from costdb.sides import Costed, is_file, side
from costdb.store import open_store

SETTINGS = Settings(database="")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("net.onnx", True, id="a file"),
        pytest.param("detector", True, id="a file that is called like a model"),
        pytest.param("saved", True, id="a SavedModel"),
        pytest.param("folder", False, id="another folder"),
        pytest.param("folder/ckpt-1", True, id="a checkpoint in a folder"),
        pytest.param("ckpt-1", True, id="a checkpoint"),
        pytest.param("none.onnx", False, id="no file, but a model may be called so"),
        pytest.param("folder/none.onnx", True, id="a path"),
        pytest.param("https://models.example/net.onnx", True, id="a URL"),
        pytest.param("package.module:factory", True, id="a factory"),
        pytest.param("net@v1", False, id="a version"),
        pytest.param("net@release/1:2", False, id="a version whose tag looks like a path"),
        pytest.param("net@", False, id="no tag"),
        pytest.param("", True, id="nothing"),
        pytest.param("a\0b", True, id="what no file system holds"),
        pytest.param("x" * 5000, True, id="what is too long for one"),
    ],
)
def test_is_file(
    name: str, *, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in (
        "net.onnx",
        "detector",
        "saved/saved_model.pb",
        "folder/other.txt",
        "ckpt-1.index",
    ):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    monkeypatch.chdir(tmp_path)
    assert is_file(name) is expected


def test_a_point_that_a_file_was_not_read_at_has_a_reason(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    onnx_models.save_conv(file, ("batch", 3, 8, 8), (4, 3, 3, 3), bias=False)
    found = side(str(file), Reading(at=["b2:batch=2"]), SETTINGS, None)
    assert (found.name, found.points) == ("net.onnx", ("b2",))
    assert found.at("default") == "net.onnx was not analysed at point 'default'"
    costed = found.at("b2")
    assert isinstance(costed, Costed)
    assert costed.inputs[0].shape == (2, 3, 8, 8)
    # 6 x 6 outputs of 4 channels, of 3 x 3 x 3 each, twice.
    assert costed.cost.totals.macs == 2 * 36 * 4 * 27


def test_a_saved_analysis_is_of_one_point(tmp_path: Path) -> None:
    file, saved = tmp_path / "costs.json", analysis(point="b2")
    file.write_text(json.dumps(analysis_document(saved)))
    found = side(str(file), Reading(), SETTINGS, None)
    assert (found.name, found.points) == ("costs.json", ("b2",))
    assert found.at("default") == "costs.json was analysed at point 'b2', not 'default'"
    costed = found.at("b2")
    assert isinstance(costed, Costed)
    assert costed.cost.totals == saved.cost.totals


@pytest.mark.parametrize(
    ("named", "batches"),
    [
        pytest.param("b4", {"default": 1, "b4": 4}, id="beside the default one"),
        pytest.param("default", {"default": 4}, id="the default one"),
    ],
)
def test_points_of_the_settings_are_read_when_they_are_asked_for(
    named: str, batches: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from costdb.settings import load_settings

    onnx_models.save_conv(tmp_path / "net.onnx", ("batch", 3, 8, 8), (4, 3, 3, 3), bias=False)
    (tmp_path / "costdb.toml").write_text(
        f'[models.net]\nfile = "net.onnx"\n[models.net.points.{named}]\ndim.batch = 4\n'
    )
    monkeypatch.chdir(tmp_path)
    found = side("net.onnx", Reading(), load_settings(), None)
    assert found.points == tuple(batches)
    costs = {point: found.at(point) for point in found.points}
    macs = {
        point: costed.cost.totals.macs
        for point, costed in costs.items()
        if isinstance(costed, Costed)
    }
    # 6 x 6 outputs of 4 channels, of 3 x 3 x 3 each.
    assert macs == {point: batch * 36 * 4 * 27 for point, batch in batches.items()}


@pytest.mark.parametrize("like", ["net.onnx", "net", "net@v1"])
def test_what_no_model_claims_is_read_like_what_it_is_compared_with(
    like: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from costdb.settings import load_settings

    for name in ("net.onnx", "before.onnx"):
        onnx_models.save_conv(tmp_path / name, ("batch", 3, 8, 8), (4, 3, 3, 3), bias=False)
    (tmp_path / "costdb.toml").write_text(
        '[models.net]\nfile = "net.onnx"\n[models.net.points.default]\ndim.batch = 4\n'
    )
    monkeypatch.chdir(tmp_path)
    costed = side("before.onnx", Reading(), load_settings(), None, like=like).at("default")
    assert isinstance(costed, Costed)
    # 6 x 6 outputs of 4 channels, of 3 x 3 x 3 each, four times.
    assert costed.cost.totals.macs == 4 * 36 * 4 * 27


def test_files_are_compared_at_one_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from costdb import api

    for name in ("net.onnx", "before.onnx"):
        onnx_models.save_conv(tmp_path / name, ("batch", 3, 8, 8), (4, 3, 3, 3), bias=False)
    (tmp_path / "costdb.toml").write_text(
        '[models.net]\nfile = "net.onnx"\n[models.net.points.default]\ndim.batch = 4\n'
    )
    monkeypatch.chdir(tmp_path)
    for old, new in (("before.onnx", "net.onnx"), ("net.onnx", "before.onnx")):
        compared = api.diff(old, new)
        assert compared.old.cost.totals == compared.new.cost.totals
    api.ingest("net.onnx", tag="v1", database="costs.db")
    pairs = [("net.onnx", "before.onnx"), ("before.onnx", "net.onnx"), ("before.onnx", "net@v1")]
    for target, against in pairs:
        checked = api.check(target, against=against, database="costs.db")
        assert {finding.verdict for finding in checked.findings} == {"ok"}


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        pytest.param("./none.onnx", None, ArtifactUnreadable, id="no file"),
        pytest.param("costs.json", b"{}", BrokenArtifact, id="no analysis"),
    ],
)
def test_what_cannot_be_read(
    name: str,
    content: bytes | None,
    error: type[Exception],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(error):
        side(name, Reading(), SETTINGS, None)


def test_a_model_that_is_neither_a_file_nor_in_the_database(tmp_path: Path) -> None:
    with (
        open_store(str(tmp_path / "costs.db")) as store,
        pytest.raises(NotInDatabase, match=r"'net\.onnx' is no file, and there is no model"),
    ):
        side("net.onnx", Reading(), SETTINGS, store)
