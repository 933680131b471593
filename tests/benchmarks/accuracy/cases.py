"""What the accuracy table asks every tool: networks with a published count, operators with a sum.

Truth is the number of multiply-accumulates in dot products and nothing else, at batch 1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from builders import networks, tensorflow_models, torch_models

Shapes = Sequence[tuple[int, ...]]
_IMAGE: Shapes = [(1, 3, 224, 224)]


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to count.

    Attributes:
        name: What the table calls it.
        macs: The truth.
        source: Who publishes it, or the sum.
        shapes: Of the inputs, in PyTorch's layout.
        torch: Builds the PyTorch module.
        keras: Builds the Keras model of the same size; None if Keras has none.
        params: The published number; None for single operators.
    """

    name: str
    macs: int
    source: str
    shapes: Shapes
    torch: Callable[[], Any]
    keras: Callable[[], Any] | None = None
    params: int | None = None

    @property
    def slug(self) -> str:
        """The name as a file's."""
        return self.name.lower().replace(" ", "-").replace("/", "-")


def _network(builder: str) -> Callable[[], Any]:
    return lambda: networks.build(builder)


def _module(name: str, *arguments: int, **options: Any) -> Callable[[], Any]:
    def build() -> Any:
        from torch import nn

        return torch_models.network(
            lambda self, x: self.layer(x), layer=getattr(nn, name)(*arguments, **options)
        )

    return build


def _recurrent(name: str) -> Callable[[], Any]:
    def build() -> Any:
        from torch import nn

        layer = getattr(nn, name)(64, 64, batch_first=True)
        return torch_models.network(lambda self, x: self.layer(x)[0], layer=layer)

    return build


def _keras_layer(name: str, shape: tuple[int, ...], *arguments: int, **options: Any) -> Any:
    def build() -> Any:
        layer = getattr(tensorflow_models.keras().layers, name)(*arguments, **options)
        return tensorflow_models.sequential(shape, layer)

    return build


def _shared() -> Any:
    from torch import nn

    return torch_models.network(
        lambda self, x: self.layer(self.layer(x)), layer=nn.Linear(100, 100)
    )


def _without_weights(forward: Callable[..., Any]) -> Any:
    import torch

    # Some tools ask the first parameter for its device, and fail where there is none.
    return torch_models.network(forward, unused=torch.nn.Parameter(torch.ones(1)))


def _product() -> Any:
    return _without_weights(lambda _, x, y: x @ y)


def _einsum() -> Any:
    import torch

    return _without_weights(lambda _, x, y: torch.einsum("bhid,bhjd->bhij", x, y))


def _attention(**options: Any) -> Callable[[], Any]:
    def build() -> Any:
        from torch.nn import functional

        return _without_weights(
            lambda _, q, k, v: functional.scaled_dot_product_attention(q, k, v, **options)
        )

    return build


CASES = (
    Case(
        "VGG-16",
        15_470_264_320,
        "torchvision, 15.47 G",
        _IMAGE,
        _network("torchvision:vgg16"),
        _network("keras:VGG16"),
        138_357_544,
    ),
    Case(
        "ResNet-50",
        4_089_184_256,
        "torchvision, 4.089 G",
        _IMAGE,
        _network("torchvision:resnet50"),
        params=25_557_032,
    ),
    Case(
        "MobileNetV2",
        300_774_272,
        "torchvision, 0.301 G",
        _IMAGE,
        _network("torchvision:mobilenet_v2"),
        _network("keras:MobileNetV2"),
        3_504_872,
    ),
    Case(
        "ViT-B/16",
        17_563_828_224,
        "torchvision, 17.564 G",
        _IMAGE,
        _network("torchvision:vit_b_16"),
        params=86_567_656,
    ),
    Case(
        "Swin-T",
        4_490_566_656,
        "torchvision, 4.491 G",
        _IMAGE,
        _network("torchvision:swin_t"),
        params=28_288_354,
    ),
    Case(
        "grouped conv",
        4_718_592,
        "32*32 * 64 outputs x 8*3*3",
        [(1, 64, 32, 32)],
        _module("Conv2d", 64, 64, 3, padding=1, groups=8, bias=False),
        _keras_layer("Conv2D", (32, 32, 64), 64, 3, padding="same", groups=8, use_bias=False),
    ),
    Case(
        "transposed conv",
        8_388_608,
        "16*16 * 64 inputs x 32*4*4",
        [(1, 64, 16, 16)],
        _module("ConvTranspose2d", 64, 32, 4, stride=2, padding=1, bias=False),
        _keras_layer(
            "Conv2DTranspose", (16, 16, 64), 32, 4, strides=2, padding="same", use_bias=False
        ),
    ),
    Case(
        "broadcast matmul",
        25_165_824,
        "8 * 12 * 64*64 outputs x 64",
        [(8, 1, 64, 64), (1, 12, 64, 64)],
        _product,
    ),
    Case(
        "einsum",
        3_145_728,
        "12 * 64*64 outputs x 64",
        [(1, 12, 64, 64), (1, 12, 64, 64)],
        _einsum,
    ),
    Case(
        "attention",
        6_291_456,
        "12 * 64*64 * (64 + 64)",
        [(1, 12, 64, 64)] * 3,
        _attention(),
    ),
    Case(
        "grouped attention",
        4_194_304,
        "8 * 64*64 * (64 + 64), 2 heads of keys",
        [(1, 8, 64, 64), (1, 2, 64, 64), (1, 2, 64, 64)],
        _attention(enable_gqa=True),
    ),
    Case(
        "LSTM",
        3_276_800,
        "100 steps x 4*64 x (64 + 64)",
        [(1, 100, 64)],
        _recurrent("LSTM"),
        _keras_layer("LSTM", (100, 64), 64),
    ),
    Case(
        "GRU",
        2_457_600,
        "100 steps x 3*64 x (64 + 64)",
        [(1, 100, 64)],
        _recurrent("GRU"),
        _keras_layer("GRU", (100, 64), 64),
    ),
    Case(
        "layer used twice",
        20_000,
        "2 x 100*100",
        [(1, 100)],
        _shared,
        params=10_100,
    ),
)
