"""A small graph of each family of operators, by its batch, for tests of what algebra says."""

from collections.abc import Callable, Mapping

from builders.graphs import activation, fed, graph, layer, stored

from costdb.ir import Body, DType, Graph, Layer, Role, Tensor, assemble

Family = Callable[[int], Graph]


def convolutions(batch: int) -> Graph:
    """A convolution with batch norm and ReLU, a grouped one, a depthwise one, a transposed one."""
    data = fed("x", batch, 8, 12, 12)
    first = layer("Conv", [data, stored("w", 16, 8, 3, 3)], activation("c", batch, 16, 10, 10))
    statistics = [stored(name, 16) for name in ("scale", "shift", "mean", "variance")]
    norm = layer(
        "BatchNormalization", [first.output, *statistics], activation("n", batch, 16, 10, 10)
    )
    relu = layer("Relu", [norm.output], activation("r", batch, 16, 10, 10))
    grouped = layer(
        "Conv",
        [relu.output, stored("g", 16, 4, 3, 3), stored("gb", 16)],
        activation("gc", batch, 16, 8, 8),
        group=4,
    )
    depthwise = layer(
        "Conv", [grouped.output, stored("d", 16, 1, 3, 3)], activation("dc", batch, 16, 6, 6),
        group=16,
    )  # fmt: skip
    transposed = layer(
        "ConvTranspose",
        [depthwise.output, stored("t", 16, 4, 2, 2)],
        activation("y", batch, 4, 12, 12),
    )
    return graph([first, norm, relu, grouped, depthwise, transposed])


def dense(batch: int) -> Graph:
    """Gemm with a bias, a sigmoid, MatMul, an Einsum."""
    data = fed("x", batch, 32)
    first = layer("Gemm", [data, stored("w", 32, 24), stored("b", 24)], activation("g", batch, 24))
    gate = layer("Sigmoid", [first.output], activation("s", batch, 24))
    product = layer("MatMul", [gate.output, stored("v", 24, 16)], activation("m", batch, 16))
    return graph(
        [
            first,
            gate,
            product,
            layer(
                "Einsum", [product.output, stored("e", 16, 8)], activation("y", batch, 8),
                equation="bi,ij->bj",
            ),
        ]
    )  # fmt: skip


def transformer(batch: int) -> Graph:
    """A norm, ONNX's attention over heads, a residual sum, a gated layer, a softmax."""
    data = fed("x", batch, 10, 32)
    norm = layer(
        "LayerNormalization",
        [data, stored("ns", 32), stored("nb", 32)],
        activation("n", batch, 10, 32),
    )
    parts = [
        layer("MatMul", [norm.output, stored(f"w{part}", 32, 32)], activation(part, batch, 10, 32))
        for part in ("q", "k", "v")
    ]
    attended = layer(
        "Attention",
        [part.output for part in parts],
        activation("a", batch, 10, 32),
        q_num_heads=4,
        kv_num_heads=4,
    )
    residual = layer("Add", [data, attended.output], activation("r", batch, 10, 32))
    gated = layer("Gelu", [residual.output], activation("g", batch, 10, 32))
    soft = layer("Softmax", [gated.output], activation("y", batch, 10, 32))
    return graph([norm, *parts, attended, residual, gated, soft])


def recurrent(batch: int) -> Graph:
    """An LSTM in two directions and a GRU, steps first."""
    data = fed("x", 7, batch, 8)
    first = layer(
        "LSTM",
        [data, stored("w", 2, 40, 8), stored("r", 2, 40, 10), stored("b", 2, 80)],
        activation("h", 7, 2, batch, 10),
    )
    joined = layer("Reshape", [first.output], activation("j", 7, batch, 20))
    second = layer(
        "GRU",
        [joined.output, stored("gw", 1, 18, 20), stored("gr", 1, 18, 6)],
        activation("y", 7, 1, batch, 6),
    )
    return graph([first, joined, second])


def pooling(batch: int) -> Graph:
    """A local norm, maxima, means, a resize, the mean of the plane."""
    data = fed("x", batch, 4, 16, 16)
    normed = layer("LRN", [data], activation("l", batch, 4, 16, 16), size=3)
    largest = layer(
        "MaxPool", [normed.output], activation("m", batch, 4, 8, 8), kernel_shape=(2, 2)
    )
    means = layer(
        "AveragePool", [largest.output], activation("a", batch, 4, 4, 4), kernel_shape=(2, 2)
    )
    grown = layer("Resize", [means.output], activation("r", batch, 4, 8, 8), mode="linear")
    return graph(
        [
            normed,
            largest,
            means,
            grown,
            layer("GlobalAveragePool", [grown.output], activation("y", batch, 4, 1, 1)),
        ]
    )


def quantised(batch: int) -> Graph:
    """Floats to 8 bits, a convolution of integers, and back; a product with packed weights."""
    scale, zero = stored("s"), stored("z", dtype=DType.UINT8)
    data = fed("x", batch, 4, 8, 8)
    integers = layer(
        "QuantizeLinear", [data, scale, zero], activation("q", batch, 4, 8, 8, dtype=DType.UINT8)
    )
    convolved = layer(
        "QLinearConv",
        [integers.output, scale, zero, stored("w", 8, 4, 3, 3, dtype=DType.INT8), stored("ws", 8),
         stored("wz", 8, dtype=DType.INT8), scale, zero, stored("b", 8, dtype=DType.INT32)],
        activation("c", batch, 8, 6, 6, dtype=DType.UINT8),
    )  # fmt: skip
    floats = layer(
        "DequantizeLinear", [convolved.output, scale, zero], activation("f", batch, 8, 6, 6)
    )
    flat = layer("Flatten", [floats.output], activation("fl", batch, 288))
    packed = layer(
        "MatMulNBits",
        [flat.output, stored("p", 16, 9, 16, dtype=DType.UINT8), stored("ps", 144)],
        activation("y", batch, 16),
        domain="com.microsoft",
        K=288, N=16, bits=4, block_size=32,
    )  # fmt: skip
    return graph([integers, convolved, floats, flat, packed])


def experts(batch: int) -> Graph:
    """Rows that are looked up, and two experts of four for each token."""
    ids = fed("x", batch, 6, dtype=DType.INT64)
    rows = layer("Gather", [stored("table", 50, 16), ids], activation("e", batch, 6, 16))
    flat = layer("Reshape", [rows.output], activation("t", batch * 6, 16))
    router = layer("MatMul", [flat.output, stored("w", 16, 4)], activation("p", batch * 6, 4))
    mixed = layer(
        "MoE",
        [rows.output, router.output, stored("f1", 4, 32, 16), stored("b1", 4, 32),
         stored("f2", 4, 16, 32)],
        activation("y", batch, 6, 16),
        domain="com.microsoft",
        k=2, activation_type="gelu",
    )  # fmt: skip
    return graph([rows, flat, router, mixed])


def spectrum(batch: int) -> Graph:
    """A transform of frames, its power, the largest values."""
    data = fed("x", batch, 512, 1)
    frames = layer(
        "STFT", [data, stored("step", dtype=DType.INT64), stored("window", 64)],
        activation("f", batch, 15, 33, 2),
    )  # fmt: skip
    power = layer("ReduceSumSquare", [frames.output], activation("p", batch, 15, 33), axes=(-1,))
    return graph([frames, power, layer("TopK", [power.output], activation("y", batch, 15, 5))])


def loop(batch: int) -> Graph:
    """A product seven times, and a branch that data decide."""
    data, inner = fed("x", batch, 8), fed("i", batch, 8)
    step = layer("MatMul", [inner, stored("w", 8, 8)], activation("s", batch, 8))
    body = assemble([step], inputs=[inner], outputs=[step.output])
    looped = Layer("l", "Loop", (data,), (activation("o", batch, 8),), bodies=(Body(body, 7),),
                   compute_dtype=DType.FLOAT32)  # fmt: skip
    branches = [
        layer("MatMul", [looped.output, stored("v", 8, 8)], activation("t", batch, 8)),
        layer("Neg", [looped.output], activation("n", batch, 8)),
    ]
    bodies = tuple(
        Body(assemble([branch], inputs=[], outputs=[branch.output], captured=["o"]))
        for branch in branches
    )
    condition = Tensor("k", (), DType.BOOL, Role.INPUT)
    decided = Layer("d", "If", (condition,), (activation("y", batch, 8),), bodies=bodies,
                    captures=(looped.output,), compute_dtype=DType.FLOAT32)  # fmt: skip
    return assemble([looped, decided], inputs=[data, condition], outputs=[decided.output])


FAMILIES: Mapping[str, Family] = {
    family.__name__: family
    for family in (
        convolutions, dense, transformer, recurrent, pooling, quantised, experts, spectrum, loop,
    )
}  # fmt: skip
