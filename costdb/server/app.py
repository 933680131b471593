"""The application: routes, errors, and a database that is open as long as it runs."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from threading import Lock
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from costdb import __version__
from costdb.cost.rules import rule_table
from costdb.errors import CostdbError
from costdb.plugins import discover
from costdb.pushing import recount_by
from costdb.server.access import bearer
from costdb.server.api import bodies, routers
from costdb.server.configuration import Configuration
from costdb.server.names import EncodedPaths
from costdb.server.openapi import describe
from costdb.server.operations import install as install_operations
from costdb.server.pages import install as install_pages
from costdb.server.problems import Problem, answer_error
from costdb.server.service import Service
from costdb.settings import load_settings
from costdb.store import Store, open_store

PREFIX = "/api/v1"

_log = logging.getLogger(__name__)

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"model": Problem} for code in (401, 403, 404, 409, 413, 422, 429, 503)
}


def create_app(configuration: Configuration) -> FastAPI:
    """The application that `costdb serve` runs.

    Args:
        configuration: How it is to run. The database is opened when the application starts.
    """
    app = FastAPI(
        title="costdb",
        version=__version__,
        description="What models cost, version after version, and whether it got worse.",
        lifespan=_lifespan,
        openapi_url=f"{PREFIX}/openapi.json",
        # The interactive pages of FastAPI load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
    )
    app.state.configuration = configuration
    for kind in (CostdbError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, answer_error)
    for router in routers:
        app.include_router(
            router, prefix=PREFIX, dependencies=[Depends(bearer)], responses=_PROBLEMS
        )
    describe(app, bodies)
    app.add_middleware(EncodedPaths, prefix=f"{PREFIX}/versions/")
    install_pages(app)
    install_operations(app, configuration)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    configuration: Configuration = app.state.configuration
    with open_store(configuration.database) as store:
        app.state.service = _service(configuration, store)
        yield


def _service(configuration: Configuration, store: Store) -> Service:
    plugins = discover()
    for plugin in plugins.plugins:
        if plugin.problem:
            _log.warning("the plugin %s is left out: %s", plugin.name, plugin.problem)
    return Service(
        configuration,
        settings=load_settings(configuration.database),
        store=store,
        recount=recount_by(rule_table(plugins.rules)),
        writing=Lock() if store.backend == "sqlite" else nullcontext(),
    )
