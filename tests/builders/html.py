"""Pages, read back: what their elements say, and where their links lead."""

from typing import Any

import html5lib

Element = Any


def parsed(text: str) -> Element:
    """The page; anything but correct HTML is an error."""
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)


def said(element: Element) -> str:
    """The text of an element, with single spaces."""
    return " ".join("".join(element.itertext()).split())


def of_class(top: Element, name: str) -> list[Element]:
    """The elements of a class."""
    return [element for element in top.iter() if name in str(element.get("class", "")).split()]


def tables(top: Element) -> dict[str, list[list[str]]]:
    """What each table holds, by the label of its region."""
    return {
        region.get("aria-label"): [[said(cell) for cell in row] for row in region.iter("tr")]
        for region in top.iter("div")
        if region.get("role") == "region"
    }


def addresses(top: Element) -> dict[str, str]:
    """What each link is called -> where it leads; of several called the same, the first."""
    found: dict[str, str] = {}
    for link in top.iter("a"):
        found.setdefault(said(link), link.get("href"))
    return found


def options(top: Element, name: str) -> tuple[list[str], str]:
    """The choices of a form's field, and the one that is chosen."""
    (field,) = (each for each in top.iter("select") if each.get("name") == name)
    every = list(field.iter("option"))
    chosen = [said(option) for option in every if option.get("selected") is not None]
    return [said(option) for option in every], (chosen or [said(every[0])])[0]
