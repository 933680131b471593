"""What calls become: the operator, its inputs and its attributes.

Every row is a real call, exported; what is expected is ONNX's definition of the operator.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from builders import torch_models as models

from costdb.ir import DType, Graph, Layer, Shape, Tensor
from costdb_torch.calls import Call
from costdb_torch.operators import OPERATORS, Operator, operator_of

torch = pytest.importorskip("torch", reason="it exports the calls")

Load = Callable[..., Graph]
Lower = Callable[..., Graph]

VECTOR = (4,)
MATRIX = (4, 6)
IMAGE = (2, 8, 16, 16)


@pytest.fixture
def lower(tmp_path: Path, load: Load) -> Lower:
    """Export a function of tensors, and load it; the arguments are shapes or tensors."""

    def graph(function: Callable[..., Any], *inputs: Any, decomposed: bool = False) -> Graph:
        given = [item if isinstance(item, torch.Tensor) else torch.rand(item) for item in inputs]
        module = models.network(lambda _, *tensors: function(*tensors))
        return load(models.export(module, given, tmp_path / "call.pt2", decomposed=decomposed))

    return graph


def shapes(layer: Layer) -> tuple[Shape | None, ...]:
    return tuple(tensor.shape if tensor else None for tensor in layer.inputs)


def functional() -> Any:
    return torch.nn.functional


UNARY = {
    "Relu": torch.relu,
    "Sigmoid": torch.sigmoid,
    "Tanh": torch.tanh,
    "Swish": lambda x: functional().silu(x),
    "Mish": lambda x: functional().mish(x),
    "Softplus": lambda x: functional().softplus(x),
    "HardSwish": lambda x: functional().hardswish(x),
    "HardSigmoid": lambda x: functional().hardsigmoid(x),
    "Selu": lambda x: functional().selu(x),
    "Shrink": lambda x: functional().softshrink(x),
    "Exp": lambda x: x.exp(),
    "Log": lambda x: x.log(),
    "Sqrt": lambda x: x.sqrt(),
    "Erf": lambda x: x.erf(),
    "Sin": lambda x: x.sin(),
    "Atan": lambda x: x.arctan(),
    "Abs": lambda x: x.abs(),
    "Neg": lambda x: -x,
    "Reciprocal": lambda x: x.reciprocal(),
    "Round": lambda x: x.round(),
    "IsNaN": lambda x: x.isnan(),
    "Trilu": lambda x: x.tril(),
    "NonZero": lambda x: x.nonzero(),
    "Sub": lambda x: x.diff(),
    "aten:diff": lambda x: x.diff(n=2),
    "Softmax": lambda x: x.softmax(0),
    "LogSoftmax": lambda x: x.log_softmax(0),
    "ReduceSum": lambda x: x.sum(1),
    "ReduceMean": lambda x: x.mean(1),
    "ReduceProd": lambda x: x.prod(1),
    "ReduceMax": lambda x: x.amax(1),
    "ReduceMin": lambda x: x.min(),
    "ReduceLogSumExp": lambda x: x.logsumexp(1),
    "ReduceL2": lambda x: torch.linalg.vector_norm(x, dim=1),
    "ReduceL1": lambda x: x.norm(p=1, dim=1),
    "ArgMax": lambda x: x.argmax(1),
    "CumSum": lambda x: x.cumsum(1),
    "Cast": lambda x: x.to(torch.float16),
    "Identity": lambda x: x.clone(),
    "Tile": lambda x: x.repeat(2, 1),
    "Pad": lambda x: functional().pad(x, (1, 1)),
    "Reshape": lambda x: x.view(6, 4),
    "Flatten": lambda x: x.flatten(),
    "Unsqueeze": lambda x: x.unsqueeze(0),
    "Transpose": lambda x: x.permute(1, 0),
    "Expand": lambda x: x.expand(3, 4, 6),
    "Slice": lambda x: x.narrow(0, 1, 2),
    "Split": lambda x: x.unbind(1),
}


@pytest.mark.parametrize("op", UNARY)
def test_operators_of_one_tensor(lower: Lower, op: str) -> None:
    (layer,) = lower(UNARY[op], MATRIX).layers
    assert layer.qualified_op == op
    assert shapes(layer) == (MATRIX,)


BINARY = {
    "Add": lambda x, y: x + y,
    "Sub": lambda x, y: x - y,
    "Mul": lambda x, y: x * y,
    "Div": lambda x, y: x / y,
    "Pow": lambda x, y: x**y,
    "Mod": lambda x, y: x % y,
    "Max": torch.maximum,
    "Min": torch.min,
    "Equal": lambda x, y: x == y,
    "Greater": lambda x, y: x > y,
    "LessOrEqual": lambda x, y: x <= y,
    "And": lambda x, y: x.logical_and(y),
    "MatMul": lambda x, y: x @ y.T,
    "PRelu": lambda x, y: functional().prelu(x, y[0]),
    "Concat": lambda x, y: torch.cat([x, y]),
    "aten:ne": lambda x, y: x != y,
    "aten:atan2": torch.atan2,
    "aten:floor_divide": lambda x, y: torch.div(x, y, rounding_mode="floor"),
}


@pytest.mark.parametrize("op", BINARY)
def test_operators_of_two_tensors(lower: Lower, op: str) -> None:
    layer = lower(BINARY[op], MATRIX, MATRIX).layers[-1]
    assert layer.qualified_op == op
    assert len(layer.inputs) == 2


@pytest.mark.parametrize(
    ("function", "op"),
    [
        pytest.param(lambda x: x + 1, "Add", id="add"),
        pytest.param(lambda x: 1 - x, "Sub", id="reversed sub"),
        pytest.param(lambda x: x / 2.5, "Div", id="div"),
        pytest.param(lambda x: x > 0, "Greater", id="compare"),
        pytest.param(lambda x: x.masked_fill(x > 0, 0.0), "Where", id="masked_fill"),
    ],
)
def test_a_number_is_no_input(lower: Lower, function: Callable[..., Any], op: str) -> None:
    layer = lower(function, MATRIX).layers[-1]
    assert layer.op == op
    assert set(shapes(layer)) <= {MATRIX, None}


@pytest.mark.parametrize(
    ("function", "inputs", "op", "expected_shapes", "attributes"),
    [
        pytest.param(
            lambda x, w, b: functional().conv2d(x, w, b, groups=2),
            (IMAGE, (6, 4, 3, 3), (6,)),
            "Conv",
            (IMAGE, (6, 4, 3, 3), (6,)),
            {"channel_axis": 1, "group": 2},
            id="conv",
        ),
        pytest.param(
            lambda x, w: functional().conv2d(x, w, padding="same"),
            (IMAGE, (6, 8, 3, 3)),
            "Conv",
            (IMAGE, (6, 8, 3, 3)),
            {"channel_axis": 1, "group": 1},
            id="conv with padding by name",
        ),
        pytest.param(
            lambda x, w: functional().conv1d(x, w),
            ((8, 16), (6, 8, 3)),
            "Conv",
            ((8, 16), (6, 8, 3)),
            {"channel_axis": 0, "group": 1},
            id="conv of one sample without a batch axis",
        ),
        pytest.param(
            lambda x, w: functional().conv_transpose2d(x, w, stride=2),
            (IMAGE, (8, 6, 3, 3)),
            "ConvTranspose",
            (IMAGE, (8, 6, 3, 3)),
            {"channel_axis": 1, "group": 1},
            id="transposed conv",
        ),
        pytest.param(
            lambda x, w, b: functional().linear(x, w, b),
            ((2, 5, 6), (3, 6), (3,)),
            "Gemm",
            ((2, 5, 6), (3, 6), (3,)),
            {"transB": 1},
            id="linear",
        ),
        pytest.param(
            lambda c, a, b: torch.addmm(c, a, b, beta=2),
            ((3,), (4, 6), (6, 3)),
            "Gemm",
            ((4, 6), (6, 3), (3,)),
            {"beta": 2.0},
            id="addmm",
        ),
        pytest.param(
            torch.baddbmm,
            ((2, 4, 3), (2, 4, 6), (2, 6, 3)),
            "Gemm",
            ((2, 4, 6), (2, 6, 3), (2, 4, 3)),
            {},
            id="baddbmm",
        ),
        pytest.param(
            lambda a, b: torch.einsum("bi, bj -> bij", a, b),
            ((2, 3), (2, 4)),
            "Einsum",
            ((2, 3), (2, 4)),
            {"equation": "bi,bj->bij"},
            id="einsum",
        ),
        pytest.param(
            lambda a, b: torch.tensordot(a, b, dims=([0, 2], [1, 0])),
            ((2, 3, 4), (4, 2, 5)),
            "Einsum",
            ((2, 3, 4), (4, 2, 5)),
            {"equation": "abc,caf->bf"},
            id="tensordot",
        ),
        pytest.param(
            lambda x, w, b: functional().layer_norm(x, (8, 16, 16), w, b),
            (IMAGE, (8, 16, 16), (8, 16, 16)),
            "LayerNormalization",
            (IMAGE, (8, 16, 16), (8, 16, 16)),
            {"axis": -3, "epsilon": 1e-5},
            id="layer norm",
        ),
        pytest.param(
            lambda x: functional().group_norm(x, 4),
            (IMAGE,),
            "GroupNormalization",
            (IMAGE,),
            {"num_groups": 4, "epsilon": 1e-5},
            id="group norm",
        ),
        pytest.param(
            lambda x, w: functional().rms_norm(x, (16,), w, eps=1e-6),
            (IMAGE, (16,)),
            "RMSNormalization",
            (IMAGE, (16,)),
            {"axis": -1, "epsilon": 1e-6},
            id="rms norm",
        ),
        pytest.param(
            lambda x, m, v: functional().batch_norm(x, m, v),
            (IMAGE, (8,), (8,)),
            "BatchNormalization",
            (IMAGE, None, None, (8,), (8,)),
            {"epsilon": 1e-5},
            id="batch norm without scale",
        ),
        pytest.param(
            lambda x: functional().max_pool2d(x, 3),
            (IMAGE,),
            "MaxPool",
            (IMAGE,),
            {"kernel_shape": (3, 3)},
            id="max pool",
        ),
        pytest.param(
            lambda x: functional().avg_pool2d(x, (2, 4)),
            (IMAGE,),
            "AveragePool",
            (IMAGE,),
            {"kernel_shape": (2, 4)},
            id="average pool",
        ),
        pytest.param(
            lambda x: functional().adaptive_avg_pool2d(x, 1),
            (IMAGE,),
            "GlobalAveragePool",
            (IMAGE,),
            {},
            id="adaptive pool to one",
        ),
        pytest.param(
            lambda x: functional().adaptive_avg_pool2d(x, (5, 4)),
            (IMAGE,),
            "AveragePool",
            (IMAGE,),
            {"kernel_shape": (4, 4)},
            id="adaptive pool: ceil(16/5), 16/4",
        ),
        pytest.param(
            lambda x: functional().gelu(x, approximate="tanh"),
            (MATRIX,),
            "Gelu",
            (MATRIX,),
            {"approximate": "tanh"},
            id="gelu",
        ),
        pytest.param(
            lambda x: functional().relu6(x),
            (MATRIX,),
            "Clip",
            (MATRIX,),
            {"min": 0.0, "max": 6.0},
            id="relu6",
        ),
        pytest.param(
            lambda x: functional().hardtanh(x, -2, 2),
            (MATRIX,),
            "Clip",
            (MATRIX,),
            {"min": -2.0, "max": 2.0},
            id="hardtanh",
        ),
        pytest.param(
            lambda x: x.clamp(min=0.5),
            (MATRIX,),
            "Clip",
            (MATRIX,),
            {"min": 0.5},
            id="clamp from below",
        ),
        pytest.param(
            lambda x, y: x.clamp(max=y),
            (MATRIX, MATRIX),
            "Clip",
            (MATRIX, None, MATRIX),
            {},
            id="clamp by a tensor",
        ),
        pytest.param(
            lambda x: functional().leaky_relu(x, 0.25),
            (MATRIX,),
            "LeakyRelu",
            (MATRIX,),
            {"alpha": 0.25},
            id="leaky relu",
        ),
        pytest.param(
            lambda x: functional().interpolate(x, scale_factor=2.0, mode="bilinear"),
            (IMAGE,),
            "Resize",
            (IMAGE,),
            {"mode": "linear"},
            id="resize",
        ),
        pytest.param(
            lambda q, k, v, m: functional().scaled_dot_product_attention(q, k, v, m),
            ((1, 2, 4, 8), (1, 2, 6, 8), (1, 2, 6, 5), (4, 6)),
            "aten:scaled_dot_product_attention",
            ((1, 2, 4, 8), (1, 2, 6, 8), (1, 2, 6, 5), (4, 6)),
            {},
            id="attention with a mask",
        ),
        pytest.param(
            lambda x, w, b: functional().instance_norm(x, weight=w, bias=b),
            (IMAGE, (8,), (8,)),
            "InstanceNormalization",
            (IMAGE, (8,), (8,)),
            {"epsilon": 1e-5},
            id="instance norm",
        ),
        pytest.param(
            lambda x, m, v: functional().instance_norm(x, m, v, use_input_stats=False),
            (IMAGE, (8,), (8,)),
            "BatchNormalization",
            (IMAGE, None, None, (8,), (8,)),
            {"epsilon": 1e-5},
            id="instance norm with stored statistics",
        ),
        pytest.param(
            lambda x: functional().dropout(x, 0.25, training=True),
            (MATRIX,),
            "aten:dropout",
            (MATRIX,),
            {"p": 0.25, "train": 1},
            id="dropout in training",
        ),
        pytest.param(
            lambda x: torch.linalg.vector_norm(x, 3, dim=1),
            (MATRIX,),
            "aten:linalg_vector_norm",
            (MATRIX,),
            {"ord": 3, "dim": (1,)},
            id="a norm of order 3",
        ),
        pytest.param(
            lambda x, g: functional().grid_sample(x, g, mode="nearest", align_corners=False),
            (IMAGE, (2, 5, 5, 2)),
            "GridSample",
            (IMAGE, (2, 5, 5, 2)),
            {"mode": "nearest"},
            id="grid sample",
        ),
        pytest.param(
            lambda x: tuple(torch.topk(x, 2, dim=1)),
            (MATRIX,),
            "TopK",
            (MATRIX,),
            {"axis": 1, "k": 2},
            id="topk",
        ),
        pytest.param(
            lambda x: x.var(dim=1),
            (MATRIX,),
            "aten:var",
            (MATRIX,),
            {"dim": (1,)},
            id="an operator without a row keeps its numbers",
        ),
        pytest.param(
            lambda x, y: torch.add(x, y, alpha=3),
            (MATRIX, MATRIX),
            "aten:add",
            (MATRIX, MATRIX),
            {"alpha": 3},
            id="add with a factor",
        ),
    ],
)
def test_inputs_and_attributes(  # noqa: PLR0917 - the columns of the table
    lower: Lower,
    function: Callable[..., Any],
    inputs: tuple[Any, ...],
    op: str,
    expected_shapes: tuple[Shape | None, ...],
    attributes: Mapping[str, Any],
) -> None:
    (layer,) = lower(function, *inputs).layers
    assert layer.qualified_op == op
    assert shapes(layer) == expected_shapes
    assert layer.attributes == attributes


@pytest.mark.parametrize(
    ("access", "op", "attributes"),
    [
        pytest.param(lambda x, i, _: x.gather(0, i), "GatherElements", {"axis": 0}, id="gather"),
        pytest.param(lambda x, i, _: x.index_select(1, i[0]), "Gather", {"axis": 1}, id="select"),
        pytest.param(lambda x, i, _: x[i[0]], "GatherND", {}, id="index"),
        pytest.param(lambda x, i, y: x.scatter(0, i, y), "ScatterElements", {}, id="scatter"),
        pytest.param(
            lambda x, i, y: x.scatter_add(0, i, y),
            "ScatterElements",
            {"reduction": "add"},
            id="scatter_add",
        ),
        pytest.param(
            lambda x, i, y: x.scatter_reduce(0, i, y, "amax"),
            "ScatterElements",
            {"reduction": "max"},
            id="scatter_reduce",
        ),
        pytest.param(lambda x, i, y: x.index_put((i[0],), y[0]), "ScatterND", {}, id="index_put"),
        pytest.param(
            lambda x, i, y: x.index_put((i[0],), y[0], accumulate=True),
            "ScatterND",
            {"reduction": "add"},
            id="index_put that adds",
        ),
    ],
)
def test_reading_and_writing_at_indices(
    lower: Lower, access: Callable[..., Any], op: str, attributes: Mapping[str, Any]
) -> None:
    indices = torch.zeros(MATRIX, dtype=torch.int64)
    layer = lower(access, MATRIX, indices, MATRIX).layers[-1]
    assert (layer.op, layer.attributes) == (op, attributes)


def test_a_copy_that_spreads_its_source_is_an_expansion(lower: Lower) -> None:
    graph = lower(lambda x, y: x.clone().copy_(y[0]) + 0, MATRIX, MATRIX)
    assert [layer.op for layer in graph.layers] == ["Slice", "Expand", "Add"]


def test_an_embedding_reads_its_table_first(lower: Lower) -> None:
    indices = torch.zeros(2, 3, dtype=torch.int64)
    (layer,) = lower(lambda i, t: functional().embedding(i, t), indices, (50, 8)).layers
    assert (layer.op, shapes(layer), layer.attributes) == ("Gather", ((50, 8), (2, 3)), {"axis": 0})


@pytest.mark.parametrize(
    "inplace", [pytest.param(True, id="in place"), pytest.param(False, id="copy")]
)
def test_dropout_passes_on_at_inference(lower: Lower, *, inplace: bool) -> None:
    """In place, its argument has another name."""
    graph = lower(
        lambda x: functional().dropout(x.exp(), 0.5, training=False, inplace=inplace), MATRIX
    )
    assert [layer.op for layer in graph.layers] == ["Exp", "Identity"]


def test_what_is_made_at_run_time_has_no_inputs(lower: Lower) -> None:
    graph = lower(lambda x: x + torch.zeros_like(x) + torch.arange(6), MATRIX)
    made = [layer for layer in graph.layers if not layer.inputs]
    assert [layer.op for layer in made] == ["Constant", "Range"]


@pytest.mark.parametrize(
    ("function", "op"),
    [
        pytest.param(lambda x: functional().layer_norm(x, (6,)), "LayerNormalization", id="norm"),
        pytest.param(lambda x: functional().max_pool1d(x, 2), "MaxPool", id="pool"),
        pytest.param(lambda x: x.max(dim=1).values, "ReduceMax", id="maximum"),
    ],
)
def test_results_that_nothing_reads_are_left_out(
    lower: Lower, function: Callable[..., Any], op: str
) -> None:
    """ATen's core operators return statistics and indices beside what is wanted."""
    layers = lower(function, MATRIX, decomposed=True).layers
    assert [len(layer.outputs) for layer in layers if layer.op == op] == [1]


def test_a_recurrent_layer_keeps_its_weights_and_settings(tmp_path: Path, load: Load) -> None:
    model = torch.nn.LSTM(4, 5, num_layers=2, bidirectional=True, batch_first=True).eval()
    graph = load(models.export(model, [torch.randn(2, 7, 4)], tmp_path / "lstm.pt2"))
    layer = next(layer for layer in graph.layers if layer.op == "lstm")
    assert layer.domain == "aten"
    assert len(layer.inputs) == 1 + 2 + 4 * 4
    assert layer.integer("num_layers", 0) == 2
    assert layer.integer("bidirectional", 0) == 1


def test_floats_decide_what_a_layer_computes_in(lower: Lower) -> None:
    graph = lower(lambda x: torch.where(x > 0, x, -x), MATRIX)
    assert {str(layer.compute_dtype) for layer in graph.layers} == {"DType.FLOAT32"}


def test_operators_of_other_libraries_keep_their_domain(tmp_path: Path, load: Load) -> None:
    library = torch.library.Library("costdb_test", "DEF")
    library.define("twist(Tensor x, int turns) -> Tensor")
    library.impl("twist", lambda x, _: x.clone(), "CompositeExplicitAutograd")
    torch.library.register_fake("costdb_test::twist", lambda x, _: torch.empty_like(x))
    model = models.network(lambda _, x: torch.ops.costdb_test.twist(x, 3))
    (layer,) = load(models.export(model, [torch.randn(4)], tmp_path / "custom.pt2")).layers
    assert (layer.qualified_op, layer.attributes) == ("costdb_test:twist", {"turns": 3})


TABLE = sorted(name for name in OPERATORS if "torchvision" not in name and "quantized" not in name)


def overloads(name: str) -> dict[str, Any]:
    """ATen's overloads of an operator and of its in-place form, by their names."""
    operator, _, overload = name.partition(".")
    found = {}
    for form in (operator, f"{operator}_"):
        packet = getattr(torch.ops.aten, form, None)
        for choice in packet.overloads() if packet else ():
            # einsum.sublist is Python's own way of calling it, and never exported.
            if overload in {"", choice} and choice != "sublist":
                found[f"{form}.{choice}"] = getattr(packet, choice)._schema
    return found


@pytest.mark.parametrize("name", TABLE)
def test_rows_name_operators_and_arguments_that_exist(name: str) -> None:
    row = OPERATORS[name]
    schemas = overloads(name)
    assert schemas
    # Only overloads of tensors are exported; TorchScript has others of the same name for numbers.
    named = [[argument.name for argument in schema.arguments] for schema in schemas.values()]
    if isinstance(row, Operator) and row.inputs:
        known = {argument for arguments in named for argument in arguments}
        assert known.issuperset(row.inputs) or name in {"clamp_min", "clamp_max"}
        for schema in schemas.values():
            tensors = [a.name for a in schema.arguments if str(a.type) == "Tensor" and not a.is_out]
            assert not tensors or row.inputs[0] in {argument.name for argument in schema.arguments}


def test_a_call_that_does_not_fit_its_row_is_not_lost() -> None:
    """It stays an operator that no rule counts, with all of its inputs."""
    tensor = Tensor("x", (4,), DType.FLOAT32)
    call = Call({"renamed": tensor}, (tensor,))
    assert operator_of("relu", "default", call).domain == "aten"
    assert operator_of("relu", "default", call).inputs is None
