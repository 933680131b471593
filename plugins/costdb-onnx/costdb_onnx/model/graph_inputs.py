"""Settles the sizes of a model's inputs as the caller bound them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from onnx import TensorProto, TensorShapeProto, TypeProto

from costdb.plugins import Binding, BindingError, BoundInput, BrokenArtifact, DeclaredShape
from costdb_onnx.dtypes import ELEMENT_TYPES
from costdb_onnx.model.facts import (
    Fact,
    dtype_of,
    element_type_of,
    is_tensor,
    may_decide_shapes,
    tensor_type,
)
from costdb_onnx.model.text import require_text


@dataclass(frozen=True, slots=True)
class BoundInputs:
    """A model's inputs with all sizes settled.

    Attributes:
        facts: Input -> what is known of it.
        dimensions: Free dimension -> its size.
        notes: What was assumed.
    """

    facts: Mapping[str, Fact]
    dimensions: Mapping[str, int]
    notes: tuple[str, ...]


def bind_inputs(inputs: Mapping[str, TypeProto], binding: Binding) -> BoundInputs:
    """Settle the inputs' sizes.

    Args:
        inputs: Input -> the type that the file declares.
        binding: What the caller said.

    Raises:
        BrokenArtifact: A size is negative.
        UnboundDimension: An open size has no value.
        BindingError: The binding does not fit the model.
    """
    declared = {name: declared_shape(type_) for name, type_ in inputs.items()}
    bound = binding.bind(
        {name: (shape, dtype_of(inputs[name])) for name, shape in declared.items()}
    )
    dimensions = {
        name: size
        for input_, shape in declared.items()
        for name, size in zip(shape or (), bound[input_].shape, strict=False)
        if isinstance(name, str)
    }
    return BoundInputs(
        facts={name: _fact(name, inputs[name], settled) for name, settled in bound.items()},
        dimensions=dimensions,
        notes=tuple(note for settled in bound.values() for note in settled.notes),
    )


def declared_shape(type_: TypeProto) -> DeclaredShape | None:
    """The shape as the file has it, free dimensions by name; () if the value is no tensor."""
    if not is_tensor(type_):
        return None if type_.WhichOneof("value") is None else ()
    part = type_.tensor_type if type_.HasField("tensor_type") else type_.sparse_tensor_type
    if not part.HasField("shape"):
        return None
    return [_declared_size(dimension) for dimension in part.shape.dim]


def substituted(type_: TypeProto, dimensions: Mapping[str, int]) -> TypeProto:
    """A declared type with the sizes of bound dimensions in place of their names."""
    shape = declared_shape(type_)
    if not is_tensor(type_) or shape is None:
        return type_
    return tensor_type(
        element_type_of(type_),
        [dimensions.get(size) if isinstance(size, str) else size for size in shape],
    )


def _declared_size(dimension: TensorShapeProto.Dimension) -> int | str | None:
    if dimension.HasField("dim_value"):
        # -1 is how other frameworks write an open size, and some exporters copy it.
        if dimension.dim_value < -1:
            raise BrokenArtifact(
                f"the file declares a size of {dimension.dim_value}", hint="export the model again"
            )
        return None if dimension.dim_value == -1 else dimension.dim_value
    require_text((dimension.dim_param,))
    # Some exporters write "?" for every open size: that names nothing.
    is_name = any(character.isalnum() for character in dimension.dim_param)
    return dimension.dim_param if is_name else None


def _fact(name: str, declared: TypeProto, bound: BoundInput) -> Fact:
    if declared.WhichOneof("value") is not None and not is_tensor(declared):
        return Fact(declared)
    element_type = TensorProto.UNDEFINED if bound.dtype is None else ELEMENT_TYPES[bound.dtype]
    settled = tensor_type(element_type, bound.shape)
    if bound.value is None or not may_decide_shapes(element_type, bound.shape):
        return Fact(settled)
    if bound.dtype is not None and not bound.dtype.is_floating and bound.value % 1:
        raise _misfit(name, bound)
    data = [bound.value] * math.prod(bound.shape)
    from onnx import helper  # noqa: PLC0415 - imports NumPy, and few inputs have a value

    try:
        return Fact(settled, helper.make_tensor(name, element_type, bound.shape, data))
    except (TypeError, ValueError, OverflowError, KeyError) as error:
        raise _misfit(name, bound) from error


def _misfit(name: str, bound: BoundInput) -> BindingError:
    dtype = "an unknown element type" if bound.dtype is None else bound.dtype.value
    return BindingError(
        f"input {name!r} is of {dtype}, which {bound.value!r} is not",
        hint=f"give it another value: --input {name}:=1",
    )
