"""A long line with fewer points that looks the same: every stretch keeps its ends and extremes."""

from collections.abc import Sequence
from itertools import pairwise

Point = tuple[int, int | None]


def corners(points: Sequence[Point]) -> list[Point]:
    """The points at which a line bends, breaks or ends."""
    inner = [
        point
        for before, point, after in zip(points, points[1:], points[2:], strict=False)
        if not before[1] == point[1] == after[1]
    ]
    return [*points[:1], *inner, *points[1:][-1:]]


def thinned(points: Sequence[Point], stretches: int) -> list[Point]:
    """The corners; where they are too many to be seen, the extremes of stretches of the line.

    Args:
        points: By position.
        stretches: How many stretches can be told apart; five points of each are kept at most.
    """
    bends = corners(points)
    if len(bends) <= 4 * stretches:
        return bends
    return [
        point
        for stretch in divided(len(points), stretches)
        for point in _extremes(points[stretch.start : stretch.stop])
    ]


def divided(count: int, stretches: int) -> list[range]:
    """So many positions as stretches of about one length; none of them is empty."""
    number = min(count, stretches)
    edges = [count * edge // number for edge in range(number + 1)] if number else []
    return [range(start, stop) for start, stop in pairwise(edges)]


def _extremes(points: Sequence[Point]) -> list[Point]:
    """The first and the last point, the lowest, the highest, and the first unknown one."""
    known = [(value, position) for position, value in points if value is not None]
    unknown = next((position for position, value in points if value is None), None)
    kept = {points[0][0], points[-1][0], unknown}
    if known:
        kept |= {min(known)[1], max(known)[1]}
    return [point for point in points if point[0] in kept]
