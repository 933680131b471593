"""What is generated is up to date, and what the documentation points at exists."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GENERATED = [
    "docs/counting.md",
    "docs/reference.md",
    "docs/cli.md",
    "docs/analysis.md",
    "docs/diff.md",
]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
CODE_PATH = re.compile(r"`((?:costdb|tests|plugins|docs|migrations|config)/[\w./-]+)`")


def test_generated_pages_are_up_to_date() -> None:
    command = [sys.executable, "-m", "cogapp", "-I", "docs", "--check", *GENERATED]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\nrun: make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_points_at_exists(page: Path) -> None:
    text = page.read_text()
    missing = [link for link in LINK.findall(text) if not (page.parent / link).exists()]
    missing += [path for path in CODE_PATH.findall(text) if not (ROOT / path).exists()]
    assert missing == []
