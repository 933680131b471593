"""Real networks, built without downloads, and the files that they are exported to.

`tests/models.toml` names a builder and the formats for each; see `tests/test_ledger.py`.
"""

import contextlib
import inspect
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from builders import tensorflow_models, torch_models

SEED = 7


def build(builder: str) -> Any:
    """A network with random weights, for inference.

    Args:
        builder: `torchvision:resnet50`, `transformers:bert` or `keras:MobileNetV2`.
    """
    library, _, name = builder.partition(":")
    return {"torchvision": _torchvision, "transformers": _transformers, "keras": _keras}[library](
        name
    )


def export(network: Any, shapes: list[tuple[int, ...]], file_format: str, folder: Path) -> Path:
    """Write a network in a format: `pt2`, `onnx`, `torchscript` or `pb`.

    Args:
        network: Of `build`.
        shapes: One for each input, in order.
        file_format: The format.
        folder: Where to.

    Returns:
        The file.
    """
    suffix = {"torchscript": ".pt"}.get(file_format, f".{file_format}")
    path = folder / f"network{suffix}"
    with _quiet():
        _EXPORTERS[file_format](network, shapes, path)
    return path


def inputs_of(network: Any, shapes: list[tuple[int, ...]]) -> list[str]:
    """The inputs as `--input` takes them, for files that do not say what they are fed."""
    dtype = getattr(network, "input_dtype", "float32")
    names = list(inspect.signature(network.forward).parameters)[: len(shapes)]
    return [
        f"{name}={'x'.join(map(str, shape))}:{dtype}"
        for name, shape in zip(names, shapes, strict=True)
    ]


def _torchvision(name: str) -> Any:
    torch_models.import_torchvision()
    from torchvision import models

    if name.endswith("_fpn"):
        from torchvision.models.detection import backbone_utils

        # What Faster R-CNN and its kin look for objects in: five feature maps.
        pyramid = backbone_utils.resnet_fpn_backbone(
            backbone_name=name.removesuffix("_fpn"), weights=None
        )
        return _wrapper(_randomized(pyramid), lambda model, image: tuple(model(image).values()))
    options: dict[str, Any] = {"weights": None}
    if name in {"googlenet", "inception_v3"}:
        # The published parameter count is without the heads that only training uses.
        options |= {"init_weights": False, "aux_logits": False}
    if name.startswith(("fcn", "deeplab", "lraspp")):
        options |= {"weights_backbone": None}
    return _randomized(models.get_model(name, **options))


def _transformers(name: str) -> Any:
    torch_models.import_torchvision()  # transformers imports it if it is there
    import transformers as hub

    makers: dict[str, Callable[[], tuple[Any, Callable[..., Any]]]] = {
        "bert": lambda: (
            hub.BertModel(hub.BertConfig(attn_implementation="eager")),
            lambda model, ids: tuple(model(ids, return_dict=False)),
        ),
        "gpt2": lambda: (
            hub.GPT2LMHeadModel(hub.GPT2Config(attn_implementation="eager", use_cache=False)),
            lambda model, ids: model(ids, return_dict=False)[0],
        ),
        "t5": lambda: (
            hub.T5ForConditionalGeneration(
                hub.T5Config(attn_implementation="eager", use_cache=False)
            ),
            lambda model, ids, to: model(ids, decoder_input_ids=to, return_dict=False)[0],
        ),
        "llama": lambda: (
            hub.LlamaForCausalLM(
                hub.LlamaConfig(
                    hidden_size=512,
                    intermediate_size=1376,
                    num_hidden_layers=4,
                    num_attention_heads=8,
                    num_key_value_heads=2,
                    vocab_size=32000,
                    attn_implementation="eager",
                    use_cache=False,
                )
            ),
            lambda model, ids: model(ids, return_dict=False)[0],
        ),
        "vit": lambda: (
            hub.ViTModel(hub.ViTConfig(attn_implementation="eager")),
            lambda model, pixels: tuple(model(pixels, return_dict=False)),
        ),
        "whisper_encoder": lambda: (
            hub.WhisperModel(hub.WhisperConfig(attn_implementation="eager")).encoder,
            lambda model, features: model(features, return_dict=False)[0],
        ),
    }
    model, call = makers[name]()
    wrapped = _wrapper(_randomized(model), call)
    wrapped.input_dtype = "float32" if name in {"vit", "whisper_encoder"} else "int64"
    return wrapped


def _keras(name: str) -> Any:
    keras = tensorflow_models.keras()
    keras.utils.clear_session()
    model = getattr(keras.applications, name)(weights=None)
    tensorflow_models.randomize(model)
    return model


def _wrapper(model: Any, call: Callable[..., Any]) -> Any:
    """A module whose outputs are plain tensors, with parameters named as in the model."""
    import torch

    class Wrapper(torch.nn.Module):  # type: ignore[misc] # PyTorch is Any here
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        if call.__code__.co_argcount == 3:

            def forward(self, first: Any, second: Any) -> Any:
                return call(self.model, first, second)

        else:

            def forward(self, first: Any) -> Any:  # type: ignore[misc]
                return call(self.model, first)

    return Wrapper().eval()


def _randomized(model: Any) -> Any:
    """The model with values of its own in every weight, so that no exporter merges two."""
    import torch

    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for tensor in {id(t): t for t in [*model.parameters(), *model.buffers()]}.values():
            if tensor.is_floating_point():
                tensor.uniform_(0.5, 1.5, generator=generator)
    return model.eval()


def _examples(network: Any, shapes: list[tuple[int, ...]]) -> tuple[Any, ...]:
    import torch

    if getattr(network, "input_dtype", "float32") == "int64":
        return tuple(torch.ones(shape, dtype=torch.int64) for shape in shapes)
    return tuple(torch.rand(shape) for shape in shapes)


def _export_pt2(network: Any, shapes: list[tuple[int, ...]], path: Path) -> None:
    import torch

    torch.export.save(torch.export.export(network, _examples(network, shapes)), path)


def _export_onnx(network: Any, shapes: list[tuple[int, ...]], path: Path) -> None:
    if _is_keras(network):
        specification = tensorflow_models.keras().InputSpec(shape=shapes[0], dtype="float32")
        network.export(path, format="onnx", verbose=False, input_signature=[specification])
        return
    import torch

    program = torch.onnx.export(
        network, _examples(network, shapes), dynamo=True, verbose=False, optimize=True
    )
    program.save(path)


def _export_torchscript(network: Any, shapes: list[tuple[int, ...]], path: Path) -> None:
    import torch

    traced = torch.jit.trace(network, _examples(network, shapes), check_trace=False, strict=False)
    torch.jit.save(traced, path)


def _export_pb(network: Any, shapes: list[tuple[int, ...]], path: Path) -> None:
    tensorflow_models.freeze(network, path, shapes[0])


_EXPORTERS: dict[str, Callable[[Any, list[tuple[int, ...]], Path], None]] = {
    "pt2": _export_pt2,
    "onnx": _export_onnx,
    "torchscript": _export_torchscript,
    "pb": _export_pb,
}


def _is_keras(network: Any) -> bool:
    return type(network).__module__.startswith("keras")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Exporters warn and print of things that are none of a test's business."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)
