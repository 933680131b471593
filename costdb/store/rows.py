"""Costs as rows, in both directions.

Names, scopes and shapes are in the graph, which is stored with the structure; a row holds the
numbers.
"""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import RowMapping

from costdb.contracts import COUNT_NAMES, Counts, Coverage
from costdb.cost.result import METRICS, GraphCost, LayerCost, Totals, View
from costdb.ir import DType, Graph, Layer
from costdb.store.schema import LAYER_METRICS


def cost_row(cost: GraphCost) -> dict[str, Any]:
    """The totals and the coverage of a graph, without its keys."""
    return {
        "rules": cost.rules,
        **{metric: cost.totals[metric] for metric in METRICS},
        **{coverage.value: count for coverage, count in cost.coverage.items()},
        "unknown_ops": json.dumps(cost.unknown_ops),
    }


def layer_rows(cost: GraphCost) -> list[dict[str, Any]]:
    """One row for each layer, without the key of the cost."""
    return [
        {
            "position": position,
            "op": layer.op,
            "dtype": layer.dtype and layer.dtype.value,
            "coverage": layer.coverage.value,
            **{count: getattr(layer.counts, count) for count in COUNT_NAMES},
            **{metric: getattr(layer, metric) for metric in LAYER_METRICS},
            "folded": layer.folded,
            "note": layer.note,
        }
        for position, layer in enumerate(cost.layers)
    ]


def totals_from_row(row: RowMapping) -> Totals:
    """The totals in a row of `cost`."""
    return Totals(**{metric: row[metric] for metric in METRICS})


def cost_from_rows(row: RowMapping, layers: Iterable[RowMapping], graph: Graph) -> GraphCost:
    """What `cost_row` and `layer_rows` were made from.

    Args:
        row: Of `cost`.
        layers: Of `layer_cost`, by position.
        graph: What was costed.
    """
    return GraphCost(
        rules=row["rules"],
        view=View.DEPLOYED,
        totals=totals_from_row(row),
        layers=tuple(
            _layer_cost(layer_row, layer)
            for layer_row, layer in zip(layers, graph.all_layers(), strict=True)
        ),
    )


def _layer_cost(row: RowMapping, layer: Layer) -> LayerCost:
    return LayerCost(
        name=layer.name,
        op=row["op"],
        scope=layer.scope,
        input_shapes=tuple(None if tensor is None else tensor.shape for tensor in layer.inputs),
        output_shapes=tuple(tensor.shape for tensor in layer.outputs),
        dtype=None if row["dtype"] is None else DType(row["dtype"]),
        coverage=Coverage(row["coverage"]),
        counts=Counts(**{count: row[count] for count in COUNT_NAMES}),
        **{metric: row[metric] for metric in LAYER_METRICS},
        folded=bool(row["folded"]),
        note=row["note"],
    )
