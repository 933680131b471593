"""Parts of a model as boxes: as wide as what they cost, and leading into them."""

import re
from dataclasses import dataclass
from itertools import pairwise
from xml.etree.ElementTree import Element, fromstring

import pytest
from builders.costs import layer

from costdb.contracts import Counts
from costdb.cost.result import LayerCost
from costdb.report.icicle import LEVELS, Part, is_in, own_name, part_of, svg


def made(scope: str, macs: int, name: str = "") -> LayerCost:
    return layer("Conv", name or f"{scope}/conv", scope=scope, counts=Counts(macs=macs))


MODEL = [made("net/encoder/1", 10), made("net/encoder/2", 20), made("net/head", 70), made("", 0)]


@dataclass
class Box:
    """A box as it is drawn."""

    said: str
    left: float
    width: float
    level: int
    href: str
    text: str


def boxes(layers: list[LayerCost], scope: str = "") -> list[Box]:
    placed = [(n, each) for n, each in enumerate(layers) if is_in(each, scope)]
    top = part_of(placed, scope, "macs")
    drawing = fromstring(svg(top, "macs", address))  # noqa: S314
    return [_box(element) for element in drawing if "reading" in element.attrib["class"]]


def address(part: Part) -> str:
    return f"module:{part.path}" if part.layer is None else f"layer:{part.layer}"


def _box(element: Element) -> Box:
    shape = element.find("svg")
    assert shape is not None
    left, width = (float(shape.attrib[name].removesuffix("%")) for name in ("x", "width"))
    level = int(shape.attrib["y"]) // 30
    said, text = (element.findtext(name) or "" for name in ("title", "svg/text"))
    return Box(said, left, width, level, element.get("href", ""), text)


def test_a_box_is_as_wide_as_its_share_and_lies_below_its_module() -> None:
    found = [(box.href, box.level, box.left, box.width) for box in boxes(MODEL)]
    assert found == [
        ("module:", 0, 0, 100),
        ("module:net", 1, 0, 100),
        ("module:net/encoder", 2, 0, 30),
        ("module:net/encoder/1", 3, 0, 10),
        ("layer:0", 4, 0, 10),
        ("module:net/encoder/2", 3, 10, 20),
        ("layer:1", 4, 10, 20),
        ("module:net/head", 2, 30, 70),
        ("layer:2", 3, 30, 70),
    ]


def test_a_box_says_what_it_is_and_shows_its_name_where_there_is_room() -> None:
    whole, net, encoder, *_, head, conv = boxes(MODEL)
    assert whole.said == "the whole model\n4 layers, 100 macs, 100 %"
    assert (net.text, encoder.said) == ("net", "net/encoder\n2 layers, 30 macs, 30 %")
    assert head.said == "net/head\n1 layer, 70 macs, 70 %"
    assert (conv.said, conv.text) == ("net/head/conv\nlayer, 70 macs, 70 %", "conv")


def test_a_module_is_drawn_over_the_whole_width() -> None:
    top, *_, last = boxes(MODEL, "net/encoder")
    assert (top.href, top.width) == ("module:net/encoder", 100)
    # By hand: 20 of 30.
    assert (last.href, last.left, last.width) == ("layer:1", 33.333, 66.667)


def test_what_is_too_narrow_is_drawn_together() -> None:
    layers = [made("a", 4_000_000), *(made(f"b{n}", 1_000) for n in range(9))]
    *_, rest = boxes(layers)
    assert (rest.said, rest.href) == ("9 smaller parts\n9.00 k macs, <1 %", "")


def test_no_more_levels_are_drawn_than_can_be_read() -> None:
    deep = "/".join("abcdefghijkl")
    assert max(box.level for box in boxes([made(deep, 5)])) == LEVELS - 1
    assert len(boxes([made("/".join("a" * 50_000), 5)])) == LEVELS


def test_boxes_of_one_level_do_not_overlap() -> None:
    layers = [made(f"m{n % 7}/k{n % 3}", n) for n in range(60)]
    found = boxes(layers)
    for level in range(max(box.level for box in found) + 1):
        row = sorted((box.left, box.width) for box in found if box.level == level)
        for (left, width), (following, _) in pairwise(row):
            assert left + width <= following + 0.01
        assert sum(width for _, width in row) == pytest.approx(100, abs=0.1)


@pytest.mark.parametrize(
    ("name", "scope", "own"),
    [("net/head/conv", "net/head", "conv"), ("conv_1", "net", "conv_1"), ("net/", "net", "net/")],
)
def test_a_layers_own_name_is_without_its_module(name: str, scope: str, own: str) -> None:
    assert own_name(made(scope, 1, name)) == own


def test_names_are_text() -> None:
    drawing = svg(part_of([(0, made('<b "', 5))], "", "macs"), "macs", lambda part: part.path)
    assert re.findall(r"<b\b", drawing) == []
