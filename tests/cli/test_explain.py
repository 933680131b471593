"""`costdb explain` as typed."""

import json
from pathlib import Path

import pytest
from builders.command_line import Costdb


def test_a_table_says_where_the_totals_part(costdb: Costdb, pb_file: Path) -> None:
    done = costdb("explain", pb_file, "--convention", "fvcore")
    assert (done.code, done.err) == (0, "")
    assert "fvcore differs from costdb by" in done.out or "the two agree" in done.out


def test_the_numbers_of_a_frozen_graph_add_up(costdb: Costdb, pb_file: Path) -> None:
    done = costdb("explain", pb_file, "--convention", "tf-profiler", "--format", "json")
    document = json.loads(done.out)
    assert (document["schema"], document["unit"]) == ("costdb.explain/1", "FLOPs")
    # 32 * 32 outputs of 16 channels: 27 weights twice, and a multiplication and an addition of the
    # batch norm; of its 16 channels: add epsilon, 2 for the root, 2 multiplications, a subtraction.
    assert document["total"]["convention"] == 32 * 32 * 16 * (2 * 27 + 2) + 16 * 6
    assert sum(entry["difference"] for entry in document["layers"]) == (
        document["total"]["convention"] - document["total"]["costdb"]
    )
    analysis = json.loads(costdb("analyze", pb_file, "--format", "json").out)
    assert document["total"]["costdb"] == analysis["totals"]["flops"]


def test_layers_one_by_one_as_csv_and_markdown(costdb: Costdb, pb_file: Path) -> None:
    listed = costdb("explain", pb_file, "--convention", "2mac", "--by", "layer", "-f", "csv").out
    heading, row = listed.splitlines()
    assert heading == "layer,op,output,costdb,2mac,difference,reason"
    # The bias that the folded batch norm leaves makes up for 2n - 1; the ReLU is left.
    assert row.split(",")[1:] == [
        "Relu",
        "1x32x32x16",
        *("16384", "0", "-16384"),
        "2mac counts dot products alone; costdb counts comparisons",
    ]
    assert "| costdb |" in costdb("explain", pb_file, "-f", "markdown").out


def test_the_article_is_the_default(costdb: Costdb, onnx_file: Path) -> None:
    assert "the two agree, layer by layer" in costdb("explain", onnx_file).out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["--convention", "fvcor"], 2, "did you mean 'fvcore'?", id="a typing error"),
        pytest.param(["--convention", "?"], 2, "2mac, article, fvcore", id="no such convention"),
        pytest.param(
            ["--convention", "tf-profiler"],
            1,
            "tf-profiler counts tensorflow files",
            id="another's",
        ),
        pytest.param(["--input", "y=1"], 1, "no input 'y'", id="a binding that does not fit"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    costdb: Costdb, onnx_file: Path, arguments: list[str], code: int, said: str
) -> None:
    done = costdb("explain", onnx_file, *arguments)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert "Traceback" not in done.err
