"""A real browser, without a screen."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

_CHROMIUM = shutil.which("chromium")

needs_chromium = pytest.mark.skipif(
    _CHROMIUM is None, reason="there is no chromium: apt-get install chromium"
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that runs."""
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not start for root.
        launched = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()
