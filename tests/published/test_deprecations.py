"""Columns that go: announced in the feed by enough releases before, and not before that."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest
import yaml

from sources.errors import BrokenContract
from warehouse.publishing import contract
from warehouse.publishing.exports import feeds

OLD = {"prices": {"geo": "VARCHAR", "price": "DOUBLE", "cost": "DOUBLE"}}
GONE = {"prices": {"geo": "VARCHAR", "price": "DOUBLE"}}
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A contract of its own, in which `prices.cost` will go after three releases."""
    path = tmp_path / "contract.yml"
    deprecated = [
        {
            "table": "prices",
            "column": "cost",
            "since": "1.0",
            "instead": {"it": "Usare price.", "en": "Use price."},
        }
    ]
    path.write_text(
        yaml.safe_dump({
            "schema_version": "1.0", "notice_releases": 3, "deprecated": deprecated, "digests": {"1.0": "x"}, "tables": OLD,
        })
    )  # fmt: skip
    monkeypatch.setattr(contract, "SCHEMA", path)
    contract._notice.cache_clear()
    yield path
    contract._notice.cache_clear()


def announce(folder: Path, releases: int) -> dict[str, int]:
    """The feeds of so many releases, each with that of the one before; what the last one says was announced."""
    for number in range(releases):
        facts = SimpleNamespace(release={"built_at": FIRST + timedelta(days=number)})
        path = folder / "feed.json"
        before = json.loads(path.read_text())["items"] if path.exists() else []
        path.write_text(json.dumps({"items": feeds._notices(facts, before)}))
    return contract.announced(folder / "feed.json")


def released(folder: Path, columns: dict[str, dict[str, str]]) -> Path:
    with duckdb.connect(str(folder / "distretto.duckdb")) as con:
        for table, named in columns.items():
            con.execute(
                f"create or replace table {table} ({', '.join(f'{c} {kind}' for c, kind in named.items())})"
            )
    return folder


def test_a_column_is_announced_by_every_release_with_the_day_of_the_first(kept: Path, tmp_path: Path):
    assert announce(tmp_path, 2) == {"prices.cost": 2}
    (item,) = json.loads((tmp_path / "feed.json").read_text())["items"]
    assert item["date_published"] == FIRST.isoformat(timespec="seconds") and item["tags"] == ["schema"]
    assert (
        "prices.cost will be removed after at least 3 releases with this notice: Use price"
        in item["content_text"]
    )


def test_a_column_may_go_after_the_stated_number_of_releases_and_not_before(kept: Path, tmp_path: Path):
    announce(tmp_path, 2)
    with pytest.raises(BrokenContract, match=r"prices\.cost"):
        contract.write(released(tmp_path, GONE))
    assert yaml.safe_load(kept.read_text())["schema_version"] == "1.0"
    announce(tmp_path, 1)
    assert contract.write(released(tmp_path, GONE)) == "2.0"
    after = yaml.safe_load(kept.read_text())
    assert after["tables"] == GONE and after["deprecated"] == []


def test_another_type_needs_the_same_notice_and_an_addition_needs_none(kept: Path, tmp_path: Path):
    with pytest.raises(BrokenContract, match=r"prices\.price"):
        contract.write(released(tmp_path, {"prices": OLD["prices"] | {"price": "VARCHAR"}}))
    assert contract.write(released(tmp_path, OLD | {"more": {"geo": "VARCHAR"}})) == "1.1"


def test_a_whole_table_is_announced_under_its_own_name():
    assert contract.too_early(OLD, {}, {"prices": 3}, 3) == []
    assert contract.too_early(OLD, {}, {"prices": 2}, 3) == ["prices.geo", "prices.price", "prices.cost"]


def test_the_number_of_releases_is_stated():
    assert contract.notice_releases() >= 30
    for gone in contract.deprecations():
        assert contract.describe(gone.table, gone.column or "geo").count("Deprecated since") == 1
