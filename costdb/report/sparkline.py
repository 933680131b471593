"""A line of numbers as a line of characters: ▁▁▁▅▅█."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Number = int | float

# More values than this are drawn together, the highest of them.
WIDTH = 60


@dataclass(frozen=True, slots=True)
class Pen:
    """The characters that are drawn with.

    Attributes:
        levels: From the lowest value to the highest.
        gap: Stands for an unknown value.
        rule: Divides two versions.
        up: Stands before an increase.
        down: Stands before a decrease.
    """

    levels: str
    gap: str
    rule: str
    up: str
    down: str

    @property
    def characters(self) -> str:
        """All of them, to see whether an encoding has them."""
        return f"{self.levels}{self.gap}{self.rule}{self.up}{self.down}"


BLOCKS = Pen("▁▂▃▄▅▆▇█", "·", "┄", "▲", "▼")
ASCII = Pen("_.-=+*%#", " ", "-", "^", "v")


def pen_for(encoding: str) -> Pen:
    """Block characters, or ASCII where an encoding has none."""
    try:
        BLOCKS.characters.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return BLOCKS


def sparkline(values: Sequence[Number | None], pen: Pen = BLOCKS, width: int = WIDTH) -> str:
    """Values as characters, one each, or one for several where they are more than the width.

    The lowest value has the lowest character and the highest the highest, whatever they are; equal
    values are all at the bottom. A peak among values that are drawn together is not lost.
    """
    highest = list(_highest(values, width))
    known = [value for value in highest if value is not None]
    if not known:
        return pen.gap * len(highest)
    low, reach = min(known), max(known) - min(known)
    top = len(pen.levels) - 1
    return "".join(
        pen.gap if value is None else pen.levels[int((value - low) * top // reach) if reach else 0]
        for value in highest
    )


def _highest(values: Sequence[Number | None], width: int) -> Iterator[Number | None]:
    """The highest value of each of so many stretches of about one length."""
    stretches = min(width, len(values))
    for number in range(stretches):
        start, end = (len(values) * edge // stretches for edge in (number, number + 1))
        yield max((value for value in values[start:end] if value is not None), default=None)
