"""What commands take on databases of up to a million versions.

The databases are filled once, into `build/benchmark-databases`.
"""

import json
import sys
from pathlib import Path

from benchmarks.models import COSTDB
from benchmarks.servers import DATABASES, emptied, urls_of_backends
from benchmarks.timing import Usage, apart, medians, python, run

SIZES = (10_000, 100_000, 1_000_000)
MODEL = "model-7"
_RUNS = 5

_HEADINGS = (
    "| database | versions | bytes a version | import | history | floor | ratio | memory"
    " | diff | memory | check --all | memory |"
)
_ABOUT = (
    "200 versions a model, so that a million are 5,000 models, each of 100 layers. As retraining"
    " does, versions repeat structures, 200 of them in all; one model in ten is wider in its second"
    " half. The first 100,000 versions are filled in by what `costdb import` does, whose rate is"
    " given; the database copies them to make more.\n\n"
    f"`history` is `costdb history {MODEL}`, all of its versions; the floor is a process that only"
    " imports typer, sqlalchemy.orm and rich.table, run in turn with it, and the aim is at most"
    " 1.5x. `diff` compares the first version of that model with its last. `check --all` judges the"
    " latest version of every model by the default policy. Whole processes, wall time and peak"
    " memory, medians; PostgreSQL's server runs on the same machine, and its memory is not counted."
)
_FLOOR = python("import typer, sqlalchemy.orm, rich.table")


def page(_folder: Path) -> str:
    """Fill databases of every size on both backends, time commands, describe it in Markdown."""
    rows = [_HEADINGS, f"| --- |{' ---: |' * 11}"]
    with urls_of_backends() as urls:
        for backend, url_of in urls.items():
            rows.extend(_row(backend, url_of(f"costdb_{size}"), size) for size in SIZES)
    return "\n\n".join([_ABOUT, "\n".join(rows)])


def _row(backend: str, url: str, versions: int) -> str:
    filled = _filled(backend, url, versions)
    _say(f"{backend}, {versions:,} versions: history, diff, check")
    history, floor = _in_turn([COSTDB, "history", MODEL, "--db", url], _FLOOR)
    diff_command = [COSTDB, "diff", f"{MODEL}@v0", f"{MODEL}@v199", "--db", url]
    diff = medians([run(diff_command) for _ in range(_RUNS)])
    check = run([COSTDB, "check", "--all", "--fail-on", "never", "--no-save", "--db", url])
    return (
        f"| {backend} | {versions:,} | {filled['bytes'] / versions:,.0f}"
        f" | {filled['rate']:,.0f}/s"
        f" | {history.seconds:.2f} s | {floor.seconds:.2f} s"
        f" | {history.seconds / floor.seconds:.2f}x | {history.mebibytes:.0f} MiB"
        f" | {diff.seconds:.2f} s | {diff.mebibytes:.0f} MiB"
        f" | {check.seconds:.1f} s | {check.mebibytes:.0f} MiB |"
    )


def _filled(backend: str, url: str, versions: int) -> dict[str, float]:
    """See that a database holds so many versions. Returns what was noted when it was filled."""
    note = DATABASES / f"{backend.lower()}-{versions}.json"

    def fill() -> None:
        from benchmarks import filling

        filling.fill(url, versions, note)

    if not note.exists():
        _say(f"{backend}: filling in {versions:,} versions")
        emptied(url)  # it may have been left half filled
    apart(fill)
    noted: dict[str, float] = json.loads(note.read_text())
    return noted


def _in_turn(ours: list[str], other: list[str]) -> tuple[Usage, Usage]:
    pairs = [(run(ours), run(other)) for _ in range(_RUNS + 1)][1:]
    first, second = zip(*pairs, strict=True)
    return medians(first), medians(second)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
