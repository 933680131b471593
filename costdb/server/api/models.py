"""Which models there are."""

from typing import Any

from fastapi import APIRouter

from costdb.report.models import models_document
from costdb.server.access import Reader
from costdb.server.service import Serving
from costdb.store import read
from costdb.store.records import TokenScope

router = APIRouter(tags=["models"])


@router.get("/models")
def models(service: Serving, visitor: Reader) -> dict[str, Any]:
    """Every model with what its latest version costs, as `costdb.models/1`."""
    found = read.models(service.engine)
    return models_document([model for model in found if visitor.may(TokenScope.READ, model.name)])
