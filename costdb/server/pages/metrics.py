"""What a page can show of a version: stored and derived metrics."""

from costdb.binding import nearest
from costdb.cost.metrics import derived_metrics
from costdb.cost.result import METRICS
from costdb.errors import UsageError

LEADING = "macs"


def shown_metrics() -> tuple[str, ...]:
    """The metrics that a whole model has."""
    return (*METRICS, *derived_metrics())


def check_metric(name: str, known: tuple[str, ...] | None = None) -> None:
    """See that a metric is one of those known, or of a whole model. Raises UsageError."""
    allowed = known or shown_metrics()
    if name not in allowed:
        raise UsageError(f"no metric {name!r} here", hint=nearest(name, allowed, "metrics"))
