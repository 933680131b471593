"""Which models there are."""

from fastapi import APIRouter

from costdb.report.models import models_document
from costdb.server.access import Reader
from costdb.server.answers import Json
from costdb.server.api.schema import ModelsDocument
from costdb.server.service import Serving
from costdb.store import read
from costdb.store.records import TokenScope

router = APIRouter(tags=["models"], default_response_class=Json)


@router.get("/models", responses={200: {"model": ModelsDocument}})
def models(service: Serving, visitor: Reader) -> Json:
    """Every model that the visitor may read, with what its latest version costs."""
    found = read.models(service.engine)
    readable = [model for model in found if visitor.may(TokenScope.READ, model.name)]
    return Json(models_document(readable))
