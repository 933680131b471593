"""What may be so from now on."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from costdb.accepting import Accepted, Request
from costdb.errors import NotInDatabase
from costdb.in_force import every_acceptance
from costdb.pushing import checked, json_value
from costdb.report.acceptances import (
    acceptances_document,
    accepted_document,
    revoked_document,
)
from costdb.server.access import Administrator, Reader
from costdb.server.answers import BodyBytes, Json
from costdb.server.api.schema import AcceptancesDocument, AcceptedDocument, RevokedDocument
from costdb.server.judging import LONGEST_FILE
from costdb.server.judging import accept as accept_here
from costdb.server.names import SLUG, VISIBLE, VersionName, require_model
from costdb.server.openapi import body_of
from costdb.server.receipts import Answer, IdempotencyKey, Receipt, once
from costdb.server.service import Serving
from costdb.store import read
from costdb.store.acceptances import acceptance_of, revoke_acceptance
from costdb.store.names import LONGEST_NAME
from costdb.store.records import TokenScope
from costdb.trends.acceptance import states
from costdb.trends.accepted_file import FILE_NAME

router = APIRouter(tags=["acceptances"], default_response_class=Json)

_LONGEST_REASON = 10_000
_MOST_METRICS = 100
# A little later, it is the year 10,000 somewhere.
_END_OF_TIME = datetime(9999, 12, 30, tzinfo=UTC)


class AcceptRequest(BaseModel):
    """What of a version may be so from now on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: VersionName = Field(
        description="MODEL@TAG, MODEL@ALIAS, or MODEL for its latest version.",
        examples=["detector@v7"],
    )
    metrics: list[Annotated[str, Field(max_length=LONGEST_NAME)]] = Field(
        [],
        description="What is accepted; all that the policy finds too much if not given.",
        max_length=_MOST_METRICS,
    )
    scope: str | None = Field(
        None, description="The part of the model, such as op:Conv.", max_length=1000
    )
    point: str | None = Field(
        None,
        description="One operating point; every one of the version if not given.",
        pattern=VISIBLE,
        max_length=LONGEST_NAME,
    )
    reason: str = Field(description="Why.", max_length=_LONGEST_REASON, examples=["new decoder"])
    author: str | None = Field(
        None, description="Who accepts it; else the token's name.", max_length=1000
    )
    expires_at: AwareDatetime | None = Field(None, description="When that ends.", lt=_END_OF_TIME)
    policy: str | None = Field(
        None, description="The policy that finds; else the server's.", max_length=LONGEST_FILE
    )
    accepted: str | None = Field(
        None, description=f"A {FILE_NAME}, beside what is accepted here.", max_length=LONGEST_FILE
    )
    keep: bool = Field(
        default=True, description="Whether to keep it here, or only to say what it is."
    )


@router.get("/acceptances", responses={200: {"model": AcceptancesDocument}})
def acceptances(
    service: Serving,
    visitor: Reader,
    model: Annotated[
        str | None,
        Query(description="One model; all if not given.", pattern=SLUG, max_length=LONGEST_NAME),
    ] = None,
) -> Json:
    """What was accepted, the latest first, and whether it holds."""
    if model is not None:
        require_model(visitor, TokenScope.READ, model)
        read.check_model_exists(service.engine, model)
    found = [
        one
        for one in every_acceptance(service.settings, service.store, model)
        if visitor.may(TokenScope.READ, one.model)
    ]
    return Json(acceptances_document(states(found, datetime.now(UTC))))


@router.post(
    "/acceptances",
    status_code=201,
    responses={
        200: {"model": AcceptedDocument, "description": "What it would be; nothing was kept."},
        201: {"model": AcceptedDocument, "description": "What is kept."},
    },
    openapi_extra=body_of(AcceptRequest),
)
def accept(
    service: Serving, visitor: Reader, body: BodyBytes, idempotency_key: IdempotencyKey = None
) -> Json:
    """Accept what a version costs: the anchor from now on, up to which findings are silent.

    That takes a token of scope admin, unless it is not to be kept.
    """
    asked = checked(AcceptRequest, json_value(body))
    scope = TokenScope.ADMIN if asked.keep else TokenScope.READ
    require_model(visitor, scope, asked.version.partition("@")[0])
    request = Request(
        version=asked.version,
        metrics=asked.metrics,
        scope=asked.scope,
        point=asked.point,
        reason=asked.reason,
        author=asked.author or visitor.name,
        expires_at=asked.expires_at,
        policy=None,
        in_file=False,
        now=datetime.now(UTC),
    )

    def act(receipt: Receipt | None) -> Answer:
        def record(connection: Connection, found: Accepted) -> None:
            if receipt is not None:
                receipt.add(connection, Answer(accepted_document(found), 201))

        found = accept_here(
            service,
            visitor,
            request,
            policy=asked.policy,
            accepted=asked.accepted,
            keep=asked.keep,
            record=record,
        )
        return Answer(accepted_document(found), 201 if asked.keep else 200)

    return once(service, visitor, idempotency_key, b"accept\n" + body, act)


@router.post("/acceptances/{number}/revoke", responses={200: {"model": RevokedDocument}})
def revoke(
    service: Serving,
    visitor: Administrator,
    number: Annotated[int, Path(description="Its id.", ge=1, le=2**63 - 1)],
) -> Json:
    """Take an acceptance back. It is kept and marked."""
    model = acceptance_of(service.engine, number).model
    if not visitor.may(TokenScope.READ, model):
        # As where there is none: what others' models are called is not told by trying numbers.
        raise NotInDatabase(f"there is no acceptance {number}", hint="GET /api/v1/acceptances")
    visitor.require(TokenScope.ADMIN, model)
    with service.writing:
        revoked = revoke_acceptance(service.engine, number, datetime.now(UTC))
    return Json(revoked_document(revoked))
