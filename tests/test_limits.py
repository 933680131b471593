import pytest

from costdb.errors import UsageError
from costdb.limits import Limits

DEFAULT = Limits(2 * 1024**3, 60, 120)


@pytest.mark.parametrize(
    ("texts", "limits"),
    [
        ([], DEFAULT),
        (["memory=4GiB"], Limits(4 * 1024**3, 60, 120)),
        (["memory=512 MB", "cpu=300s", "time=10min"], Limits(512_000_000, 300, 600)),
        (["time=1h", "cpu=5"], Limits(2 * 1024**3, 5, 3600)),
        (["memory=none"], Limits(None, 60, 120)),
        (["none"], Limits(None, None, None)),
        (["none", "cpu=7s"], Limits(None, 7, None)),
        (["cpu=7s", "cpu=8s"], Limits(2 * 1024**3, 8, 120)),
    ],
    ids=str,
)
def test_limits_as_they_are_typed(texts: list[str], limits: Limits) -> None:
    assert Limits.parse(texts) == limits


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "NAME=AMOUNT"),
        ("memory", "NAME=AMOUNT"),
        ("memory=", "NAME=AMOUNT"),
        ("memory=-1GiB", "NAME=AMOUNT"),
        ("memory=1.5GiB", "NAME=AMOUNT"),
        ("memory=" + "9" * 40, "NAME=AMOUNT"),
        ("memory=4gib", "no such unit"),
        ("cpu=4GiB", "no such unit"),
        ("disk=4GiB", "limits nothing"),
        ("cpu=0s", "allows nothing"),
    ],
)
def test_what_is_no_limit(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as raised:
        Limits.parse([text])
    assert raised.value.hint
