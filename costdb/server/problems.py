"""Errors as answers: what a client can mend keeps its words, a bug keeps them to the log."""

import logging

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from costdb import errors
from costdb.errors import CostdbError
from costdb.server.answers import Json

_log = logging.getLogger(__name__)

# The first that fits holds; every other error is a request that cannot be fulfilled as it is.
_STATUSES: tuple[tuple[type[CostdbError], int], ...] = (
    (errors.NotInDatabase, 404),
    (errors.VersionConflict, 409),
    (errors.DatabaseUnavailable, 503),
    (errors.SchemaMismatch, 503),
    (errors.AccessDenied, 403),
)
UNPROCESSABLE = 422


class Problem(BaseModel):
    """What went wrong."""

    kind: str = Field(description="The error's class in costdb.errors.")
    error: str = Field(description="What is wrong, with the value.")
    hint: str = Field(description="What to do next; may be empty.")


def status_of(error: CostdbError) -> int:
    """The HTTP status that says what an error says."""
    return next((code for kind, code in _STATUSES if isinstance(error, kind)), UNPROCESSABLE)


def problem_response(error: CostdbError, request: Request) -> Json:
    """An error as JSON."""
    said = told(error, request)
    problem = {"kind": type(error).__name__, "error": said.message, "hint": said.hint}
    return Json(problem, status_of(error))


def told(error: CostdbError, request: Request | None = None) -> CostdbError:
    """An error as whoever asked may read it: where the database is stands in the log alone.

    Args:
        error: What is wrong.
        request: Who asked; None where the error is of no model.
    """
    if isinstance(error, errors.NotInDatabase) and request and not _may_read_all(request):
        # The nearest name may be that of a model that they may not know of.
        return errors.NotInDatabase(error.message)
    if not isinstance(error, errors.DatabaseUnavailable | errors.SchemaMismatch):
        return error
    _log.error("%s: %s", error.message, error.hint)
    return errors.DatabaseUnavailable(
        "the server's database cannot be used at present",
        hint="try again later; the server's log says why",
    )


def _may_read_all(request: Request) -> bool:
    """What `visitor_of` found out, if it was asked."""
    return getattr(request.state, "may_read_all", False)


def as_costdb_error(error: RequestValidationError) -> errors.UsageError:
    """What a request's form lacks, its first mistake, without the value: it may be large."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return errors.UsageError(f"{where}: {first['msg']}", hint="see /api/v1/openapi.json")


async def answer_error(request: Request, error: Exception) -> Json:
    """An exception handler for what a client can mend. Pages have one of their own before it."""
    if isinstance(error, RequestValidationError):
        return problem_response(as_costdb_error(error), request)
    if isinstance(error, HTTPException):
        problem = {"kind": "HTTPException", "error": str(error.detail), "hint": ""}
        return Json(problem, error.status_code, headers=error.headers)
    assert isinstance(error, CostdbError)  # noqa: S101 - registered for these alone
    return problem_response(error, request)
