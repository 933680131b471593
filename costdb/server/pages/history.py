"""One model's history: a plot of one metric over its versions, and the versions in a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from costdb.contracts import Finding
from costdb.points import DEFAULT
from costdb.report.analysis import METRIC_UNITS
from costdb.report.history import step, told, value_of
from costdb.report.html.figure import figure
from costdb.report.listing import Column, Listing, Unit, cells_by_column
from costdb.server.access import Reader
from costdb.server.names import Branch, Point
from costdb.server.pages import links
from costdb.server.pages.baselines import held_against
from costdb.server.pages.metrics import LEADING, check_metric, shown_metrics
from costdb.server.pages.plotted import findings_of, plotted
from costdb.server.pages.rendering import page
from costdb.server.service import Service, Serving
from costdb.store import browsing
from costdb.store.aliases import aliases
from costdb.store.read import check_model_exists
from costdb.store.records import AliasRecord, Series, SeriesPoint, TokenScope

router = APIRouter()

# A page tells of no more versions than this, the newest.
MOST_VERSIONS = 20_000

_ROWS_SHOWN = 50
_COLUMNS = ("macs", "params", "weight_bytes", "peak_memory_bytes")


class Reach(StrEnum):
    """How many versions are drawn, the newest."""

    ALL = ""
    LAST_30 = "30"
    LAST_100 = "100"
    LAST_1000 = "1000"


@dataclass(frozen=True, slots=True)
class State:
    """What is shown of a model: every state of its page is an address."""

    model: str
    metric: str
    point: str
    branch: str
    against: str
    last: Reach
    archived: bool
    until: str

    def to(self, **changes: object) -> str:
        """The address of this state, or of one that differs."""
        query: dict[str, object] = {
            "metric": self.metric,
            "point": self.point,
            "branch": self.branch,
            "against": self.against,
            "last": self.last.value,
            "archived": "1" if self.archived else "",
            "until": self.until,
        }
        return links.model(self.model, **(query | changes))


@router.get("/models/{model}")
def history(
    *,
    request: Request,
    service: Serving,
    visitor: Reader,
    model: str,
    metric: str = LEADING,
    point: Point = None,
    branch: Branch = None,
    against: str = "",
    last: Reach = Reach.ALL,
    archived: bool = False,
    until: str = "",
) -> Response:
    """The versions of one branch at one operating point."""
    visitor.require(TokenScope.READ, model)
    check_metric(metric)
    engine = service.engine
    check_model_exists(engine, model)
    branches = browsing.branches(engine, model)
    branch = branch or _branch(service, model, branches)
    points = browsing.points(engine, model, branch)
    point = point or next(iter(points), DEFAULT)
    line = _line(service, model, point, branch, archived=archived, last=last)
    named = aliases(engine, model)
    held = held_against(service, line, metric, named=named, against=against, now=datetime.now(UTC))
    found = findings_of(engine, line, metric)
    drawn = plotted(line, metric, named=named, bounds=held.bounds, found=found)
    state = State(model, metric, point, branch, held.against, last, archived, until)
    return page(
        request,
        visitor,
        "history.html",
        about=browsing.listed_models(engine, model)[0],
        state=state,
        metrics=shown_metrics(),
        points=list(dict.fromkeys((*points, point))),
        branches=list(dict.fromkeys((*branches, branch))),
        held=held,
        reaches=list(Reach),
        figure=figure(_caption(line, metric), drawn) if line.versions else None,
        versions=len(line.versions),
        most=MOST_VERSIONS,
        **_table(line, state, named, found),
    )


def _branch(service: Service, model: str, branches: Sequence[str]) -> str:
    """That of the latest version; where all are archived, any one."""
    head = browsing.heads(service.engine, [model]).get(model)
    return head.branch if head else next(iter(branches), "main")


def _line(
    service: Service, model: str, point: str, branch: str, *, archived: bool, last: Reach
) -> Series:
    most = int(last) if last else MOST_VERSIONS
    return browsing.line(
        service.engine, model, point=point, branch=branch, archived=archived, most=most
    )


def _caption(line: Series, metric: str) -> str:
    """What is drawn, and where it went: "macs, v1 to v9: 3.10 G -> 4.09 G, +31.94 %"."""
    values = [value_of(version, metric) for version in line.versions]
    known = [value for value in values if value is not None]
    ends = f"{metric}, {line.versions[0].tag} to {line.versions[-1].tag}"
    return f"{ends}: {told(metric, known)}" if known else ends


def _table(
    line: Series, state: State, named: Sequence[AliasRecord], found: dict[str, Finding]
) -> dict[str, Any]:
    """A part of the versions, the newest first, and the way to the others."""
    tags = [version.tag for version in line.versions]
    end = tags.index(state.until) + 1 if state.until in tags else len(tags)
    start = max(end - _ROWS_SHOWN, 0)
    metrics = tuple(dict.fromkeys((state.metric, *_COLUMNS)))
    places = range(end - 1, start - 1, -1)
    listing = _listing([line.versions[max(place - 1, 0) : place + 1] for place in places], metrics)
    cells = zip(*cells_by_column(listing, str), strict=True)
    return {
        "columns": listing.columns,
        "rows": [
            {
                "version": line.versions[place],
                "name": f"{line.model}@{tags[place]}",
                "link": links.version(line.model, tags[place], point=state.point),
                "aliases": [alias.name for alias in named if alias.tag == tags[place]],
                "finding": found.get(tags[place]),
                "cells": row,
            }
            for place, row in zip(places, cells, strict=True)
        ],
        "older": tags[start - 1] if start else "",
        "newer": tags[min(end + _ROWS_SHOWN, len(tags)) - 1] if end < len(tags) else "",
    }


def _listing(pairs: Sequence[Sequence[SeriesPoint]], metrics: Sequence[str]) -> Listing:
    """A row for the last of each pair; the one before says what changed."""
    columns = [
        column
        for metric in metrics
        for column in (
            Column(metric, METRIC_UNITS.get(metric, Unit.RATIO)),
            Column("change", Unit.WRITTEN),
        )
    ]
    rows = [
        tuple(
            cell
            for metric in metrics
            for cell in (
                value_of(pair[-1], metric),
                step(pair[0], pair[-1], metric) if len(pair) > 1 else "",
            )
        )
        for pair in pairs
    ]
    return Listing(tuple(columns), rows)
