"""A sample of the damaged files, read by the installed command as its users have it."""

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from builders.command_line import Done, runner
from fuzz.outcome import damaged_file, lay_out, read_seeds


def sample(kind: str, numbers: Iterable[int], seeds: Path, scratch: Path) -> Counter[str]:
    """Ingest damaged files, each into a database of its own.

    Args:
        kind: The format.
        numbers: Which files.
        seeds: Where `fuzz.seeds` has written real ones.
        scratch: A folder for all of it.

    Returns:
        How many were stored and how many refused; what went wrong otherwise, in words.
    """
    contents = read_seeds(seeds, kind)
    counts: Counter[str] = Counter()
    for number in numbers:
        folder = scratch / f"{kind}-{number}"
        folder.mkdir()
        artifact = lay_out(kind, damaged_file(kind, number, contents), folder)
        before = _files(folder)
        home = dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME"), os.fspath(folder))
        done = runner(folder)("ingest", artifact, "--tag", "v1", **home)
        counts[_verdict(done, _files(folder) - before, number)] += 1
    return counts


def _files(folder: Path) -> set[str]:
    return {os.fspath(path.relative_to(folder)) for path in folder.rglob("*")}


def _verdict(done: Done, written: set[str], number: int) -> str:
    if done.code == 0 and written == {"costs.db"}:
        return "stored"
    said = done.err.splitlines()
    is_one_line = len(said) in {1, 2} and said[0].startswith("error: ") and "bug in" not in done.err
    if done.code == 1 and not done.out and is_one_line and not written:
        return "refused"
    return f"file {number}: exit code {done.code}, wrote {sorted(written)}, said {done.err!r:.300}"
