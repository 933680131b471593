"""The first page: every model with its latest costs, and whether anything is wrong with it."""

from collections.abc import Collection, Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import Engine

from costdb.contracts import Finding
from costdb.report.finding import WORSE, tally
from costdb.report.history import step, value_of, written_value
from costdb.report.html.trend import trend
from costdb.server.access import Reader, Visitor
from costdb.server.pages.metrics import LEADING, check_metric, shown_metrics
from costdb.server.pages.rendering import page
from costdb.server.service import Serving
from costdb.store import browsing
from costdb.store.browsing import Head, ListedModel
from costdb.store.history import history
from costdb.store.records import Series, TokenScope

router = APIRouter()

_MODELS_SHOWN = 50

# How many versions a trend is drawn over.
_VERSIONS_DRAWN = 40

# What stands in columns of its own besides the metric that is asked for.
_ALSO_SHOWN = ("params", "peak_memory_bytes")


@router.get("/")
def models(
    *,
    request: Request,
    service: Serving,
    visitor: Reader,
    q: str = "",
    after: str = "",
    metric: str = LEADING,
) -> Response:
    """The models whose names hold a text, a page at a time by name."""
    check_metric(metric)
    engine = service.engine
    found = [model for model in browsing.listed_models(engine) if _is_wanted(model, q, visitor)]
    rest = [model for model in found if model.name > after]
    shown = rest[:_MODELS_SHOWN]
    names = [model.name for model in shown]
    heads = browsing.heads(engine, names)
    lines = _lines(engine, heads)
    found_wrong = _findings(engine, names)
    others = tuple(name for name in _ALSO_SHOWN if name != metric)
    return page(
        request,
        visitor,
        "models.html",
        q=q,
        metric=metric,
        metrics=shown_metrics(),
        others=others,
        found=len(found),
        is_first=len(rest) == len(found),
        following=shown[-1].name if len(rest) > len(shown) else "",
        rows=[
            _row(model, heads.get(model.name), lines.get(model.name), (metric, *others))
            | {"findings": tally(found_wrong[model.name])}
            for model in shown
        ],
    )


def _is_wanted(model: ListedModel, q: str, visitor: Visitor) -> bool:
    texts = (model.name, model.description, *model.former_names)
    is_meant = not q or any(q.casefold() in text.casefold() for text in texts)
    return is_meant and visitor.may(TokenScope.READ, model.name)


def _lines(engine: Engine, heads: dict[str, Head]) -> dict[str, Series]:
    """The last versions of models, on the branch of the latest one, at their first point."""
    lines: dict[str, Series] = {}
    by_branch: dict[str, list[str]] = {}
    for name, head in heads.items():
        by_branch.setdefault(head.branch, []).append(name)
    for branch, names in by_branch.items():
        for series in history(engine, *names, branch=branch, last=_VERSIONS_DRAWN):
            lines.setdefault(series.model, series)
    return lines


def _findings(engine: Engine, names: Collection[str]) -> dict[str, list[Finding]]:
    """What is wrong with models, as their last kept runs found."""
    found: dict[str, list[Finding]] = {name: [] for name in names}
    for run in browsing.last_runs(engine, subjects=names, verdicts=WORSE):
        found[run.subject] += (one for one in run.findings if one.verdict in WORSE)
    return found


def _row(
    model: ListedModel, head: Head | None, line: Series | None, metrics: Sequence[str]
) -> dict[str, Any]:
    row: dict[str, Any] = {"model": model, "head": head, "latest": None}
    if line is None:
        return row
    leading = metrics[0]
    latest = line.versions[-1]
    change = step(line.versions[-2], latest, leading) if len(line.versions) > 1 else ""
    return row | {
        "latest": latest,
        "point": line.point,
        "values": [written_value(name, value_of(latest, name)) for name in metrics],
        "change": change,
        "trend": trend(leading, [value_of(version, leading) for version in line.versions]),
    }
