"""Analyses with made-up numbers, for tests of what keeps them."""

from dataclasses import fields
from datetime import UTC, datetime

from costdb.canonical import names_digest, names_json, structure_digest, structure_json
from costdb.contracts import COUNT_NAMES, Counts, Coverage
from costdb.cost import RULES
from costdb.cost.result import Analysis, Artifact, GraphCost, LayerCost, Totals, View
from costdb.ir import DType, Graph, Layer, Role, Tensor, assemble

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def chain(layers: int = 2, width: int = 8, prefix: str = "dense") -> Graph:
    """So many matrix products in a row; the width decides the structure, the prefix the names."""
    fed = Tensor("x", (1, width), DType.FLOAT32, Role.INPUT)
    steps = []
    value = fed
    for position in range(layers):
        weight = Tensor(f"{prefix}{position}.w", (width, width), DType.FLOAT32, Role.STORED)
        result = Tensor(f"{prefix}{position}.y", (1, width), DType.FLOAT32)
        steps.append(
            Layer(
                f"{prefix}{position}",
                "MatMul",
                (value, weight, None),
                (result,),
                scope=f"{prefix}/{position}",
                compute_dtype=DType.FLOAT32,
            )
        )
        value = result
    return assemble(steps, inputs=[fed], outputs=[value], file_format="test", framework="none")


def state_dict(width: int = 8) -> Graph:
    """Weights without a graph."""
    weight = Tensor("w", (width, width), DType.FLOAT32, Role.PARAMETER)
    return assemble([], inputs=[], outputs=[], unread=[weight], file_format="test")


def layer_cost(layer: Layer, number: int) -> LayerCost:
    """A cost for a layer in which each field has another value, counted up from a number."""
    values = iter(range(number, number + 100))
    return LayerCost(
        name=layer.name,
        op=layer.qualified_op,
        scope=layer.scope,
        input_shapes=tuple(None if t is None else t.shape for t in layer.inputs),
        output_shapes=tuple(tensor.shape for tensor in layer.outputs),
        dtype=layer.compute_dtype,
        coverage=list(Coverage)[number % 4],
        counts=Counts(*(next(values) for _ in COUNT_NAMES)),
        params=next(values),
        buffers=next(values),
        weight_bytes=next(values),
        memory_accesses=next(values),
        traffic_bytes=next(values),
        activation_bytes=next(values),
        live_bytes=next(values),
        folded=number % 2 == 1,
        note=f"note {number}",
    )


def graph_cost(graph: Graph, *, number: int = 1000, rules: int = RULES) -> GraphCost:
    """A cost for a graph; each total and each field of a layer has another value."""
    layers = tuple(
        layer_cost(layer, number + 101 * position)
        for position, layer in enumerate(graph.all_layers())
    )
    totals = {entry.name: number + place for place, entry in enumerate(fields(Totals))}
    totals["unknown_layers"] = sum(layer.coverage is Coverage.UNKNOWN for layer in layers)
    return GraphCost(rules, View.DEPLOYED, Totals(**totals), layers)


def analysis(
    graph: Graph | None = None,
    *,
    width: int = 8,
    cost: GraphCost | None = None,
    rules: int = RULES,
    point: str = "default",
    loader_revision: int = 1,
    artifact_bytes: int = 1000,
    path: str = "build/model.onnx",
    warnings: tuple[str, ...] = (),
) -> Analysis:
    """An analysis of a graph, or of a chain of a width."""
    costed = graph or chain(width=width)
    structure, names = structure_json(costed), names_json(costed)
    return Analysis(
        artifact=Artifact(path, "test", "none", artifact_bytes),
        graph=costed,
        loader="test",
        loader_revision=loader_revision,
        structure=structure,
        structure_digest=structure_digest(structure),
        names=names,
        names_digest=names_digest(names),
        point=point,
        cost=cost or graph_cost(costed, number=1000 * width, rules=rules),
        warnings=warnings,
    )
