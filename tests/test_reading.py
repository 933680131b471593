"""How files are to be read."""

from collections.abc import Sequence

import pytest

from costdb.limits import Limits
from costdb.reading import Reading, under_settings
from costdb.settings import Settings


@pytest.mark.parametrize(
    ("in_file", "typed", "expected"),
    [
        pytest.param((), (), Limits(), id="neither"),
        pytest.param(("cpu=9",), (), Limits(cpu_seconds=9), id="costdb.toml"),
        pytest.param(("cpu=9",), ("cpu=7",), Limits(cpu_seconds=7), id="the flag comes first"),
        pytest.param(("cpu=9",), ("time=7",), Limits(2 << 30, 9, 7), id="each by itself"),
        pytest.param(("cpu=9",), ("none",), Limits(None, None, None), id="no limit at all"),
    ],
)
def test_limits(in_file: Sequence[str], typed: Sequence[str], expected: Limits) -> None:
    settings = Settings("unused", limits=tuple(in_file))
    wanted = under_settings(Reading(limits=typed, strict=True), settings)
    assert Limits.parse(wanted.limits) == expected
    assert wanted.strict


def test_no_reading_is_the_default_one() -> None:
    assert under_settings(None, Settings("unused")) == Reading()
