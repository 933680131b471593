"""`freeze`: a model's graph with its weights as constants, in one file that any tool reads."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from costdb.analysis import analyses
from costdb.binding import format_shape
from costdb.cost.result import Analysis
from costdb.errors import CostError, OutputUnwritable, UsageError
from costdb.ir import Tensor
from costdb.isolation.content import freeze_content
from costdb.isolation.messages import Request, Writing
from costdb.isolation.process import reading_process
from costdb.limits import Limits
from costdb.reading import Reading

# What is the same of a model whether or not it is frozen. Its other costs may grow by what the
# framework puts in the place of a variable.
_KEPT = ("macs", "params", "buffers")


@dataclass(frozen=True, slots=True)
class Frozen:
    """A frozen graph that was written.

    Attributes:
        path: The file.
        analysis: What it costs.
        warnings: What a reader should know.
    """

    path: Path
    analysis: Analysis
    warnings: tuple[str, ...]


def freeze(artifact: str, reading: Reading, destination: Path, *, force: bool) -> Frozen:
    """Write a frozen graph, whole or not at all, once reading it back gave the same costs.

    Args:
        artifact: Path.
        reading: Which outputs are asked for, how open sizes are bound for costing, and whether code
            that comes with the model may run. Open sizes stay open in the file.
        destination: The file to write.
        force: Whether it may replace one that is there.

    Raises:
        UsageError: The file is there already, or can be none.
        ArtifactError: The artifact cannot be read or frozen.
        BindingError: An open size has no value, or a binding does not fit.
        CostError: The frozen graph does not cost what the model does.
        OutputUnwritable: The file cannot be written.
    """
    _check_destination(destination, force=force)
    # Read first, in a process of its own: a file made to do harm gets no further.
    before = analyses(artifact, reading, {})[0]
    unfinished = _empty_file_beside(destination)
    try:
        _write(artifact, reading, unfinished, before)
        after = _analysis_of(unfinished, before.graph.inputs, reading)
        _check_costs(before, after)
        _put_in_place(unfinished, destination, force=force)
    finally:
        unfinished.unlink(missing_ok=True)
    named = replace(after, artifact=replace(after.artifact, path=str(destination)))
    return Frozen(destination, named, before.warnings)


def _check_destination(destination: Path, *, force: bool) -> None:
    if os.path.isdir(destination):  # noqa: PTH112 - pathlib raises where a name is too long
        raise UsageError(f"{str(destination)!r} is a folder", hint=f"-o {destination / 'model.pb'}")
    if not os.path.lexists(destination):
        return
    if not force:
        raise UsageError(f"{str(destination)!r} is there already", hint="add --force to replace it")
    if destination.is_symlink() or not destination.is_file():
        raise UsageError(f"{str(destination)!r} is no regular file", hint="name another with -o")


def _empty_file_beside(destination: Path) -> Path:
    """A file of its own in the same folder. Raises OutputUnwritable."""
    # The name may be as long as a file system allows already.
    file = destination.with_name(f".{destination.name[:80]}.{os.getpid()}")
    try:
        file.write_bytes(b"")
    except OSError as error:
        raise OutputUnwritable(
            f"nothing can be written to {str(destination.parent)!r}: {error.strerror}",
            hint="name a file elsewhere with -o",
        ) from error
    return file


def _write(artifact: str, reading: Reading, unfinished: Path, before: Analysis) -> None:
    """Freeze an artifact into an empty file, in a child process under the limits of a reader."""
    if reading.plugins is not None:
        freeze_content(artifact, reading, unfinished, reading.plugins)
        return
    # The constants that the variables become, and the graph.
    most_bytes = before.cost.totals.weight_bytes + before.artifact.bytes
    request = Request(
        artifact,
        reading,
        {},
        Limits.parse(reading.limits),
        tuple(sys.path),
        freezing=Writing(os.fspath(unfinished), most_bytes),
    )
    with reading_process(request) as process:
        process.answer()


def _analysis_of(file: Path, inputs: Sequence[Tensor], reading: Reading) -> Analysis:
    """What a frozen graph costs with its inputs of the sizes that the model's had."""
    frozen = Reading(limits=reading.limits, strict=reading.strict, plugins=reading.plugins)
    sizes = [f"{tensor.name}={format_shape(tensor.shape or ())}" for tensor in inputs]
    return analyses(str(file), replace(frozen, inputs=sizes), {})[0]


def _check_costs(before: Analysis, after: Analysis) -> None:
    for metric in _KEPT:
        if before.cost.totals[metric] != after.cost.totals[metric]:
            raise CostError(
                f"frozen, the model has {metric} {after.cost.totals[metric]:,} instead of"
                f" {before.cost.totals[metric]:,}",
                hint="nothing was written: report this with the model",
            )


def _put_in_place(unfinished: Path, destination: Path, *, force: bool) -> None:
    try:
        if force:
            unfinished.replace(destination)
        else:
            # Unlike a rename, a link never replaces what came into being in the meantime.
            os.link(unfinished, destination)
    except FileExistsError:
        raise UsageError(
            f"{str(destination)!r} is there already", hint="add --force to replace it"
        ) from None
    except OSError as error:
        raise OutputUnwritable(
            f"{str(destination)!r} cannot be written: {error.strerror}",
            hint="name a file elsewhere with -o",
        ) from error
