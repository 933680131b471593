"""The derived metrics, a file each.

A derived metric is a module-level value made by `costdb.cost.metric.derived_metric`; whatever
stands in a module of this package is found here, there is nothing to register. None is stored.
"""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType

from costdb.binding import nearest
from costdb.cost.metric import DerivedMetric
from costdb.errors import UsageError


@cache
def derived_metrics() -> Mapping[str, DerivedMetric]:
    """Every derived metric by its name."""
    modules = [
        import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)
    ]
    found = [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, DerivedMetric)
    ]
    return MappingProxyType({each.name: each for each in found})


def derived(name: str) -> DerivedMetric:
    """A derived metric by its name: a function of the totals.

    Raises:
        UsageError: There is none of that name.
    """
    known = derived_metrics()
    if name not in known:
        raise UsageError(f"no metric {name!r}", hint=nearest(name, known, "the derived metrics"))
    return known[name]
