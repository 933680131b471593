"""The list of models."""

from pathlib import Path

import pytest
from builders.html import Element, addresses, of_class, options, said
from builders.pages import MakeVisitor, Visitor, add, make_token

from costdb.cost.metrics import derived_metrics
from costdb.cost.result import METRICS
from costdb.store import open_store
from costdb.store.records import TokenScope


def rows(page: Element) -> dict[str, list[str]]:
    """Model -> what its cells say."""
    (table,) = of_class(page, "models")
    cells = [[said(cell) for cell in row] for row in next(table.iter("tbody"))]
    return {first.split()[0]: rest for first, *rest in cells}


def test_each_model_has_its_latest_costs_the_change_and_what_was_found(visit: Visitor) -> None:
    # By hand: 4 products of 8x8 matrices have 256 MACs, 2 have 128.
    found = rows(visit("/"))
    assert list(found) == ["detector", "odd", "stable", "weights"]
    latest, macs, change, trend, findings, params, _ = found["detector"]
    assert latest.startswith("v3 ")
    assert (macs, change, params) == ("256", "+100.00 %", "256")
    assert trend == "macs over 3 versions: 128 -> 256, +100.00 %"
    assert "regression" in findings
    assert found["stable"][1:5] == ["32", "", "macs over 40 versions: 32, unchanged", "none"]


def test_links_lead_to_histories_versions_and_findings(visit: Visitor) -> None:
    page = visit("/")
    found = addresses(page)
    assert found["detector"] == "/models/detector"
    assert found["v3"] == "/models/detector/versions/v3"
    for address in ("/models/detector", "/models/detector/versions/v3"):
        visit(address)
    (badge,) = of_class(page, "regression")
    assert badge.get("href") == "/findings?model=detector"


def test_another_metric_can_be_asked_for_and_stays_with_the_links(visit: Visitor) -> None:
    page = visit("/?metric=arithmetic_intensity")
    assert options(page, "metric") == ([*METRICS, *derived_metrics()], "arithmetic_intensity")
    assert addresses(page)["detector"] == "/models/detector?metric=arithmetic_intensity"
    assert said(visit("/?metric=hats", 422)).count("no metric 'hats' here") == 1


@pytest.mark.parametrize(
    ("q", "names"),
    [("STA", ["stable"]), ("d", ["detector", "odd"]), ("nothing like it", [])],
    ids=["any case", "anywhere", "none"],
)
def test_models_are_searched_by_name(visit: Visitor, q: str, names: list[str]) -> None:
    page = visit(f"/?q={q}")
    assert (list(rows(page)) if names else []) == names
    if not names:
        assert f"No model is called like “{q}”" in said(page)


def test_many_models_are_listed_a_page_at_a_time(visiting: MakeVisitor, tmp_path: Path) -> None:
    url = str(tmp_path / "costs.db")
    with open_store(url) as store:
        for number in range(60):
            add(store, f"m{number:02}", "v1")
    visit = visiting(url)
    first = visit("/")
    assert list(rows(first)) == [f"m{number:02}" for number in range(50)]
    second = visit(addresses(first)["More models"])
    assert list(rows(second)) == [f"m{number}" for number in range(50, 60)]
    assert next(iter(rows(visit(addresses(second)["First models"])))) == "m00"


def test_an_empty_database_says_how_to_begin(visiting: MakeVisitor, tmp_path: Path) -> None:
    assert "costdb ingest model.onnx" in said(visiting(str(tmp_path / "costs.db"))("/"))


def test_a_token_of_some_models_lists_no_others(visiting: MakeVisitor, tmp_path: Path) -> None:
    url = str(tmp_path / "costs.db")
    with open_store(url) as store:
        for name in ("mine-1", "mine-2", "other"):
            add(store, name, "v1")
    token = make_token(url, "ann", TokenScope.READ, model_glob="mine-*")
    visit = visiting(url, token, open_reading=False)
    assert list(rows(visit("/"))) == ["mine-1", "mine-2"]
    for address in ("/models/other", "/models/other/versions/v1", "/findings?model=other",
                    "/diff?old=mine-1@v1&new=other@v1"):  # fmt: skip
        assert "not for 'other'" in said(visit(address, 403))


@pytest.mark.parametrize(
    "address", ["/models/azure", "/api/v1/versions/azure", "/diff?old=azure&new=azure"]
)
def test_what_is_not_there_is_told_without_names_that_a_token_is_not_for(
    visiting: MakeVisitor, tmp_path: Path, address: str
) -> None:
    url = str(tmp_path / "costs.db")
    with open_store(url) as store:
        for name in ("apple", "secret"):
            add(store, name, "v1")
    some = visiting(
        url, make_token(url, "ann", TokenScope.READ, model_glob="a*"), open_reading=False
    )
    every = visiting(url, make_token(url, "ben", TokenScope.READ), open_reading=False)
    assert "apple, secret" in every.get(address).text
    assert "secret" not in some.get(address).text
