"""The history of models as listings and as JSON, `costdb.history/1`."""

from collections.abc import Iterator, Sequence
from typing import Any

from costdb.cost.result import METRICS, Totals
from costdb.report.analysis import METRIC_UNITS
from costdb.report.listing import Column, Listing, Unit, Value
from costdb.report.numbers import format_change
from costdb.store.records import Series, SeriesPoint

SCHEMA = "costdb.history/1"


def history_document(series: Sequence[Series]) -> dict[str, Any]:
    """All metrics of all versions, exact."""
    return {
        "schema": SCHEMA,
        "series": [
            {
                "model": line.model,
                "point": line.point,
                "branch": line.branch,
                "versions": [_version_document(version) for version in line.versions],
            }
            for line in series
        ],
    }


def _version_document(version: SeriesPoint) -> dict[str, Any]:
    return {
        "tag": version.tag,
        "ordinal": version.ordinal,
        "ingested_at": version.ingested_at.isoformat(),
        "git_sha": version.git_sha,
        "rules": version.rules,
        "structure": version.structure_digest,
        "totals": None if version.totals is None else _totals_document(version.totals),
    }


def _totals_document(totals: Totals) -> dict[str, int | None]:
    return {metric: totals[metric] for metric in METRICS}


def history_listings(series: Sequence[Series], metrics: Sequence[str]) -> Iterator[Listing]:
    """A table for each series: a row a version, each metric with its change."""
    for line in series:
        columns = [Column("tag"), Column("ingested (UTC)")]
        for metric in metrics:
            columns += [Column(metric, METRIC_UNITS[metric]), Column("change", Unit.WRITTEN)]
        yield Listing(
            tuple(columns),
            list(_rows(line.versions, metrics)),
            title=_title(line),
            footer=tuple(_notes(line.versions)),
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
                *(version.totals[metric] if version.totals else None for metric in metrics),
            )
            for line in series
            for version in line.versions
        ],
    )


def _title(line: Series) -> str:
    details = [
        line.point if line.point != "default" else "",
        line.branch if line.branch != "main" else "",
    ]
    shown = ", ".join(filter(None, details))
    return f"{line.model} ({shown})" if shown else line.model


def _rows(versions: Sequence[SeriesPoint], metrics: Sequence[str]) -> Iterator[tuple[Value, ...]]:
    before: Totals | None = None
    for version in versions:
        cells: list[Value] = [version.tag, f"{version.ingested_at:%Y-%m-%d %H:%M}"]
        for metric in metrics:
            value = version.totals[metric] if version.totals else None
            old = before[metric] if before else None
            cells += [value, "" if value is None or old is None else format_change(old, value)]
        yield tuple(cells)
        before = version.totals or before


def _notes(versions: Sequence[SeriesPoint]) -> Iterator[str]:
    unknown = [version.tag for version in versions if version.is_lower_bound]
    if unknown:
        yield f"lower bounds, since some layers have no counting rule: {', '.join(unknown)}"
    stale = [version.tag for version in versions if version.totals is None]
    if stale:
        yield f"counted by other rules, not comparable: {', '.join(stale)}"
