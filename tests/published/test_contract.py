"""The contract of the published columns: none changes without a new version of the schema."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import yaml

from sources.errors import SpecError
from warehouse.publishing import contract as contracts
from warehouse.publishing.contract import (
    SCHEMA,
    change,
    digest,
    next_version,
    published_columns,
    schema_version,
)

KEPT = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
HOW = "a published column changed: `python -m warehouse.publishing.contract RELEASE` writes a new version"


def test_a_release_has_the_columns_of_the_contract(con):
    assert published_columns(con, "distretto") == KEPT["tables"], HOW


def test_the_columns_of_a_version_never_change():
    assert KEPT["digests"][KEPT["schema_version"]] == digest(KEPT["tables"]), HOW
    assert len(set(KEPT["digests"].values())) == len(KEPT["digests"])


def test_a_release_names_its_version(home: Path, con):
    record = json.loads((home / "current" / "release.json").read_text())
    assert record["schema_version"] == schema_version() == KEPT["schema_version"]
    assert con.execute("select schema_version from release").fetchone() == (schema_version(),)


def test_what_breaks_a_query_is_a_new_major_version():
    before = {"a": {"x": "VARCHAR", "y": "DOUBLE"}, "b": {"x": "VARCHAR"}}
    added = before | {"c": {"x": "VARCHAR"}}
    wider, gone, other = (copy.deepcopy(before) for _ in range(3))
    wider["a"]["z"] = "DATE"
    del gone["a"]["y"]
    other["a"]["y"] = "VARCHAR"
    assert [change(before, after) for after in (before, added, wider)] == ["none", "additive", "additive"]
    assert {change(before, after) for after in (gone, other, {"a": before["a"]})} == {"breaking"}
    assert [next_version("2.3", kind) for kind in ("none", "additive", "breaking")] == ["2.3", "2.4", "3.0"]


@pytest.mark.parametrize(
    ("right", "wrong", "token"),
    [
        ("  observations:\n", "  observations:\n    machines: true\n", "machines"),
        ("[patents, patents_total]", "[patents, patent_totals]", "patent_totals"),
        ("  dataset: catalogue.dataset\n", "  dataset: catalog.dataset\n", "catalog.dataset"),
        ("    theme: TECH\n", "    theme: TECHNOLOGY\n", "TECHNOLOGY"),
    ],
)
def test_a_mistake_in_the_contract_is_reported_with_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, right: str, wrong: str, token: str
):
    text = contracts.PUBLISHED.read_text(encoding="utf-8")
    assert text.count(right) == 1
    path = tmp_path / "published.yml"
    path.write_text(text.replace(right, wrong), encoding="utf-8")
    monkeypatch.setattr(contracts, "PUBLISHED", path)
    (line,) = [n for n, row in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if token in row]
    with pytest.raises(SpecError, match=rf"published\.yml:{line}: "):
        contracts.contract.__wrapped__()
