"""Parts of a model and what they cost."""

import pytest
from builders.costs import graph_cost, layer, state_dict_cost

from costdb.contracts import Coverage
from costdb.trends.scopes import amount, selected_layers

MODEL = graph_cost(
    [
        layer("Conv", "stem", macs=1, params=10),
        layer("Conv", "conv", scope="decoder", macs=2),
        layer("Gemm", "head", scope="decoder/out", macs=4, coverage=Coverage.UNKNOWN),
        layer("tf:Roll", "head_2", scope="decoder2"),
    ],
    unread_params=5,
)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        pytest.param("total", ["stem", "conv", "head", "head_2"], id="all"),
        pytest.param("layer:head", ["head"], id="a layer"),
        pytest.param("layer:head*", ["head", "head_2"], id="layers"),
        pytest.param("layer:tail", [], id="no layer"),
        pytest.param("op:Conv", ["stem", "conv"], id="an operator"),
        pytest.param("op:conv", [], id="case matters"),
        pytest.param("op:tf:Roll", ["head_2"], id="an operator of TensorFlow's"),
        pytest.param("scope:decoder", ["conv"], id="directly in a module"),
        pytest.param("scope:decoder/*", ["conv", "head"], id="in a module and below"),
    ],
)
def test_selected_layers(scope: str, expected: list[str]) -> None:
    assert [entry.name for entry in selected_layers(MODEL, scope)] == expected


@pytest.mark.parametrize(
    ("metric", "scope", "expected"),
    [
        pytest.param("macs", "total", 7, id="all"),
        pytest.param("params", "total", 15, id="all, with what no layer reads"),
        pytest.param("macs", "scope:decoder/*", 6, id="a module"),
        pytest.param("layers", "scope:decoder/*", 2, id="how many layers"),
        pytest.param("unknown_layers", "scope:decoder/*", 1, id="how many without a rule"),
        pytest.param("macs", "layer:tail", 0, id="nothing"),
    ],
)
def test_amount(metric: str, scope: str, expected: int) -> None:
    assert amount(MODEL, metric, scope) == expected


@pytest.mark.parametrize("scope", ["total", "op:Conv"])
def test_a_state_dict_has_no_macs(scope: str) -> None:
    assert amount(state_dict_cost(3), "macs", scope) is None
