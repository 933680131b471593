"""The flags that say how a file is read, written down once for all commands that read one."""

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any

from costdb.cli import options, output

if TYPE_CHECKING:
    from costdb.reading import Reading

_READING = "reading"


def reads_files(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the flags of `_reading` in the place of its parameter `reading`.

    Typer learns flags from a signature; the command itself is called with what they come to.
    """
    flags = signature(_reading).parameters
    merged: dict[str, Parameter] = {}
    for name, parameter in signature(command).parameters.items():
        merged |= flags if name == _READING else {name: parameter}

    @wraps(command)
    def run(**given: Any) -> None:
        reading = _reading(**{name: given.pop(name) for name in flags})
        command(**given, reading=reading)

    parameters = [flag.replace(kind=Parameter.KEYWORD_ONLY) for flag in merged.values()]
    run.__signature__ = signature(command).replace(parameters=parameters)  # type: ignore[attr-defined] # inspect documents it
    run.__annotations__ = {name: flag.annotation for name, flag in merged.items()}
    return run


def warn_of_unread(reading: "Reading", *names: str | None) -> None:
    """Say that sizes were typed in vain, where everything that is named is stored.

    Args:
        reading: What was typed.
        names: Of versions and files; None for one that was not given.
    """
    from costdb.sides import is_file

    is_typed = reading.at or reading.is_bound
    if is_typed and not any(name is not None and is_file(name) for name in names):
        output.warn(
            "--at, --input, --dim, --trip and --output are for model files, and none is named;"
            " of what is stored, --point names the operating point"
        )


def _reading(
    inputs: options.Inputs = None,
    dims: options.Dims = None,
    trips: options.Trips = None,
    outputs: options.Outputs = None,
    at: options.Points = None,
    strict: options.Strict = False,
    loader: options.LoaderName = None,
    trust: options.Trust = False,
    limits: options.Limits = None,
) -> "Reading":
    """What the flags say."""
    from costdb.reading import Reading

    return Reading(
        at=at or (),
        inputs=inputs or (),
        dims=dims or (),
        trips=trips or (),
        outputs=outputs or (),
        loader=loader,
        strict=strict,
        trust=trust,
        limits=limits or (),
    )
