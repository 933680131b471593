"""Settles the free dimensions of a program: what `--input` and `--dim` say, and what follows.

A program names its free dimensions itself (`s0`, `s77`): the names that `torch.export.Dim` was
given are not in the file. An input may also have a size that is a formula over them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from costdb.plugins import (
    Binding,
    BindingError,
    BoundInput,
    DType,
    InputBinding,
    UnboundDimension,
    format_shape,
    nearest,
)
from costdb_torch.expressions import evaluate, is_symbol, solve, symbols_of
from costdb_torch.program import (
    Program,
    Range,
    Size,
    SymbolReference,
    TensorMeta,
    TensorReference,
)

# Programs are traced with sizes of at least 2, and so say little of a size of 1: a lower limit is
# one that was asked for only where it is larger.
_TRACED_MINIMUM = 2


@dataclass(frozen=True, slots=True)
class Dimensions:
    """What is settled.

    Attributes:
        symbols: Symbol -> value.
        shapes: Name of an input tensor -> shape.
        notes: What was assumed.
    """

    symbols: Mapping[str, int]
    shapes: Mapping[str, tuple[int, ...]]
    notes: tuple[str, ...] = ()


def bind_dimensions(program: Program, binding: Binding) -> Dimensions:
    """Settle the inputs of a program.

    Args:
        program: Whose inputs may have free dimensions.
        binding: What the caller says.

    Raises:
        UnboundDimension: A free dimension has no value.
        BindingError: A binding names nothing in the program, or does not fit it.
    """
    inputs = _Inputs.of(program)
    _check_values(inputs, binding)
    known = dict(binding.dims) | _numbers(inputs, binding)
    _adopt_shapes(inputs, binding, known)
    said = dict(known)
    notes = _assume_batch(inputs, known)
    bound = _bind(program, inputs, replace(binding, dims=said), known)
    _check_sizes(inputs, bound, known)
    _check_ranges(program.ranges, known)
    shapes = {name: bound[name].shape for name in inputs.tensors}
    notes += [note for entry in bound.values() for note in entry.notes]
    return Dimensions(known, shapes, tuple(notes))


@dataclass(frozen=True, slots=True)
class _Inputs:
    """What a caller hands in: tensors, and numbers with the expressions that stand for them."""

    tensors: Mapping[str, TensorMeta]
    numbers: Mapping[str, Size | None]

    @classmethod
    def of(cls, program: Program) -> "_Inputs":
        tensors: dict[str, TensorMeta] = {}
        numbers: dict[str, Size | None] = {}
        for reference in program.user_inputs:
            match reference:
                case TensorReference(name):
                    tensors[name] = program.graph.meta(name)
                case SymbolReference(name):
                    numbers[name] = program.graph.symbols.get(name)
        return cls(tensors, numbers)

    def free_sizes(self) -> Iterator[tuple[str, int, str]]:
        """Input name, axis and expression of every size that is not a number."""
        for name, meta in self.tensors.items():
            for axis, size in enumerate(meta.sizes):
                if isinstance(size, str):
                    yield name, axis, size


def _numbers(inputs: _Inputs, binding: Binding) -> dict[str, int]:
    """The symbols behind inputs that are numbers. Raises UnboundDimension."""
    values: dict[str, int] = {}
    for name, size in inputs.numbers.items():
        if not isinstance(size, str) or not is_symbol(size):
            continue
        said = binding.inputs.get(name, InputBinding()).value
        value = binding.dims.get(size) if said is None else int(said)
        if value is None:
            raise UnboundDimension(
                f"input {name!r} is a number on which shapes depend",
                hint=f"add --input {name}:=16",
            )
        values[size] = value
    return values


def _adopt_shapes(inputs: _Inputs, binding: Binding, known: dict[str, int]) -> None:
    """Take symbols from the shapes that were given: lone ones first, then those in formulas."""
    given = [
        (size, shape[axis])
        for name, axis, size in inputs.free_sizes()
        if (shape := binding.inputs.get(name, InputBinding()).shape) and axis < len(shape)
    ]
    for size, value in sorted(given, key=lambda pair: not is_symbol(pair[0])):
        free = symbols_of(size) - known.keys()
        if len(free) == 1:
            (symbol,) = free
            found = solve(size, symbol, value, known)
            if found is not None:
                known[symbol] = found


def _assume_batch(inputs: _Inputs, known: dict[str, int]) -> list[str]:
    """Take 1 for what is open on axis 0; `Binding.bind` notes it for lone symbols."""
    notes = []
    for name, axis, size in inputs.free_sizes():
        for symbol in sorted(symbols_of(size) - known.keys()) if axis == 0 else ():
            known[symbol] = 1
            if not is_symbol(size):
                notes.append(f"input {name!r}: {symbol!r} in axis 0, {size}, is taken as 1")
    return notes


def _bind(
    program: Program, inputs: _Inputs, binding: Binding, known: Mapping[str, int]
) -> dict[str, BoundInput]:
    """Let `Binding.bind` check and settle lone symbols; formulas are numbers by now."""
    declared = {
        name: (tuple(_declared(size, known) for size in meta.sizes), meta.dtype)
        for name, meta in inputs.tensors.items()
    }
    symbols = _symbols(program)
    for name in binding.dims:
        if name not in symbols:
            free = sorted(
                {symbol for *_, size in inputs.free_sizes() for symbol in symbols_of(size)}
            )
            raise BindingError(
                f"the model has no free dimension {name!r}",
                hint=nearest(name, free, "its free dimensions"),
            )
    # What only formulas and the program's inside name is no dimension that `bind` knows.
    named = {size for sizes, _ in declared.values() for size in sizes}
    dims = {name: size for name, size in binding.dims.items() if name in named}
    numbers = dict.fromkeys(inputs.numbers, ((), DType.INT64))
    return replace(binding, dims=dims).bind({**declared, **numbers})


def _declared(size: Size, known: Mapping[str, int]) -> Size:
    """A lone symbol by name; a formula by its value, else by the symbol that it lacks."""
    if isinstance(size, int) or is_symbol(size):
        return size
    value = evaluate(size, known)
    return min(symbols_of(size) - known.keys(), default=size) if value is None else value


def _symbols(program: Program) -> set[str]:
    sizes = {size for meta in program.graph.tensors.values() for size in meta.sizes}
    sizes |= set(program.graph.symbols.values())
    return {symbol for size in sizes if isinstance(size, str) for symbol in symbols_of(size)}


def _check_sizes(
    inputs: _Inputs, bound: Mapping[str, BoundInput], known: Mapping[str, int]
) -> None:
    for name, axis, size in inputs.free_sizes():
        actual, wanted = bound[name].shape[axis], evaluate(size, known)
        if wanted != actual:
            raise BindingError(
                f"axis {axis} of input {name!r} is {size}, which is not {actual}",
                hint=", ".join(
                    f"{symbol} is {known[symbol]}" for symbol in sorted(symbols_of(size))
                ),
            )


def _check_ranges(ranges: Mapping[str, Range], known: Mapping[str, int]) -> None:
    for symbol, limits in ranges.items():
        value = known.get(symbol)
        if value is None:
            continue
        if limits.low is not None and limits.low > max(value, _TRACED_MINIMUM):
            raise _out_of_range(symbol, value, "least", limits.low)
        if limits.high is not None and limits.high < value:
            raise _out_of_range(symbol, value, "most", limits.high)


def _out_of_range(symbol: str, value: int, side: str, limit: int) -> BindingError:
    return BindingError(
        f"dimension {symbol!r} is at {side} {limit} in the program, not {value}",
        hint=f"add --dim {symbol}={limit}",
    )


def _check_values(inputs: _Inputs, binding: Binding) -> None:
    for name, meta in inputs.tensors.items():
        if binding.inputs.get(name, InputBinding()).value is not None:
            raise BindingError(
                f"input {name!r} is a tensor, not a number",
                hint=f"its shape is {format_shape(meta.sizes)}",
            )
