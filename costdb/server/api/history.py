"""What versions cost, one after the other."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from costdb.api import parse_metrics
from costdb.errors import UsageError
from costdb.report.history import history_json
from costdb.server.access import Reader, Visitor
from costdb.server.api.schema import HistoryDocument
from costdb.server.names import VISIBLE, Branch, require_model
from costdb.server.service import Service, Serving
from costdb.store import read
from costdb.store.history import Selection, history_pieces
from costdb.store.names import LONGEST_NAME
from costdb.store.records import Series, TokenScope

router = APIRouter(tags=["history"])

_MOST_NAMES = 100
# A statement takes no more names than that.
_MOST_MODELS = 10_000
_CHUNK_CHARACTERS = 1 << 16
_CHUNKS_HELD = 64

Name = Annotated[str, Field(pattern=VISIBLE, max_length=LONGEST_NAME)]
Bound = Annotated[
    str | None,
    Query(description="A tag, or a day as 2026-01-31.", pattern=r"^[^\x00]+$", max_length=255),
]


@router.get(
    "/history",
    response_class=StreamingResponse,
    responses={200: {"model": HistoryDocument, "content": {"application/json": {}}}},
)
def history(
    *,
    service: Serving,
    visitor: Reader,
    model: Annotated[
        list[Name], Query(description="Models; all if none.", max_length=_MOST_NAMES)
    ] = [],  # noqa: B006 - FastAPI copies defaults
    point: Annotated[
        list[Name], Query(description="Operating points; all if none.", max_length=_MOST_NAMES)
    ] = [],  # noqa: B006
    branch: Branch = None,
    last: Annotated[
        int | None, Query(description="So many of each branch.", ge=1, le=2**31 - 1)
    ] = None,
    since: Bound = None,
    until: Bound = None,
    archived: Annotated[bool, Query(description="Archived versions, too.")] = False,
    metric: Annotated[
        list[Name], Query(description="Derived metrics.", max_length=_MOST_NAMES)
    ] = [],  # noqa: B006
) -> StreamingResponse:
    """The totals of versions by model, operating point and branch; of every model if none is named.

    Every stored metric is told; `metric` asks for derived ones besides.
    """
    selection: Selection = {
        "points": point,
        "branch": branch,
        "last": last,
        "since": since,
        "until": until,
        "archived": archived,
    }
    names = _models(service, visitor, model)
    pieces = iter(()) if names is None else history_pieces(service.engine, *names, **selection)
    metrics = parse_metrics(",".join(metric)) if metric else ()
    chunks = _chunks(history_json(_begun(pieces), metrics))
    # While an answer of a usual length is sent, however slowly, it holds no connection.
    ready = list(islice(chunks, _CHUNKS_HELD))
    return StreamingResponse(chain(ready, chunks), media_type="application/json")


def _models(service: Service, visitor: Visitor, asked: list[str]) -> list[str] | None:
    """The models to tell of; none for all, and None where the visitor may read of no model."""
    for name in asked:
        require_model(visitor, TokenScope.READ, name)
    if asked or visitor.may_read_all:
        return asked
    names = [
        name for name in read.model_names(service.engine) if visitor.may(TokenScope.READ, name)
    ]
    if len(names) > _MOST_MODELS:
        raise UsageError(
            f"these are {len(names):,} models, too many for one answer", hint="name some of them"
        )
    return names or None


def _begun(pieces: Iterator[Series]) -> Iterator[Series]:
    """The same, of which the first one is there: what can go wrong does so before an answer starts.

    Raises:
        CostdbError: As `costdb.store.history.history_pieces`.
    """
    first = next(pieces, None)
    return iter(()) if first is None else chain([first], pieces)


def _chunks(texts: Iterable[str]) -> Iterator[str]:
    """The same text in pieces that are worth sending."""
    waiting: list[str] = []
    size = 0
    for text in texts:
        waiting.append(text)
        size += len(text)
        if size >= _CHUNK_CHARACTERS:
            yield "".join(waiting)
            waiting, size = [], 0
    yield "".join(waiting)
