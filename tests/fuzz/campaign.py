"""Has workers read damaged files, and keeps count of how each ends."""

import json
import os
import re
import selectors
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from fuzz.outcome import BUG, VIOLATION, damaged_file, lay_out, read_seeds

from costdb.isolation import process
from costdb.limits import Limits

CRASH, LIMIT, EFFECT = "crash", "limit", "effect"

# What a product's child may take; a worker that is at work for longer is stuck.
_MEMORY_BYTES = Limits().memory_bytes or 0
_STUCK_SECONDS = 30.0
_LOOK_SECONDS = 0.05

# A worker is renewed after so many files: frameworks keep some memory of each.
_FILES_PER_WORKER = 2000


@dataclass
class Campaign:
    """The damaged files of one format.

    Attributes:
        kind: The format.
        seeds: Where `fuzz.seeds` has written real files.
        kept: Where to put the first file of each finding.
        counts: How many files ended how.
        findings: What was found -> the number of the first file that shows it.
        lethal: The files that ended their reader or took too much: the command must refuse them.
        strays: What workers left where they ran, in their home or among temporary files. Python
            code that writes ends its worker; this would be a framework's native code.
    """

    kind: str
    seeds: Path
    kept: Path
    counts: Counter[str] = field(default_factory=Counter)
    findings: dict[str, int] = field(default_factory=dict)
    lethal: list[int] = field(default_factory=list)
    strays: set[str] = field(default_factory=set)

    @property
    def files(self) -> int:
        """How many were read."""
        return self.counts.total()

    @property
    def has_failed(self) -> bool:
        """Whether a file did more than to end its reader."""
        return bool(self.counts[BUG] or self.counts[EFFECT] or self.strays)

    def run(self, files: int) -> None:
        """Read so many files."""
        with tempfile.TemporaryDirectory() as scratch:
            while self.files < files:
                stop = min(files, self.files + _FILES_PER_WORKER)
                for number, outcome, said in self._work(self.files, stop, Path(scratch)):
                    self.counts[outcome] += 1
                    if outcome in {BUG, CRASH, LIMIT, EFFECT}:
                        self._keep(number, outcome, said)
                    if outcome in {CRASH, LIMIT}:
                        self.lethal.append(number)

    def _work(self, start: int, stop: int, scratch: Path) -> Iterator[tuple[int, str, str]]:
        """The outcomes of one worker's files; the last one may be the worker's own end."""
        arguments = (self.kind, start, stop, self.seeds.absolute(), scratch)
        with (
            tempfile.TemporaryFile() as noise,
            tempfile.TemporaryDirectory() as surroundings,
            subprocess.Popen(
                [sys.executable, "-P", "-m", "fuzz.worker", *map(str, arguments)],
                cwd=surroundings,
                env=_environment(surroundings),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=noise,
                bufsize=0,
            ) as worker,
        ):
            number = start
            try:
                for line in self._lines(worker):
                    found, outcome, said = json.loads(line)
                    number = found + 1
                    yield found, outcome, said
            except _Limit as error:
                yield number, LIMIT, str(error)
                return
            finally:
                worker.kill()
                worker.wait()
            if number < stop:
                noise.seek(0)
                last = noise.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
                ending = EFFECT if worker.returncode == VIOLATION else CRASH
                yield number, ending, f"exit code {worker.returncode}: {last}"
            self.strays |= {path.name for path in Path(surroundings).iterdir()}

    def _lines(self, worker: subprocess.Popen[bytes]) -> Iterator[bytes]:
        """What a worker prints, line by line. Raises _Limit."""
        assert worker.stdout is not None
        rest = b""
        since = monotonic()
        with selectors.DefaultSelector() as selector:
            selector.register(worker.stdout, selectors.EVENT_READ)
            while True:
                if selector.select(_LOOK_SECONDS):
                    piece = worker.stdout.read(1 << 16)
                    if not piece:
                        return
                    *lines, rest = (rest + piece).split(b"\n")
                    since = monotonic() if lines else since
                    yield from lines
                if process._resident_bytes(worker.pid) > _MEMORY_BYTES:
                    raise _Limit(f"more than {_MEMORY_BYTES:,} bytes of memory")
                if monotonic() - since > _STUCK_SECONDS:
                    raise _Limit(f"more than {_STUCK_SECONDS} s")

    def _keep(self, number: int, outcome: str, said: str) -> None:
        """Keep the first file that shows a thing."""
        what = f"{outcome}: {_gist(said)}"
        if what in self.findings:
            return
        self.findings[what] = number
        folder = self.kept / f"{self.kind}-{number}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        content = damaged_file(self.kind, number, read_seeds(self.seeds, self.kind))
        lay_out(self.kind, content, folder)
        (folder / "said.txt").write_text(f"{outcome}\n{said}\n")


def _environment(folder: str) -> dict[str, str]:
    """A worker's, which has nothing of its own but a folder."""
    own = {"HOME": folder, "TMPDIR": folder, "XDG_CACHE_HOME": folder}
    return {**os.environ, **own, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


class _Limit(Exception):
    """A worker takes more than a child may."""


def _gist(said: str) -> str:
    """A bug by its last lines of code, so that one bug is one finding."""
    if "Traceback" not in said:
        return re.sub(r"\d+", "0", said)[:120]
    frames = re.findall(r'File "[^"]*/([^/"]+)", line (\d+)', said)
    last = said.strip().rpartition("\n")[2]
    return f"{last.partition(':')[0]} at {':'.join(frames[-1])}"
