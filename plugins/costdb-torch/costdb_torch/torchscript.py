"""TorchScript archives: programs, run once on the meta device."""

import io
from collections.abc import Callable
from typing import Any

from costdb.plugins import (
    ArtifactError,
    Binding,
    BoundInput,
    DType,
    Graph,
    InputBinding,
    Source,
    UnboundDimension,
)
from costdb_torch.export_graph import graph_of
from costdb_torch.recording import Recording
from costdb_torch.torch_runtime import (
    Weight,
    import_torch,
    running,
    tensor_without_data,
    weights_of,
)

FILE_FORMAT = "torchscript"

_EXPORT = 'export it: torch.export.save(torch.export.export(model, inputs), "model.pt2")'

# The types of inputs that can be bound, as TorchScript calls them.
_TENSOR = "Tensor"
_NUMBERS = frozenset({"bool", "float", "int"})


def load_torchscript(source: Source, binding: Binding) -> Graph:
    """The graph of an archive that `is_torchscript` accepted, which runs its code.

    Args:
        source: The archive.
        binding: Gives the inputs' shapes; the type is float32 where it says none.

    Raises:
        PluginError: PyTorch is not installed.
        ArtifactError: The program cannot be loaded, or fails.
        BindingError: An input has no shape, or a binding names none.
    """
    torch = import_torch()
    try:
        return _run(torch, source, binding, _without_data)
    except ArtifactError as error:
        if _DATA_MISSING not in error.message.lower():
            raise
        return _run(torch, source, binding, _with_data)


# What PyTorch says of a tensor whose data it was to look at.
_DATA_MISSING = "meta tensor"


def _run(
    torch: Any,
    source: Source,
    binding: Binding,
    load: Callable[[Any, Source], tuple[Any, list[Weight]]],
) -> Graph:
    with running(f"loading {source.name!r}", "save it again with this version of PyTorch"):
        module, weights = load(torch, source)
        declared = _declared(module, binding)
    values = {
        name: _value(torch, declared[name], entry)
        for name, entry in binding.bind(dict.fromkeys(declared, (None, None))).items()
    }
    tensors = {name: value for name, value in values.items() if declared[name] == _TENSOR}
    recording = Recording(torch, tensors, weights)
    with running(f"running {source.name!r} without data", _EXPORT):
        program = recording.run(module, values)
    return graph_of(program, recording.stored, Binding(outputs=binding.outputs), FILE_FORMAT)


def _without_data(torch: Any, source: Source) -> tuple[Any, list[Weight]]:
    """The module with all of its tensors on the meta device."""
    module = torch.jit.load(_place(source), map_location="meta").eval()
    return module, weights_of(module)


def _with_data(torch: Any, source: Source) -> tuple[Any, list[Weight]]:
    """The module as it is: its tensors follow the inputs to the meta device, call by call.

    Tracing writes numbers into the code as tensors, whose values the code looks at, and loading a
    frozen module compares its constants. All data are read for that.
    """
    module = torch.jit.load(_place(source), map_location="cpu").eval()
    return module, weights_of(module)


def _place(source: Source) -> Any:
    return str(source.path) if source.path else io.BytesIO(source.read(0, source.size))


def _declared(module: Any, binding: Binding) -> dict[str, str]:
    """Name and type of the inputs that have no default, or are given all the same."""
    declared: dict[str, str] = {}
    for argument in module.forward.schema.arguments[1:]:
        name, kind = argument.name, str(argument.type)
        kind = kind.removeprefix("Optional[").removesuffix("]") if "Optional[" in kind else kind
        given = binding.inputs.get(name, InputBinding())
        if argument.has_default_value() and given == InputBinding():
            continue
        if kind != _TENSOR and kind not in _NUMBERS:
            raise ArtifactError(f"input {name!r} is a {kind}, which cannot be bound", hint=_EXPORT)
        if kind in _NUMBERS and given.value is None:
            raise UnboundDimension(f"input {name!r} is a number", hint=f"add --input {name}:=1")
        declared[name] = kind
    return declared


def _value(torch: Any, kind: str, bound: BoundInput) -> Any:
    """What is handed to the program: a number, or a tensor without data."""
    if bound.value is None:
        return tensor_without_data(torch, bound.shape, bound.dtype or DType.FLOAT32)
    return torch.tensor(bound.value) if kind == _TENSOR else bound.value
