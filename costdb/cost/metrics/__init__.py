"""The derived metrics, a file each.

A derived metric is a module-level value made by `costdb.cost.metric.derived_metric`; whatever
stands in a module of this package is found here, there is nothing to register. None is stored.
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from costdb.binding import nearest
from costdb.cost.discovery import module_values
from costdb.cost.metric import DerivedMetric
from costdb.errors import UsageError


@cache
def derived_metrics() -> Mapping[str, DerivedMetric]:
    """Every derived metric by its name."""
    values = module_values(__name__, __path__)
    return MappingProxyType({each.name: each for each in values if isinstance(each, DerivedMetric)})


def derived(name: str) -> DerivedMetric:
    """A derived metric by its name: a function of the totals.

    Raises:
        UsageError: There is none of that name.
    """
    known = derived_metrics()
    if name not in known:
        raise UsageError(f"no metric {name!r}", hint=nearest(name, known, "the derived metrics"))
    return known[name]
