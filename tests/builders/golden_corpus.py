"""What many graphs cost, kept in a file, so that no number moves unseen.

    python -m builders.golden_corpus        writes the file again; `make golden` calls it

A case is kept by its name: the digest of its structure, its totals, and for each operator a digest
of what its layers cost.
"""

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from builders.families import FAMILIES
from builders.rule_examples import DOCUMENTED, WITH_EXAMPLE, example

from costdb import canonical
from costdb.binding import Binding
from costdb.contracts import COUNT_NAMES, Rule
from costdb.cost import RULES
from costdb.cost.engine import cost
from costdb.cost.result import ADDITIVE_METRICS, METRICS, GraphCost, LayerCost, View
from costdb.ir import DType, Graph, Layer, Role, Tensor, assemble
from costdb.source import Source
from costdb_onnx import OnnxLoader

PATH = Path(__file__).parents[1] / "cost" / "golden.json"

Case = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Cases by name, and the revision of the rules that they were counted by."""

    rules: int
    cases: Mapping[str, Case]


def current() -> Corpus:
    """What everything costs now."""
    return Corpus(RULES, dict(_cases()))


def read(path: Path) -> Corpus:
    """What was kept."""
    document = json.loads(path.read_text())
    return Corpus(document["rules"], document["cases"])


def write(path: Path, corpus: Corpus) -> None:
    """Keep a corpus, a line for each case."""
    lines = (f"{json.dumps(name)}: {json.dumps(case)}" for name, case in corpus.cases.items())
    cases = ",\n".join(lines)
    path.write_text(f'{{"rules": {corpus.rules}, "cases": {{\n{cases}\n}}}}\n')


def moved(kept: Corpus, now: Corpus) -> Iterator[str]:
    """Cases whose numbers moved though their graph is the same: the rules count otherwise."""
    for name in kept.cases.keys() & now.cases.keys():
        old, new = kept.cases[name], now.cases[name]
        if old["structure"] == new["structure"] and old != new:
            yield f"{name}: {', '.join(_differences(old, new))}"


def complaint(kept: Corpus, now: Corpus) -> str:
    """What is to be done before a corpus is what is kept; empty if it is."""
    if now.rules == kept.rules and (names := sorted(moved(kept, now))):
        return (
            "numbers moved, and RULES in costdb/cost/__init__.py was not raised:\n  "
            + "\n  ".join(names)
            + "\nput them right, or raise RULES, say in CHANGELOG.md why, and run: make golden"
        )
    if now.rules < kept.rules:
        return f"RULES is {now.rules}, and the corpus was counted by {kept.rules}: raise RULES"
    if now.rules > kept.rules:
        return f"RULES was raised from {kept.rules} to {now.rules}; keep the numbers: make golden"
    if others := sorted(_changed(kept, now)):
        return "cases were added, removed or made otherwise: make golden\n  " + "\n  ".join(others)
    return ""


def rewrite(path: Path, now: Corpus) -> str | None:
    """Keep a corpus, unless numbers moved without a new revision; what says so, else None."""
    kept = read(path) if path.exists() else Corpus(now.rules, {})
    refused = now.rules < kept.rules or (now.rules == kept.rules and any(moved(kept, now)))
    if refused:
        return complaint(kept, now)
    write(path, now)
    return None


def _changed(kept: Corpus, now: Corpus) -> Iterator[str]:
    """Names of cases that are not as kept; another structure with equal numbers is none."""
    for name in kept.cases.keys() | now.cases.keys():
        old, new = kept.cases.get(name), now.cases.get(name)
        if old is None or new is None or _numbers(old) != _numbers(new):
            yield name


def _numbers(case: Case) -> Case:
    return {key: value for key, value in case.items() if key != "structure"}


def _differences(old: Case, new: Case) -> Iterator[str]:
    for metric in METRICS:
        before, after = old["totals"].get(metric, 0), new["totals"].get(metric, 0)
        if before != after:
            yield f"{metric} {before:,} -> {after:,}"
    for op in old["ops"].keys() | new["ops"].keys():
        if old["ops"].get(op) != new["ops"].get(op):
            yield f"layers of {op}"


def _cases() -> Iterator[tuple[str, Case]]:
    for rule in DOCUMENTED.values():
        name = f"rule {':'.join(filter(None, rule.key))}"
        layer = example(rule).layer if rule.documentation in WITH_EXAMPLE else _plain(rule)
        yield name, _case(_alone(layer))
    for name, family in FAMILIES.items():
        for batch in (1, 3):
            yield f"family {name}, batch {batch}", _case(family(batch))
        yield f"family {name}, as stored", _case(family(1), View.STORED)
    for path in _light_models():
        with Source(path) as source:
            yield path.stem, _case(OnnxLoader().load(source, Binding()))


def _light_models() -> list[Path]:
    """The networks that the onnx package ships without their weights."""
    from onnx import backend

    folder = Path(str(backend.__file__)).parent / "test" / "data" / "light"
    return sorted(folder.glob("*.onnx"))


def _plain(rule: Rule) -> Layer:
    """A layer of an operator whose rule has no example: two inputs and an output of one shape."""
    inputs = tuple(Tensor(f"x{n}", (2, 3, 4), DType.FLOAT32, Role.INPUT) for n in range(2))
    return Layer("x", rule.op, inputs, (Tensor("y", (2, 3, 4), DType.FLOAT32),), rule.domain)


def _alone(layer: Layer) -> Graph:
    layer = replace(layer, compute_dtype=DType.FLOAT32)
    return assemble([layer], inputs=list(layer.reads), outputs=[layer.output])


def _case(graph: Graph, view: View = View.DEPLOYED) -> Case:
    digest = canonical.structure_digest(canonical.structure_json(graph))
    return _summary(digest, cost(graph, view=view))


def _summary(structure: str, costs: GraphCost) -> Case:
    by_op: dict[str, list[list[Any]]] = {}
    for layer in costs.layers:
        by_op.setdefault(layer.op, []).append(_row(layer))
    totals = {metric: costs.totals[metric] for metric in METRICS}
    return {
        "structure": structure,
        "totals": {metric: value for metric, value in totals.items() if value},
        "ops": {op: _digest(rows) for op, rows in sorted(by_op.items())},
    }


def _row(layer: LayerCost) -> list[Any]:
    counts = [getattr(layer.counts, name) for name in COUNT_NAMES]
    metrics = [layer[metric] for metric in (*ADDITIVE_METRICS, "live_bytes")]
    return [*counts, *metrics, layer.coverage.value, layer.folded]


def _digest(rows: list[list[Any]]) -> str:
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:12]


if __name__ == "__main__":
    sys.exit(rewrite(PATH, current()))
