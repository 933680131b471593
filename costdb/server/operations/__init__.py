"""What keeps a server up and lets others watch it: health, limits, headers, metrics, logs."""

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from costdb.server.configuration import Configuration
from costdb.server.operations.bodies import BodyLimit
from costdb.server.operations.headers import SecurityHeaders
from costdb.server.operations.health import router
from costdb.server.operations.hosts import HostNames
from costdb.server.operations.metrics import Metrics
from costdb.server.operations.rates import RateLimit
from costdb.server.operations.watching import Watching

# A smaller answer would not become smaller.
_LEAST_COMPRESSED_BYTES = 1000


def install(app: FastAPI, configuration: Configuration) -> None:
    """Add them to an application."""
    app.state.metrics = Metrics()
    app.include_router(router, include_in_schema=False)
    # A request passes them from the last to the first. What compresses holds the beginning of an
    # answer back, so that BodyLimit, which has to know of it, comes after.
    app.add_middleware(
        BodyLimit, max_bytes=configuration.max_body_bytes, seconds=configuration.body_seconds
    )
    app.add_middleware(GZipMiddleware, minimum_size=_LEAST_COMPRESSED_BYTES, compresslevel=6)
    if configuration.requests_per_minute is not None:
        app.add_middleware(RateLimit, per_minute=configuration.requests_per_minute)
    if configuration.host_names:
        app.add_middleware(HostNames, names=configuration.host_names)
    app.add_middleware(Watching, metrics=app.state.metrics)
    app.add_middleware(SecurityHeaders)
