"""Operating points: named ways to bind what a model file leaves open.

The point `default` is what the flags say and nothing more. Others stand in `costdb.toml` or are
typed as `--at b32:batch=32`.
"""

from collections.abc import Iterable, Mapping, Sequence

from costdb.binding import Binding, nearest
from costdb.errors import UsageError
from costdb.settings import OperatingPoint

DEFAULT = "default"


def parse_point(text: str, known: Mapping[str, OperatingPoint]) -> tuple[str, OperatingPoint]:
    """Read an operating point as it is typed.

    Args:
        text: `b32`, which has to be known, or `b32:batch=32,sequence=128`.
        known: The points of `costdb.toml`.

    Raises:
        UsageError: It cannot be read, or the name is not known.
    """
    name, separator, dims = text.partition(":")
    if not name or (separator and not dims):
        raise UsageError(f"--at {text!r} is not NAME:DIM=SIZE", hint="write --at b32:batch=32")
    if separator:
        return name, OperatingPoint(dims=tuple(dims.split(",")))
    if name not in known:
        raise UsageError(
            f"costdb.toml has no operating point {name!r}",
            hint=f"write --at {name}:batch=32, or {nearest(name, known, 'points there')}",
        )
    return name, known[name]


def bindings(
    at: Sequence[str],
    known: Mapping[str, OperatingPoint],
    *,
    inputs: Iterable[str] = (),
    dims: Iterable[str] = (),
    trips: Iterable[str] = (),
    outputs: Iterable[str] = (),
    trust: bool = False,
) -> dict[str, Binding]:
    """The binding of each operating point that is asked for.

    Args:
        at: Points as typed; without any, the default one and all that are known.
        known: The points of `costdb.toml`.
        inputs: What holds at every point, as `Binding.parse` takes it.
        dims: The same.
        trips: The same.
        outputs: The same.
        trust: See `Binding`.

    Raises:
        UsageError: A point or binding cannot be read, or binds something twice.
    """
    points = dict(parse_point(text, known) for text in at)
    if not at:
        points = {DEFAULT: OperatingPoint(), **known}
    everywhere = OperatingPoint(tuple(inputs), tuple(dims), tuple(trips), tuple(outputs))
    return {
        name: Binding.parse(
            inputs=(*everywhere.inputs, *point.inputs),
            dims=(*everywhere.dims, *point.dims),
            trips=(*everywhere.trips, *point.trips),
            outputs=(*everywhere.outputs, *point.outputs),
            trust=trust,
        )
        for name, point in points.items()
    }
