"""Verdicts over sequences of versions; every threshold is worked out by hand."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from builders.costs import conv, graph_cost, layer, macs, state_dict_cost
from builders.policies import policy_text
from hypothesis import given
from hypothesis import strategies as st

from costdb.contracts import Coverage, Finding
from costdb.cost.result import METRICS, GraphCost, LayerCost, Totals, View
from costdb.ir import DType, Tensor
from costdb.trends.policy import BaselineKey, Policy, default_policy, parse_policy
from costdb.trends.verdicts import (
    Allowance,
    Baseline,
    Candidate,
    Verdict,
    finding_id,
    is_settled,
    judge,
    worst,
)

Found = dict[str, Baseline | str]


def policy(*tables: dict[str, Any]) -> Policy:
    """Rules on MACs, at most 5 % over the previous version, unless they say otherwise."""
    defaults = {"metric": "macs"}
    bounds: dict[str, Any] = {"max_increase": "5%"}
    filled = [
        table
        if {"new_unknown_ops", "dtype_changed"} & set(table)
        else defaults | ({} if "budget" in table else bounds) | table
        for table in tables
    ]
    return parse_policy(policy_text(filled), "p.toml")


def candidate(cost: GraphCost, tag: str = "v2") -> Candidate:
    return Candidate("detector", tag, "default", cost)


def judged(
    cost: GraphCost, found: Found, rules: Policy, *, tag: str = "v2", **accepted: int
) -> tuple[Finding, ...]:
    """Findings where a baseline is the same one for every metric and scope."""
    baselines = {
        BaselineKey(key.against, key.metric, key.scope): found[key.against]
        for key in rules.baselines_for("detector")
    }
    totals = {(metric, "total"): Allowance(value) for metric, value in accepted.items()}
    return judge(candidate(cost, tag), baselines, rules, accepted=totals)


def only(
    new: GraphCost, old: GraphCost | str, rules: Policy | None = None, **accepted: int
) -> Finding:
    """The one finding against the previous version."""
    previous = old if isinstance(old, str) else Baseline("previous v1", old)
    (finding,) = judged(new, {"previous": previous}, rules or policy({}), tag="v2", **accepted)
    return finding


WARN_AND_FAIL = policy({"max_increase": "1%", "severity": "warn"}, {"severity": "fail"})


@pytest.mark.parametrize(
    ("old", "new", "verdict", "kind", "limit"),
    [
        pytest.param(1_000, 1_000, "ok", "macs-unchanged", 1_010, id="the same"),
        pytest.param(1_000, 990, "improved", "macs-decreased", 1_010, id="less"),
        pytest.param(1_000, 1_010, "ok", "macs-increased", 1_010, id="1 % is not over 1 %"),
        pytest.param(1_000, 1_011, "warn", "macs-increased", 1_010, id="over 1 %"),
        pytest.param(1_000, 1_050, "warn", "macs-increased", 1_010, id="5 % is not over 5 %"),
        pytest.param(1_000, 1_051, "regression", "macs-increased", 1_050, id="over 5 %"),
        pytest.param(0, 5, "regression", "macs-increased", 0, id="from zero"),
        pytest.param(0, 0, "ok", "macs-unchanged", 0, id="still zero"),
        pytest.param(5, 0, "improved", "macs-decreased", 5, id="to zero"),
        # 1.01 * (10**18 + 99) = 1.01 * 10**18 + 99.99; a float would be off by some hundred.
        pytest.param(
            10**18 + 99, 101 * 10**16 + 99, "ok", "macs-increased", 101 * 10**16 + 99,
            id="exact beyond floats",
        ),
        pytest.param(
            10**18 + 99, 101 * 10**16 + 100, "warn", "macs-increased", 101 * 10**16 + 99,
            id="exact beyond floats, one more",
        ),
    ],
)  # fmt: skip
def test_verdict(old: int, new: int, verdict: str, kind: str, limit: int) -> None:
    finding = only(macs(new), macs(old), WARN_AND_FAIL)
    assert (finding.verdict, finding.kind, finding.limit) == (verdict, kind, limit)
    assert (finding.old, finding.new) == (old, new)
    assert (finding.model, finding.tag, finding.point) == ("detector", "v2", "default")
    assert (finding.metric, finding.scope, finding.baseline) == ("macs", "total", "previous v1")


def totals(metric: str, value: int) -> GraphCost:
    """A cost that has one total and nothing else."""
    nothing = Totals(*([0] * len(METRICS)))
    return replace(graph_cost([]), totals=replace(nothing, **{metric: value}))


@pytest.mark.parametrize("metric", METRICS)
def test_of_every_metric_more_is_worse(metric: str) -> None:
    rules = policy({"metric": metric})
    less, more = totals(metric, 100), totals(metric, 106)
    worse, better, same = only(more, less, rules), only(less, more, rules), only(less, less, rules)
    name = metric.replace("_", "-")
    assert (worse.verdict, worse.kind) == ("regression", f"{name}-increased")
    assert (better.verdict, better.kind) == ("improved", f"{name}-decreased")
    assert (same.verdict, same.kind) == ("ok", f"{name}-unchanged")


def test_the_finding_names_the_rule_that_decided() -> None:
    warn = 'macs max_increase = "1%" against previous, warn'
    fail = 'macs max_increase = "5%" against previous, fail'
    assert only(macs(1_060), macs(1_000), WARN_AND_FAIL).rule == fail
    assert only(macs(1_020), macs(1_000), WARN_AND_FAIL).rule == warn
    assert only(macs(1_000), macs(1_000), WARN_AND_FAIL).rule == warn
    assert only(macs(1_000), "no earlier version", WARN_AND_FAIL).rule == fail
    own = policy({}, {"model": "detector", "max_increase": "20%"})
    finding = only(macs(1_100), macs(1_000), own)
    assert finding.rule == 'detector: macs max_increase = "20%" against previous, fail'
    assert (finding.verdict, finding.limit) == ("ok", 1_200)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        pytest.param(0, 5, "macs new (0 -> 5) against previous v1, limit 0: 5", id="from zero"),
        pytest.param(1_000, 1_000, "macs unchanged at 1,000 against previous v1", id="unchanged"),
        pytest.param(
            1_000, 1_010, "macs +1.0 % (1,000 -> 1,010) against previous v1", id="allowed"
        ),
    ],
)
def test_reason(old: int, new: int, reason: str) -> None:
    found = only(macs(new), macs(old)).reason
    assert found.replace("100 % from dense (MatMul changed)", "5") == reason


def test_a_tiny_change_is_shown_exactly() -> None:
    finding = only(macs(4_100_000_002), macs(4_100_000_000), policy({"max_increase": 1}))
    assert (finding.old, finding.new, finding.limit) == (
        4_100_000_000, 4_100_000_002, 4_100_000_001,
    )  # fmt: skip
    assert finding.verdict == "regression"
    assert finding.reason == (
        "macs +2 (4,100,000,000 -> 4,100,000,002) against previous v1, limit 4,100,000,001:"
        " 100 % from dense (MatMul changed)"
    )


def test_attribution_says_who_made_it() -> None:
    stem = conv("stem", (3, 8), 224, scope="stem")
    decoder = [conv(f"up{n}", (8, 8), 32, scope=f"decoder/{n}") for n in range(8)]
    old, new = graph_cost([stem]), graph_cost([stem, *decoder])
    finding = only(new, old)
    # 27 * 8 weights on 224 * 224 pixels, and 8 times 72 * 8 weights on 32 * 32.
    assert (finding.old, finding.new) == (10_838_016, 10_838_016 + 4_718_592)
    assert [(part.scope, part.change, part.text) for part in finding.attribution] == [
        ("decoder/*", 4_718_592, "8 new Conv")
    ]
    assert finding.reason == (
        "macs +43.5 % (10,838,016 -> 15,556,608) against previous v1, limit 11,379,916:"
        " 100 % from decoder/* (8 new Conv)"
    )
    better = only(old, new)
    assert [part.text for part in better.attribution] == ["8 removed Conv"]
    assert only(old, old).attribution == ()


def test_every_metric_that_moved_is_attributed() -> None:
    old, new = (graph_cost([conv("stem", (3, width), 8, scope="stem")]) for width in (8, 16))
    rules = policy({}, {"metric": "params"}, {"metric": "peak_memory_bytes"})
    found = judged(new, {"previous": Baseline("previous v1", old)}, rules)
    # 27 weights for each of 8 more channels, of 4 bytes, on 64 pixels.
    assert [(one.metric, [part.change for part in one.attribution]) for one in found] == [
        ("macs", [27 * 8 * 64]),
        ("params", [27 * 8]),
        ("peak_memory_bytes", [4 * 8 * 64, 4 * 27 * 8]),
    ]


def test_each_baseline_has_an_attribution_of_its_own() -> None:
    blocks = [conv(f"block{n}", (8, 8), 8, scope=f"block{n}") for n in range(3)]
    first, before, now = (graph_cost(blocks[:count]) for count in (1, 2, 3))
    baselines: Found = {
        "previous": Baseline("previous v2", before), "anchor": Baseline("anchor v1", first),
    }  # fmt: skip
    part = {"against": "anchor", "scope": "layer:block2"}
    rules = policy({}, {"against": "anchor"}, {"metric": "params"}, part)
    # 72 * 8 weights a block, on 64 pixels.
    assert [
        [(part.scope, part.change) for part in one.attribution]
        for one in judged(now, baselines, rules, tag="v3")
    ] == [
        [("block2", 64 * 576)],
        [("block1", 64 * 576), ("block2", 64 * 576)],
        [("block2", 576)],
        [("block2", 64 * 576)],
    ]


def versions(costs: Sequence[int], rules: Policy) -> list[tuple[Finding, ...]]:
    """What is found at each version after the first, which is the anchor."""
    return [
        judged(
            macs(cost),
            {
                "previous": Baseline(f"previous v{number - 1}", macs(costs[number - 1])),
                "anchor": Baseline("anchor v0", macs(costs[0])),
            },
            rules,
            tag=f"v{number}",
        )
        for number, cost in enumerate(costs)
        if number
    ]


def test_a_jump_after_equal_versions_is_found_where_it_is() -> None:
    # The series on which detectors that learn from the spread find nothing, or the next version.
    found = versions([*[100] * 15, 130, 130], policy({}))
    assert [finding.verdict for (finding,) in found] == ["ok"] * 14 + ["regression", "ok"]
    assert found[14][0].tag == "v15"


def test_creep_is_found_once_by_the_anchor() -> None:
    costs = [10**9 * 103**n // 100**n for n in range(41)]
    found = versions(costs, policy({"max_increase": "10%", "against": "anchor"}))
    # 1.03 ** 3 = 1.093 and 1.03 ** 4 = 1.126.
    assert [finding.verdict for (finding,) in found] == ["ok"] * 3 + ["regression"] * 37
    assert len({finding_id(finding) for (finding,) in found[3:]}) == 1


def test_the_default_policy_warns_of_each_step_and_fails_on_creep() -> None:
    costs = [10**9 * 103**n // 100**n for n in range(6)]
    verdicts = [
        [finding.verdict for finding in found if finding.metric == "macs"]
        for found in versions(costs, default_policy())
    ]
    # Against the previous version and against the anchor.
    assert verdicts == [["warn", "ok"]] * 3 + [["warn", "regression"]] * 2


@pytest.mark.parametrize(
    ("new", "old", "reason"),
    [
        pytest.param(
            macs(1), "no earlier version on branch main", "no earlier version on branch main",
            id="no baseline",
        ),
        pytest.param(
            macs(1, rules=2), macs(1),
            "previous v1 was counted under rules revision 1, v2 under 2: recost first",
            id="other rules",
        ),
        pytest.param(
            macs(1), replace(macs(1), view=View.STORED),
            "previous v1 is the stored view, v2 the deployed view", id="another view",
        ),
        pytest.param(
            state_dict_cost(1), macs(1), "v2 has weights but no graph to cost", id="no graph now"
        ),
        pytest.param(
            macs(1), state_dict_cost(1), "previous v1 has weights but no graph to cost",
            id="no graph before",
        ),
    ],
)  # fmt: skip
def test_not_judged(new: GraphCost, old: GraphCost | str, reason: str) -> None:
    finding = only(new, old)
    assert (finding.verdict, finding.kind) == ("not-judged", "macs-not-judged")
    assert finding.reason == reason
    assert (finding.old, finding.new, finding.limit) == (None, None, None)
    assert finding.baseline == ("previous" if isinstance(old, str) else "previous v1")


def test_a_file_without_a_tag_is_called_by_its_model() -> None:
    key = BaselineKey("previous", "macs", "total")
    new = Candidate("detector", "", "default", macs(1, rules=2))
    (finding,) = judge(new, {key: Baseline("costs.json", macs(1))}, policy({}))
    assert finding.reason == (
        "costs.json was counted under rules revision 1, detector under 2: recost first"
    )


def test_a_lower_bound_is_said() -> None:
    unknown = layer("Nms", "nms", coverage=Coverage.UNKNOWN)
    counted = layer("MatMul", "dense", macs=100)
    partly, fully = graph_cost([counted, unknown]), graph_cost([counted])
    said = "previous v1 is a lower bound without Nms x1", "v2 is a lower bound without Nms x1"
    same = only(partly, partly)
    assert same.verdict == "ok"
    assert same.reason == f"macs unchanged at 100 against previous v1; {said[0]}; {said[1]}"
    assert "lower bound" not in only(partly, fully, policy({"metric": "params"})).reason


UNCOUNTED = layer("Nms", "nms", coverage=Coverage.UNKNOWN)


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        pytest.param([100], [100, UNCOUNTED], "not-judged", id="it is there now"),
        pytest.param([100], [90, UNCOUNTED], "not-judged", id="and what is counted is less"),
        pytest.param([100], [106, UNCOUNTED], "regression", id="too much without it"),
        pytest.param([100, UNCOUNTED], [100], "not-judged", id="it is there no more"),
        pytest.param([100, UNCOUNTED], [106], "not-judged", id="and what is counted is more"),
        pytest.param([100, UNCOUNTED], [106, UNCOUNTED], "regression", id="it is in both"),
        pytest.param([100, UNCOUNTED], [90, UNCOUNTED], "improved", id="in both, and it is less"),
        pytest.param(
            [100, UNCOUNTED], [106, UNCOUNTED, UNCOUNTED], "not-judged", id="there is one more"
        ),
        pytest.param(
            [100, UNCOUNTED], [100, replace(UNCOUNTED, output_shapes=((2, 8),))], "not-judged",
            id="it is larger",
        ),
    ],
)  # fmt: skip
def test_what_no_rule_counts_is_not_judged(
    old: list[int | LayerCost], new: list[int | LayerCost], verdict: str
) -> None:
    before, now = (
        graph_cost(
            layer("MatMul", "dense", macs=entry) if isinstance(entry, int) else entry
            for entry in entries
        )
        for entries in (old, new)
    )
    found = only(now, before)
    assert found.verdict == verdict
    assert "a lower bound without Nms x" in found.reason


def test_a_budget_of_what_no_rule_counts() -> None:
    partly = graph_cost([layer("MatMul", "dense", macs=100), UNCOUNTED])
    said = "v2 is a lower bound without Nms x1"
    within = only(partly, "", policy({"budget": 200}))
    assert (within.verdict, within.reason) == ("not-judged", said)
    over = only(partly, "", policy({"budget": 99}))
    assert over.verdict == "regression"
    assert over.reason == f"macs 100, over the budget of 99 by 1; {said}"


@pytest.mark.parametrize(
    ("bytes_", "verdict", "kind", "limit", "reason"),
    [
        pytest.param(
            20_000_000, "ok", "weight-bytes-within-budget", 20_000_000,
            "weight_bytes 20,000,000, within the budget of 20,000,000", id="within",
        ),
        pytest.param(
            20_000_001, "warn", "weight-bytes-over-budget", 20_000_000,
            "weight_bytes 20,000,001, over the budget of 20,000,000 by 1", id="over the lower one",
        ),
        pytest.param(
            30_000_000, "regression", "weight-bytes-over-budget", 25_000_000,
            "weight_bytes 30,000,000, over the budget of 25,000,000 by 5,000,000", id="over both",
        ),
    ],
)  # fmt: skip
def test_budgets(bytes_: int, verdict: str, kind: str, limit: int, reason: str) -> None:
    rules = policy(
        {"metric": "weight_bytes", "budget": "20 MB", "severity": "warn"},
        {"metric": "weight_bytes", "budget": "25 MB"},
    )
    (finding,) = judged(totals("weight_bytes", bytes_), {}, rules)
    assert (finding.verdict, finding.kind, finding.reason) == (verdict, kind, reason)
    assert (finding.old, finding.new, finding.limit) == (None, bytes_, limit)
    assert (finding.baseline, finding.attribution) == ("", ())


def test_a_budget_of_what_is_not_there() -> None:
    rules = policy({"budget": "1 G"})
    assert only(state_dict_cost(1), "", rules).reason == "v2 has weights but no graph to cost"
    finding = only(macs(1), "", policy({"budget": "1 G", "scope": "layer:head"}))
    assert (finding.verdict, finding.reason) == ("not-judged", "no layer of v2 is in layer:head")


@pytest.mark.parametrize(
    ("scope", "verdict", "reason"),
    [
        pytest.param("layer:a", "ok", "macs of layer:a unchanged at 10 against previous v1",
                     id="a layer"),
        pytest.param(
            "op:Conv", "regression",
            "macs of op:Conv +50.0 % (20 -> 30) against previous v1, limit 21:"
            " 100 % from m/* (1 new Conv)", id="an operator",
        ),
        pytest.param(
            "scope:m/c", "regression",
            "macs of scope:m/c new (0 -> 10) against previous v1, limit 0:"
            " 100 % from m/c (1 new Conv)", id="a module that is new",
        ),
        pytest.param(
            "layer:gone", "not-judged",
            "removed: layer:gone is in previous v1, and no layer of v2 is", id="removed",
        ),
        pytest.param("layer:x", "not-judged", "no layer of v2 is in layer:x", id="never there"),
    ],
)  # fmt: skip
def test_scopes(scope: str, verdict: str, reason: str) -> None:
    a, b, c = (layer("Conv", n, scope=f"m/{n}", macs=10, params=n == "c") for n in "abc")
    gone = layer("Gemm", "gone", macs=99)
    finding = only(graph_cost([a, b, c]), graph_cost([a, b, gone]), policy({"scope": scope}))
    assert (finding.scope, finding.verdict) == (scope, verdict)
    assert finding.reason.replace("m/* (1", "m/c (1") == reason.replace("m/* (1", "m/c (1")


def test_rules_whose_baseline_is_one_make_one_finding() -> None:
    rules = policy(
        {"max_increase": "1%", "severity": "warn"},
        {},
        {"max_increase": "3%", "against": "anchor"},
        {"max_increase": "4%", "against": "tag:v1.0"},
    )
    given = Baseline("costs.json", macs(1_000))
    (finding,) = judged(
        macs(1_040), dict.fromkeys(("previous", "anchor", "tag:v1.0"), given), rules
    )
    assert (finding.verdict, finding.limit) == ("regression", 1_030)
    apart = judged(
        macs(1_040),
        {"previous": given, "anchor": Baseline("anchor v1", macs(1_040)), "tag:v1.0": "archived"},
        rules,
    )
    assert [(found.baseline, found.verdict) for found in apart] == [
        ("costs.json", "warn"), ("anchor v1", "ok"), ("tag v1.0", "not-judged"),
    ]  # fmt: skip
    assert apart[2].reason == "archived"


@pytest.mark.parametrize(
    ("old", "new", "accepted", "verdict", "limit"),
    [
        pytest.param(1_000, 1_200, 1_200, "ok", 1_212, id="up to it nothing is said"),
        pytest.param(1_000, 1_213, 1_200, "warn", 1_212, id="above it, 1 % counts from it"),
        pytest.param(1_000, 1_261, 1_200, "regression", 1_260, id="and 5 %"),
        pytest.param(1_000, 1_100, 900, "regression", 1_050, id="less was accepted"),
        pytest.param(1_000, 900, 1_200, "improved", 1_212, id="better is better"),
    ],
)
def test_accepted_values(old: int, new: int, accepted: int, verdict: str, limit: int) -> None:
    finding = only(macs(new), macs(old), WARN_AND_FAIL, macs=accepted)
    assert (finding.verdict, finding.limit) == (verdict, limit)


def test_an_accepted_value_is_named() -> None:
    finding = only(macs(1_150), macs(1_000), macs=1_200)
    assert finding.reason == (
        "macs +15.0 % (1,000 -> 1,150) against previous v1, accepted up to 1,200"
    )


def test_an_accepted_value_lifts_a_budget() -> None:
    rules = policy({"budget": 1_000})
    assert only(macs(1_200), "", rules, macs=1_200).verdict == "ok"
    assert only(macs(1_201), "", rules, macs=1_200).limit == 1_200
    assert only(macs(1_201), "", rules, macs=500).limit == 1_000


def structural(
    old: GraphCost, new: GraphCost, *, accepted: GraphCost | None = None, **keys: Any
) -> Finding:
    """The finding of a rule that no new operator may be without a counting rule."""
    rules = policy({"new_unknown_ops": True} | keys)
    key = BaselineKey("previous", "unknown_ops", keys.get("scope", "total"))
    allowed = {}
    if accepted is not None:
        version = Baseline("v0", accepted)
        allowed = {("unknown_ops", "total"): Allowance(None, version)}
    (found,) = judge(candidate(new), {key: Baseline("previous v1", old)}, rules, accepted=allowed)
    return found


NMS, WARP = (layer(op, op, coverage=Coverage.UNKNOWN) for op in ("Nms", "Warp"))
PLAIN = layer("Conv", "c", macs=1)


def test_a_structural_rule() -> None:
    old, new = graph_cost([PLAIN]), graph_cost([PLAIN, NMS, WARP])
    found = structural(old, new)
    assert (found.metric, found.kind, found.verdict) == (
        "unknown_ops", "unknown-ops-changed", "regression",
    )  # fmt: skip
    assert (found.old, found.new, found.limit, found.attribution) == (None, None, None, ())
    assert found.reason == (
        "operators that no rule counts are new against previous v1: Nms x1, Warp x1"
    )
    assert structural(old, new, severity="warn").verdict == "warn"
    assert structural(old, new, scope="op:Nms").reason == (
        "in op:Nms, operators that no rule counts are new against previous v1: Nms x1"
    )
    same = structural(new, new)
    assert (same.kind, same.verdict) == ("unknown-ops-unchanged", "ok")
    assert same.reason == "unknown_ops unchanged against previous v1"


def test_a_structural_rule_of_what_was_accepted() -> None:
    old, new = graph_cost([PLAIN]), graph_cost([PLAIN, NMS])
    accepted = structural(old, new, accepted=new)
    assert (accepted.verdict, accepted.kind) == ("ok", "unknown-ops-changed")
    assert accepted.reason.endswith("Nms x1; accepted with v0")
    more = graph_cost([PLAIN, NMS, WARP])
    assert structural(old, more, accepted=new).verdict == "regression"
    assert structural(old, new, accepted=old).verdict == "regression"


def test_a_structural_rule_that_cannot_be_judged() -> None:
    found = structural(macs(1, rules=2), macs(1))
    assert (found.verdict, found.kind) == ("not-judged", "unknown-ops-not-judged")
    assert found.reason.endswith("recost first")
    assert structural(state_dict_cost(1), macs(1)).reason == (
        "previous v1 has weights but no graph to cost"
    )


def test_the_gravest_of_structural_rules_decides() -> None:
    rules = policy(
        {"dtype_changed": True, "severity": "warn"}, {"dtype_changed": True, "severity": "fail"}
    )
    old, new = graph_cost([PLAIN]), graph_cost([replace(PLAIN, dtype=DType.FLOAT16)])
    key = BaselineKey("previous", "dtype", "total")
    (found,) = judge(candidate(new), {key: Baseline("previous v1", old)}, rules)
    assert (found.verdict, found.kind) == ("regression", "dtype-changed")
    assert found.reason == (
        "layers compute in other types against previous v1: float32 -> float16 in c"
    )


def test_a_version_whose_cost_is_not_known() -> None:
    rules = policy({}, {"max_increase": "10%", "against": "tag:v1.0"}, {"budget": 5})
    keys = rules.baselines_for("detector")
    lost = Candidate("detector", "v2", "default", "v2 was costed under rules 1")
    found = judge(lost, dict.fromkeys(keys, "no such version"), rules)
    assert [(one.verdict, one.reason, one.baseline) for one in found] == [
        ("not-judged", "v2 was costed under rules 1", "previous"),
        ("not-judged", "v2 was costed under rules 1", "tag v1.0"),
        ("not-judged", "v2 was costed under rules 1", ""),
    ]


def test_inputs_of_another_size_are_said() -> None:
    def fed(size: int) -> tuple[Tensor, ...]:
        return (Tensor("x", (1, 3, size, size), DType.FLOAT32),)

    key = BaselineKey("previous", "macs", "total")
    new = Candidate("detector", "v2", "default", macs(1_306), fed(256))
    (found,) = judge(new, {key: Baseline("previous v1", macs(1_000), fed(224))}, policy({}))
    assert found.reason.endswith("; input x is 1x3x256x256, was 1x3x224x224")


@pytest.mark.parametrize("verdict", Verdict)
def test_what_is_settled_without_a_look_at_the_layers(verdict: Verdict) -> None:
    assert is_settled(finding(verdict=verdict)) is (verdict in {"ok", "not-judged"})


def finding(**fields: Any) -> Finding:
    return replace(only(macs(1_060), macs(1_000)), **fields)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        pytest.param([], "not-judged", id="none"),
        pytest.param(["ok", "improved"], "ok", id="fine"),
        pytest.param(["improved"], "improved", id="better"),
        pytest.param(["ok", "not-judged"], "not-judged", id="something is not judged"),
        pytest.param(["not-judged", "warn"], "warn", id="a warning"),
        pytest.param(["warn", "regression", "ok"], "regression", id="a regression"),
    ],
)
def test_worst(verdicts: list[str], expected: str) -> None:
    assert worst(finding(verdict=verdict) for verdict in verdicts) == Verdict(expected)


@pytest.mark.parametrize(
    ("fields", "is_same"),
    [
        pytest.param({"tag": "v9", "old": 7, "new": 8, "verdict": "ok"}, True, id="the version"),
        pytest.param({"baseline": "previous v8"}, True, id="the previous version's tag"),
        pytest.param({"baseline": "previous"}, True, id="no previous version"),
        pytest.param({"baseline": "anchor v1"}, False, id="the kind of baseline"),
        pytest.param({"baseline": "tag v1"}, False, id="a tag"),
        pytest.param({"model": "m"}, False, id="the model"),
        pytest.param({"point": "b32"}, False, id="the point"),
        pytest.param({"metric": "flops"}, False, id="the metric"),
        pytest.param({"scope": "op:Conv"}, False, id="the scope"),
        pytest.param({"rule": "r"}, False, id="the rule"),
    ],
)
def test_identity(fields: dict[str, Any], *, is_same: bool) -> None:
    assert (finding_id(finding(**fields)) == finding_id(finding())) is is_same


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        pytest.param("alias prod v1", "alias prod v2", True, id="an alias that moved"),
        pytest.param("alias prod v1", "alias beta v1", False, id="another alias"),
        pytest.param("tag v1", "tag v2", False, id="another tag"),
        pytest.param("a b.json", "a c.json", False, id="a file with a space in its name"),
        pytest.param("", "", True, id="a budget"),
    ],
)
def test_identity_of_baselines(one: str, other: str, *, is_same: bool) -> None:
    ids = {finding_id(finding(baseline=one)), finding_id(finding(baseline=other))}
    assert (len(ids) == 1) is is_same


def test_identity_stays_what_it_was() -> None:
    # printf '["m", "default", "macs", "total", "r", "previous"]' | sha256sum | cut -c -12
    assert finding_id(finding(model="m", rule="r")) == "f8d9739126c1"


numbers = st.integers(0, 10**15)


@given(numbers, numbers, st.integers(0, 500))
def test_the_limit_is_the_largest_value_that_passes(old: int, new: int, tenths: int) -> None:
    rules = policy({"max_increase": f"{tenths / 10:.1f}%"})
    found = only(macs(new), macs(old), rules)
    assert found.limit is not None
    assert (found.verdict == "regression") is (new > found.limit)
    # new > old * (1 + tenths / 1000), in integers.
    assert (found.verdict == "regression") is (1_000 * new > old * (1_000 + tenths))
