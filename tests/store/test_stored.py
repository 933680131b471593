"""A version comes back as it went in."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from builders.analyses import NOW, analysis, chain, graph_cost
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from costdb.contracts import Counts, Coverage
from costdb.cost import RULES
from costdb.cost.result import METRICS, LayerCost
from costdb.errors import NotInDatabase, StoreError
from costdb.ir import Body, DType, Graph, Layer, Role, Tensor, assemble
from costdb.store import Store
from costdb.store.read import resolve
from costdb.store.records import IngestOutcome
from costdb.store.schema import LAYER_METRICS
from costdb.store.stored import version_cost
from costdb.store.write import ingest

Add = Callable[..., IngestOutcome]

LARGEST = 2**63 - 1

# A tag of markup, an escape sequence, a NUL, a byte that is no UTF-8 (half of a surrogate pair),
# the escape character of the store itself with what looks like an escape, and SQL.
HOSTILE = "<b>[red]\x1b[31m\x00\udcff\x1a0000\x1a'; DROP TABLE model; --\r\n\u202e|=1+1"


def loop() -> Graph:
    """A layer with a body, an absent input, an unknown size, and two outputs."""
    fed = Tensor("x", (1, None), DType.FLOAT16, Role.INPUT)
    inner = Tensor("inner", None, DType.INT64, is_upper_bound=True)
    step = Layer("step", "Tanh", (fed,), (inner,), compute_dtype=DType.FLOAT16)
    body = Body(
        assemble([step], inputs=[], outputs=[inner], captured=["x"]),
        trip_count=None,
    )
    outputs = (Tensor("y", (3,), None), Tensor("z", (), DType.BOOL))
    looping = Layer(
        "loop",
        "Loop",
        (fed, None),
        outputs,
        domain="vendor",
        attributes={"axes": (1, -1), "alpha": 0.1, "mode": "linear"},
        bodies=(body,),
        captures=(fed,),
    )
    return assemble([looping], inputs=[fed], outputs=outputs, file_format="test")


@pytest.mark.parametrize(
    "graph",
    [pytest.param(chain(layers=3), id="chain"), pytest.param(loop(), id="loop")],
)
def test_an_analysis_comes_back_whole(store: Store, add: Add, graph: Graph) -> None:
    made = analysis(graph, loader_revision=7, warnings=("one", "two"))
    add("v1", graph=graph, loader_revision=7, warnings=("one", "two"))
    stored = version_cost(store.engine, resolve(store.engine, "detector"))
    assert stored.analysis == made
    assert (stored.graph, stored.cost, stored.artifact) == (graph, made.cost, made.artifact)
    assert stored.cost.unknown_ops == made.cost.unknown_ops
    assert stored.point == "default"


def test_numbers_up_to_the_largest_come_back_exactly(store: Store, add: Add) -> None:
    graph = chain(layers=1)
    layer = graph_cost(graph).layers[0]
    numbers: dict[str, Any] = dict.fromkeys(LAYER_METRICS, LARGEST)
    big = replace(layer, counts=Counts(*range(LARGEST - 6, LARGEST + 1)), **numbers)
    cost = replace(graph_cost(graph), layers=(big,))
    totals = replace(cost.totals, **dict.fromkeys(METRICS, LARGEST))
    cost = replace(cost, totals=totals)
    add("v1", graph=graph, cost=cost, artifact_bytes=LARGEST)
    stored = version_cost(store.engine, resolve(store.engine, "detector"))
    assert stored.cost == cost
    assert stored.artifact.bytes == LARGEST


def test_hostile_text_comes_back_byte_for_byte(store: Store, add: Add) -> None:
    tensor = Tensor(HOSTILE, (1,), DType.FLOAT32, Role.INPUT)
    result = Tensor(f"{HOSTILE}.y", (1,), DType.FLOAT32)
    layer = Layer(HOSTILE, HOSTILE, (tensor,), (result,), domain=HOSTILE, scope=HOSTILE)
    graph = assemble([layer], inputs=[tensor], outputs=[result])
    cost = graph_cost(graph)
    noted = replace(cost.layers[0], note=HOSTILE, coverage=Coverage.UNKNOWN)
    cost = replace(cost, layers=(noted,))
    add(
        "v1",
        graph=graph,
        cost=cost,
        path=HOSTILE,
        warnings=(HOSTILE,),
        author=HOSTILE,
        source=HOSTILE,
        git_sha=HOSTILE,
        description=HOSTILE,
    )
    version = resolve(store.engine, "detector")
    stored = version_cost(store.engine, version)
    assert (stored.graph, stored.cost) == (graph, cost)
    assert stored.analysis.warnings == (HOSTILE,)
    assert [version.author, version.source, version.git_sha, version.artifact_path] == [HOSTILE] * 4


whole = st.integers(0, LARGEST)

widths = itertools.count(1)


@st.composite
def layer_costs(draw: st.DrawFn, like: LayerCost) -> LayerCost:
    return replace(
        like,
        op=draw(st.text(max_size=8)),
        dtype=draw(st.none() | st.sampled_from(DType)),
        coverage=draw(st.sampled_from(Coverage)),
        counts=Counts(*draw(st.tuples(*[whole] * 7))),
        params=draw(whole),
        live_bytes=draw(whole),
        folded=draw(st.booleans()),
        note=draw(st.text(alphabet=st.characters(codec=None), max_size=8)),
    )


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_cost_comes_back(store: Store, data: st.DataObject) -> None:
    # Another width each time: a structure has one cost.
    width = next(widths)
    graph = chain(width=width)
    cost = graph_cost(graph)
    cost = replace(cost, layers=tuple(data.draw(layer_costs(layer)) for layer in cost.layers))
    tag = f"v{width}"
    ingest(store.engine, [analysis(graph, cost=cost)], model="m", tag=tag, now=NOW)
    assert version_cost(store.engine, resolve(store.engine, f"m@{tag}")).cost == cost


def test_a_point_that_is_not_there(store: Store, add: Add) -> None:
    add("v1", point="b32")
    with pytest.raises(NotInDatabase) as caught:
        version_cost(store.engine, resolve(store.engine, "detector"), "b3")
    assert caught.value.message == "detector@v1 has no operating point 'b3'"
    assert caught.value.hint == "did you mean 'b32'?"


def test_other_rules_have_to_be_recosted_first(store: Store, add: Add) -> None:
    add("v1")
    with pytest.raises(StoreError) as caught:
        version_cost(store.engine, resolve(store.engine, "detector"), rules=RULES + 1)
    assert f"rules {RULES}, not under {RULES + 1}" in caught.value.message
    assert caught.value.hint == "costdb recost"
