"""The layer IR: what its parts say of themselves, and how a graph is assembled."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from builders.graphs import activation, fed, layer, stored

from costdb.errors import BrokenArtifact
from costdb.ir import Body, DType, Graph, Layer, Role, Tensor, Uncountable, assemble

# Widths by their definitions: IEEE 754, the OCP 8-bit and microscaling formats, ONNX's TensorProto.
WIDTHS = {
    128: {"complex128"},
    64: {"float64", "complex64", "int64", "uint64"},
    32: {"float32", "int32", "uint32"},
    16: {"float16", "bfloat16", "int16", "uint16"},
    8: {"float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "float8e8m0"}
    | {"int8", "uint8", "bool"},
    6: {"float6e2m3", "float6e3m2"},
    4: {"float4e2m1", "int4", "uint4"},
    2: {"int2", "uint2"},
    0: {"string", "handle"},
}


@pytest.mark.parametrize("dtype", DType)
def test_dtypes_know_their_width(dtype: DType) -> None:
    assert dtype.value in WIDTHS[dtype.bits]
    is_floating = dtype.value[:5] in {"float", "bfloa", "compl"}
    assert dtype.is_floating is is_floating


def test_every_width_belongs_to_a_dtype() -> None:
    assert set().union(*WIDTHS.values()) == {dtype.value for dtype in DType}


def test_stored_roles() -> None:
    assert {role for role in Role if role.is_stored} == {
        Role.PARAMETER,
        Role.BUFFER,
        Role.CONSTANT,
        Role.STORED,
    }


class TestTensor:
    def test_sizes(self) -> None:
        tensor = activation("x", 2, 3, 4)
        assert (tensor.rank, tensor.sizes, tensor.numel) == (3, (2, 3, 4), 24)
        assert [tensor.size(axis) for axis in (0, 1, -1, -3)] == [2, 3, 4, 2]

    @pytest.mark.parametrize(
        ("sizes", "dtype", "expected"),
        [
            pytest.param((2, 3), DType.FLOAT32, 24, id="6 x 4 bytes"),
            pytest.param((), DType.INT64, 8, id="a scalar has one element"),
            pytest.param((0, 7), DType.FLOAT32, 0, id="no elements"),
            pytest.param((5,), DType.INT4, 3, id="20 bits in 3 bytes"),
            pytest.param((3,), DType.UINT2, 1, id="6 bits in 1 byte"),
            pytest.param((9,), DType.BOOL, 9, id="a bool takes a byte"),
            pytest.param((4,), DType.STRING, 0, id="text has no fixed size"),
            pytest.param((1 << 40, 1 << 40), DType.INT8, 1 << 80, id="no overflow"),
        ],
    )
    def test_bytes(self, sizes: tuple[int, ...], dtype: DType, expected: int) -> None:
        assert activation("x", *sizes, dtype=dtype).nbytes == expected

    @pytest.mark.parametrize(
        "tensor",
        [
            pytest.param(Tensor("x", None, DType.INT8), id="no rank"),
            pytest.param(Tensor("x", (2, None), DType.INT8), id="an open size"),
            pytest.param(Tensor("x", (2, 3), None), id="no dtype"),
        ],
    )
    def test_unknown_bytes(self, tensor: Tensor) -> None:
        assert tensor.nbytes is None

    @pytest.mark.parametrize(
        ("ask", "message"),
        [
            pytest.param(lambda: Tensor("x", None, None).rank, "the rank of 'x'", id="rank"),
            pytest.param(lambda: Tensor("x", None, None).sizes, "the shape of 'x'", id="shape"),
            pytest.param(lambda: Tensor("x", None, None).size(0), "the rank of 'x'", id="axis"),
            pytest.param(lambda: activation("x", 2, None).sizes, "the shape of 'x'", id="open"),
            pytest.param(lambda: activation("x", 2, None).numel, "the shape of 'x'", id="numel"),
            pytest.param(lambda: activation("x", 2, None).size(1), "axis 1 of 'x'", id="size"),
            pytest.param(lambda: activation("x", 2).size(1), "no axis 1", id="axis too high"),
            pytest.param(lambda: activation("x", 2).size(-2), "no axis -2", id="axis too low"),
        ],
    )
    def test_uncountable(self, ask: Callable[[], object], message: str) -> None:
        with pytest.raises(Uncountable, match=message):
            ask()

    def test_a_known_axis_beside_an_open_one(self) -> None:
        assert activation("x", None, 3).size(1) == 3


CONV = layer(
    "Conv", [fed("x", 1, 3, 8, 8), None, stored("w", 4, 3, 3, 3)], activation("y", 1, 4, 6, 6),
    group=1, epsilon=1e-5, strides=(2, 2), auto_pad="VALID", scales=(1.0, 2.0),
)  # fmt: skip


class TestLayer:
    def test_inputs(self) -> None:
        assert [CONV.has_input(position) for position in range(4)] == [True, False, True, False]
        assert CONV.input(2).name == "w"
        assert CONV.output.name == "y"

    def test_reads_inputs_and_what_bodies_take(self) -> None:
        outer = activation("outer", 1)
        assert [tensor.name for tensor in replace(CONV, captures=(outer,)).reads] == [
            "x",
            "w",
            "outer",
        ]

    def test_attributes(self) -> None:
        assert CONV.integer("group", 7) == 1
        assert CONV.number("epsilon", 0.0) == 1e-5
        assert CONV.number("group", 0.0) == 1
        assert CONV.integers("strides") == (2, 2)
        assert CONV.string("auto_pad") == "VALID"

    def test_defaults(self) -> None:
        assert CONV.integer("axis", -1) == -1
        assert CONV.number("alpha", 0.5) == 0.5
        assert CONV.string("mode", "linear") == "linear"
        assert CONV.string("mode") == ""

    @pytest.mark.parametrize(
        ("domain", "expected"), [("", "Conv"), ("com.microsoft", "com.microsoft:Conv")]
    )
    def test_qualified_op(self, domain: str, expected: str) -> None:
        assert replace(CONV, domain=domain).qualified_op == expected

    @pytest.mark.parametrize(
        ("ask", "message"),
        [
            pytest.param(lambda: CONV.input(1), "Conv has no input 1", id="absent input"),
            pytest.param(lambda: CONV.input(9), "Conv has no input 9", id="input behind the last"),
            pytest.param(
                lambda: replace(CONV, outputs=()).output, "Conv has no output", id="no output"
            ),
            pytest.param(lambda: CONV.integer("epsilon", 0), "not an integer", id="not an integer"),
            pytest.param(lambda: CONV.number("auto_pad", 0), "not a number", id="not a number"),
            pytest.param(lambda: CONV.string("group"), "not text", id="not text"),
            pytest.param(lambda: CONV.integers("pads"), "no list of integers", id="no list"),
            pytest.param(lambda: CONV.integers("group"), "no list of integers", id="not a list"),
            pytest.param(lambda: CONV.integers("scales"), "no list of integers", id="floats"),
        ],
    )
    def test_uncountable(self, ask: Callable[[], object], message: str) -> None:
        with pytest.raises(Uncountable, match=message):
            ask()


def relu(source: Tensor | str, target: str) -> Layer:
    read = activation(source, 2) if isinstance(source, str) else source
    return layer("Relu", [read], activation(target, 2))


def add(left: str, right: str, target: str) -> Layer:
    return layer("Add", [activation(left, 2), activation(right, 2)], activation(target, 2))


X = fed("x", 2)


def assembled(layers: Iterable[Layer], *outputs: str) -> list[str]:
    """The names of the layers, which are those of their outputs."""
    graph = assemble(layers, inputs=[X], outputs=[activation(name, 2) for name in outputs])
    return [entry.name for entry in graph.layers]


class TestAssemble:
    @pytest.mark.parametrize(
        ("layers", "outputs", "expected"),
        [
            pytest.param([relu(X, "a"), relu("a", "b")], ["b"], ["a", "b"], id="in order"),
            pytest.param([relu("a", "b"), relu(X, "a")], ["b"], ["a", "b"], id="out of order"),
            pytest.param([relu(X, "a"), relu("a", "b")], ["a"], ["a"], id="pruned behind"),
            pytest.param([relu(X, "a"), relu(X, "b")], ["b"], ["b"], id="pruned beside"),
            pytest.param([relu(X, "a"), relu("a", "b")], [], [], id="nothing asked for"),
            pytest.param([relu("lost", "a"), relu(X, "b")], ["b"], ["b"], id="pruned unresolved"),
            pytest.param(
                [relu(X, "b"), relu(X, "a"), add("a", "b", "c")], ["c"], ["b", "a", "c"],
                id="the file's order where it is free",
            ),
            pytest.param(
                [add("a", "b", "d"), relu(X, "b"), relu(X, "a"), relu("b", "c")], ["d", "c"],
                ["b", "a", "d", "c"], id="the file's order as far as possible",
            ),
            pytest.param([add("a", "a", "b"), relu(X, "a")], ["b"], ["a", "b"], id="read twice"),
            pytest.param([relu(X, "a")], ["x"], [], id="an input is an output"),
            pytest.param(
                [layer("Conv", [X, None, stored("w", 2)], activation("a", 2))], ["a"], ["a"],
                id="stored and absent inputs",
            ),
        ],
    )  # fmt: skip
    def test_layers(self, layers: list[Layer], outputs: list[str], expected: list[str]) -> None:
        assert assembled(layers, *outputs) == expected

    @pytest.mark.parametrize(
        ("layers", "output", "message"),
        [
            pytest.param(
                [relu(X, "a"), relu(X, "a")], "a",
                "tensor 'a' is produced twice, again by layer 'a'", id="two layers",
            ),
            pytest.param(
                [replace(relu(X, "a"), outputs=(activation("a", 2), activation("a", 2)))], "a",
                "tensor 'a' is produced twice", id="one layer twice",
            ),
            pytest.param([relu("y", "x")], "x", "tensor 'x' is produced twice", id="an input"),
            pytest.param(
                [relu("lost", "a")], "a", "nothing produces 'lost', which layer 'a' reads",
                id="dangling input",
            ),
            pytest.param(
                [relu(X, "a")], "b", "nothing produces 'b', which is an output",
                id="dangling output",
            ),
            pytest.param([relu("a", "a")], "a", "'a' depends on its own output", id="itself"),
            pytest.param(
                [relu(X, "z"), add("c", "z", "a"), relu("a", "b"), relu("b", "c")], "c",
                "'a' depends on its own output", id="a circle",
            ),
        ],
    )  # fmt: skip
    def test_broken(self, layers: list[Layer], output: str, message: str) -> None:
        with pytest.raises(BrokenArtifact, match=message) as raised:
            assembled(layers, output)
        assert raised.value.hint == "export the model again"

    def test_a_circle_that_no_output_needs_is_pruned(self) -> None:
        assert assembled([relu("b", "a"), relu("a", "b"), relu(X, "c")], "c") == ["c"]

    def test_what_is_said_of_the_graph_is_kept(self) -> None:
        weights = stored("w", 2)
        graph = assemble(
            [relu(X, "a")],
            inputs=[X],
            outputs=[activation("a", 2)],
            unread=[weights],
            file_format="onnx",
            framework="pytorch",
            notes=["x is open"],
        )
        assert (graph.inputs, graph.outputs) == ((X,), (activation("a", 2),))
        assert (graph.file_format, graph.framework) == ("onnx", "pytorch")
        assert (graph.unread, graph.notes) == ((weights,), ("x is open",))

    def test_a_body_reads_what_it_captures(self) -> None:
        with pytest.raises(BrokenArtifact, match="nothing produces 'outer'"):
            assemble([relu("outer", "b")], inputs=[], outputs=[activation("b", 2)])
        body = assemble(
            [relu("outer", "b")], inputs=[], outputs=[activation("b", 2)], captured={"outer"}
        )
        assert [entry.name for entry in body.layers] == ["b"]

    def test_a_captured_tensor_keeps_its_producer(self) -> None:
        outer = activation("outer", 2)
        body = assemble([relu(outer, "b")], inputs=[], outputs=[outer], captured={"outer"})
        branch = Layer(
            "if", "If", (X,), (activation("y", 2),), bodies=(Body(body),), captures=(outer,)
        )
        assert assembled([branch, relu(X, "outer"), relu(X, "unused")], "y") == ["outer", "if"]

    def test_a_long_chain_in_any_order(self) -> None:
        # Sorting it recursively would exhaust the stack.
        length = 50_000
        chain = [relu(X, "0"), *(relu(str(n - 1), str(n)) for n in range(1, length))]
        shuffled = [chain[n * 7919 % length] for n in range(length)]
        assert assembled(shuffled, str(length - 1)) == [str(n) for n in range(length)]


class TestGraph:
    def test_tensors_are_listed_once_in_order_of_mention(self) -> None:
        graph = assemble(
            [add("x", "w", "a"), add("a", "w", "b")],
            inputs=[X, fed("unused", 1)],
            outputs=[activation("b", 2)],
            unread=[stored("spare", 3)],
            captured={"w"},
        )
        assert [tensor.name for tensor in graph.tensors()] == [
            "x",
            "unused",
            "w",
            "a",
            "b",
            "spare",
        ]

    def test_all_layers_are_listed_with_those_of_their_bodies(self) -> None:
        def holding(name: str, *bodies: Graph) -> Graph:
            loop = replace(relu(X, name), bodies=tuple(map(Body, bodies)))
            return Graph((loop, relu(X, f"after {name}")), (X,), ())

        graph = holding("a", holding("b", holding("c")), holding("d"))
        assert " ".join(entry.name[-1] for entry in graph.all_layers()) == "a b c c b d d a"

    def test_a_state_dict_asks_for_nothing(self) -> None:
        weights_only = Graph((), (), (), unread=(stored("w", 2),))
        assert weights_only.is_state_dict
        assert not assemble([], inputs=[X], outputs=[X]).is_state_dict
