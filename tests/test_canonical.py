"""Canonical JSON: what a digest depends on, and that nothing is lost on the way."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import NoReturn

import pytest
from builders.graphs import activation, fed, layer, stored
from hypothesis import given
from hypothesis import strategies as st

from costdb.canonical import (
    graph_from_json,
    names_digest,
    names_json,
    structure_digest,
    structure_json,
)
from costdb.errors import BrokenArtifact
from costdb.ir import AttributeValue, Body, DType, Graph, Layer, Role, Tensor

# Text as files have it, down to lone surrogates for bytes that are no text.
ANY_TEXT = st.sampled_from(
    [
        "",
        "a",
        "conv/1",
        "层",
        "\U0001f600",
        "\0",
        "\n",
        "\u2028",
        '"',
        "\\",
        "\\udc80",
        "\udc80\udcff",
    ]
)
# NaN is not equal to itself: it has a test of its own.
FLOATS = st.floats(allow_nan=False)
ATTRIBUTES: st.SearchStrategy[AttributeValue] = st.one_of(
    st.integers(), FLOATS, ANY_TEXT, st.lists(st.integers(), max_size=3).map(tuple),
    st.lists(st.integers() | FLOATS, max_size=3).map(tuple), st.lists(ANY_TEXT).map(tuple),
)  # fmt: skip
SHAPES = st.none() | st.lists(st.none() | st.integers(0, 1 << 40), max_size=4).map(tuple)
DTYPES = st.none() | st.sampled_from(DType)


@st.composite
def graphs(
    draw: st.DrawFn,
    outer: tuple[Tensor, ...] = (),
    numbers: Iterator[int] | None = None,
    depth: int = 2,
) -> Graph:
    """A graph in topological order, which may read `outer`; bodies nest up to `depth` deep."""
    numbers = numbers or count()

    def tensor(role: Role) -> Tensor:
        name = f"{draw(ANY_TEXT)}#{next(numbers)}"
        return Tensor(name, draw(SHAPES), draw(DTYPES), role, is_upper_bound=draw(st.booleans()))

    def tensors(role: Role, at_least: int = 0) -> tuple[Tensor, ...]:
        return tuple(tensor(role) for _ in range(draw(st.integers(at_least, 2))))

    inputs = tensors(Role.INPUT)
    visible: list[Tensor | None] = [None, *outer, *inputs, *tensors(draw(st.sampled_from(Role)))]
    layers = []
    for _ in range(draw(st.integers(0, 2))):
        captures = tuple(filter(None, draw(st.lists(st.sampled_from(visible), max_size=3))))
        nested = graphs(captures, numbers, depth - 1)
        bodies = draw(st.lists(nested, max_size=depth))
        outputs = tensors(Role.ACTIVATION, at_least=1)
        layers.append(
            Layer(
                name=draw(ANY_TEXT),
                op=draw(ANY_TEXT),
                inputs=tuple(draw(st.lists(st.sampled_from(visible), max_size=3))),
                outputs=outputs,
                domain=draw(ANY_TEXT),
                scope=draw(ANY_TEXT),
                attributes=draw(st.dictionaries(ANY_TEXT, ATTRIBUTES, max_size=3)),
                compute_dtype=draw(DTYPES),
                source_op=draw(ANY_TEXT),
                source_module=draw(ANY_TEXT),
                bodies=tuple(Body(body, draw(st.none() | st.integers(0))) for body in bodies),
                captures=captures,
            )
        )
        visible += outputs
    asked = draw(st.lists(st.sampled_from(visible), max_size=3))
    return Graph(
        tuple(layers),
        inputs,
        outputs=tuple(filter(None, asked)),
        unread=tensors(Role.PARAMETER),
        file_format=draw(ANY_TEXT),
        framework=draw(ANY_TEXT),
    )


def renamed(graph: Graph) -> Graph:
    """The same graph with other names for everything that has one."""

    def tensor(old: Tensor) -> Tensor:
        return replace(old, name=f"renamed {old.name}")

    return replace(
        graph,
        layers=tuple(
            replace(
                entry,
                name=f"renamed {entry.name}",
                scope=f"renamed {entry.scope}",
                inputs=tuple(old and tensor(old) for old in entry.inputs),
                outputs=tuple(map(tensor, entry.outputs)),
                bodies=tuple(Body(renamed(body.graph), body.trip_count) for body in entry.bodies),
                captures=tuple(map(tensor, entry.captures)),
            )
            for entry in graph.layers
        ),
        inputs=tuple(map(tensor, graph.inputs)),
        outputs=tuple(map(tensor, graph.outputs)),
        unread=tuple(map(tensor, graph.unread)),
    )


def restored(graph: Graph) -> Graph:
    return graph_from_json(structure_json(graph), names_json(graph))


@given(graphs())
def test_nothing_but_notes_is_lost(graph: Graph) -> None:
    assert restored(replace(graph, notes=("x is open",))) == graph


@given(graphs())
def test_a_structure_knows_no_names(graph: Graph) -> None:
    assert structure_json(renamed(graph)) == structure_json(graph)
    assert restored(renamed(graph)) == renamed(graph)


@given(graphs())
def test_it_is_strict_json_in_utf_8(graph: Graph) -> None:
    def refuse(constant: str) -> NoReturn:
        raise AssertionError(f"{constant} is no JSON")

    for data in (structure_json(graph), names_json(graph)):
        json.loads(data.decode("utf-8"), parse_constant=refuse)


# x -> Conv(w) -> y
CONV = layer(
    "Conv", [fed("x", 1, 3), stored("w", 8, 3)], activation("y", 1, 8), group=1, pads=(0, 1)
)
BASE = Graph((CONV,), (fed("x", 1, 3),), (activation("y", 1, 8),), (), "onnx", "pytorch")


def test_the_form_is_the_documented_one() -> None:
    # By hand. Where this changes, IR_VERSION is raised.
    assert structure_json(BASE) == (
        b'{"format":"onnx","framework":"pytorch","inputs":[0],"layers":[{"attributes":{"group":1,'
        b'"pads":[0,1]},"dtype":"float32","inputs":[0,1],"op":"Conv","outputs":[2]}],"outputs":[2],'
        b'"tensors":[[[1,3],"float32","input"],[[8,3],"float32","stored"],'
        b'[[1,8],"float32","activation"]],"unread":[]}'
    )
    assert names_json(BASE) == b'{"bodies":[],"layers":["y"],"scopes":[""],"tensors":["x","w","y"]}'


def test_digests() -> None:
    # sha256 of "{}", by sha256sum.
    empty = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert structure_digest(b"{}") == f"ir1:{empty}"
    assert names_digest(b"{}") == empty


def with_conv(**changes: object) -> Graph:
    return replace(BASE, layers=(replace(CONV, **changes),))  # type: ignore[arg-type] # any field


def with_attribute(value: AttributeValue) -> Graph:
    return with_conv(attributes={"group": value, "pads": (0, 1)})


def with_weights(weights: Tensor) -> Graph:
    return with_conv(inputs=(fed("x", 1, 3), weights))


BODY = Body(Graph((), (), ()))
STRUCTURES = {
    "base": BASE,
    "shape": with_weights(stored("w", 3, 8)),
    "rank": with_weights(stored("w", 24)),
    "open size": with_weights(Tensor("w", (8, None), DType.FLOAT32, Role.STORED)),
    "unknown shape": with_weights(Tensor("w", None, DType.FLOAT32, Role.STORED)),
    "dtype": with_weights(stored("w", 8, 3, dtype=DType.FLOAT16)),
    "unknown dtype": with_weights(Tensor("w", (8, 3), None, Role.STORED)),
    "role": with_weights(Tensor("w", (8, 3), DType.FLOAT32, Role.BUFFER)),
    "upper bound": with_weights(replace(stored("w", 8, 3), is_upper_bound=True)),
    "order of inputs": with_conv(inputs=CONV.inputs[::-1]),
    "absent input": with_conv(inputs=(fed("x", 1, 3), None)),
    "one tensor twice": with_conv(inputs=(fed("x", 1, 3), fed("x", 1, 3))),
    "op": with_conv(op="Gemm"),
    "domain": with_conv(domain="tf"),
    "compute dtype": with_conv(compute_dtype=DType.BFLOAT16),
    "source op": with_conv(source_op="Conv2D"),
    "source module": with_conv(source_module="torch.nn.Conv2d"),
    "attribute": with_attribute(2),
    "attribute's type": with_attribute(1.0),
    "attribute as text": with_attribute("1"),
    "attribute as list": with_attribute((1,)),
    "infinite attribute": with_attribute(math.inf),
    "negative infinite attribute": with_attribute(-math.inf),
    "attribute without a value": with_attribute(math.nan),
    "no attributes": with_conv(attributes={}),
    "body": with_conv(bodies=(BODY,)),
    "trip count": with_conv(bodies=(Body(BODY.graph, 2),)),
    "unknown trip count": with_conv(bodies=(Body(BODY.graph, None),)),
    "two bodies": with_conv(bodies=(BODY, BODY)),
    "captures": with_conv(captures=(fed("x", 1, 3),)),
    "two layers": replace(BASE, layers=(CONV, CONV)),
    "format": replace(BASE, file_format="tensorflow-graphdef"),
    "framework": replace(BASE, framework="onnx"),
    "outputs": replace(BASE, outputs=()),
    "inputs": replace(BASE, inputs=()),
    "unread": replace(BASE, unread=(stored("spare", 1),)),
}


def test_a_digest_depends_on_everything_else() -> None:
    digests = {name: structure_digest(structure_json(graph)) for name, graph in STRUCTURES.items()}
    assert len(set(digests.values())) == len(STRUCTURES), digests


def test_a_digest_depends_on_the_order_of_layers() -> None:
    x = fed("x", 2)
    relu = layer("Relu", [x], activation("a", 2))
    tanh = layer("Tanh", [x], activation("b", 2))
    one, other = (Graph(order, (x,), ()) for order in ((relu, tanh), (tanh, relu)))
    assert structure_json(one) != structure_json(other)


@pytest.mark.parametrize(
    "graph",
    [
        pytest.param(replace(BASE, notes=("x is open",)), id="notes"),
        pytest.param(with_conv(name="conv1"), id="layer's name"),
        pytest.param(with_conv(scope="encoder/0"), id="scope"),
        pytest.param(with_weights(stored("weight", 8, 3)), id="tensor's name"),
        pytest.param(
            with_conv(attributes={"pads": (0, 1), "group": 1}), id="order of the attributes"
        ),
    ],
)
def test_a_digest_does_not_depend_on(graph: Graph) -> None:
    assert structure_json(graph) == structure_json(BASE)


@pytest.mark.parametrize(
    "graph", [with_conv(name="conv1"), with_conv(scope="0"), with_weights(stored("v", 8, 3))]
)
def test_names_have_their_own_digest(graph: Graph) -> None:
    assert names_json(graph) != names_json(BASE)


def test_nan_survives() -> None:
    value = restored(with_attribute((1, math.nan, math.inf))).layers[0].attributes["group"]
    assert isinstance(value, tuple)
    assert value[0] == 1
    assert isinstance(value[0], int)
    assert math.isnan(float(value[1]))
    assert value[2] == math.inf


def test_a_body_may_use_a_name_again() -> None:
    # ONNX forbids it and files do it: the body's "y" is not the y of the graph around it.
    inner = layer("Relu", [stored("y", 5)], activation("z", 5))
    body = Body(Graph((inner,), (), (activation("z", 5),)))
    graph = with_conv(bodies=(body,), captures=(fed("x", 1, 3),))
    assert restored(graph) == graph


def test_deep_nesting() -> None:
    graph = BASE
    for depth in range(50):
        outer = layer("If", [fed(f"c{depth}", 1)], activation(f"o{depth}", 1))
        graph = Graph((replace(outer, bodies=(Body(graph),)),), (), ())
    assert restored(graph) == graph


def damaged(old: bytes, new: bytes) -> tuple[bytes, bytes]:
    structure, names = structure_json(BASE), names_json(BASE)
    assert (old in structure) != (old in names)
    return structure.replace(old, new), names.replace(old, new)


@pytest.mark.parametrize(
    ("structure", "names"),
    [
        pytest.param(b"", b"", id="empty"),
        pytest.param(b"[]", b"[]", id="not objects"),
        pytest.param(b"\xff", b"{}", id="not UTF-8"),
        pytest.param(b"[" * 100_000, b"{}", id="nested too deep"),
        pytest.param(*damaged(b'"op":', b'"o":'), id="no operator"),
        pytest.param(*damaged(b'"float32","input"', b'"float33","input"'), id="no such dtype"),
        pytest.param(*damaged(b'"stored"', b'"weights"'), id="no such role"),
        pytest.param(*damaged(b'"inputs":[0,1]', b'"inputs":[0,9]'), id="no such tensor"),
        pytest.param(*damaged(b'"inputs":[0,1]', b'"inputs":[0,-1]'), id="a negative tensor"),
        pytest.param(*damaged(b"[8,3]", b"[8,-3]"), id="a negative size"),
        pytest.param(*damaged(b"[8,3]", b'[8,"3"]'), id="a size that is text"),
        pytest.param(*damaged(b'"op":', b'"bodies":[[1,{}]],"op":'), id="a body without names"),
        pytest.param(*damaged(b'"attributes":{', b'"attributes":[],"a":{'), id="attributes"),
        pytest.param(*damaged(b'"w",', b""), id="too few names of tensors"),
        pytest.param(*damaged(b'"layers":["y"]', b'"layers":["y","z"]'), id="too many layers"),
    ],
)
def test_damage_is_said_in_one_line(structure: bytes, names: bytes) -> None:
    with pytest.raises(BrokenArtifact, match="a stored graph is damaged"):
        graph_from_json(structure, names)
