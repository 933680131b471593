"""Numbers as people read them: 4.09 G, 102.55 MB, +12.0 %."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

PREFIXES = ((10**18, "E"), (10**15, "P"), (10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))

UNKNOWN = "-"


def exact(value: int) -> str:
    """All digits, in groups: 4,089,184,256."""
    return f"{value:,}"


def quantity(number: int, noun: str) -> str:
    """How many of something there are: 1 layer, 2,000 layers."""
    return f"{exact(number)} {noun}{'' if number == 1 else 's'}"


def format_count(value: int, suffix: str = "") -> str:
    """One number with an SI prefix and two decimals; small ones exactly: 4.09 G, 812.

    Args:
        value: The number.
        suffix: Its unit, such as "B".
    """
    return format_column([value], suffix)[0]


def format_ratio(value: float) -> str:
    """A number that need not be whole: 12.35; below 1 four digits that count: 0.001235."""
    if isinstance(value, int):
        return format_count(value)
    return f"{value:,.2f}" if abs(value) >= 1 else f"{value:.4g}"


def format_column(values: Sequence[int | None], suffix: str = "") -> list[str]:
    """Numbers that stand below each other, all with one prefix.

    Two different numbers that would look the same are all written out in full instead.

    Args:
        values: None is written as a dash.
        suffix: The unit, such as "B".
    """
    known = [value for value in values if value is not None]
    scale, prefix = _prefix(max(map(abs, known), default=0))
    written = [_scaled(value, scale, prefix, suffix) for value in values]
    distinct = dict(zip(values, written, strict=True))
    if len(set(distinct.values())) < len(distinct):
        return [_scaled(value, 1, "", suffix) for value in values]
    return written


def format_change(old: int, new: int) -> str:
    """The change in percent, with a sign; from zero, both values: +12.00 %, new (0 -> 5).

    A change that two decimals would hide is written out: +2.
    """
    if old == new:
        return "0 %"
    if old == 0:
        return f"new (0 -> {new:,})"
    percent = Fraction(new - old, abs(old)) * 100
    text = f"{float(percent):+,.2f} %"
    return text if text[1:] != "0.00 %" else f"{new - old:+,}"


def _prefix(largest: int) -> tuple[int, str]:
    return next(((scale, name) for scale, name in PREFIXES if largest >= scale), (1, ""))


def _scaled(value: int | None, scale: int, prefix: str, suffix: str) -> str:
    if value is None:
        return UNKNOWN
    unit = f" {prefix}{suffix}" if prefix or suffix else ""
    if scale == 1:
        return f"{value:,}{unit}"
    return f"{value / scale:,.2f}{unit}"


def percent(part: int, whole: int) -> str:
    """A share in percent, rounded: 71 %, <1 %."""
    if not whole:
        return UNKNOWN
    rounded = round(Fraction(part * 100, whole))
    return "<1 %" if part and not rounded else f"{rounded} %"


def joined(parts: Iterable[str]) -> str:
    """Parts that are not empty, separated by commas."""
    return ", ".join(part for part in parts if part)
