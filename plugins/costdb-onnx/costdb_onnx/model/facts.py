"""What is known of a value before the model runs: its type, its size, a small constant's data."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from onnx import TensorProto, TypeProto

from costdb.plugins import SMALL_CONSTANT_ELEMENTS, DType, Shape
from costdb_onnx.dtypes import DTYPES
from costdb_onnx.model.numbers import DATA_FIELDS, data_of, numbers

# What a dimension of a TensorShapeProto holds.
LARGEST_SIZE = 2**63 - 1

# Shapes depend on floats only as scales, a few for each axis. More of them are weights.
_MOST_FLOATS = 64


@dataclass(frozen=True)
class Fact:
    """What is known of one value.

    Attributes:
        type: Its element type and shape; None where nothing is known.
        constant: Its data, where it is small and known; shapes may depend on them.
        bounded_axes: Axes of which only the largest size that data allow is known.
        is_bounded_constant: Whether the data are made from such sizes.
    """

    type: TypeProto | None = None
    constant: TensorProto | None = None
    bounded_axes: frozenset[int] = frozenset()
    is_bounded_constant: bool = False

    @cached_property
    def shape(self) -> Shape | None:
        """Sizes; () for a value that is no tensor."""
        return None if self.type is None else shape_of(self.type)

    @cached_property
    def dtype(self) -> DType | None:
        """The element type; HANDLE for a value that is no tensor."""
        return None if self.type is None else dtype_of(self.type)

    @property
    def is_bounded(self) -> bool:
        """Whether anything known of it is an upper bound."""
        return bool(self.bounded_axes) or self.is_bounded_constant

    @cached_property
    def is_known(self) -> bool:
        """Whether its type and all sizes are known."""
        return self.shape is not None and None not in self.shape

    @cached_property
    def key(self) -> tuple[object, ...] | None:
        """What tells a tensor from one of which something else is known; None for other values."""
        if self.type is None or self.type.WhichOneof("value") != "tensor_type":
            return None
        known = (self.type.tensor_type.elem_type, self.shape, self.bounded_axes)
        if self.constant is None:
            return known
        return (*known, self.is_bounded_constant, data_of(self.constant))

    @property
    def integers(self) -> tuple[int, ...] | None:
        """The numbers of a constant of integers; None where they are not known."""
        if self.constant is None or DTYPES[self.constant.data_type].is_floating:
            return None
        return tuple(map(int, numbers(self.constant)))

    def withheld(self) -> "Fact":
        """What is known without upper bounds."""
        if not self.is_bounded:
            return self
        sizes = [
            None if axis in self.bounded_axes else size
            for axis, size in enumerate(self.shape or ())
        ]
        return Fact(
            tensor_type(element_type_of(self.type), sizes) if self.bounded_axes else self.type,
            None if self.is_bounded_constant else self.constant,
        )


UNKNOWN = Fact()


def tensor_type(element_type: int, shape: Iterable[int | None] | None) -> TypeProto:
    """A tensor's type; an unknown rank leaves the shape out, a size beyond 64 bits is unknown."""
    made = TypeProto()
    made.tensor_type.elem_type = element_type
    if shape is not None:
        made.tensor_type.shape.SetInParent()
        for size in shape:
            dimension = made.tensor_type.shape.dim.add()
            if size is not None and size <= LARGEST_SIZE:
                dimension.dim_value = size
    return made


def is_tensor(type_: TypeProto) -> bool:
    """Whether a value of this type is one tensor, dense or sparse."""
    return type_.WhichOneof("value") in {"tensor_type", "sparse_tensor_type"}


def element_type_of(type_: TypeProto | None) -> int:
    """TensorProto.DataType of a tensor; 0 where it is unknown or the value is no tensor."""
    if type_ is None or not is_tensor(type_):
        return TensorProto.UNDEFINED
    return _tensor_part(type_).elem_type


def dtype_of(type_: TypeProto) -> DType | None:
    """The element type; HANDLE for a sequence, an optional or a map."""
    if type_.WhichOneof("value") is None:
        return None
    return DTYPES.get(_tensor_part(type_).elem_type) if is_tensor(type_) else DType.HANDLE


def shape_of(type_: TypeProto) -> Shape | None:
    """The sizes of a tensor, None for an unknown or free one; () if the value is no tensor."""
    if type_.WhichOneof("value") is None:
        return None
    if not is_tensor(type_):
        return ()
    part = _tensor_part(type_)
    if not part.HasField("shape"):
        return None
    return tuple(
        dimension.dim_value
        if dimension.HasField("dim_value") and dimension.dim_value >= 0
        else None
        for dimension in part.shape.dim
    )


def may_decide_shapes(element_type: int, shape: Shape | None) -> bool:
    """Whether a tensor is small enough to be read as a constant that shapes depend on."""
    if shape is None or element_type not in DATA_FIELDS:
        return False
    sizes = [size for size in shape if size is not None]
    most = _MOST_FLOATS if DTYPES[element_type].is_floating else SMALL_CONSTANT_ELEMENTS
    return len(sizes) == len(shape) and math.prod(sizes) <= most


def completed(fact: Fact, declared: TypeProto) -> Fact:
    """What is known, completed by what a file declares where that does not contradict it."""
    if fact.is_known or declared.WhichOneof("value") is None:
        return fact
    if fact.type is None:
        return Fact(declared)
    known, told = fact.shape, shape_of(declared)
    if known is None:
        return Fact(tensor_type(element_type_of(fact.type) or element_type_of(declared), told))
    if told is None or len(told) != len(known):
        return fact
    sizes = [b if a is None else a for a, b in zip(known, told, strict=True)]
    return Fact(
        tensor_type(element_type_of(fact.type), sizes),
        fact.constant,
        fact.bounded_axes,
        fact.is_bounded_constant,
    )


def _tensor_part(type_: TypeProto) -> TypeProto.Tensor | TypeProto.SparseTensor:
    if type_.HasField("sparse_tensor_type"):
        return type_.sparse_tensor_type
    return type_.tensor_type
