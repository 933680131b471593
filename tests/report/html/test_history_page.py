"""The page of a history."""

from dataclasses import replace

from builders.findings import NOW, series
from builders.html import Element, of_class, parsed, said

from costdb.report.html.history import history_page
from costdb.store.records import Series


def page(*lines: Series, metrics: tuple[str, ...] = ("macs", "weight_bytes")) -> Element:
    return parsed(history_page(lines, metrics, made_at=NOW))


def test_each_metric_of_each_model_is_a_plot_with_its_numbers_below() -> None:
    top = page(series(1_000, 1_000, 1_500), series(7, model="ocr"))
    assert [said(caption) for caption in top.iter("figcaption")] == ["macs", "weight_bytes"] * 2
    assert said(of_class(top, "note")[0]) == (
        "3 versions, v1 to v3: macs 1.00 k -> 1.50 k, +50.00 %; weight_bytes 4.00 kB -> 6.00 kB,"
        " +50.00 %"
    )
    assert said(of_class(top, "note")[1]) == "1 version"
    rows = [[said(cell) for cell in row] for row in next(top.iter("tbody"))]
    assert [row[0] for row in rows] == ["v1", "v2", "v3"]
    assert "+50.00 %" in rows[2]


def test_points_and_branches_are_lines_with_a_legend() -> None:
    lines = (
        series(1_000, 1_100),
        series(8_000, 8_800, point="b8"),
        series(1_000, 2_000, branch="wide"),
    )
    figure = next(iter(page(*lines).iter("figure")))
    assert [said(button) for button in figure.iter("button")] == [
        "default, main", "b8, main", "default, wide",
    ]  # fmt: skip
    assert len(of_class(figure, "line")) == 3


def test_lines_that_are_the_same_are_drawn_once() -> None:
    top = page(series(1_000, 1_100), series(1_000, 1_100, point="b8"))
    assert len(of_class(next(iter(top.iter("figure"))), "line")) == 1
    assert list(top.iter("button")) == []


def test_versions_of_branches_stand_in_the_order_of_storing() -> None:
    main, wide = series(1, 2, 3), series(1, 2, 3, branch="wide")
    late = replace(wide, versions=tuple(
        replace(version, tag=f"w{n}", ordinal=version.ordinal + 512)
        for n, version in enumerate(wide.versions, 1)
    ))  # fmt: skip
    top = page(main, late, metrics=("macs",))
    tags = [said(reading).split()[0] for reading in of_class(top, "reading")]
    assert tags == ["v1", "w1", "v2", "w2", "v3", "w3"]


def test_the_largest_changes_are_written_beside_the_line() -> None:
    top = page(series(1_000, 1_340, 1_350, 1_000), metrics=("macs",))
    assert [said(mark) for mark in of_class(top, "mark")] == ["+34.00 %", "-25.93 %"]


def test_a_version_under_other_rules_is_a_gap() -> None:
    top = page(series(1_000, None, 1_000), metrics=("macs",))
    (line,) = of_class(top, "line")
    assert line.get("d").count("M") == 2
    assert "not comparable" in said(top)


def test_a_derived_metric_need_not_be_whole() -> None:
    # Of these networks each parameter takes four bytes and takes part in one multiplication.
    metrics = ("bytes_per_parameter", "arithmetic_intensity", "macs_per_parameter")
    top = page(series(1_000, 1_500), metrics=metrics)
    labels = [drawing.get("aria-label") for drawing in of_class(top, "plot") if drawing.get("role")]
    assert labels == [
        "bytes_per_parameter of detector over 2 versions, from 4.00 at v1 to 4.00 at v2",
        "arithmetic_intensity of detector: no values",
        "macs_per_parameter of detector over 2 versions, from 1.00 at v1 to 1.00 at v2",
    ]
    assert "4.00" in said(of_class(top, "reading")[0])


def test_no_model_is_a_page_too() -> None:
    assert "What 0 models cost" in said(page())
