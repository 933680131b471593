"""Time costdb beside its peers, see who counts right, and see how costdb scales.

    python -m benchmarks                 everything
    python -m benchmarks NAME ...        speed, scaling, databases, ingests, batches, diffs,
                                         serving, pages, accuracy, or parts of the names of speed's
                                         comparisons

Each of the nine writes its page in docs/benchmarks. Machines are noisy: only ratios of one run mean
anything.
"""

import importlib
import platform
import sys
from pathlib import Path

from benchmarks.comparisons import COMPARISONS
from benchmarks.timing import Comparison, compare

DOCS = Path(__file__).parents[2] / "docs" / "benchmarks"

# Loaded when they are run: Linux counts the size of this process into those that it starts.
PARTS = {
    "scaling": ("benchmarks.scaling", "How costdb scales"),
    "databases": ("benchmarks.databases", "Databases"),
    "ingests": ("benchmarks.ingests", "Ingests by several processes at once"),
    "batches": ("benchmarks.batches", "Folders of models"),
    "diffs": ("benchmarks.diffs", "Diffs of two saved analyses"),
    "serving": ("benchmarks.serving", "The server under load"),
    "pages": ("benchmarks.pages", "Pages of a long history"),
    "accuracy": ("benchmarks.accuracy.table", "Who counts right"),
}

_ABOUT = (
    "Whole processes in turn, medians, wall time and the peak memory of the largest process. Of"
    " times, only ratios carry over to other machines."
)


def compare_all(comparisons: list[Comparison]) -> str:
    """Run comparisons, print each row as it is known, and return the table."""
    rows = ["| comparison | costdb | peer | ratio | aim |", "| --- | --- | --- | --- | --- |"]
    print("\n".join(rows))
    for comparison in comparisons:
        rows.append(compare(comparison))
        print(rows[-1], flush=True)
    return "\n".join(rows)


def write(name: str, title: str, text: str) -> None:
    """Keep what was measured as a page."""
    machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    (DOCS / f"{name}.md").write_text(
        f"# {title}\n\nWritten by `make bench` ({machine}).\n\n{text}\n"
    )


def main() -> None:
    """Run what is named, or everything."""
    wanted = sys.argv[1:]
    if not wanted or "speed" in wanted:
        write("speed", "Speed and memory", f"{_ABOUT}\n\n{compare_all(list(COMPARISONS))}")
    else:
        named = [c for c in COMPARISONS if any(name in c.name for name in wanted)]
        if named:
            compare_all(named)
    for part, (module, title) in PARTS.items():
        if not wanted or part in wanted:
            text = importlib.import_module(module).page(DOCS)
            print(text, flush=True)
            write(part, title, text)


if __name__ == "__main__":
    main()
