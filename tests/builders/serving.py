"""The server as it runs: `costdb serve`, a process of its own, on a free port of this machine."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

START_SECONDS = 60
END_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers.

    Attributes:
        url: Where, such as `http://127.0.0.1:41234`.
        process: The process that was started; with several workers, their parent.
        log: The file that its stderr goes to.
    """

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def lines(self) -> list[str]:
        """What it has logged so far."""
        return self.log.read_text(encoding="utf-8").splitlines()

    def line_about(self, answer: httpx.Response) -> dict[str, Any]:
        """What it logs of a request as JSON, which it may do after the answer."""
        for _ in range(100 * START_SECONDS):
            for line in self.lines():
                if answer.headers["x-request-id"] in line:
                    found: dict[str, Any] = json.loads(line)
                    return found
            time.sleep(0.01)
        raise AssertionError("the request is not in the log")

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self.process.kill()
        self.process.wait(END_SECONDS)

    def terminate(self) -> int:
        """Tell it to end, wait until it has, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(END_SECONDS)


@contextmanager
def serving(database: str | Path, *arguments: str, port: int = 0) -> Iterator[Server]:
    """Run `costdb serve` until the block ends.

    Args:
        database: For `--db`; it exists, with tables.
        arguments: Further ones, such as `--closed`. By default, anyone on this machine may read,
            and ask as often as they like.
        port: 0 takes a free one.
    """
    command = [sys.executable, "-m", "costdb", "serve", "--port", str(port)]
    if "--requests-per-minute" not in arguments:
        command += ["--requests-per-minute", "0"]
    environment = {key: value for key, value in os.environ.items() if "COSTDB" not in key}
    with tempfile.TemporaryDirectory(prefix="costdb-serving-") as folder:
        log = Path(folder, "log")
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                [*command, *arguments],
                # A server that is killed leaves what it had there.
                env={**environment, "COSTDB_URL": str(database), "TMPDIR": folder},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )
        try:
            yield Server(_url(process, log), process, log)
        finally:
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _url(process: subprocess.Popen[bytes], log: Path) -> str:
    """What the server says it is, once it answers there."""
    for _ in range(START_SECONDS * 50):
        text = log.read_text(encoding="utf-8")
        if found := re.search(r'serving .* at (http://[^\s"]+)["\n]', text):
            # It listens, so this waits for the first worker.
            httpx.get(f"{found[1]}/healthz", timeout=START_SECONDS).raise_for_status()
            return found[1]
        try:
            process.wait(0.02)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(f"costdb serve has not started:\n{log.read_text(encoding='utf-8')}")
