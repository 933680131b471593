"""PyTorch models for tests, and the files that they are saved in.

Weights are random: an exporter may merge tensors that are equal.
"""

import importlib
import io
import json
import warnings
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

# Torchvision's wheel from PyPI has its operators in a library that is built for a CUDA build of
# PyTorch and does not load beside a CPU build; `import torchvision` then fails on the first one
# that it looks up. Defining their names makes it import; the networks used here call none of them.
_TORCHVISION_OPERATORS = (
    *("nms", "qnms", "roi_align", "ps_roi_align", "roi_pool", "ps_roi_pool", "deform_conv2d"),
    *("_roi_align_backward", "_ps_roi_align_backward", "_roi_pool_backward"),
    *("_ps_roi_pool_backward", "_deform_conv2d_backward"),
)

# A library's operators vanish with it.
_LIBRARIES: list[Any] = []


def torchvision_network(name: str) -> Any:
    """A network of torchvision's, such as "resnet50", with random weights, for inference."""
    return getattr(import_torchvision().models, name)(weights=None).eval()


def import_torchvision() -> Any:
    import torch

    try:
        return importlib.import_module("torchvision")
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        _LIBRARIES.append(library)
        for operator in _TORCHVISION_OPERATORS:
            library.define(f"{operator}(Tensor input) -> Tensor")
        return importlib.import_module("torchvision")


def network(forward: Callable[..., Any], **parts: Any) -> Any:
    """A module for inference.

    Args:
        forward: Its method; the parts are attributes of the first argument.
        parts: Modules, parameters, and tensors, which become buffers.
    """
    import torch

    made = type("Network", (torch.nn.Module,), {"forward": forward})()
    for name, part in parts.items():
        is_buffer = isinstance(part, torch.Tensor) and not isinstance(part, torch.nn.Parameter)
        if is_buffer:
            made.register_buffer(name, part)
        else:
            setattr(made, name, part)
    return made.eval()


def convnet() -> Any:
    """Conv, batch norm, ReLU, depthwise conv, pools and a dense layer on images of 3x32x32."""
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=8),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 10),
    ).eval()


# Of `convnet`, by hand: weights, and 32*32 and 8*8 outputs of 8 channels.
CONVNET_PARAMS = 3 * 8 * 9 + 2 * 8 + 8 * 9 + 8 + 8 * 10 + 10
CONVNET_BUFFERS = 2 * 8 + 1
CONVNET_MACS = 8 * 32 * 32 * 3 * 9 + 8 * 8 * 8 * 9 + 8 * 10


def convnet_inputs() -> tuple[Any, ...]:
    """One image for `convnet`."""
    import torch

    return (torch.randn(1, 3, 32, 32),)


def export(
    module: Any, inputs: Iterable[Any], path: Path, *, decomposed: bool = False, **options: Any
) -> Path:
    """Save a module as an exported program.

    Args:
        module: What to save.
        inputs: What it is traced with.
        path: Where to save it.
        decomposed: Whether to reduce its calls to ATen's core operators first.
        options: Those of `torch.export.export`.
    """
    import torch

    # Not all of PyTorch has taken up what PyTorch deprecates.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(module, tuple(inputs), **options)
        if decomposed:
            program = program.run_decompositions()
        torch.export.save(program, path)
    return path


def export_convnet(path: Path) -> Path:
    """`convnet` as an exported program."""
    return export(convnet(), convnet_inputs(), path)


def program_json(path: Path) -> dict[str, Any]:
    """The program of an exported file."""
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.endswith("models/model.json"))
        program: dict[str, Any] = json.loads(archive.read(name))
    return program


def write_program(
    path: Path, program: Mapping[str, Any] | bytes, *, compression: int = zipfile.ZIP_STORED
) -> Path:
    """An archive with a program and no list of weights."""
    content = program if isinstance(program, bytes) else json.dumps(program).encode()
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/models/model.json", content)
    return path


def older_layout(source: Path, state_dict: Mapping[str, Any], path: Path) -> Path:
    """An exported file as PyTorch 2.1 to 2.7 laid it out, which newer ones no longer write."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("version", "8.8")
        archive.writestr("serialized_exported_program.json", json.dumps(program_json(source)))
        archive.writestr("serialized_state_dict.pt", checkpoint_bytes(dict(state_dict)))
        archive.writestr("serialized_constants.pt", checkpoint_bytes({}))
        archive.writestr("serialized_example_inputs.pt", b"never read")
    return path


def checkpoint_layout(source: Path, state_dict: Mapping[str, Any], path: Path) -> Path:
    """An exported file as PyTorch 2.8 laid it out: all weights in one checkpoint."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/models/model.json", json.dumps(program_json(source)))
        archive.writestr("archive/data/weights/model.pt", checkpoint_bytes(dict(state_dict)))
        archive.writestr("archive/data/constants/model.pt", checkpoint_bytes({}))
    return path


def checkpoint_bytes(value: Any, **options: Any) -> bytes:
    """What `torch.save` writes."""
    import torch

    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def script(module: Any, path: Path, *, traced_with: Any = None, frozen: bool = False) -> Path:
    """A TorchScript archive: scripted, or traced with an input; frozen if asked for."""
    torch: Any = importlib.import_module("torch")
    # PyTorch deprecates TorchScript, which does not remove the archives.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if traced_with is None:
            made = torch.jit.script(module)
        else:
            made = torch.jit.trace(module, traced_with)
        (torch.jit.freeze(made) if frozen else made).save(str(path))
    return path


def repeating_module() -> Any:
    """Python's control flow, numbers, defaults, an optional input, a literal, a write, a tie."""
    import torch
    from torch import nn

    class Repeats(nn.Module):  # type: ignore[misc] # PyTorch is Any here
        def __init__(self) -> None:
            super().__init__()
            self.dense = nn.Linear(4, 4)
            self.head = nn.Linear(4, 4)
            self.head.weight = self.dense.weight

        def forward(
            self, x: torch.Tensor, times: int, scale: float = 2.0, mask: torch.Tensor | None = None
        ) -> dict[str, torch.Tensor]:
            for _ in range(times):
                x = self.dense(x) * scale
            if mask is not None:
                x = x + mask
            x[:, 0] = torch.tensor([1.0, 2.0])
            return {"x": x, "head": self.head(x)}

    return Repeats()


def deciding_function() -> Any:
    """A function that does one thing or another, as data say."""
    import torch

    def decide(x: torch.Tensor) -> torch.Tensor:
        return x * 2 if bool(x.sum() > 0) else x

    return decide


def listing_function() -> Any:
    """A function of a list of tensors."""
    import torch

    def join(x: list[torch.Tensor]) -> torch.Tensor:
        return torch.cat(x)

    return join
