"""What machines read on the pages: JSON-LD on each, and public addresses where `publisher.yml` has one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from assets.site import build, linked_data, preview
from assets.site.language import Language
from assets.site.pages import PAGES
from assets.site.queries import read
from assets.site.view import View
from warehouse.publishing.exports import release_metadata
from warehouse.publishing.release import Release, reading


def _linked(text: str) -> dict:
    return json.loads(re.search(r'<script type="application/ld\+json">(.*?)</script>', text, re.S)[1])


def test_every_page_says_what_it_is_and_an_indicator_is_a_dataset(pages: list[Path]):
    for path in pages:
        if path.parent.name == "site":
            continue
        found = _linked(path.read_text(encoding="utf-8"))
        assert found["@context"] == "https://schema.org" and found["name"], path.name
        assert found["inLanguage"] == path.parent.name
        if path.name.startswith("indicator-"):
            about = found["mainEntity"]
            assert about["@type"] == "Dataset" and about["description"] and about["license"], path.name
            assert (path.parent / about["distribution"][0]["contentUrl"]).is_file()
        if path.name == "index.html":
            assert len(found["mainEntity"]["dataset"]) > 10


def test_without_a_public_address_no_page_claims_one(release: Path, pages: list[Path]):
    assert not (release / "site" / "sitemap.xml").exists()
    for path in pages:
        text = path.read_text(encoding="utf-8")
        assert "og:url" not in text and "og:image" not in text and 'rel="canonical"' not in text


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    given = yaml.safe_load(release_metadata.PUBLISHER.read_text(encoding="utf-8"))
    file = tmp_path / "publisher.yml"
    file.write_text(yaml.safe_dump(given | {"address": "https://data.example.org"}), encoding="utf-8")
    monkeypatch.setattr(release_metadata, "PUBLISHER", file)
    release_metadata.publisher.cache_clear()
    yield "https://data.example.org/current/site/"
    release_metadata.publisher.cache_clear()


def test_with_a_public_address_pages_previews_and_the_site_map_have_it(release: Path, address: str):
    with reading(Release(release.name, release)) as con:
        view = View(read(con, release), Language("en"))
    page = next(page for page in PAGES if page.name == "index")
    text = build._draw(page, "index", view, "", build._variables(view))
    assert f'<link rel="canonical" href="{address}en/index.html">' in text
    assert f'property="og:image" content="{address}en/preview.png"' in text
    assert _linked(text)["url"] == f"{address}en/index.html"
    assert preview.picture(view)[:8] == b"\x89PNG\r\n\x1a\n"
    places = ElementTree.fromstring(linked_data.site_map(["index", "sector"], "2026-11-27"))
    found = [url[0].text for url in places]
    assert found == [f"{address}{code}/{name}.html" for name in ("index", "sector") for code in ("it", "en")]
