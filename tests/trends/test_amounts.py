"""Amounts as policies write them; prefixes are those of SI and IEC 80000-13."""

from fractions import Fraction

import pytest

from costdb.errors import ConfigurationError
from costdb.trends.amounts import parse_amount, parse_percent


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2%", Fraction(1, 50), id="percent"),
        pytest.param("0.1 %", Fraction(1, 1000), id="a decimal fraction, exactly"),
        pytest.param("150%", Fraction(3, 2), id="more than all"),
        pytest.param("-2%", None, id="negative"),
        pytest.param("2", None, id="no percent"),
    ],
)
def test_percent(text: str, expected: Fraction | None) -> None:
    assert parse_percent(text) == expected


@pytest.mark.parametrize(
    ("text", "is_bytes", "expected"),
    [
        pytest.param("10 MB", True, 10_000_000, id="SI"),
        pytest.param("10 MiB", True, 10_485_760, id="binary: 10 * 1024 * 1024"),
        pytest.param("1kB", True, 1_000, id="without a space"),
        pytest.param("2 GiB", True, 2_147_483_648, id="GiB"),
        pytest.param("1 TB", True, 10**12, id="TB"),
        pytest.param("512", True, 512, id="plain bytes"),
        pytest.param("25 M", False, 25_000_000, id="a count"),
        pytest.param("1.5 G", False, 1_500_000_000, id="a decimal fraction"),
        pytest.param("0.1 k", False, 100, id="a fraction that no float holds"),
        pytest.param("7", False, 7, id="a plain count"),
    ],
)
def test_amount(text: str, *, is_bytes: bool, expected: int) -> None:
    assert parse_amount(text, is_bytes=is_bytes) == expected


@pytest.mark.parametrize(
    ("text", "is_bytes", "message", "hint"),
    [
        pytest.param("much", True, "'much' is no amount", 'write "10 MB"', id="no number"),
        pytest.param("-1 M", False, "'-1 M' is no amount", 'write "25 M"', id="negative"),
        pytest.param(
            "10 mb", True, "'10 mb' has 'mb', which is no unit of bytes", "did you mean 'MB'?",
            id="the wrong case",
        ),
        pytest.param(
            "10 Mib", True, "'10 Mib' has 'Mib', which is no unit of bytes",
            "did you mean 'MiB'?", id="the wrong case of a binary unit",
        ),
        pytest.param(
            "10 MB", False, "'10 MB' has 'MB', which is no unit of a count", "did you mean 'M'?",
            id="bytes of a count",
        ),
        pytest.param(
            "10 M", True, "'10 M' has 'M', which is no unit of bytes", "did you mean 'MB'?",
            id="a count of bytes",
        ),
        pytest.param(
            "3 dozen", False, "'3 dozen' has 'dozen', which is no unit of a count",
            "units: G, M, P, T, k", id="no unit",
        ),
        pytest.param("0.5 B", True, "'0.5 B' is no whole number", 'write "10 MB"', id="a half"),
        pytest.param("9" * 5000, False, f"{'9' * 5000!r} is no amount", 'write "25 M"', id="huge"),
    ],
)  # fmt: skip
def test_wrong_amounts(text: str, message: str, hint: str, *, is_bytes: bool) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_amount(text, is_bytes=is_bytes)
    assert (caught.value.message, caught.value.hint) == (message, hint)
