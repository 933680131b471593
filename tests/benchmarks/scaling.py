"""How time and memory grow: with the file at constant structure, and with the number of nodes."""

from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.models import COSTDB, chain, padded
from benchmarks.timing import Usage, apart, medians, run

FILE_MEBIBYTES = (1, 16, 128, 512, 1024, 1900)
NODES = (1_000, 10_000, 100_000, 1_000_000)
_RUNS = 3

# What takes longer is run once: chance weighs little in it.
_QUICK_SECONDS = 10


def page(folder: Path) -> str:
    """Measure both, draw a picture of each into a folder, and describe them in Markdown."""
    by_file = _measure(FILE_MEBIBYTES, padded)
    by_nodes = _measure(NODES, chain)
    _draw(folder / "file-size.svg", "size of the file, MiB", FILE_MEBIBYTES, by_file)
    _draw(folder / "node-count.svg", "nodes", NODES, by_nodes)
    return "\n\n".join(
        [
            "## Against the size of the file",
            "16 dense layers, wider and wider: the structure stays the same.",
            "![Time and memory against the size of the file](file-size.svg)",
            _table("MiB", FILE_MEBIBYTES, by_file),
            "## Against the number of nodes",
            "Convolutions and activations in a row.",
            "![Time and memory against the number of nodes](node-count.svg)",
            _table("nodes", NODES, by_nodes),
        ]
    )


def _measure(sizes: Sequence[int], build: Callable[[int], Path]) -> list[Usage]:
    """What `costdb analyze` takes for a file of each size."""
    usages = []
    for size in sizes:
        apart(lambda size=size: build(size))  # type: ignore[misc] # mypy knows no such default
        command = [COSTDB, "analyze", str(build(size)), "--top", "5", "--limit", "none"]
        first = run(command)
        is_quick = first.seconds < _QUICK_SECONDS
        again = [run(command) for _ in range(_RUNS - 1)] if is_quick else []
        usages.append(medians([first, *again]))
    return usages


def _table(unit: str, sizes: Sequence[int], usages: Sequence[Usage]) -> str:
    rows = [f"| {unit} | seconds | MiB | µs per {unit} |", "| ---: | ---: | ---: | ---: |"]
    for size, usage in zip(sizes, usages, strict=True):
        each = 1e6 * usage.seconds / size
        rows.append(f"| {size:,} | {usage.seconds:.2f} | {usage.mebibytes:.0f} | {each:,.0f} |")
    return "\n".join(rows)


def _draw(path: Path, label: str, sizes: Sequence[int], usages: Sequence[Usage]) -> None:
    """Two panels, seconds and MiB, both axes from zero so that flat and linear show as such."""
    import matplotlib as mpl

    mpl.use("svg")
    # Ids that are the same in every run keep the picture's diff small.
    mpl.rcParams["svg.hashsalt"] = "costdb"
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for panel, values, unit in zip(
        panels,
        ([usage.seconds for usage in usages], [usage.mebibytes for usage in usages]),
        ("seconds", "peak MiB"),
        strict=True,
    ):
        panel.plot(sizes, values, marker="o")
        panel.set(xlabel=label, ylabel=unit, xlim=(0, None), ylim=(0, None))
    figure.savefig(path, metadata={"Date": None})
