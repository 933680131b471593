"""Looking after a database, as typed: doctor, backup, export, import, recost, archive, rename."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from builders.command_line import Costdb

from costdb.cost import RULES

# A 3x3 convolution of 3 channels to 16 over 30x30 outputs.
MACS = 30 * 30 * 16 * 3 * 3 * 3


@pytest.fixture
def filled(here: Costdb, onnx_file: Path, tmp_path: Path) -> Path:
    """A database with two versions of one model."""
    for tag in ("v1", "v2"):
        assert here("ingest", onnx_file, "--model", "detector", "--tag", tag).code == 0
    return tmp_path / "costs.db"


def change(database: Path, statement: str, *values: int) -> None:
    """Change a database behind costdb's back."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(statement, values)
        connection.commit()


def imported(folder: Path, content: bytes) -> "subprocess.CompletedProcess[str]":
    """What `costdb import - --db other.db` does with what a pipe says."""
    done = subprocess.run(
        [sys.executable, "-m", "costdb", "import", "-", "--db", "other.db"],
        input=content,
        cwd=folder,
        capture_output=True,
        check=False,
        timeout=120,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


@pytest.mark.usefixtures("filled")
def test_doctor_finds_nothing_in_what_ingest_wrote(here: Costdb) -> None:
    done = here("db", "doctor")
    assert done.code == 0, done
    assert "nothing is wrong" in done.out


def test_doctor_names_the_row(here: Costdb, filled: Path) -> None:
    change(filled, "UPDATE cost SET macs = macs + 1 WHERE id = 1")
    done = here("db", "doctor", "--format", "json")
    assert (done.code, done.err) == (1, "")
    text = f"macs is {MACS + 1}, its layers make {MACS}"
    assert json.loads(done.out)["problems"] == [{"table": "cost", "row": "1", "text": text}]


@pytest.mark.usefixtures("filled")
def test_a_backup_is_a_database(here: Costdb) -> None:
    done = here("db", "backup", "-o", "copy.db")
    assert (done.code, done.out) == (0, "copy.db\n")
    assert here("history", "detector", "--db", "copy.db").out == here("history", "detector").out
    again = here("db", "backup", "-o", "copy.db")
    assert (again.code, again.out) == (2, "")
    assert "'copy.db' exists" in again.err


@pytest.mark.usefixtures("filled")
def test_a_backup_into_no_folder_blames_the_folder(here: Costdb) -> None:
    done = here("db", "backup", "-o", "nowhere/copy.db")
    assert (done.code, done.out) == (1, "")
    assert "nothing can be written to the folder 'nowhere'" in done.err


@pytest.mark.parametrize("name", ["costs.jsonl", "costs.jsonl.zst"])
@pytest.mark.usefixtures("filled")
def test_an_export_goes_through_a_pipe(here: Costdb, tmp_path: Path, name: str) -> None:
    assert here("export", "-o", name).code == 0
    done = imported(tmp_path, (tmp_path / name).read_bytes())
    assert done.returncode == 0, done
    assert "2 version" in done.stdout
    assert here("export", "--db", "other.db").out == here("export").out


@pytest.mark.usefixtures("filled")
def test_an_import_asks_a_file_how_it_is_written(here: Costdb, tmp_path: Path) -> None:
    assert here("export", "-o", "costs.zst").code == 0
    (tmp_path / "costs.zst").rename(tmp_path / "costs.jsonl")
    done = here("import", "costs.jsonl", "--db", "other.db")
    assert done.code == 0, done
    again = here("import", "costs.jsonl", "--db", "other.db")
    assert again.out.startswith("added nothing; ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "the export ends too early", id="nothing"),
        pytest.param(b"\xff\xfe", "stdin is damaged", id="no UTF-8"),
        pytest.param(b"\x28\xb5\x2f\xfd" + b"\xff" * 64, "stdin is damaged", id="broken frame"),
        pytest.param(b"[]\n", "line 1 of the export: it is no JSON object", id="no object"),
    ],
)
def test_a_pipe_that_is_no_export_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    done = imported(tmp_path, content)
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["error", "hint"]


@pytest.mark.usefixtures("filled")
def test_an_export_replaces_no_link_and_no_folder(here: Costdb, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "kept.txt")
    (tmp_path / "kept.txt").write_text("kept")
    for target in ("link", ".", ""):
        done = here("export", "-o", target)
        assert (done.code, done.out) == (1, "")
        assert "is no regular file" in done.err
    assert (tmp_path / "link").readlink() == tmp_path / "kept.txt"
    assert (tmp_path / "kept.txt").read_text() == "kept"


@pytest.mark.parametrize(
    "command",
    ["export -o {}", "history --plot {}", "history --db {}", "db init --db {}", "db backup -o {}"],
)
@pytest.mark.usefixtures("filled")
def test_a_name_that_no_file_can_have(here: Costdb, command: str) -> None:
    done = here(*command.format("x" * 300).split())
    assert (done.code, done.out) == (1, "")
    assert "x" * 300 in done.err
    assert "bug" not in done.err


def test_damaged_content_is_not_exported(here: Costdb, filled: Path, tmp_path: Path) -> None:
    change(filled, "UPDATE structure SET content = x'00'")
    done = here("export", "-o", "costs.jsonl")
    assert (done.code, done.out) == (1, "")
    assert "a stored graph is damaged" in done.err
    assert "costdb db doctor" in done.err
    assert not (tmp_path / "costs.jsonl").exists()
    assert here("db", "doctor").code == 1


def test_a_recost_fills_in_what_today_s_rules_say(here: Costdb, filled: Path) -> None:
    change(filled, "UPDATE cost SET rules = ?, macs = 7", RULES - 1)
    done = here("recost", "--format", "json")
    assert done.code == 0, done
    document = json.loads(done.out)
    assert (document["structures"], document["failures"]) == (1, [])
    assert [
        (moved["tag"], moved["metric"], moved["by_old_rules"], moved["value"], moved["by_model"])
        for moved in document["moved"]
    ] == [("v2", "macs", 7, MACS, 0)]
    assert json.loads(here("recost", "--format", "json").out)["structures"] == 0
    assert "every stored structure has a cost by today's rules" in here("recost").out


def test_a_recost_names_what_is_damaged(here: Costdb, filled: Path) -> None:
    change(filled, "UPDATE cost SET rules = ?", RULES - 1)
    change(filled, "UPDATE structure SET content = x'00'")
    done = here("recost", "--format", "json")
    assert (done.code, done.err) == (1, "")
    (failure,) = json.loads(done.out)["failures"]
    assert failure["version"] == "detector@v2"
    assert "damaged" in failure["reason"]


@pytest.mark.usefixtures("filled")
def test_an_archived_version_is_out_of_lists_until_it_is_back(here: Costdb) -> None:
    def tags() -> list[str]:
        (series,) = json.loads(here("history", "detector", "--format", "json").out)["series"]
        return [version["tag"] for version in series["versions"]]

    assert here("models", "archive", "detector@v2").out == "detector@v2 is archived\n"
    assert tags() == ["v1"]
    assert here("show", "detector@v2").code == 0
    assert here("models", "archive", "detector@v2").out == "detector@v2 was archived already\n"
    assert here("models", "unarchive", "detector@v2").out == "detector@v2 is back\n"
    assert tags() == ["v1", "v2"]


@pytest.mark.usefixtures("filled")
def test_a_renamed_model_keeps_its_history(here: Costdb) -> None:
    before = json.loads(here("history", "detector", "--format", "json").out)
    assert here("models", "rename", "detector", "finder").out == "detector is called finder now\n"
    after = json.loads(here("history", "finder", "--format", "json").out)
    assert after["series"][0]["versions"] == before["series"][0]["versions"]
    done = here("history", "detector")
    assert (done.code, done.out) == (1, "")
    assert "the model 'detector' is called 'finder' now" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("archive", "detector"), 2, "hint: write detector@TAG"),
        (("archive", "detector@v9"), 1, "hint: versions of detector: v1, v2"),
        (("rename", "detector", "a b/"), 2, "'a b/' is no name for a model"),
        (("rename", "detektor", "finder"), 1, "no model 'detektor'"),
    ],
)
@pytest.mark.usefixtures("filled")
def test_what_is_not_there_is_said(
    here: Costdb, arguments: tuple[str, ...], code: int, message: str
) -> None:
    done = here("models", *arguments)
    assert (done.code, done.out) == (code, "")
    assert message in done.err


def test_old_runs_of_check_are_pruned(here: Costdb, filled: Path) -> None:
    for _ in range(3):
        assert here("check", "detector").code == 0
    assert here("db", "prune", "--checks-older-than", "1d").out == "0 runs of check removed\n"
    change(filled, "UPDATE check_run SET created_at = '2001-02-03T04:05:06.000000+00:00'")
    done = here("db", "prune", "--checks-older-than", "1d")
    assert done.code == 0, done
    assert done.out == (
        "2 runs of check removed, 1 as old kept for the next check to know what is new\n"
    )
    with closing(sqlite3.connect(filled)) as connection:
        assert connection.execute("SELECT count(*) FROM check_run").fetchone() == (1,)


@pytest.mark.parametrize("text", ["", "90", "-1d", "90 days", "d", "1.5d", "123456d"])
def test_what_is_no_number_of_days(here: Costdb, text: str) -> None:
    done = here("db", "prune", f"--checks-older-than={text}")
    assert (done.code, done.out) == (2, "")
    assert "hint: write 90d for 90 days" in done.err
