"""Who counts right: every tool asked for every case, as a Markdown table."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.accuracy.cases import CASES, Case
from benchmarks.accuracy.counters import COUNTERS, Count, Counter
from benchmarks.models import MODELS

CLOSE = 0.01
_TIMEOUT_SECONDS = 900

# Case -> what the tool says of it, or what it failed with; cases it cannot be given are left out.
Answers = Mapping[str, Count | str]


def ask(counter: Counter, folder: Path) -> Answers:
    """What a tool says of every case that it can be given.

    Each failure ends the tool's process: some leave PyTorch patched, and count on wrongly.
    """
    left = [case.name for case in CASES if counter.reads != "pb" or case.keras is not None]
    answers: dict[str, Count | str] = {}
    while left:
        # A list of our own making: this interpreter, a tool and cases of the tables.
        finished = subprocess.run(
            [sys.executable, "-m", "benchmarks.accuracy", counter.name, str(folder), *left],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
        for line in finished.stdout.splitlines():
            if line.startswith("{"):
                answer = json.loads(line)
                failure = answer.get("error")
                answers[answer["case"]] = failure or Count(answer["macs"], answer["params"])
        unanswered = [name for name in left if name not in answers]
        if len(unanswered) == len(left):
            answers[unanswered.pop(0)] = f"it died with exit code {finished.returncode}"
        left = unanswered
    return answers


_LEGEND = (
    "`=` is right to the integer, a percentage or a small number is how far the tool is off, `0` is"
    " a silent zero. Some tools add biases, normalization or activations to what they call MACs, by"
    " convention: on networks those are off by some percent. Tools that say FLOPs are halved. An"
    " empty cell is a case that the tool cannot be given."
)
_PARAMETERS = (
    "An `.onnx` export holds what the exporter left of the network: batch norms are folded, tables"
    " of constants are multiplied out. A `.pb` holds batch norm statistics as buffers."
)


def document(answers: Mapping[str, Answers]) -> str:
    """The page: MACs, parameters, who is right, and what failed.

    Args:
        answers: Tool -> its answers.
    """
    published = [case for case in CASES if case.params is not None]
    return "\n\n".join(
        [
            "## Multiply-accumulates",
            _LEGEND,
            _table(CASES, answers, lambda case: case.macs, lambda count: count.macs),
            _standings(answers),
            "## Parameters",
            _table(published, answers, lambda case: case.params or 0, lambda count: count.params),
            _PARAMETERS,
            "## Where truth comes from",
            "\n".join(
                ["| case | MACs | source |", "| --- | ---: | --- |"]
                + [f"| {case.name} | {case.macs:,} | {case.source} |" for case in CASES]
            ),
            *_failures(answers),
        ]
    )


def _table(
    cases: Sequence[Case],
    answers: Mapping[str, Answers],
    truth: Callable[[Case], int],
    said: Callable[[Count], int | None],
) -> str:
    tools = [
        tool
        for tool, given in answers.items()
        if any(isinstance(count, Count) and said(count) is not None for count in given.values())
    ]
    rows = [
        f"| case | truth | {' | '.join(tools)} |",
        f"| --- | ---: |{' ---: |' * len(tools)}",
    ]
    for case in cases:
        cells = [_cell(answers[tool].get(case.name), truth(case), said) for tool in tools]
        rows.append(f"| {case.name} | {truth(case):,} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _cell(answer: Count | str | None, truth: int, said: Callable[[Count], int | None]) -> str:
    if answer is None:
        return ""
    if isinstance(answer, str):
        return "fails"
    value = said(answer)
    if value is None:
        return ""
    if value == truth:
        return "="
    if value == 0:
        return "0"
    percent = f"{(value - truth) / truth:+.2%}"
    return f"{value - truth:+,}" if percent.endswith("0.00%") else percent


def _standings(answers: Mapping[str, Answers]) -> str:
    rows = [
        f"| tool | right to the integer | within {CLOSE:.0%} | off | 0 | fails |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for tool, given in answers.items():
        tally = {"exact": 0, "close": 0, "off": 0, "zero": 0, "fails": 0}
        for case in CASES:
            if case.name in given:
                tally[_standing(given[case.name], case.macs)] += 1
        exact, *others = tally.values()
        rows.append(f"| {tool} | {exact} of {len(given)} | {' | '.join(map(str, others))} |")
    return "\n".join(rows)


def _standing(answer: Count | str, truth: int) -> str:
    if isinstance(answer, str):
        return "fails"
    if answer.macs == truth:
        return "exact"
    if answer.macs == 0:
        return "zero"
    return "close" if abs(answer.macs - truth) <= CLOSE * truth else "off"


def _failures(answers: Mapping[str, Answers]) -> list[str]:
    lines = [
        f"- {tool}, {case}: `{answer.replace('`', '')}`"
        for tool, given in answers.items()
        for case, answer in given.items()
        if isinstance(answer, str)
    ]
    return ["## What failed", "\n".join(lines)] if lines else []


def page(_folder: Path) -> str:
    """Ask every tool for every case, and describe it in Markdown."""
    folder = MODELS / "accuracy"
    return document({counter.name: ask(counter, folder) for counter in COUNTERS})
