"""The longest common subsequence of two sequences, fast enough for graphs of many layers."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from itertools import pairwise
from math import isqrt
from typing import NamedTuple

# One bit stands for each pair of items that is compared: two sequences of 131,072, some seconds.
LARGEST_TABLE_BITS = 1 << 34

# A pair of equal items that is looked at by itself takes as long as so many bits of the table.
BITS_PER_MATCH = 1 << 11

# Items that occur more often than this keep their mask: it is as long as the sequence.
_FREQUENT = 64

_Pairs = list[tuple[int, int]]


def longest_common_subsequence(old: Sequence[Hashable], new: Sequence[Hashable]) -> _Pairs:
    """Pairs of positions at which both sequences hold equal items, in ascending order.

    No longer list of pairs exists that keeps the order of both sequences. A common beginning and a
    common end cost linear time. What lies between is compared by its pairs of equal items where
    there are few, else a machine word of items at a time. Of two middles that are too large for
    that (see `LARGEST_TABLE_BITS`) the rarest items are paired first, and then what lies between
    them as far as it is small enough.
    """
    shorter = min(len(old), len(new))
    start = 0
    while start < shorter and old[start] == new[start]:
        start += 1
    end = 0
    while end < shorter - start and old[-1 - end] == new[-1 - end]:
        end += 1
    pairs = [(position, position) for position in range(start)]
    # What only one side holds cannot be part of it; leaving it out costs linear time.
    common = set(old[start : len(old) - end]) & set(new[start : len(new) - end])
    if common:
        columns = [place for place in range(start, len(old) - end) if old[place] in common]
        rows = [place for place in range(start, len(new) - end) if new[place] in common]
        middle = _compare([old[place] for place in columns], [new[place] for place in rows])
        pairs += [(columns[column], rows[row]) for column, row in middle]
    pairs += [(len(old) - back, len(new) - back) for back in range(end, 0, -1)]
    return pairs


def _compare(old: Sequence[Hashable], new: Sequence[Hashable]) -> _Pairs:
    bits = len(old) * len(new)
    if _matches(old, new) * BITS_PER_MATCH <= bits:
        return _by_matches(old, new)
    return _by_table(old, new) if bits <= LARGEST_TABLE_BITS else _by_rare_items(old, new)


def _matches(old: Iterable[Hashable], new: Iterable[Hashable]) -> int:
    """How many pairs of equal items there are."""
    in_old = Counter(old)
    return sum(in_old[item] * times for item, times in Counter(new).items())


class _Chain(NamedTuple):
    """A pair of equal items, and the pairs before it."""

    column: int
    row: int
    before: "_Chain | None"


def _by_matches(old: Sequence[Hashable], new: Sequence[Hashable]) -> _Pairs:
    """The pairs of two sequences that hold few equal items.

    J. W. Hunt, T. G. Szymanski, A fast algorithm for computing longest common subsequences, 1977.
    """
    columns: dict[Hashable, list[int]] = {}
    for column in range(len(old) - 1, -1, -1):
        columns.setdefault(old[column], []).append(column)
    # Of all pairs of one length so far: the column in which the one ends that ends first, and it.
    ends: list[int] = []
    chains: list[_Chain] = []
    for row, item in enumerate(new):
        for column in columns.get(item, ()):
            length = bisect_left(ends, column)
            chain = _Chain(column, row, chains[length - 1] if length else None)
            if length == len(ends):
                ends.append(column)
                chains.append(chain)
            elif column < ends[length]:
                ends[length], chains[length] = column, chain
    pairs: _Pairs = []
    last = chains[-1] if chains else None
    while last is not None:
        pairs.append((last.column, last.row))
        last = last.before
    return pairs[::-1]


class _Masks:
    """For each item a bit for every column that holds it."""

    def __init__(self, columns: Sequence[Hashable]) -> None:
        self._width = len(columns)
        self._columns: dict[Hashable, list[int]] = {}
        for column, item in enumerate(columns):
            self._columns.setdefault(item, []).append(column)
        self._frequent = {
            item: self._mask(where)
            for item, where in self._columns.items()
            if len(where) > _FREQUENT
        }

    def __getitem__(self, item: Hashable) -> int:
        found = self._frequent.get(item)
        return self._mask(self._columns[item]) if found is None else found

    def _mask(self, columns: Iterable[int]) -> int:
        bits = bytearray(self._width // 8 + 1)
        for column in columns:
            bits[column >> 3] |= 1 << (column & 7)
        return int.from_bytes(bits, "little")


def _by_table(old: Sequence[Hashable], new: Sequence[Hashable]) -> _Pairs:
    """The pairs of two sequences, by whole rows of the table of lengths.

    With L[row, column] the length for the first `row` new and `column` old items, L grows by 0 or
    1 from column to column. A row is one integer with bit `column - 1` set where it does not grow:
    H. Hyyrö, Bit-parallel LCS-length computation revisited, 2004. Of the rows only some are kept;
    the way back makes those between them again.
    """
    masks = _Masks(old)
    full = (1 << len(old)) - 1
    stride = isqrt(len(new)) + 1
    blocks = [new[start : start + stride] for start in range(0, len(new), stride)]
    kept = [full]
    for block in blocks[:-1]:
        kept.append(_rows(kept[-1], block, masks, full)[-1])
    pairs: _Pairs = []
    column = len(old)
    for number in range(len(blocks) - 1, -1, -1):
        rows = _rows(kept[number], blocks[number], masks, full)
        row = len(blocks[number])
        while row and column:
            if rows[row] >> column - 1 & 1:
                column -= 1  # this old item adds nothing
            elif rows[row - 1] >> column - 1 & 1:
                row -= 1
                column -= 1
                pairs.append((column, number * stride + row))
            else:
                row -= 1  # as long without this new item
    return pairs[::-1]


def _rows(flat: int, items: Iterable[Hashable], masks: _Masks, full: int) -> list[int]:
    """A row of the table and those that follow from it, one for each item."""
    rows = [flat]
    for item in items:
        matching = flat & masks[item]
        flat = (flat + matching | flat - matching) & full
        rows.append(flat)
    return rows


def _by_rare_items(old: Sequence[Hashable], new: Sequence[Hashable]) -> _Pairs:
    """Many pairs of two sequences that are too long to compare whole; not always the most."""
    in_old, in_new = Counter(old), Counter(new)
    # As many pairs as take the time of the largest table.
    left = LARGEST_TABLE_BITS // BITS_PER_MATCH
    rare = set()
    for item in sorted(in_old, key=lambda item: in_old[item] * in_new[item]):
        left -= in_old[item] * in_new[item]
        if left < 0:
            break
        rare.add(item)
    columns = [column for column, item in enumerate(old) if item in rare]
    rows = [row for row, item in enumerate(new) if item in rare]
    found = _by_matches([old[column] for column in columns], [new[row] for row in rows])
    anchors = [(columns[column], rows[row]) for column, row in found]
    pairs: _Pairs = []
    for left_end, right_end in pairwise([(-1, -1), *anchors, (len(old), len(new))]):
        column, row = left_end[0] + 1, left_end[1] + 1
        olds, news = old[column : right_end[0]], new[row : right_end[1]]
        if 0 < len(olds) * len(news) <= LARGEST_TABLE_BITS and anchors:
            between = longest_common_subsequence(olds, news)
            pairs += [(column + before, row + after) for before, after in between]
        pairs.append(right_end)
    return pairs[:-1]
