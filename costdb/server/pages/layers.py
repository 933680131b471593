"""The layers of a version, or of a module of it, as a table that can be sorted by links."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from costdb.cost.result import LayerCost
from costdb.report.analysis import METRIC_UNITS, Grouping, Sums, first_shape
from costdb.report.icicle import own_name
from costdb.report.listing import Column, Listing, Unit, Value
from costdb.report.numbers import percent
from costdb.trends.scopes import model_module

ROWS_SHOWN = 25

COLUMNS = ("macs", "flops", "params", "weight_bytes", "traffic_bytes", "activation_bytes")

# A layer with its position.
Placed = tuple[int, LayerCost]


class Key(NamedTuple):
    """What a row is about: a module or a layer to look into, or else just a name."""

    name: str
    scope: str | None = None
    layer: int | None = None


@dataclass(frozen=True, slots=True)
class LayerTable:
    """Rows, and what they are about.

    Attributes:
        listing: The rows.
        keys: One for each of them.
        sorted_column: By which the rows are sorted.
        left_out: How many rows there are besides.
    """

    listing: Listing
    keys: tuple[Key, ...]
    sorted_column: int
    left_out: int


def layer_table(
    layers: Sequence[Placed], scope: str, by: Grouping, sort: str, *, top: int | None
) -> LayerTable:
    """The largest parts first.

    Args:
        layers: Those of a module.
        scope: The module.
        by: How they are grouped; by scope means what the module directly consists of.
        sort: One of `COLUMNS`.
        top: How many rows; None for all.
    """
    # A module that holds the whole model says nothing.
    key_of = _key_of(by, scope or model_module(layer for _, layer in layers))
    groups: dict[Key, list[LayerCost]] = {}
    for placed in layers:
        groups.setdefault(key_of(placed), []).append(placed[1])
    sums = [(key, members, Sums(members)) for key, members in groups.items()]
    whole = sum(entry[-1][sort] for entry in sums)
    ordered = sorted(sums, key=lambda entry: -entry[-1][sort])
    shown = ordered[:top]
    heads = _heads(by)
    listing = Listing(
        (
            *heads,
            Column(f"of {sort}", Unit.WRITTEN),
            *(Column(name, METRIC_UNITS[name]) for name in COLUMNS),
            Column("counted"),
        ),
        [
            (
                *_labels(by, key, members),
                percent(total[sort], whole),
                *(total[name] for name in COLUMNS),
                total.counted,
            )
            for key, members, total in shown
        ],
    )
    column = len(heads) + 1 + COLUMNS.index(sort)
    return LayerTable(listing, tuple(key for key, *_ in shown), column, len(ordered) - len(shown))


def _key_of(by: Grouping, scope: str) -> Callable[[Placed], Key]:
    inside = f"{scope}/" if scope else ""

    def part(placed: Placed) -> Key:
        position, layer = placed
        if not layer.scope.startswith(inside) or layer.scope == scope:
            return Key(own_name(layer), layer=position)
        child = layer.scope.removeprefix(inside).partition("/")[0]
        return Key(child, scope=inside + child)

    keys: dict[Grouping, Callable[[Placed], Key]] = {
        Grouping.SCOPE: part,
        Grouping.OP: lambda placed: Key(placed[1].op),
        Grouping.DTYPE: lambda placed: Key(placed[1].dtype.value if placed[1].dtype else "unknown"),
        Grouping.LAYER: lambda placed: Key(own_name(placed[1]), layer=placed[0]),
    }
    return keys[by]


def _heads(by: Grouping) -> tuple[Column, ...]:
    if by is Grouping.LAYER:
        return (Column("layer"), Column("op"), Column("output"))
    return (Column("part" if by is Grouping.SCOPE else by.value), Column("layers", Unit.EXACT))


def _labels(by: Grouping, key: Key, members: Sequence[LayerCost]) -> tuple[Value, ...]:
    if by is Grouping.LAYER:
        return key.name, members[0].op, first_shape(members[0])
    return key.name, len(members)
