"""`costdb check` as its users have it: exit codes, policies that are wrong, what a policy says."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from builders.command_line import Costdb
from builders.policies import policy_text
from builders.series import detector_macs, ingest_file, save_detector

from costdb import api
from costdb.cost.document import analysis_document

GROWTH = {"metric": "macs", "max_increase": "0%"}


def write_policy(folder: Path, *tables: Mapping[str, object]) -> None:
    (folder / "policy.toml").write_text(policy_text(tables))


@pytest.fixture
def history(here: Costdb, tmp_path: Path) -> Costdb:
    """A command line with a detector of two versions, the second one wider."""
    for tag, width in (("v1", 8), ("v2", 9)):
        file = save_detector(tmp_path / "detector.onnx", width=width)
        ingest_file(file, str(tmp_path / "costs.db"), model="detector", tag=tag)
    return here


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(["detector@v2", "--against", "detector@v2"], 0, id="pass"),
        pytest.param(["detector@v1"], 0, id="no baseline"),
        pytest.param(["detector@v1", "--require-baseline"], 4, id="a baseline is required"),
        pytest.param(["detector@v1", "--against", "detector@v2", "--point", "b"], 1, id="no point"),
        pytest.param(["nothing"], 1, id="no model"),
        pytest.param(["detector", "--policy", "none.toml"], 1, id="no policy"),
        pytest.param([], 2, id="usage"),
        pytest.param(["detector", "--replay", "--format", "junit"], 2, id="a format for findings"),
        pytest.param(["--replay"], 2, id="nothing to replay"),
        pytest.param(["detector"], 3, id="a regression"),
        pytest.param(["--all", "--no-save"], 3, id="a regression somewhere"),
        pytest.param(["detector", "--fail-on", "never"], 0, id="never"),
        pytest.param(["detector", "--require-baseline"], 3, id="a regression goes first"),
        pytest.param(["detector.onnx", "--against", "old.json"], 4, id="explicit, and not judged"),
    ],
)
@pytest.mark.usefixtures("history")
def test_exit_codes(costdb: Costdb, tmp_path: Path, arguments: list[str], code: int) -> None:
    document = analysis_document(api.analyze(str(tmp_path / "detector.onnx")))
    (tmp_path / "old.json").write_text(json.dumps(document | {"rules": document["rules"] + 1}))
    done = costdb("check", *arguments)
    assert done.code == code, done
    assert "Traceback" not in done.err


def test_warnings_fail_where_they_are_told_to(history: Costdb, tmp_path: Path) -> None:
    write_policy(tmp_path, GROWTH | {"severity": "warn"})
    for fail_on, code in (("regression", 0), ("warn", 3), ("never", 0)):
        done = history("check", "detector", "--policy", "policy.toml", "--fail-on", fail_on)
        assert done.code == code


def test_the_contract_keeps_its_fields_and_says_what_is_new(history: Costdb) -> None:
    for expected in (True, False):
        document = json.loads(history("check", "detector", "--format", "json").out)
        assert document["schema"] == "costdb.check/1"
        assert document["verdict"] == "regression"
        finding = document["findings"][0]
        assert set(finding) >= {
            "id", "kind", "model", "point", "metric", "scope", "verdict", "reason", "old", "new",
            "limit", "rule", "baseline", "attribution",
        }  # fmt: skip
        assert finding["new"] == detector_macs(width=9)
        assert set(finding["attribution"][0]) >= {"scope", "share", "text"}
        assert finding["is_new"] is expected
    table = history("check", "detector").out
    assert "regression against previous v1, as before; the rule: macs max_increase" in table


@pytest.mark.parametrize(
    "arguments",
    [("check", "detector"), ("check", "--all"), ("diff", "detector@v1", "detector@v2")],
    ids=" ".join,
)
def test_sizes_of_what_is_stored_are_not_to_be_chosen(
    history: Costdb, arguments: tuple[str, ...]
) -> None:
    without, done = history(*arguments), history(*arguments, "--at", "b4:batch=4")
    assert (done.code, without.err) == (without.code, "")
    assert done.err.startswith("warning: --at, ")
    assert "--point" in done.err


def test_what_could_not_be_judged_is_said_once_for_all_metrics(history: Costdb) -> None:
    table = history("check", "detector@v1").out
    said = "not judged: macs, weight_bytes, peak_memory_bytes of detector@v1: no earlier version"
    assert said in table


def test_structural_rules_say_what_happened(here: Costdb, tmp_path: Path) -> None:
    write_policy(tmp_path, {"dtype_changed": True}, {"new_unknown_ops": True, "severity": "warn"})
    for tag, dtype, head in (("v1", "float32", "Relu"), ("v2", "float16", "own:[red]=1")):
        file = save_detector(tmp_path / "detector.onnx", dtype=dtype, head=head)
        ingest_file(file, str(tmp_path / "costs.db"), model="detector", tag=tag)
    done = here("check", "detector", "--policy", "policy.toml")
    assert done.code == 3
    assert "layers compute in other types against previous v1: float32 -> float16" in done.out
    assert "operators that no rule counts are new against previous v1: own:[red]=1 x1" in done.out


def test_a_first_file_has_a_budget_but_no_baseline(here: Costdb, tmp_path: Path) -> None:
    save_detector(tmp_path / "detector.onnx")
    write_policy(tmp_path, GROWTH, {"metric": "macs", "budget": "1 k"})
    done = here("check", "detector.onnx", "--policy", "policy.toml", "--format", "json")
    assert done.code == 3
    found = {one["baseline"]: one for one in json.loads(done.out)["findings"]}
    assert (found["previous"]["verdict"], found["previous"]["reason"]) == (
        "not-judged", "there is no database",
    )  # fmt: skip
    assert found[""]["verdict"] == "regression"
    assert not (tmp_path / "costs.db").exists()
    assert here("check", "detector", "--policy", "policy.toml").code == 1


def test_every_mistake_in_a_policy_is_said_with_its_line(history: Costdb, tmp_path: Path) -> None:
    write_policy(
        tmp_path,
        {"metrik": "macs", "max_increase": "1%"},
        {"metric": "macs", "budget": "10 MB", "severity": "error"},
    )
    done = history("check", "detector", "--policy", "policy.toml")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines() == [
        "error: policy.toml:1: it has no metric",
        'hint: write metric = "params"',
        "error: policy.toml:2: 'metrik' is no key of a rule",
        "hint: did you mean 'metric'?",
        "error: policy.toml:7: budget of macs: '10 MB' has 'MB', which is no unit of a count",
        "hint: did you mean 'M'?",
        'error: policy.toml:8: severity = "error" is not known',
        "hint: known: fail, warn",
    ]


def test_the_policy_of_costdb_toml_and_its_mistakes(history: Costdb, tmp_path: Path) -> None:
    rules = policy_text([GROWTH]).replace("[[rules]]", "[[policy.rules]]")
    (tmp_path / "costdb.toml").write_text(f"[database]\nurl = 'costs.db'\n{rules}")
    assert history("check", "detector").code == 3
    told = json.loads(history("check", "--explain-policy", "--format", "json").out)
    assert (told["origin"], told["source"]) == (str(tmp_path / "costdb.toml"), "of costdb.toml")
    assert [rule["line"] for rule in told["rules"]] == [3]
    (tmp_path / "costdb.toml").write_text(f"[database]\nurl = 'costs.db'\n{rules}bugdet = 1\n")
    done = history("check", "detector")
    assert done.code == 1
    assert f"{tmp_path / 'costdb.toml'}:6: 'bugdet' is no key of a rule" in done.err


RULES = (
    GROWTH | {"name": "all"},
    GROWTH | {"name": "ours", "model": "det*", "max_increase": "2% and 1 k"},
    {"name": "size", "metric": "weight_bytes", "budget": "10 MB", "severity": "warn"},
    {"name": "types", "dtype_changed": True, "model": "speech"},
)


def test_a_model_is_told_which_rules_hold_and_why(here: Costdb, tmp_path: Path) -> None:
    write_policy(tmp_path, *RULES)

    def explain(*arguments: str, output_format: str = "json") -> str:
        done = here(
            "check", "--explain-policy", *arguments, "--policy", "policy.toml",
            "--format", output_format,
        )  # fmt: skip
        assert done.code == 0, done
        return done.out

    document = json.loads(explain("detector@v7"))
    assert (document["schema"], document["model"]) == ("costdb.policy/1", "detector")
    assert [
        (rule["name"], rule["reason"], [beaten["name"] for beaten in rule["beaten"]])
        for rule in document["rules"]
    ] == [
        ("ours", "its glob fits the model more closely", ["all"]),
        ("size", "the only one", []),
    ]
    assert document["rules"][0]["max_increase"] == {"percent": 2.0, "amount": 1000}
    assert (document["rules"][1]["budget"], document["rules"][1]["against"]) == (10**7, None)
    whole = json.loads(explain())
    assert [(rule["name"], rule["structural"]) for rule in whole["rules"]] == [
        ("all", None), ("ours", None), ("size", None), ("types", "dtype_changed"),
    ]  # fmt: skip
    table = explain("detector", output_format="table")
    assert "detector by the policy of policy.toml, named by --policy" in table
    assert "+2 % or +1,000" in table
    assert "all (line 1)" in table
    assert "up to 10,000,000" in table
    assert explain("speech", output_format="csv").splitlines()[0] == (
        "metric,scope,against,allows,severity,rule,line,because,instead of"
    )
    assert "| dtype | total | previous | none | fail | types |" in explain(
        "speech", output_format="markdown"
    )
    assert "the policy of policy" in explain(output_format="table")


def test_where_the_default_policy_comes_from(here: Costdb) -> None:
    told = json.loads(here("check", "--explain-policy", "--format", "json").out)
    assert told["source"] == "the default, since costdb.toml has none"
    assert told["origin"].endswith("policy.toml")
    assert len(told["rules"]) == 9


def test_a_model_that_no_rule_is_for(here: Costdb, tmp_path: Path) -> None:
    write_policy(tmp_path, {"dtype_changed": True, "model": "speech"})
    done = here("check", "--explain-policy", "detector", "--policy", "policy.toml")
    assert "no rule is for detector: nothing is judged" in done.out


def test_a_file_is_told_by_the_name_of_its_model(here: Costdb, tmp_path: Path) -> None:
    save_detector(tmp_path / "detector.onnx")
    write_policy(tmp_path, *RULES)
    done = here(
        "check", "--explain-policy", "detector.onnx", "--policy", "policy.toml", "--format", "json"
    )
    assert json.loads(done.out)["model"] == "detector"


def test_a_replay_in_every_format(history: Costdb, tmp_path: Path) -> None:
    write_policy(tmp_path, GROWTH)

    def replay(output_format: str) -> str:
        done = history(
            "check", "--replay", "detector", "--policy", "policy.toml", "--format", output_format
        )
        assert done.code == 0, done
        return done.out

    document = json.loads(replay("json"))
    assert document["schema"] == "costdb.replay/1"
    assert [(one["tag"], one["verdict"]) for one in document["versions"]] == [
        ("v1", "not-judged"), ("v2", "regression"),
    ]  # fmt: skip
    assert document["versions"][1]["findings"][0]["is_new"] is True
    table = replay("table")
    assert "2 versions: something to say at 1, something new at 1" in table
    assert "new at: v2 (regression)" in table
    rows = replay("csv").splitlines()
    assert len(rows) == 3
    assert rows[2].startswith("2048,v2,default,macs,total,previous v1,")
    assert " | macs | previous v1 |" in replay("markdown")
    write_policy(tmp_path, GROWTH | {"max_increase": "90%"})
    assert "2 versions: the policy would have said nothing" in replay("table")
