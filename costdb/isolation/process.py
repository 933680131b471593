"""The parent's side: a child process that reads one artifact, watched and ended by its limits."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from time import monotonic
from typing import IO, Any, Self

from costdb.errors import LimitExceeded, ReaderCrashed
from costdb.isolation import early, interpreter
from costdb.isolation.messages import Answer, IncompleteAnswer, Request, decode_answer
from costdb.source import FILE_SCHEME, Source

# Between two looks at the child's memory, it may grow by some ten megabytes.
_LOOK_SECONDS = 0.02

# The graph of a million layers takes 300 MB of JSON.
_MAX_ANSWER_BYTES = 2 << 30
_MAX_NOISE_BYTES = 4096
_PIPE_BYTES = 1 << 20


def reading_process(request: Request) -> "ReadingProcess":
    """What reads an artifact: the process that has begun to, or a new one. Raises ReaderCrashed."""
    return early.take(request) or ReadingProcess(request)


class ReadingProcess:
    """A child process that reads an artifact; use it as a context manager.

    It starts at once, so that the parent has time for something else before it asks for the answer,
    and is watched from then on. However the context ends, the child and whatever it has started end
    with it. It also ends when the parent dies.
    """

    def __init__(self, request: Request, waiting: subprocess.Popen[bytes] | None = None) -> None:
        """Start the child. Raises ReaderCrashed if that cannot be done.

        Args:
            request: What it is to read.
            waiting: A child that has started, in the environment that is due to this request.
        """
        self._limits = request.limits
        self._name = Source(request.artifact).name
        self._line = request.encode()
        self._environment = _environment(request)
        self._started = monotonic()
        self._process = self._start() if waiting is None else waiting
        self._exceeded: LimitExceeded | None = None
        self._is_over = threading.Event()
        self._answer = _Drain(_opened(self._process.stdout), _MAX_ANSWER_BYTES)
        self._noise = _Drain(_opened(self._process.stderr), _MAX_NOISE_BYTES)
        # The pipe stays open: its end tells the child that this process is gone.
        self._request_pipe = _opened(self._process.stdin)
        with suppress(BrokenPipeError):  # it is dead already, and `answer` says so
            left = memoryview(self._line)
            while left:
                left = left[self._request_pipe.write(left) :]
        self._watch = threading.Thread(target=self._enforce_limits, daemon=True)
        self._watch.start()

    def _start(self) -> subprocess.Popen[bytes]:
        try:
            return interpreter.start(self._environment)
        except OSError as error:
            raise ReaderCrashed(
                f"no process can be started to read {self._name!r}: {error.strerror}",
                hint=f"check that {sys.executable!r} can be run, and how many processes you may",
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child and whatever it has started."""
        self._is_over.set()
        self._watch.join()
        interpreter.end(self._process)
        self._process.wait()
        self._request_pipe.close()
        self._answer.close()
        self._noise.close()

    def answer(self) -> Answer:
        """What the child read.

        Raises:
            LimitExceeded: It took too much.
            ReaderCrashed: It died.
            CostdbError: What reading the artifact raised.
        """
        # A limit ends the wait, even where something that outlives the child holds the pipe.
        while not (self._answer.has_ended(_LOOK_SECONDS) or self._exceeded):
            pass
        try:
            return decode_answer(self._answer.take())
        except IncompleteAnswer:
            pass
        # It may have closed the pipe, and go on.
        code = self._process.wait()
        raise self._exceeded or self._cause_of_death(code)

    def is_for(self, request: Request) -> bool:
        """Whether it reads what a request asks for, the same way and seeing no more."""
        return self._line == request.encode() and self._environment == _environment(request)

    def _enforce_limits(self) -> None:
        while self._exceeded is None and not self._is_over.wait(_LOOK_SECONDS):
            self._exceeded = self._excess()
        if self._exceeded is not None:
            interpreter.end(self._process)

    def _excess(self) -> LimitExceeded | None:
        """What the child takes too much of."""
        most = self._limits.memory_bytes
        if most is not None and _resident_bytes(self._process.pid) > most:
            return LimitExceeded(
                f"reading {self._name!r} takes more than {_bytes(most)} of memory",
                hint=f"if it may take more, add --limit memory={_bytes(2 * most, '')}",
            )
        seconds = self._limits.wall_seconds
        if seconds is not None and monotonic() - self._started > seconds:
            return LimitExceeded(
                f"reading {self._name!r} takes more than {seconds} s",
                hint=f"if it may take longer, add --limit time={2 * seconds}s",
            )
        return None

    def _cause_of_death(self, code: int) -> LimitExceeded | ReaderCrashed:
        """Why the child ended without an answer, by its exit code or, below 0, its signal."""
        seconds = self._limits.cpu_seconds
        if seconds is not None and -code == getattr(signal, "SIGXCPU", None):
            return LimitExceeded(
                f"reading {self._name!r} takes more than {seconds} s of the processor's time",
                hint=f"if it may take longer, add --limit cpu={2 * seconds}s",
            )
        how = f"by signal {_signal_name(-code)}" if code < 0 else f"with exit code {code}"
        said = self._noise.last_line()
        hint = "the file is damaged or made to do harm; if other tools read it, report this"
        if -code == getattr(signal, "SIGKILL", None):
            hint = "the system was probably short of memory: close other programs and try again"
        return ReaderCrashed(
            f"the reader of {self._name!r} was ended {how}" + (f": {said}" if said else ""),
            hint=hint,
        )


class _Drain:
    """Reads a pipe to its end in a thread, and keeps the last bytes of what came."""

    def __init__(self, pipe: IO[bytes], most: int) -> None:
        self._pipe = pipe
        self._most = most
        self._pieces: list[bytes] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        kept = 0
        while piece := self._pipe.read(_PIPE_BYTES):
            self._pieces.append(piece)
            kept += len(piece)
            if kept > self._most:
                self._pieces = [b"".join(self._pieces)[-self._most :]]
                kept = self._most

    def has_ended(self, seconds: float) -> bool:
        """Whether the pipe has ended, after waiting so long for it."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def take(self) -> bytes:
        """What was kept, which is then the caller's alone: it may be large."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)

    def last_line(self) -> str:
        """The last line that is not empty, once the process is dead."""
        self.has_ended(1)
        lines = self.take().decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def close(self) -> None:
        """Let go of the pipe, whose other end is closed."""
        self._thread.join(1)
        self._pipe.close()


def _opened(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # noqa: S101 - each is asked for
    return pipe


def _environment(request: Request) -> dict[str, str]:
    is_remote = Source(request.artifact).scheme != FILE_SCHEME
    return interpreter.visible_environment(trust=request.reading.trust, is_remote=is_remote)


def _resident_bytes(pid: int) -> int:
    """The resident memory of a child; 0 where no one can tell."""
    with suppress(FileNotFoundError):
        pages = Path(f"/proc/{pid}/statm").read_bytes().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    # Only Linux has that file; psutil, if it is installed, knows the other systems.
    with suppress(ImportError):
        psutil: Any = import_module("psutil")
        with suppress(psutil.Error):
            return int(psutil.Process(pid).memory_info().rss)
    return 0


def _bytes(number: int, separator: str = " ") -> str:
    """A number of bytes as `--limit` takes it: "2 GiB"."""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if number % size == 0:
            return f"{number // size}{separator}{unit}"
    return f"{number}{separator}B"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
