"""Metrics over versions as figures of a page."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import nlargest
from itertools import pairwise
from typing import TYPE_CHECKING

from costdb.cost.result import METRICS
from costdb.report.finding import suffix
from costdb.report.history import value_of
from costdb.report.numbers import format_change
from costdb.report.plot import Bound, Line, Mark, Plot, svg
from costdb.store.records import Series

if TYPE_CHECKING:
    from markupsafe import Markup

# A derived metric need not be whole.
_PARTS_OF_A_RATIO = 1_000_000

# Changes of a version that are written beside a line: the largest ones of at least this share.
_WORTH_A_LABEL = _PARTS_OF_A_RATIO // 20
_LABELS = 3


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing with its caption and the names of its lines, if there are several."""

    caption: str
    svg: "Markup"
    legend: tuple[str, ...]


def figure(caption: str, drawn: Plot) -> Figure:
    """A drawing as a part of a page."""
    from markupsafe import Markup  # noqa: PLC0415 - comes with Jinja2

    # The drawing has escaped what it says.
    return Figure(caption, Markup(svg(drawn)), tuple(line.name for line in drawn.lines))  # noqa: S704


def metric_plot(series: Sequence[Series], metric: str, bounds: Sequence[Bound] = ()) -> Plot:
    """One metric of one model: a line for each operating point and branch; equal ones are one.

    Args:
        series: Of the model.
        metric: A stored or derived metric.
        bounds: Levels to draw with it.
    """
    tags = {version.ordinal: version.tag for line in series for version in line.versions}
    positions = {ordinal: position for position, ordinal in enumerate(sorted(tags))}
    parts = 1 if metric in METRICS else _PARTS_OF_A_RATIO
    names: dict[tuple[tuple[int, int | None], ...], list[str]] = {}
    for line in series:
        points = tuple(
            (positions[version.ordinal], _drawn(value_of(version, metric), parts))
            for version in line.versions
        )
        names.setdefault(points, []).append(line_name(line, series))
    lines = [Line("; ".join(same), points) for points, same in names.items()]
    title = f"{metric} of {series[0].model}" if series else metric
    versions = tuple(tags[ordinal] for ordinal in positions)
    return Plot(title, suffix(metric), versions, tuple(lines), tuple(bounds), parts=parts)


def _drawn(value: float | None, parts: int) -> int | None:
    """A value in the parts of 1 that a drawing counts in; integers stay exact."""
    return None if value is None else round(value * parts)


def with_changes(drawn: Plot) -> Plot:
    """The drawing with the largest changes from one version to the next written beside it."""
    found: list[tuple[int, int, int, int]] = []
    for line in drawn.lines:
        known = [(position, value) for position, value in line.points if value is not None]
        for (_, old), (position, new) in pairwise(known):
            share = _PARTS_OF_A_RATIO * abs(new - old) // (old or 1)
            if share >= _WORTH_A_LABEL:
                found.append((share, -position, old, new))
    marks = [
        Mark(-place, new, format_change(old, new), "change")
        for _, place, old, new in nlargest(_LABELS, found)
    ]
    return replace(drawn, marks=tuple(marks))


def line_name(line: Series, beside: Sequence[Series]) -> str:
    """What tells a line from the others of its model: its operating point, its branch or both."""
    parts = [
        line.point if len({other.point for other in beside}) > 1 else "",
        line.branch if len({other.branch for other in beside}) > 1 else "",
    ]
    return ", ".join(filter(None, parts)) or line.model
