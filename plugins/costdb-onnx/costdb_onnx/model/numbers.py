"""Numbers of small tensors, without NumPy: that takes longer to load than most models to be read.

Where a TensorProto holds its numbers is said in
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

import struct
from collections.abc import Sequence

from onnx import TensorProto

from costdb_onnx.dtypes import DTYPES

# Element types of the numbers that shapes may depend on -> the field in which a TensorProto holds
# them, if it does not hold raw bytes.
DATA_FIELDS: dict[int, str] = {
    TensorProto.FLOAT: "float_data",
    TensorProto.DOUBLE: "double_data",
    TensorProto.FLOAT16: "int32_data",
    TensorProto.BFLOAT16: "int32_data",
    TensorProto.BOOL: "int32_data",
    TensorProto.INT8: "int32_data",
    TensorProto.INT16: "int32_data",
    TensorProto.INT32: "int32_data",
    TensorProto.INT64: "int64_data",
    TensorProto.UINT8: "int32_data",
    TensorProto.UINT16: "int32_data",
    TensorProto.UINT32: "uint64_data",
    TensorProto.UINT64: "uint64_data",
}

# How `struct` spells them, bfloat16 apart, which is the upper half of a float.
_CODES: dict[int, str] = {
    TensorProto.FLOAT: "f",
    TensorProto.DOUBLE: "d",
    TensorProto.FLOAT16: "e",
    TensorProto.BOOL: "?",
    TensorProto.INT8: "b",
    TensorProto.INT16: "h",
    TensorProto.INT32: "i",
    TensorProto.INT64: "q",
    TensorProto.UINT8: "B",
    TensorProto.UINT16: "H",
    TensorProto.UINT32: "I",
    TensorProto.UINT64: "Q",
}

# The fields of whole floats; the numbers of the others may be wider than the elements.
_FLOAT_FIELDS = frozenset({"float_data", "double_data"})


def numbers(tensor: TensorProto) -> tuple[float, ...]:
    """The numbers of a tensor of one of the `DATA_FIELDS`, whose data fill its shape.

    Integers and truth values are returned as such.
    """
    data = data_of(tensor)
    if tensor.data_type != TensorProto.BFLOAT16:
        return _unpacked(_CODES[tensor.data_type], data)
    halves = (data[start : start + 2] for start in range(0, len(data), 2))
    return _unpacked("f", b"".join(b"\0\0" + half for half in halves))


def data_of(tensor: TensorProto) -> bytes:
    """The numbers of a tensor of one of the `DATA_FIELDS` as little-endian bytes."""
    if tensor.HasField("raw_data"):
        return tensor.raw_data
    field = DATA_FIELDS[tensor.data_type]
    values = getattr(tensor, field)
    if field in _FLOAT_FIELDS:
        return struct.pack(f"<{len(values)}{_CODES[tensor.data_type]}", *values)
    return _packed(values, DTYPES[tensor.data_type].bits)


def constant(element_type: int, shape: Sequence[int], values: Sequence[float]) -> TensorProto:
    """A tensor of numbers.

    Args:
        element_type: One of the `DATA_FIELDS` but a short float: its bits would be wanted.
        shape: Its sizes.
        values: Its numbers in order, none of them out of the type's range; truth as 0 and 1.
    """
    field = DATA_FIELDS[element_type]
    return TensorProto(data_type=element_type, dims=shape, **{field: values})  # type: ignore[arg-type] # any field


def _packed(values: Sequence[int], bits: int) -> bytes:
    """The lower bits of each number."""
    mask = (1 << bits) - 1
    return b"".join((value & mask).to_bytes(bits // 8, "little") for value in values)


def _unpacked(code: str, data: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(data) // struct.calcsize(f'<{code}')}{code}", data)
