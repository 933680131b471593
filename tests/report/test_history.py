"""What a history says, in each output."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from builders import hostile
from builders.costs import graph_cost, layer

from costdb.contracts import Coverage
from costdb.cost.result import METRICS
from costdb.report import text
from costdb.report.history import (
    history_csv,
    history_document,
    history_json,
    history_listings,
    history_rows,
)
from costdb.report.listing import Listing, cells_by_column
from costdb.report.sparkline import ASCII, BLOCKS
from costdb.store.records import Series, SeriesPoint

DAY = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)


def version(
    tag: str, macs: int | None, params: int = 8, *, is_archived: bool = False, unknown: int = 0
) -> SeriesPoint:
    layers = [
        layer("MatMul", macs=macs or 0, params=params, weight_bytes=4 * params),
        *[layer("Odd", coverage=Coverage.UNKNOWN)] * unknown,
    ]
    totals = None if macs is None else graph_cost(layers).totals
    return SeriesPoint(tag, 1024, DAY, "abc", "digest", totals, 1, is_archived)


def series(*versions: SeriesPoint, model: str = "net", point: str = "default") -> Series:
    return Series(model, point, "main", versions)


LINE = series(
    version("v1", 1_814_073_344), version("v2", 1_814_073_344), version("v3", 4_089_184_256)
)
# 4,089,184,256 / 1,814,073,344 - 1, by hand.
CHANGE = "+125.41 %"


def rows(listing: Listing) -> list[tuple[str, ...]]:
    """As they are shown, without the time of the ingest."""
    tags, _, *cells = cells_by_column(listing, str)
    return list(zip(tags, *cells, strict=True))


def test_a_change_is_drawn_before_the_version_that_made_it() -> None:
    (listing,) = history_listings([LINE], ["macs", "params"], BLOCKS)
    assert rows(listing) == [
        ("v1", "1.81 G", "", "8", ""),
        ("v2", "1.81 G", "", "8", ""),
        ("", "┄┄┄┄┄┄", f"▲ {CHANGE}", "", ""),
        ("v3", "4.09 G", "", "8", ""),
    ]
    assert listing.footer == (
        f"macs    ▁▁█  1.81 G -> 4.09 G, {CHANGE}",
        "params  ▁▁▁  8, unchanged",
    )


def test_without_a_pen_it_stands_in_the_row_of_the_version() -> None:
    (listing,) = history_listings([LINE], ["macs"])
    assert rows(listing) == [("v1", "1.81 G", ""), ("v2", "1.81 G", ""), ("v3", "4.09 G", CHANGE)]
    assert listing.footer == ()


@pytest.mark.parametrize(
    ("macs", "drawn", "told"),
    [
        pytest.param([100, 75], ["------ v -25.00 %"], "#_  100 -> 75, -25.00 %", id="down"),
        pytest.param([0, 5], ["------ ^ new (0 -> 5)"], "_#  0 -> 5, new (0 -> 5)", id="from 0"),
        pytest.param(
            [4_100_000_000, 4_100_000_002], ["------ ^ +2"],
            "_#  4,100,000,000 -> 4,100,000,002, +2", id="2 of 4.1e9",
        ),
        pytest.param(
            [7, 9, 7], ["------ ^ +28.57 %", "------ v -22.22 %"], "_#_  7, as at the start",
            id="there and back",
        ),
        pytest.param([7], [], None, id="one version"),
        pytest.param([7, None, 9], ["------ ^ +28.57 %"], "_ #  7 -> 9, +28.57 %", id="a gap"),
        pytest.param([None, None], [], None, id="nothing known"),
    ],
)  # fmt: skip
def test_changes(macs: list[int | None], drawn: list[str], told: str | None) -> None:
    line = series(*(version(f"v{n}", value) for n, value in enumerate(macs)))
    (listing,) = history_listings([line], ["macs"], ASCII)
    assert [" ".join(row[1:]) for row in rows(listing) if not row[0]] == drawn
    sparklines = [entry for entry in listing.footer if entry.startswith("macs  ")]
    assert sparklines == ([] if told is None else [f"macs  {told}"])


def test_derived_metrics_are_computed_on_reading() -> None:
    line = series(version("v1", 32, 8), version("v2", 64, 8), version("v3", None))
    (listing,) = history_listings([line], ["macs_per_parameter"], ASCII)
    assert rows(listing) == [
        ("v1", "4.00", ""), ("", "------", "^ +100.00 %"), ("v2", "8.00", ""), ("v3", "-", ""),
    ]  # fmt: skip
    assert listing.footer[0] == "macs_per_parameter  _#   4.00 -> 8.00, +100.00 %"
    assert [row[-1] for row in history_rows([line], ["macs_per_parameter"]).rows] == [4, 8, None]
    versions = history_document([line], ["macs_per_parameter"])["series"][0]["versions"]
    assert [entry["derived"] for entry in versions] == [
        {"macs_per_parameter": value} for value in (4, 8, None)
    ]


def test_a_derived_metric_of_nothing_is_new() -> None:
    line = series(version("v1", 0), version("v2", 16))
    (listing,) = history_listings([line], ["macs_per_parameter"])
    assert rows(listing)[1] == ("v2", "2.00", "new (0 -> 2.00)")


def test_points_are_series_of_their_own_and_say_so() -> None:
    lines = [LINE, series(version("v1", 5), point="b32"), replace(LINE, branch="dev")]
    assert [listing.title for listing in history_listings(lines, ["macs"])] == [
        "net", "net (b32)", "net (dev)",
    ]  # fmt: skip
    listing = history_rows(lines, ["macs"])
    assert [row[1] for row in listing.rows] == ["default"] * 3 + ["b32"] + ["default"] * 3


def test_what_cannot_be_compared_is_said() -> None:
    line = series(
        version("v1", None), version("v2", 5, unknown=1), version("v3", 5, is_archived=True)
    )
    (listing,) = history_listings([line], ["macs"])
    assert listing.footer == (
        "lower bounds, since some layers have no counting rule: v2",
        "counted by other rules, not comparable: v1; run: costdb recost",
    )
    assert rows(listing)[2][0] == "v3 (archived)"


def test_of_many_tags_a_note_names_some() -> None:
    (listing,) = history_listings([series(*(version(f"v{n}", None) for n in range(30)))], ["macs"])
    listed = "v0, v1, v2, v3, v4, ..., v25, v26, v27, v28, v29 (30 versions)"
    assert f"counted by other rules, not comparable: {listed}; run: costdb recost" in listing.footer


def test_the_json_has_what_it_promises() -> None:
    document = json.loads(json.dumps(history_document([LINE])))
    assert document["schema"] == "costdb.history/1"
    (line,) = document["series"]
    assert {"model", "point", "branch", "versions"} <= line.keys()
    first = line["versions"][0]
    assert (first["tag"], first["ordinal"], first["ingested_at"]) == ("v1", 1024, DAY.isoformat())
    assert list(first["totals"]) == list(METRICS)
    assert first["totals"]["macs"] == 1_814_073_344
    assert (first["archived"], first["derived"]) == (False, {})


MANY = [
    *(series(version(f"v{n}", n), version(f"w{n}", n)) for n in range(3)),
    series(version("v1", 5), point="b32"),
]
WHOLE = [series(*(each for piece in MANY[:3] for each in piece.versions)), MANY[3]]


@pytest.mark.parametrize(
    ("pieces", "whole"),
    [([], []), ([LINE], [LINE]), (MANY, WHOLE)],
    ids=["nothing", "one piece", "several pieces of two series"],
)
def test_what_is_written_bit_by_bit_is_what_is_written_as_a_whole(
    pieces: list[Series], whole: list[Series]
) -> None:
    for metrics in (["macs"], ["macs", "operations"]):
        document = history_document(whole, metrics)
        assert "".join(history_json(pieces, metrics)) == json.dumps(document, indent=2)
        rows = text.comma_separated(history_rows(whole, metrics))
        assert "".join(history_csv(pieces, metrics)) == rows


@pytest.mark.parametrize("name", hostile.NAMES.values(), ids=hostile.NAMES)
def test_names_are_inert(name: str) -> None:
    # The store refuses most of these as tags; what is printed does not depend on that.
    versions = [version(name, 5), version(f"{name}2", 6), version(f"{name}3", None)]
    lines = [replace(series(*versions, model=name, point=name), branch=name)]
    for pen in (None, BLOCKS, ASCII):
        listings = list(history_listings(lines, ["macs"], pen))
        assert hostile.is_inert_in_terminal(hostile.table(listings))
        assert hostile.is_inert_in_markdown(hostile.markdown(listings))
    assert hostile.is_inert_in_csv(text.comma_separated(history_rows(lines, ["macs"])))
    written = "".join(history_json(lines, ["macs"]))
    assert hostile.is_inert_in_terminal(written)
    assert json.loads(written)["series"][0]["model"] == name
