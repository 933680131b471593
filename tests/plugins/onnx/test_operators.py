"""Shapes of every operator's test models inside the onnx package, against the outputs they hold."""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from costdb.ir import Graph

Load = Callable[..., Graph]

# What only running the operator tells: the sizes of decoded images and of split text, and of what
# grows in a loop.
DECIDED_BY_DATA = ("test_image_decoder", "test_string_split", "test_strnormalizer", "test_loop11")


def operator_tests() -> Iterator[tuple[str, Any, list[Any]]]:
    """Name, model and expected outputs; small integers and scales are stored in the model."""
    import numpy as np
    from onnx import ModelProto, numpy_helper
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = collect_testcases(None)
    for case in cases:
        assert case.data_sets, case.name
        model = ModelProto()
        model.CopyFrom(case.model)
        inputs, outputs = case.data_sets[0]
        for declared, given in zip(model.graph.input, inputs, strict=False):
            if declared.name and isinstance(given, np.ndarray | np.generic):
                array = np.asarray(given)
                if array.size <= 64 and (array.dtype.kind in "iub" or array.ndim <= 1):
                    model.graph.initializer.append(numpy_helper.from_array(array, declared.name))
        for output in model.graph.output:
            output.ClearField("type")
        del model.graph.value_info[:]
        yield case.name, model, list(outputs)


@pytest.mark.slow
def test_shapes_are_those_of_the_outputs(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    checked = 0
    for name, model, outputs in operator_tests():
        if name.startswith(DECIDED_BY_DATA):
            continue
        path.write_bytes(model.SerializeToString())
        for tensor, expected in zip(load(path).outputs, outputs, strict=True):
            shape = getattr(expected, "shape", None)
            if shape is None:
                continue
            assert tensor.shape is not None, name
            assert None not in tensor.shape, name
            if tensor.is_upper_bound:
                assert all(a >= b for a, b in zip(tensor.shape, shape, strict=True)), name
            else:
                assert tensor.shape == shape, name
            checked += 1
    # onnx 1.19 has some 1,600 of them.
    assert checked > 1500
