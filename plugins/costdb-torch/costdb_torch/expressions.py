"""Sizes that are formulas over symbols: `2 * s0 + 1`, `Max(1, s0)`.

Exported programs write SymPy's text, either as people do (`s0//2`) or as constructors
(`Mul(Integer(2), Symbol('s0', integer=True))`). Both are Python expressions: `readable` turns the
second form into the first, and `evaluate` walks a few node types of it. No name but a symbol or a
function that is listed here is looked up, and nothing is run.
"""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache, partial, reduce

from costdb.plugins import BrokenArtifact

# Longer than any size that an export has been seen to write.
MAX_LENGTH = 10_000

# A number with more bits than this is no size of anything.
_MAX_BITS = 256

_TOO_DEEP = (RecursionError, MemoryError)


class _Unknown(Exception):
    """The expression has no value here: a symbol is free, or a function is not known."""


@lru_cache(maxsize=4096)
def readable(text: str) -> str:
    """An expression as people write it, from either of SymPy's forms.

    Raises:
        BrokenArtifact: The text is no expression.
    """
    try:
        return ast.unparse(_Readable().visit(_parse(text)))
    except _TOO_DEEP as error:
        raise _unreadable(text) from error


@lru_cache(maxsize=4096)
def symbols_of(text: str) -> frozenset[str]:
    """The symbols that a readable expression names."""
    called = {id(node.func) for node in ast.walk(_parse(text)) if isinstance(node, ast.Call)}
    return frozenset(
        node.id
        for node in ast.walk(_parse(text))
        if isinstance(node, ast.Name) and id(node) not in called
    )


def is_symbol(text: str) -> bool:
    """Whether a readable expression is one symbol and nothing else."""
    return text.isidentifier()


def evaluate(text: str, symbols: Mapping[str, int]) -> int | None:
    """The integer that a readable expression stands for.

    Args:
        text: The expression.
        symbols: The values of symbols.

    Returns:
        None if a symbol has no value, a function is not known, or the value is no integer.
    """
    try:
        value = _value(_parse(text), symbols)
    except (_Unknown, ArithmeticError, RecursionError, ValueError):
        return None
    return int(value) if value.denominator == 1 else None


def solve(text: str, symbol: str, wanted: int, symbols: Mapping[str, int]) -> int | None:
    """The value of a symbol at which a linear expression takes a given value.

    Args:
        text: The expression, readable.
        symbol: The unknown.
        wanted: The expression's value.
        symbols: The values of the other symbols.

    Returns:
        A non-negative integer; None if there is none, or the expression is not linear.
    """
    # The slope is taken far from 0, where a size that is clipped at 0 or 1 is linear.
    origin, above = (evaluate(text, {**symbols, symbol: value}) for value in (1024, 1025))
    if origin is None or above is None or origin == above:
        return None
    value = 1024 + (wanted - origin) // (above - origin)
    fits = value >= 0 and evaluate(text, {**symbols, symbol: value}) == wanted
    return value if fits else None


@lru_cache(maxsize=4096)
def _parse(text: str) -> ast.expr:
    if len(text) > MAX_LENGTH:
        raise _unreadable(text)
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, *_TOO_DEEP) as error:
        raise _unreadable(text) from error


def _unreadable(text: str) -> BrokenArtifact:
    shown = text if len(text) <= 60 else f"{text[:57]}..."
    return BrokenArtifact(f"the size {shown!r} cannot be read", hint="export the model again")


class _Readable(ast.NodeTransformer):
    """Writes SymPy's constructors as operators, names and numbers."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        constructor = node.func.id if isinstance(node.func, ast.Name) else ""
        first = node.args[0] if node.args else None
        if constructor in {"Symbol", "Dummy"} and isinstance(first, ast.Constant):
            return ast.Name(str(first.value))
        if constructor == "Float" and isinstance(first, ast.Constant):
            return _parse(str(first.value))
        arguments: list[ast.expr] = [self.visit(argument) for argument in node.args]
        if constructor == "Integer" and len(arguments) == 1:
            return arguments[0]
        if constructor in _CONSTRUCTORS and arguments:
            sign = _CONSTRUCTORS[constructor]
            return reduce(partial(_binary, sign), arguments)
        return ast.Call(node.func, arguments, [])


def _binary(sign: type[ast.operator], left: ast.expr, right: ast.expr) -> ast.expr:
    return ast.BinOp(left, sign(), right)


_CONSTRUCTORS: Mapping[str, type[ast.operator]] = {
    "Add": ast.Add,
    "Mul": ast.Mult,
    "Pow": ast.Pow,
    "Rational": ast.Div,
}


def _value(node: ast.expr, symbols: Mapping[str, int]) -> Fraction:
    match node:
        case ast.Name(name) if name in symbols:
            return Fraction(symbols[name])
        case ast.Constant(int() | float() as number):
            return Fraction(number)
        case ast.UnaryOp(ast.USub(), operand):
            return -_value(operand, symbols)
        case ast.BinOp(left, sign, right) if type(sign) in _OPERATORS:
            apply = _OPERATORS[type(sign)]
            return _checked(apply(_value(left, symbols), _value(right, symbols)))
        case ast.Call(ast.Name(name), arguments) if name in _FUNCTIONS:
            try:
                return _checked(_FUNCTIONS[name](*(_value(item, symbols) for item in arguments)))
            except TypeError as error:
                raise _Unknown(name) from error
    raise _Unknown(type(node).__name__)


def _checked(value: Fraction) -> Fraction:
    if value.numerator.bit_length() > _MAX_BITS or value.denominator.bit_length() > _MAX_BITS:
        raise _Unknown("too large")
    return value


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1 or abs(exponent) > _MAX_BITS:
        raise _Unknown("a power that is no integer")
    return Fraction(base ** int(exponent))


def _quotient(left: Fraction, right: Fraction) -> Fraction:
    return Fraction(left // right)


def _ceiling_quotient(left: Fraction, right: Fraction) -> Fraction:
    return Fraction(-(-left // right))


_OPERATORS: Mapping[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: _quotient,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}

# SymPy's functions, and those that PyTorch adds (torch/utils/_sympy/functions.py).
_FUNCTIONS: Mapping[str, Callable[..., Fraction]] = {
    "Identity": Fraction,
    "ToFloat": Fraction,
    "PowByNatural": _power,
    "FloatPow": _power,
    "Max": lambda *values: max(values),
    "Min": lambda *values: min(values),
    "Abs": abs,
    "Mod": operator.mod,
    "PythonMod": operator.mod,
    "FloorDiv": _quotient,
    "CleanDiv": _quotient,
    "CeilDiv": _ceiling_quotient,
    "IntTrueDiv": operator.truediv,
    "FloatTrueDiv": operator.truediv,
    "floor": lambda value: Fraction(math.floor(value)),
    "FloorToInt": lambda value: Fraction(math.floor(value)),
    "ceiling": lambda value: Fraction(math.ceil(value)),
    "CeilToInt": lambda value: Fraction(math.ceil(value)),
    "TruncToInt": lambda value: Fraction(math.trunc(value)),
    "RoundToInt": lambda value: Fraction(round(value)),
}
