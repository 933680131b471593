"""Golden rows of the article, and each elementwise operator by its formula."""

import pytest
from builders.graphs import activation, layer, shaped

from costdb.contracts import Counts
from costdb.cost.rules import built_in_rules
from costdb.ir import Layer

J = 1000


def counted(layer: Layer) -> Counts:
    return built_in_rules()[layer.domain, layer.op].count(layer)


@pytest.mark.parametrize(
    ("op", "flops_per_element"),
    [
        pytest.param("Relu", 1, id="the article: J"),
        pytest.param("Sigmoid", 4, id="the article: 4J, negate exp add divide"),
        pytest.param("Add", 1, id="Add"),
        pytest.param("Div", 1, id="Div"),
        pytest.param("Tanh", 1, id="Tanh: one special function"),
        pytest.param("Swish", 5, id="Swish: a sigmoid and a multiplication"),
        pytest.param("Softplus", 3, id="Softplus: exp, add, log"),
        pytest.param("Mish", 5, id="Mish: softplus, tanh, multiplication"),
        pytest.param("Elu", 4, id="Elu: compare, exp, subtract, multiply"),
        pytest.param("Selu", 5, id="Selu: Elu and a multiplication"),
        pytest.param("Celu", 7, id="Celu: 2 compares, divide, exp, subtract, multiply, add"),
        pytest.param("Softsign", 3, id="Softsign: |x|, add, divide"),
        pytest.param("HardSigmoid", 4, id="HardSigmoid: multiply, add, 2 compares"),
        pytest.param("HardSwish", 5, id="HardSwish: HardSigmoid and a multiplication"),
        pytest.param("LeakyRelu", 2, id="LeakyRelu: compare, multiply"),
        pytest.param("Gelu", 5, id="Gelu: 2 muls, divide, erf, add"),
        pytest.param("tf:Rsqrt", 2, id="Rsqrt: root, reciprocal"),
        pytest.param("tf:SquaredDifference", 2, id="subtract, multiply"),
    ],
)
def test_operations_per_element(op: str, flops_per_element: int) -> None:
    domain, _, name = op.rpartition(":")
    entry = shaped(name, (1, J), (1, J), domain=domain)
    assert counted(entry).operations == flops_per_element * J


@pytest.mark.parametrize(
    ("entry", "counts"),
    [
        pytest.param(
            shaped("Mul", (8, 1, 5), (1, 7, 1), (8, 7, 5)), Counts(muls=280), id="broadcast: 8*7*5"
        ),
        pytest.param(shaped("Pow", (3, 4), (), (3, 4)), Counts(specials=12), id="by a scalar"),
        pytest.param(shaped("Sum", (4,), (4,), (4,), (4,)), Counts(adds=8), id="three operands"),
        pytest.param(
            shaped("Mean", (4,), (4,), (4,)), Counts(adds=4, divs=4), id="mean of two operands"
        ),
        pytest.param(shaped("Max", (4,), (4,), (4,)), Counts(compares=4), id="maximum of two"),
        pytest.param(shaped("Max", (4,), (4,)), Counts(), id="maximum of one"),
        pytest.param(shaped("Clip", (4,), (4,), min=0.0, max=6.0), Counts(compares=8), id="Relu6"),
        pytest.param(shaped("Clip", (4,), (), (4,)), Counts(compares=4), id="only a lower bound"),
        pytest.param(
            layer("Clip", [activation("x", 4), None, activation("high")], activation("y", 4)),
            Counts(compares=4), id="only an upper bound",
        ),
        pytest.param(
            shaped("Gelu", (4,), (4,), approximate="tanh"),
            Counts(muls=16, adds=8, specials=8), id="Gelu by tanh",
        ),
        pytest.param(
            shaped("PRelu", (1, 4, 3), (4, 1), (1, 4, 3)),
            Counts(compares=12, muls=12), id="PRelu",
        ),
        pytest.param(shaped("Add", (0, 4), (0, 4)), Counts(), id="empty"),
    ],
)  # fmt: skip
def test_elementwise_counts(entry: Layer, counts: Counts) -> None:
    assert counted(entry) == counts
