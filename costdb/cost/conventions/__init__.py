"""The counting conventions, a file each.

A convention is a module-level value made by `costdb.cost.convention.convention`; whatever stands in
a module of this package is found here, there is nothing to register.
"""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType

from costdb.binding import nearest
from costdb.cost.convention import Convention
from costdb.errors import UsageError

ARTICLE = "article"


@cache
def conventions() -> Mapping[str, Convention]:
    """Every convention by its name."""
    modules = [
        import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)
    ]
    found = [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, Convention)
    ]
    return MappingProxyType({each.name: each for each in found})


def convention_named(name: str) -> Convention:
    """A convention by its name.

    Raises:
        UsageError: There is none of that name.
    """
    known = conventions()
    if name not in known:
        raise UsageError(f"no convention {name!r}", hint=nearest(name, known, "the conventions"))
    return known[name]
