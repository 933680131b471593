"""What `costdb serve` takes for granted; how it runs is in `tests/server/operations`."""

import pytest

from costdb.cli.serve import _is_private
from costdb.server.configuration import Listening


@pytest.mark.parametrize(
    ("listening", "private"),
    [
        pytest.param(Listening(), True, id="by default"),
        pytest.param(Listening("localhost"), True, id="the name of this machine"),
        pytest.param(Listening("127.0.0.2"), True, id="another address of it"),
        pytest.param(Listening("::1"), True, id="its address in IPv6"),
        pytest.param(Listening("0.0.0.0"), False, id="every address"),  # noqa: S104
        pytest.param(Listening("::"), False, id="every address in IPv6"),
        pytest.param(Listening("192.0.2.1"), False, id="an address of a network"),
        pytest.param(Listening("costs.example.org"), False, id="a name"),
        pytest.param(Listening(proxies=("127.0.0.1",)), False, id="behind a proxy"),
    ],
)
def test_only_this_machine_may_read_by_default(listening: Listening, *, private: bool) -> None:
    assert _is_private(listening) is private
