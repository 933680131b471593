"""The pages: rendered here, readable without a script, each state a link."""

from fastapi import FastAPI

from costdb.server.pages import models


def install(app: FastAPI) -> None:
    """Add the pages to an application."""
    app.include_router(models.router, include_in_schema=False)
