"""Many files at once: a folder, a manifest, the tags of a git repository, a Dask cluster."""

import json
import os
import pickle
import pickletools
import re
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from builders.analyses import analysis, chain
from builders.command_line import Costdb, runner
from builders.onnx_models import save_matmul

from costdb import batch
from costdb.cluster import cluster as connected
from costdb.cluster import explained
from costdb.cost.engine import cost
from costdb.errors import ReaderCrashed, UsageError, WorkersLost
from costdb.store import open_store
from costdb.store.history import history
from costdb.store.records import IngestStatus

MODELS = 6
# A row of so many numbers by a square matrix.
EXPECTED = [(f"v{number}", number * number) for number in range(1, MODELS + 1)]


@pytest.fixture
def costdb(tmp_path: Path) -> Costdb:
    """Runs `costdb` in a folder of its own."""
    return runner(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Versions of a matrix product, each wider than the one before."""
    made = tmp_path / "models"
    made.mkdir()
    for number in range(1, MODELS + 1):
        save_matmul(made / f"dense-v{number}.onnx", (1, number), (number, number))
    return made


def stored(folder: Path, model: str = "dense") -> list[tuple[str, int | None]]:
    """The tags of a model in the order of storing, with their MACs."""
    with open_store(str(folder / "costs.db"), create=False) as store:
        (series,) = history(store.engine, model)
    found = []
    for entry in series.versions:
        assert entry.totals is not None
        found.append((entry.tag, entry.totals.macs))
    return found


def test_a_folder_is_stored_in_the_order_of_its_names(
    folder: Path, costdb: Costdb, tmp_path: Path
) -> None:
    (folder / "broken-v5x.onnx").write_bytes(b"\x08")
    done = costdb("ingest", folder, "--tag-from-name", "--jobs", "2", "--branch", "next")
    assert done.code == 1
    assert f"{MODELS + 1} files: 1 failed, {MODELS} created" in done.out
    assert "broken-v5x.onnx" in done.err
    assert stored(tmp_path) == EXPECTED
    again = costdb("ingest", folder, "--tag-from-name", "--format", "json")
    statuses = [file["status"] for file in json.loads(again.out)["files"]]
    assert statuses == ["failed"] + ["unchanged"] * MODELS


@pytest.mark.parametrize(
    ("name", "model", "expected"),
    [
        ("detector-v3.onnx", None, ("detector", "v3")),
        ("mobile-net-1.0_224-v3.onnx", None, ("mobile-net-1.0_224", "v3")),
        ("detector_2024.pb", None, ("detector", "2024")),
        ("v3.onnx", "detector", ("detector", "v3")),
    ],
)
def test_a_name_says_model_and_tag(
    tmp_path: Path, name: str, model: str | None, expected: tuple[str, str]
) -> None:
    (tmp_path / name).touch()
    (tmp_path / "notes.txt").touch()
    (entry,) = batch.from_folder(tmp_path, model)
    assert (entry.model, entry.tag) == expected


def test_a_saved_model_is_one_file(tmp_path: Path) -> None:
    saved = tmp_path / "detector-v3"
    saved.mkdir()
    (saved / "saved_model.pb").touch()
    (entry,) = batch.from_folder(tmp_path)
    assert (entry.file, entry.model, entry.tag) == (str(saved), "detector", "v3")


def test_a_name_without_a_tag_is_refused(tmp_path: Path) -> None:
    (tmp_path / "detector.onnx").touch()
    with pytest.raises(UsageError, match=r"'detector\.onnx' has no tag in its name"):
        batch.from_folder(tmp_path)


def test_a_folder_without_models_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no model file"):
        batch.from_folder(tmp_path)


def test_a_manifest_says_what_is_stored(folder: Path, costdb: Costdb) -> None:
    manifest = folder / "models.csv"
    manifest.write_text(
        "file,tag,model,branch,git_sha\ndense-v3.onnx,a,first,,abc\ndense-v2.onnx,b,first,next,\n"
    )
    done = costdb(
        "ingest", "--manifest", manifest, "--author", "ann", "--git-sha", "def", "-f", "json"
    )
    assert done.code == 0, done.err
    shown = json.loads(costdb("show", "first@a", "--format", "json").out)
    assert (shown["git_sha"], shown["author"], shown["branch"]) == ("abc", "ann", "main")
    assert shown["analysis"]["totals"]["macs"] == 9
    assert json.loads(costdb("show", "first@b", "--format", "json").out)["git_sha"] == "def"
    history_of_b = json.loads(costdb("history", "first", "--branch", "next", "-f", "json").out)
    assert [entry["tag"] for entry in history_of_b["series"][0]["versions"]] == ["b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "has the columns none", id="empty"),
        pytest.param("path,tag\nx,y\n", "has the columns path, tag", id="columns"),
        pytest.param("file,tag,file\nx,y,z\n", "has the columns file, tag, file", id="twice"),
        pytest.param("file;tag\nx;y\n", "has the columns file;tag", id="semicolons"),
        pytest.param("file,tag\nx\n", "line 2 of .* lacks", id="short"),
        pytest.param("file,tag\nx,y,z\n", "line 2 of .* lacks", id="long"),
        pytest.param("file,tag\n,y\n", "line 2 of .* lacks", id="no-file"),
        pytest.param('file,tag\n"x,y\n', "cannot be read", id="quote"),
        pytest.param("file,tag\n\udc80,y\n", "cannot be read", id="no-text"),
    ],
)
def test_a_wrong_manifest_is_refused(tmp_path: Path, text: str, message: str) -> None:
    manifest = tmp_path / "models.csv"
    manifest.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError, match=message):
        batch.from_manifest(manifest)


def test_a_long_manifest_is_read_whatever_wrote_it(tmp_path: Path) -> None:
    manifest = tmp_path / "models.csv"
    rows = "".join(f"m{number}.onnx,v{number},m\r\n\r\n" for number in range(100_000))
    manifest.write_bytes(b"\xef\xbb\xbf" + f"file,tag,model\r\n{rows}".encode())
    entries = batch.from_manifest(manifest)
    assert len(entries) == 100_000
    assert entries[-1] == batch.Entry(str(tmp_path / "m99999.onnx"), tag="v99999", model="m")


def test_a_row_that_stands_twice_is_one_version(folder: Path, costdb: Costdb) -> None:
    manifest = folder / "models.csv"
    manifest.write_text("file,tag\ndense-v1.onnx,a\ndense-v1.onnx,a\ndense-v2.onnx,a\n")
    done = costdb("ingest", "--manifest", manifest, "--model", "dense")
    assert done.code == 1
    assert "3 files: 1 created, 1 unchanged, 1 failed" in done.out
    assert stored(folder.parent) == [("a", 1)]
    assert "dense-v2.onnx: dense@a" in done.err


def test_what_is_done_is_skipped_unless_the_file_has_changed(folder: Path, tmp_path: Path) -> None:
    entries = batch.from_folder(folder)
    journal, database = tmp_path / "done.jsonl", str(tmp_path / "costs.db")
    first = batch.ingest_all(entries, resume=journal, database=database)
    for _ in range(3):
        next(first)
    first.close()
    save_matmul(folder / "dense-v2.onnx", (1, 40), (40, 40))
    results = list(batch.ingest_all(entries, resume=journal, database=database, replace=True))
    statuses = [result.status for result in results]
    assert statuses[:3] == [None, IngestStatus.REPLACED, None]
    assert set(statuses[3:]) == {IngestStatus.CREATED}
    assert stored(tmp_path) == [("v1", 1), ("v2", 1600), *EXPECTED[2:]]


@pytest.fixture
def git(tmp_path: Path) -> Callable[..., None]:
    """Runs git in a new repository."""

    def run(*arguments: str) -> None:
        identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com"]
        command = ["/usr/bin/env", "git", *identity, *arguments]
        subprocess.run(command, cwd=tmp_path / "repo", check=True)

    (tmp_path / "repo").mkdir()
    run("init", "--quiet")
    return run


def test_the_tags_of_a_repository_fill_a_history(
    git: Callable[..., None], costdb: Costdb, tmp_path: Path
) -> None:
    model = tmp_path / "repo" / "models" / "dense.onnx"
    model.parent.mkdir()
    for number in (8, 9, 10, 11):
        save_matmul(model, (1, number), (number, number))
        if number == 10:
            model.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
        git("add", ".")
        git("commit", "--quiet", "--message", "weights")
        git("tag", "--annotate", f"v{number}", "--message", "release")
    pattern = ("--from-git", "models/*.onnx", "--repo", "repo")
    done = costdb("ingest", *pattern, "--since", "v9")
    assert done.code == 1
    assert "models/dense.onnx: no loader reads 'dense.onnx': it is a Git LFS pointer" in done.err
    assert stored(tmp_path) == [("v9", 81), ("v11", 121)]
    shown = json.loads(costdb("show", "dense@v9", "--format", "json").out)
    assert shown["analysis"]["artifact"]["path"] == "models/dense.onnx"
    unknown = costdb("ingest", *pattern, "--since", "v7")
    assert (unknown.code, unknown.out) == (2, "")
    assert "has no tag 'v7'" in unknown.err


def test_tags_of_a_bare_repository_are_read_and_resumed(
    git: Callable[..., None], costdb: Costdb, tmp_path: Path
) -> None:
    repository = tmp_path / "repo"
    save_matmul(repository / "dense.onnx", (1, 2), (2, 2))
    git("add", ".")
    git("commit", "-q", "-m", "one")
    git("tag", "v1")
    git("tag", "-a", "-m", "of a tag", "v1-again", "v1")
    git("tag", "a-single-file", "HEAD:dense.onnx")
    git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    given = ("ingest", "--repo", "bare.git", "--resume", "done.jsonl")
    done = costdb(*given, "--from-git", "*.onnx")
    assert done.code == 0, done
    assert "2 files: 2 created" in done.out
    assert "2 files: 2 done before" in costdb(*given, "--from-git", "*.onnx").out
    wrong = costdb(*given, "--from-git", "*.pb")
    assert (wrong.code, wrong.out) == (2, "")
    assert "no file at any of these tags fits '*.pb'" in wrong.err


def test_a_repository_without_tags_is_said(git: Callable[..., None], costdb: Costdb) -> None:
    git("commit", "-q", "--allow-empty", "-m", "one")
    done = costdb("ingest", "--repo", "repo", "--from-git", "*.onnx")
    assert (done.code, done.out) == (2, "")
    assert "'repo' has no tags" in done.err


@pytest.mark.parametrize(
    "name", ["nowhere/done.jsonl", "models", pytest.param("x" * 300, id="long")]
)
def test_where_nothing_can_be_noted_nothing_is_ingested(
    folder: Path, costdb: Costdb, name: str
) -> None:
    done = costdb("ingest", folder, "--tag-from-name", "--resume", name)
    assert (done.code, done.out) == (2, "")
    assert [line.partition(":")[0] for line in done.err.splitlines()] == ["error", "hint"]
    assert "bug" not in done.err


def test_no_repository_is_said(costdb: Costdb) -> None:
    done = costdb("ingest", "--from-git", "*.onnx")
    assert done.code == 2
    assert "not a git repository" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--tag-from-name"], "a folder goes with --tag-from-name", id="no-folder"),
        pytest.param(["x", "--manifest", "y"], "a folder goes with", id="both"),
        pytest.param(["--manifest", "y", "--from-git", "z"], "three ways", id="two-ways"),
        pytest.param(["x", "--tag-from-name", "--tag", "v1"], "--tag is for one file", id="tag"),
        pytest.param(["x", "--tag-from-name", "--hash"], "--hash is for one file", id="hash"),
        pytest.param([], "a FILE and its --tag are needed", id="nothing"),
        pytest.param(["--manifest", "y"], "'y' cannot be read", id="missing"),
        pytest.param(["x" * 300, "--tag-from-name"], "is no folder", id="long"),
    ],
)
def test_what_does_not_go_together_is_refused(
    costdb: Costdb, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = costdb("ingest", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert not (tmp_path / "costs.db").exists()


def program(
    tmp_path: Path, name: str, *arguments: str, without: Path | None = None
) -> "subprocess.Popen[bytes]":
    """Starts a program of Dask's; `without` is a folder of all packages but costdb."""
    environment = os.environ | {"DASK_DISTRIBUTED__WORKER__USE_FILE_LOCKING": "false"}
    if without is not None:
        environment["PYTHONPATH"] = str(without)
    return subprocess.Popen(
        [
            sys.executable,
            *([] if without is None else ["-S"]),
            *("-m", f"distributed.cli.{name}", "--no-dashboard", "--host", "127.0.0.1"),
            *("--scheduler-file", str(tmp_path / "scheduler.json"), *arguments),
        ],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def worker(tmp_path: Path, without: Path | None = None) -> "subprocess.Popen[bytes]":
    return program(tmp_path, "dask_worker", "--no-nanny", "--nthreads", "1", without=without)


@dataclass(frozen=True)
class Cluster:
    """A Dask scheduler and its workers, in processes of their own."""

    address: str
    scheduler: "subprocess.Popen[bytes]"
    workers: "list[subprocess.Popen[bytes]]"

    def await_workers(self, count: int) -> None:
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=60)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler that has no workers yet."""
    from distributed.utils import json_load_robust

    scheduler = program(tmp_path, "dask_scheduler", "--port", "0")
    try:
        about = json_load_robust(str(tmp_path / "scheduler.json"), timeout=60)
        found = Cluster(about["address"], scheduler, [])
        yield found
    finally:
        for process in (*found.workers, scheduler):
            process.kill()
            process.wait()


def test_a_worker_that_is_killed_loses_nothing(
    folder: Path, tmp_path: Path, cluster: Cluster
) -> None:
    cluster.workers.extend(worker(tmp_path) for _ in range(2))
    cluster.await_workers(2)
    with connected(cluster.address) as (executor, threads):
        results = batch.ingest_all(
            batch.from_folder(folder),
            jobs=threads,
            executor=executor,
            database=str(tmp_path / "costs.db"),
        )
        first = next(results)
        cluster.workers[0].send_signal(signal.SIGKILL)
        assert [result.error for result in (first, *results)] == [None] * MODELS
    assert threads == 2
    assert stored(tmp_path) == EXPECTED


def test_a_scheduler_that_goes_away_loses_nothing(
    folder: Path, tmp_path: Path, cluster: Cluster
) -> None:
    cluster.workers.append(worker(tmp_path))
    cluster.await_workers(1)
    journal, database = tmp_path / "done.jsonl", str(tmp_path / "costs.db")
    with connected(cluster.address) as (executor, _):
        results = batch.ingest_all(
            batch.from_folder(folder), executor=executor, resume=journal, database=database
        )
        next(results)
        cluster.scheduler.send_signal(signal.SIGKILL)
        with pytest.raises(WorkersLost, match=r"scheduler went away before .*dense-v\d\.onnx"):
            list(results)
    before = stored(tmp_path)
    assert before == EXPECTED[: len(before)]
    again = batch.ingest_all(batch.from_folder(folder), resume=journal, database=database)
    expected = [None] * len(before) + [IngestStatus.CREATED] * (MODELS - len(before))
    assert [result.status for result in again] == expected
    assert stored(tmp_path) == EXPECTED


def test_what_waits_for_a_worker_is_read_by_the_first_that_joins(
    folder: Path, costdb: Costdb, tmp_path: Path, cluster: Cluster
) -> None:
    with ThreadPoolExecutor() as pool:
        running = pool.submit(
            costdb, "ingest", folder, "--tag-from-name", "--dask", cluster.address
        )
        time.sleep(1)  # it would go on without: the worker may come before or after
        cluster.workers.append(worker(tmp_path))
        done = running.result()
    assert done.code == 0, done
    assert stored(tmp_path) == EXPECTED


def test_a_worker_without_costdb_is_named(
    folder: Path, costdb: Costdb, tmp_path: Path, cluster: Cluster
) -> None:
    without = tmp_path / "packages"
    without.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if "costdb" not in path.name and path.suffix != ".pth":
            (without / path.name).symlink_to(path)
    cluster.workers.append(worker(tmp_path, without))
    cluster.await_workers(1)
    done = costdb("ingest", folder, "--tag-from-name", "--dask", cluster.address)
    assert (done.code, done.out) == (2, "")
    assert re.match(r"error: the Dask worker tcp://[\d.:]+ lacks costdb [\d.]+, ", done.err)
    assert done.err.count("\n") == 2
    assert not (tmp_path / "costs.db").exists()


def test_a_file_whose_workers_died_fails_alone(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "0")
    cluster: Cluster = request.getfixturevalue("cluster")
    cluster.workers.extend(worker(tmp_path) for _ in range(2))
    cluster.await_workers(2)
    database = str(tmp_path / "costs.db")
    with connected(cluster.address) as (executor, threads):
        results = batch.ingest_all(
            batch.from_folder(folder), jobs=threads, executor=executor, database=database
        )
        first = next(results)
        cluster.workers[0].send_signal(signal.SIGKILL)
        errors = [result.error for result in (first, *results)]
    failed = [error for error in errors if error is not None]
    assert len(errors) == MODELS
    assert 0 < len(failed) < MODELS
    for error in failed:
        assert isinstance(error, ReaderCrashed)
        assert re.fullmatch(r"all Dask workers that were given .* died, 1 in all", error.message)
    again = batch.ingest_all(batch.from_folder(folder), database=database)
    assert [result.error for result in again] == [None] * MODELS
    assert sorted(stored(tmp_path)) == EXPECTED


@pytest.mark.parametrize("error", [ValueError("a bug"), PermissionError("another")])
def test_a_bug_on_a_worker_is_a_bug(error: Exception) -> None:
    assert explained(error, "a.onnx") is None


def test_an_executor_need_not_be_dask_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor need Dask be installed."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert explained(ValueError("a bug"), "a.onnx") is None


def test_a_file_that_cannot_even_be_looked_at_fails_alone(folder: Path, costdb: Costdb) -> None:
    manifest = folder / "models.csv"
    manifest.write_text(f"file,tag,model\n{'x' * 300},v1,a\nno\0name,v1,a\ndense-v1.onnx,v1,a\n")
    done = costdb("ingest", "--manifest", manifest, "--resume", "done.jsonl")
    assert done.code == 1
    assert "3 files: 2 failed, 1 created" in done.out
    assert "bug" not in done.err


def test_no_scheduler_is_said(folder: Path, costdb: Costdb) -> None:
    done = costdb("ingest", folder, "--tag-from-name", "--dask", "tcp://127.0.0.1:9")
    assert done.code == 2
    assert "no Dask scheduler answers at 'tcp://127.0.0.1:9'" in done.err


def test_no_layer_is_pickled_field_by_field() -> None:
    built = []
    for layers in (1, 50):
        graph = chain(layers)
        made = analysis(graph, cost=cost(graph))
        sent = pickle.dumps(made)
        assert pickle.loads(sent) == made  # noqa: S301 - our own
        built.append(sum(step.name == "BUILD" for step, *_ in pickletools.genops(sent)))
    assert built[0] == built[1]
