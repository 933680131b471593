"""The database: every version of every model, what it costs, and what was said of it.

This package is the only one that knows SQL. `open_store` is the way in; `store.engine` is what
the functions of `write` and `read`, `history` and `stored` take. `records` is what they return,
and loads no SQLAlchemy.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from costdb.store.opening import Store, Upgraded, open_store, require_current, upgrade_store

__all__ = ["Store", "Upgraded", "open_store", "require_current", "upgrade_store"]


def __getattr__(name: str) -> object:
    """Load SQLAlchemy with the first name that needs it."""
    if name in __all__:
        return getattr(importlib.import_module("costdb.store.opening"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
