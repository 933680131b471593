"""How a caller fixes what a file leaves open: input shapes, free dimensions, trip counts."""

import difflib
import math
import re
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self, TypeVar

from costdb.errors import BindingError, UnboundDimension, UsageError
from costdb.ir import DType

T = TypeVar("T")

# A declared shape: a size, the name of a free dimension, or None for one without a name.
DeclaredShape = Sequence[int | str | None]

Scalar = int | float | bool


@dataclass(frozen=True, slots=True)
class InputBinding:
    """What was said of one input; None where nothing was said. A value fills the input."""

    shape: tuple[int, ...] | None = None
    dtype: DType | None = None
    value: Scalar | None = None


@dataclass(frozen=True, slots=True)
class BoundInput:
    """A graph input whose sizes are settled.

    Attributes:
        shape: Every size known.
        dtype: The file's; where it has none, the one that was asked for; else None.
        value: A scalar that was given; shapes may depend on it.
        notes: What was assumed.
    """

    shape: tuple[int, ...]
    dtype: DType | None
    value: Scalar | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Binding:
    """How a caller fixes what a file leaves open.

    Attributes:
        inputs: Input name -> shape, dtype or value.
        dims: Name of a free dimension -> size.
        trips: Name of a loop -> trip count.
        outputs: What is asked for; empty for the file's own outputs, "*" for every value.
        trust: Whether code from the file may run.
    """

    inputs: Mapping[str, InputBinding] = field(default_factory=dict)
    dims: Mapping[str, int] = field(default_factory=dict)
    trips: Mapping[str, int] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    trust: bool = False

    @classmethod
    def parse(
        cls,
        *,
        inputs: Iterable[str] = (),
        dims: Iterable[str] = (),
        trips: Iterable[str] = (),
        outputs: Iterable[str] = (),
        trust: bool = False,
    ) -> Self:
        """Read bindings as they are typed.

        Args:
            inputs: `x=1x3x224x224`, `ids=1x128:int64` or, for a value, `sr:=16000`.
            dims: `sequence=128`.
            trips: `loop=10`.
            outputs: Names.
            trust: See `Binding`.

        Raises:
            UsageError: A binding cannot be read, or a name is bound twice.
        """
        return cls(
            inputs=_once(map(_parse_input, inputs), "input"),
            dims=_once((_parse_size(text, "--dim") for text in dims), "dimension"),
            trips=_once((_parse_size(text, "--trip") for text in trips), "trip count"),
            outputs=tuple(outputs),
            trust=trust,
        )

    def bind(
        self, declared: Mapping[str, tuple[DeclaredShape | None, DType | None]]
    ) -> dict[str, BoundInput]:
        """Settle the sizes of a graph's inputs.

        An open size on axis 0 becomes 1, with a note; one name stands for one size everywhere.

        Args:
            declared: Input name -> its shape as the file has it and its dtype. A size is an int,
                the name of a free dimension, or None for one without a name; the whole shape is
                None where the file does not even say the rank.

        Returns:
            The inputs in the order declared.

        Raises:
            UnboundDimension: An open size has no value.
            BindingError: A binding names no input or dimension, or contradicts the file.
        """
        self._check_names(declared)
        dims = dict(self.dims)
        for name, (shape, _) in declared.items():
            self._adopt_dimensions(name, shape, dims)
        batch = {
            shape[0]
            for name, (shape, _) in declared.items()
            if shape and isinstance(shape[0], str) and shape[0] not in dims
        }
        shapes = {name: shape for name, (shape, _) in declared.items()}
        return {
            name: self._bind_input(name, dtype, shapes, dims, batch)
            for name, (_, dtype) in declared.items()
        }

    def _check_names(
        self, declared: Mapping[str, tuple[DeclaredShape | None, DType | None]]
    ) -> None:
        free = {
            size for shape, _ in declared.values() for size in shape or () if isinstance(size, str)
        }
        for name in self.inputs:
            if name not in declared:
                raise BindingError(
                    f"the model has no input {name!r}", hint=nearest(name, declared, "its inputs")
                )
        for name in self.dims:
            if name not in free:
                raise BindingError(
                    f"the model has no free dimension {name!r}",
                    hint=nearest(name, free, "its free dimensions"),
                )

    def _adopt_dimensions(
        self, name: str, shape: DeclaredShape | None, dims: dict[str, int]
    ) -> None:
        """Take the sizes of free dimensions from a shape that was given for an input."""
        given = self.inputs.get(name, InputBinding()).shape
        if given is None or shape is None:
            return
        if len(given) != len(shape):
            raise BindingError(
                f"input {name!r} has {len(shape)} axes, {format_shape(given)} has {len(given)}",
                hint=f"its shape is {format_shape(shape)}",
            )
        for size, wanted in zip(shape, given, strict=True):
            known = dims.setdefault(size, wanted) if isinstance(size, str) else size
            if known is not None and known != wanted:
                raise BindingError(
                    f"input {name!r} is {format_shape(shape)} in the file, not"
                    f" {format_shape(given)}",
                    hint=f"{size} is {known}"
                    if isinstance(size, str)
                    else "only open sizes can be chosen",
                )

    def _bind_input(
        self,
        name: str,
        dtype: DType | None,
        shapes: Mapping[str, DeclaredShape | None],
        dims: Mapping[str, int],
        batch: Collection[str],
    ) -> BoundInput:
        said, shape = self.inputs.get(name, InputBinding()), shapes[name]
        if said.dtype is not None and dtype not in {None, said.dtype}:
            raise BindingError(
                f"input {name!r} is {dtype.value} in the file, not {said.dtype.value}",
                hint="leave the dtype out",
            )
        if shape is None:
            if said.shape is None and said.value is None:
                raise UnboundDimension(
                    f"input {name!r} has no shape in the file",
                    hint=self._flags_for_open_sizes(shapes, dims, batch),
                )
            shape = said.shape or ()
        sizes: list[int] = []
        notes: list[str] = []
        for axis, declared in enumerate(shape):
            size = dims.get(declared) if isinstance(declared, str) else declared
            if size is None and said.shape is not None:
                size = said.shape[axis]
            if size is None:
                if axis > 0 and declared not in batch:
                    open_size = (
                        f"input {name!r} has a free dimension {declared!r}"
                        if declared
                        else f"axis {axis} of input {name!r} is open"
                    )
                    raise UnboundDimension(
                        open_size, hint=self._flags_for_open_sizes(shapes, dims, batch)
                    )
                size = 1
                called = f" {declared!r}" if declared else ""
                notes.append(
                    f"input {name!r}: the open dimension{called} of axis {axis} is taken as 1"
                )
            sizes.append(size)
        return BoundInput(tuple(sizes), said.dtype or dtype, said.value, tuple(notes))

    def _flags_for_open_sizes(
        self,
        shapes: Mapping[str, DeclaredShape | None],
        dims: Mapping[str, int],
        batch: Collection[str],
    ) -> str:
        """A hint that can be typed as it is: flags that settle all that is open, as is usual."""
        sizes = {**dict.fromkeys(batch, 1), **dims}
        named: dict[str, int] = {}
        inputs: list[str] = []
        for name, shape in shapes.items():
            said = self.inputs.get(name, InputBinding())
            if said.shape is not None or (shape is None and said.value is not None):
                continue
            if shape is None:
                inputs.append(f"{name}=1x3x224x224")
                continue
            example: list[int] = []
            for axis, size in enumerate(shape):
                usual = _usual_size(axis, shape)
                if isinstance(size, str) and size not in sizes:
                    named[size] = sizes[size] = usual
                known = sizes[size] if isinstance(size, str) else size
                example.append(usual if known is None else known)
            if None in shape[1:]:
                inputs.append(f"{name}={format_shape(example)}")
                named = {size: known for size, known in named.items() if size not in shape}
        flags = [("--dim", f"{name}={size}") for name, size in named.items()]
        flags += [("--input", text) for text in inputs]
        return "add " + " ".join(f"{flag} {shlex.quote(text)}" for flag, text in flags)


def nearest(name: str, known: Collection[str], what: str) -> str:
    """A hint for a name that is not known: the closest one, or the first few there are."""
    match = difflib.get_close_matches(name, known, n=1)
    if match:
        return f"did you mean {match[0]!r}?"
    if not known:
        return f"{what}: none"
    listed = ", ".join(sorted(known)[:8])
    return f"{what}: {listed}{', …' if len(known) > 8 else ''}"


def format_shape(shape: Iterable[int | str | None]) -> str:
    """A shape as it is typed: 1x3x224x224, with ? for an unknown size."""
    return "x".join("?" if size is None else str(size) for size in shape) or "scalar"


# 18 digits hold any size that a tensor may have, and any of them fits 64 bits.
_SIZE = r"[0-9]{1,18}"
_INPUT_SHAPE = re.compile(
    rf"(?P<name>.+)=(?P<sizes>{_SIZE}(?:[x,]{_SIZE})*|scalar)?(?::(?P<dtype>\w+))?"
)
_INPUT_VALUE = re.compile(r"(?P<name>.+):=(?P<value>[^=]+)")
_NAMED_SIZE = re.compile(rf"(?P<name>.+)=(?P<size>{_SIZE})")


def _parse_input(text: str) -> tuple[str, InputBinding]:
    match = _INPUT_VALUE.fullmatch(text)
    if match:
        return match["name"], InputBinding(value=_parse_scalar(match["value"], text))
    match = _INPUT_SHAPE.fullmatch(text)
    if not match or not (match["sizes"] or match["dtype"]):
        raise UsageError(
            f"--input {text!r} is not NAME=SHAPE",
            hint="write --input x=1x3x224x224, ids=1x128:int64 or, for a value, sr:=16000",
        )
    sizes = match["sizes"]
    shape = None
    if sizes:
        shape = tuple(int(size) for size in re.findall(r"\d+", sizes))
    return match["name"], InputBinding(shape, _parse_dtype(match["dtype"]))


def _parse_dtype(name: str | None) -> DType | None:
    if name is None:
        return None
    try:
        return DType(name)
    except ValueError:
        raise UsageError(
            f"no dtype {name!r}", hint=nearest(name, [dtype.value for dtype in DType], "dtypes")
        ) from None


def _parse_scalar(value: str, text: str) -> Scalar:
    if value in {"true", "false"}:
        return value == "true"
    with suppress(ValueError):
        return int(value)
    with suppress(ValueError):
        if math.isfinite(number := float(value)):
            return number
    raise UsageError(f"--input {text!r} gives no number", hint="write --input sr:=16000")


def _parse_size(text: str, flag: str) -> tuple[str, int]:
    match = _NAMED_SIZE.fullmatch(text)
    if not match:
        raise UsageError(f"{flag} {text!r} is not NAME=NUMBER", hint=f"write {flag} sequence=128")
    return match["name"], int(match["size"])


def _once(pairs: Iterable[tuple[str, T]], what: str) -> dict[str, T]:
    bound: dict[str, T] = {}
    for name, value in pairs:
        if name in bound:
            raise UsageError(f"{what} {name!r} is bound twice", hint="leave one of them out")
        bound[name] = value
    return bound


def _usual_size(axis: int, shape: DeclaredShape) -> int:
    """A size that an open axis often has: one sample, three channels, 224 pixels, 128 tokens."""
    if axis == 0:
        return 1
    if len(shape) == 4:
        *_, last = shape
        is_channels_last = isinstance(last, int) and last <= 4
        return 224 if axis > 1 or is_channels_last else 3
    # States of recurrent layers: layers or directions, samples, features.
    is_state = len(shape) == 3 and axis == 1 and isinstance(shape[0], int)
    return 1 if is_state else 128
