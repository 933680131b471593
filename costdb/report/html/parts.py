"""Parts of a model that made a change, as bars."""

from collections.abc import Sequence
from dataclasses import dataclass

from costdb.contracts import Attribution
from costdb.report.finding import signed
from costdb.report.numbers import percent
from costdb.trends.module_path import EVERYWHERE


@dataclass(frozen=True, slots=True)
class Bar:
    """How much of a change a part made.

    Attributes:
        scope: The part; empty for the whole model.
        text: What happened there.
        share: Of the whole change, as text.
        width: Of the bar, in percent of the longest.
        amount: The change, as text.
    """

    scope: str
    text: str
    share: str
    width: int
    amount: str


def bars(metric: str, parts: Sequence[Attribution], most: int) -> tuple[list[Bar], int]:
    """A bar for each of the parts that made most, and how many there are besides.

    Args:
        metric: What changed.
        parts: The largest first.
        most: How many are shown.
    """
    whole = sum(part.change for part in parts)
    largest = max((abs(part.change) for part in parts), default=0) or 1
    shown = [
        Bar(
            scope="" if part.scope == EVERYWHERE else part.scope,
            text=part.text,
            share=percent(part.change, whole),
            width=round(100 * abs(part.change) / largest),
            amount=signed(part.change, metric),
        )
        for part in parts[:most]
    ]
    return shown, len(parts[most:])
