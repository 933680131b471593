"""The OpenAPI description: bodies that routes parse themselves stand in it as well."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

_REFERENCE = "#/components/schemas/{model}"


def body_of(form: type[BaseModel]) -> dict[str, Any]:
    """What `openapi_extra` says of a route whose body is JSON of some form."""
    schema = {"$ref": _REFERENCE.format(model=form.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def describe(app: FastAPI, bodies: Sequence[type[BaseModel]]) -> None:
    """Have an application describe its routes, and the forms that `body_of` names."""

    def description() -> dict[str, Any]:
        if app.openapi_schema is None:
            written = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
            )
            _, definitions = models_json_schema(
                [(form, "validation") for form in bodies], ref_template=_REFERENCE
            )
            written["components"]["schemas"].update(definitions["$defs"])
            app.openapi_schema = written
        return app.openapi_schema

    app.openapi = description  # type: ignore[method-assign] # as FastAPI documents it
