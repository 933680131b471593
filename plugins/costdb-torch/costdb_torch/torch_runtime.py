"""The one place that imports PyTorch, for what a caller trusts and only running can cost."""

import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from costdb.plugins import ArtifactError, CostdbError, DType, PluginError, Role
from costdb_torch.dtypes import TORCH_NAMES
from costdb_torch.program import StoredTensor


def import_torch() -> Any:
    """The module `torch`. Raises PluginError where it is not installed."""
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise PluginError(
            "running a model needs PyTorch, which is not installed",
            hint="pip install 'costdb-torch[torch]'",
        ) from error


@contextmanager
def running(what: str, hint: str) -> Iterator[None]:
    """Run a stranger's code: whatever it raises becomes one line, and it may not warn.

    Args:
        what: What is being done, for the message.
        hint: What to try.

    Raises:
        ArtifactError: The code raised something.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except CostdbError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {_reason(str(error))}"
        raise ArtifactError(f"{what} failed: {reason}", hint=hint) from error


def _reason(message: str) -> str:
    """One line of what an exception says: the first, or TorchScript's last, behind a trace."""
    lines = [line.strip() for line in message.splitlines() if line.strip()] or ["no reason given"]
    line = lines[-1 if "TorchScript" in lines[0] else 0]
    return line if len(line) <= _REASON_LENGTH else f"{line[:_REASON_LENGTH]}..."


def ir_dtype(dtype: Any) -> DType | None:
    """The IR's type for one of PyTorch's; None where it has none."""
    return TORCH_NAMES.get(str(dtype).removeprefix("torch."))


def tensor_without_data(torch: Any, shape: tuple[int, ...], dtype: DType) -> Any:
    """A tensor on the meta device. Raises ArtifactError where PyTorch lacks the type."""
    for name, known in TORCH_NAMES.items():
        if known is dtype and hasattr(torch, name):
            return torch.empty(shape, dtype=getattr(torch, name), device="meta")
    raise ArtifactError(f"PyTorch has no type {dtype.value}", hint="choose another with --input")


# PyTorch explains itself at length.
_REASON_LENGTH = 200

# A weight of a module: what it is, and the tensor itself.
Weight = tuple[StoredTensor, Any]


def weights_of(module: Any) -> list[Weight]:
    """The parameters and buffers of a module, tied ones under all their names."""
    parameters = module.named_parameters(remove_duplicate=False)
    buffers = module.named_buffers(remove_duplicate=False)
    return [
        *((stored_tensor(key, tensor, Role.PARAMETER), tensor) for key, tensor in parameters),
        *((stored_tensor(key, tensor, Role.BUFFER), tensor) for key, tensor in buffers),
    ]


def stored_tensor(key: str, tensor: Any, role: Role) -> StoredTensor:
    """A weight without its data. Tied ones have one location while the tensors live."""
    shape, strides = tuple(tensor.shape), tuple(tensor.stride())
    # On the meta device all data lie at address 0: the storage object tells tensors apart.
    storage = tensor.untyped_storage()._cdata  # noqa: SLF001 - it has no public identity
    location = (storage, tensor.storage_offset(), shape, strides)
    return StoredTensor(key, shape, ir_dtype(tensor.dtype), role, location)
