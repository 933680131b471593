"""The pages: rendered here, readable without a script, each state a link."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from costdb.errors import CostdbError
from costdb.server.pages import (
    diff,
    findings,
    history,
    models,
    problems,
    signing_in,
    static,
    version,
)


def install(app: FastAPI) -> None:
    """Add the pages to an application."""
    for part in (models, history, version, diff, findings, signing_in, static):
        app.include_router(part.router, include_in_schema=False)
    for kind in (CostdbError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, problems.answer)
