from dataclasses import replace

import pytest
from builders.analyses import NOW, analysis, chain
from sqlalchemy import func, select

from costdb.cost import RULES
from costdb.cost.engine import cost
from costdb.cost.result import GraphCost
from costdb.cost.rules import built_in_rules
from costdb.errors import StoreError
from costdb.ir import DType, Graph, Layer, Role, Tensor, assemble
from costdb.store import Store, read, schema
from costdb.store.database import read_transaction
from costdb.store.recosting import moved, outdated, recost
from costdb.store.stored import version_cost
from costdb.store.write import ingest

OLD = RULES - 1


def by_older_rules(graph: Graph, macs: int) -> GraphCost:
    """What a graph costs, except for the MACs, which older rules saw otherwise."""
    counted = cost(graph)
    return replace(counted, rules=OLD, totals=replace(counted.totals, macs=macs))


@pytest.fixture
def filled(store: Store) -> Store:
    """Two versions of a detector costed by older rules, and a model that today's rules costed."""
    for tag, width, macs in (("v1", 8, 100), ("v2", 16, 400)):
        graph = chain(width=width)
        old = analysis(graph, cost=by_older_rules(graph, macs))
        ingest(store.engine, [old], model="detector", tag=tag, now=NOW)
    graph = chain(width=32)
    ingest(store.engine, [analysis(graph, cost=cost(graph))], model="new", tag="v1", now=NOW)
    return store


def rows(store: Store) -> int:
    with read_transaction(store.engine) as connection:
        return connection.scalar(select(func.count()).select_from(schema.cost)) or 0


def test_every_outdated_structure_is_costed_and_old_numbers_stay(filled: Store) -> None:
    v2 = read.resolve(filled.engine, "detector@v2")
    with pytest.raises(StoreError, match=f"costed under rules {OLD}"):
        version_cost(filled.engine, v2)
    todo = outdated(filled.engine)
    assert len(todo) == 2
    assert list(recost(filled.engine, built_in_rules(), todo)) == []
    assert version_cost(filled.engine, v2).cost.layers == cost(chain(width=16)).layers
    assert version_cost(filled.engine, v2, rules=OLD).cost.totals.macs == 400
    assert list(outdated(filled.engine)) == []


def test_what_the_rules_moved_is_apart_from_what_the_model_moved(filled: Store) -> None:
    list(recost(filled.engine, built_in_rules(), outdated(filled.engine)))
    (found,) = moved(filled.engine)
    assert (found.model, found.tag, found.metric) == ("detector", "v2", "macs")
    # Two products of a row by a 16x16 matrix, and of 8x8 in v1.
    assert (found.value, found.by_old_rules, found.first) == (512, 400, 128)
    assert found.by_rules == 112
    assert found.by_model == 384


def test_it_can_be_stopped_and_started_again(filled: Store) -> None:
    first, _ = outdated(filled.engine)
    list(recost(filled.engine, built_in_rules(), [first]))
    assert rows(filled) == 4
    list(recost(filled.engine, built_in_rules(), outdated(filled.engine)))
    list(recost(filled.engine, built_in_rules(), [first]))
    assert rows(filled) == 5


def test_a_structure_that_cannot_be_costed_is_named_and_the_rest_goes_on(filled: Store) -> None:
    huge = Tensor("x", (2**40, 2**40), DType.FLOAT32, Role.INPUT)
    out = Tensor("y", (2**40, 2**40), DType.FLOAT32)
    layer = Layer("relu", "Relu", (huge,), (out,), compute_dtype=DType.FLOAT32)
    graph = assemble([layer], inputs=[huge], outputs=[out], file_format="test")
    made_up = replace(cost(chain()), rules=OLD, layers=cost(chain(layers=1)).layers)
    ingest(filled.engine, [analysis(graph, cost=made_up)], model="huge", tag="v1", now=NOW)
    (failure,) = recost(filled.engine, built_in_rules(), outdated(filled.engine))
    assert failure.version == "huge@v1"
    assert "relu" in failure.reason
    assert len(outdated(filled.engine)) == 1
