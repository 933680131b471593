"""TensorFlow's dtype numbers and what they are in the IR.

Source: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/types.proto
"""

from collections.abc import Mapping
from types import MappingProxyType

from costdb.plugins import DType

INT32 = 3
STRING = 7
INT64 = 9
BOOL = 10
RESOURCE = 20
VARIANT = 21

# A reference to a variable's memory has the dtype's number plus this.
_REFERENCE = 100

DTYPES: Mapping[int, DType] = MappingProxyType(
    {
        1: DType.FLOAT32,
        2: DType.FLOAT64,
        INT32: DType.INT32,
        4: DType.UINT8,
        5: DType.INT16,
        6: DType.INT8,
        STRING: DType.STRING,
        8: DType.COMPLEX64,
        INT64: DType.INT64,
        BOOL: DType.BOOL,
        11: DType.INT8,  # qint8: the integers of a quantised tensor
        12: DType.UINT8,  # quint8
        13: DType.INT32,  # qint32
        14: DType.BFLOAT16,
        15: DType.INT16,  # qint16
        16: DType.UINT16,  # quint16
        17: DType.UINT16,
        18: DType.COMPLEX128,
        19: DType.FLOAT16,
        RESOURCE: DType.HANDLE,
        VARIANT: DType.HANDLE,
        22: DType.UINT32,
        23: DType.UINT64,
        24: DType.FLOAT8E5M2,
        25: DType.FLOAT8E4M3FN,
        26: DType.FLOAT8E4M3FNUZ,
        28: DType.FLOAT8E5M2FNUZ,
        29: DType.INT4,
        30: DType.UINT4,
        31: DType.INT2,
        32: DType.UINT2,
        33: DType.FLOAT4E2M1,
    }
)

# The field of a TensorProto that holds the values of a dtype one by one.
VALUE_FIELDS: Mapping[int, str] = MappingProxyType(
    {
        1: "float_val",
        2: "double_val",
        INT32: "int_val",
        4: "int_val",
        5: "int_val",
        6: "int_val",
        STRING: "string_val",
        8: "scomplex_val",
        INT64: "int64_val",
        BOOL: "bool_val",
        11: "int_val",
        12: "int_val",
        13: "int_val",
        14: "half_val",
        15: "int_val",
        16: "int_val",
        17: "int_val",
        18: "dcomplex_val",
        19: "half_val",
        22: "uint32_val",
        23: "uint64_val",
    }
)


def value_dtype(number: int) -> int:
    """The number of a dtype, whether of a value or of a reference to one."""
    return number - _REFERENCE if number > _REFERENCE else number


def ir_dtype(number: int) -> DType | None:
    """The IR's dtype; None for one that TensorFlow does not know, or that the IR lacks."""
    return DTYPES.get(value_dtype(number))
