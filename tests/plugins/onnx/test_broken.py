"""Damaged files: one line that says what is wrong, or a graph; never another exception."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from builders.onnx_models import constant, node, save, save_conv, save_gemm, value

from costdb.errors import BrokenArtifact, CostdbError
from costdb.ir import Graph
from costdb.protowire import encode_varint

Load = Callable[..., Graph]

SEED = 20240607


@pytest.mark.parametrize("tenth", range(10))
def test_truncated_at_ten_places(load: Load, tmp_path: Path, tenth: int) -> None:
    path = save_gemm(tmp_path / "m.onnx", 1, 64, 64)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * tenth // 10])
    with pytest.raises(BrokenArtifact) as caught:
        load(path)
    assert caught.value.message.isprintable()
    assert caught.value.hint


@pytest.mark.parametrize(
    "network", ["light_squeezenet", "light_zfnet512"], ids=["squeezenet", "zfnet512"]
)
def test_flipped_bytes_in_a_real_network(
    load: Load, light_zoo: Path, tmp_path: Path, network: str
) -> None:
    check_flips(load, (light_zoo / f"{network}.onnx").read_bytes(), tmp_path, times=100)


def test_flipped_bytes_in_a_small_model(load: Load, tmp_path: Path) -> None:
    path = save(
        tmp_path / "m.onnx",
        [
            node("Shape", ["x"], ["sizes"]),
            node("Slice", ["sizes", "zero", "one"], ["rows"]),
            node("Concat", ["rows", "rest"], ["target"], axis=0),
            node("Reshape", ["x", "target"], ["h"]),
            node("Softmax", ["h"], ["y"], axis=1),
        ],
        [value("x", (2, 3, 4))],
        ["y"],
        [constant("zero", [0]), constant("one", [1]), constant("rest", [-1])],
    )
    check_flips(load, path.read_bytes(), tmp_path, times=200)


def check_flips(load: Load, content: bytes, folder: Path, times: int) -> None:
    source = random.Random(SEED)  # noqa: S311 - the same damage in every run
    path = folder / "flipped.onnx"
    for _ in range(times):
        damaged = bytearray(content)
        for _ in range(source.choice((1, 1, 2, 4))):
            damaged[source.randrange(len(damaged))] = source.randrange(256)
        path.write_bytes(damaged)
        message = ""
        try:
            load(path)
        except CostdbError as error:
            message = error.message
        assert not message or message.isprintable()


def test_a_name_that_is_no_text(load: Load, tmp_path: Path) -> None:
    path = save_conv(tmp_path / "m.onnx", (1, 3, 8, 8), (4, 3, 3, 3))
    path.write_bytes(path.read_bytes().replace(b"Conv", b"\xff\xfe\xfd\xfc"))
    with pytest.raises(BrokenArtifact, match="not UTF-8"):
        load(path)


def test_a_model_without_a_graph(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"\x08\x08")
    with pytest.raises(BrokenArtifact, match="holds no graph"):
        load(path)


@pytest.mark.parametrize("padding", [0, 10_000])
def test_bodies_that_nest_without_end(load: Load, tmp_path: Path, padding: int) -> None:
    # A graph (7) of a node (1) with an attribute (5) with a graph (6), and so on; protobuf would
    # not write it. The padding is a doc_string (10), so that the skeleton walks into every body.
    content = b""
    for _ in range(70):
        body = message(6, content + message(10, bytes(padding)))
        content = message(1, message(4, b"If") + message(5, message(1, b"then_branch") + body))
    path = tmp_path / "m.onnx"
    path.write_bytes(b"\x08\x08" + message(7, content))
    with pytest.raises(BrokenArtifact) as caught:
        load(path)
    assert caught.value.message.isprintable()


def message(number: int, content: bytes) -> bytes:
    """A length-delimited field."""
    return encode_varint(number << 3 | 2) + encode_varint(len(content)) + content


@pytest.mark.parametrize(
    "layer",
    [
        pytest.param(node("LayerNormalization", ["x", "w"], ["y"], axis=2**62), id="axis"),
        pytest.param(node("GatherND", ["x", "i"], ["y"], batch_dims=-7), id="batch axes"),
        pytest.param(node("Split", ["x"], ["y"], num_outputs=2**31), id="outputs"),
        pytest.param(node("Conv", ["x", "w"], ["y"], strides=[0]), id="stride 0"),
        pytest.param(node("LayerNormalization", ["x"], ["y"]), id="too few inputs"),
        pytest.param(node("GroupNormalization", ["", ""], ["y"]), id="no inputs"),
        pytest.param(node("Transpose", ["x"], ["y"], perm=[5, 5, 5]), id="permutation"),
        pytest.param(node("Tile", ["x", "many"], ["y"]), id="repeats"),
    ],
)
def test_attributes_that_onnx_would_not_survive(load: Load, tmp_path: Path, layer: object) -> None:
    inputs = [value("x", (2, 3, 4)), value("w", (4,)), value("i", (2, 1), "INT64")]
    many = constant("many", [2**62, 2**62, 2**62])
    path = save(tmp_path / "m.onnx", [layer], inputs, ["y"], [many], opset=21)
    try:
        outcome: object = load(path)
    except CostdbError as error:
        outcome = error.message
        assert outcome
    assert isinstance(outcome, Graph | str)
