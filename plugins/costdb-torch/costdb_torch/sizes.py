"""The sizes of a program's tensors: numbers, formulas over symbols, and sizes that data decide."""

from collections.abc import Callable, Mapping

from costdb.plugins import Shape, Tensor, Uncountable
from costdb_torch.calls import Value
from costdb_torch.expressions import evaluate, symbols_of
from costdb_torch.program import Range, Size, TensorMeta

# A limit that is this large is none.
_UNLIMITED = 1 << 31


class Sizes:
    """Evaluates sizes, and takes the upper bound of those that only running would tell.

    Args:
        symbols: Symbol -> value, for those that the inputs settle.
        ranges: Symbol -> the values that it may take.
    """

    def __init__(self, symbols: Mapping[str, int], ranges: Mapping[str, Range]) -> None:
        self._symbols = dict(symbols)
        self._ranges = ranges
        self._bounded: set[str] = set()

    def value(self, size: Size) -> int | None:
        """The integer that an expression stands for; None if it has none yet."""
        return size if isinstance(size, int) else evaluate(size, self._symbols)

    def shape(self, meta: TensorMeta) -> Shape:
        """A tensor's shape; None for a size that nothing tells."""
        values = (self.value(size) for size in meta.sizes)
        return tuple(value if value is not None and value >= 0 else None for value in values)

    def is_upper_bound(self, meta: TensorMeta) -> bool:
        """Whether a size of the tensor is the largest that it may have."""
        if not self._bounded:
            return False
        return any(
            isinstance(size, str) and symbols_of(size) & self._bounded for size in meta.sizes
        )

    def take_bounds(self, meta: TensorMeta, operator: str, arguments: Mapping[str, Value]) -> None:
        """Give the symbols that first arise in a result the largest value that they may have.

        Args:
            meta: The result.
            operator: What computes it, without overload.
            arguments: Of the call.
        """
        for size in meta.sizes:
            for symbol in symbols_of(size) - self._symbols.keys() if isinstance(size, str) else ():
                limits = (self._ranges.get(symbol), _largest(operator, arguments))
                high = limits[0].high if limits[0] else None
                known = [limit for limit in (high, limits[1]) if limit is not None]
                if known and min(known) < _UNLIMITED:
                    self._symbols[symbol] = min(known)
                    self._bounded.add(symbol)


def _largest(operator: str, arguments: Mapping[str, Value]) -> int | None:
    """The most elements that an operator may find; None if nothing says."""
    find = _FINDERS.get(operator)
    try:
        return find(arguments) if find else None
    except Uncountable:
        return None


def _elements(name: str) -> Callable[[Mapping[str, Value]], int | None]:
    def count(arguments: Mapping[str, Value]) -> int | None:
        tensor = arguments.get(name)
        return tensor.numel if isinstance(tensor, Tensor) else None

    return count


def _boxes(arguments: Mapping[str, Value]) -> int | None:
    boxes = arguments.get("dets")
    return boxes.size(0) if isinstance(boxes, Tensor) else None


def _masked(arguments: Mapping[str, Value]) -> int | None:
    """x[mask] has at most as many rows as the mask has elements."""
    indices = arguments.get("indices")
    masks = (
        [item for item in indices if isinstance(item, Tensor)] if isinstance(indices, tuple) else []
    )
    return max((mask.numel for mask in masks), default=None)


_FINDERS: Mapping[str, Callable[[Mapping[str, Value]], int | None]] = {
    "nonzero": _elements("self"),
    "argwhere": _elements("self"),
    "masked_select": _elements("self"),
    "_unique2": _elements("self"),
    "unique_dim": _elements("self"),
    "unique_consecutive": _elements("self"),
    "index": _masked,
    "torchvision.nms": _boxes,
}
