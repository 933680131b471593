"""Whether it runs, whether it can serve, and how it does."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from costdb.errors import CostdbError, SchemaMismatch
from costdb.server.access import Reader
from costdb.server.operations.log import FIELDS, logger
from costdb.server.operations.metrics import MEDIA_TYPE, Metrics
from costdb.server.service import Serving
from costdb.store import require_current

PROBES = frozenset({"/healthz", "/readyz", "/metrics"})

router = APIRouter()


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers; nothing is said of the database."""
    return {"status": "ok"}


@router.get("/readyz")
def readyz(service: Serving) -> JSONResponse:
    """The database answers, and has this program's tables; else 503 and why.

    Anyone may ask: where the database is stands in the log alone.
    """
    try:
        require_current(service.engine)
    except CostdbError as error:
        logger.warning("not ready", extra={FIELDS: {"reason": error.message, "hint": error.hint}})
        is_other = isinstance(error, SchemaMismatch)
        reason = "the database has another schema" if is_other else "the database does not answer"
        return JSONResponse({"status": "unavailable", "reason": reason}, 503)
    return JSONResponse({"status": "ok"})


async def _metrics(request: Request) -> Metrics:
    found: Metrics = request.app.state.metrics
    return found


@router.get("/metrics")
def metrics(_visitor: Reader, found: Annotated[Metrics, Depends(_metrics)]) -> Response:
    """Numbers for Prometheus, for whoever may read."""
    return Response(found.text(), media_type=MEDIA_TYPE)
