"""`package.module:factory`: a Python function that makes a module, exported on the meta device."""

import importlib
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from costdb.plugins import (
    ArtifactError,
    Binding,
    DType,
    Graph,
    InputBinding,
    Source,
    UnboundDimension,
)
from costdb_torch.archive import Archive
from costdb_torch.export_archive import load_export
from costdb_torch.torch_runtime import (
    import_torch,
    running,
    tensor_without_data,
    weights_of,
)

FILE_FORMAT = "torch-module"


def load_factory(source: Source, binding: Binding) -> Graph:
    """The graph of a module that a function makes, which runs the function's module.

    Args:
        source: Of scheme `python`: `package.module:factory`. The factory is called without
            arguments and returns a `torch.nn.Module`; it may also be one.
        binding: Gives the inputs of `forward`, by their names or in their order; the type is
            float32 where it says none.

    Raises:
        PluginError: PyTorch is not installed.
        ArtifactError: The module cannot be made or exported.
        BindingError: `forward` needs an input that is not given.
    """
    torch = import_torch()
    location = source.location
    # Without memory behind it, a model of any size is made at once.
    with running(f"making {location!r}", "call it yourself to see where"), torch.device("meta"):
        module = _module(torch, location)
        weights = weights_of(module)
        module = module.to("meta").eval()
    arguments, named = _inputs(torch, module, binding)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.pt2"
        with running(f"exporting {location!r}", "see torch.export's guide"), torch.device("meta"):
            program = torch.export.export(module, arguments, named, strict=False)
            torch.export.save(program, path)
        with Source(path) as saved, Archive.of(saved) as archive:
            return load_export(
                archive,
                Binding(outputs=binding.outputs, trips=binding.trips),
                stored=[stored for stored, _ in weights],
                file_format=FILE_FORMAT,
            )


def _module(torch: Any, location: str) -> Any:
    """The module that a factory makes. Raises ArtifactError."""
    package, _, attribute = location.partition(":")
    with _working_folder_importable():
        imported = importlib.import_module(package)
    if not hasattr(imported, attribute):
        raise ArtifactError(
            f"{package!r} has no {attribute!r}", hint="name a function: package.module:factory"
        )
    made = getattr(imported, attribute)
    module = made if isinstance(made, torch.nn.Module) else made()
    if not isinstance(module, torch.nn.Module):
        raise ArtifactError(
            f"{location!r} makes {type(module).__name__} instead of torch.nn.Module",
            hint="return the model itself",
        )
    return module


@contextmanager
def _working_folder_importable() -> Iterator[None]:
    """As `python -m` does: a model's own code is seldom installed."""
    sys.path.insert(0, "")
    try:
        yield
    finally:
        sys.path.remove("")


def _inputs(torch: Any, module: Any, binding: Binding) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The positional and the named arguments of `forward`. Raises UnboundDimension."""
    parameters = inspect.signature(module.forward).parameters.values()
    names = [parameter.name for parameter in parameters]
    required = [
        parameter.name
        for parameter in parameters
        if parameter.default is parameter.empty
        and parameter.kind in {parameter.POSITIONAL_OR_KEYWORD, parameter.POSITIONAL_ONLY}
    ]
    values = {name: _value(torch, name, said) for name, said in binding.inputs.items()}
    if values.keys() <= set(names):
        missing = [name for name in required if name not in values]
        positional: tuple[Any, ...] = ()
    else:
        missing = required[len(values) :]
        positional, values = tuple(values.values()), {}
    if missing:
        raise UnboundDimension(
            f"input {missing[0]!r} has no shape", hint=f"add --input {missing[0]}=1x3x224x224"
        )
    return positional, values


def _value(torch: Any, name: str, said: InputBinding) -> Any:
    if said.value is not None:
        return said.value
    if said.shape is None:
        raise UnboundDimension(
            f"input {name!r} has no shape", hint=f"add --input {name}=1x3x224x224"
        )
    return tensor_without_data(torch, said.shape, said.dtype or DType.FLOAT32)
