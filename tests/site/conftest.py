"""The pages of a release of the figures that ship, opened from disk as a reader would.

The browser is the system's Chromium; without it, its tests skip and say so.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def release(home: Path) -> Path:
    """The release of a run on the figures that ship."""
    return (home / "current").resolve()


@pytest.fixture(scope="module")
def pages(release: Path) -> list[Path]:
    return sorted((release / "site").rglob("*.html"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    executable = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if executable is None:
        pytest.skip("no Chromium here: install the package chromium to test the pages in a browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=executable,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"],
        )
        yield opened
        opened.close()
