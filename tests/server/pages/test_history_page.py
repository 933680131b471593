"""One model's history."""

from pathlib import Path

import pytest
from builders.analyses import NOW
from builders.html import Element, addresses, of_class, options, said
from builders.pages import MakeVisitor, Visitor, add

from costdb.store import open_store
from costdb.store.administration import set_archived


def rows(page: Element) -> list[list[str]]:
    """What the table of versions says: version, time, MACs, their change ..."""
    (table,) = of_class(page, "versions")
    return [[said(cell) for cell in row][2:6] for row in next(table.iter("tbody"))]


def texts(page: Element, name: str) -> list[str]:
    return [said(element) for element in of_class(page, name) if element.tag.endswith("text")]


def test_versions_are_listed_the_newest_first_with_their_changes(visit: Visitor) -> None:
    page = visit("/models/detector")
    assert [(name, macs, change) for name, _, macs, change in rows(page)] == [
        ("v3 regression", "256", "+100.00 %"),
        ("v2 prod", "128", ""),
        ("v1", "128", ""),
    ]
    assert said(next(page.iter("figcaption"))) == "macs, v1 to v3: 128 -> 256, +100.00 %"


def test_the_plot_has_names_limits_and_what_was_found(visit: Visitor) -> None:
    page = visit("/models/detector")
    assert texts(page, "flag") == ["prod"]
    # The default policy: at most 10 % over the anchor, which is the first version.
    assert texts(page, "bound") == ["anchor v1", "fails over 140"]
    (mark,) = of_class(page, "mark")
    assert mark.get("class") == "mark regression"
    said_of_v3 = said(of_class(page, "reading")[-1])
    assert said_of_v3.startswith("v3 256, +100.00 % regression: macs +100.00 % against")


def test_each_drawn_version_leads_to_its_page(visit: Visitor) -> None:
    (drawing,) = (each for each in of_class(visit("/models/detector"), "plot")
                  if each.get("role") == "group")  # fmt: skip
    links = [link.get("href") for link in drawing.iter() if link.tag.endswith("a")]
    assert links == [f"/models/detector/versions/v{number}" for number in (1, 2, 3)]
    for link in links:
        visit(link)


@pytest.mark.parametrize(
    ("against", "bounds"),
    [
        # By hand: 128 of v2 and 5 % more are 134, 1 % more are 129.
        ("previous", ["previous v2", "warns over 129", "fails over 134"]),
        ("alias:prod", ["alias prod v2"]),
        ("best", ["best v2"]),
        ("none", []),
    ],
)
def test_the_baseline_can_be_chosen(visit: Visitor, against: str, bounds: list[str]) -> None:
    page = visit(f"/models/detector?against={against}")
    assert texts(page, "bound") == bounds
    assert options(page, "against")[1] == against
    choices = ["none", "anchor", "previous", "best", "alias:prod"]
    assert options(page, "against")[0] == choices


@pytest.mark.parametrize("against", ["foo", "branch:main", "tag:"])
def test_a_baseline_that_cannot_be_is_told(visit: Visitor, against: str) -> None:
    assert f"against = '{against}' is not known" in said(
        visit(f"/models/detector?against={against}", 422)
    )


def test_why_there_is_no_baseline_is_said(visit: Visitor) -> None:
    page = visit("/models/odd?against=tag:gone")
    assert "No baseline is drawn: the model 'odd' has no version 'gone'" in said(page)


def test_the_policy_of_the_folder_holds_with_its_budgets(
    visiting: MakeVisitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.joinpath("costdb.toml").write_text(
        '[[policy.rules]]\nmetric = "macs"\nbudget = "200"\n'
    )
    monkeypatch.chdir(tmp_path)
    with open_store(url := str(tmp_path / "costs.db")) as store:
        add(store, "small", "v1")
    assert texts(visiting(url)("/models/small"), "bound") == ["budget 200"]


def test_branches_and_operating_points_are_choices(visit: Visitor) -> None:
    page = visit("/models/detector?branch=next")
    assert options(page, "branch") == (["main", "next"], "next")
    assert [row[0] for row in rows(page)] == ["next-1"]
    page = visit("/models/weights?point=b8")
    assert options(page, "point") == (["default", "b8"], "b8")
    assert addresses(page)["w1"] == "/models/weights/versions/w1?point=b8"


def test_a_state_without_versions_is_a_page_too(visit: Visitor) -> None:
    assert "has no version on branch nope" in said(visit("/models/detector?branch=nope"))
    assert "has no version on branch main at b9" in said(visit("/models/detector?point=b9"))


def test_many_versions_are_listed_a_page_at_a_time_with_stable_links(visit: Visitor) -> None:
    first = visit("/models/stable")
    tags = [row[0].split()[0] for row in rows(first)]
    assert tags == [f"s{number}" for number in range(119, 69, -1)]
    assert "Newer versions" not in addresses(first)
    older = addresses(first)["Older versions"].partition("#")[0]
    second = visit(older)
    assert [row[0] for row in rows(second)] == [f"s{number}" for number in range(69, 19, -1)]
    newer = visit(addresses(second)["Newer versions"].partition("#")[0])
    assert rows(newer) == rows(first)
    last = visit(addresses(second)["Older versions"].partition("#")[0])
    assert [row[0] for row in rows(last)] == [f"s{number}" for number in range(19, -1, -1)]


def test_the_last_versions_alone_can_be_drawn(visit: Visitor) -> None:
    page = visit("/models/stable?last=30")
    assert said(next(page.iter("figcaption"))).startswith("macs, s90 to s119")
    assert len(rows(page)) == 30


def test_archived_versions_are_hidden_until_they_are_asked_for(
    visiting: MakeVisitor, tmp_path: Path
) -> None:
    url = str(tmp_path / "costs.db")
    with open_store(url) as store:
        for tag in ("v1", "v2"):
            add(store, "m", tag)
    with open_store(url) as store:
        set_archived(store.engine, "m@v1", NOW)
    visit = visiting(url)
    assert [row[0] for row in rows(visit("/models/m"))] == ["v2"]
    assert [row[0] for row in rows(visit("/models/m?archived=1"))] == ["v2", "v1 archived"]
    with open_store(url) as store:
        set_archived(store.engine, "m@v2", NOW)
    page = visit("/models/m")
    assert "that is not archived" in said(page)
    assert len(rows(visit(addresses(page)["Show archived versions"]))) == 2


def test_two_versions_are_picked_for_a_diff(visit: Visitor) -> None:
    (form,) = (each for each in visit("/models/detector").iter("form")
               if each.get("action") == "/diff")  # fmt: skip
    picked = {
        field.get("name"): field.get("value")
        for field in form.iter("input")
        if field.get("checked") is not None
    }
    assert picked == {"old": "detector@v2", "new": "detector@v3"}
    visit(f"/diff?old={picked['old']}&new={picked['new']}")


def test_an_unknown_model_is_told_with_the_nearest_name(visit: Visitor) -> None:
    assert "did you mean 'detector'?" in said(visit("/models/detectr", 404))
