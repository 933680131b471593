"""The history of models as a page: a plot for each metric, and the numbers behind it."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from costdb.report.history import history_listings, told, value_of
from costdb.report.html.figure import figure, metric_plot, with_changes
from costdb.report.html.page import page
from costdb.store.records import Series


def history_page(series: Sequence[Series], metrics: Sequence[str], *, made_at: datetime) -> str:
    """A page with a section for each model.

    Args:
        series: Of one model after the other.
        metrics: Of each, in this order.
        made_at: The time that the page gives.

    Raises:
        ConfigurationError: Jinja2 is not installed.
    """
    models = [
        _model(name, list(lines), metrics)
        for name, lines in groupby(series, key=lambda line: line.model)
    ]
    if len(models) == 1:
        title = f"What {models[0]['name']} costs, version after version"
    else:
        title = f"What {len(models)} models cost, version after version"
    return page("history.html", made_at, title=title, models=models)


def _model(name: str, lines: Sequence[Series], metrics: Sequence[str]) -> dict[str, Any]:
    return {
        "name": name,
        "summary": _summary(lines, metrics),
        "figures": [figure(metric, with_changes(metric_plot(lines, metric))) for metric in metrics],
        "tables": list(history_listings(lines, metrics)),
    }


def _summary(lines: Sequence[Series], metrics: Sequence[str]) -> str:
    """How many versions there are, and how the metrics of the first line went in all."""
    tags = {version.ordinal: version.tag for line in lines for version in line.versions}
    if len(tags) == 1:
        return "1 version"
    ends = f"{len(tags):,} versions, {tags[min(tags)]} to {tags[max(tags)]}"
    moved: list[str] = []
    for metric in metrics:
        values = [value_of(version, metric) for version in lines[0].versions]
        known = [value for value in values if value is not None]
        if known:
            moved.append(f"{metric} {told(metric, known)}")
    return f"{ends}: {'; '.join(moved)}" if moved else ends
