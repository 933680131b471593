"""Numbers of small tensors are those that onnx itself reads and writes."""

import pytest
from builders.onnx_models import onnx

from costdb_onnx.model.numbers import DATA_FIELDS, constant, numbers

NAMES = {number: name for name, number in onnx().TensorProto.DataType.items()}
VALUES: dict[str, list[float]] = {
    "FLOAT": [0.5, -1.25, 3e38, float("inf")],
    "DOUBLE": [0.1, -1e300, float("-inf"), 0.0],
    "FLOAT16": [0.5, -2.0, 65504.0, 0.0],
    "BFLOAT16": [0.5, -2.0, 1e38, 0.0],
    "BOOL": [True, False, True, True],
    "INT8": [-128, 127, 0, -1],
    "INT16": [-32768, 32767, 0, -1],
    "INT32": [-(2**31), 2**31 - 1, 0, -1],
    "INT64": [-(2**63), 2**63 - 1, 0, -1],
    "UINT8": [0, 255, 1, 128],
    "UINT16": [0, 65535, 1, 32768],
    "UINT32": [0, 2**32 - 1, 1, 2**31],
    "UINT64": [0, 2**64 - 1, 1, 2**63],
}


@pytest.mark.parametrize("element_type", DATA_FIELDS, ids=NAMES.__getitem__)
def test_numbers_are_those_that_onnx_reads(element_type: int) -> None:
    values = VALUES[NAMES[element_type]]
    in_a_field = onnx().helper.make_tensor("t", element_type, [4], values)
    array = onnx().numpy_helper.to_array(in_a_field)
    as_bytes = onnx().numpy_helper.from_array(array)
    assert as_bytes.HasField("raw_data")
    assert not in_a_field.HasField("raw_data")
    wanted = tuple(array.tolist())
    assert numbers(in_a_field) == numbers(as_bytes) == wanted
    assert list(map(type, numbers(as_bytes))) == list(map(type, wanted))


@pytest.mark.parametrize(
    "name", ["FLOAT16", "BFLOAT16", "BOOL", "INT8", "INT16", "UINT8", "UINT16"]
)
def test_numbers_wider_than_their_type_are_cut(name: str) -> None:
    element_type = onnx().TensorProto.DataType.Value(name)
    tensor = onnx().TensorProto(data_type=element_type, dims=[2], int32_data=[-1, 0x1_0001])
    array = onnx().numpy_helper.to_array(tensor)
    # Minus one is all ones, which is NaN for a short float.
    assert numbers(tensor)[1] == array[1]
    assert numbers(tensor)[0] == array[0] or str(numbers(tensor)[0]) == str(array[0]) == "nan"


@pytest.mark.parametrize("name", ["FLOAT", "DOUBLE", "INT32", "INT64", "UINT8", "BOOL"])
def test_a_constant_is_the_tensor_that_onnx_makes(name: str) -> None:
    element_type = onnx().TensorProto.DataType.Value(name)
    values = VALUES[name]
    wanted = onnx().helper.make_tensor("", element_type, [2, 2], values)
    made = constant(element_type, [2, 2], list(map(int, values)) if name == "BOOL" else values)
    made.name = ""
    assert made == wanted


def test_a_tensor_without_elements_has_no_numbers() -> None:
    assert numbers(onnx().TensorProto(data_type=onnx().TensorProto.INT64, dims=[0])) == ()
