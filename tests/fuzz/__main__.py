"""Damage real files of every format, and see what costdb does about it.

    python -m fuzz                          20,000 files a format, then a minute of each target
    python -m fuzz --files 500 onnx frozen  fewer files of some formats
    python -m fuzz --seconds 0              without the runs that coverage guides

What is found is kept in fuzz-findings/; the exit code is 1 if a file made costdb fail otherwise
than with a message. A crash or a limit of the process that reads is reported and is no failure by
itself: costdb reads every file in a process of its own, and has a message for its end. That it has
is tried with each such file: the installed command must refuse it.
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from time import monotonic

from fuzz.campaign import Campaign
from fuzz.commands import sample
from fuzz.guided import BUG_EXIT, TARGETS
from fuzz.seeds import FILE_NAMES

from costdb.limits import Limits

KEPT = Path("fuzz-findings")

# What a process may grow by between two looks at its memory.
_OVERSHOOT_BYTES = 256 << 20


def main() -> None:
    """Run what is asked for, print a table, and exit."""
    parser = argparse.ArgumentParser(prog="python -m fuzz")
    parser.add_argument("formats", nargs="*", default=[*FILE_NAMES], help="formats to damage")
    parser.add_argument("--files", type=int, default=20_000, help="damaged files of each format")
    parser.add_argument("--commands", type=int, default=25, help="of them, read by the command")
    parser.add_argument("--jobs", type=int, default=2, help="formats at once")
    parser.add_argument("--seconds", type=int, default=60, help="for each guided target")
    asked = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as name:
        seeds = Path(name) / "seeds"
        code, said = _python("fuzz.seeds", os.fspath(seeds))
        if code:
            sys.exit(said)
        with ThreadPoolExecutor(asked.jobs) as pool:
            work = [
                pool.submit(_damage, kind, asked.files, asked.commands, seeds)
                for kind in asked.formats
            ]
            for done in as_completed(work):
                failed |= done.result()
        for target in TARGETS if asked.seconds else ():
            failed |= _guide(target, asked.seconds, seeds)
    failed |= _took_too_much()
    sys.exit(1 if failed else 0)


def _took_too_much() -> bool:
    """Whether any process that was run had more memory than the limit of one that reads."""
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10
    print(f"the largest process had {most >> 20:,} MiB of memory", flush=True)
    return most > (Limits().memory_bytes or 0) + _OVERSHOOT_BYTES


def _damage(kind: str, files: int, by_command: int, seeds: Path) -> bool:
    """Whether damaged files of a format found something that must be mended."""
    started = monotonic()
    campaign = Campaign(kind, seeds, KEPT)
    campaign.run(files)
    seconds = monotonic() - started
    counts = ", ".join(f"{count:,} {outcome}" for outcome, count in campaign.counts.most_common())
    rate = files / seconds
    said = [f"{kind}: {files:,} files in {seconds:,.0f} s ({rate:,.0f}/s): {counts}"]
    for what, number in campaign.findings.items():
        said.append(f"    {KEPT}/{kind}-{number}: {what}")
    said += [f"    left behind: {name!r}" for name in sorted(campaign.strays)]
    with tempfile.TemporaryDirectory() as scratch:
        numbers = range(0, files, -(-files // by_command)) if by_command else range(0)
        sampled = sample(kind, {*numbers, *campaign.lethal}, seeds, Path(scratch))
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in sampled.items())
    said.append(f"    by the command: {verdicts or 'none'}")
    print("\n".join(said), flush=True)
    return campaign.has_failed or not sampled.keys() <= {"stored", "refused"}


def _guide(target: str, seconds: int, seeds: Path) -> bool:
    """Whether a guided run found a bug; after a crash of a framework it goes on."""
    kept = KEPT / "guided"
    kept.mkdir(parents=True, exist_ok=True)
    end = monotonic() + seconds
    crashes = 0
    while (left := int(end - monotonic())) > 0:
        arguments = (target, os.fspath(seeds), os.fspath(kept), f"-max_total_time={left}")
        code, said = _python("fuzz.guided", *arguments)
        if code == 0:
            runs = re.findall(r"^Done (\d+) runs", said, re.MULTILINE)
            covered = re.findall(r" cov: (\d+) ", said)[-1]
            print(
                f"{target}, guided: {runs} runs, {covered} branches, {crashes} crashes", flush=True
            )
            return False
        if code == BUG_EXIT:
            print(f"{target}, guided: a bug, in {kept}\n{said[-3000:]}", flush=True)
            return True
        crashes += 1
    print(f"{target}, guided: {crashes} crashes, in {kept}", flush=True)
    return False


def _python(module: str, *arguments: str) -> tuple[int, str]:
    """Run a module of this package in a process of its own: its exit code and what it said."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-P", "-m", module, *arguments]
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    return done.returncode, done.stdout.decode("utf-8", "replace")


if __name__ == "__main__":
    main()
