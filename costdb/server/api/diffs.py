"""Two versions, layer by layer."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from costdb.comparing import compare_sides
from costdb.cost.result import METRICS
from costdb.report.diff import diff_document
from costdb.report.diff_schema import DiffDocument
from costdb.server.access import Reader
from costdb.server.answers import Json
from costdb.server.names import Point, VersionAsked, version_named
from costdb.server.service import Serving

router = APIRouter(tags=["diff"], default_response_class=Json)

Metric = Annotated[str, Field(pattern=f"^({'|'.join(METRICS)})$")]


@router.get("/diff", responses={200: {"model": DiffDocument}})
def diff(
    *,
    service: Serving,
    visitor: Reader,
    old: VersionAsked,
    new: VersionAsked,
    point: Point = None,
    metric: Annotated[
        list[Metric],
        Query(
            description="Whose change is attributed to parts of the model; the first one leads.",
            max_length=len(METRICS),
        ),
    ] = [],  # noqa: B006 - FastAPI copies defaults
    unchanged: Annotated[bool, Query(description="Layers to which nothing happened, too.")] = False,
) -> Json:
    """What is different between two versions."""
    sides = [(name, version_named(service, visitor, name)) for name in (old, new)]
    found = compare_sides(*sides, point=point, metrics=metric)
    return Json(diff_document(found, with_unchanged=unchanged))
