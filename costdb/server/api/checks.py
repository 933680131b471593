"""Did it get worse?"""

from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from costdb.canonical_schema import Items, Text
from costdb.checking import Check, Checked, Request, against_side, at_point, checked_versions
from costdb.cost.schema import AnalysisDocument, graph_cost
from costdb.errors import BrokenArtifact, DatabaseUnavailable, UsageError
from costdb.pushing import MOST_POINTS, CarriedAnalysis, carried_analysis, checked, json_value
from costdb.reading import Reading
from costdb.report.check import check_document
from costdb.server.access import Reader, Visitor
from costdb.server.answers import BodyBytes, Json
from costdb.server.api.schema import CheckAnswer, FindingsDocument
from costdb.server.judging import (
    LONGEST_FILE,
    acceptances_with,
    judged_model,
    policy_of,
    readable,
)
from costdb.server.names import (
    SLUG,
    VISIBLE,
    VersionName,
    require_model,
    resolved,
    version_named,
)
from costdb.server.openapi import body_of
from costdb.server.problems import told
from costdb.server.receipts import Answer, IdempotencyKey, Receipt, once
from costdb.server.service import Service, Serving
from costdb.sides import Costed, Side, document_side
from costdb.store.browsing import last_runs
from costdb.store.check_runs import save_runs
from costdb.store.names import LONGEST_BRANCH, LONGEST_NAME
from costdb.store.records import CheckRun, TokenScope
from costdb.trends.accepted_file import FILE_NAME

router = APIRouter(tags=["check"], default_response_class=Json)

_LONGEST_FILE_NAME = 1000


class CheckRequest(BaseModel):
    """What is to be judged: one version, all models, or analyses that are in no database."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: VersionName | None = Field(
        None, description="MODEL for its latest version, MODEL@TAG or MODEL@ALIAS."
    )
    all_models: bool = Field(
        default=False, alias="all", description="The latest version of every model."
    )
    analyses: Items[CarriedAnalysis] = Field(
        [], description="What a file costs at its operating points.", max_length=MOST_POINTS
    )
    model: str | None = Field(
        None, description="Of which model the analyses are.", max_length=LONGEST_NAME
    )
    against: (
        Annotated[str, Field(max_length=1000)]
        | dict[Text, Any]
        | Annotated[list[dict[Text, Any]], Field(min_length=1, max_length=MOST_POINTS)]
        | None
    ) = Field(
        None,
        description="What to compare with instead of the policy's baselines: MODEL@TAG,"
        " MODEL@ALIAS, a carried analysis, or costdb.analysis/1; of a file that was analysed at"
        " several operating points, a list of either.",
    )
    against_name: str | None = Field(
        None,
        description="What that analysis is called; else its file.",
        max_length=_LONGEST_FILE_NAME,
    )
    branch: str = Field(
        "main",
        description="Whose latest version is judged or compared with.",
        pattern=VISIBLE,
        max_length=LONGEST_BRANCH,
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
    accepted: str | None = Field(
        None, description=f"A {FILE_NAME}, beside what is accepted here.", max_length=LONGEST_FILE
    )
    save: bool = Field(
        default=True,
        description="Whether to keep what is found of versions, so that the next check knows what"
        " is new; takes a token of scope ingest.",
    )


@router.post("/check", responses={200: {"model": CheckAnswer}}, openapi_extra=body_of(CheckRequest))
def check(
    service: Serving, visitor: Reader, body: BodyBytes, idempotency_key: IdempotencyKey = None
) -> Json:
    """Judge by a policy."""
    asked = checked(CheckRequest, json_value(body))
    return once(
        service,
        visitor,
        idempotency_key,
        b"check\n" + body,
        lambda receipt: _answer(_judged(service, visitor, asked, receipt)),
    )


@router.get("/findings", responses={200: {"model": FindingsDocument}})
def findings(
    service: Serving,
    visitor: Reader,
    model: Annotated[
        str | None,
        Query(description="One model; all if not given.", pattern=SLUG, max_length=LONGEST_NAME),
    ] = None,
) -> Json:
    """What the last run that was kept found of each subject against each baseline."""
    if model is not None:
        require_model(visitor, TokenScope.READ, model)
    runs = readable(service, visitor, last_runs(service.engine))
    wanted = [run for run in runs if model in {None, judged_model(run)}]
    return Json({"runs": [_run_document(run) for run in wanted]})


def _judged(
    service: Service, visitor: Visitor, asked: CheckRequest, receipt: Receipt | None
) -> Checked:
    _require_one_question(asked)
    now = datetime.now(UTC)
    against = _against(service, visitor, asked)
    run = Check(
        Request(
            target=asked.target,
            reading=Reading(),
            against=None if against is None else _against_name(asked, against),
            model=asked.model,
            branch=asked.branch,
            point=asked.point,
            policy=None,
            save=asked.save,
            now=now,
        ),
        policy_of(service, asked.policy),
        acceptances_with(service, asked.accepted, now),
        service.store,
        None if against is None else against_side(against),
    )
    if asked.analyses:
        require_model(visitor, TokenScope.READ, asked.model or "")
        found = [carried_analysis(carried, service.recount) for carried in asked.analyses]
        return Checked(run.of_analyses(asked.model or "", at_point(found, asked.point)))
    if asked.target is not None:
        resolved(service, visitor, asked.target)
    judged = run.of_versions(lambda model: visitor.may(TokenScope.READ, model))
    if not asked.save:
        return checked_versions(judged, ())
    return _kept(service, visitor, judged, receipt)


def _require_one_question(asked: CheckRequest) -> None:
    questions = (asked.target is not None, asked.all_models, bool(asked.analyses))
    if sum(questions) != 1:
        raise UsageError("say one of 'target', 'all' and 'analyses'")
    if asked.analyses and asked.model is None:
        raise UsageError("say of which model the analyses are", hint="model")
    if asked.all_models and asked.against is not None:
        raise UsageError("all models have no one baseline", hint="leave 'against' out")


def _against(service: Service, visitor: Visitor, asked: CheckRequest) -> Side | None:
    """What everything is compared with; None for the policy's baselines."""
    if asked.against is None:
        return None
    if isinstance(asked.against, str):
        return version_named(service, visitor, asked.against)
    if isinstance(asked.against, dict):
        return _given_side(service, asked.against, asked.against_name)
    sides = [_given_side(service, value, asked.against_name) for value in asked.against]
    return _together(sides)


def _against_name(asked: CheckRequest, against: Side) -> str:
    """What a run is kept under: as it was typed, else the file's name."""
    if isinstance(asked.against, str):
        return asked.against
    return asked.against_name or against.name[:_LONGEST_FILE_NAME]


def _together(sides: list[Side]) -> Side:
    """What a file stands for that was analysed at some operating points."""
    at_points = {point: side for side in sides for point in side.points}
    name = sides[0].name

    def at(point: str) -> Costed | str:
        if point not in at_points:
            return f"{name} was not analysed at point {point!r}"
        return at_points[point].at(point)

    return Side(name, tuple(at_points), at)


def _given_side(service: Service, value: dict[str, Any], name: str | None) -> Side:
    """A carried analysis, counted by this server's rules, or `costdb.analysis/1` as it is."""
    if "structure" in value:
        carried = checked(CarriedAnalysis, value)
        analysis = carried_analysis(carried, service.recount)
        return document_side(
            _called(name or analysis.artifact.path), carried.analysis, analysis.cost
        )
    document = checked(AnalysisDocument, value)
    try:
        cost = graph_cost(document)
    except ValueError as error:
        raise BrokenArtifact(f"what to compare with is wrong: {error}") from error
    return document_side(_called(name or document.artifact.path), document, cost)


def _called(path: str) -> str:
    """How a sentence calls a file: by the last part of its path."""
    return PurePosixPath(path).name or path


def _kept(
    service: Service, visitor: Visitor, judged: list[CheckRun], receipt: Receipt | None
) -> Checked:
    """Keep what may be kept, and say why the rest is not."""
    allowed = [run for run in judged if visitor.may(TokenScope.INGEST, judged_model(run))]
    notes: tuple[str, ...] = ()
    if len(allowed) < len(judged):
        notes = ("what was found is not kept: that takes a token of scope 'ingest'",)
    found = checked_versions(judged, notes)

    def record(connection: Connection) -> None:
        if receipt is not None:
            receipt.add(connection, _answer(found))

    try:
        with service.writing:
            save_runs(service.engine, allowed, record)
    except DatabaseUnavailable as error:
        reason = f"what was found is not kept: {told(error).message}"
        return checked_versions(judged, (reason, *notes))
    return found


def _answer(found: Checked) -> Answer:
    document = check_document(found.verdict, found.findings)
    return Answer({"document": document, "warnings": list(found.warnings)})


def _run_document(run: CheckRun) -> dict[str, Any]:
    return {
        "subject": run.subject,
        "baseline": run.baseline,
        "rules": run.rules,
        "verdict": run.verdict,
        "checked_at": run.created_at.isoformat(),
        "findings": check_document(run.verdict, run.findings)["findings"],
    }
