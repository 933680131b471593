"""Keras' own files: nothing of them runs without trust, and then Keras says what they compute."""

import shutil
import stat
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import tensorflow_formats as formats
from builders import tensorflow_models as models

from costdb.canonical import structure_json
from costdb.cost.engine import cost
from costdb.errors import ArtifactError, BrokenArtifact, TrustRequired
from costdb.ir import Graph
from costdb.source import Source
from costdb_tensorflow import TensorflowLoader

Load = Callable[..., Graph]

KINDS = ["keras", "h5"]


@pytest.fixture(scope="module")
def network() -> Any:
    return models.sequential((8, 8, 3), *models.conv_bn_relu(4), models.convolution(2))


@pytest.fixture(scope="module")
def saved(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the network in every form: keras, h5, weights.h5, exported."""
    folder = tmp_path_factory.mktemp("keras")
    for name in ("model.keras", "model.h5", "model.weights.h5"):
        formats.save_keras(network, folder / name)
    formats.export_keras(network, folder / "exported")
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_it_costs_what_keras_exports(saved: Path, network: Any, load: Load, kind: str) -> None:
    graph = load(saved / f"model.{kind}", trust=True)
    exported = replace(load(saved / "exported"), file_format="keras")
    assert structure_json(graph) == structure_json(exported)
    totals = cost(graph).totals
    assert totals.params + totals.buffers == network.count_params()
    assert totals.macs == 64 * (27 * 4 + 36 * 2)


@pytest.mark.parametrize("kind", KINDS)
def test_without_trust_it_is_refused(saved: Path, load: Load, kind: str) -> None:
    with pytest.raises(TrustRequired, match="is a Keras model") as raised:
        load(saved / f"model.{kind}")
    assert raised.value.hint == 'export it, model.export("model"), or add --trust'


@pytest.mark.parametrize("kind", KINDS)
def test_the_name_decides_nothing(saved: Path, tmp_path: Path, load: Load, kind: str) -> None:
    renamed = tmp_path / "model.bin"
    shutil.copy(saved / f"model.{kind}", renamed)
    with Source(renamed) as source:
        assert TensorflowLoader().sniff(source)
    assert cost(load(renamed, trust=True)).totals.macs == 64 * (27 * 4 + 36 * 2)


def test_weights_alone_say_so(saved: Path, load: Load) -> None:
    with pytest.raises(BrokenArtifact, match="holds weights and no model"):
        load(saved / "model.weights.h5", trust=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_lambda_is_refused_all_the_same(tmp_path: Path, load: Load, kind: str) -> None:
    path = formats.save_keras(formats.lambda_model(), tmp_path / f"model.{kind}")
    with pytest.raises(ArtifactError, match="has a Lambda layer") as raised:
        load(path, trust=True)
    assert "model.export" in raised.value.hint


def test_a_layer_that_is_nowhere_is_one_line(saved: Path, tmp_path: Path, load: Load) -> None:
    path = rewritten(
        saved / "model.keras",
        tmp_path / "model.keras",
        lambda content: content.replace(b'"Conv2D"', b'"Conv9D"'),
    )
    with pytest.raises(ArtifactError, match="Keras cannot load and export") as raised:
        load(path, trust=True)
    assert "\n" not in raised.value.message


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tenth", [1, 5, 9])
def test_a_file_that_is_cut_off_is_refused(
    saved: Path, tmp_path: Path, load: Load, kind: str, tenth: int
) -> None:
    content = (saved / f"model.{kind}").read_bytes()
    path = tmp_path / f"model.{kind}"
    path.write_bytes(content[: len(content) * tenth // 10])
    with pytest.raises(ArtifactError) as raised:
        load(path, trust=True)
    assert "\n" not in raised.value.message


def rewritten(source: Path, path: Path, change: Callable[[bytes], bytes]) -> Path:
    """An archive with other contents of its members."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
        for entry in old.infolist():
            new.writestr(entry.filename, change(old.read(entry)))
    return path


def with_member(
    saved: Path, path: Path, name: str, content: bytes = b"", *, mode: int = stat.S_IFREG | 0o644
) -> Path:
    """The network's archive and one member more."""
    shutil.copy(saved / "model.keras", path)
    entry = zipfile.ZipInfo(name)
    entry.external_attr = mode << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(entry, content)
    return path


LINK = stat.S_IFLNK | 0o644

HOSTILE = [
    pytest.param({"name": "../outside"}, "leads out of it", id="a path upwards"),
    pytest.param({"name": "a/../../b"}, "leads out of it", id="a path upwards, inside"),
    pytest.param({"name": "/etc/outside"}, "leads out of it", id="an absolute path"),
    pytest.param({"name": "C:\\outside"}, "leads out of it", id="a drive"),
    pytest.param({"name": "..\\outside"}, "leads out of it", id="backslashes"),
    pytest.param(
        {"name": "assets", "content": b"/etc", "mode": LINK}, "leads out of it", id="a link"
    ),
    pytest.param({"name": "assets/bomb", "content": bytes(8 << 20)}, "inflates from", id="a bomb"),
]


@pytest.mark.parametrize(("member", "message"), HOSTILE)
def test_a_hostile_member_is_refused(
    saved: Path, tmp_path: Path, load: Load, member: dict[str, Any], message: str
) -> None:
    path = with_member(saved, tmp_path / "model.keras", **member)
    with pytest.raises(BrokenArtifact, match=message) as raised:
        load(path, trust=True)
    assert "\n" not in raised.value.message
    assert not (tmp_path.parent / "outside").exists()


def test_too_many_members_are_refused(saved: Path, tmp_path: Path, load: Load) -> None:
    path = tmp_path / "model.keras"
    shutil.copy(saved / "model.keras", path)
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(10_001):
            archive.writestr(f"assets/{number}", b"")
    with pytest.raises(BrokenArtifact, match="has 10,004 members"):
        load(path, trust=True)


def test_another_zip_is_not_claimed(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
    with Source(path) as source:
        assert not TensorflowLoader().sniff(source)
