"""Versions that clients push."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime

from fastapi import APIRouter
from sqlalchemy import Connection

from costdb.cost.result import METRICS, Analysis
from costdb.pushing import CarriedAnalysis, Push, carried_analysis, checked, json_value
from costdb.server.access import Ingester
from costdb.server.answers import BodyBytes, Json
from costdb.server.api.schema import PushAnswer
from costdb.server.names import require_model
from costdb.server.openapi import body_of
from costdb.server.receipts import Answer, IdempotencyKey, Receipt, once
from costdb.server.service import Service, Serving
from costdb.store.records import IngestOutcome, IngestStatus, TokenScope
from costdb.store.write import ingest

router = APIRouter(tags=["versions"])


@router.post(
    "/versions",
    status_code=201,
    response_class=Json,
    responses={
        200: {"model": PushAnswer, "description": "The tag was there: what became of it."},
        201: {"model": PushAnswer, "description": "A new version."},
    },
    openapi_extra=body_of(Push),
)
def push(
    service: Serving, visitor: Ingester, body: BodyBytes, idempotency_key: IdempotencyKey = None
) -> Json:
    """Keep what a version costs, counted again by this server's rules.

    All of it is kept, or, after an error, nothing.
    """
    return once(
        service,
        visitor,
        idempotency_key,
        b"push\n" + body,
        lambda receipt: _kept(service, visitor.name, _checked(visitor, body), receipt),
    )


def _checked(visitor: Ingester, body: bytes) -> Push:
    push = checked(Push, json_value(body))
    require_model(visitor, TokenScope.INGEST, push.model)
    return push


def _kept(service: Service, token_name: str | None, push: Push, receipt: Receipt | None) -> Answer:
    """Count and write."""
    analyses = [carried_analysis(carried, service.recount) for carried in push.analyses]
    warnings = [
        warning
        for carried, analysis in zip(push.analyses, analyses, strict=True)
        for warning in _differences(carried, analysis)
    ]

    def record(connection: Connection, outcome: IngestOutcome) -> None:
        if receipt is not None:
            receipt.add(connection, _answer(outcome, warnings))

    with service.writing:
        outcome = ingest(
            service.engine,
            analyses,
            model=push.model,
            tag=push.tag,
            branch=push.branch,
            git_sha=push.git_sha,
            author=push.author or token_name,
            source=push.source,
            sha256=push.sha256,
            replace=push.replace,
            now=datetime.now(UTC),
            record=record,
        )
    return _answer(outcome, warnings)


def _differences(carried: CarriedAnalysis, analysis: Analysis) -> Iterator[str]:
    """What the client counted otherwise."""
    there, here = carried.analysis, analysis.cost
    if there.rules != here.rules:
        yield f"{analysis.point}: counted by rules {here.rules} here, by {there.rules} there"
    numbers = [
        f"{metric} {getattr(there.totals, metric)} -> {here.totals[metric]}"
        for metric in METRICS
        if getattr(there.totals, metric) != here.totals[metric]
    ]
    if numbers:
        yield f"{analysis.point}: counted otherwise than by the client: {', '.join(numbers)}"


def _answer(outcome: IngestOutcome, warnings: list[str]) -> Answer:
    points = [asdict(point) | {"status": point.status.value} for point in outcome.points]
    document = asdict(outcome) | {
        "status": outcome.status.value,
        "points": points,
        "stale_points": list(outcome.stale_points),
        "warnings": warnings,
    }
    return Answer(document, 201 if outcome.status is IngestStatus.CREATED else 200)
