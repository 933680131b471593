"""Files that are made to do harm: each is refused with a message of its own."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from builders.onnx_models import constant, graph, model, node, onnx, save, value

from costdb.cost.engine import cost
from costdb.errors import BrokenArtifact, CostdbError, CostError
from costdb.ir import Graph
from costdb.protowire import encode_varint

Load = Callable[..., Graph]

DOMAIN = "local"


def exponential_functions(folder: Path) -> Path:
    """Forty functions that call the next one twice."""
    helper = onnx().helper
    imports = [helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, 1)]
    functions = [
        helper.make_function(
            DOMAIN,
            f"F{level}",
            ["a"],
            ["c"],
            [
                node(f"F{level + 1}", ["a"], ["b"], domain=DOMAIN),
                node(f"F{level + 1}", ["b"], ["c"], domain=DOMAIN),
            ],
            imports,
        )
        for level in range(40)
    ]
    calls = graph([node("F0", ["x"], ["y"], domain=DOMAIN)], [value("x", (1,))], ["y"])
    path = folder / "m.onnx"
    proto = model(calls, domains={DOMAIN: 1}, functions=functions)
    path.write_bytes(proto.SerializeToString())
    return path


def nested_graphs(folder: Path) -> Path:
    """An If in an If, 5,000 deep, as protobuf would not write it."""
    content = b""
    for _ in range(5000):
        # A graph (6) in an attribute (5) of a node (1).
        attribute = field(1, b"then_branch") + field(6, content)
        content = field(1, field(4, b"If") + field(5, attribute))
    path = folder / "m.onnx"
    path.write_bytes(b"\x08\x08" + field(7, content))
    return path


def field(number: int, content: bytes) -> bytes:
    """A length-delimited field."""
    return encode_varint(number << 3 | 2) + encode_varint(len(content)) + content


def cycle(folder: Path) -> Path:
    nodes = [
        node("Add", ["x", "b"], ["a"], name="first"),
        node("Relu", ["a"], ["b"], name="second"),
        node("Relu", ["b"], ["y"]),
    ]
    return save(folder / "m.onnx", nodes, [value("x", (1,))], ["y"])


def huge_input(folder: Path) -> Path:
    return save(
        folder / "m.onnx",
        [node("Relu", ["x"], ["y"], name="relu")],
        [value("x", (2**62, 4))],
        ["y"],
    )


def huge_product(folder: Path) -> Path:
    """Two sizes that fit, and a product that does not."""
    nodes = [node("MatMul", ["x", "w"], ["y"], name="product")]
    inputs = [value("x", (2**40, 8)), value("w", (8, 2**40))]
    return save(folder / "m.onnx", nodes, inputs, ["y"])


def huge_reshape(folder: Path) -> Path:
    nodes = [node("Expand", ["x", "sizes"], ["y"], name="expand")]
    sizes = constant("sizes", [2**62, 2**62])
    return save(folder / "m.onnx", nodes, [value("x", (1, 1))], ["y"], [sizes])


def negative_weights(folder: Path) -> Path:
    weights = onnx().TensorProto(name="w", dims=[-3, 4], data_type=1)
    return save(
        folder / "m.onnx", [node("Add", ["x", "w"], ["y"])], [value("x", (4,))], ["y"], [weights]
    )


def negative_pads(folder: Path) -> Path:
    pads = constant("pads", [0, -9])
    nodes = [node("Pad", ["x", "pads"], ["y"], name="pad")]
    return save(folder / "m.onnx", nodes, [value("x", (4,))], ["y"], [pads])


def outside(location: str) -> Callable[[Path], Path]:
    """A model whose weights are said to be at a place."""

    def build(folder: Path) -> Path:
        inside = folder / "model"
        inside.mkdir()
        (folder / "secret").write_bytes(bytes(16))
        (inside / "link").symlink_to("../secret")
        weights = onnx().TensorProto(name="w", dims=[4], data_type=1, data_location=1)
        weights.external_data.add(key="location", value=location)
        nodes = [node("Add", ["x", "w"], ["y"])]
        return save(inside / "m.onnx", nodes, [value("x", (4,))], ["y"], [weights])

    return build


@pytest.mark.parametrize(
    ("build", "kind", "message"),
    [
        pytest.param(
            exponential_functions,
            BrokenArtifact,
            "the functions of 'm.onnx' expand to more than 200,000 nodes",
            id="exponential functions",
        ),
        pytest.param(
            nested_graphs,
            BrokenArtifact,
            "nests more than 64 messages deep",
            id="5,000 graphs deep",
        ),
        pytest.param(
            cycle, BrokenArtifact, "layer 'first' depends on its own output", id="a cycle"
        ),
        pytest.param(
            huge_input, CostError, "layer 'relu' has compares", id="an input of 2^62 rows"
        ),
        pytest.param(huge_product, CostError, "layer 'product' has macs", id="a product of 2^80"),
        pytest.param(huge_reshape, CostError, "layer 'expand' has", id="sizes of 2^62"),
        pytest.param(
            negative_weights, BrokenArtifact, "'w' has shape (-3, 4)", id="weights of -3 rows"
        ),
        pytest.param(
            negative_pads,
            BrokenArtifact,
            "would have a size of -5",
            id="more cut off than there is",
        ),
        pytest.param(
            outside("../secret"),
            BrokenArtifact,
            "'m.onnx' refers to '../secret', which is no file in its folder",
            id="weights in the folder above",
        ),
        pytest.param(
            outside("/etc/passwd"),
            BrokenArtifact,
            "'m.onnx' refers to '/etc/passwd', which is no file in its folder",
            id="weights at an absolute path",
        ),
        pytest.param(
            outside("C:\\secret"),
            BrokenArtifact,
            "which is no file in its folder",
            id="weights on another drive",
        ),
        pytest.param(
            outside("link"),
            BrokenArtifact,
            "'m.onnx' refers to 'link', a link that leads out of its folder",
            id="weights behind a link that leads out",
        ),
    ],
)
def test_refused(
    load: Load, tmp_path: Path, build: Callable[[Path], Path], kind: type[CostdbError], message: str
) -> None:
    path = build(tmp_path)
    with pytest.raises(kind) as caught:
        cost(load(path))
    assert message in caught.value.message
    assert caught.value.hint
    assert "\n" not in caught.value.message


def test_more_nodes_than_any_model_has(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from costdb_onnx.model import expansion

    names = ["x", *(f"h{number}" for number in range(7)), "y"]
    nodes = [node("Relu", [before], [after]) for before, after in pairwise(names)]
    path = save(tmp_path / "m.onnx", nodes, [value("x", (1,))], ["y"])
    monkeypatch.setattr(expansion, "MAX_LAYERS", len(nodes))
    assert len(load(path).layers) == len(nodes)
    monkeypatch.setattr(expansion, "MAX_LAYERS", len(nodes) - 1)
    with pytest.raises(BrokenArtifact, match=r"'m\.onnx' holds more than 7 nodes"):
        load(path)
