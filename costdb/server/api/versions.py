"""Versions of a model, and what each is made of."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query

from costdb.cost.document import layer_document
from costdb.points import DEFAULT
from costdb.pushing import carried_document
from costdb.report.versions import version_document
from costdb.server.access import Reader
from costdb.server.answers import Json
from costdb.server.api.schema import LayersPage, VersionAnalysis, VersionDocument, VersionsPage
from costdb.server.names import Branch, Model, ModelAsked, Point, Version, require_model, resolved
from costdb.server.service import Service, Serving
from costdb.store import read
from costdb.store.records import TokenScope, VersionRecord
from costdb.store.stored import version_cost
from costdb.store.version_pages import version_page

router = APIRouter(tags=["versions"], default_response_class=Json)

LONGEST_PAGE = 1000
_LARGEST = 2**63 - 1


@router.get("/versions", responses={200: {"model": VersionsPage}})
def versions(
    *,
    service: Serving,
    visitor: Reader,
    model: ModelAsked,
    branch: Branch = None,
    after: Annotated[
        int | None,
        Query(description="`next` of the page before.", ge=-_LARGEST - 1, le=_LARGEST),
    ] = None,
    limit: Annotated[int, Query(description="How many at most.", ge=1, le=LONGEST_PAGE)] = 100,
    archived: Annotated[bool, Query(description="Archived versions, too.")] = False,
) -> Json:
    """A model's versions, the latest first, page by page."""
    require_model(visitor, TokenScope.READ, model)
    found = version_page(
        service.engine, model, branch=branch, before=after, limit=limit, archived=archived
    )
    following = found[-1].ordinal if len(found) == limit else None
    return Json({"versions": _documents(service, found), "next": following})


@router.get("/versions/{model}", responses={200: {"model": VersionDocument}})
def latest(service: Serving, visitor: Reader, model: Model) -> Json:
    """A model's latest version: on main, or where main has none, on any branch."""
    return Json(_documents(service, [resolved(service, visitor, model)])[0])


@router.get("/versions/{model}/{name}", responses={200: {"model": VersionDocument}})
def version(service: Serving, visitor: Reader, model: Model, name: Version) -> Json:
    """One version, with its totals at each operating point."""
    found = resolved(service, visitor, f"{model}@{name}")
    return Json(_documents(service, [found])[0])


@router.get("/versions/{model}/{name}/analysis", responses={200: {"model": VersionAnalysis}})
def analysis(
    service: Serving, visitor: Reader, model: Model, name: Version, point: Point = None
) -> Json:
    """One version at one operating point, with its graph: all that it takes to show or compare."""
    found = resolved(service, visitor, f"{model}@{name}")
    stored = version_cost(service.engine, found, point or DEFAULT)
    return Json(
        {
            "version": _documents(service, [found])[0],
            "carried": carried_document(stored.analysis),
        }
    )


@router.get("/versions/{model}/{name}/layers", responses={200: {"model": LayersPage}})
def layers(
    *,
    service: Serving,
    visitor: Reader,
    model: Model,
    name: Version,
    point: Point = None,
    offset: Annotated[int, Query(description="How many to pass over.", ge=0, le=_LARGEST)] = 0,
    limit: Annotated[int, Query(description="How many at most.", ge=1, le=LONGEST_PAGE)] = 100,
) -> Json:
    """What each layer of a version costs, in the graph's order, page by page."""
    found = resolved(service, visitor, f"{model}@{name}")
    stored = version_cost(service.engine, found, point or DEFAULT)
    every = stored.analysis.cost.layers
    return Json(
        {
            "version": found.name,
            "point": stored.analysis.point,
            "total": len(every),
            "offset": offset,
            "layers": [layer_document(layer) for layer in every[offset : offset + limit]],
        }
    )


def _documents(service: Service, found: Sequence[VersionRecord]) -> list[dict[str, Any]]:
    totals = read.totals_of(service.engine, [version.id for version in found])
    return [
        version_document(
            version, {point: totals.get((version.id, point)) for point in version.points}
        )
        for version in found
    ]
