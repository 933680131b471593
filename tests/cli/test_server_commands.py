"""Every command with `--to` says what it says with `--db`: to the letter, and by its exit code."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from builders.command_line import Costdb, Done
from builders.policies import policy_text
from builders.series import ingest_file, save_detector
from builders.serving import serving

from costdb import api, maintenance
from costdb.store.records import TokenScope

# Tags may hold all that is visible, and what stands for something in a URL.
HOSTILE = ("a/b?c=%2F#d", "..", "<script>=1+1|**x**[b]", "ünïcode")


@dataclass(frozen=True, slots=True)
class Kept:
    """A database, the server that serves it to anyone who reads, and an administrator's token."""

    folder: Path
    database: Path
    url: str
    token: str


def fill(folder: Path) -> Path:
    """A detector of three versions, others, an alias, an acceptance, a run of a check."""
    database = folder / "costs.db"
    save_detector(folder / "other.onnx", width=12)
    for number, width in enumerate((8, 9, 11), start=1):
        file = save_detector(folder / "detector.onnx", width=width)
        ingest_file(file, str(database), model="detector", tag=f"v{number}")
    ingest_file(folder / "other.onnx", str(database), model="detector", tag="x", branch="wide")
    for tag in HOSTILE:
        ingest_file(folder / "other.onnx", str(database), model="hostile", tag=tag)
    api.set_alias("detector@v2", "prod", author="ada", database=str(database))
    api.accept("detector@v2", reason="wider", metrics=["macs"], author="a", database=str(database))
    maintenance.archive("hostile@..", database=str(database))
    api.check("detector", database=str(database))
    return database


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    folder = tmp_path_factory.mktemp("kept")
    database = fill(folder)
    _, token = maintenance.create_token("all", TokenScope.ADMIN, database=str(database))
    with serving(database) as server:
        yield Kept(folder, database, server.url, token)


def both_ways(here: Costdb, kept: Kept, *arguments: str) -> Done:
    """What a command says of the server, once it is seen to say the same of the database."""
    there = here(*arguments, "--to", kept.url, COSTDB_TOKEN=kept.token, USER="ada")
    assert there == here(*arguments, "--db", str(kept.database), USER="ada")
    assert "Traceback" not in there.err
    return there


# Each command once in every format; the rest of what it may say in one.
LISTINGS = [
    pytest.param(command, output_format, id=f"{command}: {output_format}")
    for command in (
        "history",
        "show detector@v1",
        "diff detector@v1 detector --all",
        "check detector --no-save --require-baseline",
        "accept --list",
        "check --replay detector",
    )
    for output_format in ("table", "json", "csv", "markdown")
]
ANSWERS = [
    pytest.param("history detector --metric macs,operations -f json", id="history: derived"),
    pytest.param("history detector --last 2 --branch main", id="history: last"),
    pytest.param("history detector --since v2 --until v2", id="history: since, until"),
    pytest.param("history hostile --archived", id="history: hostile and archived"),
    pytest.param("history detector --since 2999-01-01 --point default", id="history: nothing"),
    pytest.param("show detector --by op --top 2", id="show: latest"),
    pytest.param("show detector@prod", id="show: an alias"),
    *(pytest.param(f"show hostile@{tag} -f json", id=f"show: {tag}") for tag in HOSTILE),
    pytest.param("diff detector@v1 detector --by layer --metric params", id="diff: layers"),
    pytest.param("diff detector@v1 other.onnx -f json", id="diff: a file"),
    pytest.param("diff saved.json detector@x", id="diff: a saved analysis"),
    pytest.param("diff other.onnx saved.json", id="diff: files alone"),
    pytest.param("diff detector@v1 detector@v1", id="diff: nothing"),
    pytest.param("check detector --branch wide --no-save", id="check: a branch"),
    pytest.param("check detector@v2 --no-save --policy policy.toml -f json", id="check: a policy"),
    pytest.param("check --all --no-save --fail-on warn -f json", id="check: all"),
    pytest.param("check detector --against detector@prod --no-save", id="check: a version"),
    pytest.param("check detector --against other.onnx --no-save -f json", id="check: a baseline"),
    pytest.param("check detector --against sub/saved.json --no-save", id="check: a saved analysis"),
    pytest.param("check detector --against sub/other.onnx --no-save",
                 id="check: a baseline at several points"),
    pytest.param("check other.onnx --model detector -f json", id="check: a file"),
    pytest.param("check other.onnx", id="check: a file of no model"),
    pytest.param("check sub/other.onnx --model detector -f json",
                 id="check: a file of another model's points"),
    pytest.param("check other.onnx --against detector@v1", id="check: a file against a version"),
    pytest.param("check other.onnx --against saved.json", id="check: files alone"),
    pytest.param("check --replay detector --with-acceptances --policy policy.toml",
                 id="check: replay a policy"),
    pytest.param("accept detector --list", id="accept: list a model"),
]  # fmt: skip
MISTAKES = [
    pytest.param("history nothing", id="history: no model"),
    pytest.param("show detector@v9", id="show: no tag"),
    pytest.param("show nothing", id="show: no model"),
    pytest.param("show detector@v1 --point b32", id="show: no point"),
    pytest.param("diff detector nothing", id="diff: no model"),
    pytest.param("diff detector other.onnx --metric layers,macs,x", id="diff: no metric"),
    pytest.param("check detector --against saved.json --point b32 --no-save", id="check: no point"),
    pytest.param("check detector --against sub/other.onnx --at a --no-save",
                 id="check: a baseline at another point"),
    pytest.param("check detector --policy wrong.toml", id="check: a wrong policy"),
    pytest.param("check nothing", id="check: no model"),
    pytest.param("check other.onnx --point b32", id="check: a file without the point"),
    pytest.param("check --replay nothing", id="check: replay no model"),
    pytest.param("check --replay detector --branch x", id="check: replay no branch"),
    pytest.param("check --replay detector --point x", id="check: replay no point"),
    pytest.param("check", id="check: nothing is named"),
    pytest.param("accept nothing --list", id="accept: list no model"),
    pytest.param("accept detector@v9 --reason x", id="accept: no version"),
    pytest.param("accept detector@v3 --reason x --metric mac", id="accept: no metric"),
    pytest.param("accept detector@v3", id="accept: no reason"),
    pytest.param("accept --revoke 77", id="accept: no number"),
]  # fmt: skip


@pytest.fixture
def files(kept: Kept, tmp_path: Path) -> None:
    """Where the commands are typed: a model file, a saved analysis, policies."""
    shutil.copy(kept.folder / "other.onnx", tmp_path)
    saved = api.show("detector@v1", database=str(kept.database)).analysis
    from costdb.cost.document import analysis_document

    (tmp_path / "saved.json").write_text(json.dumps(analysis_document(saved)))
    (tmp_path / "costdb.toml").write_text(
        '[models.other]\nfile = "sub/other.onnx"\n[models.other.points.a]\n'
    )
    (tmp_path / "sub").mkdir()
    for name in ("other.onnx", "saved.json"):
        shutil.copy(tmp_path / name, tmp_path / "sub")
    rules: list[dict[str, object]] = [
        {"name": "half", "metric": "macs", "max_increase": "0%", "against": "alias:prod"},
        {"metric": "*", "max_increase": "1%", "severity": "warn", "model": "det*"},
        {"metric": "flops", "max_increase": "1% and 2 k", "severity": "warn"},
        {"metric": "params", "budget": 700},
        {"new_unknown_ops": True},
    ]
    (tmp_path / "policy.toml").write_text(policy_text(rules))
    (tmp_path / "wrong.toml").write_text('[[rules]]\nmetrik = "macs"\n')


@pytest.mark.parametrize(("command", "output_format"), LISTINGS)
def test_a_server_lists_what_its_database_lists(
    here: Costdb, kept: Kept, command: str, output_format: str
) -> None:
    assert both_ways(here, kept, *command.split(), "--format", output_format).out


@pytest.mark.parametrize("command", ANSWERS)
@pytest.mark.usefixtures("files")
def test_a_server_answers_what_its_database_answers(here: Costdb, kept: Kept, command: str) -> None:
    assert both_ways(here, kept, *command.split()).code in {0, 3}


@pytest.mark.parametrize("command", MISTAKES)
@pytest.mark.usefixtures("files")
def test_a_mistake_is_the_same_mistake(here: Costdb, kept: Kept, command: str) -> None:
    assert both_ways(here, kept, *command.split()).code in {1, 2, 4}


@pytest.mark.parametrize("name", ["a.html", "a.xml", "a.sarif", "a.md", "a.json", "a.csv"])
@pytest.mark.usefixtures("files")
def test_a_check_is_written_as_ever(here: Costdb, kept: Kept, tmp_path: Path, name: str) -> None:
    """The page has the history of what moved."""

    def written(*place: str) -> str:
        assert here("check", "detector", "--no-save", "-o", name, *place).code == 3
        # The page tells when it was made.
        return re.sub(r"\d\d:\d\d(:\d\d)?", "", (tmp_path / name).read_text())

    assert written("--to", kept.url) == written("--db", str(kept.database))


@pytest.mark.usefixtures("files")
def test_the_client_s_own_policy_and_acceptances_hold(
    here: Costdb, kept: Kept, tmp_path: Path
) -> None:
    """And nothing else of its costdb.toml is sent."""
    secret = "postgresql://ada:secret@db.example/costs"  # noqa: S105 - nobody's
    rule = '[[policy.rules]]\nname = "mine"\nmetric = "macs"\nmax_increase = "0%"\n'
    (tmp_path / "costdb.toml").write_text(f'[database]\nurl = "{secret}"\n{rule}')
    check = ("check", "detector", "--no-save", "--format", "json")
    assert both_ways(here, kept, *check).code == 3
    accepted = here("accept", "detector", "--reason", "so", "--file", "--to", kept.url)
    assert "written to" in accepted.out
    done = both_ways(here, kept, *check)
    assert done.code == 0, done
    assert {finding["rule"] for finding in json.loads(done.out)["findings"]} == {"mine"}


def test_what_was_found_is_kept(here: Costdb, kept: Kept, tmp_path: Path) -> None:
    """So that the next check knows what is new, whoever asks."""
    (tmp_path / "policy.toml").write_text('[[rules]]\nmetric = "flops"\nmax_increase = "0%"\n')
    check = ("check", "detector@v3", "--policy", "policy.toml", "--format", "json")

    def is_new(*place: str) -> object:
        done = here(*check, *place, COSTDB_TOKEN=kept.token)
        return json.loads(done.out)["findings"][0]["is_new"]

    assert is_new("--to", kept.url) is True
    assert is_new("--to", kept.url) is False
    assert is_new("--db", str(kept.database)) is False


def test_what_may_not_be_kept_is_said(here: Costdb, kept: Kept) -> None:
    done = here("check", "detector", "--to", kept.url)
    assert done.code == 3
    assert "warning: what was found is not kept" in done.err


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Kept]:
    """A served database and, beside it in the folder, `own.db` without a server, both new."""
    database = tmp_path / "served.db"
    _, token = maintenance.create_token("ci", TokenScope.ADMIN, database=str(database))
    with serving(database) as server:
        yield Kept(tmp_path, database, server.url, token)


def test_what_is_written_is_the_same(here: Costdb, pair: Kept, tmp_path: Path) -> None:
    """Ingest, replace, many at once, accept and revoke: what each says, and what is there then."""
    for number, width in enumerate((8, 9), start=1):
        save_detector(tmp_path / f"detector-v{number}.onnx", width=width)
    save_detector(tmp_path / "open.onnx", width=8)
    (tmp_path / "broken-v1.onnx").write_bytes(b"\x08")
    (tmp_path / "models.csv").write_text(
        "file,tag,model,branch,author\ndetector-v1.onnx,v1,net,side,eve\ndetector-v2.onnx,v2,net,,\n"
    )
    (tmp_path / "costdb.toml").write_text(
        '[models.open]\nfile = "open.onnx"\n[models.open.points.b]\n'
    )
    first = ("ingest", "detector-v1.onnx", "--model", "detector", "--tag", "v1", "--author", "ada")
    for command in (
        (*first, "--git-sha", "abc", "--source", "https://ci.example/1", "--hash"),
        (*first, "--format", "json"),
        (*first[:1], "detector-v2.onnx", *first[2:]),
        (*first[:1], "detector-v2.onnx", *first[2:], "--replace", "--format", "csv"),
        (*first, "--at", "default", "--at", "twice", "--replace", "--format", "markdown"),
        ("ingest", "open.onnx", "--tag", "a", "--author", "ada"),
        ("ingest", "open.onnx", "--tag", "a b", "--author", "ada"),
        ("ingest", "nothing.onnx", "--tag", "a"),
        ("ingest", ".", "--tag-from-name", "--author", "ada", "--jobs", "2"),
        ("ingest", "--manifest", "models.csv", "--author", "ada", "--format", "json"),
        ("accept", "net@v1", "--reason", "so", "--metric", "macs", "--format", "json"),
        ("accept", "net@v1", "--reason", "so"),
        ("accept", "--revoke", "1"),
    ):
        own = here(*command, "--db", "own.db", USER="ada")
        served = here(*command, "--to", pair.url, COSTDB_TOKEN=pair.token, USER="ada")
        assert without_times(own) == without_times(served)
    for command in (
        ("history", "--format", "json"),
        ("show", "detector@v1", "--format", "json"),
        ("show", "net@v1", "--format", "json"),
        ("accept", "--list", "--format", "json"),
    ):
        own = here(*command, "--db", "own.db")
        assert without_times(own) == without_times(here(*command, "--db", str(pair.database)))
    assert maintenance.examine(database=str(pair.database)) == []


def without_times(done: Done) -> Done:
    return Done(done.code, re.sub(r"\d{4}-\d\d-\d\dT[0-9:.+]+", "TIME", done.out), done.err)


def test_a_batch_goes_on_where_it_stopped(here: Costdb, pair: Kept, tmp_path: Path) -> None:
    for number in (1, 2):
        save_detector(tmp_path / f"detector-v{number}.onnx", width=8 + number)
    batch = ("ingest", ".", "--tag-from-name", "--resume", "done", "--format", "json")
    variables = {"COSTDB_SERVER": pair.url, "COSTDB_TOKEN": pair.token}
    assert here(*batch, **variables).code == 0
    save_detector(tmp_path / "detector-v3.onnx", width=11)
    results = json.loads(here(*batch, **variables).out)["files"]
    assert [one["status"] for one in results] == ["done before", "done before", "created"]


def test_flags_and_variables_name_the_place(here: Costdb, kept: Kept) -> None:
    """`--to`, else `--db`, else COSTDB_SERVER, else COSTDB_URL, which is an empty database here."""
    elsewhere = {"COSTDB_SERVER": "http://127.0.0.1:1"}
    assert here("history", "detector", COSTDB_SERVER=kept.url).code == 0
    assert here("history", "detector", "--to", kept.url, **elsewhere).code == 0
    assert here("history", "detector", "--db", str(kept.database), **elsewhere).code == 0
    assert here("history", "detector", **elsewhere).code == 1
    assert here("history", "detector", COSTDB_SERVER="").code == 1
    both = here("history", "--to", kept.url, "--db", str(kept.database))
    assert both.code == 2
    assert both.err.splitlines() == [
        "error: --to names a server, and --db a database", "hint: give one of them",
    ]  # fmt: skip
    assert here("history", "--to", "").code == 2
