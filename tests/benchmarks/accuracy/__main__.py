"""Ask one tool for every case: `python -m benchmarks.accuracy TOOL FOLDER CASE ...`.

Prints a line of JSON for each case, and ends after the first failure: the caller goes on with the
next case in a new process.
"""

import json
import sys
from pathlib import Path

from benchmarks.accuracy.cases import CASES
from benchmarks.accuracy.counters import COUNTERS


def main() -> None:
    """Answer for the cases that are named."""
    tool, folder, *names = sys.argv[1:]
    counter = next(counter for counter in COUNTERS if counter.name == tool)
    cases = {case.name: case for case in CASES}
    for name in names:
        answer: dict[str, object]
        try:
            count = counter.count(cases[name], Path(folder))
            answer = {"macs": count.macs, "params": count.params}
        except BaseException as error:  # noqa: BLE001 - what a tool raises is its answer
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:200]}
        print(json.dumps({"case": name, **answer}), flush=True)
        if "error" in answer:
            return


if __name__ == "__main__":
    main()
