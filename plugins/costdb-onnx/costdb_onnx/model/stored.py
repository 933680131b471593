"""Facts about the tensors that a file stores: initializers and the outputs of Constant nodes."""

import math
from collections.abc import Sequence

from onnx import AttributeProto, NodeProto, SparseTensorProto, TensorProto, TypeProto

from costdb.plugins import BrokenArtifact
from costdb_onnx.dtypes import DTYPES
from costdb_onnx.model.facts import Fact, may_decide_shapes, tensor_type
from costdb_onnx.model.numbers import DATA_FIELDS, constant


def stored_fact(tensor: TensorProto) -> Fact:
    """Type and shape of a stored tensor, and its data where they are small and in the file.

    Raises:
        BrokenArtifact: A size is negative, the element type is missing, or the data do not fill
            the shape.
    """
    shape = tuple(tensor.dims)
    known = Fact(_type(tensor.name, tensor.data_type, shape))
    is_outside = tensor.data_location == TensorProto.EXTERNAL
    if is_outside or not may_decide_shapes(tensor.data_type, shape):
        return known
    return Fact(known.type, tensor) if _has_data(tensor, math.prod(shape)) else known


def sparse_fact(tensor: SparseTensorProto) -> Fact:
    """Type and dense shape of a stored sparse tensor. Raises BrokenArtifact as `stored_fact`."""
    return Fact(_type(tensor.values.name, tensor.values.data_type, tuple(tensor.dims)))


def _type(name: str, element_type: int, shape: tuple[int, ...]) -> TypeProto:
    if element_type == TensorProto.UNDEFINED or any(size < 0 for size in shape):
        raise BrokenArtifact(
            f"stored tensor {name!r} has shape {shape} and element type {element_type}",
            hint="export the model again",
        )
    return tensor_type(element_type, shape)


def constant_fact(node: NodeProto) -> Fact:
    """What a Constant node holds.

    Raises:
        BrokenArtifact: It holds nothing, or see `stored_fact`.
    """
    for attribute in node.attribute:
        match attribute.name:
            case "value":
                return stored_fact(attribute.t)
            case "sparse_value":
                return sparse_fact(attribute.sparse_tensor)
            case "value_string":
                return Fact(tensor_type(TensorProto.STRING, ()))
            case "value_strings":
                return Fact(tensor_type(TensorProto.STRING, (len(attribute.strings),)))
            case "value_float" | "value_floats" | "value_int" | "value_ints":
                return _numbers_fact(attribute)
            case _:
                pass
    raise BrokenArtifact(
        f"Constant {node.name or next(iter(node.output), '')!r} has no value",
        hint="export the model again",
    )


def _numbers_fact(attribute: AttributeProto) -> Fact:
    is_float = attribute.name.startswith("value_float")
    element_type = TensorProto.FLOAT if is_float else TensorProto.INT64
    numbers: Sequence[float | int]
    if attribute.name.endswith("s"):
        numbers = attribute.floats if is_float else attribute.ints
        shape: tuple[int, ...] = (len(numbers),)
    else:
        numbers = [attribute.f if is_float else attribute.i]
        shape = ()
    known = Fact(tensor_type(element_type, shape))
    if not may_decide_shapes(element_type, shape):
        return known
    return Fact(known.type, constant(element_type, shape, numbers))


def _has_data(tensor: TensorProto, elements: int) -> bool:
    """Whether a tensor's data can be decoded. Raises BrokenArtifact where they are of no use."""
    numbers = len(getattr(tensor, DATA_FIELDS[tensor.data_type]))
    if numbers == 0 and not tensor.raw_data:
        return elements == 0
    item_bytes = DTYPES[tensor.data_type].bits // 8
    # Of a tensor with both, onnx reads the bytes.
    is_raw = tensor.HasField("raw_data")
    held, unit = (len(tensor.raw_data), "bytes") if is_raw else (numbers, "numbers")
    wanted = elements * item_bytes if is_raw else elements
    if held != wanted:
        raise BrokenArtifact(
            f"stored tensor {tensor.name!r} of shape {tuple(tensor.dims)} holds {held} {unit}"
            f" instead of {wanted}",
            hint="the file is damaged: copy or export it again",
        )
    return True
