"""What a request is told that no route gets to see."""

from fastapi.responses import JSONResponse

from costdb.server.problems import Problem


def refusal(status: int, error: str, hint: str, **headers: str) -> JSONResponse:
    """An answer in the words of `costdb.server.problems`.

    Args:
        status: The HTTP status.
        error: What is wrong, with the value.
        hint: What to do next.
        headers: Names, with `_` for `-`, and values.
    """
    problem = Problem(kind="HTTPException", error=error, hint=hint)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse(problem.model_dump(), status, named)
