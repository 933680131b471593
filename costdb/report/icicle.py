"""Parts of a model as an icicle: each row is a level of modules, each box as wide as its share.

A pure function from layers to SVG. Places are percentages, so that letters keep their size on every
screen; what does not fit in a box is cut off by it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from costdb.cost.result import LayerCost
from costdb.report import escape
from costdb.report.analysis import METRIC_UNITS
from costdb.report.listing import Unit
from costdb.report.numbers import format_count, percent, quantity
from costdb.trends.scopes import layer_amount

LEVELS = 5
_WHOLE = "the whole model"
_ROW = 30

# Boxes that are narrower than this, in percent of the width, are drawn together.
_NARROWEST = 0.4

# A box shows its name where that fits, or so many characters of it; one takes, on a page as wide as
# they get, about so much of the width in percent.
_LEAST_SHOWN = 9
_CHARACTER = 0.65


@dataclass(slots=True)
class Part:
    """A module or a layer.

    Attributes:
        path: The module path.
        name: Its last part; of a layer, its own name.
        layer: The position of the layer; None for a module.
        amount: What it costs.
        layers: How many layers it has.
        parts: What it consists of, in the order of the graph.
    """

    path: str
    name: str
    layer: int | None = None
    amount: int = 0
    layers: int = 0
    parts: dict[object, "Part"] = field(default_factory=dict)


def part_of(layers: Sequence[tuple[int, LayerCost]], scope: str, metric: str) -> Part:
    """A module with all that lies in it.

    Args:
        layers: Positions and costs of its layers.
        scope: Its path; empty for the whole model.
        metric: A metric that is a sum over layers.
    """
    top = Part(scope, scope.rpartition("/")[2])
    depth = len(scope.split("/")) if scope else 0
    for position, layer in layers:
        amount = layer_amount(layer, metric)
        inner = top
        names = layer.scope.split("/")[depth : depth + LEVELS] if layer.scope else []
        _add(inner, amount)
        for name in names:
            path = f"{inner.path}/{name}" if inner.path else name
            inner = inner.parts.setdefault(name, Part(path, name))
            _add(inner, amount)
        leaf = Part(layer.scope, own_name(layer), position)
        _add(leaf, amount)
        inner.parts[position] = leaf
    return top


def own_name(layer: LayerCost) -> str:
    """A layer's name without its module."""
    return layer.name.removeprefix(f"{layer.scope}/") or layer.name


def _add(part: Part, amount: int) -> None:
    part.amount += amount
    part.layers += 1


def is_in(layer: LayerCost, scope: str) -> bool:
    """Whether a layer lies in a module, or in one inside of it."""
    return not scope or layer.scope == scope or layer.scope.startswith(f"{scope}/")


def svg(top: Part, metric: str, link: Callable[[Part], str]) -> str:
    """The drawing as an SVG element as wide as what it is in.

    Args:
        top: What is drawn; it costs something.
        metric: What widths are of.
        link: The address of a module or a layer.
    """
    boxes = list(_boxes(top, 0.0, 100.0, 0))
    depth = max(box.level for box in boxes) + 1
    label = escape.markup(f"{metric} of {top.path or 'the model'} by module and layer")
    size = f'width="100%" height="{depth * _ROW}"'
    return "\n".join(
        [
            f'<svg class="icicle" {size} role="group" aria-label="{label}">',
            *(_box(box, top.amount, metric, link) for box in boxes),
            "</svg>",
        ]
    )


@dataclass(frozen=True, slots=True)
class _Box:
    """A box; its part is None where it stands for several narrow ones."""

    part: Part | None
    left: float
    width: float
    level: int
    amount: int
    number: int = 1


def _boxes(part: Part, left: float, width: float, level: int) -> Iterator[_Box]:
    yield _Box(part, left, width, level, part.amount)
    if level + 1 == LEVELS or not part.amount:
        return
    narrow: list[Part] = []
    for inner in part.parts.values():
        share = width * inner.amount / part.amount
        if share < _NARROWEST:
            narrow.append(inner)
            continue
        yield from _boxes(inner, left, share, level + 1)
        left += share
    amount = sum(inner.amount for inner in narrow)
    if amount:
        yield _Box(None, left, width * amount / part.amount, level + 1, amount, len(narrow))


def _box(box: _Box, whole: int, metric: str, link: Callable[[Part], str]) -> str:
    suffix = "B" if METRIC_UNITS[metric] is Unit.BYTES else ""
    share = percent(box.amount, whole)
    cost = escape.markup(f"{format_count(box.amount, suffix)} {metric}, {share}")
    place = f'x="{box.left:.3f}%" width="{box.width:.3f}%" y="{box.level * _ROW}"'
    shape = f'<svg {place} height="{_ROW - 2}"><rect class="box" width="100%" height="100%"/>'
    if box.part is None:
        title = f"<title>{quantity(box.number, 'smaller part')}\n{cost}</title>"
        return f'<g class="reading rest">{title}{shape}</svg></g>'
    part = box.part
    title = f"<title>{_said(part)}, {cost}</title>"
    look = "top" if box.level == 0 else "leaf" if part.layer is not None else f"l{box.level % 2}"
    address = escape.markup(link(part))
    return f'<a class="reading {look}" href="{address}">{title}{shape}{_name(box, part)}</svg></a>'


def _said(part: Part) -> str:
    """Where a part is, and how large."""
    path = part.path or _WHOLE
    kind = quantity(part.layers, "layer")
    if part.layer is not None:
        path, kind = "/".join(filter(None, (part.path, part.name))), "layer"
    return f"{escape.markup(path)}\n{kind}"


def _name(box: _Box, part: Part) -> str:
    """The name inside of a box, if there is room for it."""
    called = part.name or _WHOLE
    if box.width < _CHARACTER * (min(len(called), _LEAST_SHOWN) + 1):
        return ""
    return f'<text x="6" y="{_ROW // 2 + 3}">{escape.markup(called)}</text>'
