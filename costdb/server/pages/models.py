"""The first page: every model with its latest costs."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

router = APIRouter()


@router.get("/", response_class=HTMLResponse)
def models() -> str:
    """The list of models."""
    return "<!doctype html><title>costdb</title>"
