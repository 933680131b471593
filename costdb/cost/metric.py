"""What a derived metric is: a number that is computed from stored ones when somebody asks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Numbers(Protocol):
    """What is read by name: the totals of a graph, or the numbers of one layer."""

    def __getitem__(self, metric: str) -> int | None:
        """A metric of `Totals`; None where there is no graph to cost."""


Derive = Callable[[Numbers], int | float | None]


@dataclass(frozen=True, slots=True)
class DerivedMetric:
    """A number that the database does not hold, since it follows from those that it does.

    Attributes:
        name: What `--metric` calls it.
        derive: Stored numbers -> the metric; None where they do not say.
        unit: What it is a number of, "FLOPs/byte"; empty for a count.
        documentation: What it says, and the formula.
    """

    name: str
    derive: Derive
    unit: str
    documentation: str = ""

    def __call__(self, numbers: Numbers) -> int | float | None:
        """The metric of a graph's totals."""
        return self.derive(numbers)


def derived_metric(*, unit: str) -> Callable[[Derive], DerivedMetric]:
    """Turn a function into a derived metric of its name; see `DerivedMetric`.

    The function's docstring is the documentation.
    """

    def decorate(derive: Derive) -> DerivedMetric:
        return DerivedMetric(derive.__name__, derive, unit, derive.__doc__ or "")

    return decorate


def ratio(part: int | None, whole: int | None) -> float | None:
    """A quotient of two numbers; None where one is not known or the divisor is 0."""
    return None if part is None or not whole else part / whole
