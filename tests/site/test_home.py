"""The overview, the sector's page and the search: what a reader meets first."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from assets.site.language import LANGUAGES
from tests.site.browsing import EN, IT, opened


def test_every_page_says_that_nothing_live_has_arrived_and_how_old_the_figures_are(pages: list[Path]):
    """The fixture's release holds figures that ship with the project, and nothing else."""
    for path in pages:
        if path.parent.name == "site":
            continue
        text = path.read_text(encoding="utf-8")
        language = IT if path.parent.name == "it" else EN
        assert language.say("age.banner") in text, path.name
        assert language.say("age.ended", period="2020") in text, path.name


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_seat_leads_with_at_most_seven_figures(browser: Any, release: Path, language: str):
    page, wrong = opened(browser)
    page.goto((release / "site" / language / "index.html").as_uri())
    assert 1 <= page.locator(".big").count() <= 7
    first = page.locator(".head").first
    assert first.locator(".big").inner_text() == ("5.496" if language == "it" else "5,496")
    beside = first.locator(".when").first.inner_text()
    assert "Catania" in beside and ("22.993" if language == "it" else "22,993") in beside
    assert page.locator(".sentences li").count() == 3
    assert page.locator("header nav li").count() == 7
    assert page.locator("header nav a").first.get_attribute("href") == "sector.html"
    assert wrong == []
    page.context.close()


def test_the_search_of_any_page_filters_the_index(browser: Any, release: Path):
    page, wrong = opened(browser)
    page.goto((release / "site" / "en" / "targets.html").as_uri())
    page.get_by_role("search").get_by_role("searchbox").fill("catania")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=catania")
    assert page.locator("#found li:visible a").all_inner_texts() == ["Catania"]
    assert wrong == []
    page.context.close()


def test_every_page_has_a_title_of_its_own_and_a_preview(pages: list[Path]):
    titles: dict[tuple[str, str], str] = {}
    for path in pages:
        if path.parent.name == "site":
            continue
        text = path.read_text(encoding="utf-8")
        title = re.search(r"<title>(.*?)</title>", text)[1]
        assert titles.setdefault((path.parent.name, title), path.name) == path.name
        assert re.search(r'property="og:title" content="[^"]+"', text)
        assert re.search(r'property="og:description" content="[^"]+"', text)
