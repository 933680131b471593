"""Element types under the names that PyTorch's formats give them."""

from collections.abc import Mapping

from costdb.plugins import DType

# Numbers of the export format: torch/_export/serde/schema.py, ScalarType. Complex halves (9) have
# no counterpart.
SCALAR_TYPES: Mapping[int, DType] = {
    1: DType.UINT8,
    2: DType.INT8,
    3: DType.INT16,
    4: DType.INT32,
    5: DType.INT64,
    6: DType.FLOAT16,
    7: DType.FLOAT32,
    8: DType.FLOAT64,
    10: DType.COMPLEX64,
    11: DType.COMPLEX128,
    12: DType.BOOL,
    13: DType.BFLOAT16,
    28: DType.UINT16,
    29: DType.FLOAT8E4M3FN,
    30: DType.FLOAT8E5M2,
    31: DType.FLOAT8E4M3FNUZ,
    32: DType.FLOAT8E5M2FNUZ,
    33: DType.FLOAT8E8M0,
    34: DType.UINT32,
    35: DType.UINT64,
}

# `torch.float32` and its kin, without the module.
TORCH_NAMES: Mapping[str, DType] = {
    "float64": DType.FLOAT64,
    "float32": DType.FLOAT32,
    "float16": DType.FLOAT16,
    "bfloat16": DType.BFLOAT16,
    "float8_e4m3fn": DType.FLOAT8E4M3FN,
    "float8_e4m3fnuz": DType.FLOAT8E4M3FNUZ,
    "float8_e5m2": DType.FLOAT8E5M2,
    "float8_e5m2fnuz": DType.FLOAT8E5M2FNUZ,
    "float8_e8m0fnu": DType.FLOAT8E8M0,
    "complex128": DType.COMPLEX128,
    "complex64": DType.COMPLEX64,
    "int64": DType.INT64,
    "int32": DType.INT32,
    "int16": DType.INT16,
    "int8": DType.INT8,
    "int4": DType.INT4,
    "uint64": DType.UINT64,
    "uint32": DType.UINT32,
    "uint16": DType.UINT16,
    "uint8": DType.UINT8,
    "uint4": DType.UINT4,
    "bool": DType.BOOL,
    "qint8": DType.INT8,
    "quint8": DType.UINT8,
    "qint32": DType.INT32,
}

# Storage classes that checkpoints name: `torch.FloatStorage`.
STORAGE_NAMES: Mapping[str, DType] = {
    "DoubleStorage": DType.FLOAT64,
    "FloatStorage": DType.FLOAT32,
    "HalfStorage": DType.FLOAT16,
    "BFloat16Storage": DType.BFLOAT16,
    "ComplexDoubleStorage": DType.COMPLEX128,
    "ComplexFloatStorage": DType.COMPLEX64,
    "LongStorage": DType.INT64,
    "IntStorage": DType.INT32,
    "ShortStorage": DType.INT16,
    "CharStorage": DType.INT8,
    "ByteStorage": DType.UINT8,
    "BoolStorage": DType.BOOL,
    "QInt8Storage": DType.INT8,
    "QUInt8Storage": DType.UINT8,
    "QInt32Storage": DType.INT32,
    "UntypedStorage": DType.UINT8,
}

# https://github.com/huggingface/safetensors, the format section of its README.
SAFETENSORS_NAMES: Mapping[str, DType] = {
    "F64": DType.FLOAT64,
    "F32": DType.FLOAT32,
    "F16": DType.FLOAT16,
    "BF16": DType.BFLOAT16,
    "F8_E4M3": DType.FLOAT8E4M3FN,
    "F8_E5M2": DType.FLOAT8E5M2,
    "F8_E8M0": DType.FLOAT8E8M0,
    "F4": DType.FLOAT4E2M1,
    "C64": DType.COMPLEX64,
    "I64": DType.INT64,
    "I32": DType.INT32,
    "I16": DType.INT16,
    "I8": DType.INT8,
    "U64": DType.UINT64,
    "U32": DType.UINT32,
    "U16": DType.UINT16,
    "U8": DType.UINT8,
    "BOOL": DType.BOOL,
}
