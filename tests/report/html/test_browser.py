"""The pages in a real browser: they fit, load nothing, and can be used by keyboard."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from builders.browser import chromium, needs_chromium
from builders.findings import NOW, finding, fine, not_judged, series
from playwright.sync_api import Browser, Page

from costdb.report.html.check import check_page
from costdb.report.html.history import history_page

pytestmark = needs_chromium

LONG_NAME = "backbone/" + "very_long_name_" * 20


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


def opened(browser: Browser, file: Path, *, width: int, scheme: str, script: bool = True) -> Page:
    """A page that must log nothing and ask for nothing but itself."""
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if scheme == "dark" else "light",
        java_script_enabled=script,
    )
    page = context.new_page()
    page.on("console", lambda message: pytest.fail(f"the console says {message.text}"))
    page.on("pageerror", lambda error: pytest.fail(f"the script failed: {error}"))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    assert asked == [file.as_uri()]
    return page


def test_a_check_fits_every_screen_in_light_and_dark(browser: Browser, tmp_path: Path) -> None:
    findings = [finding(model=LONG_NAME[:60]), finding(scope=f"layer:{LONG_NAME}"), fine(),
                not_judged()]  # fmt: skip
    past = {("detector", "default"): series(*range(900, 1_000, 5), 1_340)}
    file = tmp_path / "check.html"
    file.write_text(check_page("regression", findings, past, made_at=NOW))
    backgrounds = set()
    for width, scheme in ((1280, "light"), (400, "dark"), (400, "light"), (1280, "dark")):
        page = opened(browser, file, width=width, scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        backgrounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert page.get_by_role("heading", level=1).is_visible()
        page.context.close()
    assert len(backgrounds) == 2


def test_a_history_is_read_by_pointer_and_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "history.html"
    lines = [series(1_000, 1_340, 1_340), series(8_000, 8_000, 9_000, point="b8")]
    file.write_text(history_page(lines, ["macs"], made_at=NOW))
    page = opened(browser, file, width=1280, scheme="light")
    said = page.get_by_role("status")
    page.locator(".reading").nth(1).hover()
    assert said.inner_text().split("\n") == [
        "v2",
        "default: 1.34 k (1,340), +34.00 %",
        "b8: 8.00 k (8,000)",
    ]
    page.get_by_role("img").focus()
    page.keyboard.press("End")
    assert said.inner_text().startswith("v3\n")
    page.keyboard.press("ArrowLeft")
    assert said.inner_text().startswith("v2\n")
    button = page.get_by_role("button", name="b8")
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert page.locator(".line.s1").is_hidden()
    assert page.locator(".line.s0").is_visible()
    page.context.close()

    plain = opened(browser, file, width=1280, scheme="light", script=False)
    assert plain.locator(".line").count() == 2
    assert plain.locator(".reading title").count() == 3
    plain.context.close()
