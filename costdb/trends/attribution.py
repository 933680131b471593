"""Which parts of a model made a change."""

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property

from costdb.contracts import Attribution
from costdb.cost.result import GraphCost, LayerCost, View
from costdb.trends.alignment import Alignment, Pair, align
from costdb.trends.input_size import InputSize, input_size
from costdb.trends.module_path import EVERYWHERE, ModulePaths, Path, label
from costdb.trends.scopes import TOTAL, amount, layer_amount, selects
from costdb.trends.wording import describe

# Stands for what a file stores although no layer reads it.
UNREAD = "unread weights"

# How many parts a summary names.
PARTS_NAMED = 3

# Of more parts than this, those that make less than a tenth of the change are told as one.
MOST_PARTS = 8

# What the layers of one part have in common: the model's input, a module, or else a name.
_Part = InputSize | Path | str
_Changes = list[tuple[Pair, int]]

# The part of all that is too small to be one; every module has a longer path.
_SMALL: Path = ()


def attribute(
    old: GraphCost,
    new: GraphCost,
    metric: str,
    *,
    scope: str = TOTAL,
    comparison: "Comparison | None" = None,
) -> tuple[Attribution, ...]:
    """Say which parts of a model made a metric change, and by how much.

    A part is a module path, with `/*` for what lies below it; layers without one stand under their
    names. Layers that changed only because the model's inputs have another size are one part,
    `*`. Where many parts changed, the small ones are told as one, under the path that they have in
    common, or `*`. The change of a peak stands under the layer that it occurs at.

    Args:
        old: The cost before.
        new: The cost now.
        metric: A metric of `Totals`.
        scope: The part of the model that is looked at; see `costdb.trends.scopes`.
        comparison: Of the layers of both; made here if not given.

    Returns:
        Integers that add up to the change exactly, the largest first, of equal ones in the order
        of the graph. Nothing if nothing changed, or if a version has no graph to cost.
    """
    before, after = amount(old, metric, scope), amount(new, metric, scope)
    if before is None or after is None or before == after:
        return ()
    compared = comparison or Comparison(align(old.layers, new.layers), old.view)
    change = after - before
    if metric == "peak_activation_bytes":
        parts = [compared.peak(old, new, change)]
    elif metric == "peak_memory_bytes":
        weights = new.totals.weight_bytes - old.totals.weight_bytes
        parts = compared.sums("weight_bytes", scope, weights)
        parts.append(compared.peak(old, new, change - weights))
    else:
        parts = compared.sums(metric, scope, change)
    # Sorting keeps the order of what is equal.
    return tuple(sorted((part for part in parts if part.change), key=lambda p: -abs(p.change)))


def summary(attribution: Sequence[Attribution], total_change: int) -> str:
    """One line: "71 % from decoder/* (8 new Conv), 20 % from input 224 -> 256".

    Args:
        attribution: The parts, the largest first.
        total_change: What they add up to; shares are of it. Of 0, amounts are written instead.
    """
    named = [
        f"{_share(part.change, total_change)} from {_name(part)}"
        for part in attribution[:PARTS_NAMED]
    ]
    rest = attribution[PARTS_NAMED:]
    if rest:
        left = _share(sum(part.change for part in rest), total_change)
        named.append(f"{left} from {len(rest)} other part{'s' if len(rest) > 1 else ''}")
    return ", ".join(named)


class Comparison:
    """Two versions, layer by layer: what attributions of several metrics have in common."""

    def __init__(self, alignment: Alignment, view: View) -> None:
        """Look at what became of the layers.

        Args:
            alignment: Of the layers of both.
            view: In which both were costed.
        """
        self.alignment = alignment
        self.pairs = alignment.pairs
        self.view = view

    @cached_property
    def paths(self) -> ModulePaths:
        """Where the layers lie."""
        return ModulePaths(self.pairs)

    @cached_property
    def input(self) -> InputSize | None:
        """The model's input that has another shape; None where none is seen to have."""
        return input_size(self.pairs) if self.view is View.DEPLOYED else None

    def sums(self, metric: str, scope: str, change: int) -> list[Attribution]:
        """The parts of a change that is a sum over layers, in the order of the graph."""
        parts: dict[_Part, _Changes] = {}
        for position, pair in enumerate(self.pairs):
            difference = _share_of(pair.new, metric, scope) - _share_of(pair.old, metric, scope)
            if difference:
                parts.setdefault(self._part(position, pair), []).append((pair, difference))
        if len(parts) > MOST_PARTS:
            parts = _with_small_ones_together(parts)
        found = [self._attribution(part, changes) for part, changes in parts.items()]
        rest = change - sum(part.change for part in found)
        return [*found, Attribution(UNREAD, rest, "stored, but read by no layer")]

    def peak(self, old: GraphCost, new: GraphCost, change: int) -> Attribution:
        """The change of the height of the peak of activations."""
        was, now = _peak_layer(old), _peak_layer(new)
        same = next((pair.old for pair in self.pairs if pair.new is now), None)
        words = ["activation peak"]
        if was is not None and now is not None and same is not was:
            words.append(f"was at {_name_of(was)}")
        if self.input is not None:
            words.append(self.input.text)
        layer = now or was
        return Attribution(_name_of(layer) if layer else EVERYWHERE, change, ", ".join(words))

    def _part(self, position: int, pair: Pair) -> _Part:
        if self.input is not None and self.input.explains(position, pair):
            return self.input
        path = self.paths.path(pair)
        return self.paths.part(path) if path else _name_of(pair.layer)

    def _attribution(self, part: _Part, changes: _Changes) -> Attribution:
        change = _sum(changes)
        if isinstance(part, InputSize):
            return Attribution(EVERYWHERE, change, part.text)
        if isinstance(part, str):
            return Attribution(part, change, describe(changes))
        where = label(self.paths.path(pair) for pair, _ in changes)
        return Attribution(where, change, describe(changes))


def _with_small_ones_together(parts: dict[_Part, _Changes]) -> dict[_Part, _Changes]:
    whole = sum(abs(_sum(changes)) for changes in parts.values())
    merged: dict[_Part, _Changes] = {}
    for part, changes in parts.items():
        is_small = 10 * abs(_sum(changes)) < whole and not isinstance(part, InputSize)
        merged.setdefault(_SMALL if is_small else part, []).extend(changes)
    return merged


def _sum(changes: _Changes) -> int:
    return sum(difference for _, difference in changes)


def _share_of(layer: LayerCost | None, metric: str, scope: str) -> int:
    """What a layer adds to a part of the model."""
    return layer_amount(layer, metric) if layer is not None and selects(scope, layer) else 0


def _peak_layer(cost: GraphCost) -> LayerCost | None:
    """The first layer at which the most activations live."""
    return max(cost.layers, key=lambda layer: layer.live_bytes, default=None)


def _name_of(layer: LayerCost) -> str:
    return layer.name or layer.op


def _share(change: int, total: int) -> str:
    if not total:
        return f"{change:+,}"
    percent = Fraction(100 * change, total)
    if 0 < abs(percent) < Fraction(1, 2):
        return "under 1 %"
    return f"{round(percent)} %"


def _name(part: Attribution) -> str:
    return part.text if part.scope == EVERYWHERE else f"{part.scope} ({part.text})"
