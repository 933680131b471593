"""No number moves unseen: what many graphs cost is kept, with the revision of the rules."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders.golden_corpus import PATH, Corpus, complaint, current, moved, read, rewrite, write

from costdb.cost import RULES
from costdb.cost.rules import built_in_rules


def case(macs: int = 10, structure: str = "1:aa", op: str = "Conv", digest: str = "d") -> Any:
    return {"structure": structure, "totals": {"macs": macs}, "ops": {op: digest}}


KEPT = Corpus(1, {"net": case(), "rule Relu": case(3, "1:bb", "Relu")})


def changed(name: str, value: Any, rules: int = 1) -> Corpus:
    return Corpus(rules, {**KEPT.cases, name: value})


def test_everything_costs_what_is_kept() -> None:
    kept, now = read(PATH), current()
    assert complaint(kept, now) == ""


def test_every_rule_is_in_the_corpus_by_itself_or_by_one_of_the_same_text() -> None:
    kept = read(PATH).cases
    stood_for = {
        rule.documentation
        for key, rule in built_in_rules().items()
        if f"rule {':'.join(filter(None, key))}" in kept
    }
    assert {rule.documentation for rule in built_in_rules().values()} == stood_for
    assert read(PATH).rules == RULES


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(KEPT, "", id="nothing moved"),
        pytest.param(
            changed("net", case(11)), "RULES in costdb/cost/__init__.py was not raised",
            id="a total moved",
        ),
        pytest.param(changed("net", case(11)), "net: macs 10 -> 11", id="it says which"),
        pytest.param(
            changed("rule Relu", case(3, "1:bb", "Relu", "other")), "rule Relu: layers of Relu",
            id="layers moved, the total did not",
        ),
        pytest.param(
            changed("net", case(11), rules=2), "from 1 to 2; keep the numbers: make golden",
            id="raised, and not kept yet",
        ),
        pytest.param(
            Corpus(2, KEPT.cases), "make golden", id="raised, and nothing moved",
        ),
        pytest.param(
            replace(KEPT, rules=0), "the corpus was counted by 1: raise RULES", id="lowered",
        ),
        pytest.param(changed("new", case()), "make golden\n  new", id="a case was added"),
        pytest.param(
            Corpus(1, {"net": case()}), "make golden\n  rule Relu", id="a case was removed",
        ),
        pytest.param(
            changed("net", case(11, "1:cc")), "make golden\n  net",
            id="another graph under the same name",
        ),
        pytest.param(changed("net", case(10, "1:cc")), "", id="read otherwise, costs the same"),
    ],
)  # fmt: skip
def test_what_is_to_be_done(now: Corpus, expected: str) -> None:
    said = complaint(KEPT, now)
    assert said == "" if not expected else expected in said


@pytest.mark.parametrize(
    ("now", "is_kept"),
    [
        pytest.param(changed("new", case()), True, id="a case was added"),
        pytest.param(changed("net", case(11), rules=2), True, id="moved, and raised"),
        pytest.param(changed("net", case(11, "1:cc")), True, id="another graph"),
        pytest.param(changed("net", case(11)), False, id="moved, and not raised"),
        pytest.param(replace(KEPT, rules=0), False, id="lowered"),
    ],
)
def test_the_corpus_is_kept_only_if_nothing_moved_unseen(
    now: Corpus, *, is_kept: bool, tmp_path: Path
) -> None:
    path = tmp_path / "golden.json"
    write(path, KEPT)
    refusal = rewrite(path, now)
    assert (refusal is None) is is_kept
    assert read(path) == (now if is_kept else KEPT)
    assert (complaint(read(path), now) == "") is is_kept


def test_a_first_corpus_is_written(tmp_path: Path) -> None:
    path = tmp_path / "golden.json"
    assert rewrite(path, KEPT) is None
    assert json.loads(path.read_text())["rules"] == 1


def test_a_rule_that_counts_otherwise_is_noticed() -> None:
    kept = read(PATH)
    name = "rule Relu"
    other = {**kept.cases[name], "totals": {**kept.cases[name]["totals"], "flops": 1}}
    assert [line.split(":")[0] for line in moved(kept, Corpus(RULES, {name: other}))] == [name]
