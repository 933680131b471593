"""The ready jobs in `config/`: what they run is run, and their readers take their files."""

import configparser
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from builders import onnx_models
from builders.command_line import runner
from builders.webhook import Hook, listening
from cronsim import CronSim

CONFIG = Path(__file__).parents[1] / "config"
NIGHTLY, PULL_REQUEST = CONFIG / "nightly", CONFIG / "pull-request"
SCRIPT = NIGHTLY / "nightly.sh"
BINARIES = Path(sys.executable).parent

REPORTS = {"report.html", "junit.xml", "results.sarif", "check.json"}


def sh(command: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a job would, with `costdb` on the path."""
    environment = {key: value for key, value in os.environ.items() if "COSTDB" not in key}
    environment |= {"PATH": f"{BINARIES}:{os.environ['PATH']}", "HOME": str(folder), **variables}
    return subprocess.run(
        ["/bin/sh", "-e", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def worse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database whose model got worse in its latest version."""
    folder = tmp_path_factory.mktemp("worse")
    for tag, channels in (("v1", 4), ("v2", 8)):
        onnx_models.save_conv(folder / "net.onnx", (1, 3, 8, 8), (channels, 3, 3, 3))
        assert runner(folder)("ingest", "net.onnx", "--tag", tag).code == 0
    return folder


@pytest.fixture
def folder(worse: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(worse, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def hook() -> Iterator[Hook]:
    with listening() as found:
        yield found


def workflow(file: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(file.read_text())
    return document


def steps(file: Path) -> list[dict[str, Any]]:
    """The steps of a GitHub workflow's only job."""
    (job,) = workflow(file)["jobs"].values()
    return list(job["steps"])


def step(file: Path, name: str) -> dict[str, Any]:
    return next(step for step in steps(file) if step.get("name") == name)


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # systemd's keys have case
    parser.read(NIGHTLY / name)
    return parser


def cron_line() -> tuple[str, str]:
    """When and what the crontab's only job is."""
    lines = (NIGHTLY / "crontab").read_text().splitlines()
    (line,) = (line for line in lines if re.match(r"[\d*]", line))
    when, command = re.fullmatch(r"((?:\S+ ){5})(.*)", line).groups()  # type: ignore[union-attr]
    return when.strip(), command


def github_command() -> str:
    return str(step(NIGHTLY / "github-actions.yml", "Check every model")["run"])


def gitlab_command() -> str:
    return str(workflow(NIGHTLY / "gitlab-ci.yml")["costs-nightly"]["script"][-1])


def systemd_command() -> str:
    return unit("costdb-nightly.service")["Service"]["ExecStart"]


def container() -> dict[str, Any]:
    document = workflow(NIGHTLY / "kubernetes-cronjob.yaml")
    (found,) = document["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    return dict(found)


def kubernetes_command() -> str:
    return " ".join(container()["command"])


class TestTheScript:
    def test_it_writes_every_report_and_exits_with_3(self, folder: Path, hook: Hook) -> None:
        url = {"COSTDB_URL": "costs.db", "COSTDB_WEBHOOK_URL": hook.url}
        done = sh(f"{SCRIPT} reports", folder, **url)
        assert done.returncode == 3, done.stderr
        assert {path.name for path in (folder / "reports").iterdir()} == REPORTS
        assert json.loads((folder / "reports/check.json").read_text())["verdict"] == "regression"
        assert "net@v2" in done.stdout
        assert len(hook.bodies) == 1

    def test_the_next_night_tells_no_one_and_still_exits_with_3(
        self, folder: Path, hook: Hook
    ) -> None:
        url = {"COSTDB_URL": "costs.db", "COSTDB_WEBHOOK_URL": hook.url}
        codes = [sh(f"{SCRIPT} reports", folder, **url).returncode for _ in range(2)]
        assert codes == [3, 3]
        assert len(hook.bodies) == 1

    def test_without_a_database_it_fails_and_is_not_taken_for_a_regression(
        self, tmp_path: Path
    ) -> None:
        done = sh(f"{SCRIPT} reports", tmp_path, COSTDB_URL="none.db")
        assert done.returncode == 1
        assert "none.db" in done.stderr

    def test_it_is_shipped_to_be_run(self) -> None:
        assert SCRIPT.stat().st_mode & stat.S_IXUSR


class TestWhatTheJobsRun:
    @pytest.mark.parametrize(
        "command",
        [
            pytest.param(github_command(), id="github"),
            pytest.param(gitlab_command(), id="gitlab"),
            pytest.param(cron_line()[1], id="cron"),
            pytest.param(systemd_command(), id="systemd"),
            pytest.param(kubernetes_command(), id="kubernetes"),
        ],
    )
    def test_it_is_the_script(self, command: str, folder: Path) -> None:
        (folder / "ci").mkdir()
        shutil.copy(SCRIPT, folder / "ci")
        (folder / "nightly.env").write_text("COSTDB_URL=costs.db\n")
        # The places where the samples have been installed stand in this folder.
        for there, here in {
            "/opt/costdb/nightly.sh": "ci/nightly.sh",
            "/scripts/nightly.sh": "ci/nightly.sh",
            "/etc/costdb/nightly.env": "./nightly.env",
            "/var/lib/costdb/reports": "costdb-reports",
            "/reports": "costdb-reports",
        }.items():
            command = command.replace(there, here)
        done = sh(
            command, folder, COSTDB_URL="costs.db", GITHUB_STEP_SUMMARY=str(folder / "summary.md")
        )
        assert done.returncode == 3, done.stderr
        assert {path.name for path in (folder / "costdb-reports").iterdir()} == REPORTS
        if "--job-summary" in command:
            assert done.stdout.startswith("::error title=net@v2%3A macs::")
            assert "net&#64;" in (folder / "summary.md").read_text()

    def test_they_run_at_one_time(self) -> None:
        schedule, _ = cron_line()
        midnight = datetime(2026, 3, 5, tzinfo=UTC)
        assert next(CronSim(schedule, midnight)) == midnight.replace(hour=4, minute=17)
        # YAML reads the key `on` as true.
        on: Any = workflow(NIGHTLY / "github-actions.yml")[True]  # type: ignore[index]
        assert on["schedule"] == [{"cron": schedule}]
        assert workflow(NIGHTLY / "kubernetes-cronjob.yaml")["spec"]["schedule"] == schedule
        assert unit("costdb-nightly.timer")["Timer"]["OnCalendar"] == "*-*-* 04:17:00 UTC"

    def test_no_sample_holds_a_secret(self) -> None:
        for file in NIGHTLY.iterdir():
            for value in re.findall(r"COSTDB_WEBHOOK_URL[:=]\s*(\S+)", file.read_text()):
                assert value.startswith(("${{", "...")), file


class TestTheirFiles:
    @pytest.mark.parametrize(
        ("file", "schema"),
        [
            (NIGHTLY / "github-actions.yml", ["vendor.github-workflows"]),
            (PULL_REQUEST / "github-actions.yml", ["vendor.github-workflows"]),
            (
                NIGHTLY / "gitlab-ci.yml",
                ["vendor.gitlab-ci", "--data-transform", "gitlab-ci"],
            ),
        ],
        ids=["github nightly", "github pull request", "gitlab"],
    )
    def test_the_schema_takes_them(self, file: Path, schema: list[str]) -> None:
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", *schema, str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout

    def test_kubernetes_takes_the_cron_job(self) -> None:
        document = workflow(NIGHTLY / "kubernetes-cronjob.yaml")
        version = kubernetes_validate.latest_version()
        kubernetes_validate.validate(document, version, strict=True)
        assert document["spec"]["concurrencyPolicy"] == "Forbid"
        assert document["spec"]["jobTemplate"]["spec"]["backoffLimit"] == 0
        mounts = {mount["mountPath"] for mount in container()["volumeMounts"]}
        assert mounts == {"/scripts", "/reports"}

    def test_the_units_belong_together(self) -> None:
        service, timer = unit("costdb-nightly.service"), unit("costdb-nightly.timer")
        assert service["Service"]["Type"] == "oneshot"
        # What systemd gives to the service is what it writes to.
        state = f"/var/lib/{service['Service']['StateDirectory']}/"
        assert service["Service"]["ExecStart"].split()[1].startswith(state)
        assert timer["Install"]["WantedBy"] == "timers.target"
        assert timer["Timer"]["Persistent"] == "true"

    def test_shellcheck_finds_nothing(self, tmp_path: Path) -> None:
        scripts = [SCRIPT, PULL_REQUEST / "comment.sh"]
        inline = [
            step["run"]
            for file in (NIGHTLY / "github-actions.yml", PULL_REQUEST / "github-actions.yml")
            for step in steps(file)
            if "run" in step
        ]
        for number, text in enumerate([*inline, cron_line()[1], gitlab_command()]):
            script = tmp_path / f"{number}.sh"
            script.write_text(f"#!/bin/sh\n{text}\n")
            scripts.append(script)
        done = subprocess.run(
            [BINARIES / "shellcheck", "--exclude", "SC1091", *scripts],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


class TestThePullRequestSample:
    @pytest.fixture
    def checkout(self, tmp_path: Path) -> Path:
        """A checkout under test, with the base branch beside it; the model got worse."""
        base = tmp_path / "base"
        for folder in (tmp_path / "exports", base / "costs", base / "ci"):
            folder.mkdir(parents=True)
        onnx_models.save_conv(tmp_path / "old.onnx", ("n", 3, 8, 8), (4, 3, 3, 3))
        analysis = runner(tmp_path)("analyze", "old.onnx", "--format", "json")
        (base / "costs/detector.json").write_text(analysis.out)
        (base / "costdb.toml").write_text(
            '[[policy.rules]]\nmetric = "macs"\nmax_increase = "5%"\nagainst = "previous"\n'
        )
        shutil.copy(PULL_REQUEST / "comment.sh", base / "ci")
        onnx_models.save_conv(tmp_path / "exports/detector.onnx", ("n", 3, 8, 8), (8, 3, 3, 3))
        return tmp_path

    def check(self, checkout: Path) -> subprocess.CompletedProcess[str]:
        command = step(PULL_REQUEST / "github-actions.yml", "Check the detector")["run"]
        return sh(command, checkout, GITHUB_STEP_SUMMARY=str(checkout / "summary.md"))

    def test_it_fails_the_job_and_says_why(self, checkout: Path) -> None:
        done = self.check(checkout)
        assert done.returncode == 3, done.stderr
        assert done.stdout.startswith("::error title=detector%3A macs::macs +100.0 %25")
        comment = (checkout / "comment.md").read_text()
        assert comment.endswith("<!-- costdb check detector -->\n")
        assert (checkout / "summary.md").read_text() == comment
        assert "detector costs more" in (checkout / "report.html").read_text().replace("</b>", "")

    def test_a_checkout_does_not_relax_its_own_gate(self, checkout: Path) -> None:
        (checkout / "costdb.toml").write_text(
            '[[policy.rules]]\nmetric = "macs"\nmax_increase = "500%"\nagainst = "previous"\n'
        )
        (checkout / "costs").mkdir()
        onnx = runner(checkout)("analyze", "exports/detector.onnx", "--format", "json")
        (checkout / "costs/detector.json").write_text(onnx.out)
        assert self.check(checkout).returncode == 3

    @pytest.mark.parametrize(
        ("known", "calls"),
        [
            pytest.param(
                "", ["--method POST repos/me/models/issues/7/comments -F body=@comment.md"],
                id="first",
            ),
            pytest.param(
                "41\n42\n",
                ["--method PATCH repos/me/models/issues/comments/41 -F body=@comment.md"],
                id="update",
            ),
        ],
    )  # fmt: skip
    def test_there_is_one_comment(self, known: str, calls: list[str], tmp_path: Path) -> None:
        # A stand-in for GitHub's program, which answers the first call and notes every one.
        (tmp_path / "gh").write_text(
            '#!/bin/sh\nshift\necho "$@" >> calls\n'
            'case "$*" in --paginate*) cat known; test -n "$marker";; esac\n'
        )
        (tmp_path / "gh").chmod(0o755)
        (tmp_path / "known").write_text(known)
        (tmp_path / "comment.md").write_text("### x\n\n<!-- costdb check detector -->\n")
        done = sh(
            f"PATH={tmp_path}:$PATH; bash {PULL_REQUEST / 'comment.sh'} comment.md",
            tmp_path,
            REPOSITORY="me/models",
            NUMBER="7",
        )
        assert done.returncode == 0, done.stderr
        listing, *changes = (tmp_path / "calls").read_text().splitlines()
        assert listing.startswith("--paginate repos/me/models/issues/7/comments --jq ")
        assert changes == calls
