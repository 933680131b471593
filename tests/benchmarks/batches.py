"""Many files at once: a folder of models, read by one process, by two, and by a Dask cluster."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.models import COSTDB, MODELS
from benchmarks.timing import apart, run

FILES = 500

_ABOUT = (
    f"A folder of {FILES} models: the networks that the onnx package ships without their weights"
    " (AlexNet, DenseNet-121, Inception 1 and 2, ResNet-50, ShuffleNet, SqueezeNet, VGG-19,"
    " ZFNet-512), each many times over, as retraining would give them. `costdb ingest DIR"
    " --tag-from-name` into a new SQLite file: each file is read in a child process of its own,"
    " and one writer stores. The cluster is a scheduler and two workers of one thread each, on the"
    " same machine. Whole processes, one run of each; the aim is 1.7x."
)


def page(_folder: Path) -> str:
    """Time the same folder read in each way, describe it in Markdown."""
    models = MODELS / "folder"
    apart(lambda: _fill(models))
    rows = ["| read by | time | models | ratio |", "| --- | ---: | ---: | ---: |"]
    seconds: list[float] = []
    with _cluster() as address:
        for name, flags in (
            ("one process", []),
            ("--jobs 2", ["--jobs", "2"]),
            ("--dask, two workers", ["--dask", address]),
        ):
            print(f"{FILES} files, {name}", file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory() as folder:
                command = [COSTDB, "ingest", str(models), "--tag-from-name", *flags]
                seconds.append(run([*command, "--db", f"{folder}/costs.db"]).seconds)
            rows.append(
                f"| {name} | {seconds[-1]:.1f} s | {FILES / seconds[-1]:.1f}/s"
                f" | {seconds[0] / seconds[-1]:.2f}x |"
            )
    return "\n\n".join([_ABOUT, "\n".join(rows)])


def _fill(folder: Path) -> None:
    import onnx

    folder.mkdir(parents=True, exist_ok=True)
    light = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    networks = sorted(light.glob("*.onnx"))
    for number in range(FILES):
        network = networks[number % len(networks)]
        made = folder / f"{network.stem}-v{number // len(networks) + 1}.onnx"
        if not made.exists():
            shutil.copy(network, made)


@contextmanager
def _cluster() -> Iterator[str]:
    """The address of a Dask scheduler with two workers."""
    with tempfile.TemporaryDirectory() as folder:
        about = Path(folder) / "scheduler.json"
        processes = [_start("dask_scheduler", about, "--port", "0")]
        try:
            while not about.exists():
                time.sleep(0.1)
            processes += [
                _start("dask_worker", about, "--no-nanny", "--nthreads", "1") for _ in range(2)
            ]
            yield _address(about)
        finally:
            for process in processes:
                process.kill()
                process.wait()


def _start(program: str, about: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", f"distributed.cli.{program}", "--no-dashboard"]
    return subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--scheduler-file", str(about), *arguments],
        cwd=about.parent,
        env=os.environ | {"DASK_DISTRIBUTED__WORKER__USE_FILE_LOCKING": "false"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _address(about: Path) -> str:
    """Where the scheduler listens, once both workers have joined."""
    code = (
        "import sys; from distributed import Client\n"
        "client = Client(scheduler_file=sys.argv[1]); client.wait_for_workers(2, timeout=60)\n"
        "print(client.scheduler.address)"
    )
    command = [sys.executable, "-c", code, str(about)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
