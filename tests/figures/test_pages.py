"""What the static pages of a release say of citing and following, without a server."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

RELATION = re.compile(
    r'<link rel="alternate" type="application/(?:atom|feed)[^>]*href="(\.\./\.\./feeds/[^"]+)"'
)


@pytest.fixture(scope="module")
def site(one_shipped: Path) -> Path:
    return (one_shipped / "current" / "site").resolve()


@pytest.mark.parametrize(
    "page", ["indicator-enterprise_births", "territory-ITG17", "indicator-jobs", "territory-IT"]
)
@pytest.mark.parametrize("language", ["it", "en"])
def test_a_page_names_its_own_feed_in_both_forms(site: Path, language: str, page: str):
    path = site / language / f"{page}.html"
    links = RELATION.findall(path.read_text(encoding="utf-8"))
    files = [(path.parent / link).resolve() for link in links]
    assert {file.name for file in files} == {f"{page}.xml", f"{page}.json"} and all(map(Path.exists, files))
    feed = json.loads((site.parent / "feeds" / f"{page}.json").read_text(encoding="utf-8"))
    assert feed["home_page_url"] == f"site/it/{page}.html"


def test_every_page_of_an_indicator_or_territory_has_a_feed(site: Path):
    pages = {
        path.stem
        for path in (site / "it").glob("*.html")
        if path.stem.startswith(("indicator-", "territory-"))
    }
    feeds = {path.stem for path in (site.parent / "feeds").iterdir()}
    assert pages and pages <= feeds


def test_the_page_of_an_indicator_has_the_citation_of_its_newest_figure(site: Path):
    release = site.parent.name
    for language, words in (("en", "Cite this figure"), ("it", "Citare questo dato")):
        text = (site / language / "indicator-enterprise_births.html").read_text(encoding="utf-8")
        cited = text.partition(f"<summary>{words}</summary>")[2].partition("</details>")[0]
        assert release in cited and "bd_size_r3" in cited and "@misc{ITG1-enterprise_births-2020-" in cited
        # no address where the release has no public one
        assert "/figure/" not in cited
