"""The main path, typed by hand: ingest, history, show, models, check."""

import json
from pathlib import Path

import pytest
from builders import onnx_models
from builders.command_line import Costdb


def conv(folder: Path, name: str, channels: int) -> Path:
    """A convolution on 32x32x3: MACs 30*30*27*channels without padding."""
    path = folder / name
    onnx_models.save_conv(path, (1, 3, 32, 32), (channels, 3, 3, 3), bias=True)
    return path


def macs(channels: int) -> int:
    return 30 * 30 * 27 * channels


def test_ingest_twice_changes_nothing_and_another_file_is_refused(
    costdb: Costdb, tmp_path: Path
) -> None:
    conv(tmp_path, "net.onnx", 16)
    conv(tmp_path, "other.onnx", 17)
    assert costdb("ingest", "net.onnx", "--tag", "v3").code == 0
    again = costdb("ingest", "net.onnx", "--tag", "v3")
    assert again.code == 0
    assert "nothing changed" in again.out
    before = costdb("history", "net", "--format", "json").out
    refused = costdb("ingest", "other.onnx", "--model", "net", "--tag", "v3")
    assert refused.code == 1
    digests = [
        json.loads(costdb("analyze", name, "--format", "json").out)["artifact"]["structure"]
        for name in ("net.onnx", "other.onnx")
    ]
    assert all(digest in refused.err for digest in digests)
    assert "--replace" in refused.err
    assert costdb("history", "net", "--format", "json").out == before
    assert costdb("ingest", "other.onnx", "--model", "net", "--tag", "v3", "--replace").code == 0


def test_history_lists_versions_in_the_order_of_storing(costdb: Costdb, tmp_path: Path) -> None:
    for tag, channels in (("v10", 16), ("v9", 16), ("v11", 24)):
        conv(tmp_path, "net.onnx", channels)
        assert costdb("ingest", "net.onnx", "--tag", tag).code == 0
    document = json.loads(costdb("history", "net", "--format", "json").out)
    assert document["schema"] == "costdb.history/1"
    (series,) = document["series"]
    assert (series["model"], series["point"], series["branch"]) == ("net", "default", "main")
    assert [version["tag"] for version in series["versions"]] == ["v10", "v9", "v11"]
    assert [version["totals"]["macs"] for version in series["versions"]] == [
        macs(16), macs(16), macs(24),
    ]  # fmt: skip
    table = costdb("history", "net", "--metric", "macs").out
    assert "+50.00 %" in table
    rows = costdb("history", "net", "--metric", "macs", "--format", "csv").out.splitlines()
    assert rows[0] == "model,point,branch,tag,ordinal,ingested_at,macs"
    assert [row.split(",")[-1] for row in rows[1:]] == [str(macs(c)) for c in (16, 16, 24)]
    assert costdb("history", "net", "--format", "markdown").out.count("| v") == 3


def test_a_version_that_got_worse_is_flagged_with_the_layers_that_did_it(
    costdb: Costdb, tmp_path: Path
) -> None:
    conv(tmp_path, "net.onnx", 16)
    costdb("ingest", "net.onnx", "--tag", "v1")
    first = costdb("check", "net")
    assert first.code == 0
    assert "no earlier version" in first.out
    assert costdb("check", "net", "--require-baseline").code == 4
    conv(tmp_path, "net.onnx", 24)
    costdb("ingest", "net.onnx", "--tag", "v2")
    done = costdb("check", "net", "--format", "json")
    assert done.code == 3
    document = json.loads(done.out)
    assert document["schema"] == "costdb.check/1"
    assert document["verdict"] == "regression"
    finding = next(
        entry
        for entry in document["findings"]
        if entry["metric"] == "macs" and entry["baseline"] == "previous v1"
    )
    assert finding["kind"] == "macs-increased"
    assert (finding["old"], finding["new"]) == (macs(16), macs(24))
    assert finding["limit"] == macs(16) * 105 // 100
    assert finding["rule"]
    assert finding["reason"]
    assert sum(part["change"] for part in finding["attribution"]) == macs(8)
    table = costdb("check", "net")
    assert table.code == 3
    assert "Conv" in table.out
    assert costdb("check", "net", "--fail-on", "never").code == 0


def test_a_file_that_is_in_no_database_is_gated(costdb: Costdb, tmp_path: Path) -> None:
    conv(tmp_path, "net.onnx", 16)
    costdb("ingest", "net.onnx", "--tag", "v1")
    conv(tmp_path, "new.onnx", 24)
    assert costdb("check", "new.onnx", "--against", "net@v1").code == 3
    assert costdb("check", "new.onnx", "--model", "net").code == 3
    assert costdb("check", "net.onnx", "--against", "net@v1").code == 0
    saved = tmp_path / "costs.json"
    saved.write_text(costdb("analyze", "net.onnx", "--format", "json").out)
    (tmp_path / "costs.db").unlink()
    assert costdb("check", "new.onnx", "--against", "costs.json").code == 3
    assert costdb("check", "new.onnx", "--against", "net.onnx").code == 3
    assert costdb("check", "net.onnx", "--against", "costs.json").code == 0


def test_check_all_judges_the_latest_version_of_every_model(costdb: Costdb, tmp_path: Path) -> None:
    for model, widths in {"a": (16, 16), "b": (16, 24)}.items():
        for number, channels in enumerate(widths):
            conv(tmp_path, "net.onnx", channels)
            costdb("ingest", "net.onnx", "--model", model, "--tag", f"v{number}")
    done = costdb("check", "--all", "--format", "json")
    assert done.code == 3
    verdicts = {
        (finding["model"], finding["verdict"]) for finding in json.loads(done.out)["findings"]
    }
    assert verdicts == {("a", "ok"), ("b", "regression")}


def test_a_policy_file_decides(costdb: Costdb, tmp_path: Path) -> None:
    for tag, channels in (("v1", 16), ("v2", 17)):
        conv(tmp_path, "net.onnx", channels)
        costdb("ingest", "net.onnx", "--tag", tag)
    policy = tmp_path / "policy.toml"
    policy.write_text('[[rules]]\nmetric = "macs"\nmax_increase = "10%"\n')
    assert costdb("check", "net", "--policy", "policy.toml").code == 0
    policy.write_text('[[rules]]\nmetric = "macs"\nbudget = "1 k"\n')
    assert costdb("check", "net", "--policy", "policy.toml").code == 3
    policy.write_text('[[rules]]\nmetrik = "macs"\n')
    wrong = costdb("check", "net", "--policy", "policy.toml")
    assert wrong.code == 1
    assert "metrik" in wrong.err
    assert "metric" in wrong.err.splitlines()[1]


def test_show_and_models_and_db(costdb: Costdb, tmp_path: Path) -> None:
    conv(tmp_path, "net.onnx", 16)
    costdb("ingest", "net.onnx", "--tag", "v1", "--git-sha", "abc123", "--author", "me")
    shown = json.loads(costdb("show", "net@v1", "--format", "json").out)
    assert shown["schema"] == "costdb.show/1"
    assert (shown["model"], shown["tag"], shown["git_sha"]) == ("net", "v1", "abc123")
    assert shown["analysis"] == {
        **json.loads(costdb("analyze", "net.onnx", "--format", "json").out),
        "artifact": shown["analysis"]["artifact"],
    }
    table = costdb("show", "net", "--by", "op").out
    assert "net@v1" in table
    assert "Conv" in table
    models = json.loads(costdb("models", "--format", "json").out)
    assert models["models"][0]["points"]["default"]["macs"] == macs(16)
    assert costdb("models", "list").out == costdb("models").out
    current = json.loads(costdb("db", "current", "--format", "json").out)
    assert current["backend"] == "sqlite"
    assert "nothing to do" in costdb("db", "upgrade").out


def test_analyze_needs_no_database(costdb: Costdb, onnx_file: Path, tmp_path: Path) -> None:
    done = costdb("analyze", onnx_file, "--format", "json")
    assert json.loads(done.out)["totals"]["macs"] == macs(16)
    assert done.err == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["history", "nte"], 1, "'net'", id="a model that is misspelt"),
        pytest.param(["show", "net@v2"], 1, "v1", id="no such version"),
        pytest.param(["history", "net", "--metric", "mac"], 2, "'macs'", id="no such metric"),
        pytest.param(["check"], 2, "--all", id="nothing to check"),
        pytest.param(["check", "net", "--all"], 2, "--all", id="too much to check"),
        pytest.param(["show", "net", "--point", "b32"], 1, "default", id="no such point"),
        pytest.param(["ingest", "net.onnx"], 2, "--tag", id="no tag"),
        pytest.param(["ingest", "net.onnx", "--tag", "a b"], 2, "tag", id="a tag with a space"),
        pytest.param(["ingest", "net.onnx", "--tag", "v", "--model", "a/b"], 2, "a/b", id="a slug"),
        pytest.param(["analyze", "net.onnx", "--dim", "b=2"], 1, "'b'", id="no such dimension"),
        pytest.param(["analyze", "net.onnx", "--input", "x"], 2, "x=1x3x224x224", id="no shape"),
        pytest.param(
            ["analyze", "net.onnx", "--loader", "onyx"], 1, "loaders: onnx", id="no loader"
        ),
        pytest.param(["check", "net", "--against", "net@v9"], 1, "v9", id="no such baseline"),
        pytest.param(["models", "--db", "none.db"], 1, "none.db", id="no such database"),
        pytest.param(["models", "--db", "mysql://x"], 1, "mysql", id="no such kind of database"),
    ],
)
def test_what_cannot_be_done_says_why_and_what_to_type(
    arguments: list[str], code: int, said: str, costdb: Costdb, tmp_path: Path
) -> None:
    conv(tmp_path, "net.onnx", 16)
    costdb("ingest", "net.onnx", "--tag", "v1")
    done = costdb(*arguments)
    assert done.code == code, done
    assert done.out == ""
    assert said in done.err
    assert "Traceback" not in done.err
