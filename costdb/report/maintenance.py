"""What looking after a database found and did: listings, and JSON."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from costdb.report.listing import Column, Listing, Unit

if TYPE_CHECKING:
    from costdb.maintenance import Problem, Recosted


def problems_listing(problems: "Sequence[Problem]") -> Listing:
    """A row for each problem."""
    return Listing(
        (Column("table"), Column("row"), Column("problem")),
        [(problem.table, problem.row, problem.text) for problem in problems],
        footer=() if problems else ("nothing is wrong",),
    )


def problems_document(problems: "Sequence[Problem]") -> dict[str, Any]:
    """The problems, as `costdb.doctor/1`."""
    return {
        "schema": "costdb.doctor/1",
        "problems": [
            {"table": problem.table, "row": problem.row, "text": problem.text}
            for problem in problems
        ],
    }


def recost_listing(done: "Recosted") -> Listing:
    """A row for each metric of a model's latest version that the rules moved."""
    failed = [
        f"not costed: {failure.version} ({failure.digest}): {failure.reason}"
        for failure in done.failures
    ]
    count = done.structures - len(done.failures)
    return Listing(
        (
            Column("version"),
            Column("point"),
            Column("metric"),
            Column("old rules", Unit.EXACT),
            Column("by old rules", Unit.EXACT),
            Column("by today's", Unit.EXACT),
            Column("rules changed", Unit.CHANGE),
            Column("since"),
            Column("model changed", Unit.CHANGE),
        ),
        [
            (
                f"{moved.model}@{moved.tag}",
                moved.point,
                moved.metric,
                moved.old_rules,
                moved.by_old_rules,
                moved.value,
                moved.by_rules,
                moved.first_tag,
                moved.by_model,
            )
            for moved in done.moved
        ],
        footer=(
            f"{count} of {done.structures} structures without a cost by today's rules were costed"
            if done.structures
            else "every stored structure has a cost by today's rules",
            *failed,
            *(
                ()
                if done.moved
                else ("today's rules say of every latest version what older ones did",)
            ),
        ),
    )


def recost_document(done: "Recosted") -> dict[str, Any]:
    """The same as `costdb.recost/1`."""
    return {
        "schema": "costdb.recost/1",
        "structures": done.structures,
        "failures": [
            {"structure": failure.digest, "version": failure.version, "reason": failure.reason}
            for failure in done.failures
        ],
        "moved": [
            {
                "model": moved.model,
                "tag": moved.tag,
                "point": moved.point,
                "metric": moved.metric,
                "old_rules": moved.old_rules,
                "by_old_rules": moved.by_old_rules,
                "value": moved.value,
                "by_rules": moved.by_rules,
                "first_tag": moved.first_tag,
                "by_model": moved.by_model,
            }
            for moved in done.moved
        ],
    }
