"""Listings as Markdown: what a reader sees of it."""

from collections.abc import Sequence

import pytest
from markdown_it import MarkdownIt

from costdb.report.listing import Column, Listing
from costdb.report.text import markdown


def rendered_below_the_table(footer: Sequence[str]) -> str:
    listing = Listing((Column("model"),), [("detector",)], footer=tuple(footer))
    shown: str = MarkdownIt("commonmark").enable("table").render(markdown(listing))
    return shown.partition("</table>\n")[2].replace("\n", "")


@pytest.mark.parametrize(
    ("footer", "shown"),
    [
        pytest.param([], "", id="nothing"),
        pytest.param(["2 layers"], "<p>2 layers</p>", id="one line"),
        pytest.param(
            ["macs:", "    46 %  - head", "ok"],
            "<ul><li>macs:<ul><li>46 %  - head</li></ul></li><li>ok</li></ul>",
            id="each line by itself, those that are moved in below the one before",
        ),
    ],
)
def test_what_stands_below_a_table(footer: Sequence[str], shown: str) -> None:
    assert rendered_below_the_table(footer) == shown
