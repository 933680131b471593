"""`costdb diff`, typed by hand: versions, files and saved analyses on either side."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from builders import hostile, onnx_models
from builders.command_line import Costdb, runner

from costdb import api
from costdb.report.diff_schema import DiffDocument
from costdb.trends.alignment import Change


def save(path: Path, channels: Sequence[int], names: Sequence[str], batch: int | str = 1) -> None:
    """Convolutions of 3x3 in a row on 3x32x32, of so many channels, under these names."""
    wires = ["x", *(f"t{position}" for position in range(1, len(names))), "y"]
    widths = [3, *channels]
    onnx_models.save(
        path,
        [
            onnx_models.node("Conv", [wires[n], f"w{n}"], [wires[n + 1]], name=name, pads=[1] * 4)
            for n, name in enumerate(names)
        ],
        [onnx_models.value("x", (batch, 3, 32, 32))],
        ["y"],
        [
            onnx_models.weight(f"w{n}", (widths[n + 1], widths[n], 3, 3))
            for n in range(len(channels))
        ],
    )


def macs(before: int, after: int) -> int:
    return 9 * before * after * 32 * 32


OLD, NEW = macs(3, 8) + macs(8, 8), macs(3, 8) + macs(8, 16) + macs(16, 8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models as files, as saved analyses, and as versions of `net`; v2 is also `prod`."""
    folder = tmp_path_factory.mktemp("diff")
    costdb = runner(folder)
    save(folder / "old.onnx", [8, 8], ["/stem/Conv", "/head/Conv"])
    save(folder / "new.onnx", [8, 16, 8], ["/stem/Conv", "/neck/Conv", "/head/Conv"])
    for name, tag in (("old", "v1"), ("new", "v2")):
        done = costdb("ingest", f"{name}.onnx", "--model", "net", "--tag", tag)
        assert done.code == 0, done
        saved = costdb("analyze", f"{name}.onnx", "--format", "json")
        (folder / f"{name}.json").write_text(saved.out)
    return folder


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("net@v1", "net@v2", id="versions"),
        pytest.param("net@v1", "net", id="a version and the latest"),
        pytest.param("old.onnx", "new.onnx", id="files"),
        pytest.param("old.json", "new.json", id="saved analyses"),
        pytest.param("net@v1", "new.onnx", id="a version and a file"),
        pytest.param("old.json", "net@v2", id="a saved analysis and a version"),
        pytest.param("old.onnx", "new.json", id="a file and a saved analysis"),
    ],
)
def test_either_side_may_be_any_of_these(
    old: str, new: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    found = api.diff(old, new, database="costs.db")
    total = found.difference.total("macs")
    assert (total.old, total.new) == (OLD, NEW)
    assert (found.old.name, found.new.name) == (old, "net@v2" if new == "net" else new)
    counts = {kind: number for kind, number in found.difference.layers.items() if number}
    # The head reads 16 channels now.
    assert counts == {Change.ADDED: 1, Change.CHANGED: 1, Change.UNCHANGED: 1}
    parts = {part.scope: part.change for part in found.difference.attribution["macs"]}
    assert parts == {"neck": macs(8, 16), "head": macs(16, 8) - macs(8, 8)}


def test_the_command_says_it_in_every_format(folder: Path) -> None:
    costdb = runner(folder)
    table = costdb("diff", "net@v1", "net@v2")
    assert (table.code, table.err) == (0, "")
    # 9*1024 * (24 + 128 + 128) instead of 9*1024 * (24 + 64): 280 / 88.
    assert table.out.startswith("macs +218.18 %: 67 % from neck (1 new Conv), 33 % from head (")
    assert "layers: 1 added, 1 changed, 1 unchanged" in table.out
    document = DiffDocument.model_validate_json(
        costdb("diff", "old.json", "new.onnx", "--format", "json").out
    )
    assert (document.totals["macs"].old, document.totals["macs"].new) == (OLD, NEW)
    assert (document.old.name, document.new.name) == ("old.json", "new.onnx")
    assert document.totals["macs"].percent == pytest.approx(100 * (280 / 88 - 1))
    assert [layer.change.value for layer in document.layers] == ["added", "changed"]
    rows = costdb(
        "diff", "net@v1", "net@v2", "--by", "layer", "--metric", "params", "--format", "csv"
    ).out.splitlines()
    assert rows == [
        "layer,op,output,old params,new params,change of params,what happened",
        "/neck/Conv,Conv,1x16x32x32,0,1152,1152,1 new Conv",
        "/head/Conv,Conv,1x8x32x32,576,1152,576,Conv changed 8x8x3x3 -> 8x16x3x3",
    ]
    markdown = costdb("diff", "net@v1", "net@v2", "--format", "markdown").out
    assert markdown.startswith("### macs \\+218.18 %: ")
    assert hostile.is_inert_in_markdown(markdown)


def test_files_need_no_database_and_make_none(folder: Path, tmp_path: Path) -> None:
    costdb = runner(tmp_path)
    names = folder / "old.onnx", folder / "new.json"
    done = costdb("diff", *names, "--all", "--by", "layer", "--format", "csv")
    assert done.code == 0
    assert done.out.count("\n") == 4
    assert list(tmp_path.iterdir()) == []


def test_two_files_of_one_name_are_told_apart(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "old.onnx"
    other.write_bytes((folder / "new.onnx").read_bytes())
    found = api.diff(str(folder / "old.onnx"), str(other))
    assert (found.old.name, found.new.name) == (str(folder / "old.onnx"), str(other))


@pytest.mark.parametrize(
    ("stored", "read", "point", "compared", "others"),
    [
        pytest.param(
            ["one:batch=1", "b4:batch=4"], ["b4:batch=4"], None, ("b4", "b4"), (), id="the same one"
        ),
        pytest.param(["b4:batch=4"], [], None, ("b4", "default"), (), id="none is the same"),
        pytest.param(
            ["one:batch=1", "b4:batch=4"], ["b4:batch=4", "one:batch=1"], "one", ("one", "one"),
            ("b4",), id="one of several",
        ),
    ],
)  # fmt: skip
def test_points(
    stored: list[str],
    read: list[str],
    point: str | None,
    compared: tuple[str, str],
    *,
    others: tuple[str, ...],
    tmp_path: Path,
) -> None:
    file, database = tmp_path / "net.onnx", str(tmp_path / "costs.db")
    save(file, [8], ["conv"], batch="batch")
    api.ingest(str(file), api.Reading(at=stored), tag="v1", database=database)
    found = api.diff("net@v1", str(file), api.Reading(at=read), point=point, database=database)
    assert (found.old.point, found.new.point) == compared
    assert found.other_points == others
    sizes = {"one": 1, "default": 1, "b4": 4}
    total = found.difference.total("macs")
    assert (total.old, total.new) == tuple(macs(3, 8) * sizes[name] for name in compared)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["net@v1", "net@v9"], 1, ["'v9'", "v1, v2"], id="no such version"),
        pytest.param(["net@v1", "nte"], 1, ["'nte' is no file", "'net'"], id="no such model"),
        pytest.param(["old.onnx", "no/such.onnx"], 1, ["no/such.onnx"], id="no such file"),
        pytest.param(["old.onnx"], 2, ["NEW"], id="one side"),
        pytest.param(["old.onnx", "new.onnx", "-m", "mac"], 2, ["'macs'"], id="no such metric"),
        pytest.param(
            ["old.json", "new.onnx", "--point", "b32"], 1, ["'b32'", "default"], id="no such point"
        ),
        pytest.param(
            ["other_rules.json", "net@v2"], 1, ["rules revision 999", "costdb analyze"],
            id="other rules",
        ),
        pytest.param(
            ["stored.json", "net@v2"], 1, ["the stored view", "costdb analyze"], id="another view"
        ),
        pytest.param(["broken.json", "net@v2"], 1, ["costdb.analysis/1"], id="no analysis"),
        pytest.param(["empty.onnx", "net@v2"], 1, ["empty.onnx"], id="an empty file"),
        pytest.param(
            ["net@v1", "net@v2", "--db", "none.db"], 1, ["'net@v1' is no file", "none.db"],
            id="no database",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_says_why(
    arguments: list[str], code: int, said: list[str], folder: Path
) -> None:
    document = json.loads((folder / "old.json").read_text())
    (folder / "other_rules.json").write_text(json.dumps({**document, "rules": 999}))
    (folder / "stored.json").write_text(json.dumps({**document, "view": "stored"}))
    (folder / "broken.json").write_text('{"schema": "costdb.analysis/1"')
    (folder / "empty.onnx").write_bytes(b"")
    done = runner(folder)("diff", *arguments)
    assert (done.code, done.out) == (code, ""), done
    assert all(word in done.err for word in said), done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("output_format", ["table", "markdown", "csv", "json"])
def test_hostile_names_are_inert(output_format: str, tmp_path: Path, costdb: Costdb) -> None:
    # ONNX stores names as UTF-8, which has no surrogates.
    names = [name.replace("\ud800", "") for name in hostile.NAMES.values()]
    save(tmp_path / "old.onnx", [4] * len(names), names)
    save(tmp_path / "new.onnx", [5] * len(names), [f"{name}/new" for name in names])
    done = costdb("diff", "old.onnx", "new.onnx", "--by", "layer", "--format", output_format)
    assert done.code == 0, done
    is_inert = {
        "table": hostile.is_inert_in_terminal,
        "markdown": hostile.is_inert_in_markdown,
        "csv": hostile.is_inert_in_csv,
        "json": hostile.is_inert_in_terminal,
    }[output_format]
    assert is_inert(done.out), done.out
