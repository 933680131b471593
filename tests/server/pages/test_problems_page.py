"""Errors as pages, and files of the pages."""

import re
from pathlib import Path

import pytest
from builders.html import said
from builders.pages import MakeVisitor, Visitor


@pytest.mark.parametrize(
    ("address", "status", "told"),
    [
        ("/nowhere", 404, "There is no such thing"),
        ("/models/none", 404, "no model 'none'"),
        ("/models/detector?last=7", 422, "This cannot be understood"),
        ("/models/detector/versions/v9", 404, "no version 'v9'"),
        ("/static/costdb-0000.css", 404, "there is no such file"),
        ("/static/..%2Fapp.py", 404, "There is no such thing"),
        ("/sign-out", 405, "This cannot be done here"),
    ],
)
def test_an_error_is_a_page_that_says_what_to_do(
    visit: Visitor, address: str, status: int, told: str
) -> None:
    page = visit(address, status)
    assert told in said(page)
    assert len(list(page.iter("h1"))) == 1


def test_a_page_of_an_error_says_which_methods_there_are(visit: Visitor) -> None:
    assert visit.get("/sign-out").headers["allow"] == "POST"


def test_whoever_asks_for_no_page_gets_json(visit: Visitor) -> None:
    for address, headers in (
        ("/models/none", {"Accept": "application/json"}),
        ("/models/none", {"Accept": "*/*"}),
        ("/api/v1/nowhere", {"Accept": "text/html"}),
    ):
        answer = visit.client.get(address, headers=headers)
        assert answer.status_code == 404
        assert set(answer.json()) == {"kind", "error", "hint"}


def test_a_database_that_is_gone_is_told_without_its_place(
    visiting: MakeVisitor, tmp_path: Path
) -> None:
    file = tmp_path / "costs.db"
    visit = visiting(str(file))
    visit("/")
    for each in tmp_path.glob("costs.db*"):
        each.unlink()
    visit.client.app.state.service.store.engine.dispose()  # type: ignore[attr-defined]
    tmp_path.joinpath("costs.db").mkdir()
    page = visit("/", 503)
    assert "The database cannot be reached" in said(page)
    assert str(tmp_path) not in said(page)


def test_files_are_kept_for_good_and_pages_are_not(visit: Visitor) -> None:
    answer = visit.get("/")
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["vary"].split(", ") == ["Cookie", "Accept-Encoding"]
    assert answer.headers["content-encoding"] == "gzip"
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', answer.text)
    kinds = {file.rpartition(".")[2]: visit.get(file) for file in files}
    assert {name: found.headers["content-type"] for name, found in kinds.items()} == {
        "css": "text/css; charset=utf-8",
        "js": "text/javascript; charset=utf-8",
        "svg": "image/svg+xml",
    }
    for found in kinds.values():
        assert "immutable" in found.headers["cache-control"]
    assert "url(" not in kinds["css"].text
    assert "&#" not in kinds["css"].text


def test_no_page_has_a_script_or_a_style_inside(visit: Visitor) -> None:
    for address in ("/", "/models/detector", "/models/detector/versions/v3", "/findings",
                    "/diff?old=detector@v2&new=detector@v3", "/sign-in"):  # fmt: skip
        text = visit.get(address).text
        assert "<style" not in text
        assert re.findall(r"<script(?! src=)", text) == []
        assert re.findall(r"<[^>]*\s(?:style|on\w+)=", text) == []
