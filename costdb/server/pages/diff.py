"""Two versions, layer by layer, and which parts of the model made the difference."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from costdb.comparing import Diff, compare_sides
from costdb.cost.result import METRICS
from costdb.report.diff import Rollup, diff_totals, groups_listing, headline, layer_groups, notes
from costdb.report.html.parts import bars
from costdb.server.access import Reader
from costdb.server.names import Point, version_named
from costdb.server.pages import links
from costdb.server.pages.metrics import check_metric
from costdb.server.pages.rendering import page
from costdb.server.service import Serving
from costdb.trends.alignment import Pair
from costdb.trends.difference import amounts, metric_of_layers

router = APIRouter()

_PARTS_SHOWN = 12
_ROWS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class State:
    """What is compared, and how it is shown: every state of the page is an address."""

    old: str
    new: str
    metric: str
    by: Rollup
    point: str | None
    every: bool

    def to(self, **changes: object) -> str:
        """The address of this state, or of one that differs."""
        query: dict[str, object] = {
            "old": self.old,
            "new": self.new,
            "metric": self.metric,
            "by": self.by.value,
            "point": self.point,
            "every": "1" if self.every else "",
        }
        return links.address(links.DIFF, **(query | changes))


@router.get("/diff")
def diff(
    *,
    request: Request,
    service: Serving,
    visitor: Reader,
    old: str = "",
    new: str = "",
    metric: str = "",
    by: Rollup = Rollup.LAYER,
    point: Point = None,
    every: bool = False,
) -> Response:
    """What is different, the layers first that changed most; without two names, the form."""
    if metric:
        check_metric(metric, METRICS)
    state = State(old.strip(), new.strip(), metric, by, point, every)
    choices = {"metrics": METRICS, "rollups": list(Rollup)}
    if not (state.old and state.new):
        return page(request, visitor, "compare.html", state=state, choices=choices)
    # A name is no file's: this server reads none.
    sides = [(name, version_named(service, visitor, name)) for name in (state.old, state.new)]
    found = compare_sides(
        *sides, point=point, metrics=[metric] if metric else [], notes=service.store.notes
    )
    leading = found.metrics[0]
    groups = layer_groups(found, by)
    shown = groups if every else _changed(groups, leading)[:_ROWS_SHOWN]
    parts, smaller = bars(leading, found.difference.attribution[leading], _PARTS_SHOWN)
    return page(
        request,
        visitor,
        "diff.html",
        state=state,
        choices=choices,
        leading=leading,
        points=_points(found),
        ends=[_end(found.old.name, found.old.point), _end(found.new.name, found.new.point)],
        headline=headline(found),
        notes=list(notes(found)),
        warnings=found.warnings,
        totals=diff_totals(found),
        parts_made=parts,
        smaller=smaller,
        listing=groups_listing(found, by, shown),
        cell_links=_cell_links(found, by, shown),
        left_out=len(groups) - len(shown),
    )


def _changed(groups: Sequence[list[Pair]], metric: str) -> Sequence[list[Pair]]:
    """The groups that changed a metric; if none did, all to which something else happened."""
    named = metric_of_layers(metric)
    changed = [pairs for pairs in groups if len(set(amounts(pairs, named))) == 2]
    return changed or groups


def _points(found: Diff) -> list[str]:
    return list(dict.fromkeys((found.new.point, *found.other_points)))


def _end(name: str, point: str) -> tuple[str, str]:
    """What stands on one side, and its address."""
    return name, _version_link(name, point)


def _version_link(name: str, point: str, **query: object) -> str:
    model, _, tag = name.partition("@")
    return links.version(model, tag, point=point, **query)


def _cell_links(
    found: Diff, by: Rollup, groups: Sequence[Sequence[Pair]]
) -> dict[tuple[int, int], str]:
    """Where the layer or module of each row is to be seen: in the new version, if it is there."""
    if by is Rollup.OP:
        return {}
    places = {
        id(layer): place
        for costed in (found.old, found.new)
        for place, layer in enumerate(costed.cost.layers)
    }
    addresses = {}
    for row, pairs in enumerate(groups):
        side, layer = (
            (found.new, new) if (new := pairs[0].new) is not None else (found.old, pairs[0].layer)
        )
        if by is Rollup.LAYER:
            link = _version_link(side.name, side.point, layer=places[id(layer)], scope=layer.scope)
            addresses[row, 0] = f"{link}#layer"
        elif layer.scope:
            addresses[row, 0] = _version_link(side.name, side.point, scope=layer.scope)
    return addresses
