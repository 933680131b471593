"""What became of many files: a listing, rows and JSON, `costdb.batch/1`."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from costdb.report.listing import Column, Listing
from costdb.report.numbers import quantity

if TYPE_CHECKING:
    from costdb.batch import Result

FAILED, SKIPPED = "failed", "done before"


def batch_listing(results: "Sequence[Result]") -> Listing:
    """How many files each thing happened to, and a row for each that failed."""
    counted = Counter(map(_status, results))
    summary = ", ".join(f"{count:,} {status}" for status, count in counted.items())
    return Listing(
        (Column("file"), Column("tag"), Column("failed")),
        [
            (result.entry.location, result.entry.tag, result.error.message)
            for result in results
            if result.error is not None
        ],
        footer=(f"{quantity(len(results), 'file')}: {summary}" if results else "no files",),
    )


def batch_rows(results: "Sequence[Result]") -> Listing:
    """A row for each file, for CSV."""
    names = ("file", "model", "tag", "status", "error")
    return Listing(tuple(map(Column, names)), [tuple(_row(r).values()) for r in results])


def batch_document(results: "Sequence[Result]") -> dict[str, Any]:
    """Every file, in order."""
    return {"schema": "costdb.batch/1", "files": [_row(result) for result in results]}


def _row(result: "Result") -> dict[str, str]:
    return {
        "file": result.entry.location,
        "model": result.entry.model,
        "tag": result.entry.tag,
        "status": _status(result),
        "error": result.error.message if result.error else "",
    }


def _status(result: "Result") -> str:
    if result.error is not None:
        return FAILED
    return result.status.value if result.status else SKIPPED
