"""A line of a few numbers as a drawing for a table's cell."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from costdb.report import escape
from costdb.report.history import told
from costdb.report.numbers import quantity
from costdb.report.sparkline import Number

if TYPE_CHECKING:
    from markupsafe import Markup

WIDTH, HEIGHT = 120, 28
_EDGE = 3


def trend(metric: str, values: Sequence[Number | None]) -> "Markup":
    """Values from the first to the last as a line that ends in a dot; unknown ones are left out.

    Args:
        metric: What they are of.
        values: By version.
    """
    from markupsafe import Markup  # noqa: PLC0415 - comes with Jinja2

    known = [(place, value) for place, value in enumerate(values) if value is not None]
    if not known:
        return Markup()
    went = told(metric, [value for _, value in known])
    label = f"{metric} over {quantity(len(values), 'version')}: {went}"
    dots = _dots(known, len(values))
    path = "L".join(f"{x} {y}" for x, y in dots)
    x, y = dots[-1]
    # The words come from numbers and from names of metrics, and are escaped all the same.
    return Markup(  # noqa: S704
        f'<svg class="trend" role="img" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' aria-label="{escape.markup(label)}"><title>{escape.markup(label)}</title>'
        f'<path class="line s0" d="M{path}"/><circle class="dot s0" cx="{x}" cy="{y}" r="2.5"/>'
        "</svg>"
    )


def _dots(known: Sequence[tuple[int, Number]], count: int) -> list[tuple[float, float]]:
    low, high = (pick(value for _, value in known) for pick in (min, max))
    reach = high - low
    return [
        (
            round(_EDGE + (WIDTH - 2 * _EDGE) * (place / (count - 1) if count > 1 else 1), 1),
            round(HEIGHT - _EDGE - (HEIGHT - 2 * _EDGE) * ((v - low) / reach if reach else 0.5), 1),
        )
        for place, v in known
    ]
