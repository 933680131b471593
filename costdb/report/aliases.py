"""Aliases as listings and as JSON: `costdb.aliases/1`, `costdb.alias/1`."""

from collections.abc import Sequence
from typing import Any

from costdb.report.listing import Column, Listing
from costdb.store.records import AliasMove, AliasRecord


def aliases_listing(aliases: Sequence[AliasRecord]) -> Listing:
    """A row for each alias."""
    return Listing(
        tuple(map(Column, ("model", "alias", "version", "by", "since"))),
        [
            (one.model, one.name, one.tag, one.author, f"{one.updated_at:%Y-%m-%d %H:%M} UTC")
            for one in aliases
        ],
        footer=() if aliases else ("none yet: costdb alias set MODEL@TAG NAME",),
    )


def aliases_document(aliases: Sequence[AliasRecord]) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "schema": "costdb.aliases/1",
        "aliases": [
            {
                "model": one.model,
                "name": one.name,
                "tag": one.tag,
                "by": one.author,
                "updated_at": one.updated_at.isoformat(),
            }
            for one in aliases
        ],
    }


def move_sentence(move: AliasMove) -> str:
    """What became of an alias: "detector@prod: v2 -> v3"."""
    name = f"{move.model}@{move.name}"
    if move.after is None:
        return f"{name} is forgotten; it was {move.before}"
    if move.before is None:
        return f"{name} is {move.after} now"
    if move.before == move.after:
        return f"{name} is {move.after} already"
    return f"{name}: {move.before} -> {move.after}"


def move_listing(move: AliasMove) -> Listing:
    """The same for CSV and Markdown."""
    return Listing(
        tuple(map(Column, ("model", "alias", "before", "after"))),
        [(move.model, move.name, move.before, move.after)],
    )


def move_document(move: AliasMove) -> dict[str, Any]:
    """The same as JSON; null where the alias was or is none."""
    return {
        "schema": "costdb.alias/1",
        "model": move.model,
        "name": move.name,
        "before": move.before,
        "after": move.after,
    }
