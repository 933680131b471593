"""Where two totals part, as listings and as JSON, `costdb.explain/1`."""

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any

from costdb.api import Explained
from costdb.binding import format_shape
from costdb.cost.explanation import ExplainedLayer, Explanation
from costdb.report.listing import Column, Listing, Unit, Value
from costdb.report.numbers import format_change, format_count, quantity

SCHEMA = "costdb.explain/1"


class Rollup(Enum):
    """How the layers that part are listed: one by one, or those of one operator and reason."""

    LAYER = "layer"
    OP = "op"


def explain_listings(
    explained: Explained, by: Rollup, top: int | None, title: str
) -> Iterator[Listing]:
    """The two totals, then where they part.

    Args:
        explained: What to show.
        by: How to roll the layers up.
        top: How many rows; None for all.
        title: Of what, such as the file's name.
    """
    explanation = explained.explanation
    convention = explanation.convention
    yield Listing(
        (
            Column("total"),
            Column(convention.unit, Unit.WRITTEN),
            Column("exact", Unit.EXACT),
        ),
        [
            (name, format_count(number), number)
            for name, number in (
                ("costdb", explanation.costdb_total),
                (convention.name, explanation.convention_total),
                ("difference", explanation.difference),
            )
        ],
        title=title,
        footer=tuple(_remarks(explanation)),
    )
    listing = parting_layers(explanation, by, top)
    if listing.rows:
        yield listing


def _remarks(explanation: Explanation) -> Iterator[str]:
    name = explanation.convention.name
    if explanation.difference:
        change = format_change(explanation.costdb_total, explanation.convention_total)
        yield f"{name} differs from costdb by {change}"
    elif any(layer.difference for layer in explanation.layers):
        yield "the totals agree, but their layers do not"
    else:
        yield "the two agree, layer by layer"
    if explanation.unknown_layers:
        yield (
            f"costdb cannot count {quantity(explanation.unknown_layers, 'layer')}: its total is a"
            " lower bound, and so is one that is made of its counts"
        )
    if explanation.uncountable_layers:
        yield (
            f"{name} cannot count {quantity(explanation.uncountable_layers, 'layer')}: its total"
            " is a lower bound"
        )


def parting_layers(explanation: Explanation, by: Rollup, top: int | None = None) -> Listing:
    """The layers whose two numbers part, the largest difference first.

    Args:
        explanation: Whose layers.
        by: How to roll them up.
        top: How many rows; None for all.
    """
    parting = [layer for layer in explanation.layers if layer.reason]
    rows = _layer_rows(parting) if by is Rollup.LAYER else _op_rows(parting)
    ordered = sorted(rows, key=lambda row: -abs(row[1].difference))
    shown = ordered[:top]
    left_out = len(ordered) - len(shown)
    headings = (
        (Column("layer"), Column("op"), Column("output"))
        if by is Rollup.LAYER
        else (Column("op"), Column("layers", Unit.EXACT))
    )
    return Listing(
        (
            *headings,
            Column("costdb", Unit.EXACT),
            Column(explanation.convention.name, Unit.EXACT),
            Column("difference", Unit.EXACT),
            Column("reason"),
        ),
        [
            (*labels, sums.costdb, sums.convention, sums.difference, sums.reason)
            for labels, sums in shown
        ],
        footer=(f"{left_out:,} more that differ less; --top {len(ordered)} shows all",)
        if left_out
        else (),
    )


class _Sums:
    """The numbers of some layers that part for one reason, added up."""

    def __init__(self, layers: Sequence[ExplainedLayer]) -> None:
        self.costdb = sum(layer.costdb for layer in layers)
        self.convention = sum(layer.convention for layer in layers)
        self.difference = self.convention - self.costdb
        self.reason = layers[0].reason


def _layer_rows(layers: Sequence[ExplainedLayer]) -> list[tuple[tuple[Value, ...], _Sums]]:
    return [((layer.name, layer.op, _shape(layer)), _Sums([layer])) for layer in layers]


def _op_rows(layers: Sequence[ExplainedLayer]) -> list[tuple[tuple[Value, ...], _Sums]]:
    groups: dict[tuple[str, str], list[ExplainedLayer]] = {}
    for layer in layers:
        groups.setdefault((layer.op, layer.reason), []).append(layer)
    return [((op, len(members)), _Sums(members)) for (op, _), members in groups.items()]


def _shape(layer: ExplainedLayer) -> str:
    return "?" if layer.output_shape is None else format_shape(layer.output_shape)


def explain_document(explained: Explained) -> dict[str, Any]:
    """Both totals and every layer, exact; the layers' numbers add up to the totals."""
    explanation = explained.explanation
    artifact = explained.analysis.artifact
    return {
        "schema": SCHEMA,
        "rules": explained.analysis.cost.rules,
        "artifact": {
            "path": artifact.path,
            "format": artifact.file_format,
            "framework": artifact.framework,
            "bytes": artifact.bytes,
            "structure": explained.analysis.structure_digest,
        },
        "point": explained.analysis.point,
        "convention": explanation.convention.name,
        "unit": explanation.convention.unit,
        "total": {
            "costdb": explanation.costdb_total,
            "convention": explanation.convention_total,
            "difference": explanation.difference,
        },
        "uncounted": {
            "costdb": explanation.unknown_layers,
            "convention": explanation.uncountable_layers,
        },
        "layers": [_layer(layer) for layer in explanation.layers],
    }


def _layer(layer: ExplainedLayer) -> dict[str, Any]:
    return {
        "name": layer.name,
        "op": layer.op,
        "scope": layer.scope,
        "output_shape": None if layer.output_shape is None else list(layer.output_shape),
        "costdb": layer.costdb,
        "convention": layer.convention,
        "difference": layer.difference,
        "reason": layer.reason,
    }
