"""The pages in a real browser, over the real server: by pointer, by keyboard, on every screen."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from builders.browser import chromium, needs_chromium
from builders.pages import fill, make_token
from builders.serving import serving
from playwright.sync_api import Browser, Page, expect

from costdb import api
from costdb.server.pages import links
from costdb.store.records import TokenScope

pytestmark = needs_chromium

# Machines may be busy.
_PATIENCE_MILLISECONDS = 60_000

expect.set_options(timeout=_PATIENCE_MILLISECONDS)

PAGES = {
    "models": "/",
    "history": "/models/detector",
    "long history": "/models/stable",
    "version": "/models/detector/versions/v3",
    "layer": "/models/detector/versions/v3?scope=dense/2&layer=2",
    "diff": "/diff?old=detector@v2&new=detector@v3",
    "compare": "/diff",
    "findings": "/findings",
    "sign in": "/sign-in",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="module")
def site(filled: str) -> Iterator[str]:
    """Where a server is that anyone may read."""
    with serving(filled) as server:
        yield server.url


@contextmanager
def opened(
    browser: Browser, site: str, *, width: int = 1280, dark: bool = False, script: bool = True
) -> Iterator[Page]:
    """A page that must log nothing, and ask for nothing but what the site has."""
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if dark else "light",
        java_script_enabled=script,
        base_url=site,
    )
    context.set_default_timeout(_PATIENCE_MILLISECONDS)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    yield page
    context.close()
    assert [text for text in said if not text.startswith(("debug:", "verbose:"))] == []
    assert [url for url in asked if not url.startswith(f"{site}/")] == []


def test_from_the_list_to_a_plot_to_a_diff_to_the_layer_that_did_it(
    browser: Browser, site: str
) -> None:
    with opened(browser, site) as page:
        page.goto("/")
        page.get_by_role("link", name="detector", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("detector")
        page.locator(".plot .reading").nth(2).hover()
        reading = page.get_by_role("status")
        expect(reading).to_contain_text("256, +100.00 %")
        expect(reading).to_contain_text("regression: macs +100.00 % against")
        page.get_by_role("radio", name="old: v1").check()
        page.get_by_role("button", name="Compare old with new").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("macs +100.00 %")
        page.get_by_role("link", name="dense/2/dense2").click()
        expect(page.get_by_role("heading", name="Layer 3: dense2")).to_be_in_viewport()
        assert page.url.endswith("/models/detector/versions/v3?layer=2&scope=dense%2F2#layer")
        page.go_back()
        expect(page.get_by_role("heading", level=1)).to_contain_text("macs +100.00 %")


def test_a_plot_is_read_and_followed_by_keyboard(browser: Browser, site: str) -> None:
    with opened(browser, site) as page:
        page.goto("/models/detector")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#content")).to_be_focused()
        drawing = page.get_by_role("group", name="macs of detector")
        drawing.focus()
        page.keyboard.press("End")
        expect(page.get_by_role("status")).to_contain_text("v3")
        page.keyboard.press("ArrowLeft")
        expect(page.get_by_role("status")).to_contain_text("v2")
        expect(page.get_by_role("status")).to_contain_text("prod")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("detector@v2")


def test_the_icicle_leads_into_modules_by_pointer_and_by_keyboard(
    browser: Browser, site: str
) -> None:
    with opened(browser, site) as page:
        page.goto("/models/detector/versions/v3")
        page.get_by_role("link", name="dense/3 1 layer").hover()
        expect(page.locator(".icicle .reading-out")).to_contain_text("64 macs, 25 %")
        page.get_by_role("link", name="dense/3 1 layer").click()
        expect(page.get_by_role("navigation", name="Modules")).to_contain_text("64 macs, 1 layer")
        page.get_by_role("navigation", name="Modules").get_by_role("link", name="dense").click()
        page.get_by_role("group", name="macs of dense").focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator(".icicle .reading-out")).to_contain_text("dense/0")
        page.keyboard.press("Enter")
        expect(page.locator(".trail [aria-current]")).to_have_text("0")


def test_controls_lead_to_other_states(browser: Browser, site: str) -> None:
    with opened(browser, site) as page:
        page.goto("/models/detector")
        page.get_by_label("Metric").select_option("params")
        page.get_by_label("Branch").select_option("next")
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_role("group", name="params of detector")).to_be_visible()
        expect(page.get_by_role("link", name="next-1", exact=True)).to_be_visible()
        page.goto("/")
        page.get_by_role("searchbox", name="Search").fill("stab")
        page.keyboard.press("Enter")
        expect(page.locator(".models tbody tr")).to_have_count(1)


def test_an_admin_signs_in_accepts_a_finding_and_signs_out(
    browser: Browser, tmp_path: Path
) -> None:
    url = fill(str(tmp_path / "costs.db"))
    token = make_token(url, "ann", TokenScope.ADMIN)
    with serving(url, "--closed") as server, opened(browser, server.url) as page:
        page.goto("/findings")
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in with a token")
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("What was found")
        page.get_by_label("Why macs of detector@v3 may be so").fill("more layers")
        page.get_by_role("button", name="Accept").first.click()
        accepted = page.locator(".accepted")
        expect(accepted).to_contain_text("accepted by ann")
        expect(accepted).to_contain_text("more layers")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in with a token")
    ((made, _),) = api.accepted(database=url)
    assert (made.metric, made.author) == ("macs", "ann")


@pytest.mark.parametrize("address", PAGES.values(), ids=PAGES.keys())
def test_a_page_fits_every_screen_in_light_and_dark(
    browser: Browser, site: str, address: str
) -> None:
    backgrounds = set()
    for width, dark in ((1280, False), (400, True)):
        with opened(browser, site, width=width, dark=dark) as page:
            page.goto(address)
            assert page.evaluate("document.documentElement.scrollWidth") == width
            backgrounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
            assert page.get_by_role("heading", level=1).count() == 1
            assert page.get_by_role("main").count() == 1
            _check_names(page)
    assert len(backgrounds) == 2


def _check_names(page: Page) -> None:
    """Whatever can be focused or looked at has a name for those who do not see it."""
    for role in ("link", "button", "textbox", "combobox", "radio", "checkbox", "region", "img"):
        for element in page.get_by_role(role).all()[:8]:
            snapshot = element.aria_snapshot()
            assert '"' in snapshot.split("\n")[0] or ":" in snapshot, snapshot


def test_pages_are_read_without_a_script(browser: Browser, site: str) -> None:
    with opened(browser, site, script=False) as page:
        page.goto("/models/detector")
        assert page.locator(".plot .reading title").count() == 3
        page.locator(".plot a").nth(2).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("detector@v3")
        page.get_by_role("link", name="Compare with v2").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("macs +100.00 %")


@pytest.mark.parametrize("tag", ["a/b", "..", "50%", "'\"<b>"])
def test_odd_tags_have_pages_of_their_own(browser: Browser, site: str, tag: str) -> None:
    with opened(browser, site) as page:
        page.goto("/models/odd")
        page.get_by_role("rowheader", name=tag, exact=True).get_by_role("link").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(f"odd@{tag}")
        assert links.version("odd", tag).partition("?")[0] in page.url
