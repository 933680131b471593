"""Files that are cut off, damaged, or hold what this TensorFlow does not know."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import tensorflow_models as models

from costdb.errors import BrokenArtifact
from costdb.ir import DType, Graph

Load = Callable[..., Graph]

FLIPS = 200

# In a process of its own: a native abort must not end the tests unheard.
FLIPPING = """
import random, sys
from pathlib import Path
from costdb.binding import Binding
from costdb.errors import CostdbError
from costdb.source import Source
from costdb_tensorflow import TensorflowLoader

path, flips = Path(sys.argv[1]), int(sys.argv[2])
content = path.read_bytes()
generator = random.Random(20240607)
graphs = 0
for number in range(flips):
    flipped = bytearray(content)
    flipped[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
    path.write_bytes(flipped)
    print(number, end=" ", flush=True)
    try:
        with Source(path) as source:
            TensorflowLoader().load(source, Binding())
        graphs += 1
    except CostdbError as error:
        assert error.message and "\\n" not in error.message
print("done", graphs)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    model = models.sequential((8, 8, 3), *models.conv_bn_relu(4), models.convolution(4, groups=2))
    return models.freeze(model, tmp_path / "model.pb", (None, 8, 8, 3))


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_file_that_is_cut_off_is_refused(path: Path, load: Load, tenth: int) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * tenth // 10])
    with pytest.raises(BrokenArtifact) as raised:
        load(path)
    assert raised.value.message
    assert "\n" not in raised.value.message


def test_a_missing_last_byte_is_noticed(path: Path, load: Load) -> None:
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BrokenArtifact, match="breaks off"):
        load(path)


def test_a_cut_between_nodes_is_noted(tmp_path: Path, load: Load) -> None:
    """Whole nodes are missing, and with them the version that ends every graph."""
    tf = models.tensorflow()
    nodes = [models.placeholder("x", [2]), models.node("y", "Relu", "x", T=tf.float32)]
    path = tmp_path / "model.pb"
    path.write_bytes(tf.compat.v1.GraphDef(node=nodes).SerializeToString())
    assert load(path).notes == (
        "the file lacks a graph's last field, its version: it may be cut off",
    )


def test_any_flipped_bit_gives_an_error_or_a_graph(path: Path) -> None:
    command = [sys.executable, "-c", FLIPPING, str(path), str(FLIPS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20:] + done.stderr[-2000:]
    assert "done" in done.stdout


def test_an_empty_file_is_refused(tmp_path: Path, load: Load) -> None:
    path = tmp_path / "model.pb"
    path.write_bytes(b"")
    with pytest.raises(BrokenArtifact, match="the graph has no nodes"):
        load(path)


def nodes(*extra: Any) -> list[Any]:
    tf = models.tensorflow()
    return [
        models.placeholder("x", [1, 4]),
        models.node("y", "Relu", "x", T=tf.float32),
        *extra,
    ]


CONTRADICTIONS = [
    pytest.param(
        lambda: nodes(models.placeholder("x", [2])), "two nodes are called 'x'", id="a name twice"
    ),
    pytest.param(
        lambda: nodes(models.node("z", "Relu", "w", T=models.tensorflow().float32)),
        "node 'z' reads 'w', which is not in the file",
        id="a missing node",
    ),
    pytest.param(
        lambda: nodes(models.node("z", "Relu", "y:3", T=models.tensorflow().float32)),
        "TensorFlow refuses the graph: .*invalid output 3 of source node y",
        id="a missing output",
    ),
    pytest.param(
        lambda: nodes(models.node("z", "MatMul", "y", "y", T=models.tensorflow().float32)),
        "TensorFlow refuses the graph: .*equal",
        id="shapes that do not fit",
    ),
    pytest.param(
        lambda: nodes(models.node("z", "Relu", T=models.tensorflow().float32)),
        r"node 'z' \(Relu\) reads 0 values instead of 1",
        id="an input too few",
    ),
    pytest.param(
        lambda: nodes(
            models.node("z", "Pack", "y", N=2**31 - 1, T=models.tensorflow().float32, axis=0)
        ),
        "node 'z' says that N is 2,147,483,647",
        id="a huge number of inputs",
    ),
    pytest.param(
        lambda: nodes(models.node("z", "Unpack", "y", num=-3, T=models.tensorflow().float32)),
        "node 'z' says that num is -3",
        id="a negative number of outputs",
    ),
    pytest.param(
        lambda: nodes(
            models.node("a", "AddV2", "y", "b", T=models.tensorflow().float32),
            models.node("b", "Relu", "a", T=models.tensorflow().float32),
            models.node("c", "Relu", "b", T=models.tensorflow().float32),
        ),
        "TensorFlow refuses the graph: .*cycle",
        id="a cycle",
    ),
]


@pytest.mark.parametrize(("build", "message"), CONTRADICTIONS)
def test_a_graph_that_contradicts_itself_is_refused(
    tmp_path: Path, load: Load, build: Callable[[], list[Any]], message: str
) -> None:
    path = models.write_nodes(tmp_path / "model.pb", *build())
    with pytest.raises(BrokenArtifact, match=message) as raised:
        load(path)
    assert "\n" not in raised.value.message
    assert len(raised.value.message) < 250


def test_a_graph_of_a_later_tensorflow_says_so(tmp_path: Path, load: Load) -> None:
    path = models.write_nodes(tmp_path / "model.pb", *nodes())
    graph_def = models.tensorflow().compat.v1.GraphDef.FromString(path.read_bytes())
    graph_def.versions.min_consumer = 1_000_000
    path.write_bytes(graph_def.SerializeToString())
    with pytest.raises(BrokenArtifact, match="GraphDef min consumer version 1000000"):
        load(path)


def test_an_unknown_operator_is_a_layer_and_the_rest_is_costed(tmp_path: Path, load: Load) -> None:
    tf = models.tensorflow()
    path = models.write_nodes(
        tmp_path / "model.pb",
        models.placeholder("x", [1, 4]),
        models.node("before", "Relu", "x", T=tf.float32),
        models.node("odd", "VendorSecret", "before", strength=3),
        models.node("shaped", "Reshape", "odd:1", "to", T=tf.float32, Tshape=tf.int32),
        models.node("after", "Relu", "shaped", T=tf.float32),
        models.node("other", "Cast", "odd", SrcT=tf.int64, DstT=tf.float32),
        int_vector("to", [2, 2]),
    )
    graph = load(path)
    odd = next(layer for layer in graph.layers if layer.domain)
    assert odd.qualified_op == "tf:VendorSecret"
    assert [(t.name, t.shape, t.dtype) for t in odd.outputs] == [
        ("odd", None, DType.INT64),
        ("odd:1", None, DType.FLOAT32),
    ]
    assert {t.name: t.shape for t in graph.outputs} == {"after": (2, 2), "other": None}
    assert [layer.name for layer in graph.layers if layer.op == "Relu"] == ["before", "after"]


def test_an_unknown_operator_may_be_the_output(tmp_path: Path, load: Load) -> None:
    tf = models.tensorflow()
    odd = models.node("odd", "VendorSecret", "y", dtype=tf.float16)
    odd.attr["_output_shapes"].list.shape.add().dim.add(size=3)
    graph = load(models.write_nodes(tmp_path / "model.pb", *nodes(odd)))
    assert [(t.name, t.shape, t.dtype) for t in graph.outputs] == [("odd", (3,), DType.FLOAT16)]


def int_vector(name: str, values: list[int]) -> Any:
    import numpy as np

    return models.constant(name, np.array(values, np.int32))


# The shapes of data and of places, and the batch axes; TensorFlow's own inference aborts on each.
GATHERS = [
    pytest.param([4, 3], [], 3, id="of indices without axes"),
    pytest.param([4, 3], [4], 5, id="of more axes than there are"),
]


@pytest.mark.parametrize(("data", "places", "axes"), GATHERS)
def test_a_gather_that_tensorflow_aborts_on_is_refused(
    tmp_path: Path, load: Load, data: list[int], places: list[int], axes: int
) -> None:
    path = models.write_nodes(
        tmp_path / "model.pb",
        models.placeholder("x", data),
        models.placeholder("i", places, "int32"),
        int_vector("axis", [5]),
        models.node("y", "GatherV2", "x", "i", "axis", batch_dims=axes, **gathering()),
    )
    with pytest.raises(BrokenArtifact, match=f"gathers along {axes} batch axes of {len(places)}"):
        load(path)


def test_a_gather_of_several_batch_axes_is_a_layer(tmp_path: Path, load: Load) -> None:
    import numpy as np

    tf = models.tensorflow()
    path = models.write_nodes(
        tmp_path / "model.pb",
        models.placeholder("x", [2, 5, 7, 3]),
        models.node("doubled", "AddV2", "x", "x", T=tf.float32),
        models.placeholder("i", [2, 5, 4], "int32"),
        models.constant("axis", np.int32(2)),
        models.node("y", "GatherV2", "doubled", "i", "axis", batch_dims=2, **gathering()),
        models.node("z", "Relu", "y", T=tf.float32),
    )
    graph = load(path)
    assert graph.outputs[0].shape == (2, 5, 4, 3)
    assert graph.layers[1].attributes == {"axis": 2, "batch_dims": 2}


def gathering() -> dict[str, Any]:
    tf = models.tensorflow()
    return {"Tparams": tf.float32, "Tindices": tf.int32, "Taxis": tf.int32}
