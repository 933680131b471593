"""The onnx package's own test cases: models with inputs, and the outputs that they must give."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builders.onnx_models import onnx

from costdb.binding import Binding, InputBinding

# Shapes depend on no more numbers than these in any case.
MOST_INTEGERS = 1024
MOST_FLOATS = 64


@dataclass(frozen=True, slots=True)
class Case:
    """A model with data.

    Attributes:
        name: What onnx calls it.
        model: A ModelProto.
        inputs: Arrays in the order of the graph's inputs; None for what is no array.
        outputs: The same.
    """

    name: str
    model: Any
    inputs: Sequence[Any]
    outputs: Sequence[Any]

    def binding(self) -> Binding:
        """The shapes of the arrays that are fed."""
        return Binding(inputs={name: InputBinding(array.shape) for name, array in self._fed()})

    def without_declared_shapes(self) -> "Case":
        """The same with outputs that declare nothing, and with what decides shapes stored."""
        graph = onnx().GraphProto()
        graph.CopyFrom(self.model.graph)
        del graph.value_info[:]
        for output in graph.output:
            output.ClearField("type")
        for position, (name, array) in enumerate(self._fed()):
            if _may_decide_a_shape(array, position, len(self.inputs)):
                graph.initializer.append(onnx().numpy_helper.from_array(array, name))
        model = onnx().ModelProto()
        model.CopyFrom(self.model)
        model.graph.CopyFrom(graph)
        stored = {tensor.name for tensor in graph.initializer}
        fed = [
            None if value.name in stored else array
            for value, array in zip(graph.input, self.inputs, strict=False)
        ]
        return Case(self.name, model, fed, self.outputs)

    def _fed(self) -> Iterator[tuple[str, Any]]:
        stored = {tensor.name for tensor in self.model.graph.initializer}
        for value, array in zip(self.model.graph.input, self.inputs, strict=False):
            is_tensor = value.type.WhichOneof("value") == "tensor_type"
            if is_tensor and array is not None and value.name not in stored:
                yield value.name, array


def node_cases() -> list[Case]:
    """One for each node test: `onnx.backend.test.case.node.collect_testcases`."""
    with warnings.catch_warnings():
        # The package divides by zero and casts out of range on purpose.
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        collected = collect_testcases(None)
    return [_node_case(case) for case in collected]


def model_cases() -> list[Case]:
    """One for each model file with data in the folders `simple` and `pytorch-*`."""
    root = Path(onnx().__file__).parent / "backend" / "test" / "data"
    return [_file_case(path) for path in sorted(root.glob("*/*/model.onnx"))]


def _node_case(case: Any) -> Case:
    inputs, outputs = case.data_sets[0]
    return Case(case.name, case.model, _arrays(inputs), _arrays(outputs))


def _file_case(path: Path) -> Case:
    model = onnx().load(path)
    folder = path.parent / "test_data_set_0"
    return Case(
        path.parent.name,
        model,
        [_read(file, value) for file, value in _files(folder, "input", model.graph.input)],
        [_read(file, value) for file, value in _files(folder, "output", model.graph.output)],
    )


def _files(folder: Path, kind: str, values: Sequence[Any]) -> Iterator[tuple[Path, Any]]:
    return ((folder / f"{kind}_{number}.pb", value) for number, value in enumerate(values))


def _read(file: Path, value: Any) -> Any:
    """The array in a file; None if the value is no tensor or the file has none for it."""
    if value.type.WhichOneof("value") != "tensor_type" or not file.exists():
        return None
    return onnx().numpy_helper.to_array(onnx().TensorProto.FromString(file.read_bytes()))


def _arrays(values: Sequence[Any]) -> list[Any]:
    return [_array(value) for value in values]


def _array(value: Any) -> Any:
    """An array or a scalar as an array; None for a sequence, an optional and the like."""
    import numpy as np

    if isinstance(value, onnx().TensorProto):
        return onnx().numpy_helper.to_array(value)
    return np.asarray(value) if isinstance(value, np.ndarray | np.generic) else None


def _may_decide_a_shape(array: Any, position: int, inputs: int) -> bool:
    """Whether an input is a shape, axes, sizes or the like rather than what is computed with."""
    is_integer = array.dtype.kind in "biu"
    is_float = array.dtype.kind == "f" or array.dtype.name == "bfloat16"
    if not (is_integer or is_float):
        return False
    is_small = array.size <= (MOST_INTEGERS if is_integer else MOST_FLOATS)
    is_shape = inputs == 1 and is_integer and array.ndim == 1
    return is_small and (position > 0 or array.ndim == 0 or is_shape)
