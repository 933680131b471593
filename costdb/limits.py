"""How much of the machine the reading of one artifact may take."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from costdb.errors import UsageError
from costdb.units import BYTE_UNITS, TIME_UNITS

# 18 digits are more than any machine has of anything.
_LIMIT = re.compile(r"(?P<name>\w+)=(?:(?P<number>[0-9]{1,18})\s*(?P<unit>[A-Za-z]*)|none)")
_EXAMPLE = "write --limit memory=4GiB, cpu=300s, time=10min or none"


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one artifact may take; None for no limit.

    Attributes:
        memory_bytes: Resident memory.
        cpu_seconds: Time of the processor, all threads together.
        wall_seconds: Time on the clock.
    """

    memory_bytes: int | None = 2 << 30
    cpu_seconds: int | None = 60
    wall_seconds: int | None = 120

    @staticmethod
    def parse(texts: Iterable[str]) -> "Limits":
        """The limits that are typed, the default ones where nothing is said.

        Args:
            texts: `memory=4GiB`, `cpu=300s`, `time=10min`, `memory=none`, or `none` for no limit at
                all; a later one overrides an earlier one.

        Raises:
            UsageError: One of them cannot be read.
        """
        limits = Limits()
        for text in texts:
            limits = Limits(None, None, None) if text == "none" else _with(limits, text)
        return limits


_FIELDS = {
    "memory": ("memory_bytes", BYTE_UNITS),
    "cpu": ("cpu_seconds", TIME_UNITS),
    "time": ("wall_seconds", TIME_UNITS),
}


def _with(limits: Limits, text: str) -> Limits:
    match = _LIMIT.fullmatch(text)
    if match is None:
        raise UsageError(f"--limit {text!r} is not NAME=AMOUNT", hint=_EXAMPLE)
    if match["name"] not in _FIELDS:
        raise UsageError(f"--limit {text!r} limits nothing that is known", hint=_EXAMPLE)
    field, units = _FIELDS[match["name"]]
    return replace(limits, **{field: _amount(match, units, text)})


def _amount(match: re.Match[str], units: Mapping[str, int], text: str) -> int | None:
    if match["number"] is None:
        return None
    if match["unit"] not in units:
        known = ", ".join(filter(None, units))
        raise UsageError(f"--limit {text!r} has no such unit", hint=f"units: {known}")
    amount = int(match["number"]) * units[match["unit"]]
    if amount == 0:
        raise UsageError(f"--limit {text!r} allows nothing", hint=_EXAMPLE)
    return amount
