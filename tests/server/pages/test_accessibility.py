"""What those who do not see a page, or use no pointer, need of its elements."""

from collections import Counter
from itertools import pairwise

import pytest
from builders.html import Element, said
from builders.pages import Visitor

ADDRESSES = [
    "/",
    "/models/detector",
    "/models/stable",
    "/models/weights?point=b8",
    "/models/detector/versions/v3?layer=2&by=layer",
    "/diff?old=detector@v2&new=detector@v3",
    "/diff",
    "/findings",
    "/findings?verdict=warn",
    "/sign-in",
]


@pytest.fixture(params=ADDRESSES)
def page(request: pytest.FixtureRequest, visit: Visitor) -> Element:
    return visit(request.param)


def test_headings_are_in_order(page: Element) -> None:
    levels = [int(each.tag[1]) for each in page.iter() if each.tag in {"h1", "h2", "h3", "h4"}]
    assert levels[0] == 1
    assert Counter(levels)[1] == 1
    assert all(level <= before + 1 for before, level in pairwise(levels))


def test_each_field_has_a_label(page: Element) -> None:
    labelled = {each.get("for") for each in page.iter("label") if each.get("for")}
    inside = {field for label in page.iter("label") for field in label.iter()}
    for field in (each for each in page.iter() if each.tag in {"input", "select"}):
        is_hidden = field.get("type") == "hidden" or field.get("hidden") is not None
        has_label = field in inside or field.get("id") in labelled or field.get("aria-label")
        assert is_hidden or has_label, field.attrib


def test_headings_of_tables_and_links_say_something_and_no_list_of_links_is_empty(
    page: Element,
) -> None:
    for heading in page.iter("th"):
        assert said(heading)
    for link in page.iter("a"):
        assert said(link)
    for nav in page.iter("nav"):
        assert nav.get("aria-label")
        assert said(nav)


def test_what_is_referred_to_is_there_once(page: Element) -> None:
    identities = Counter(each.get("id") for each in page.iter() if each.get("id"))
    assert set(identities.values()) == {1}
    for each in page.iter():
        for name in ("aria-labelledby", "aria-describedby", "for"):
            assert each.get(name) is None or each.get(name) in identities


def test_a_drawing_with_links_is_no_image(page: Element) -> None:
    for drawing in (each for each in page.iter() if each.get("role") == "img"):
        assert list(drawing.iter("a")) == []
