"""The longest common subsequence against the textbook's table of lengths."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costdb.trends import subsequence
from costdb.trends.subsequence import longest_common_subsequence


def textbook_length(old: str, new: str) -> int:
    lengths = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for row, one in enumerate(old):
        for column, other in enumerate(new):
            longer = max(lengths[row][column + 1], lengths[row + 1][column])
            lengths[row + 1][column + 1] = lengths[row][column] + 1 if one == other else longer
    return lengths[-1][-1]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param("", "", [], id="nothing"),
        pytest.param("ab", "", [], id="nothing on one side"),
        pytest.param("ab", "cd", [], id="nothing in common"),
        pytest.param("abc", "abc", [(0, 0), (1, 1), (2, 2)], id="equal"),
        pytest.param("ac", "abc", [(0, 0), (1, 2)], id="one inserted"),
        pytest.param("xaby", "zabw", [(1, 1), (2, 2)], id="other ends"),
        pytest.param("abab", "ababab", [(0, 0), (1, 1), (2, 2), (3, 3)], id="a block more"),
        # The table's row for "d": it leaves "abcd" and "acbad" with "abd", "acd" or such.
        pytest.param("xabcdy", "wacbadz", [(1, 1), (2, 3), (4, 5)], id="a choice in the middle"),
    ],
)
def test_pairs(old: str, new: str, expected: list[tuple[int, int]]) -> None:
    assert longest_common_subsequence(old, new) == expected


words = st.text("abcd", max_size=12)


@given(words, words)
def test_is_common_in_order_and_longest(old: str, new: str) -> None:
    pairs = longest_common_subsequence(old, new)
    assert all(old[before] == new[after] for before, after in pairs)
    assert all(one[0] < two[0] and one[1] < two[1] for one, two in pairwise(pairs))
    assert len(pairs) == textbook_length(old, new)


WAYS = {"by matches": subsequence._by_matches, "by table": subsequence._by_table}


@pytest.mark.parametrize("way", WAYS)
@given(words, words)
def test_each_way_finds_a_longest_one(way: str, old: str, new: str) -> None:
    common = set(old) & set(new)
    olds, news = ("".join(item for item in word if item in common) for word in (old, new))
    pairs = WAYS[way](olds, news)
    assert all(olds[before] == news[after] for before, after in pairs)
    assert all(one[0] < two[0] and one[1] < two[1] for one, two in pairwise(pairs))
    assert len(pairs) == textbook_length(olds, news)


def test_of_equal_items_the_first_is_taken() -> None:
    assert subsequence._by_matches("a", "aa") == [(0, 0)]


def test_long_sequences_of_few_equal_items_are_compared_by_those() -> None:
    # The second half before the first: either half is a longest one.
    old = list(range(2 * subsequence.BITS_PER_MATCH))
    middle = subsequence.BITS_PER_MATCH
    pairs = longest_common_subsequence(old, [*old[middle:], *old[:middle]])
    assert len(pairs) == middle
    assert {before - after for before, after in pairs} in ({middle}, {-middle})


def test_the_table_is_made_again_in_parts_on_the_way_back() -> None:
    # One of 200 items each is left out: the 100th of one, the 50th of the other.
    items = [number % 7 for number in range(200)]
    old, new = [*items[:100], *items[101:]], [*items[:50], *items[51:]]
    pairs = subsequence._by_table(old, new)
    assert all(old[before] == new[after] for before, after in pairs)
    assert len(pairs) == 198


def test_items_that_occur_often_and_seldom_are_found_alike() -> None:
    often = ["a"] * (subsequence._FREQUENT + 1)
    old, new = [*often, "b", *often], ["b", *often]
    assert len(subsequence._by_table(old, new)) == len(new)


class TestTooLargeToCompareWhole:
    """Sequences of which the limit lets only parts be compared."""

    @given(words, words)
    def test_it_is_common_and_in_order(self, old: str, new: str) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(subsequence, "LARGEST_TABLE_BITS", 4 * subsequence.BITS_PER_MATCH)
            patch.setattr(subsequence, "_compare", subsequence._by_rare_items)
            pairs = longest_common_subsequence(old, new)
        assert all(old[before] == new[after] for before, after in pairs)
        assert all(one[0] < two[0] and one[1] < two[1] for one, two in pairwise(pairs))

    def test_rare_items_come_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(subsequence, "LARGEST_TABLE_BITS", 8)
        monkeypatch.setattr(subsequence, "BITS_PER_MATCH", 4)
        # "x" and "y" make two pairs of equal items; between them 2 x 2 items fit, behind them not.
        pairs = longest_common_subsequence("baxabybaab", "abxbayabba")
        assert pairs[:1] != [(0, 0)]
        assert {(2, 2), (5, 5)} <= set(pairs)
        assert any(2 < before < 5 for before, _ in pairs)
        assert all(before <= 5 for before, _ in pairs)

    def test_without_rare_items_only_the_ends_are_common(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(subsequence, "LARGEST_TABLE_BITS", 3)
        assert longest_common_subsequence("xabbay", "xbaaby") == [(0, 0), (5, 5)]
