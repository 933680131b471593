"""Time costdb beside its peers, see who counts right, and see how costdb scales.

    python -m benchmarks                 everything, and rewrite the pages in docs/benchmarks
    python -m benchmarks NAME ...        only what is named: accuracy, scaling, databases, diffs,
                                         or parts of the comparisons' names

Machines are noisy, so only ratios of one run mean anything.
"""

import platform
import sys
from pathlib import Path

from benchmarks import databases, diffs, scaling
from benchmarks.accuracy import table
from benchmarks.comparisons import COMPARISONS
from benchmarks.models import MODELS
from benchmarks.timing import Comparison, compare

DOCS = Path(__file__).parents[2] / "docs" / "benchmarks"


def compare_all(comparisons: list[Comparison]) -> str:
    """Run comparisons, print each row as it is known, and return the table."""
    rows = ["| comparison | costdb | peer | ratio | aim |", "| --- | --- | --- | --- | --- |"]
    print("\n".join(rows))
    for comparison in comparisons:
        rows.append(compare(comparison))
        print(rows[-1], flush=True)
    return "\n".join(rows)


def main() -> None:
    """Run what is named, or everything."""
    wanted = sys.argv[1:]
    comparisons = [
        comparison
        for comparison in COMPARISONS
        if not wanted or any(name in comparison.name for name in wanted)
    ]
    timed = compare_all(comparisons) if comparisons else ""
    scaled = scaling.write(DOCS) if not wanted or "scaling" in wanted else ""
    stored = databases.write() if not wanted or "databases" in wanted else ""
    compared = diffs.write() if not wanted or "diffs" in wanted else ""
    print(scaled, stored, compared, sep="\n\n")
    if not wanted:
        machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
        (DOCS / "speed.md").write_text(
            "# Speed and memory\n\n"
            f"Written by `make bench` ({machine}): whole processes in turn, medians, wall time and"
            " the peak memory of the largest process. Only the ratios carry over to other"
            f" machines.\n\n{timed}\n\n{scaled}\n\n{stored}\n\n{compared}\n"
        )
    if not wanted or "accuracy" in wanted:
        print(table.write(DOCS / "accuracy.md", MODELS / "accuracy"))


if __name__ == "__main__":
    main()
