"""What `costdb diff` takes for models of many layers, whose files hold what they cost, no more."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.models import COSTDB, MODELS
from benchmarks.timing import apart, medians, run
from builders.analyses import analysis
from builders.costs import conv, graph_cost, layer, relu

from costdb.cost.document import analysis_document
from costdb.cost.result import LayerCost

SIZES = (10_000, 100_000)
LAYERS_OF_A_BLOCK = 8
_RUNS = 3

_Layers = list[LayerCost]


def page(_folder: Path) -> str:
    """Write pairs of models of every size, time their diffs, describe it in Markdown."""
    rows = ["| layers | what changed | time | memory |", "| ---: | --- | ---: | ---: |"]
    for size in SIZES:
        for name, change in _CHANGES.items():
            old, new = (MODELS / f"diff-{which}.json" for which in ("old", "new"))
            apart(_writer(size, change, old, new))
            usage = medians([run([COSTDB, "diff", str(old), str(new)]) for _ in range(_RUNS)])
            rows.append(
                f"| {size:,} | {name} | {usage.seconds:.2f} s | {usage.mebibytes:.0f} MiB |"
            )
    return "\n".join(rows)


def _writer(
    size: int, change: Callable[[_Layers], _Layers], old: Path, new: Path
) -> Callable[[], None]:
    def write_both() -> None:
        MODELS.mkdir(parents=True, exist_ok=True)
        layers = [each for number in range(size // LAYERS_OF_A_BLOCK) for each in _block(number)]
        for path, costed in ((old, layers), (new, change(layers))):
            document = analysis_document(replace(analysis(), cost=graph_cost(costed)))
            path.write_text(json.dumps(document))

    return write_both


def _block(number: int) -> _Layers:
    """Three convolutions with their activations, an addition and a norm, of 4 widths in turn."""
    width, scope = 8 << number // 400 % 4, f"net/stage/block_{number}"
    shape = (1, width, 56, 56)
    convolutions = [
        entry
        for place in range(3)
        for entry in (
            conv(f"{scope}/conv{place}", (width, width), 56, scope=scope),
            relu(f"{scope}/relu{place}", width, 56, scope=scope),
        )
    ]
    return [
        *convolutions,
        layer("Add", f"{scope}/add", scope=scope, inputs=[shape, shape], outputs=[shape]),
        layer("LayerNormalization", f"{scope}/norm", scope=scope, params=2 * width),
    ]


def _with_a_block(layers: _Layers) -> _Layers:
    middle = len(layers) // 2 // LAYERS_OF_A_BLOCK * LAYERS_OF_A_BLOCK
    block = [replace(entry, name=f"x/{n}", scope="net/extra") for n, entry in enumerate(_block(0))]
    return [*layers[:middle], *block, *layers[middle:]]


def _renamed(layers: _Layers) -> _Layers:
    return [
        replace(entry, name=f"layer_{n}", scope=f"model/{n // LAYERS_OF_A_BLOCK}")
        for n, entry in enumerate(layers)
    ]


_CHANGES: dict[str, Callable[[_Layers], _Layers]] = {
    "nothing": lambda layers: layers,
    "a block in the middle": _with_a_block,
    "every name": _renamed,
    "every name, and a block in the middle": lambda layers: _renamed(_with_a_block(layers)),
}
