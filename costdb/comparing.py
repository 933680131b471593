"""`diff`: two versions, files or saved analyses, layer by layer."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

from costdb.binding import nearest
from costdb.errors import CostError, DatabaseUnavailable
from costdb.reading import Reading
from costdb.settings import Settings
from costdb.sides import Costed, Side, is_file, side
from costdb.store import Store, open_store
from costdb.trends import reasons
from costdb.trends.difference import Difference, difference


@dataclass(frozen=True, slots=True)
class Diff:
    """Two things, compared.

    Attributes:
        old: What stands on the left, and what it costs.
        new: What stands on the right.
        difference: What is different.
        other_points: Operating points that both have besides.
        warnings: What a reader should know.
    """

    old: Costed
    new: Costed
    difference: Difference
    other_points: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def metrics(self) -> tuple[str, ...]:
        """What was asked for; the first one leads."""
        return tuple(self.difference.attribution)


def compare(
    old: str,
    new: str,
    reading: Reading,
    settings: Settings,
    *,
    point: str | None,
    metrics: Sequence[str],
) -> Diff:
    """Compare what two names stand for; see `costdb.api.diff`."""
    in_files = is_file(old) and is_file(new)
    with nullcontext() if in_files else _store(old, new, settings) as store:
        return compare_sides(
            (old, side(old, reading, settings, store, like=new)),
            (new, side(new, reading, settings, store, like=old)),
            point=point,
            metrics=metrics,
            notes=() if store is None else store.notes,
        )


def compare_sides(
    old: tuple[str, Side],
    new: tuple[str, Side],
    *,
    point: str | None,
    metrics: Sequence[str],
    notes: tuple[str, ...] = (),
) -> Diff:
    """Compare two things; see `costdb.api.diff`.

    Args:
        old: What was typed, and what that stands for.
        new: The same.
        point: The operating point; None for one that both have.
        metrics: Whose change is attributed.
        notes: What a reader should know besides.
    """
    (old_name, old_side), (new_name, new_side) = old, new
    points = _points(old_side, new_side, point)
    before, after = _costed(old_side, points[0]), _costed(new_side, points[1])
    if before.name == after.name and old_name != new_name:
        # Two files of one name in two folders.
        before, after = replace(before, name=old_name), replace(after, name=new_name)
    _check_comparable(before, after)
    common = [name for name in old_side.points if name in new_side.points]
    return Diff(
        before,
        after,
        difference(before.cost, after.cost, metrics),
        tuple(name for name in common if name not in points),
        (*notes, *_warnings(before, after)),
    )


def _store(old: str, new: str, settings: Settings) -> Store:
    """The database that one of two names needs. Raises DatabaseUnavailable."""
    try:
        return open_store(settings.database, create=False)
    except DatabaseUnavailable as error:
        name = new if is_file(old) else old
        raise DatabaseUnavailable(
            f"{name!r} is no file, and {error.message}", hint=error.hint
        ) from error


def _points(old: Side, new: Side, wanted: str | None) -> tuple[str, str]:
    """The operating point of each side: one that both have, if there is one."""
    if wanted is not None:
        return wanted, wanted
    common = [point for point in old.points if point in new.points]
    return (common[0], common[0]) if common else (old.points[0], new.points[0])


def _costed(found: Side, point: str) -> Costed:
    costed = found.at(point)
    if isinstance(costed, str):
        is_missing = point not in found.points
        hint = nearest(point, found.points, "its points") if is_missing else "costdb recost"
        raise CostError(costed, hint=hint)
    return costed


def _check_comparable(old: Costed, new: Costed) -> None:
    """See that two costs were counted alike. Raises CostError."""
    obstacle = next(reasons.obstacles(old.name, old.cost, new.name, new.cost), None)
    if obstacle is not None:
        # Only a saved analysis can be of other rules, or of another view.
        raise CostError(
            obstacle.removesuffix(": recost first"),
            hint="write the saved analysis again: costdb analyze FILE --format json > costs.json",
        )


def _warnings(old: Costed, new: Costed) -> Iterator[str]:
    both = dict.fromkeys(warning for warning in old.warnings if warning in new.warnings)
    yield from both
    for costed in (old, new):
        own = dict.fromkeys(warning for warning in costed.warnings if warning not in both)
        yield from (f"{costed.name}: {warning}" for warning in own)
