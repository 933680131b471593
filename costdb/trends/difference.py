"""All that is different between two costs: the totals, every layer, and who made the change."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from costdb.contracts import Attribution
from costdb.cost.result import METRICS, GraphCost
from costdb.trends.alignment import Alignment, Change, Pair, align
from costdb.trends.attribution import Comparison, attribute
from costdb.trends.scopes import SUMMED_METRICS, layer_amount

# What is told of a peak, which no layer has a share of: what peaks are made of.
_STANDS_FOR_PEAKS = "activation_bytes"


@dataclass(frozen=True, slots=True)
class TotalChange:
    """One metric before and now; None where a version has no graph to cost."""

    metric: str
    old: int | None
    new: int | None

    @property
    def change(self) -> int | None:
        """The new value less the old one; None where one of them is not known."""
        return None if self.old is None or self.new is None else self.new - self.old

    @property
    def percent(self) -> float | None:
        """The change in percent of the old value; None where that is 0 or one is not known."""
        if not self.old or self.change is None:
            return None
        return float(Fraction(100 * self.change, self.old))


@dataclass(frozen=True, slots=True)
class Difference:
    """Two costs, compared.

    Attributes:
        old: The cost before.
        new: The cost now.
        alignment: Every layer of both.
        attribution: Metric -> which parts of the model changed it, the largest change first.
    """

    old: GraphCost
    new: GraphCost
    alignment: Alignment
    attribution: Mapping[str, tuple[Attribution, ...]]

    @property
    def totals(self) -> tuple[TotalChange, ...]:
        """Every metric, in the order of `Totals`."""
        return tuple(map(self.total, METRICS))

    @property
    def layers(self) -> Mapping[Change, int]:
        """How many layers each thing happened to; every kind is listed."""
        return self.alignment.counts

    def total(self, metric: str) -> TotalChange:
        """One metric of the whole model."""
        return TotalChange(metric, self.old.totals[metric], self.new.totals[metric])

    def sums(self, metric: str) -> dict[Change, int]:
        """What added, removed and changed layers add to a metric that is a sum over layers.

        With what is stored but read by no layer, which only weights have, they make the whole
        change.
        """
        kinds = (Change.ADDED, Change.REMOVED, Change.CHANGED)
        return {kind: change_of(self.alignment.of(kind), metric) for kind in kinds}


def difference(old: GraphCost, new: GraphCost, metrics: Sequence[str] = ()) -> Difference:
    """Compare two costs that were counted by the same rules, in the same view.

    Args:
        old: Before.
        new: Now.
        metrics: Whose change is attributed to parts of the model; `leading_metric` if none.
    """
    comparison = Comparison(align(old.layers, new.layers), old.view)
    return Difference(
        old,
        new,
        comparison.alignment,
        {
            metric: attribute(old, new, metric, comparison=comparison)
            for metric in metrics or (leading_metric(old, new),)
        },
    )


def leading_metric(old: GraphCost, new: GraphCost) -> str:
    """What a comparison is about if no one says: MACs, or of weights without a graph the params."""
    has_graphs = old.totals.macs is not None and new.totals.macs is not None
    return "macs" if has_graphs else "params"


def metric_of_layers(metric: str) -> str:
    """The metric that single layers are compared by: itself, unless it is a peak."""
    return metric if metric in SUMMED_METRICS else _STANDS_FOR_PEAKS


def amounts(pairs: Iterable[Pair], metric: str) -> tuple[int, int]:
    """What layers add to a summed metric, before and now."""
    olds, news = 0, 0
    for pair in pairs:
        olds += 0 if pair.old is None else layer_amount(pair.old, metric)
        news += 0 if pair.new is None else layer_amount(pair.new, metric)
    return olds, news


def change_of(pairs: Iterable[Pair], metric: str) -> int:
    """By how much layers changed a summed metric."""
    old, new = amounts(pairs, metric)
    return new - old
