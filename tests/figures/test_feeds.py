"""A feed for each indicator, territory and target: an event about a figure is in both, with links to both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import pytest

from tests.figures.conftest import Vintages
from warehouse.publishing.exports import feeds, release_metadata, subject_feeds
from warehouse.reference.territory import territory

ATOM = {"a": feeds.ATOM}


@pytest.fixture(scope="module")
def written(vintages: Vintages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The feeds of the second release, in which births of Catania were revised."""
    folder = tmp_path_factory.mktemp("feeds")
    with duckdb.connect(
        str(vintages.home / "releases" / vintages.second / "distretto.duckdb"), read_only=True
    ) as con:
        con.execute("set timezone = 'UTC'")
        facts = release_metadata.read(con)
        aim = feeds.item(
            "target:x:1:latest:2019", facts.release["built_at"], "target", "Obiettivo x", "Target x",
            {"indicator": "enterprise_births", "territory": "ITG17", "target": "x"},
        )  # fmt: skip
        subject_feeds.write(con, folder, facts, territory().model_dump(), [aim])
    yield folder / "feeds"


def items(written: Path, name: str) -> list[dict]:
    feed = json.loads((written / f"{name}.json").read_text(encoding="utf-8"))
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    tree = ElementTree.parse(written / f"{name}.xml")
    assert [entry.text for entry in tree.findall("a:entry/a:id", ATOM)] == [
        item["id"] for item in feed["items"]
    ]
    return feed["items"]


def test_a_revision_is_in_the_feeds_of_its_indicator_and_its_territory_with_links_to_both(
    written: Path, vintages
):
    (event,) = [one for one in items(written, "indicator-enterprise_births") if "revision" in one["tags"]]
    assert event["title"] == "Nascite d'impresa, Catania: 2019: da 90 a 93"
    assert "Enterprise births, Catania: 2019: from 90 to 93" in event["content_text"]
    assert vintages.second in event["id"]
    assert event in items(written, "territory-ITG17")
    about = event["_distretto"]
    assert about["indicator"]["feed"] == "feeds/indicator-enterprise_births.json"
    assert about["territory"]["page"] == "site/it/territory-ITG17.html"
    tree = ElementTree.parse(written / "territory-ITG17.xml")
    related = {
        link.get("href") for link in tree.findall("a:entry/a:link", ATOM) if link.get("rel") == "related"
    }
    assert {"feeds/indicator-enterprise_births.xml", "feeds/territory-ITG17.xml"} <= related


def test_an_event_is_in_no_feed_that_it_does_not_concern(written: Path):
    for name in ("territory-ITG19", "territory-ITG1", "indicator-enterprise_death_rate"):
        path = written / f"{name}.json"
        assert not path.exists() or not items(written, name)


def test_what_happens_to_a_target_is_in_the_feeds_of_its_indicator_and_territory(written: Path):
    for name in ("indicator-enterprise_births", "territory-ITG17"):
        assert any("target" in one["tags"] for one in items(written, name))


def test_every_feed_is_as_small_as_its_events(written: Path):
    assert sum(path.stat().st_size for path in written.iterdir()) < 2_000_000
    assert len(list(written.iterdir())) % 2 == 0
