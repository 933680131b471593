"""One version: its totals, its parts, its memory."""

from pathlib import Path

import pytest
from builders.analyses import NOW, analysis, state_dict
from builders.html import Element, addresses, of_class, said, tables
from builders.pages import ODD_TAGS, MakeVisitor, Visitor, add

from costdb.cost.engine import cost
from costdb.server.pages import links
from costdb.store import open_store
from costdb.store.write import ingest


def boxes(page: Element) -> dict[str, str]:
    """What each box of the icicle says -> where it leads."""
    (drawing,) = (each for each in of_class(page, "icicle") if each.get("role") == "group")
    return {
        said(next(each for each in link.iter() if each.tag.endswith("title"))): link.get("href")
        for link in of_class(drawing, "reading")
    }


def parts(page: Element) -> list[tuple[str, str]]:
    """The table of layers: names and shares."""
    return [(row[0], row[2]) for row in tables(page)["Layers"][1:]]


def test_totals_and_where_the_version_comes_from_are_told(visit: Visitor) -> None:
    page = visit("/models/detector/versions/v3")
    (key,) = of_class(page, "key")
    figures = {said(name): said(value) for name, value in key}
    # By hand: 4 products of a row of 8 with an 8x8 matrix; weights of 4 bytes each.
    wanted = {"macs": "256", "flops": "480", "params": "256", "weight_bytes": "1.02 kB"}
    assert figures.items() >= wanted.items()
    assert ["macs", "256", "256"] in tables(page)["Totals"]
    (facts,) = of_class(page, "facts-of")
    for fact in ("byann", "commit4f2a91c", "branchmain", "inputsx 1x8 float32"):
        assert fact in said(facts)
    assert addresses(page)["Compare with v2"] == "/diff?old=detector%40v2&new=detector%40v3"


def test_modules_can_be_looked_into_down_to_a_layer(visit: Visitor) -> None:
    top = visit("/models/detector/versions/v3")
    found = boxes(top)
    link = found["dense/2 1 layer, 64 macs, 25 %"]
    assert link == "/models/detector/versions/v3?scope=dense%2F2"
    inside = visit(link)
    assert said(of_class(inside, "trail")[0]) == "the whole model / dense / 264 macs, 1 layer"
    assert parts(inside) == [("dense2", "100 %")]
    layer = visit(addresses(inside)["dense2"].partition("#")[0])
    (facts, _) = of_class(layer, "facts-of")
    assert said(facts).startswith("moduledense/2operatorMatMulinputs1x8, 8x8, ?")
    assert "Layer 3: dense2" in said(layer)
    assert addresses(inside)["dense"] == "/models/detector/versions/v3?scope=dense"


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        pytest.param("", [("0", "25 %"), ("1", "25 %"), ("2", "25 %"), ("3", "25 %")], id="parts"),
        pytest.param("?by=op", [("MatMul", "100 %")], id="operators"),
        pytest.param("?by=dtype", [("float32", "100 %")], id="types"),
        pytest.param(
            "?by=layer&metric=params", [(f"dense{n}", "MatMul") for n in range(4)], id="layers"
        ),
    ],
)
def test_layers_are_listed_in_several_ways(
    visit: Visitor, query: str, rows: list[tuple[str, str]]
) -> None:
    page = visit(f"/models/detector/versions/v3{query}")
    found = [tuple(row[:2]) for row in tables(page)["Layers"][1:]]
    assert (found if "by=layer" in query else parts(page)) == rows


def test_the_table_is_sorted_by_links(visit: Visitor) -> None:
    page = visit("/models/detector/versions/v3?by=op")
    (heading,) = (each for each in page.iter("th") if each.get("aria-sort"))
    assert said(heading) == "macs"
    assert addresses(page)["params"] == "/models/detector/versions/v3?metric=params&by=op"
    page = visit(addresses(page)["params"])
    (heading,) = (each for each in page.iter("th") if each.get("aria-sort"))
    assert said(heading) == "params"


def test_where_memory_peaks_is_marked_and_each_layer_says_what_lives(visit: Visitor) -> None:
    page = visit("/models/detector/versions/v3")
    # By hand: a row of 8 floats goes in, one comes out, and both live: 64 bytes.
    (mark,) = of_class(page, "mark")
    assert said(mark) == "64 B"
    assert "activations peak at layer 1 of 4, dense0 (MatMul)" in said(page)
    memory = [said(each) for each in of_class(page, "reading") if each.tag.endswith("rect")]
    assert memory == [f"{n + 1} dense{n} 64 B" for n in range(4)]


def test_an_alias_and_an_operating_point_name_a_version_too(visit: Visitor) -> None:
    assert said(next(visit("/models/detector/versions/prod").iter("h1"))) == "detector@v2 prod"
    page = visit("/models/weights/versions/w1?point=b8")
    assert said(next(page.iter("h1"))) == "weights@w1 at b8"
    assert addresses(page)["default"] == "/models/weights/versions/w1"


@pytest.mark.parametrize("tag", ODD_TAGS)
def test_a_tag_may_hold_what_an_address_has_a_meaning_for(visit: Visitor, tag: str) -> None:
    link = links.version("odd", tag)
    page = visit(link)
    assert said(next(page.iter("h1"))) == f"odd@{tag}"
    assert addresses(visit("/models/odd"))[tag] == links.version("odd", tag)


@pytest.mark.parametrize(
    ("query", "said_of_it"),
    [
        ("?scope=dense/9", "the version has no module 'dense/9'"),
        ("?layer=4", "the version has no layer 5"),
        ("?layer=-1", "the version has no layer 0"),
        ("?point=b9", "has no operating point 'b9'"),
    ],
)
def test_what_is_not_there_is_told(visit: Visitor, query: str, said_of_it: str) -> None:
    assert said_of_it in said(visit(f"/models/detector/versions/v3{query}", 404))


def test_weights_without_a_graph_have_a_page_too(visiting: MakeVisitor, tmp_path: Path) -> None:
    url = str(tmp_path / "costs.db")
    graph = state_dict()
    with open_store(url) as store:
        ingest(store.engine, [analysis(graph, cost=cost(graph))], model="w", tag="v1", now=NOW)
        add(store, "w", "v2")
    page = visiting(url)("/models/w/versions/v1")
    assert "weights only: there is no graph to cost" in said(page)
    assert "Layers" not in tables(page)
    visiting(url)("/models/w")
