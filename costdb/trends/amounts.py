"""Amounts as policies write them: "2%", "10 MB", "10 MiB", "25 M"."""

import re
from collections.abc import Collection
from fractions import Fraction

from costdb.binding import nearest
from costdb.errors import ConfigurationError
from costdb.units import BYTE_UNITS

COUNT_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}

# Python refuses to read numbers of more than some thousand digits; no amount has so many.
_NUMBER = r"(?P<number>[0-9]{1,30}(?:\.[0-9]{1,30})?)"
_PERCENT = re.compile(rf"{_NUMBER}\s*%")
_AMOUNT = re.compile(rf"{_NUMBER}\s*(?P<unit>[A-Za-z]*)")


def parse_percent(text: str) -> Fraction | None:
    """The share that "2%" or "0.5 %" means, exactly; None for what is no percentage."""
    match = _PERCENT.fullmatch(text)
    return Fraction(match["number"]) / 100 if match else None


def parse_amount(text: str, *, is_bytes: bool) -> int:
    """The number that an amount with a unit means.

    Args:
        text: "10 MB", "10 MiB" or "512" of bytes; "25 M", "1.5 G" or "512" of anything else.
        is_bytes: Which of both it is an amount of.

    Raises:
        ConfigurationError: It is none, its unit is none of these, or it is no whole number.
    """
    example = '"10 MB"' if is_bytes else '"25 M"'
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ConfigurationError(f"{text!r} is no amount", hint=f"write {example}")
    units = BYTE_UNITS if is_bytes else COUNT_UNITS
    number, unit = match["number"], match["unit"]
    if unit not in units:
        counted = "bytes" if is_bytes else "a count"
        raise ConfigurationError(
            f"{text!r} has {unit!r}, which is no unit of {counted}", hint=_unit_hint(unit, units)
        )
    amount = Fraction(number) * units[unit]
    if amount.denominator != 1:
        raise ConfigurationError(f"{text!r} is no whole number", hint=f"write {example}")
    return amount.numerator


def _unit_hint(unit: str, units: Collection[str]) -> str:
    known = [name for name in units if name]
    in_another_case = (name for name in known if name.lower() == unit.lower())
    return nearest(next(in_another_case, unit), known, "units")
