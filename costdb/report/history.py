"""The history of models as listings and as JSON, `costdb.history/1`."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import groupby
from textwrap import indent
from typing import Any

from costdb.cost.metrics import derived_metrics
from costdb.cost.result import METRICS, Totals
from costdb.report import escape
from costdb.report.analysis import METRIC_UNITS
from costdb.report.listing import Column, Listing, Unit, Value
from costdb.report.numbers import UNKNOWN, format_change, format_column, format_ratio
from costdb.report.sparkline import Number, Pen, sparkline
from costdb.report.text import comma_separated
from costdb.store.records import Series, SeriesPoint

SCHEMA = "costdb.history/1"

# Of more tags than twice this, a note lists the first and the last ones.
_TAGS_LISTED = 5


def history_document(series: Sequence[Series], metrics: Sequence[str] = ()) -> dict[str, Any]:
    """All stored metrics of all versions, exact, and those derived ones that are asked for."""
    derived = _derived(metrics)
    return {"schema": SCHEMA, "series": [_series_document(line, derived) for line in series]}


def _derived(metrics: Iterable[str]) -> list[str]:
    return [metric for metric in metrics if metric not in METRICS]


def _series_document(line: Series, derived: Sequence[str]) -> dict[str, Any]:
    return {
        "model": line.model,
        "point": line.point,
        "branch": line.branch,
        "versions": [_version_document(version, derived) for version in line.versions],
    }


def _version_document(version: SeriesPoint, derived: Sequence[str]) -> dict[str, Any]:
    return {
        "tag": version.tag,
        "ordinal": version.ordinal,
        "ingested_at": version.ingested_at.isoformat(),
        "git_sha": version.git_sha,
        "archived": version.is_archived,
        "rules": version.rules,
        "structure": version.structure_digest,
        "totals": None if version.totals is None else _totals_document(version.totals),
        "derived": {metric: value_of(version, metric) for metric in derived},
    }


def _totals_document(totals: Totals) -> dict[str, int | None]:
    return {metric: totals[metric] for metric in METRICS}


def value_of(version: SeriesPoint, metric: str) -> Number | None:
    """A stored or derived metric of a version; None where it has to be recosted first."""
    if version.totals is None:
        return None
    if metric in METRICS:
        return version.totals[metric]
    return derived_metrics()[metric](version.totals)


def history_json(pieces: Iterable[Series], metrics: Sequence[str] = ()) -> Iterator[str]:
    """The text of `history_document`, bit by bit, however long it is.

    Args:
        pieces: Of series, those of one after each other.
        metrics: As in `history_document`.
    """
    start = f'{{\n  "schema": "{SCHEMA}",\n  "series": ['
    series = groupby(pieces, key=lambda piece: (piece.model, piece.point, piece.branch))
    for number, (key, parts) in enumerate(series):
        empty = escape.json_text(_series_document(Series(*key, versions=()), ()))
        head, bracket, tail = empty.rpartition("]")
        yield ("," if number else start) + indent(f"\n{head}", " " * 4)
        versions = (version for part in parts for version in part.versions)
        for place, version in enumerate(versions):
            written = escape.json_text(_version_document(version, _derived(metrics)))
            yield ("," if place else "") + indent(f"\n{written}", " " * 8)
        yield f"\n{' ' * 6}{bracket}" + indent(tail, " " * 4)
        start = ""
    yield f"{start}]\n}}" if start else "\n  ]\n}"


def history_csv(pieces: Iterable[Series], metrics: Sequence[str]) -> Iterator[str]:
    """The text of `history_rows` as CSV, bit by bit, however long it is."""
    head = comma_separated(history_rows((), metrics))
    is_begun = False
    for piece in pieces:
        rows = comma_separated(history_rows([piece], metrics))
        yield rows.removeprefix(head) if is_begun else rows
        is_begun = True
    if not is_begun:
        yield head


def history_listings(
    series: Sequence[Series], metrics: Sequence[str], pen: Pen | None = None
) -> Iterator[Listing]:
    """A table for each series: a row a version, each metric with its change.

    Args:
        series: What to show.
        metrics: In this order.
        pen: Draws changes between the rows, at the version that made them, and a sparkline for each
            metric; without one, a change stands in the row of its version.
    """
    for line in series:
        columns = [Column("tag"), Column("ingested (UTC)")]
        for metric in metrics:
            columns += [Column(metric, _unit(metric)), Column("change", Unit.WRITTEN)]
        rows = _rows(line.versions, metrics) if pen is None else _drawn(line.versions, metrics, pen)
        sparklines = () if pen is None else _sparklines(line.versions, metrics, pen)
        yield Listing(
            tuple(columns),
            list(rows),
            title=_title(line),
            footer=(*sparklines, *_notes(line.versions)),
        )


def history_rows(series: Sequence[Series], metrics: Sequence[str]) -> Listing:
    """All series below each other, for CSV."""
    headings = ("model", "point", "branch", "tag", "ordinal", "ingested_at", *metrics)
    return Listing(
        tuple(map(Column, headings)),
        [
            (
                line.model,
                line.point,
                line.branch,
                version.tag,
                version.ordinal,
                version.ingested_at.isoformat(),
                *(value_of(version, metric) for metric in metrics),
            )
            for line in series
            for version in line.versions
        ],
    )


def _unit(metric: str) -> Unit:
    return METRIC_UNITS.get(metric, Unit.RATIO)


def _title(line: Series) -> str:
    details = [
        line.point if line.point != "default" else "",
        line.branch if line.branch != "main" else "",
    ]
    shown = ", ".join(filter(None, details))
    return f"{line.model} ({shown})" if shown else line.model


def _rows(versions: Sequence[SeriesPoint], metrics: Sequence[str]) -> Iterator[tuple[Value, ...]]:
    for version, changes in _steps(versions, metrics):
        yield _row(version, metrics, changes)


def _drawn(
    versions: Sequence[SeriesPoint], metrics: Sequence[str], pen: Pen
) -> Iterator[tuple[Value, ...]]:
    """A row a version; between two that differ, a line that says what the later one changed."""
    for version, changes in _steps(versions, metrics):
        if any(changes):
            yield ("", "", *(cell for change in changes for cell in _between(change, pen)))
        yield _row(version, metrics, [""] * len(metrics))


def _between(change: str, pen: Pen) -> tuple[str, str]:
    """The rule under a metric that changed, and by how much."""
    if not change:
        return "", ""
    return pen.rule * 6, f"{pen.down if change.startswith('-') else pen.up} {change}"


def _row(version: SeriesPoint, metrics: Sequence[str], changes: Sequence[str]) -> tuple[Value, ...]:
    cells = [
        cell
        for metric, change in zip(metrics, changes, strict=True)
        for cell in (value_of(version, metric), change)
    ]
    tag = f"{version.tag} (archived)" if version.is_archived else version.tag
    return (tag, f"{version.ingested_at:%Y-%m-%d %H:%M}", *cells)


def _steps(
    versions: Sequence[SeriesPoint], metrics: Sequence[str]
) -> Iterator[tuple[SeriesPoint, list[str]]]:
    """Each version, and the changes of the metrics since the one before that was costed."""
    before: SeriesPoint | None = None
    for version in versions:
        yield version, [step(before, version, metric) for metric in metrics]
        before = version if version.totals else before


def step(before: SeriesPoint | None, version: SeriesPoint, metric: str) -> str:
    """The change of a metric; empty where there is none, or nothing to compare with."""
    old = None if before is None else value_of(before, metric)
    new = value_of(version, metric)
    return "" if old is None or new is None or old == new else _change(old, new)


def _change(old: Number, new: Number) -> str:
    if isinstance(old, int) and isinstance(new, int):
        return format_change(old, new)
    if not old:
        return f"new (0 -> {format_ratio(new)})"
    percent = 100 * (Fraction(new) - Fraction(old)) / abs(Fraction(old))
    return f"{float(percent):+,.2f} %"


def _sparklines(versions: Sequence[SeriesPoint], metrics: Sequence[str], pen: Pen) -> Iterator[str]:
    """A line for each metric: how it went, where it started, where it is, the change in all."""
    longest = max(map(len, metrics), default=0)
    for metric in metrics:
        values = [value_of(version, metric) for version in versions]
        known = [value for value in values if value is not None]
        if len(known) > 1:
            words = told(metric, known)
            yield f"{metric:<{longest}}  {sparkline(values, pen)}  {words}"


def told(metric: str, values: Sequence[Number]) -> str:
    """Where a metric started and where it is: "1.81 G -> 4.09 G, +125.41 %"."""
    first, last = values[0], values[-1]
    if first == last:
        is_flat = all(value == last for value in values)
        return f"{written_value(metric, last)}, {'unchanged' if is_flat else 'as at the start'}"
    if isinstance(first, int) and isinstance(last, int):
        suffix = "B" if _unit(metric) is Unit.BYTES else ""
        start, end = format_column([first, last], suffix)
    else:
        start, end = format_ratio(first), format_ratio(last)
    return f"{start} -> {end}, {_change(first, last)}"


def written_value(metric: str, value: Number | None) -> str:
    """A value of a metric as a person reads it: 4.09 G, 102.55 MB, 12.35."""
    if value is None:
        return UNKNOWN
    if isinstance(value, int):
        return format_column([value], "B" if _unit(metric) is Unit.BYTES else "")[0]
    return format_ratio(value)


def _notes(versions: Sequence[SeriesPoint]) -> Iterator[str]:
    unknown = [version.tag for version in versions if version.is_lower_bound]
    if unknown:
        yield f"lower bounds, since some layers have no counting rule: {_listed(unknown)}"
    stale = [version.tag for version in versions if version.totals is None]
    if stale:
        yield f"counted by other rules, not comparable: {_listed(stale)}; run: costdb recost"


def _listed(tags: Sequence[str]) -> str:
    """Tags in a line; of many, the first and the last few."""
    if len(tags) <= 2 * _TAGS_LISTED:
        return ", ".join(tags)
    ends = [*tags[:_TAGS_LISTED], "...", *tags[-_TAGS_LISTED:]]
    return f"{', '.join(ends)} ({len(tags):,} versions)"
