"""What core and plugins share: counts add up, rules say what they were told."""

import pytest
from builders.graphs import activation, fed, layer
from hypothesis import given
from hypothesis import strategies as st

from costdb.binding import Binding
from costdb.contracts import (
    COUNT_NAMES,
    ZERO,
    Counts,
    Coverage,
    Loader,
    Rule,
    dot_products,
    rule,
)
from costdb.ir import Graph, Layer, Role
from costdb.source import Source

COUNTS = st.builds(Counts, **{name: st.integers(0, 1 << 70) for name in COUNT_NAMES})


class TestCounts:
    @given(COUNTS, COUNTS)
    def test_sum(self, one: Counts, other: Counts) -> None:
        total = one + other
        for name in COUNT_NAMES:
            assert getattr(total, name) == getattr(one, name) + getattr(other, name)
        assert total.operations == one.operations + other.operations
        assert one + ZERO == one

    @given(COUNTS, st.integers(0, 5))
    def test_product(self, counts: Counts, times: int) -> None:
        assert counts * times == times * counts == sum([counts] * times, ZERO)

    @pytest.mark.parametrize(
        ("counts", "operations"),
        [
            pytest.param(ZERO, 0, id="nothing"),
            pytest.param(dot_products(1, length=5), 9, id="a dot product of length n: 2n - 1"),
            pytest.param(dot_products(1, length=1), 1, id="of length 1: one product"),
            pytest.param(dot_products(7, length=0), 0, id="of length 0"),
            pytest.param(
                dot_products(4096, length=4096) + Counts(adds=4096), 2 * 4096 * 4096,
                id="dense with bias, 4096 -> 4096: 2 I J",
            ),
            pytest.param(Counts(adds=1, muls=1, divs=1, compares=1, specials=1), 5, id="the rest"),
            pytest.param(Counts(adds=2, specials=1, divs=1), 4, id="a sigmoid: 4"),
        ],
    )  # fmt: skip
    def test_operations(self, counts: Counts, operations: int) -> None:
        assert counts.operations == operations

    def test_dot_products(self) -> None:
        assert dot_products(3, length=4) == Counts(macs=12, dots=3)
        assert dot_products(3, length=0) == ZERO


def no_accesses(_: Layer) -> int:
    return 0


@rule(
    "Foo",
    "Bar",
    domain="acme",
    weights={1: Role.BUFFER},
    coverage=Coverage.ESTIMATED,
    is_view=True,
    accesses=no_accesses,
)
def foo(layer: Layer) -> Counts:
    """Count a Foo."""
    return Counts(adds=layer.output.numel)


@rule("Baz")
def baz(layer: Layer) -> Counts:
    return Counts(muls=layer.output.numel)


class TestRule:
    def test_one_for_each_operator(self) -> None:
        assert [entry.key for entry in foo] == [("acme", "Foo"), ("acme", "Bar")]
        assert {entry.documentation for entry in foo} == {"Count a Foo."}

    def test_what_was_said(self) -> None:
        entry = foo[0]
        assert entry.weights == {1: Role.BUFFER}
        assert (entry.coverage, entry.is_view, entry.accesses) == (
            Coverage.ESTIMATED,
            True,
            no_accesses,
        )
        assert entry.count(layer("Foo", [fed("x", 2)], activation("y", 2, 3))) == Counts(adds=6)

    def test_what_was_not_said(self) -> None:
        assert baz == (Rule("Baz", baz[0].count),)
        assert (baz[0].domain, baz[0].weights, baz[0].documentation) == ("", {}, "")
        assert (baz[0].coverage, baz[0].is_view, baz[0].accesses) == (Coverage.EXACT, False, None)


class _Complete:
    name = "complete"
    revision = 1
    suffixes = (".bin",)

    def sniff(self, source: Source) -> bool:
        return source.size > 0

    def load(self, source: Source, binding: Binding) -> Graph:
        raise NotImplementedError


class _NoRevision:
    name = "incomplete"
    suffixes = (".bin",)
    sniff = _Complete.sniff
    load = _Complete.load


def test_a_loader_is_recognised_by_what_it_has() -> None:
    complete: Loader = _Complete()
    assert isinstance(complete, Loader)
    assert not isinstance(_NoRevision(), Loader)
