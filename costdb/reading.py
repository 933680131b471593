"""How a file is to be read, as it is typed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from costdb.binding import Binding
from costdb.points import bindings
from costdb.settings import OperatingPoint, Settings

if TYPE_CHECKING:
    from costdb.plugins import Plugins


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read; what the flags of `analyze`, `ingest` and `check` say.

    Attributes:
        at: Operating points, as `b32` or `b32:batch=32`.
        inputs: Shapes, dtypes or values of inputs, as `x=1x3x224x224`.
        dims: Sizes of free dimensions, as `sequence=128`.
        trips: Trip counts of loops, as `loop=10`.
        outputs: Names of the outputs that are asked for.
        loader: The loader to take; by default the one that claims the content.
        strict: Whether an operator without a rule is an error.
        trust: Whether code that comes with the model may run.
        limits: What reading may take, as `memory=4GiB`, `cpu=300s`, `time=10min`, or `none`.
        plugins: Loaders and rules to take instead of the installed ones. An artifact is then read
            in this process and without limits: an object of a caller's own cannot be had elsewhere.
    """

    at: Sequence[str] = ()
    inputs: Sequence[str] = ()
    dims: Sequence[str] = ()
    trips: Sequence[str] = ()
    outputs: Sequence[str] = ()
    loader: str | None = None
    strict: bool = False
    trust: bool = False
    limits: Sequence[str] = ()
    plugins: "Plugins | None" = None

    @property
    def is_bound(self) -> bool:
        """Whether sizes, values, trip counts or outputs were typed."""
        return any((self.inputs, self.dims, self.trips, self.outputs))

    def bindings(self, known: Mapping[str, OperatingPoint]) -> dict[str, Binding]:
        """The binding of each operating point: those asked for, or the default and all known.

        Args:
            known: The points of `costdb.toml`.

        Raises:
            UsageError: Something cannot be read, or is bound twice.
        """
        return bindings(
            self.at,
            known,
            inputs=self.inputs,
            dims=self.dims,
            trips=self.trips,
            outputs=self.outputs,
            trust=self.trust,
        )


def under_settings(reading: Reading | None, settings: Settings) -> Reading:
    """How files are read where `costdb.toml` limits it: what a reading itself limits comes first.

    Args:
        reading: How a caller wants them read; None leaves all to the defaults.
        settings: What `costdb.toml` says.
    """
    reading = reading or Reading()
    return replace(reading, limits=(*settings.limits, *reading.limits))
