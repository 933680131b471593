"""Bindings: how they are typed, and how they settle what a file leaves open."""

from collections.abc import Mapping

import pytest

from costdb.binding import (
    Binding,
    BoundInput,
    DeclaredShape,
    InputBinding,
    Scalar,
    format_shape,
    nearest,
)
from costdb.errors import BindingError, UnboundDimension, UsageError
from costdb.ir import DType

Declared = Mapping[str, tuple[DeclaredShape | None, DType | None]]

FLOAT, INT = DType.FLOAT32, DType.INT64


class TestParse:
    @pytest.mark.parametrize(
        ("text", "name", "expected"),
        [
            pytest.param("x=1x3x224x224", "x", InputBinding((1, 3, 224, 224)), id="shape"),
            pytest.param("x=1,3", "x", InputBinding((1, 3)), id="shape with commas"),
            pytest.param("x=5", "x", InputBinding((5,)), id="one axis"),
            pytest.param("x=0x3", "x", InputBinding((0, 3)), id="an empty axis"),
            pytest.param("x=scalar", "x", InputBinding(()), id="no axes"),
            pytest.param("ids=1x128:int64", "ids", InputBinding((1, 128), INT), id="dtype"),
            pytest.param("x=:bfloat16", "x", InputBinding(None, DType.BFLOAT16), id="dtype only"),
            pytest.param("x=scalar:int64", "x", InputBinding((), INT), id="typed scalar"),
            pytest.param("input:0=1x3", "input:0", InputBinding((1, 3)), id="a name of TensorFlow"),
            pytest.param("a=b=1x3", "a=b", InputBinding((1, 3)), id="an equals sign in the name"),
            pytest.param("x[1x2]=3", "x[1x2]", InputBinding((3,)), id="brackets in the name"),
        ],
    )
    def test_shapes(self, text: str, name: str, expected: InputBinding) -> None:
        assert Binding.parse(inputs=[text]).inputs == {name: expected}

    @pytest.mark.parametrize(
        ("text", "name", "value"),
        [
            pytest.param("sr:=16000", "sr", 16000, id="int"),
            pytest.param("sr:=-1", "sr", -1, id="negative"),
            pytest.param("t:=0.5", "t", 0.5, id="float"),
            pytest.param("t:=1e3", "t", 1000.0, id="exponent"),
            pytest.param("training:=false", "training", False, id="false"),
            pytest.param("training:=true", "training", True, id="true"),
            pytest.param("input:0:=7", "input:0", 7, id="a name of TensorFlow"),
        ],
    )
    def test_values(self, text: str, name: str, value: Scalar) -> None:
        parsed = Binding.parse(inputs=[text]).inputs
        assert parsed == {name: InputBinding(value=value)}
        assert type(parsed[name].value) is type(value)

    def test_the_rest(self) -> None:
        assert Binding.parse(
            inputs=["x=1", "y=2"],
            dims=["sequence=128", "past=0"],
            trips=["loop=10"],
            outputs=["logits", "*"],
            trust=True,
        ) == Binding(
            inputs={"x": InputBinding((1,)), "y": InputBinding((2,))},
            dims={"sequence": 128, "past": 0},
            trips={"loop": 10},
            outputs=("logits", "*"),
            trust=True,
        )
        assert Binding.parse() == Binding()
        assert not Binding().trust

    @pytest.mark.parametrize(
        "text",
        ["x", "x=", "=1x3", "x=1x", "xx1", "x=axb", "x=1x3:", "x=1.5", "x=-1", "x=1x-3", "x=\u0661",
         "x=:", "x:", "", "x=1x?", "x=1;2", "x=" + "9" * 19, "x=" + "9" * 5000, "x=1x3:int64:int8"],
    )  # fmt: skip
    def test_what_is_no_input(self, text: str) -> None:
        with pytest.raises(UsageError) as raised:
            Binding.parse(inputs=[text])
        assert raised.value.message == f"--input {text!r} is not NAME=SHAPE"
        assert raised.value.hint == (
            "write --input x=1x3x224x224, ids=1x128:int64 or, for a value, sr:=16000"
        )

    @pytest.mark.parametrize("value", ["abc", "1x3", "", "nan", "inf", "1e999", "9" * 5000, "0x10"])
    def test_what_is_no_value(self, value: str) -> None:
        with pytest.raises(UsageError) as raised:
            Binding.parse(inputs=[f"sr:={value}"])
        assert raised.value.message.startswith(f"--input 'sr:={value}'")
        assert "sr:=16000" in raised.value.hint

    def test_an_unknown_dtype(self) -> None:
        with pytest.raises(UsageError, match="no dtype 'floot32'") as raised:
            Binding.parse(inputs=["x=1:floot32"])
        assert raised.value.hint == "did you mean 'float32'?"

    @pytest.mark.parametrize("text", ["sequence", "sequence=", "=1", "s=-1", "s=1.5", "s=x", "s=²",
                                      "s=" + "9" * 19])  # fmt: skip
    @pytest.mark.parametrize("flag", ["dim", "trip"])
    def test_what_is_no_size(self, flag: str, text: str) -> None:
        with pytest.raises(UsageError) as raised:
            Binding.parse(**{f"{flag}s": [text]})  # type: ignore[arg-type] # dims or trips
        assert raised.value.message == f"--{flag} {text!r} is not NAME=NUMBER"
        assert raised.value.hint == f"write --{flag} sequence=128"

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"inputs": ["x=1", "x:=2"]}, "input 'x' is bound twice"),
            ({"dims": ["n=1", "n=1"]}, "dimension 'n' is bound twice"),
            ({"trips": ["l=1", "l=2"]}, "trip count 'l' is bound twice"),
        ],
    )
    def test_twice(self, arguments: dict[str, list[str]], message: str) -> None:
        with pytest.raises(UsageError, match=message) as raised:
            Binding.parse(**arguments)  # type: ignore[arg-type] # no row has trust
        assert raised.value.hint == "leave one of them out"


def bind(declared: Declared, *inputs: str, dims: tuple[str, ...] = ()) -> dict[str, BoundInput]:
    return Binding.parse(inputs=inputs, dims=dims).bind(declared)


def shapes(bound: Mapping[str, BoundInput]) -> dict[str, tuple[int, ...]]:
    return {name: entry.shape for name, entry in bound.items()}


IMAGE: Declared = {"x": (["N", 3, "H", "W"], FLOAT)}
FIXED: Declared = {"x": ([1, 3, 224, 224], FLOAT)}
TEXT: Declared = {"ids": (["N", "T"], INT), "mask": (["N", 1, "T"], FLOAT)}
NAMELESS: Declared = {"x": ([None, None, 7], FLOAT)}
RANKLESS: Declared = {"x": (None, FLOAT)}
SCALAR: Declared = {"sr": ([], INT), "x": ([1, "T"], FLOAT)}
TIME_FIRST: Declared = {"x": (["T", "N", 40], FLOAT), "mask": (["N", "T"], FLOAT)}
SQUARE: Declared = {"x": (["N", "N"], FLOAT)}


class TestBind:
    @pytest.mark.parametrize(
        ("declared", "inputs", "dims", "expected"),
        [
            pytest.param(FIXED, [], [], {"x": (1, 3, 224, 224)}, id="nothing open"),
            pytest.param(FIXED, ["x=1x3x224x224"], [], {"x": (1, 3, 224, 224)}, id="said again"),
            pytest.param(IMAGE, ["x=2x3x8x9"], [], {"x": (2, 3, 8, 9)}, id="by shape"),
            pytest.param(IMAGE, [], ["H=8", "W=9"], {"x": (1, 3, 8, 9)}, id="by dimensions"),
            pytest.param(IMAGE, [], ["N=2", "H=8", "W=9"], {"x": (2, 3, 8, 9)}, id="all of them"),
            pytest.param(
                IMAGE, ["x=2x3x8x9"], ["H=8"], {"x": (2, 3, 8, 9)}, id="by both, in agreement"
            ),
            pytest.param(
                TEXT, [], ["T=128"], {"ids": (1, 128), "mask": (1, 1, 128)},
                id="one name, two inputs",
            ),
            pytest.param(
                TEXT, ["ids=4x128"], [], {"ids": (4, 128), "mask": (4, 1, 128)},
                id="a shape settles another input",
            ),
            pytest.param(
                TEXT, ["mask=4x1x128"], [], {"ids": (4, 128), "mask": (4, 1, 128)},
                id="whatever the order",
            ),
            pytest.param(NAMELESS, ["x=2x5x7"], [], {"x": (2, 5, 7)}, id="no names"),
            pytest.param(RANKLESS, ["x=2x5"], [], {"x": (2, 5)}, id="no rank"),
            pytest.param(RANKLESS, ["x=scalar"], [], {"x": ()}, id="no rank, a scalar"),
            pytest.param(RANKLESS, ["x:=5"], [], {"x": ()}, id="no rank, a value"),
            pytest.param(SCALAR, ["sr:=16000"], ["T=9"], {"sr": (), "x": (1, 9)}, id="a scalar"),
            pytest.param(TEXT, [], ["T=0"], {"ids": (1, 0), "mask": (1, 1, 0)}, id="empty"),
            pytest.param(
                TIME_FIRST, [], [], {"x": (1, 1, 40), "mask": (1, 1)},
                id="a name on axis 0 is 1 wherever it stands",
            ),
            pytest.param(SQUARE, [], [], {"x": (1, 1)}, id="one name twice in an input"),
            pytest.param(SQUARE, ["x=3x3"], [], {"x": (3, 3)}, id="one name twice, said"),
            pytest.param({}, [], [], {}, id="no inputs"),
        ],
    )  # fmt: skip
    def test_shapes(
        self,
        declared: Declared,
        inputs: list[str],
        dims: tuple[str, ...],
        expected: dict[str, tuple[int, ...]],
    ) -> None:
        bound = bind(declared, *inputs, dims=dims)
        assert shapes(bound) == expected
        assert list(bound) == list(declared)

    @pytest.mark.parametrize(
        ("declared", "inputs", "dims", "notes"),
        [
            pytest.param(IMAGE, ["x=1x3x8x8"], [], [], id="said"),
            pytest.param(IMAGE, [], ["N=1", "H=8", "W=8"], [], id="said by dimension"),
            pytest.param(
                IMAGE, [], ["H=8", "W=8"],
                ["input 'x': the open dimension 'N' of axis 0 is taken as 1"], id="named",
            ),
            pytest.param(
                {"x": ([None, 3], FLOAT)}, [], [],
                ["input 'x': the open dimension of axis 0 is taken as 1"], id="nameless",
            ),
            pytest.param(
                SQUARE, [], [],
                ["input 'x': the open dimension 'N' of axis 0 is taken as 1",
                 "input 'x': the open dimension 'N' of axis 1 is taken as 1"], id="twice",
            ),
        ],
    )  # fmt: skip
    def test_what_is_assumed_is_noted(
        self, declared: Declared, inputs: list[str], dims: tuple[str, ...], notes: list[str]
    ) -> None:
        assert list(bind(declared, *inputs, dims=dims)["x"].notes) == notes

    @pytest.mark.parametrize(
        ("declared", "text", "expected"),
        [
            pytest.param(FLOAT, "x=1", FLOAT, id="the file's"),
            pytest.param(FLOAT, "x=1:float32", FLOAT, id="agreed"),
            pytest.param(None, "x=1:int64", INT, id="asked for"),
            pytest.param(None, "x=1", None, id="unknown"),
        ],
    )
    def test_dtypes(self, declared: DType | None, text: str, expected: DType | None) -> None:
        assert bind({"x": ([1], declared)}, text)["x"].dtype == expected

    def test_values(self) -> None:
        bound = bind(SCALAR, "sr:=16000", dims=("T=1",))
        assert bound["sr"] == BoundInput((), INT, 16000)
        assert bound["x"].value is None

    @pytest.mark.parametrize(
        ("declared", "inputs", "dims", "message", "hint"),
        [
            pytest.param(
                TEXT, ["idx=1x2"], [], "the model has no input 'idx'", "did you mean 'ids'?",
                id="no such input",
            ),
            pytest.param(
                {}, ["x=1"], [], "the model has no input 'x'", "its inputs: none", id="no inputs"
            ),
            pytest.param(
                IMAGE, [], ["sequence=1"], "the model has no free dimension 'sequence'",
                "its free dimensions: H, N, W", id="no such dimension",
            ),
            pytest.param(
                FIXED, [], ["N=1"], "the model has no free dimension 'N'",
                "its free dimensions: none", id="no dimensions",
            ),
            pytest.param(
                IMAGE, ["x=3x8x8"], [], "input 'x' has 4 axes, 3x8x8 has 3",
                "its shape is Nx3xHxW", id="rank",
            ),
            pytest.param(
                SCALAR, ["sr=1"], [], "input 'sr' has 0 axes, 1 has 1", "its shape is scalar",
                id="rank of a scalar",
            ),
            pytest.param(
                IMAGE, ["x=1x1x8x8"], [], "input 'x' is Nx3xHxW in the file, not 1x1x8x8",
                "only open sizes can be chosen", id="a fixed size",
            ),
            pytest.param(
                IMAGE, ["x=2x3x8x8"], ["N=4"], "input 'x' is Nx3xHxW in the file, not 2x3x8x8",
                "N is 4", id="a dimension and a shape",
            ),
            pytest.param(
                TEXT, ["ids=2x5", "mask=2x1x6"], [], "input 'mask' is Nx1xT in the file, not 2x1x6",
                "T is 5", id="two shapes",
            ),
            pytest.param(
                SQUARE, ["x=2x3"], [], "input 'x' is NxN in the file, not 2x3", "N is 2",
                id="one shape against itself",
            ),
            pytest.param(
                IMAGE, ["x=1x3x8x8:int64"], [], "input 'x' is float32 in the file, not int64",
                "leave the dtype out", id="dtype",
            ),
        ],
    )  # fmt: skip
    def test_contradictions(
        self, declared: Declared, inputs: list[str], dims: tuple[str, ...], message: str, hint: str
    ) -> None:
        with pytest.raises(BindingError) as raised:
            bind(declared, *inputs, dims=dims)
        assert (raised.value.message, raised.value.hint) == (message, hint)
        assert type(raised.value) is BindingError

    @pytest.mark.parametrize(
        ("declared", "message", "hint"),
        [
            pytest.param(
                TEXT, "input 'ids' has a free dimension 'T'", "add --dim T=128", id="named"
            ),
            pytest.param(
                NAMELESS, "axis 1 of input 'x' is open", "add --input x=1x128x7", id="nameless"
            ),
            pytest.param(
                RANKLESS, "input 'x' has no shape in the file", "add --input x=1x3x224x224",
                id="rankless",
            ),
            pytest.param(
                {"x": (["N", 3, "H", "W"], None), "y": (["N", "W"], None)},
                "input 'x' has a free dimension 'H'", "add --dim H=224 --dim W=224",
                id="each name once",
            ),
            pytest.param(
                {"x": ([None, None], None), "state": ([2, None, 128], None)},
                "axis 1 of input 'x' is open", "add --input x=1x128 --input state=2x1x128",
                id="a recurrent layer's state",
            ),
            pytest.param(
                {"x": ([None, None, None, 3], None)},
                "axis 1 of input 'x' is open", "add --input x=1x224x224x3", id="channels last",
            ),
            pytest.param(
                {"x": (["N", "T", None], None)},
                "input 'x' has a free dimension 'T'", "add --input x=1x128x128",
                id="a shape says what a name stands for",
            ),
            pytest.param(
                {"x": (["N", "past length + 1"], None)},
                "input 'x' has a free dimension 'past length + 1'",
                "add --dim 'past length + 1=128'", id="quoted for the shell",
            ),
        ],
    )  # fmt: skip
    def test_open(self, declared: Declared, message: str, hint: str) -> None:
        with pytest.raises(UnboundDimension) as raised:
            bind(declared)
        assert (raised.value.message, raised.value.hint) == (message, hint)

    def test_a_hint_can_be_typed(self) -> None:
        with pytest.raises(UnboundDimension) as raised:
            bind(NAMELESS)
        assert shapes(bind(NAMELESS, raised.value.hint.removeprefix("add --input "))) == {
            "x": (1, 128, 7)
        }

    def test_a_binding_is_not_changed(self) -> None:
        binding = Binding.parse(inputs=["x=2x3x8x8"], dims=["N=2"])
        binding.bind(IMAGE)
        assert binding.dims == {"N": 2}


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        pytest.param("onx", ["onnx", "torch"], "did you mean 'onnx'?", id="close"),
        pytest.param("zzz", ["torch", "onnx"], "loaders: onnx, torch", id="not close"),
        pytest.param("zzz", [], "loaders: none", id="nothing known"),
        pytest.param("zzz", list("hgfedcba"), "loaders: a, b, c, d, e, f, g, h", id="eight"),
        pytest.param("zzz", list("ihgfedcba"), "loaders: a, b, c, d, e, f, g, h, …", id="nine"),
    ],
)
def test_nearest(name: str, known: list[str], expected: str) -> None:
    assert nearest(name, known, "loaders") == expected


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((1, 3, 224), "1x3x224"), (("N", None, 7), "Nx?x7"), ((), "scalar"), ((0,), "0")],
)
def test_format_shape(shape: tuple[int | str | None, ...], expected: str) -> None:
    assert format_shape(shape) == expected
