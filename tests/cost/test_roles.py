import pytest
from builders.graphs import activation, fed, graph, layer, stored

from costdb.cost.roles import assign_roles
from costdb.cost.rules import built_in_rules
from costdb.ir import DType, Layer, Role, Tensor

X = fed("x", 1, 3, 8, 8)


def roles(layers: list[Layer]) -> dict[str, Role]:
    return dict(assign_roles(graph(layers), built_in_rules()))


def conv(filter_: Tensor, data: Tensor = X) -> Layer:
    return layer("Conv", [data, filter_], activation("c", 1, 16, 6, 6))


FILTER = (16, 3, 3, 3)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        pytest.param([conv(stored("w", *FILTER))], {"w": Role.PARAMETER}, id="a weight slot"),
        pytest.param(
            [layer("Cast", [stored("w", *FILTER, dtype=DType.FLOAT16)], activation("f", *FILTER)),
             layer("Transpose", [activation("f", *FILTER)], activation("t", *FILTER)),
             conv(activation("t", *FILTER))],
            {"w": Role.PARAMETER}, id="traced through a cast and a layout",
        ),
        pytest.param(
            [layer("DequantizeLinear",
                   [stored("q", *FILTER, dtype=DType.INT8), stored("s"),
                    stored("z", dtype=DType.INT8)],
                   activation("f", *FILTER)),
             conv(activation("f", *FILTER))],
            {"q": Role.PARAMETER, "s": Role.CONSTANT, "z": Role.CONSTANT},
            id="quantised weights are parameters, their scale is not",
        ),
        pytest.param(
            [layer("ConstantOfShape", [stored("shape", 4, dtype=DType.INT64)],
                   activation("w", *FILTER)),
             conv(activation("w", *FILTER))],
            {"w": Role.PARAMETER, "shape": Role.CONSTANT}, id="built weights",
        ),
        pytest.param(
            [layer("Add", [X, stored("v", 3, 1, 1)], activation("y", 1, 3, 8, 8))],
            {"v": Role.PARAMETER}, id="any other float of more than one element",
        ),
        pytest.param(
            [layer("Mul", [X, stored("half")], activation("y", 1, 3, 8, 8))],
            {"half": Role.CONSTANT}, id="a single number",
        ),
        pytest.param(
            [layer("Reshape", [X, stored("shape", 2, dtype=DType.INT64)], activation("y", 3, 64))],
            {"shape": Role.CONSTANT}, id="a shape",
        ),
        pytest.param(
            [layer("PRelu", [fed("x", 1, 1, 4), stored("slope", 1)], activation("y", 1, 1, 4))],
            {"slope": Role.PARAMETER}, id="a slot takes a single element too",
        ),
        pytest.param(
            [layer("Add", [X, Tensor("b", (3, 1, 1), DType.FLOAT32, Role.BUFFER)],
                   activation("y", 1, 3, 8, 8))],
            {"b": Role.BUFFER}, id="what the file says stays",
        ),
        pytest.param(
            [layer("Conv", [X, fed("w", *FILTER)], activation("c", 1, 16, 6, 6))],
            {}, id="a filter that is fed is no weight",
        ),
        pytest.param(
            [layer("Relu", [fed("v", *FILTER)], activation("w", *FILTER)),
             conv(activation("w", *FILTER))],
            {}, id="a filter that is computed is no weight",
        ),
    ],
)  # fmt: skip
def test_roles(layers: list[Layer], expected: dict[str, Role]) -> None:
    assert roles(layers) == expected


def test_statistics_of_a_batch_norm_are_buffers() -> None:
    parts = ("scale", "bias", "mean", "variance")
    norm = layer(
        "BatchNormalization", [X, *(stored(part, 3) for part in parts)], activation("y", 1, 3, 8, 8)
    )
    assert roles([norm]) == {
        "scale": Role.PARAMETER,
        "bias": Role.PARAMETER,
        "mean": Role.BUFFER,
        "variance": Role.BUFFER,
    }


@pytest.mark.parametrize("has_gamma", [True, False], ids=["with gamma", "without gamma"])
def test_statistics_of_a_batch_norm_that_keras_wrote_out(*, has_gamma: bool) -> None:
    """x * scale + (beta - mean * scale), scale = rsqrt(variance + epsilon) * gamma."""
    vector = (3,)
    deviation = [
        layer("Add", [stored("variance", *vector), stored("epsilon")], activation("v", *vector)),
        layer("Rsqrt", [activation("v", *vector)], activation("d", *vector), domain="tf"),
    ]
    scale = activation("d", *vector)
    if has_gamma:
        scale = activation("k", *vector)
        deviation.append(layer("Mul", [activation("d", 3), stored("gamma", *vector)], scale))
    layers = [
        *deviation,
        layer("Mul", [X, scale], activation("xs", 1, 8, 8, 3)),
        layer("Reshape", [stored("mean", *vector), stored("s", 1, dtype=DType.INT32)],
              activation("m", *vector)),
        layer("Mul", [activation("m", *vector), scale], activation("ms", *vector)),
        layer("Sub", [stored("beta", *vector), activation("ms", *vector)],
              activation("o", *vector)),
        layer("Add", [activation("xs", 1, 8, 8, 3), activation("o", *vector)],
              activation("y", 1, 8, 8, 3)),
    ]  # fmt: skip
    found = roles(layers)
    assert {name for name, role in found.items() if role is Role.BUFFER} == {"mean", "variance"}
    expected = {"beta", "gamma"} if has_gamma else {"beta"}
    assert {name for name, role in found.items() if role is Role.PARAMETER} == expected


def test_a_root_of_something_else_makes_no_statistics() -> None:
    layers = [
        layer("Add", [stored("a", 3), stored("b", 3)], activation("s", 3)),
        layer("Sqrt", [activation("s", 3)], activation("r", 3)),
        layer("Mul", [X, activation("r", 3)], activation("y", 1, 8, 8, 3)),
    ]
    assert Role.BUFFER not in roles(layers).values()
