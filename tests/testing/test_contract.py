"""The contract kit passes a loader that keeps the contract, and fails each that breaks it."""

import os
from pathlib import Path

import pytest
from costdb_tiny import TinyLoader

from costdb.binding import Binding
from costdb.ir import Graph
from costdb.source import Source
from costdb.testing import LoaderContract, Sample

HEADER = b"tiny 1\ninput x 512\ndense hidden 256\nwobble hidden 3\nend\n"
WEIGHT_BYTES = 512 * 256 * 4


def sample(folder: Path) -> Sample:
    path = folder / "net.tiny"
    path.write_bytes(HEADER + os.urandom(WEIGHT_BYTES))
    return Sample(path, params=512 * 256, macs=512 * 256, bulk_bytes=WEIGHT_BYTES - 4096)


class TestTinyLoader(LoaderContract):
    loader = TinyLoader()
    module = "costdb_tiny"

    @pytest.fixture
    def samples(self, tmp_path: Path) -> list[Sample]:
        return [sample(tmp_path)]


class Greedy(TinyLoader):
    """Claims everything."""

    def sniff(self, source: Source) -> bool:
        return source.name != ""


class Curious(TinyLoader):
    """Reads the weights."""

    def load(self, source: Source, binding: Binding) -> Graph:
        source.read(0, source.size)
        return super().load(source, binding)


class Careless(TinyLoader):
    """Lets a foreign error through."""

    def load(self, source: Source, binding: Binding) -> Graph:
        assert source.read_at_most(0, 1)[0] == HEADER[0]
        return super().load(source, binding)


class Forgetful(TinyLoader):
    """Takes a truncated file for a whole one."""

    def load(self, source: Source, binding: Binding) -> Graph:
        whole = Path(source.location).with_name("net.tiny")
        with Source(whole) as other:
            return super().load(other, binding)


def contract(loader: TinyLoader) -> LoaderContract:
    kit = LoaderContract()
    kit.loader = loader
    kit.module = "costdb_tiny"
    return kit


def test_a_loader_that_claims_everything_fails(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        contract(Greedy()).test_it_claims_nothing_else(tmp_path)


def test_a_loader_that_reads_weights_fails(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        contract(Curious()).test_it_reads_structure_only([sample(tmp_path)], tmp_path)


def test_a_loader_that_misses_a_truncation_fails(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="cut off"):
        contract(Forgetful()).test_a_truncated_file_is_an_error_in_one_line(
            [sample(tmp_path)], tmp_path
        )


def test_a_loader_that_lets_foreign_errors_through_fails(tmp_path: Path) -> None:
    with pytest.raises(IndexError):
        contract(Careless()).test_a_truncated_file_is_an_error_in_one_line(
            [sample(tmp_path)], tmp_path
        )


def test_a_plugin_that_imports_a_framework_fails() -> None:
    kit = contract(TinyLoader())
    kit.module = "numpy"
    with pytest.raises(AssertionError):
        kit.test_importing_the_plugin_loads_no_framework()


def test_wrong_numbers_fail(tmp_path: Path) -> None:
    right = sample(tmp_path)
    wrong = Sample(right.path, params=right.params, macs=1)
    with pytest.raises(AssertionError):
        contract(TinyLoader()).test_it_costs_its_samples_as_promised([wrong])
