"""At which past versions would a policy have fired?"""

from datetime import UTC, datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from costdb.in_force import every_acceptance
from costdb.pushing import checked, json_value
from costdb.replaying import replay_versions
from costdb.report.replay import replay_document
from costdb.server.access import Reader
from costdb.server.answers import BodyBytes, Json
from costdb.server.api.schema import ReplayDocument
from costdb.server.judging import LONGEST_FILE, policy_of
from costdb.server.names import SLUG, VISIBLE, require_model
from costdb.server.openapi import body_of
from costdb.server.service import Serving
from costdb.store.names import LONGEST_BRANCH, LONGEST_NAME
from costdb.store.records import TokenScope
from costdb.trends.acceptance import Acceptance
from costdb.trends.accepted_file import FILE_NAME, parse_accepted

router = APIRouter(tags=["check"], default_response_class=Json)


class ReplayRequest(BaseModel):
    """A policy that is to be looked at over the versions of a model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(
        description="The model.", pattern=SLUG, max_length=LONGEST_NAME, examples=["detector"]
    )
    branch: str = Field(
        "main", description="Whose versions are judged.", pattern=VISIBLE, max_length=LONGEST_BRANCH
    )
    point: str | None = Field(
        None,
        description="One operating point; every one if not given.",
        pattern=VISIBLE,
        max_length=LONGEST_NAME,
    )
    policy: str | None = Field(
        None, description="A policy file; else the server's.", max_length=LONGEST_FILE
    )
    with_acceptances: bool = Field(
        default=False, description="Whether what was accepted counts from its version on."
    )
    accepted: str | None = Field(
        None, description=f"A {FILE_NAME}, beside what is accepted here.", max_length=LONGEST_FILE
    )


@router.post(
    "/replay", responses={200: {"model": ReplayDocument}}, openapi_extra=body_of(ReplayRequest)
)
def replay(service: Serving, visitor: Reader, body: BodyBytes) -> Json:
    """Say what a policy would have said of each version when it was the latest; keep nothing."""
    asked = checked(ReplayRequest, json_value(body))
    require_model(visitor, TokenScope.READ, asked.model)
    accepted: list[Acceptance] = []
    if asked.with_acceptances:
        given = () if asked.accepted is None else parse_accepted(asked.accepted, FILE_NAME)
        known = every_acceptance(service.settings, service.store, asked.model)
        accepted = [*known, *(one for one in given if one.model == asked.model)]
    replayed = replay_versions(
        service.store,
        asked.model,
        policy_of(service, asked.policy),
        accepted,
        branch=asked.branch,
        point=asked.point,
        now=datetime.now(UTC),
    )
    return Json(replay_document(replayed))
