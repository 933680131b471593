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


def test_a_middle_that_is_too_large_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subsequence, "LARGEST_TABLE_BITS", 3)
    assert longest_common_subsequence("xabbay", "xbaaby") == [(0, 0), (5, 5)]
