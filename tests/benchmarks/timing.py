"""Whole processes timed in turn: wall time and the peak memory of the largest process."""

import os
import statistics
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

RUNS = 5

# An installed package has its bytecode beside it; so has a checkout after the first run, unless
# this forbids it.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two commands that are run in turn.

    Attributes:
        name: What is compared.
        command: costdb's.
        peer: The other one's.
        aim: What is wanted of the ratios, in words.
        prepare: Makes what the commands need.
        runs: How often each is run after the first, which does not count.
    """

    name: str
    command: Sequence[str]
    peer: Sequence[str]
    aim: str
    prepare: Callable[[], object] = lambda: None
    runs: int = RUNS


@dataclass(frozen=True, slots=True)
class Usage:
    """What a command took: seconds of wall time, peak resident MiB of its largest process."""

    seconds: float
    mebibytes: float


def run(command: Sequence[str]) -> Usage:
    """Run a command to its end. Raises SystemExit if it fails."""
    start = time.perf_counter()
    null = os.open(os.devnull, os.O_WRONLY)
    redirect = [(os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
    process = os.posix_spawn(command[0], list(command), os.environ, file_actions=redirect)
    # The usage takes in the children that the process has waited for.
    _, status, usage = os.wait4(process, 0)
    os.close(null)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"failed: {' '.join(command)}")
    return Usage(time.perf_counter() - start, usage.ru_maxrss / 1024)


def medians(usages: Sequence[Usage]) -> Usage:
    """The median of each figure."""
    return Usage(
        statistics.median(usage.seconds for usage in usages),
        statistics.median(usage.mebibytes for usage in usages),
    )


def apart(prepare: Callable[[], object]) -> None:
    """Make what commands need in a process that ends, so that this one stays small.

    Linux counts the size of the process that starts a command into the command's peak.

    Raises:
        SystemExit: It cannot be made; the reason is on stderr.
    """
    process = os.fork()
    if process == 0:
        try:
            prepare()
        except BaseException:  # noqa: BLE001 - whatever it is, this process ends here
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(process, 0)
    if status != 0:
        raise SystemExit("cannot prepare a benchmark")


def compare(comparison: Comparison) -> str:
    """Run both commands in turn and describe them in a row of a Markdown table."""
    apart(comparison.prepare)
    rounds = comparison.runs + 1
    pairs = [(run(comparison.command), run(comparison.peer)) for _ in range(rounds)][1:]
    ours, peers = (medians(side) for side in zip(*pairs, strict=True))
    return (
        f"| {comparison.name} | {ours.seconds:.2f} s, {ours.mebibytes:.0f} MiB"
        f" | {peers.seconds:.2f} s, {peers.mebibytes:.0f} MiB"
        f" | {ours.seconds / peers.seconds:.3f}x, {ours.mebibytes / peers.mebibytes:.3f}x"
        f" | {comparison.aim} |"
    )


def python(code: str) -> list[str]:
    """A command that runs some Python in this environment."""
    return [sys.executable, "-c", code]
