"""A listing: what every command that prints rows hands to a renderer.

Values stay numbers until a renderer writes them, so that CSV and JSON are exact and a table reads
well.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from costdb.report.numbers import UNKNOWN, exact, format_column, format_ratio

Value = int | float | str | None


class Unit(Enum):
    """What a column's numbers are of."""

    TEXT = ""
    COUNT = "count"  # 4.09 G
    BYTES = "bytes"  # 102.55 MB
    EXACT = "exact"  # 1,024
    CHANGE = "change"  # +1,024
    RATIO = "ratio"  # 12.35
    WRITTEN = "written"  # numbers of several kinds, as text
    VERDICT = "verdict"  # text, coloured by what it says

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers, set to the right."""
        return self not in {Unit.TEXT, Unit.VERDICT}


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, and how its values are written."""

    name: str
    unit: Unit = Unit.TEXT


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows under headings.

    Attributes:
        columns: As many as each row has values.
        rows: None is an unknown value.
        title: Printed above a table only.
        footer: Lines below a table only.
    """

    columns: tuple[Column, ...]
    rows: Sequence[tuple[Value, ...]]
    title: str = ""
    footer: tuple[str, ...] = ()


def cells_by_column(listing: Listing, escape: Callable[[str], str]) -> list[list[str]]:
    """The rows' values as text, a list for each column; text goes through `escape`."""
    return [
        _cells(column, [row[position] for row in listing.rows], escape)
        for position, column in enumerate(listing.columns)
    ]


def _cells(column: Column, values: Sequence[Value], escape: Callable[[str], str]) -> list[str]:
    if column.unit in {Unit.COUNT, Unit.BYTES}:
        suffix = "B" if column.unit is Unit.BYTES else ""
        numbers = [value for value in values if not isinstance(value, str)]
        written = iter(format_column([n if isinstance(n, int) else None for n in numbers], suffix))
        return [escape(value) if isinstance(value, str) else next(written) for value in values]
    write = {Unit.CHANGE: _signed, Unit.RATIO: _ratio}.get(column.unit, _exact)
    return [escape(value) if isinstance(value, str) else write(value) for value in values]


def _exact(value: float | None) -> str:
    if value is None:
        return UNKNOWN
    return exact(value) if isinstance(value, int) else f"{value:,.2f}"


def _signed(value: float | None) -> str:
    return f"+{_exact(value)}" if value is not None and value > 0 else _exact(value)


def _ratio(value: float | None) -> str:
    return UNKNOWN if value is None else format_ratio(value)
