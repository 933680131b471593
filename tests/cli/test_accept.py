"""`costdb accept` and `costdb alias` as their users have them."""

import json
import tomllib
from pathlib import Path

import pytest
from builders.command_line import Costdb
from builders.series import detector_macs, ingest_file, save_detector


@pytest.fixture
def history(here: Costdb, tmp_path: Path) -> Costdb:
    """A command line with a detector of two versions, the second one wider."""
    for tag, width in (("v1", 8), ("v2", 9)):
        file = save_detector(tmp_path / "detector.onnx", width=width)
        ingest_file(file, str(tmp_path / "costs.db"), model="detector", tag=tag)
    return here


def test_findings_are_accepted_listed_and_revoked(history: Costdb) -> None:
    assert history("check", "detector").code == 3
    done = history("accept", "detector@v2", "--reason", "wider", "--format", "json", USER="ada")
    assert done.code == 0, done
    document = json.loads(done.out)
    assert (document["schema"], document["version"]) == ("costdb.accept/1", "detector@v2")
    assert [(one["metric"], one["by"]) for one in document["accepted"]] == [
        ("macs", "ada"), ("weight_bytes", "ada"), ("peak_memory_bytes", "ada"),
    ]  # fmt: skip
    assert document["accepted"][0]["value"] == detector_macs(width=9)
    assert history("check", "detector").code == 0
    again = history("accept", "detector@v2", "--reason", "wider")
    assert again.code == 0
    assert "has no findings: nothing is accepted" in again.out

    number = str(document["accepted"][0]["id"])
    assert f"acceptance {number} is revoked" in history("accept", "--revoke", number).out
    assert history("check", "detector").code == 3
    listed = json.loads(history("accept", "--list", "detector", "--format", "json").out)
    assert listed["schema"] == "costdb.acceptances/1"
    assert [(one["metric"], one["state"]) for one in listed["acceptances"]] == [
        ("peak_memory_bytes", "in force"), ("weight_bytes", "in force"), ("macs", "revoked"),
    ]  # fmt: skip
    assert history("accept", "--list").out.count("in force") == 2


def test_the_reviewed_file(history: Costdb, tmp_path: Path) -> None:
    (tmp_path / "costdb.toml").write_text("[database]\nurl = 'costs.db'\n")
    (tmp_path / "elsewhere").mkdir()
    file = tmp_path / "costdb.accepted.toml"
    file.write_text("# Reviewed by the platform team.\n")
    done = history(
        "accept", "detector", "--metric", "macs, params", "--reason", "wider", "--by", "ada",
        "--expires", "2999-12-31", "--file",
    )  # fmt: skip
    assert done.code == 0, done
    assert f"written to {file}" in done.out
    assert file.read_text().startswith("# Reviewed by the platform team.\n")
    entries = tomllib.loads(file.read_text())["accepted"]
    assert [(one["metric"], one["by"], one["tag"]) for one in entries] == [
        ("macs", "ada", "v2"), ("params", "ada", "v2"),
    ]  # fmt: skip
    assert entries[0]["expires_at"].isoformat() == "3000-01-01T00:00:00+00:00"
    assert "costdb.accepted.toml" in history("accept", "--list").out
    file.write_text(file.read_text().replace("rules = ", "rulez = ", 1))
    wrong = history("check", "detector")
    assert wrong.code == 1
    assert f"{file}:8: 'rulez' is no key of an acceptance" in wrong.err


def test_the_reviewed_file_is_listed_without_a_database(here: Costdb, tmp_path: Path) -> None:
    assert here("accept", "--list").code == 1
    (tmp_path / "costdb.accepted.toml").write_text(
        '[[accepted]]\nmodel = "speech"\nmetric = "dtype"\nrules = 1\nreason = "r"\n'
        "accepted_at = 2026-11-24T00:00:00Z\n"
    )
    done = here("accept", "--list", "--format", "csv")
    assert done.code == 0, done
    assert done.out.splitlines()[1] == (
        "in force,,speech,default,dtype,,,never,r,2026-11-24,costdb.accepted.toml"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["accept"], 2, "say why", id="nothing"),
        pytest.param(["accept", "detector"], 2, "say why", id="no reason"),
        pytest.param(["accept", "detector", "-r", "x", "-m", "mac"], 2, "'macs'", id="no metric"),
        pytest.param(["accept", "detector@v9", "-r", "x"], 1, "'v9'", id="no version"),
        pytest.param(
            ["accept", "detector", "-r", "x", "--expires", "2020-01-01"], 2, "is over", id="past"
        ),
        pytest.param(["accept", "--revoke", "7"], 1, "costdb accept --list", id="no number"),
        pytest.param(["accept", "--list", "detectr"], 1, "'detector'", id="no model"),
        pytest.param(["alias", "set", "detector@v9", "prod"], 1, "'v9'", id="no version to name"),
        pytest.param(["alias", "set", "detector", "v1"], 2, "another name", id="a tag"),
        pytest.param(["alias", "remove", "detector"], 2, "detector@prod", id="no alias is named"),
        pytest.param(["alias", "remove", "detector@prod"], 1, "no alias", id="no such alias"),
        pytest.param(["ingest", "detector.onnx", "--tag", "beta"], 2, "alias", id="an alias"),
    ],
)
def test_what_cannot_be_done_says_why(
    history: Costdb, arguments: list[str], code: int, said: str
) -> None:
    history("alias", "set", "detector", "beta")
    done = history(*arguments)
    assert done.code == code, done
    assert done.out == ""
    assert said in done.err
    assert "Traceback" not in done.err


def test_aliases(history: Costdb) -> None:
    assert "none yet" in history("alias", "list").out
    assert "detector@prod is v1 now" in history("alias", "set", "detector@v1", "prod").out
    moved = history("alias", "set", "detector", "prod", "--by", "ada", "--format", "json")
    assert json.loads(moved.out) == {
        "schema": "costdb.alias/1", "model": "detector", "name": "prod",
        "before": "v1", "after": "v2",
    }  # fmt: skip
    assert "is v2 already" in history("alias", "set", "detector@v2", "prod").out
    listed = json.loads(history("alias", "list", "detector", "--format", "json").out)
    assert [(one["name"], one["tag"], one["by"]) for one in listed["aliases"]] == [
        ("prod", "v2", "ada")
    ]
    assert json.loads(history("show", "detector@prod", "--format", "json").out)["tag"] == "v2"
    assert history("check", "detector@v1", "--against", "detector@prod").code == 0
    removed = history("alias", "remove", "detector@prod", "--format", "csv")
    assert removed.out.splitlines() == ["model,alias,before,after", "detector,prod,v2,"]
    assert history("show", "detector@prod").code == 1
