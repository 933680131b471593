"""Real networks in many versions: a detector whose width, depth, input and types may change."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from builders import onnx_models
from builders.onnx_models import node, value, weight

from costdb import api
from costdb.plugins import Plugins, discover


def save_detector(
    path: Path,
    *,
    width: int = 16,
    blocks: int = 2,
    size: int = 16,
    dtype: str = "float32",
    head: str = "Relu",
) -> Path:
    """Write a stem, some blocks and a head: 3x3 convolutions that keep the size.

    Args:
        path: Where to.
        width: Channels.
        blocks: How many convolutions follow the stem, each with an activation.
        size: Height and width of the picture.
        dtype: What it computes in.
        head: The last operator; one in the domain "own" is known to nobody.
    """
    nodes, stored, last, channels = [], [], "x", 3
    for position in range(blocks + 1):
        name = f"block{position}" if position else "stem"
        kernel = f"{name}.weight"
        stored.append(weight(kernel, (width, channels, 3, 3), dtype))
        nodes += [
            node("Conv", [last, kernel], [name], name=f"{name}/conv", pads=[1, 1, 1, 1]),
            node("Relu", [name], [f"{name}.out"], name=f"{name}/relu"),
        ]
        last, channels = f"{name}.out", width
    domain, _, op = head.rpartition(":")
    nodes.append(node(op, [last], ["y"], name="head", domain=domain))
    types = {"float32": "FLOAT", "float16": "FLOAT16"}
    return onnx_models.save(
        path,
        nodes,
        [value("x", (1, 3, size, size), types[dtype])],
        [value("y", (1, width, size, size), types[dtype])],
        stored,
        domains={domain: 1} if domain else None,
    )


def detector_macs(*, width: int = 16, blocks: int = 2, size: int = 16) -> int:
    """What the convolutions of `save_detector` cost, by the article's formula."""
    return size * size * 9 * (3 * width + blocks * width * width)


def ingest_widths(
    widths: Sequence[int], folder: Path, database: str, *, model: str = "detector", start: int = 1
) -> None:
    """Ingest versions v1, v2, ... of these widths, without blocks.

    They cost 16 * 16 * 27 MACs a channel.
    """
    for number, width in enumerate(widths, start):
        path = save_detector(folder / "detector.onnx", width=width, blocks=0)
        ingest_file(path, database, model=model, tag=f"v{number}")


def ingest_file(path: Path, database: str, *, model: str, tag: str, branch: str = "main") -> None:
    """Ingest a file that this process may read itself: it is a test's own."""
    reading = api.Reading(plugins=_plugins())
    api.ingest(str(path), reading, model=model, tag=tag, branch=branch, database=database)


@cache
def _plugins() -> Plugins:
    return discover()
