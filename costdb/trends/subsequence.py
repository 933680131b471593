"""The longest common subsequence of two sequences, fast enough for graphs of many layers."""

from collections.abc import Hashable, Sequence

# One bit is kept for each pair of items that is compared: 64 MiB, two sequences of 23,000.
LARGEST_TABLE_BITS = 1 << 29


def longest_common_subsequence(
    old: Sequence[Hashable], new: Sequence[Hashable]
) -> list[tuple[int, int]]:
    """Pairs of positions at which both sequences hold equal items, in ascending order.

    No longer list of pairs exists that keeps the order of both sequences. A common beginning and a
    common end cost linear time; what lies between is compared a machine word of items at a time.
    Two middles that are too large to compare (see `LARGEST_TABLE_BITS`) have no pairs.
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
    rows = [position for position in range(start, len(new) - end) if new[position] in common]
    columns = [position for position in range(start, len(old) - end) if old[position] in common]
    if 0 < len(rows) * len(columns) <= LARGEST_TABLE_BITS:
        middle = _compare([old[position] for position in columns], [new[p] for p in rows])
        pairs += [(columns[column], rows[row]) for column, row in middle]
    pairs += [(len(old) - back, len(new) - back) for back in range(end, 0, -1)]
    return pairs


def _compare(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[tuple[int, int]]:
    """The pairs of two sequences, by whole rows of the table of lengths.

    With L[row, column] the length for the first `row` new and `column` old items, L grows by 0 or
    1 from column to column. A row is one integer with bit `column - 1` set where it does not grow:
    H. Hyyrö, Bit-parallel LCS-length computation revisited, 2004.
    """
    occurrences: dict[Hashable, int] = {}
    for column, item in enumerate(old):
        occurrences[item] = occurrences.get(item, 0) | 1 << column
    full = (1 << len(old)) - 1
    rows = [full]
    for item in new:
        flat = rows[-1]
        matching = flat & occurrences[item]
        rows.append((flat + matching | flat - matching) & full)
    pairs: list[tuple[int, int]] = []
    row, column = len(new), len(old)
    while row and column:
        if rows[row] >> column - 1 & 1:
            column -= 1  # this old item adds nothing
        elif rows[row - 1] >> column - 1 & 1:
            row -= 1
            column -= 1
            pairs.append((column, row))
        else:
            row -= 1  # as long without this new item
    return pairs[::-1]
