"""Time costdb beside its peers: whole processes, in turn, medians of five, as ratios.

    python -m tests.benchmarks [NAME ...]

Machines are noisy, so only ratios of one run mean anything. Models are built once, into
`build/benchmark-models`.
"""

import os
import statistics
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

RUNS = 5
MODELS = Path("build/benchmark-models")
COSTDB = str(Path(sys.executable).with_name("costdb"))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two commands that are run in turn.

    Attributes:
        name: What is compared.
        command: costdb's.
        peer: The other one's.
        aim: What is wanted of the ratios, in words.
        prepare: Makes what the commands need.
    """

    name: str
    command: Sequence[str]
    peer: Sequence[str]
    aim: str
    prepare: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process took: seconds of wall time, peak resident MiB."""

    seconds: float
    mebibytes: float


def python(code: str) -> list[str]:
    """A command that runs some Python in this environment."""
    return [sys.executable, "-c", code]


def vgg16() -> None:
    """Freeze VGG16: 553 MB."""
    path = MODELS / "vgg16.pb"
    if not path.exists():
        import keras
        from builders.tensorflow_models import freeze

        path.parent.mkdir(parents=True, exist_ok=True)
        freeze(keras.applications.VGG16(weights=None), path, (1, 224, 224, 3))


def exported(name: str) -> Callable[[], None]:
    """Export a network of torchvision's to `.pt2`."""

    def prepare() -> None:
        path = MODELS / f"{name}.pt2"
        if not path.exists():
            from builders import networks

            path.parent.mkdir(parents=True, exist_ok=True)
            made = networks.build(f"torchvision:{name}")
            networks.export(made, [(1, 3, 224, 224)], "pt2", path.parent).rename(path)

    return prepare


def flop_counter(name: str) -> list[str]:
    """PyTorch's own way: load the exported program and run it under its counter."""
    return python(
        "import torch\n"
        "from torch.utils.flop_counter import FlopCounterMode\n"
        f"module = torch.export.load({str(MODELS / name)!r}).module()\n"
        "with torch.no_grad(), FlopCounterMode(display=False) as counter:\n"
        "    module(torch.randn(1, 3, 224, 224))\n"
        "print(counter.get_total_flops() // 2)\n"
    )


PT2_AIM = "time at most 1/8, memory at most 1/5"

COMPARISONS = (
    Comparison(
        "version",
        [COSTDB, "--version"],
        python("import typer"),
        "time at most 1.5x",
    ),
    Comparison(
        "help",
        [COSTDB, "--help"],
        python("import typer"),
        "time at most 2.5x",
    ),
    Comparison(
        "vgg16-import",
        [COSTDB, "analyze", str(MODELS / "vgg16.pb")],
        python("import tensorflow"),
        "memory at most that of the import plus 60 MiB",
        vgg16,
    ),
    *(
        Comparison(
            f"{name}-pt2",
            [COSTDB, "analyze", str(MODELS / f"{name}.pt2")],
            flop_counter(f"{name}.pt2"),
            PT2_AIM,
            exported(name),
        )
        for name in ("resnet50", "vit_b_16")
    ),
)


def run(command: Sequence[str]) -> Usage:
    """Run a command to its end. Raises SystemExit if it fails."""
    start = time.perf_counter()
    null = os.open(os.devnull, os.O_WRONLY)
    redirect = [(os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
    process = os.posix_spawn(command[0], list(command), os.environ, file_actions=redirect)
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


def prepare_apart(comparison: Comparison) -> None:
    """Make what the commands need in a process that ends, so that this one stays small.

    Linux counts the size of the process that starts a command into the command's peak.
    """
    process = os.fork()
    if process == 0:
        try:
            comparison.prepare()
        except BaseException:  # noqa: BLE001 - whatever it is, this process ends here
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(process, 0)
    if status != 0:
        raise SystemExit(f"cannot prepare {comparison.name}")


def compare(comparison: Comparison) -> str:
    """Run both commands in turn and describe them in a row of a Markdown table."""
    prepare_apart(comparison)
    pairs = [(run(comparison.command), run(comparison.peer)) for _ in range(RUNS + 1)][1:]
    ours, peers = (medians(side) for side in zip(*pairs, strict=True))
    return (
        f"| {comparison.name} | {ours.seconds:.2f} s, {ours.mebibytes:.0f} MiB"
        f" | {peers.seconds:.2f} s, {peers.mebibytes:.0f} MiB"
        f" | {ours.seconds / peers.seconds:.2f}x, {ours.mebibytes / peers.mebibytes:.2f}x"
        f" | {comparison.aim} |"
    )


def main() -> None:
    """Run the comparisons that are named, or all of them."""
    wanted = set(sys.argv[1:]) or {comparison.name for comparison in COMPARISONS}
    print("| comparison | costdb | peer | ratio | aim |\n| --- | --- | --- | --- | --- |")
    for comparison in COMPARISONS:
        if comparison.name in wanted:
            print(compare(comparison), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main()
