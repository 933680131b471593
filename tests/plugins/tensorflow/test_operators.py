"""TensorFlow's operators in the IR, one small frozen graph for each."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from builders import tensorflow_models as models

from costdb.ir import Graph, Layer

Load = Callable[..., Graph]

IMAGE = (2, 8, 8, 4)
MATRIX = (4, 6)


def ones(*shape: int) -> Any:
    return models.tensorflow().ones(shape)


def raw(name: str, **arguments: Any) -> Any:
    return getattr(models.tensorflow().raw_ops, name)(**arguments)


def computing(graph: Graph) -> list[Layer]:
    """The layers but for the identity that ends every frozen function."""
    return [layer for layer in graph.layers if layer.op != "Identity"]


@dataclass(frozen=True)
class Case:
    """A function of one input of a shape, and the one layer that it becomes."""

    build: Callable[[Any], Any]
    shape: tuple[int, ...]
    op: str
    attributes: dict[str, Any]
    inputs: list[tuple[int, ...] | None] | None


def row(
    build: Callable[[Any], Any],
    shape: tuple[int, ...],
    op: str,
    attributes: dict[str, Any] | None = None,
    inputs: list[tuple[int, ...] | None] | None = None,
    *,
    id: str = "",  # noqa: A002 - as pytest.param calls it
) -> Any:
    """A case, called by its operator unless told otherwise."""
    return pytest.param(Case(build, shape, op, attributes or {}, inputs), id=id or op)


CONVOLUTION = {"auto_pad": "SAME_UPPER", "channel_axis": -1, "dilations": (1, 1), "group": 1}

SPATIAL = [
    row(
        lambda x: models.tensorflow().nn.conv2d(x, ones(3, 3, 4, 16), 2, "SAME"),
        IMAGE,
        "Conv",
        CONVOLUTION | {"kernel_shape": (3, 3), "strides": (2, 2)},
        [IMAGE, (3, 3, 4, 16)],
    ),
    row(
        lambda x: models.tensorflow().nn.conv2d(x, ones(3, 3, 2, 6), 1, "VALID"),
        IMAGE,
        "Conv",
        {"group": 2, "auto_pad": "VALID"},
        id="Conv in two groups",
    ),
    row(
        lambda x: models.tensorflow().nn.conv2d(
            x, ones(3, 3, 4, 6), 1, [[0, 0], [1, 2], [3, 4], [0, 0]]
        ),
        IMAGE,
        "Conv",
        {"pads": (1, 3, 2, 4)},
        id="Conv with explicit pads",
    ),
    row(
        lambda x: models.tensorflow().nn.conv2d(
            x, ones(3, 3, 8, 6), (1, 1, 1, 2), "SAME", data_format="NCHW"
        ),
        IMAGE,
        "Conv",
        {"channel_axis": 1, "strides": (1, 2)},
        id="Conv, channels first",
    ),
    row(
        lambda x: models.tensorflow().nn.conv3d(x, ones(2, 2, 2, 4, 5), (1, 1, 2, 3, 1), "SAME"),
        (1, 4, 4, 6, 4),
        "Conv",
        {"kernel_shape": (2, 2, 2), "strides": (1, 2, 3), "channel_axis": -1},
        id="Conv3D",
    ),
    row(
        lambda x: raw(
            "DepthwiseConv2dNative",
            input=x,
            filter=ones(3, 3, 4, 2),
            strides=[1, 1, 1, 1],
            padding="SAME",
        ),
        IMAGE,
        "Conv",
        {"group": 4, "kernel_shape": (3, 3)},
        [IMAGE, (3, 3, 4, 2)],
        id="depthwise",
    ),
    row(
        lambda x: models.tensorflow().nn.conv2d_transpose(
            x, ones(4, 4, 6, 4), (2, 16, 16, 6), 2, "SAME"
        ),
        IMAGE,
        "ConvTranspose",
        {"channel_axis": -1, "group": 1, "strides": (2, 2)},
        [IMAGE, (4, 4, 6, 4)],
    ),
    row(
        lambda x: models.tensorflow().nn.conv3d_transpose(
            x, ones(2, 2, 2, 6, 4), (1, 8, 8, 8, 6), 2, "SAME"
        ),
        (1, 4, 4, 4, 4),
        "ConvTranspose",
        {"channel_axis": -1, "kernel_shape": (2, 2, 2)},
        id="Conv3DBackpropInputV2",
    ),
    row(
        lambda x: raw(
            "DepthwiseConv2dNativeBackpropInput",
            input_sizes=[2, 16, 16, 2],
            filter=ones(3, 3, 2, 2),
            out_backprop=x,
            strides=[1, 2, 2, 1],
            padding="SAME",
        ),
        IMAGE,
        "ConvTranspose",
        {"group": 2},
        id="depthwise, transposed",
    ),
    row(
        lambda x: models.tensorflow().nn.max_pool2d(x, (3, 2), (2, 1), "SAME"),
        IMAGE,
        "MaxPool",
        {"kernel_shape": (3, 2), "strides": (2, 1), "auto_pad": "SAME_UPPER"},
    ),
    row(
        lambda x: models.tensorflow().nn.max_pool2d(x, 2, 2, "VALID", data_format="NCHW"),
        IMAGE,
        "MaxPool",
        {"kernel_shape": (2, 2), "strides": (2, 2)},
        id="MaxPool, channels first",
    ),
    row(
        lambda x: raw(
            "MaxPoolV2", input=x, ksize=[1, 2, 3, 1], strides=[1, 1, 1, 1], padding="SAME"
        ),
        IMAGE,
        "MaxPool",
        {"kernel_shape": (2, 3), "strides": (1, 1)},
        [IMAGE],
        id="MaxPoolV2",
    ),
    row(
        lambda x: raw("MaxPool", input=x, ksize=[1, 1, 1, 2], strides=[1, 1, 1, 2], padding="SAME"),
        IMAGE,
        "MaxPool",
        {"kernel_shape": (1, 1, 1, 2)},
        id="MaxPool over channels",
    ),
    row(
        lambda x: models.tensorflow().nn.avg_pool2d(x, 2, 2, "SAME"),
        IMAGE,
        "AveragePool",
        {"kernel_shape": (2, 2)},
    ),
    row(
        lambda x: models.tensorflow().nn.avg_pool3d(x, 2, 2, "SAME"),
        (1, 4, 4, 4, 2),
        "AveragePool",
        {"kernel_shape": (2, 2, 2)},
        id="AvgPool3D",
    ),
    row(
        lambda x: models.tensorflow().nn.local_response_normalization(x, depth_radius=2, alpha=0.5),
        IMAGE,
        "LRN",
        {"size": 5, "alpha": 2.5, "channel_axis": -1},
    ),
    row(
        lambda x: models.tensorflow().compat.v1.nn.fused_batch_norm(
            x, *(ones(4) for _ in range(4)), epsilon=0.25, is_training=False
        )[0],
        IMAGE,
        "BatchNormalization",
        {"channel_axis": -1, "epsilon": 0.25},
        [IMAGE, (4,), (4,), (4,), (4,)],
    ),
    row(
        lambda x: models.tensorflow().compat.v1.nn.fused_batch_norm(
            x, ones(4), ones(4), is_training=True
        )[0],
        IMAGE,
        "tf:FusedBatchNormV3",
        id="a batch norm in training",
    ),
    row(
        lambda x: models.tensorflow().compat.v1.image.resize_bilinear(x, (16, 16)),
        IMAGE,
        "Resize",
        {"mode": "linear"},
        [IMAGE, None, None, (2,)],
    ),
    row(
        lambda x: models.tensorflow().compat.v1.image.resize_nearest_neighbor(x, (16, 16)),
        IMAGE,
        "Resize",
        {"mode": "nearest"},
        id="ResizeNearestNeighbor",
    ),
    row(
        lambda x: models.tensorflow().compat.v1.image.resize_bicubic(x, (16, 16)),
        IMAGE,
        "Resize",
        {"mode": "cubic"},
        id="ResizeBicubic",
    ),
    row(
        lambda x: models.tensorflow().nn.space_to_depth(x, 2),
        IMAGE,
        "SpaceToDepth",
        {"blocksize": 2},
    ),
    row(
        lambda x: models.tensorflow().nn.depth_to_space(x, 2),
        IMAGE,
        "DepthToSpace",
        {"blocksize": 2},
    ),
]

PRODUCTS = [
    row(
        lambda x: models.tensorflow().matmul(x, ones(4, 3), transpose_a=True),
        MATRIX,
        "MatMul",
        {"transA": 1, "transB": 0},
        [MATRIX, (4, 3)],
    ),
    row(
        lambda x: models.tensorflow().matmul(x, ones(5, 3, 6), transpose_b=True),
        (5, 2, 6),
        "MatMul",
        {"transA": 0, "transB": 1},
        id="BatchMatMulV2",
    ),
    row(
        lambda x: models.tensorflow().einsum("bij,jk->bik", x, ones(6, 3)),
        (5, 2, 6),
        "Einsum",
        {"equation": "bij,jk->bik"},
    ),
    row(
        lambda x: models.tensorflow().nn.bias_add(x, ones(4)), IMAGE, "Add", {}, [IMAGE, (4,)],
        id="BiasAdd",
    ),
]  # fmt: skip

ACTIVATIONS = [
    row(lambda x: call("Relu6", x), IMAGE, "Clip", {"min": 0.0, "max": 6.0}),
    row(lambda x: models.tensorflow().nn.leaky_relu(x, 0.25), IMAGE, "LeakyRelu", {"alpha": 0.25}),
    row(lambda x: call("Softmax", x), MATRIX, "Softmax", {"axis": -1}),
    row(lambda x: call("LogSoftmax", x), MATRIX, "LogSoftmax", {"axis": -1}),
    row(
        lambda x: raw("ClipByValue", t=x, clip_value_min=0.0, clip_value_max=1.0),
        MATRIX,
        "Clip",
        {},
        [MATRIX, (), ()],
        id="ClipByValue",
    ),
]


def reduced(name: str, x: Any) -> Any:
    return raw(name, input=x, axis=[0, 1], keep_dims=True)


REDUCTIONS = [
    row(
        partial(reduced, name),
        MATRIX,
        op,
        {"axes": (0, 1), "keepdims": 1},
        [MATRIX],
        id=name,
    )
    for name, op in {
        "Mean": "ReduceMean",
        "Sum": "ReduceSum",
        "Max": "ReduceMax",
        "Min": "ReduceMin",
        "Prod": "ReduceProd",
        "EuclideanNorm": "ReduceL2",
    }.items()
] + [
    row(
        lambda x: raw("Sum", input=x, axis=-1),
        MATRIX,
        "ReduceSum",
        {"axes": (-1,), "keepdims": 0},
        id="a sum along one axis",
    ),
    row(
        lambda x: models.tensorflow().argmax(x, axis=1),
        MATRIX,
        "ArgMax",
        {"axis": 1, "keepdims": 0},
        [MATRIX],
    ),
    row(lambda x: models.tensorflow().nn.top_k(x, 2)[0], MATRIX, "TopK", {"axis": -1}),
    row(lambda x: models.tensorflow().cumsum(x, 1), MATRIX, "CumSum", {}, [MATRIX, ()]),
]

MOVEMENT = [
    row(
        lambda x: models.tensorflow().concat([x, ones(4, 2)], 1),
        MATRIX,
        "Concat",
        {"axis": 1},
        [MATRIX, (4, 2)],
    ),
    row(
        lambda x: models.tensorflow().stack([x, ones(4, 6)], 1),
        MATRIX,
        "Concat",
        {"axis": 1},
        [MATRIX, MATRIX],
        id="Pack",
    ),
    row(
        lambda x: models.tensorflow().unstack(x, axis=1)[2],
        MATRIX,
        "Split",
        {"axis": 1},
        [MATRIX],
        id="Unpack",
    ),
    row(
        lambda x: models.tensorflow().split(x, 3, axis=1)[1], MATRIX, "Split", {"axis": 1}, [MATRIX]
    ),
    row(
        lambda x: models.tensorflow().split(x, [1, 5], axis=1)[1],
        MATRIX,
        "Split",
        {"axis": 1},
        [MATRIX, (2,)],
        id="SplitV",
    ),
    row(
        lambda x: models.tensorflow().gather(x, [0, 1, 1], axis=1),
        MATRIX,
        "Gather",
        {"axis": 1, "batch_dims": 0},
        [MATRIX, (3,)],
    ),
    row(lambda x: models.tensorflow().gather_nd(x, [[0, 1]]), MATRIX, "GatherND"),
    row(
        lambda x: models.tensorflow().transpose(x, [1, 0]),
        MATRIX,
        "Transpose",
        {"perm": (1, 0)},
        [MATRIX],
    ),
    row(
        lambda x: models.tensorflow().expand_dims(x, 1), MATRIX, "Unsqueeze", {"axes": (1,)},
        [MATRIX],
    ),
    row(
        lambda x: models.tensorflow().squeeze(x, [0, 2]), (1, 3, 1), "Squeeze", {"axes": (0, 2)}
    ),
    row(lambda x: models.tensorflow().squeeze(x), (1, 3, 1), "Squeeze", id="Squeeze of all axes"),
    row(lambda x: models.tensorflow().reshape(x, [6, 4]), MATRIX, "Reshape", {}, [MATRIX, (2,)]),
    row(lambda x: models.tensorflow().tile(x, [2, 1]), MATRIX, "Tile", {}, [MATRIX, (2,)]),
    row(
        lambda x: models.tensorflow().broadcast_to(x, [3, 4, 6]), MATRIX, "Expand", {},
        [MATRIX, (3,)],
    ),
    row(
        lambda x: x[1:, ::2], MATRIX, "Slice", {}, [MATRIX, (2,), (2,), None, (2,)],
        id="StridedSlice",
    ),
    row(
        lambda x: models.tensorflow().slice(x, [0, 1], [2, 2]), MATRIX, "Slice", {},
        [MATRIX, (2,), (2,)],
    ),
    row(
        lambda x: models.tensorflow().pad(x, [[1, 1], [0, 2]]),
        MATRIX,
        "Pad",
        {"mode": "constant"},
        [MATRIX, (2, 2)],
    ),
    row(
        lambda x: models.tensorflow().pad(x, [[1, 1], [0, 2]], "REFLECT"),
        MATRIX,
        "Pad",
        {"mode": "reflect"},
        id="MirrorPad",
    ),
    row(
        lambda x: models.tensorflow().where(x > 0, x, 0.0), MATRIX, "Where", {},
        [MATRIX, MATRIX, ()], id="SelectV2",
    ),
    row(
        lambda x: models.tensorflow().add_n([x, x, x]), MATRIX, "Sum", {}, [MATRIX] * 3, id="AddN"
    ),
]  # fmt: skip

SINGLE = {
    "Abs": "Abs", "Ceil": "Ceil", "Cos": "Cos", "Elu": "Elu", "Erf": "Erf", "Exp": "Exp",
    "Floor": "Floor", "Inv": "Reciprocal", "IsInf": "IsInf", "IsNan": "IsNaN", "Log": "Log",
    "Neg": "Neg", "Reciprocal": "Reciprocal", "Relu": "Relu", "Rint": "Round", "Round": "Round",
    "Selu": "Selu", "Sigmoid": "Sigmoid", "Sign": "Sign", "Sin": "Sin", "Softplus": "Softplus",
    "Softsign": "Softsign", "Sqrt": "Sqrt", "Tanh": "Tanh",
    "Erfc": "tf:Erfc", "Expm1": "tf:Expm1", "Log1p": "tf:Log1p", "Rsqrt": "tf:Rsqrt",
    "Square": "tf:Square", "ZerosLike": "tf:ZerosLike",
}  # fmt: skip
PAIRS = {
    "Add": "Add", "AddV2": "Add", "Sub": "Sub", "Mul": "Mul", "RealDiv": "Div", "Div": "Div",
    "Pow": "Pow", "Maximum": "Max", "Minimum": "Min", "Mod": "Mod", "FloorMod": "Mod",
    "Equal": "Equal", "Greater": "Greater", "GreaterEqual": "GreaterOrEqual", "Less": "Less",
    "LessEqual": "LessOrEqual",
    "DivNoNan": "tf:DivNoNan", "FloorDiv": "tf:FloorDiv", "NotEqual": "tf:NotEqual",
    "SquaredDifference": "tf:SquaredDifference", "Xlogy": "tf:Xlogy",
}  # fmt: skip


def call(name: str, *arguments: Any) -> Any:
    """One of TensorFlow's operators on positional inputs."""
    tf = models.tensorflow()
    names = [argument.name for argument in tf.Graph().op_def_for_type(name).input_arg]
    return raw(name, **dict(zip(names, arguments, strict=True)))


def called_with_ones(name: str, x: Any) -> Any:
    return call(name, x, ones(1, 6))


def block_lstm(x: Any) -> Any:
    """Long short-term memory of a state of 3 over steps, samples and inputs."""
    tf = models.tensorflow()
    state, vector = ones(2, 3), ones(3)
    return raw(
        "BlockLSTM", seq_len_max=tf.constant(7, tf.int64), x=x, cs_prev=state, h_prev=state,
        w=ones(8, 12), wci=vector, wcf=vector, wco=vector, b=ones(12),
        forget_bias=0.5, cell_clip=2.0, use_peephole=True,
    ).h  # fmt: skip


# ONNX has no such operators; their rules read some attributes.
LACKING = [
    row(
        block_lstm,
        (7, 2, 5),
        "tf:BlockLSTM",
        {"forget_bias": 0.5, "cell_clip": 2.0, "use_peephole": 1},
    ),
    row(lambda x: raw("Svd", input=x).s, MATRIX, "tf:Svd", {"compute_uv": 1}),
    row(
        lambda x: raw("Svd", input=x, compute_uv=False).s, MATRIX, "tf:Svd", {"compute_uv": 0},
        id="values alone",
    ),
    row(
        lambda x: raw("SelfAdjointEigV2", input=x, compute_v=False).e, (3, 3),
        "tf:SelfAdjointEigV2", {"compute_v": 0},
    ),
]  # fmt: skip


ELEMENTWISE = [
    row(partial(call, name), MATRIX, op, {}, [MATRIX], id=name)
    for name, op in SINGLE.items()
] + [
    row(
        partial(called_with_ones, name), MATRIX, op, {}, [MATRIX, (1, 6)], id=name
    )
    for name, op in PAIRS.items()
]  # fmt: skip


@pytest.mark.parametrize(
    "case", [*SPATIAL, *PRODUCTS, *ACTIVATIONS, *REDUCTIONS, *MOVEMENT, *LACKING, *ELEMENTWISE]
)
def test_an_operator_becomes_one_layer(tmp_path: Path, load: Load, case: Case) -> None:
    graph = load(models.freeze(case.build, tmp_path / "model.pb", case.shape))
    *before, layer = computing(graph)
    assert {other.op for other in before} <= {"Greater"}
    assert layer.qualified_op == case.op
    assert layer.source_op
    assert {name: layer.attributes[name] for name in case.attributes} == case.attributes
    if case.inputs is not None:
        assert [tensor and tensor.shape for tensor in layer.inputs] == case.inputs


def test_identities_stay_and_say_what_they_were(tmp_path: Path, load: Load) -> None:
    tf = models.tensorflow()
    graph = load(
        models.freeze(
            lambda x: tf.debugging.check_numerics(tf.stop_gradient(tf.identity(x)), "bad"),
            tmp_path / "model.pb",
            MATRIX,
        )
    )
    assert [layer.op for layer in graph.layers] == ["Identity"] * len(graph.layers)
    assert {"CheckNumerics", "StopGradient"} <= {layer.source_op for layer in graph.layers}


def test_identity_n_is_one_identity_for_each_value(tmp_path: Path, load: Load) -> None:
    tf = models.tensorflow()
    path = models.write_nodes(
        tmp_path / "model.pb",
        models.placeholder("x", [2]),
        models.placeholder("y", [3]),
        models.node("both", "IdentityN", "x", "y", T=[tf.float32, tf.float32]),
    )
    graph = load(path)
    assert [(layer.op, layer.input(0).name, layer.output.name) for layer in graph.layers] == [
        ("Identity", "x", "both"),
        ("Identity", "y", "both:1"),
    ]


def test_a_bias_of_channels_that_come_first_is_aligned_with_them(
    tmp_path: Path, load: Load
) -> None:
    tf = models.tensorflow()
    path = models.write_nodes(
        tmp_path / "model.pb",
        models.placeholder("x", IMAGE),
        models.placeholder("bias", [8]),
        models.node("add", "BiasAdd", "x", "bias", T=tf.float32, data_format="NCHW"),
    )
    unsqueeze, add = load(path).layers
    assert (unsqueeze.op, unsqueeze.attributes) == ("Unsqueeze", {"axes": (1, 2)})
    assert [tensor and tensor.shape for tensor in add.inputs] == [IMAGE, (8, 1, 1)]


@pytest.mark.parametrize(
    ("value", "op"),
    [
        pytest.param("stored", "ConstantOfShape", id="a stored value"),
        pytest.param("x", "Expand", id="a computed value"),
    ],
)
def test_fill(tmp_path: Path, load: Load, value: str, op: str) -> None:
    import numpy as np

    tf = models.tensorflow()
    path = models.write_nodes(
        tmp_path / "model.pb",
        models.placeholder("x", []),
        models.constant("stored", np.float32(1)),
        models.constant("dims", np.array([2, 3], np.int32)),
        models.node("fill", "Fill", "dims", value, T=tf.float32, index_type=tf.int32),
        models.node("sum", "AddV2", "fill", "x", T=tf.float32),
    )
    graph = load(path)
    assert graph.layers[0].op == op
    assert graph.layers[0].output.shape == (2, 3)


def test_an_axis_that_is_computed_stays_an_input(tmp_path: Path, load: Load) -> None:
    tf = models.tensorflow()
    graph = load(
        models.freeze(
            lambda x: tf.reduce_sum(x, axis=tf.rank(tf.squeeze(x)) - 1),
            tmp_path / "model.pb",
            MATRIX,
        )
    )
    reduction = next(layer for layer in graph.layers if layer.op == "ReduceSum")
    assert "axes" not in reduction.attributes
    assert [tensor and tensor.shape for tensor in reduction.inputs] == [MATRIX, ()]


FUSED = [
    pytest.param(["BiasAdd"], ["Conv", "Add"], id="bias"),
    pytest.param(["BiasAdd", "Relu6"], ["Conv", "Add", "Clip"], id="bias and ReLU6"),
    pytest.param(["FusedBatchNorm"], ["Conv", "BatchNormalization"], id="batch norm"),
    pytest.param(
        ["FusedBatchNorm", "LeakyRelu"],
        ["Conv", "BatchNormalization", "LeakyRelu"],
        id="batch norm and leaky ReLU",
    ),
    pytest.param(["BiasAdd", "Riddle"], ["Conv", "Add", "tf:Riddle"], id="something unheard of"),
]


@pytest.mark.parametrize(("followers", "ops"), FUSED)
def test_a_fused_convolution_is_taken_apart(
    tmp_path: Path, load: Load, followers: list[str], ops: list[str]
) -> None:
    import numpy as np

    tf = models.tensorflow()
    count = 4 if "FusedBatchNorm" in followers else 1
    operands = [
        models.constant(f"operand{n}", np.arange(8, dtype=np.float32) + n) for n in range(count)
    ]
    path = models.write_nodes(
        tmp_path / "model.pb",
        models.placeholder("x", IMAGE),
        models.constant("w", np.ones((3, 3, 4, 8), np.float32)),
        *operands,
        models.node(
            "scope/conv", "_FusedConv2D", "x", "w", *(operand.name for operand in operands),
            T=tf.float32, TArgs=[tf.float32] * count, num_args=count, fused_ops=followers,
            strides=[1, 1, 1, 1], padding="SAME", epsilon=0.5, leakyrelu_alpha=0.25,
        ),
    )  # fmt: skip
    graph = load(path)
    assert [layer.qualified_op for layer in graph.layers] == ops
    assert {layer.output.shape for layer in graph.layers} == {(2, 8, 8, 8)}
    assert {layer.source_op for layer in graph.layers} == {"_FusedConv2D"}
    assert graph.layers[-1].name == "scope/conv"
    assert graph.outputs == graph.layers[-1].outputs
    if ops[-1] == "LeakyRelu":
        assert graph.layers[-1].attributes["alpha"] == 0.25


def test_a_fused_depthwise_convolution_is_taken_apart(tmp_path: Path, load: Load) -> None:
    import numpy as np

    tf = models.tensorflow()
    path = models.write_nodes(
        tmp_path / "model.pb",
        models.placeholder("x", IMAGE),
        models.constant("w", np.ones((3, 3, 4, 2), np.float32)),
        models.constant("b", np.ones(8, np.float32)),
        models.node(
            "conv", "_FusedDepthwiseConv2dNative", "x", "w", "b",
            T=tf.float32, num_args=1, fused_ops=["BiasAdd", "Relu"],
            strides=[1, 1, 1, 1], padding="SAME",
        ),
    )  # fmt: skip
    graph = load(path)
    assert [layer.op for layer in graph.layers] == ["Conv", "Add", "Relu"]
    assert graph.layers[0].attributes["group"] == 4
    assert graph.layers[0].input(1).shape == (3, 3, 4, 2)


@pytest.mark.parametrize(
    ("is_training", "ops"),
    [
        pytest.param(0, ["BatchNormalization", "Add", "Relu"], id="at inference"),
        pytest.param(1, ["tf:_FusedBatchNormEx"], id="in training"),
    ],
)
def test_a_fused_batch_norm_is_taken_apart(
    tmp_path: Path, load: Load, is_training: int, ops: list[str]
) -> None:
    import numpy as np

    tf = models.tensorflow()
    vectors = [models.constant(f"v{n}", np.arange(4, dtype=np.float32) + n) for n in range(4)]
    path = models.write_nodes(
        tmp_path / "model.pb",
        models.placeholder("x", IMAGE, "float16"),
        models.placeholder("side", IMAGE, "float16"),
        *vectors,
        models.node(
            "norm", "_FusedBatchNormEx", "x", "v0", "v1", "v2", "v3", "side",
            T=tf.float16, U=tf.float32, num_side_inputs=1, activation_mode="Relu",
            is_training=bool(is_training),
        ),
    )  # fmt: skip
    graph = load(path)
    assert [layer.qualified_op for layer in graph.layers] == ops
    assert [tensor.shape for tensor in graph.outputs] == [IMAGE]


def test_a_fused_matrix_product_is_taken_apart(tmp_path: Path, load: Load) -> None:
    import numpy as np

    tf = models.tensorflow()
    path = models.write_nodes(
        tmp_path / "model.pb",
        models.placeholder("x", [2, 3]),
        models.constant("w", np.ones((4, 3), np.float32)),
        models.constant("b", np.ones(4, np.float32)),
        models.node(
            "dense", "_FusedMatMul", "x", "w", "b",
            T=tf.float32, num_args=1, fused_ops=["BiasAdd", "GeluApproximate"], transpose_b=True,
        ),
    )  # fmt: skip
    product, add, gelu = load(path).layers
    assert (product.op, product.attributes) == ("MatMul", {"transA": 0, "transB": 1})
    assert add.op == "Add"
    assert (gelu.op, gelu.attributes) == ("Gelu", {"approximate": "tanh"})


def test_layers_say_where_they_stand_and_what_they_compute_in(tmp_path: Path, load: Load) -> None:
    tf = models.tensorflow()

    def build(x: Any) -> Any:
        with tf.name_scope("block"), tf.name_scope("inner"):
            return tf.cast(tf.gather(tf.ones((9, 2), tf.float16), x), tf.float64, name="wide")

    graph = load(models.freeze(build, tmp_path / "model.pb", (3,), "int32"))
    gather, cast = computing(graph)
    assert (cast.name, cast.scope, cast.source_op) == ("block/inner/wide", "block/inner", "Cast")
    assert [layer.compute_dtype and layer.compute_dtype.value for layer in (gather, cast)] == [
        "float16",
        "float16",
    ]


# Which axes of x (5, 2, 6, 3) and of weights are contracted, then kept as a batch -> the equation.
DOTS = [
    pytest.param((3, 6, 4), "\n\x02\x03\x02\x12\x02\x00\x01", "abcd,dcg->abg", id="contracted"),
    pytest.param(
        (5, 6, 7),
        '\n\x01\x02\x12\x01\x01\x1a\x01\x00"\x01\x00',
        "abcd,acg->abdg",
        id="with a batch",
    ),
    pytest.param((2,), "", "abcd,e->abcde", id="an outer product"),
]


@pytest.mark.parametrize(("shape", "numbers", "equation"), DOTS)
def test_a_general_dot_product_is_an_einsum(
    tmp_path: Path, load: Load, shape: tuple[int, ...], numbers: str, equation: str
) -> None:
    import numpy as np

    tf = models.tensorflow()
    path = models.write_nodes(
        tmp_path / "model.pb",
        models.placeholder("x", [5, 2, 6, 3]),
        models.constant("w", np.ones(shape, np.float32)),
        models.node(
            "y", "XlaDotV2", "x", "w", LhsT=tf.float32, RhsT=tf.float32,
            preferred_element_type=tf.float32, dimension_numbers=numbers, precision_config="",
        ),
    )  # fmt: skip
    (layer,) = load(path).layers
    assert (layer.op, layer.attributes) == ("Einsum", {"equation": equation})
    expected = np.einsum(equation, np.ones((5, 2, 6, 3)), np.ones(shape)).shape
    assert layer.output.shape == expected


UNMAPPED = [
    pytest.param(
        ("ExtractImagePatches", {"ksizes": [1, 2, 2, 1], "strides": [1, 2, 2, 1],
                        "rates": [1, 1, 1, 1], "padding": "VALID"}),
        {"ksizes": (1, 2, 2, 1), "strides": (1, 2, 2, 1), "rates": (1, 1, 1, 1),
         "padding": "VALID"},
        id="lists and texts",
    ),
    pytest.param(
        ("VendorSecret", {"strength": 3, "slope": 0.5, "exact": True, "shared_name": "a/b",
                          "seed": 7, "_class": "loc"}),
        {"strength": 3, "slope": 0.5, "exact": 1},
        id="an unknown operator",
    ),
    pytest.param(("Betainc", {}), {}, id="only a dtype"),
    pytest.param(("LRNGrad", {}), {"depth_radius": 5, "bias": 1.0, "alpha": 1.0, "beta": 0.5},
                 id="defaults"),
]  # fmt: skip


@pytest.mark.parametrize(("operator", "attributes"), UNMAPPED)
def test_an_operator_that_onnx_lacks_keeps_its_attributes(
    tmp_path: Path, load: Load, operator: tuple[str, dict[str, Any]], attributes: dict[str, Any]
) -> None:
    tf = models.tensorflow()
    op, given = operator
    count = {"Betainc": 3, "LRNGrad": 3}.get(op, 1)
    path = models.write_nodes(
        tmp_path / "model.pb",
        models.placeholder("x", IMAGE),
        models.node("y", op, *["x"] * count, T=tf.float32, **given),
    )
    (layer,) = load(path).layers
    assert layer.qualified_op == f"tf:{op}"
    assert layer.attributes == attributes
