"""Reads many damaged files in one process: much faster than a process each, as costdb has it.

    python -m fuzz.worker FORMAT START STOP SEEDS SCRATCH

prints a line of JSON for each file. The file that is being read lies in SCRATCH: if this process
dies, that one did it.
"""

import gc
import json
import resource
import sys
from pathlib import Path

from fuzz.outcome import allow, damaged_file, forbid_effects, lay_out, outcome_of, read_seeds

from costdb.plugins import discover


def main() -> None:
    """Read files of one format from one number to another."""
    kind, start, stop, seeds_folder, scratch = sys.argv[1:]
    seeds = read_seeds(Path(seeds_folder), kind)
    plugins = discover()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.dont_write_bytecode = True
    # What frameworks do while they are imported is no file's doing.
    outcome_of(lay_out(kind, seeds[0], Path(scratch)), plugins)
    forbid_effects()
    allow(Path(scratch))
    gc.freeze()
    for number in range(int(start), int(stop)):
        content = damaged_file(kind, number, seeds)
        outcome = outcome_of(lay_out(kind, content, Path(scratch)), plugins)
        print(json.dumps([number, *outcome]), flush=True)


if __name__ == "__main__":
    main()
