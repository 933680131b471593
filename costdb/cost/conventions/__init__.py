"""The counting conventions, a file each.

A convention is a module-level value made by `costdb.cost.convention.convention`; whatever stands in
a module of this package is found here, there is nothing to register.
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from costdb.binding import nearest
from costdb.cost.convention import Convention
from costdb.cost.discovery import module_values
from costdb.errors import UsageError

ARTICLE = "article"


@cache
def conventions() -> Mapping[str, Convention]:
    """Every convention by its name."""
    values = module_values(__name__, __path__)
    return MappingProxyType({each.name: each for each in values if isinstance(each, Convention)})


def convention_named(name: str) -> Convention:
    """A convention by its name.

    Raises:
        UsageError: There is none of that name.
    """
    known = conventions()
    if name not in known:
        raise UsageError(f"no convention {name!r}", hint=nearest(name, known, "the conventions"))
    return known[name]
