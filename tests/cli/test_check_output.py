"""`costdb check` in every format, on stdout and in files, as a CI job calls it."""

import csv
import io
import json
import shutil
from pathlib import Path
from xml.etree.ElementTree import fromstring

import html5lib
import pytest
from builders import onnx_models
from builders.command_line import Costdb, runner

HIDDEN_JINJA = "import sys; sys.modules['jinja2'] = None"


@pytest.fixture(scope="module")
def worse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database whose model got worse in its latest version: 4 -> 8 channels."""
    folder = tmp_path_factory.mktemp("worse")
    for tag, channels in (("v1", 4), ("v2", 8)):
        onnx_models.save_conv(folder / "net.onnx", (1, 3, 8, 8), (channels, 3, 3, 3))
        assert runner(folder)("ingest", "net.onnx", "--tag", tag).code == 0
    return folder


@pytest.fixture
def folder(worse: Path, tmp_path: Path) -> Path:
    shutil.copytree(worse, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def costdb(folder: Path) -> Costdb:
    return runner(folder)


def test_one_run_writes_every_format_and_prints_the_table(costdb: Costdb, folder: Path) -> None:
    names = ["a.html", "a.xml", "a.sarif", "b.sarif.json", "a.md", "a.json", "a.csv"]
    options = [option for name in names for option in ("-o", name)]
    done = costdb("check", "net", *options)
    assert (done.code, done.err) == (3, "")
    assert done.out.splitlines()[0].split()[:3] == ["model", "metric", "against"]
    text = {name: (folder / name).read_text() for name in names}
    title = html5lib.parse(text["a.html"], namespaceHTMLElements=False).find(".//title")
    assert title.text == "regression: costdb check"
    assert fromstring(text["a.xml"]).tag == "testsuites"  # noqa: S314
    assert json.loads(text["a.sarif"])["version"] == "2.1.0"
    assert text["a.sarif"] == text["b.sarif.json"]
    assert text["a.md"].startswith("### ❌ ")
    assert json.loads(text["a.json"])["schema"] == "costdb.check/1"
    assert next(csv.reader(io.StringIO(text["a.csv"])))[:2] == ["id", "kind"]
    # Nothing else, such as an unfinished file.
    assert {path.name for path in folder.iterdir()} == {*names, "costs.db", "net.onnx"}


@pytest.mark.parametrize(
    ("output_format", "start"),
    [
        ("pull-request", "### ❌ <code>net"),
        ("github", "::error title=net@v2%3A "),
        ("html", "<!DOCTYPE html>"),
    ],
)
def test_stdout_is_the_answer_and_nothing_else(
    costdb: Costdb, output_format: str, start: str
) -> None:
    done = costdb("check", "net", "--format", output_format)
    assert (done.code, done.err) == (3, "")
    assert done.out.startswith(start)


def test_the_page_plots_the_history_of_what_moved(costdb: Costdb) -> None:
    page = costdb("check", "--all", "--format", "html").out
    assert 'aria-label="macs of net over 2 versions, from 3.89 k at v1 to 7.78 k at v2"' in page


def test_a_file_is_plotted_behind_the_versions_of_its_model(costdb: Costdb, folder: Path) -> None:
    onnx_models.save_conv(folder / "new.onnx", (1, 3, 8, 8), (16, 3, 3, 3))
    page = costdb("check", "new.onnx", "--model", "net", "--format", "html").out
    assert "over 3 versions" in page
    assert "to 15.55 k at this file" in page


def test_a_result_stands_at_the_file_that_was_checked(costdb: Costdb, folder: Path) -> None:
    (folder / "exports").mkdir()
    (folder / "net.onnx").rename(folder / "exports/net.onnx")
    policy = folder / "strict.toml"
    policy.write_text('[[rules]]\nmetric = "macs"\nmax_increase = "1%"\n')

    def places(*arguments: str) -> set[str]:
        document = json.loads(costdb("check", *arguments, "--format", "sarif").out)
        return {
            result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            for result in document["runs"][0]["results"]
        }

    assert places("exports/net.onnx", "--against", "net@v1") == {"exports/net.onnx"}
    assert places("net", "--policy", str(policy)) == {"strict.toml"}
    assert places("net") == {"costdb.toml"}


def test_a_warning_fails_a_test_where_it_fails_the_check(costdb: Costdb, folder: Path) -> None:
    rule = '[[rules]]\nmetric = "macs"\nmax_increase = "1%"\nseverity = "warn"\n'
    (folder / "warn.toml").write_text(rule)

    def failures(*arguments: str) -> tuple[int, str]:
        done = costdb("check", "net", "--policy", "warn.toml", "--format", "junit", *arguments)
        return done.code, fromstring(done.out).attrib["failures"]  # noqa: S314

    assert failures() == (0, "0")
    assert failures("--fail-on", "warn") == (3, "1")


def test_a_job_summary_is_added_to_when_it_is_asked_for(costdb: Costdb, folder: Path) -> None:
    summary = folder / "summary"
    summary.write_text("before\n")
    costdb("check", "net", GITHUB_STEP_SUMMARY=str(summary))
    assert summary.read_text() == "before\n"
    done = costdb("check", "net", "--job-summary", GITHUB_STEP_SUMMARY=str(summary))
    assert done.code == 3
    assert summary.read_text().startswith("before\n### ❌ ")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["-o", "report.pdf"], 2, "'report.pdf' does not say", id="no such format"),
        pytest.param(["-o", "none/report.html"], 1, "No such file or directory", id="no folder"),
        pytest.param(["-o", "folder.xml"], 1, "'folder.xml' is no regular file", id="a folder"),
        pytest.param(["-o", "link.md"], 1, "'link.md' is no regular file", id="a link"),
        pytest.param(["--job-summary"], 1, "GITHUB_STEP_SUMMARY", id="no summary"),
        pytest.param(["--format", "pdf"], 2, "'pdf'", id="no such format to print"),
    ],
)
def test_what_cannot_be_written_is_one_line(
    arguments: list[str], code: int, said: str, costdb: Costdb, folder: Path
) -> None:
    (folder / "folder.xml").mkdir()
    (folder / "link.md").symlink_to("elsewhere.md")
    done = costdb("check", "net", *arguments)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert "Traceback" not in done.err
    assert not list(folder.glob(".*"))
    assert (folder / "link.md").is_symlink()


def test_nothing_is_written_if_one_name_says_no_format(costdb: Costdb, folder: Path) -> None:
    (folder / "a.html").write_text("the last night's")
    assert costdb("check", "net", "-o", "a.html", "-o", "b.pdf").code == 2
    assert (folder / "a.html").read_text() == "the last night's"


def test_history_writes_a_page_and_prints_its_table(costdb: Costdb, folder: Path) -> None:
    done = costdb("history", "net", "--metric", "macs", "--plot", "plot.html")
    assert (done.code, done.err) == (0, "")
    assert "v2" in done.out
    page = (folder / "plot.html").read_text()
    assert "macs of net over 2 versions, from 3.89 k at v1 to 7.78 k at v2" in page
    assert costdb("history", "net", "--plot", "none/plot.html").code == 1


def test_without_jinja_the_page_says_what_to_install(costdb: Costdb, folder: Path) -> None:
    hidden = folder / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(HIDDEN_JINJA)
    for arguments in (["check", "net", "--format", "html"], ["history", "--plot", "plot.html"]):
        done = costdb(*arguments, PYTHONPATH=str(hidden))
        assert (done.code, done.out) == (1, "")
        assert "pip install 'costdb[report]'" in done.err
