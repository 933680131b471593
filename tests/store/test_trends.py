"""What `check`, `accept` and `--replay` say of series of real networks, on both databases.

A version without blocks costs 16 * 16 * 27 = 6,912 MACs a channel: see `builders.series`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from builders import networks, onnx_models, tensorflow_models
from builders.analyses import NOW, analysis
from builders.policies import policy_text
from builders.series import detector_macs, ingest_file, ingest_widths, save_detector
from sqlalchemy import Engine, event, make_url, update

from costdb import api, maintenance
from costdb.contracts import Finding
from costdb.cost import RULES
from costdb.errors import NotInDatabase, StoreError, UsageError
from costdb.store import open_store, schema, write
from costdb.store.check_runs import runs
from costdb.store.database import write_transaction
from costdb.trends.accepted_file import FILE_NAME

PER_CHANNEL = 16 * 16 * 27

Policy = Callable[..., Path]
Ingest = Callable[..., None]


@pytest.fixture
def database(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty database with tables, seen from a folder of its own."""
    api.upgrade_database(database=database_url)
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return database_url


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    """Writes a policy file; a rule is on MACs and lets nothing grow, unless it says otherwise."""

    def write(*tables: dict[str, Any]) -> Path:
        path = tmp_path / "policy.toml"
        defaults: dict[str, Any] = {"metric": "macs", "max_increase": "0%"}
        filled = []
        for table in tables:
            unwanted = {"max_increase"} if "budget" in table else set()
            if {"dtype_changed", "new_unknown_ops"} & set(table):
                unwanted = set(defaults)
            filled.append({k: v for k, v in defaults.items() if k not in unwanted} | table)
        path.write_text(policy_text(filled))
        return path

    return write


@pytest.fixture
def ingest(database: str, tmp_path: Path) -> Ingest:
    """Ingests a detector: `ingest("v1", width=8, branch="dev")`."""

    def ingest_one(
        tag: str, *, model: str = "detector", branch: str = "main", **about: Any
    ) -> None:
        path = save_detector(tmp_path / "detector.onnx", **about)
        ingest_file(path, database, model=model, tag=tag, branch=branch)

    return ingest_one


def said(findings: tuple[Finding, ...]) -> list[tuple[str, str, str]]:
    return [(one.metric, one.baseline, one.verdict) for one in findings]


def only(findings: tuple[Finding, ...]) -> Finding:
    (finding,) = findings
    return finding


class TestSeries:
    def test_a_jump_after_equal_versions_is_flagged_at_that_version(
        self, database: str, tmp_path: Path
    ) -> None:
        verdicts = []
        for number, width in enumerate([20] * 15 + [26, 26], 1):
            ingest_widths([width], tmp_path, database, start=number)
            found = api.check("detector", database=database).findings
            verdicts.append(
                next(
                    one.verdict for one in found if one.metric == "macs" and "prev" in one.baseline
                )
            )
        # 26 is 30 % more than 20; the version after it costs the same.
        assert verdicts == ["not-judged", *["ok"] * 14, "regression", "ok"]
        finding = api.check("detector@v16", database=database).findings[0]
        assert (finding.tag, finding.old, finding.new) == (
            "v16", 20 * PER_CHANNEL, 26 * PER_CHANNEL,
        )  # fmt: skip

    def test_creep_is_one_finding_until_it_is_accepted_and_grows_beyond(
        self, database: str, tmp_path: Path, policy: Policy
    ) -> None:
        rules = policy({"max_increase": "10%", "against": "anchor"})
        # Steps of 3 %, as near as channels allow.
        widths = [round(100 * 1.03**step) for step in range(40)]
        found: list[Finding] = []
        for number, width in enumerate(widths, 1):
            ingest_widths([width], tmp_path, database, start=number)
            found.append(only(api.check("detector", policy=rules, database=database).findings))
        # 100, 103, 106, 109, 113: over 10 % with the fifth.
        assert [one.verdict for one in found] == ["not-judged", *["ok"] * 3, *["regression"] * 36]
        assert [one.is_new for one in found] == [*[None] * 4, True, *[False] * 35]
        assert found[-1].baseline == "anchor v1"

        (accepted,) = api.accept(
            "detector@v40", reason="a wider one", policy=rules, database=database
        ).acceptances
        assert (accepted.metric, accepted.value) == ("macs", widths[-1] * PER_CHANNEL)
        quiet = only(api.check("detector", policy=rules, database=database).findings)
        assert (quiet.verdict, quiet.baseline) == ("ok", "anchor v40")

        # 317 channels were accepted: 348 are 9.8 % more, 349 are 10.1 %.
        assert widths[-1] == 317
        ingest_widths([348, 349], tmp_path, database, start=41)
        allowed = only(api.check("detector@v41", policy=rules, database=database).findings)
        beyond = only(api.check("detector", policy=rules, database=database).findings)
        assert (allowed.verdict, beyond.verdict, beyond.is_new) == ("ok", "regression", True)
        assert beyond.limit == widths[-1] * PER_CHANNEL * 110 // 100

    def test_from_zero_there_is_no_percentage(
        self, database: str, tmp_path: Path, policy: Policy, ingest: Ingest
    ) -> None:
        path = onnx_models.save_relu(tmp_path / "relu.onnx", (1, 3, 16, 16))
        ingest_file(path, database, model="detector", tag="v1")
        ingest("v2", width=16, blocks=2)
        finding = only(api.check("detector", policy=policy({}), database=database).findings)
        assert (finding.old, finding.new, finding.limit) == (0, detector_macs(), 0)
        assert finding.verdict == "regression"
        assert f"new (0 -> {detector_macs():,})" in finding.reason

    def test_a_change_of_two_macs_in_four_billions_is_said_exactly(
        self, database: str, tmp_path: Path, policy: Policy
    ) -> None:
        def save(tag: str, *, extra: bool) -> None:
            nodes = [onnx_models.node("Conv", ["x", "w"], ["y"], name="conv")]
            inputs = [onnx_models.value("x", (1, 10, 6403, 6403))]
            stored, outputs = [onnx_models.weight("w", (10, 10, 1, 1))], ["y"]
            if extra:
                nodes.append(onnx_models.node("MatMul", ["z", "v"], ["u"], name="extra"))
                inputs.append(onnx_models.value("z", (1, 2)))
                stored.append(onnx_models.weight("v", (2, 1)))
                outputs.append("u")
            path = onnx_models.save(tmp_path / "large.onnx", nodes, inputs, outputs, stored)
            ingest_file(path, database, model="large", tag=tag)

        save("v1", extra=False)
        save("v2", extra=True)
        finding = only(api.check("large", policy=policy({}), database=database).findings)
        # 6403 * 6403 pixels of 10 times 10 weights, and a dot product of length 2.
        assert (finding.old, finding.new) == (4_099_840_900, 4_099_840_902)
        assert finding.verdict == "regression"
        assert "macs +2 (4,099,840,900 -> 4,099,840,902)" in finding.reason
        assert [(part.scope, part.change) for part in finding.attribution] == [("extra", 2)]


@pytest.mark.slow
class TestFrameworks:
    """Networks as PyTorch and Keras export them."""

    def test_a_deeper_resnet(self, database: str, tmp_path: Path) -> None:
        # The ledger's figures, equal to torchvision's to its printed digits.
        macs = {"resnet18": 1_814_073_344, "resnet34": 3_663_761_408}
        for tag in macs:
            file = networks.export(
                networks.build(f"torchvision:{tag}"), [(1, 3, 224, 224)], "pt2", tmp_path
            )
            ingest_file(file, database, model="resnet", tag=tag)
        finding = api.check("resnet", database=database).findings[0]
        assert (finding.old, finding.new) == tuple(macs.values())
        assert (finding.verdict, finding.baseline) == ("regression", "previous resnet18")
        assert sum(part.change for part in finding.attribution) == 3_663_761_408 - 1_814_073_344
        # ResNet-34 has a block more in each stage, and more of them in the deeper ones.
        assert {part.scope.partition("/")[0] for part in finding.attribution} == {
            "layer1", "layer2", "layer3", "layer4",
        }  # fmt: skip

    def test_a_larger_picture(self, database: str, tmp_path: Path, policy: Policy) -> None:
        # All but the classifier grows with the pixels, (160 / 224) ** 2 = 25 / 49.
        for size in (160, 224):
            keras = tensorflow_models.keras()
            keras.utils.clear_session()
            network = keras.applications.MobileNetV2(weights=None, input_shape=(size, size, 3))
            file = tensorflow_models.freeze(network, tmp_path / "m.pb", (1, size, size, 3))
            ingest_file(file, database, model="mobilenet", tag=f"v{size}")
        finding = only(api.check("mobilenet", policy=policy({}), database=database).findings)
        # The published figure; 1280 features times 1000 classes do not depend on the picture.
        assert finding.new == 300_774_272
        assert finding.old is not None
        assert (finding.old - 1_280_000) * 49 == (300_774_272 - 1_280_000) * 25
        assert "is 1x224x224x3, was 1x160x160x3" in finding.reason


class TestNotJudged:
    def test_no_baseline(self, database: str, ingest: Ingest) -> None:
        ingest("v1")
        checked = api.check("detector", database=database)
        assert {(one.verdict, one.reason) for one in checked.findings} == {
            ("not-judged", "no earlier version on branch main")
        }
        assert (checked.verdict, checked.lacks_baseline) == ("not-judged", True)

    def test_other_rules(self, database: str, ingest: Ingest) -> None:
        for tag, width in (("v1", 16), ("v2", 17), ("v3", 18)):
            ingest(tag, width=width)
        recount(database, "v1", rules=RULES + 7)
        found = api.check("detector", database=database).findings
        reasons = {one.baseline.split(" ")[0]: one.reason for one in found if one.metric == "macs"}
        assert reasons["anchor"] == (
            f"anchor v1: detector@v1 was costed under rules {RULES + 7}, not under {RULES}:"
            " costdb recost"
        )
        assert "previous v2" in reasons["previous"]

    def test_a_version_under_other_rules_itself(self, database: str, ingest: Ingest) -> None:
        ingest("v1")
        ingest("v2", width=17)
        recount(database, "v2", rules=RULES + 7)
        for checked in (
            api.check("detector", database=database), api.check(all_models=True, database=database)
        ):  # fmt: skip
            assert checked.verdict == "not-judged"
            assert f"costed under rules {RULES + 7}" in checked.findings[0].reason

    def test_operators_that_no_rule_counts(
        self, database: str, ingest: Ingest, policy: Policy
    ) -> None:
        rules = policy({}, {"metric": "params"}, {"new_unknown_ops": True})
        ingest("v1", head="Relu")
        ingest("v2", head="own:Mystery")
        found = api.check("detector", policy=rules, database=database).findings
        assert said(found) == [
            ("macs", "previous v1", "not-judged"),
            ("params", "previous v1", "ok"),
            ("unknown_ops", "previous v1", "regression"),
        ]
        assert found[0].reason == "v2 is a lower bound without own:Mystery x1"
        assert found[2].reason.endswith("against previous v1: own:Mystery x1")
        ingest("v3", head="own:Mystery")
        again = api.check("detector", policy=rules, database=database).findings
        assert [one.verdict for one in again] == ["ok"] * 3

    def test_totals_alone_say_nothing_where_operators_are_not_counted(
        self, database: str, ingest: Ingest, policy: Policy
    ) -> None:
        found = []
        for tag, head in (
            ("v1", "Relu"), ("v2", "own:Mystery"), ("v3", "own:Mystery"), ("v4", "Relu"),
        ):  # fmt: skip
            ingest(tag, head=head)
            found.append(only(api.check("detector", policy=policy({}), database=database).findings))
        assert [(one.verdict, one.reason.partition(";")[0]) for one in found[1:]] == [
            ("not-judged", "v2 is a lower bound without own:Mystery x1"),
            ("ok", f"macs unchanged at {detector_macs():,} against previous v2"),
            ("not-judged", "previous v3 is a lower bound without own:Mystery x1"),
        ]
        budget = policy({"budget": "1 G"})
        for tag, verdict in (("v3", "not-judged"), ("v4", "ok")):
            judged = api.check(f"detector@{tag}", policy=budget, database=database).findings
            assert only(judged).verdict == verdict

    def test_a_removed_part(self, database: str, ingest: Ingest, policy: Policy) -> None:
        rules = policy({"scope": "layer:block2*"})
        ingest("v1", blocks=2)
        ingest("v2", blocks=1)
        finding = only(api.check("detector", policy=rules, database=database).findings)
        assert (finding.verdict, finding.reason) == (
            "not-judged",
            "removed: layer:block2* is in previous v1, and no layer of v2 is",
        )

    def test_removed_models_and_models_without_a_version_on_the_branch(
        self, database: str, ingest: Ingest
    ) -> None:
        for model in ("archived", "dev-only", "fine"):
            for tag in ("v1", "v2"):
                ingest(tag, model=model, branch="dev" if model == "dev-only" else "main")
        with open_store(database) as store, write_transaction(store.engine) as connection:
            (model_id,) = connection.execute(
                schema.model.select().with_only_columns(schema.model.c.id).where(
                    schema.model.c.slug == "archived"
                )
            ).one()  # fmt: skip
            connection.execute(
                update(schema.version)
                .where(schema.version.c.model_id == model_id)
                .values(archived_at=schema.version.c.created_at)
            )
        checked = api.check(all_models=True, database=database)
        found = {
            (one.model, one.verdict, one.reason)
            for one in checked.findings
            if one.metric == "macs" and one.baseline.startswith("previous")
        }
        assert found == {
            ("archived", "not-judged", "every version of archived is archived"),
            ("dev-only", "not-judged", "dev-only has no version on branch main"),
            ("fine", "ok", f"macs unchanged at {detector_macs():,} against previous v1"),
        }

    def test_a_model_on_another_branch(self, database: str, ingest: Ingest) -> None:
        ingest("v1", branch="dev")
        with pytest.raises(NotInDatabase, match="no version on branch 'main'") as caught:
            api.check("detector", database=database)
        assert caught.value.hint == "add --branch dev"
        ingest("v2", width=32, branch="dev")
        ingest("v3", width=18)
        found = api.check("detector", branch="dev", database=database).findings
        assert {(one.tag, one.verdict) for one in found} == {("v2", "regression")}

    def test_the_latest_of_another_branch_is_judged_whatever_its_points(
        self, database: str, ingest: Ingest
    ) -> None:
        ingest("v1")
        ingest("v2", branch="dev")
        with open_store(database) as store:
            made = [analysis(point="b32")]
            write.ingest(store.engine, made, model="detector", tag="v3", branch="dev", now=NOW)
        found = api.check("detector", branch="dev", database=database).findings
        assert {(one.tag, one.point) for one in found} == {("v3", "b32")}

    def test_a_point_that_no_version_has(self, database: str, ingest: Ingest) -> None:
        ingest("v1")
        with pytest.raises(NotInDatabase, match="no operating point 'b32'"):
            api.check("detector", point="b32", database=database)
        found = api.check(all_models=True, point="b32", database=database).findings
        assert {one.reason.partition(":")[0] for one in found} == {
            "detector@v1 has no operating point 'b32'"
        }

    def test_explicit_baselines_that_cannot_be(self, database: str, ingest: Ingest) -> None:
        ingest("v1")
        with pytest.raises(NotInDatabase, match="no version 'v9'"):
            api.check("detector", against="detector@v9", database=database)


def recount(database: str, tag: str, *, rules: int) -> None:
    """Let a version have been counted under other rules."""
    with open_store(database) as store, write_transaction(store.engine) as connection:
        cost, analysis, version = schema.cost, schema.analysis, schema.version
        structures = (
            analysis.select()
            .with_only_columns(analysis.c.structure_id)
            .join(version, version.c.id == analysis.c.version_id)
            .where(version.c.tag == tag)
        )
        connection.execute(
            update(cost).where(cost.c.structure_id.in_(structures)).values(rules=rules)
        )


class TestBaselines:
    def test_every_kind(self, database: str, tmp_path: Path, policy: Policy) -> None:
        ingest_widths([20, 16, 18, 21], tmp_path, database)
        api.set_alias("detector@v3", "prod", database=database)
        rules = policy(
            *({"against": against} for against in ("previous", "anchor", "best")),
            {"against": "tag:v2"}, {"against": "alias:prod"}, {"against": "alias:beta"},
        )  # fmt: skip
        found = api.check("detector", policy=rules, database=database).findings
        assert [(one.baseline, one.old) for one in found] == [
            ("previous v3", 18 * PER_CHANNEL),
            ("anchor v1", 20 * PER_CHANNEL),
            ("best v2", 16 * PER_CHANNEL),
            ("tag v2", 16 * PER_CHANNEL),
            ("alias prod v3", 18 * PER_CHANNEL),
            ("alias beta", None),
        ]
        assert found[-1].reason == "the model 'detector' has no version 'beta'"

    def test_the_best_of_a_part_is_the_best_in_that_part(
        self, ingest: Ingest, database: str, policy: Policy
    ) -> None:
        # The stem costs 27 MACs a channel and pixel: it is cheapest where the whole is not.
        ingest("v1", width=8, blocks=6)
        ingest("v2", width=16, blocks=1)
        ingest("v3", width=8, blocks=5)
        ingest("v4", width=17, blocks=1)
        assert detector_macs(width=8, blocks=5) > detector_macs(width=16, blocks=1)
        rules = policy({"against": "best"}, {"against": "best", "scope": "layer:stem*"})
        whole, stem = api.check("detector", policy=rules, database=database).findings
        assert (whole.baseline, whole.old) == ("best v2", detector_macs(width=16, blocks=1))
        # Of equals, the latest.
        assert (stem.baseline, stem.old) == ("best v3", 256 * 27 * 8)

    def test_a_part_that_earlier_versions_lack_has_no_best(
        self, ingest: Ingest, database: str, policy: Policy
    ) -> None:
        ingest("v1", blocks=0)
        ingest("v2", blocks=1)
        rules = policy({"against": "best", "scope": "layer:block1*"})
        finding = only(api.check("detector", policy=rules, database=database).findings)
        assert finding.reason == "no earlier version on branch main"

    def test_rules_of_a_part_name_its_layers(
        self, ingest: Ingest, database: str, policy: Policy
    ) -> None:
        ingest("v1", blocks=1)
        ingest("v2", blocks=2)
        rules = policy({"scope": "layer:stem*"}, {"scope": "op:Conv"}, {"scope": "layer:block*"})
        stem, convs, blocks = api.check("detector", policy=rules, database=database).findings
        assert [one.verdict for one in (stem, convs, blocks)] == ["ok", "regression", "regression"]
        added = 256 * 9 * 16 * 16
        assert [(part.scope, part.change) for part in blocks.attribution] == [("block2", added)]
        assert convs.new == detector_macs(blocks=2)

    def test_budgets_and_types(self, ingest: Ingest, database: str, policy: Policy) -> None:
        rules = policy(
            {"metric": "weight_bytes", "budget": "10 kB", "severity": "warn"},
            {"dtype_changed": True},
        )
        ingest("v1", width=8)
        ingest("v2", width=8, dtype="float16")
        budget, dtype = api.check("detector", policy=rules, database=database).findings
        # 8 * 27 + 2 * 8 * 8 * 9 weights of two bytes.
        assert (budget.verdict, budget.new) == ("ok", 2 * (216 + 1152))
        assert dtype.verdict == "regression"
        # Three convolutions with an activation each, and the head.
        assert "float32 -> float16 in 7 layers, the first stem/conv" in dtype.reason

    def test_another_size_of_the_input_is_said(
        self, ingest: Ingest, database: str, policy: Policy
    ) -> None:
        ingest("v1", size=16)
        ingest("v2", size=32)
        finding = only(api.check("detector", policy=policy({}), database=database).findings)
        assert finding.reason.endswith("; input x is 1x3x32x32, was 1x3x16x16")

    def test_files_that_are_not_ingested(
        self, ingest: Ingest, database: str, policy: Policy, tmp_path: Path
    ) -> None:
        ingest("v1", width=16)
        ingest("v2", width=20)
        api.set_alias("detector@v1", "prod", database=database)
        new = str(save_detector(tmp_path / "new.onnx", width=18))
        rules = policy({}, {"against": "best"}, {"budget": "1 G"})

        def check(**options: Any) -> list[tuple[str, str, str]]:
            return said(api.check(new, policy=rules, database=database, **options).findings)

        assert check(model="detector") == [
            ("macs", "previous v2", "improved"), ("macs", "best v1", "regression"),
            ("macs", "", "ok"),
        ]  # fmt: skip
        assert check(model="detector", against="detector@prod") == [
            ("macs", "detector@v1", "regression"), ("macs", "", "ok"),
        ]  # fmt: skip
        assert check() == [
            ("macs", "previous", "not-judged"), ("macs", "best", "not-judged"), ("macs", "", "ok"),
        ]  # fmt: skip
        assert list_runs(database, "detector") == []

    def test_a_file_on_a_branch_that_is_new_still_has_an_alias_to_be_compared_with(
        self, ingest: Ingest, database: str, policy: Policy, tmp_path: Path
    ) -> None:
        ingest("v1")
        api.set_alias("detector", "prod", database=database)
        new = str(save_detector(tmp_path / "new.onnx"))
        rules = policy({}, {"against": "alias:prod"})
        found = api.check(
            new, model="detector", branch="feature", policy=rules, database=database
        ).findings
        assert said(found) == [
            ("macs", "previous", "not-judged"), ("macs", "alias prod v1", "ok"),
        ]  # fmt: skip
        assert found[0].reason == "detector has no version on branch feature"


def accept_in_file(folder: Path, *, width: int, tag: str = "", rules: int = RULES) -> None:
    """Write the reviewed file: a detector without blocks may be so wide."""
    (folder / FILE_NAME).write_text(
        f'[[accepted]]\nmodel = "detector"\nmetric = "macs"\nvalue = {width * PER_CHANNEL}\n'
        f'rules = {rules}\nreason = "r"\naccepted_at = 2026-11-24T00:00:00Z\n'
        + (f'tag = "{tag}"\n' if tag else "")
    )


def list_runs(
    database: str, subject: str, baseline: str = "branch main"
) -> list[list[bool | None]]:
    """Whether the findings of each run were new, the last run first."""
    with open_store(database) as store:
        found = list(runs(store.engine, subject, baseline))
    return [[one.is_new for one in run.findings] for run in found]


class TestRuns:
    def test_a_check_of_versions_is_kept(
        self, database: str, tmp_path: Path, policy: Policy
    ) -> None:
        rules = policy({})
        ingest_widths([16, 17], tmp_path, database)
        for expected in (True, False):
            finding = only(api.check("detector", policy=rules, database=database).findings)
            assert finding.is_new is expected
        assert list_runs(database, "detector") == [[False], [True]]
        unsaved = api.check("detector", policy=rules, save=False, database=database)
        assert only(unsaved.findings).is_new is False
        assert len(list_runs(database, "detector")) == 2

    def test_one_model_and_all_of_them_are_one_series(
        self, database: str, tmp_path: Path, policy: Policy
    ) -> None:
        rules = policy({})
        ingest_widths([16, 17], tmp_path, database)
        ingest_widths([16, 16], tmp_path, database, model="speech")
        first = api.check(all_models=True, policy=rules, database=database)
        assert [one.is_new for one in first.findings] == [True, None]
        assert only(api.check("detector", policy=rules, database=database).findings).is_new is False
        assert list_runs(database, "speech") == [[None]]

    def test_a_look_at_an_old_version_makes_nothing_new(
        self, database: str, tmp_path: Path, policy: Policy
    ) -> None:
        rules = policy({"against": "anchor"})
        ingest_widths([16, 17, 16], tmp_path, database)
        ingest_widths([17], tmp_path, database, start=4)
        api.check("detector", policy=rules, database=database)
        assert (
            only(api.check("detector@v3", policy=rules, database=database).findings).is_new is None
        )
        again = only(api.check("detector", policy=rules, database=database).findings)
        assert (again.verdict, again.is_new) == ("regression", False)

    def test_mended_and_broken_again_is_new(
        self, database: str, tmp_path: Path, policy: Policy
    ) -> None:
        rules, news = policy({"against": "anchor"}), []
        for number, width in enumerate([16, 17, 17, 16, 18], 1):
            ingest_widths([width], tmp_path, database, start=number)
            found = api.check("detector", policy=rules, database=database).findings
            news.append(only(found).is_new)
        assert news == [None, True, False, None, True]

    def test_explicit_baselines_have_runs_of_their_own(
        self, database: str, tmp_path: Path, policy: Policy
    ) -> None:
        rules = policy({})
        ingest_widths([16, 17], tmp_path, database)
        options: dict[str, Any] = {"policy": rules, "database": database}
        api.check("detector", **options)
        found = only(api.check("detector", against="detector@v1", **options).findings)
        assert (found.baseline, found.is_new) == ("detector@v1", True)
        assert list_runs(database, "detector", "detector@v1") == [[True]]


class TestAcceptances:
    def test_all_findings_of_a_version(self, database: str, tmp_path: Path, policy: Policy) -> None:
        rules = policy({}, {"against": "anchor"}, {"metric": "params"}, {"metric": "layers"})
        ingest_widths([16, 20], tmp_path, database)
        done = api.accept("detector", reason="wider", author="ada", policy=rules, database=database)
        assert [(one.metric, one.value, one.author) for one in done.acceptances] == [
            ("macs", 20 * PER_CHANNEL, "ada"), ("params", 20 * 27, "ada"),
        ]  # fmt: skip
        found = api.check("detector", policy=rules, database=database).findings
        assert {one.verdict for one in found} == {"ok"}
        assert "accepted up to 138,240" in found[0].reason
        nothing = api.accept("detector", reason="again", policy=rules, database=database)
        assert nothing.acceptances == ()

    def test_whatever_the_baseline_up_to_the_value(
        self, database: str, tmp_path: Path, policy: Policy
    ) -> None:
        rules = policy({}, {"against": "tag:v1"}, {"budget": 17 * PER_CHANNEL})
        ingest_widths([16, 20, 20, 21], tmp_path, database)
        api.accept("detector@v2", metrics=["macs"], reason="wider", database=database)
        same, more = (
            api.check(version, policy=rules, database=database).findings
            for version in ("detector@v3", "detector@v4")
        )
        assert [one.verdict for one in same] == ["ok"] * 3
        assert [(one.verdict, one.limit) for one in more] == [("regression", 20 * PER_CHANNEL)] * 3

    def test_a_part_and_a_structural_rule(
        self, ingest: Ingest, database: str, policy: Policy
    ) -> None:
        rules = policy({"scope": "layer:stem*"}, {"scope": "op:Conv"}, {"dtype_changed": True})
        ingest("v1")
        ingest("v2", width=20, dtype="float16")
        broken = api.check("detector", policy=rules, database=database).findings
        assert {one.verdict for one in broken} == {"regression"}
        part = api.accept("detector", scope="op:Conv", reason="r", policy=rules, database=database)
        assert [(one.metric, one.scope) for one in part.acceptances] == [("macs", "op:Conv")]
        rest = api.accept("detector", reason="r", policy=rules, database=database)
        assert [(one.metric, one.scope, one.value) for one in rest.acceptances] == [
            ("macs", "layer:stem*", 256 * 27 * 20), ("dtype", "total", None),
        ]  # fmt: skip
        found = api.check("detector", policy=rules, database=database).findings
        assert {one.verdict for one in found} == {"ok"}
        assert found[2].reason.endswith("accepted with v2")

    def test_an_acceptance_ends(self, database: str, tmp_path: Path, policy: Policy) -> None:
        rules = policy({})
        ingest_widths([16, 20], tmp_path, database)

        def verdict() -> str:
            return only(api.check("detector", policy=rules, database=database).findings).verdict

        (made,) = api.accept("detector", reason="r", policy=rules, database=database).acceptances
        assert made.id is not None
        assert verdict() == "ok"
        api.revoke(made.id, database=database)
        assert verdict() == "regression"
        assert [state.value for _, state in api.accepted(database=database)] == ["revoked"]

    def test_an_acceptance_counted_by_other_rules_is_counted_again(
        self, database: str, tmp_path: Path, policy: Policy
    ) -> None:
        ingest_widths([16, 20], tmp_path, database)
        api.accept("detector", metrics=["macs"], reason="r", database=database)
        with open_store(database) as store, write_transaction(store.engine) as connection:
            connection.execute(update(schema.acceptance).values(rules=RULES - 1, value=3))
        found = api.check("detector", policy=policy({}), database=database).findings
        assert "accepted up to 138,240" in only(found).reason

    def test_the_reviewed_file_counts_as_the_database_does(
        self, database: str, tmp_path: Path, policy: Policy
    ) -> None:
        rules = policy({}, {"against": "anchor"})
        ingest_widths([16, 20], tmp_path, database)
        done = api.accept("detector", reason="wider", policy=rules, in_file=True, database=database)
        assert done.file == Path(FILE_NAME)
        found = api.check("detector", policy=rules, database=database).findings
        assert [(one.baseline, one.verdict) for one in found] == [
            ("previous v1", "ok"), ("anchor v2", "ok"),
        ]  # fmt: skip
        ((one, state),) = api.accepted(database=database)
        assert (one.file, state.value, one.id) == (FILE_NAME, "in force", None)
        with open_store(database) as store, write_transaction(store.engine) as connection:
            assert connection.execute(schema.acceptance.select()).all() == []

    def test_a_version_that_the_database_does_not_have(
        self, database: str, tmp_path: Path, policy: Policy
    ) -> None:
        rules = policy({}, {"against": "anchor"})
        ingest_widths([16, 20], tmp_path, database)

        def verdicts() -> list[tuple[str, str, str]]:
            return said(api.check("detector", policy=rules, database=database).findings)

        accept_in_file(tmp_path, tag="v9", width=20)
        assert verdicts() == [("macs", "previous v1", "ok"), ("macs", "anchor v1", "ok")]
        # What other rules counted says nothing without the version.
        accept_in_file(tmp_path, tag="v9", width=20, rules=RULES + 1)
        assert verdicts() == [
            ("macs", "previous v1", "regression"), ("macs", "anchor v1", "regression"),
        ]  # fmt: skip

    def test_a_value_without_a_version(self, database: str, tmp_path: Path, policy: Policy) -> None:
        rules = policy({}, {"against": "anchor"})
        ingest_widths([16, 20], tmp_path, database)
        accept_in_file(tmp_path, width=20)
        found = api.check("detector", policy=rules, database=database).findings
        assert said(found) == [("macs", "previous v1", "ok"), ("macs", "anchor v1", "ok")]

    def test_creep_is_not_measured_from_what_took_the_place_of_an_accepted_version(
        self, database: str, tmp_path: Path, policy: Policy
    ) -> None:
        rules = policy({"against": "anchor"})
        ingest_widths([16, 20], tmp_path, database)
        api.accept("detector@v2", metrics=["macs"], reason="wider", database=database)
        file = save_detector(tmp_path / "detector.onnx", width=30, blocks=0)
        api.ingest(str(file), model="detector", tag="v2", replace=True, database=database)
        ingest_widths([30], tmp_path, database, start=3)
        found = only(api.check("detector", policy=rules, database=database).findings)
        assert (found.verdict, found.baseline) == ("regression", "anchor v1")
        assert found.limit == 20 * PER_CHANNEL

    def test_creep_is_not_measured_from_an_archived_version(
        self, database: str, tmp_path: Path, policy: Policy
    ) -> None:
        rules = policy({"against": "anchor"})
        ingest_widths([16, 20, 20], tmp_path, database)
        accept_in_file(tmp_path, tag="v2", width=20)
        for archived, anchor in ((False, "anchor v2"), (True, "anchor v1")):
            if archived:
                maintenance.archive("detector@v2", database=database)
            found = api.check("detector", policy=rules, database=database).findings
            assert said(found) == [("macs", anchor, "ok")]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            pytest.param({"metrics": ["mac"]}, "no metric 'mac'", id="a metric"),
            pytest.param({"scope": "stem"}, "no part of a model is called 'stem'", id="a scope"),
            pytest.param({"reason": " "}, "the reason is empty", id="no reason"),
            pytest.param(
                {"metrics": ["peak_memory_bytes"], "scope": "op:Conv"},
                "peak_memory_bytes is the whole model's", id="the peak of a part",
            ),
            pytest.param(
                {"metrics": ["macs"], "scope": "op:Gemm"}, "no layer of detector@v1 is in op:Gemm",
                id="a part that is not there",
            ),
        ],
    )  # fmt: skip
    def test_what_cannot_be_accepted(
        self, database: str, tmp_path: Path, options: dict[str, Any], message: str
    ) -> None:
        ingest_widths([16], tmp_path, database)
        with pytest.raises(UsageError) as caught:
            api.accept("detector", database=database, **{"reason": "r"} | options)
        assert message in caught.value.message
        assert api.accepted(database=database) == []

    @pytest.mark.parametrize("metrics", [[], ["macs"]])
    def test_a_point_that_is_not_there(
        self, database: str, tmp_path: Path, metrics: list[str]
    ) -> None:
        ingest_widths([16], tmp_path, database)
        with pytest.raises(NotInDatabase, match="'b32'"):
            api.accept("detector", reason="r", metrics=metrics, point="b32", database=database)

    def test_a_version_that_other_rules_counted(self, database: str, tmp_path: Path) -> None:
        ingest_widths([16], tmp_path, database)
        recount(database, "v1", rules=RULES + 7)
        with pytest.raises(StoreError, match="costdb recost"):
            api.accept("detector", reason="r", metrics=["macs"], database=database)

    def test_an_archived_version_is_not_accepted(self, database: str, tmp_path: Path) -> None:
        ingest_widths([16], tmp_path, database)
        with open_store(database) as store, write_transaction(store.engine) as connection:
            connection.execute(
                update(schema.version).values(archived_at=schema.version.c.created_at)
            )
        with pytest.raises(UsageError, match="is archived"):
            api.accept("detector@v1", reason="r", database=database)


class TestReplay:
    def test_it_says_what_a_policy_would_have_said_then(
        self, database: str, tmp_path: Path, policy: Policy
    ) -> None:
        rules = policy({"max_increase": "10%", "against": "anchor"}, {"against": "tag:v3"})
        ingest_widths([16, 17, 18, 18, 16], tmp_path, database)
        replayed = api.replay("detector", policy=rules, database=database)
        # 18 is 12.5 % more than 16.
        assert [
            (one.tag, [(found.verdict, found.is_new) for found in one.findings])
            for one in replayed.versions
        ] == [
            ("v1", [("not-judged", None), ("not-judged", None)]),
            ("v2", [("ok", None), ("not-judged", None)]),
            ("v3", [("regression", True), ("not-judged", None)]),
            ("v4", [("regression", False), ("ok", None)]),
            ("v5", [("ok", None), ("improved", None)]),
        ]
        assert replayed.versions[2].findings[1].reason == "tag v3 came later"
        assert replayed.versions[2].verdict == "regression"
        assert list_runs(database, "detector") == []

    def test_acceptances_count_from_the_version_on(
        self, database: str, tmp_path: Path, policy: Policy
    ) -> None:
        rules = policy({"against": "anchor"})
        ingest_widths([16, 17, 17, 18], tmp_path, database)
        api.accept("detector@v3", metrics=["macs"], reason="r", database=database)

        def fired(**options: Any) -> list[str]:
            replayed = api.replay("detector", policy=rules, database=database, **options)
            return [one.tag for one in replayed.versions if one.verdict == "regression"]

        assert fired() == ["v2", "v3", "v4"]
        assert fired(with_acceptances=True) == ["v2", "v4"]

    @pytest.mark.parametrize(
        ("accepted", "regressions"),
        [
            pytest.param("d3", ["v2"], id="on another branch"),
            pytest.param("v9", [], id="not in the database"),
            pytest.param("archived", ["v2", "v4"], id="archived"),
        ],
    )
    def test_what_was_accepted_counts_as_it_does_in_a_check(
        self,
        database: str,
        ingest: Ingest,
        tmp_path: Path,
        policy: Policy,
        *,
        accepted: str,
        regressions: list[str],
    ) -> None:
        rules = policy({"against": "anchor"}, {})
        for tag, width, branch in (
            ("v1", 16, "main"), ("v2", 17, "main"), ("d3", 20, "dev"), ("v4", 18, "main"),
            ("archived", 20, "main"), ("v6", 19, "main"),
        ):  # fmt: skip
            ingest(tag, width=width, blocks=0, branch=branch)
        maintenance.archive("detector@archived", database=database)
        accept_in_file(tmp_path, tag=accepted, width=20)
        replayed = api.replay(
            "detector", policy=rules, with_acceptances=True, database=database
        ).versions
        assert [one.tag for one in replayed if one.verdict == "regression"] == regressions
        checked = api.check("detector", policy=rules, database=database)
        assert said(replayed[-1].findings) == said(checked.findings)
        assert checked.verdict == "ok"

    @pytest.mark.parametrize(("point", "expected"), [(None, {"default", "b32"}), ("b32", {"b32"})])
    def test_points(self, database: str, point: str | None, expected: set[str]) -> None:
        with open_store(database) as store:
            made = [analysis(point=name) for name in ("default", "b32")]
            write.ingest(store.engine, made, model="detector", tag="v1", now=NOW)
        (version,) = api.replay("detector", point=point, database=database).versions
        assert {one.point for one in version.findings} == expected

    def test_what_is_not_there(self, database: str, tmp_path: Path) -> None:
        ingest_widths([16], tmp_path, database)
        with pytest.raises(NotInDatabase, match="no model 'detectr'"):
            api.replay("detectr", database=database)
        with pytest.raises(NotInDatabase, match="has an operating point 'defalt'") as caught:
            api.replay("detector", point="defalt", database=database)
        assert caught.value.hint == "did you mean 'default'?"
        with pytest.raises(NotInDatabase, match="no version on branch 'dev'"):
            api.replay("detector", branch="dev", database=database)


@contextmanager
def statements() -> Iterator[list[str]]:
    """Every statement that is run meanwhile, on any database."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def test_all_models_take_as_many_statements_as_a_few(database: str, tmp_path: Path) -> None:
    counted = []
    for number in range(6):
        for tag in ("v1", "v2"):
            ingest_widths([16], tmp_path, database, model=f"m{number}", start=int(tag[1]))
        with statements() as seen:
            assert api.check(all_models=True, database=database).verdict == "ok"
        assert not any("layer_cost" in statement for statement in seen)
        counted.append(len(seen))
    assert len(set(counted)) == 1


def test_layers_are_read_for_what_has_changed_alone(database: str, tmp_path: Path) -> None:
    for model, widths in {"a": [16, 16], "b": [16, 17], "c": [16, 16]}.items():
        ingest_widths(widths, tmp_path, database, model=model)
    with statements() as seen:
        assert api.check(all_models=True, database=database).verdict == "regression"
    # The version and its baseline, which is the previous one as well as the first.
    assert sum("FROM layer_cost" in statement for statement in seen) == 2


@pytest.mark.parametrize(
    ("widths", "graphs"),
    [
        pytest.param([16, 18, 20], 3, id="both-baselines"),
        pytest.param([16, 20, 20], 2, id="only-the-anchor-differs"),
        pytest.param([16, 16, 20], 2, id="both-are-one-structure"),
    ],
)
def test_each_graph_is_read_once_and_only_where_a_total_has_changed(
    database: str, tmp_path: Path, widths: list[int], graphs: int
) -> None:
    ingest_widths(widths, tmp_path, database)
    with statements() as seen:
        findings = api.check("detector", database=database).findings
    worse = {one.baseline for one in findings if one.verdict == "regression"}
    assert worse == ({"anchor v1"} if widths[1] == widths[2] else {"anchor v1", "previous v2"})
    assert sum("FROM layer_cost" in statement for statement in seen) == graphs


def test_the_best_of_a_part_takes_two_statements_a_graph_and_the_rest_at_once(
    database: str, tmp_path: Path, policy: Policy
) -> None:
    rules = policy({"against": "best", "scope": "layer:stem*"})
    counted = []
    for tag in range(1, 7):
        ingest_widths([16 + tag], tmp_path, database, start=tag)
        with statements() as seen:
            api.check("detector", policy=rules, database=database, save=False)
        counted.append(sum(statement.startswith("SELECT") for statement in seen))
    # Its structure and the rows of its layers; nothing twice.
    assert [later - earlier for earlier, later in pairwise(counted[2:])] == [2, 2, 2]


def test_a_database_that_cannot_be_written_is_read_all_the_same(
    postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: Policy
) -> None:
    monkeypatch.chdir(tmp_path)
    api.upgrade_database(database=postgresql_url)
    ingest_widths([16, 17], tmp_path, postgresql_url)
    name = make_url(postgresql_url).database
    with open_store(postgresql_url) as store, write_transaction(store.engine) as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    checked = api.check("detector", policy=policy({}), database=postgresql_url)
    assert checked.verdict == "regression"
    (note,) = checked.warnings
    assert note.startswith("what was found is not kept: the database ")
    assert "is read-only" in note
    quiet = api.check("detector", policy=policy({}), save=False, database=postgresql_url)
    assert (quiet.verdict, quiet.warnings) == ("regression", ())
