"""Drawings: what they show, read back from the SVG."""

import re
from itertools import pairwise
from xml.etree.ElementTree import Element, fromstring

import pytest

from costdb.report.plot import HEIGHT, WIDE, WIDTH, Bound, Flag, Line, Mark, Plot, svg


def line(*values: int | None, name: str = "macs") -> Line:
    return Line(name, tuple(enumerate(values)))


def drawing(*values: int | None, **changes: object) -> Element:
    versions = tuple(f"v{number}" for number in range(1, len(values) + 1))
    return drawn(Plot("macs of detector", "", versions, (line(*values),), **changes))  # type: ignore[arg-type]


def drawn(plot: Plot) -> Element:
    return fromstring(svg(plot))  # noqa: S314


def of_class(top: Element, name: str) -> list[Element]:
    return [element for element in top.iter() if name in element.get("class", "").split()]


def texts(top: Element, name: str) -> list[str]:
    return ["".join(element.itertext()) for element in of_class(top, name)]


def heights(top: Element) -> list[float]:
    """How high each dot stands over the bottom of the drawing."""
    return [HEIGHT - float(dot.attrib["cy"]) for dot in of_class(top, "dot")]


def test_more_is_higher_and_equal_is_level() -> None:
    low, same, high = heights(drawing(100, 100, 200))
    assert low == same < high


def test_a_change_that_is_small_beside_the_value_is_still_seen() -> None:
    # 3 % of the value is most of the drawing's height, since nothing else is drawn.
    low, high = heights(drawing(1_000, 1_030))
    assert high - low > 0.5 * (HEIGHT - 60)


def test_integers_that_a_float_cannot_tell_apart_are_apart() -> None:
    low, high = heights(drawing(4 * 10**18, 4 * 10**18 + 2))
    assert high > low + 10


@pytest.mark.parametrize(
    "values",
    [(0, 0, 0), (5,), (7, 7), (1,), (0,), (2**63 - 1, 2**63 - 2), (0, 10**18), (None, None), ()],
    ids=str,
)
def test_whatever_is_drawn_stays_inside(values: tuple[int | None, ...]) -> None:
    top = drawing(*values, marks=(Mark(0, 3, "+1,000,000.00 %", "regression"),) if values else ())
    for element in top.iter():
        for name in ("x", "cx"):
            assert 0 <= float(element.get(name, 0)) <= WIDTH
        for name in ("y", "cy"):
            assert 0 <= float(element.get(name, 0)) <= HEIGHT


def test_an_unknown_value_breaks_the_line() -> None:
    (path,) = of_class(drawing(1, 2, None, 4, 5), "line")
    assert path.attrib["d"].count("M") == 2
    assert "v3\nnot comparable" in texts(drawing(1, 2, None, 4, 5), "reading")


def test_each_version_says_its_numbers_when_it_is_pointed_at() -> None:
    said = texts(drawing(4_089_184_256, 4_089_184_256, 4_200_000_000), "reading")
    assert said == [
        "v1\n4.09 G (4,089,184,256)",
        "v2\n4.09 G (4,089,184,256)",
        "v3\n4.20 G (4,200,000,000), +2.71 %",
    ]


def test_lines_are_told_apart_where_there_are_several() -> None:
    plot = Plot("macs", "B", ("a", "b"), (line(1, 2, name="b1"), line(8, 16, name="b8")))
    assert texts(drawn(plot), "reading")[1] == "b\nb1: 2 B, +100.00 %\nb8: 16 B, +100.00 %"
    looks = [path.attrib["class"] for path in of_class(drawn(plot), "line")]
    assert looks == ["line s0", "line s1"]


def test_the_areas_to_point_at_cover_the_width_without_a_gap() -> None:
    areas = of_class(drawing(1, 2, 3, 4), "reading")
    edges = [
        (float(area.attrib["x"]), float(area.attrib["x"]) + float(area.attrib["width"]))
        for area in areas
    ]
    assert all(abs(a[1] - b[0]) < 0.2 for a, b in pairwise(edges))
    for area, (left, right) in zip(areas, edges, strict=True):
        assert left <= float(area.attrib["data-x"]) <= right


def test_bounds_and_marks_are_drawn_with_their_text() -> None:
    top = drawing(
        100, 134,
        bounds=(Bound("previous v1", 100, "baseline"), Bound("limit 105", 105, "limit")),
        marks=(Mark(1, 134, "+34.00 %", "regression"),),
    )  # fmt: skip
    assert texts(top, "bound") == ["", "previous v1", "", "limit 105"]
    assert texts(top, "mark") == ["+34.00 %"]
    ring, dot = of_class(top, "ring")[0], of_class(top, "dot")[1]
    assert (ring.get("cx"), ring.get("cy")) == (dot.get("cx"), dot.get("cy"))


def test_a_long_history_keeps_only_the_versions_at_which_something_changed() -> None:
    values = [1_000] * 5_000 + [1_200] * 5_000
    top = drawing(*values)
    assert [text.split("\n")[0] for text in texts(top, "reading")] == [
        "v1", "v5000", "v5001", "v10000",
    ]  # fmt: skip
    assert len(svg(Plot("m", "", tuple(map(str, values)), (line(*values),)))) < 20_000


def test_labels_of_versions_do_not_overlap_and_the_last_one_is_there() -> None:
    top = drawing(*range(1, 200))
    labels = [text for text in of_class(top, "middle") if float(text.attrib["y"]) > HEIGHT - 15]
    places = [float(label.attrib["x"]) for label in labels]
    assert all(b - a > 7 * 5 for a, b in pairwise(places))
    assert labels[-1].text == "v199"


def test_it_says_what_it_shows_to_those_who_do_not_see_it() -> None:
    top = drawing(1_000, None, 2_000)
    assert top.attrib["role"] == "img"
    assert top.attrib["aria-label"] == (
        "macs of detector over 3 versions, from 1.00 k at v1 to 2.00 k at v3"
    )
    assert drawing(None).attrib["aria-label"] == "macs of detector: no values"


def test_names_links_and_what_else_is_known_of_versions() -> None:
    top = drawing(
        100, 134, 134,
        flags=(Flag(1, "prod"), Flag(1, "<b>")),
        links="/versions/{}".format,
        notes={2: ["regression: macs +34 %"]},
    )  # fmt: skip
    assert texts(top, "flag") == ["", "prod, <b>"]
    assert [link.attrib["href"] for link in top.iter("a")] == [f"/versions/{n}" for n in range(3)]
    assert {link.attrib["tabindex"] for link in top.iter("a")} == {"-1"}
    assert texts(top, "reading")[1:] == [
        "v2\n134, +34.00 %\nprod\n<b>",
        "v3\n134\nregression: macs +34 %",
    ]


def test_names_that_would_cover_each_other_are_said_where_they_are_pointed_at() -> None:
    flags = tuple(Flag(place, f"release-{place}") for place in range(50))
    top = drawing(*range(1, 51), flags=flags)
    assert len(of_class(top, "flag")) < 60
    assert texts(top, "reading")[7].endswith("release-7")


def test_a_named_version_of_a_long_history_is_told_of_where_nothing_changed() -> None:
    top = drawing(*[7] * 1_000, flags=(Flag(500, "prod"),))
    assert texts(top, "reading") == ["v1\n7", "v501\n7\nprod", "v1000\n7"]


def test_a_history_that_changes_too_often_is_told_of_in_stretches() -> None:
    values = [1_000 + 7 * (place % 13) for place in range(6_000)]
    values[4_321] = 99_000
    top = drawing(*values, flags=(Flag(4_321, "prod"),), links=str)
    said = texts(top, "reading")
    # By hand: 6,000 versions are 150 stretches of 40; the 109th has version 4,322.
    assert len(said) == 150
    assert said[0] == "v1 to v40, 40 versions\nbetween 1.00 k and 1.08 k, 1.00 k at its end"
    assert said[108].startswith("v4321 to v4360, 40 versions\nbetween 1.00 k and 99.00 k")
    assert said[108].endswith("\nprod")
    assert of_class(top, "dot") == []
    (line_,) = of_class(top, "line")
    assert line_.attrib["d"].count("L") < 5 * 150
    top_of_it = min(float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", line_.attrib["d"]))
    assert top_of_it < HEIGHT / 5


def test_names_of_levels_that_lie_close_stand_beside_each_other() -> None:
    bounds = (Bound("warns over 101", 101, "limit"), Bound("fails over 105", 105, "limit"))
    top = drawing(100, 1_000, bounds=bounds)
    first, second = (float(each.attrib["x"]) for each in of_class(top, "bound") if each.text)
    assert second > first + 14 * 5


def test_labels_at_the_right_edge_cover_none() -> None:
    tags = tuple(f"2024.{number}.rc1" for number in range(10, 99))
    flags = (Flag(80, "staging-one"), Flag(88, "production"), Flag(0, "first"))
    plot = Plot("macs", "", tags, (line(*range(1, 90)),), flags=flags, size=WIDE)
    top = drawn(plot)
    assert sorted(filter(None, texts(top, "flag"))) == ["first", "production"]
    labels = [
        each for each in of_class(top, "label") if float(each.attrib["y"]) == WIDE.height - 10
    ]
    assert labels[-1].text == tags[-1]
    edges = [_edges(each) for each in labels]
    assert all(end < start for (_, end), (start, _) in pairwise(edges))


def _edges(label: Element) -> tuple[float, float]:
    width = len(label.text or "") * WIDE.character
    x = float(label.attrib["x"])
    start = x - width if "end" in label.attrib["class"] else x - width / 2
    return start, start + width


def test_marks_that_would_cover_another_have_no_text() -> None:
    marks = tuple(Mark(place, 100, "+1.00 %", kind) for place, kind in ((1, "warn"), (2, "warn")))
    top = drawing(*[100] * 90, marks=marks)
    assert [[text.text for text in mark.iter("text")] for mark in of_class(top, "mark")] == [
        ["+1.00 %"],
        [],
    ]
    assert len(of_class(top, "ring")) == 2


def test_what_is_drawn_need_not_be_versions() -> None:
    plot = Plot("bytes", "B", ("1 conv", "2 relu"), (line(8, 4),), step="layer", ticks=("1", "2"))
    assert drawn(plot).attrib["aria-label"].startswith("bytes over 2 layers")
    assert [each for each in texts(drawn(plot), "middle") if each.isdigit()] == ["1", "2"]
