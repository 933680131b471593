"""What is different between two costs, as listings and as JSON, `costdb.diff/1`."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from typing import Any

from costdb.comparing import Diff
from costdb.contracts import Attribution
from costdb.cost.document import layer_document, tensors_document
from costdb.cost.result import LayerCost
from costdb.report.analysis import METRIC_UNITS, describe_shape
from costdb.report.listing import Column, Listing, Unit, Value
from costdb.report.numbers import (
    UNKNOWN,
    format_change,
    format_column,
    format_count,
    joined,
    percent,
    quantity,
)
from costdb.sides import Costed
from costdb.trends import reasons
from costdb.trends.alignment import Change, Pair
from costdb.trends.attribution import summary
from costdb.trends.difference import TotalChange, amounts, metric_of_layers
from costdb.trends.module_path import ModulePaths
from costdb.trends.scopes import SUMMED_METRICS, TOTAL
from costdb.trends.wording import describe, resized

SCHEMA = "costdb.diff/1"

# How many parts of a model are named as the cause of one metric's change in a table.
PARTS_SHOWN = 5

# Told in the headline where the leading metric stayed what it was.
_ALSO_TOLD = ("params", "weight_bytes", "peak_memory_bytes")

# Of layers that only moved or were renamed there is nothing to tell but that.
_DESCRIBED = frozenset({Change.ADDED, Change.REMOVED, Change.CHANGED})


class Rollup(Enum):
    """How layers are listed: one by one, or those of a module or an operator together."""

    SCOPE = "scope"
    LAYER = "layer"
    OP = "op"


def headline(diff: Diff) -> str:
    """The change in a sentence: "macs +33.92 %: 89 % from decoder/* (8 new Conv)"."""
    leading = diff.metrics[0]
    total = diff.difference.total(leading)
    if total.change is None:
        return f"{leading} cannot be compared"
    if total.change:
        cause = summary(diff.difference.attribution[leading], total.change)
        return f"{leading} {_percent(total)}: {cause}"
    told = [diff.difference.total(metric) for metric in _ALSO_TOLD if metric != leading]
    others = [f"{other.metric} {_percent(other)}" for other in told if other.change]
    return ", ".join([f"{leading} unchanged at {total.new:,}", *others])


def notes(diff: Diff) -> Iterator[str]:
    """What has to be known to read the numbers: that they are lower bounds, that inputs differ."""
    old, new = diff.old, diff.new
    leading = diff.metrics[0]
    yield from filter(None, (reasons.gap(c.name, c.cost, leading, TOTAL) for c in (old, new)))
    for costed in (old, new):
        yield from reasons.lower_bounds(costed.name, costed.cost, "macs", TOTAL)
    if old.point != new.point:
        yield f"{old.name} is at the operating point {old.point}, {new.name} at {new.point}"
    yield from reasons.resized_inputs(old.inputs, new.inputs)
    yield from _other_dtypes(old, new)
    if old.file_format != new.file_format:
        yield f"{old.name} was read from {old.file_format}, {new.name} from {new.file_format}"
    if old.structure == new.structure:
        yield "both have the same structure: they cost the same, whatever layers are called"
    if diff.other_points:
        yield f"both have other operating points: --point {', '.join(diff.other_points)}"


def _other_dtypes(old: Costed, new: Costed) -> Iterator[str]:
    before = {tensor.name: tensor.dtype for tensor in old.inputs}
    for tensor in new.inputs:
        was = before.get(tensor.name)
        if was and tensor.dtype and was is not tensor.dtype:
            yield f"input {tensor.name} is {tensor.dtype.value}, was {was.value}"


def diff_listings(
    diff: Diff, by: Rollup, top: int | None, *, with_unchanged: bool = False
) -> Iterator[Listing]:
    """What a person reads: the headline and all totals, who changed them, then the layers.

    Args:
        diff: What to show.
        by: How to roll the layers up.
        top: How many rows of layers; None for all.
        with_unchanged: Whether to list layers to which nothing happened, too.
    """
    yield diff_totals(diff)
    for metric, parts in diff.difference.attribution.items():
        if parts:
            yield _parts(metric, parts)
    listing = layers_listing(diff, by, top, with_unchanged=with_unchanged)
    if listing.rows:
        yield listing


def diff_totals(diff: Diff) -> Listing:
    """Every total of both, under the headline."""
    layers = _told(diff.difference.layers)
    return Listing(
        (
            Column("total"),
            Column(diff.old.name, Unit.WRITTEN),
            Column(diff.new.name, Unit.WRITTEN),
            Column("change", Unit.WRITTEN),
            Column("percent", Unit.WRITTEN),
        ),
        [(total.metric, *_written(total), _percent(total)) for total in diff.difference.totals],
        title=headline(diff),
        footer=(f"layers: {layers or 'none'}", *notes(diff)),
    )


def _written(total: TotalChange) -> tuple[str, str, str]:
    """Old, new and the change between them; all digits where rounding would hide it."""
    suffix = "B" if METRIC_UNITS[total.metric] is Unit.BYTES else ""
    old, new = format_column([total.old, total.new], suffix)
    if total.change is None or total.old is None or total.new is None:
        return old, new, UNKNOWN
    is_hidden = format_count(total.old, suffix) == format_count(total.new, suffix)
    written = f"{abs(total.change):,}" if is_hidden else format_count(abs(total.change), suffix)
    sign = "+" if total.change > 0 else "-" if total.change else ""
    return old, new, f"{sign}{written}"


def _percent(total: TotalChange) -> str:
    if total.old is None or total.new is None:
        return UNKNOWN
    return format_change(total.old, total.new)


def _parts(metric: str, parts: Sequence[Attribution]) -> Listing:
    whole = sum(part.change for part in parts)
    rest = parts[PARTS_SHOWN:]
    return Listing(
        (
            Column("share", Unit.WRITTEN),
            Column("change", Unit.WRITTEN),
            Column("part"),
            Column("what happened"),
        ),
        [
            (percent(part.change, whole), f"{part.change:+,}", part.scope, part.text)
            for part in parts[:PARTS_SHOWN]
        ],
        title=f"who changed {metric}",
        footer=(f"{quantity(len(rest), 'smaller part')} more; --format json lists them",)
        if rest
        else (),
    )


def layers_listing(
    diff: Diff, by: Rollup, top: int | None = None, *, with_unchanged: bool = False
) -> Listing:
    """Layers or groups of layers, those first that changed the leading metric most.

    Args:
        diff: Whose layers.
        by: How to group them.
        top: How many rows; None for all.
        with_unchanged: Whether to list those to which nothing happened, too.
    """
    ordered = layer_groups(diff, by, with_unchanged=with_unchanged)
    shown = ordered[:top]
    left_out = len(ordered) - len(shown)
    listing = groups_listing(diff, by, shown)
    if not left_out:
        return listing
    return replace(listing, footer=(f"{left_out:,} more that changed less; --top 0 shows all",))


def layer_groups(diff: Diff, by: Rollup, *, with_unchanged: bool = False) -> list[list[Pair]]:
    """Layers that are listed together, those first that changed the leading metric most.

    Args:
        diff: Whose layers.
        by: How to group them.
        with_unchanged: Whether to list those to which nothing happened, too.
    """
    groups = _groups(diff, by)
    if not with_unchanged:
        groups = [pairs for pairs in groups if not all(map(_is_unchanged, pairs))]
    leading = metric_of_layers(diff.metrics[0])
    return sorted(groups, key=lambda pairs: -abs(_change(amounts(pairs, leading))))


def groups_listing(diff: Diff, by: Rollup, groups: Sequence[list[Pair]]) -> Listing:
    """A row for each group of `layer_groups`."""
    metrics = tuple(dict.fromkeys(map(metric_of_layers, diff.metrics)))
    sums = [[amounts(pairs, metric) for metric in metrics] for pairs in groups]
    numbers = [
        Column(f"{which}{metric}", unit)
        for metric in metrics
        for which, unit in (
            ("old ", Unit.EXACT),
            ("new ", Unit.EXACT),
            ("change of ", Unit.CHANGE),
        )
    ]
    return Listing(
        (*_headings(by), *numbers, Column("what happened")),
        [
            (
                *_labels(by, pairs),
                *(number for sum_ in sums_ for number in (*sum_, _change(sum_))),
                _happened(pairs, metrics[0]),
            )
            for pairs, sums_ in zip(groups, sums, strict=True)
        ],
        title=f"changes by {by.value}",
    )


def _groups(diff: Diff, by: Rollup) -> list[list[Pair]]:
    """Layers that are listed together, in the order of the graph."""
    pairs = diff.difference.alignment.pairs
    if by is Rollup.LAYER:
        return [[pair] for pair in pairs]
    paths = ModulePaths(pairs)
    groups: dict[object, list[Pair]] = {}
    for pair in pairs:
        label = paths.path(pair) if by is Rollup.SCOPE else pair.layer.op
        groups.setdefault(label, []).append(pair)
    return list(groups.values())


def _is_unchanged(pair: Pair) -> bool:
    return pair.change is Change.UNCHANGED


def _change(sums: tuple[int, int]) -> int:
    old, new = sums
    return new - old


def _headings(by: Rollup) -> tuple[Column, ...]:
    if by is Rollup.LAYER:
        return (Column("layer"), Column("op"), Column("output"))
    return (Column(by.value), Column("layers", Unit.EXACT))


def _labels(by: Rollup, pairs: Sequence[Pair]) -> tuple[Value, ...]:
    layer = pairs[0].layer
    if by is Rollup.LAYER:
        return _layer_labels(pairs[0])
    return (layer.scope or "(top)") if by is Rollup.SCOPE else layer.op, len(pairs)


def _layer_labels(pair: Pair) -> tuple[str, str, str]:
    """Name, operator and output of a layer, each as it was and as it is where it changed."""
    layers = [layer for layer in (pair.old, pair.new) if layer is not None]
    names = dict.fromkeys(map(_path, layers))
    ops = dict.fromkeys(layer.op for layer in layers)
    shapes = [layer.output_shapes[0] if layer.output_shapes else None for layer in layers]
    was, now = shapes[0], shapes[-1]
    output = describe_shape(now) if was == now else resized(was, now)
    return " -> ".join(names), " -> ".join(ops), output


def _path(layer: LayerCost) -> str:
    """A layer's name; behind its module, if the name does not tell that itself."""
    is_told = layer.scope in layer.name
    return layer.name if is_told else "/".join(filter(None, (layer.scope, layer.name)))


def _happened(pairs: Sequence[Pair], metric: str) -> str:
    """In words: "8 new Conv, 2 renamed"."""
    told = [(pair, _change(amounts([pair], metric))) for pair in pairs if pair.change in _DESCRIBED]
    counted = Counter(pair.change for pair in pairs if pair.change not in _DESCRIBED)
    return joined((describe(told) if told else "", _told(counted)))


def _told(counts: Mapping[Change, int]) -> str:
    """Numbers of layers: "8 added, 154 unchanged"."""
    return joined(f"{counts[kind]:,} {kind.value}" for kind in Change if counts.get(kind))


def diff_document(diff: Diff, *, with_unchanged: bool = False) -> dict[str, Any]:
    """Both sides, all totals and every layer to which something happened, exact.

    Args:
        diff: What to write.
        with_unchanged: Whether to list the other layers, too.
    """
    difference = diff.difference
    return {
        "schema": SCHEMA,
        "headline": headline(diff),
        "rules": diff.new.cost.rules,
        "view": diff.new.cost.view.value,
        "old": _side_document(diff.old),
        "new": _side_document(diff.new),
        "notes": list(notes(diff)),
        "totals": {
            total.metric: {
                "old": total.old,
                "new": total.new,
                "change": total.change,
                "percent": total.percent,
            }
            for total in difference.totals
        },
        "attribution": {metric: _attribution_document(diff, metric) for metric in diff.metrics},
        "counts": {kind.value: number for kind, number in difference.layers.items()},
        "layers": [
            {
                "change": pair.change.value,
                "old": None if pair.old is None else layer_document(pair.old),
                "new": None if pair.new is None else layer_document(pair.new),
            }
            for pair in difference.alignment.pairs
            if with_unchanged or not _is_unchanged(pair)
        ],
    }


def _side_document(costed: Costed) -> dict[str, Any]:
    return {
        "name": costed.name,
        "point": costed.point,
        "format": costed.file_format,
        "structure": costed.structure,
        "inputs": tensors_document(costed.inputs),
        "unknown_ops": dict(costed.cost.unknown_ops),
    }


def _attribution_document(diff: Diff, metric: str) -> dict[str, Any]:
    """Who changed a metric: parts of the model, and kinds of changes; both add up to the change."""
    whole = diff.difference.total(metric).change
    sums = diff.difference.sums(metric) if metric in SUMMED_METRICS else None
    kinds = None
    if sums is not None and whole is not None:
        kinds = {kind.value: number for kind, number in sums.items()}
        kinds["unread"] = whole - sum(sums.values())
    return {
        "parts": [
            {
                "scope": part.scope,
                "change": part.change,
                "share": part.change / whole if whole else 0.0,
                "text": part.text,
            }
            for part in diff.difference.attribution[metric]
        ],
        "kinds": kinds,
    }
