"""Policies as their files write them."""

import json
from collections.abc import Iterable, Mapping
from typing import Any


def policy_text(tables: Iterable[Mapping[str, Any]]) -> str:
    """A policy file with these rules: a head, a line for each key, and an empty line for each.

    JSON writes text, numbers, truth values and lists as TOML does.
    """
    return "\n".join(
        "".join(
            ["[[rules]]\n", *(f"{key} = {json.dumps(value)}\n" for key, value in table.items())]
        )
        for table in tables
    )
