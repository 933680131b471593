"""The ledger: real networks cost the same in every format, and what their makers say.

`tests/models.toml` has the numbers and where they are from. Networks that are marked `slice` run
with every `make test`; `make ledger` runs all of them.
"""

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from builders import networks

from costdb import api

RUNS_ALL = os.environ.get("COSTDB_TEST_LEDGER") == "all"


@dataclass(frozen=True, slots=True)
class Network:
    """An entry of the ledger.

    Attributes:
        name: What it is called.
        build: Its builder in `builders.networks`.
        inputs: Shapes as they are typed, in order.
        formats: What it is exported to.
        macs: In every format.
        params: As its maker counts them.
        buffers: The same; None if no one says.
        ops: torchvision's `_ops`, in GMACs.
        slice: Whether it runs with every `make test`.
        params_in: Format -> its own number, where the exporter changed the network.
        macs_in: The same for MACs.
        reason: Why.
    """

    name: str
    build: str
    inputs: list[str]
    formats: list[str]
    macs: int
    params: int
    buffers: int | None = None
    ops: float | None = None
    slice: bool = False
    params_in: dict[str, int] = field(default_factory=dict)
    macs_in: dict[str, int] = field(default_factory=dict)
    reason: str = ""

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        return [tuple(map(int, text.split("x"))) for text in self.inputs]


LEDGER = [
    Network(**entry)
    for entry in tomllib.loads(Path(__file__).with_name("models.toml").read_text())["network"]
]


def test_the_ledger_holds_the_networks_that_are_promised() -> None:
    assert len(LEDGER) >= 30
    assert len({network.name for network in LEDGER}) == len(LEDGER)
    assert sum(network.ops is not None for network in LEDGER) >= 25
    assert all(network.reason for network in LEDGER if network.params_in or network.macs_in)


def test_torchvision_says_the_same() -> None:
    for network in LEDGER:
        if network.ops is not None:
            assert round(network.macs / 1e9, 3) == network.ops, network.name


@pytest.fixture(scope="module")
def built() -> Any:
    """Builds a network once for all its formats; only one is kept in memory."""
    kept: dict[str, Any] = {}

    def build(builder: str) -> Any:
        if builder not in kept:
            kept.clear()
            kept[builder] = networks.build(builder)
        return kept[builder]

    return build


@pytest.mark.xdist_group("ledger")
@pytest.mark.parametrize(
    ("network", "file_format"),
    [
        pytest.param(network, file_format, id=f"{network.name}-{file_format}")
        for network in LEDGER
        for file_format in network.formats
        if RUNS_ALL or network.slice
    ],
)
def test_a_network_costs_the_same_in_every_format(
    network: Network, file_format: str, built: Any, tmp_path: Path
) -> None:
    made = built(network.build)
    path = networks.export(made, network.shapes, file_format, tmp_path)
    reading = api.Reading()
    if file_format == "torchscript":
        reading = api.Reading(trust=True, inputs=networks.inputs_of(made, network.shapes))
    cost = api.analyze(str(path), reading).cost
    assert cost.unknown_ops == {}
    assert cost.totals.macs == network.macs_in.get(file_format, network.macs)
    assert cost.totals.params == network.params_in.get(file_format, network.params)
    if network.buffers is not None and file_format == "pb":
        assert cost.totals.buffers == network.buffers
