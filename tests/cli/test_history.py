"""`costdb history`, typed by hand."""

import csv
import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
from builders import hostile
from builders.analyses import NOW, analysis
from builders.command_line import Costdb, runner

from costdb.store import open_store, schema
from costdb.store.database import write_transaction
from costdb.store.write import ingest

# Not all that may be in a name is allowed in a tag: no spaces, no "@", nothing invisible.
HOSTILE_TAGS = [
    "[bold]x[/]",
    "<script>alert(1)</script>",
    "|**b**`c`[l](https://e.example)#",
    "=cmd|'/c'!A1",
    "+1",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with two points, a version a day, the second archived; and one with hostile tags."""
    from sqlalchemy import update

    folder = tmp_path_factory.mktemp("history")
    with open_store(str(folder / "costs.db")) as store:
        for day, width in enumerate((8, 12, 8, 16)):
            points = [analysis(width=width, point=point) for point in ("default", "b32")]
            moment = NOW + timedelta(days=day)
            ingest(store.engine, points, model="net", tag=f"v{day + 1}", now=moment)
        for number, tag in enumerate(HOSTILE_TAGS):
            made = [analysis(width=20 + number)]
            ingest(store.engine, made, model="odd", tag=tag, branch=f"<b>{number}</b>", now=NOW)
        with write_transaction(store.engine) as connection:
            is_second = schema.version.c.tag == "v2"
            connection.execute(update(schema.version).where(is_second).values(archived_at=NOW))
    return folder


def csv_rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param([], "b32 v1 v3 v4 default v1 v3 v4", id="all points"),
        pytest.param(["--archived"], "b32 v1 v2 v3 v4 default v1 v2 v3 v4", id="archived, too"),
        pytest.param(["--point", "b32"], "b32 v1 v3 v4", id="one point"),
        pytest.param(["--point", "b32", "--point", "default", "--last", "1"],
                     "b32 v4 default v4", id="two points and the last"),
        pytest.param(["--point", "b32", "--since", "v3"], "b32 v3 v4", id="since a tag"),
        pytest.param(["--point", "b32", "--since", "2026-03-02", "--until", "2026-03-03"],
                     "b32 v3", id="between days"),
        pytest.param(["--point", "b32", "--branch", "dev"], "", id="another branch"),
    ],
)  # fmt: skip
def test_what_is_shown(arguments: list[str], expected: str, folder: Path) -> None:
    done = runner(folder)("history", "net", *arguments, "--metric", "macs", "--format", "csv")
    assert done.code == 0, done
    tags: dict[str, list[str]] = {}
    for row in csv_rows(done.out):
        tags.setdefault(row["point"], []).append(row["tag"])
    assert " ".join(f"{point} {' '.join(tags[point])}" for point in sorted(tags)) == expected


def test_several_models_are_series_of_their_own(folder: Path) -> None:
    done = runner(folder)("history", "net", "odd", "--format", "json", "-m", "macs,operations")
    document = json.loads(done.out)
    assert {line["model"] for line in document["series"]} == {"net", "odd"}
    version = document["series"][0]["versions"][0]
    # What counts multiply-accumulates and integer operations alike: FLOPs and int_ops.
    totals = version["totals"]
    assert version["derived"] == {"operations": totals["flops"] + totals["int_ops"]}


def test_where_nothing_fits_that_is_said_beside_the_answer(folder: Path) -> None:
    costdb = runner(folder)
    table = costdb("history", "net", "--branch", "none")
    assert (table.code, table.out) == (0, "")
    assert table.err.startswith("no version fits: ")
    document = costdb("history", "net", "--branch", "none", "--format", "json")
    assert (json.loads(document.out)["series"], document.err) == ([], "")


def test_a_table_draws_changes_and_sparklines(folder: Path) -> None:
    costdb = runner(folder)
    done = costdb("history", "net", "--point", "default", "-m", "macs", PYTHONIOENCODING="utf-8")
    lines = [line.split() for line in done.out.splitlines()]
    # The builder's totals: macs are 1000 * width + 3, for widths of 8, 8 and 16.
    assert lines[2:7] == [
        ["tag", "ingested", "(UTC)", "macs", "change"],
        ["v1", "2026-03-01", "12:30", "8.00", "k"],
        ["v3", "2026-03-03", "12:30", "8.00", "k"],
        ["┄┄┄┄┄┄", "▲", "+99.96", "%"],
        ["v4", "2026-03-04", "12:30", "16.00", "k"],
    ]
    assert lines[-1] == ["macs", "▁▁█", "8.00", "k", "->", "16.00", "k,", "+99.96", "%"]
    ascii_only = costdb("history", "net", "-m", "macs", PYTHONIOENCODING="ascii")
    assert ascii_only.code == 0
    assert ascii_only.out.isascii()
    assert "__#" in ascii_only.out


def test_a_name_that_the_encoding_lacks_is_spelt_out(tmp_path: Path, costdb: Costdb) -> None:
    with open_store(str(tmp_path / "costs.db")) as store:
        ingest(store.engine, [analysis()], model="net", tag="vé", now=NOW)
    done = costdb("history", "net", PYTHONIOENCODING="ascii")
    assert (done.code, done.err) == (0, "")
    assert "v\\xe9" in done.out


@pytest.mark.parametrize("output_format", ["table", "markdown", "csv", "json"])
def test_hostile_tags_and_branches_are_inert(output_format: str, folder: Path) -> None:
    done = runner(folder)("history", "odd", "--format", output_format, PYTHONIOENCODING="utf-8")
    assert done.code == 0, done
    is_inert = {
        "table": hostile.is_inert_in_terminal,
        "markdown": hostile.is_inert_in_markdown,
        "csv": hostile.is_inert_in_csv,
        "json": hostile.is_inert_in_terminal,
    }[output_format]
    assert is_inert(done.out), done.out
    if output_format == "table":
        assert all(tag in done.out for tag in HOSTILE_TAGS)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["nte"], 1, "'net'", id="a model that is misspelt"),
        pytest.param(["net", "nobody"], 1, "'nobody'", id="one of several"),
        pytest.param(["net", "odd", "--since", "v3"], 1, "'odd' has no version 'v3'", id="a tag"),
        pytest.param(["net", "-m", "macs,operation"], 2, "'operations'", id="no such metric"),
        pytest.param(["net", "--last", "0"], 2, "--last", id="the last none"),
        pytest.param(["--since", "v1"], 2, "name the model", id="a tag of no model"),
    ],
)
def test_what_cannot_be_shown_says_why(
    arguments: list[str], code: int, said: str, folder: Path
) -> None:
    done = runner(folder)("history", *arguments)
    assert (done.code, done.out) == (code, ""), done
    assert said in done.err
    assert "Traceback" not in done.err
