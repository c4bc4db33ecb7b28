"""Targets through the command line: sealed from a file or a draft, published, and shown."""

from __future__ import annotations

import re
import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest
import yaml

from tests.conftest import ROOT, distretto
from tests.target_examples import TARGET
from warehouse.targets import drafts
from warehouse.targets.schema import Directive, Target


@pytest.fixture(scope="module")
def con(home: Path):
    with duckdb.connect(str(home / "current" / "distretto.duckdb"), read_only=True) as opened:
        yield opened


def test_the_ledger_ships_empty(home, con):
    for table in ("targets", "target_results", "target_ledger", "target_anchors"):
        assert con.execute(f"select count(*) from {table}").fetchone() == (0,)
    assert distretto(home, "targets", "results", "--json").json == []
    assert con.execute("select text_en from headlines where kind = 'targets'").fetchall() == [
        ("No target adopted.",)
    ]


def test_drafts_are_published_with_their_baseline_their_break_and_the_day_they_could_be_judged(con):
    rows = {
        row[0]: row[1:]
        for row in con.execute(
            "select draft, baseline_value, draft_state, break_period, judged_from from target_drafts"
        ).fetchall()
    }
    assert set(rows) == {draft.draft for draft in drafts.load()}
    assert rows["gdp-per-head-sicily"] == (20100.0, "ready", None, date(2029, 3, 31))
    assert rows["births-catania"] == (5905.0, "crosses_break", "2021", None)
    for draft, indicator, geo, period, value, state in con.execute(
        "select draft, indicator, geo, baseline_period, baseline_value, draft_state from target_drafts"
    ).fetchall():
        found = con.execute(
            "select value from indicators where (indicator, geo, period) = (?, ?, ?)",
            [indicator, geo, period],
        ).fetchone()
        assert value == (found and found[0]), draft
        assert (value is None) == (state == "no_baseline"), draft


def test_the_directives_are_those_of_the_mission(con):
    known = set(Directive.__args__)
    assert len(known) == 6
    assert {row[0] for row in con.execute("select directive from target_drafts").fetchall()} <= known


def test_a_draft_is_sealed_only_by_a_person_and_adopted_only_by_a_document(home):
    assert distretto(home, "targets", "add").code == 2
    assert (
        distretto(home, "targets", "add", "--from-draft", "gdp-per-head-sicily", "--fixed-by", "x").code == 2
    )
    unknown = distretto(home, "targets", "add", "--from-draft", "nothing")
    assert unknown.code == 1 and "gdp-per-head-sicily" in unknown.err
    proposal = distretto(home, "targets", "add", "--from-draft", "birth-rate-sicily", "--json")
    assert (proposal.code, proposal.json["stage"], proposal.json["version"]) == (0, "proposal", 1)
    adopted = distretto(
        home, "targets", "add", "--from-draft", "birth-rate-sicily", "--json",
        "--fixed-by", "The board", "--document", "Minutes of today",
    )  # fmt: skip
    assert (adopted.code, adopted.json["stage"], adopted.json["version"]) == (0, "adopted", 2)


@pytest.mark.long
def test_a_board_adopts_a_target_and_a_tampered_ledger_publishes_nothing(one_shipped, tmp_path):
    """A draft and the document's own example; then a value altered by hand is named, and stops the next release."""
    home = shutil.copytree(one_shipped, tmp_path / "data", symlinks=True)
    for decided in ([], ["--fixed-by", "The board", "--document", "Minutes of today"]):
        assert distretto(home, "targets", "add", "--from-draft", "birth-rate-sicily", *decided).code == 0
    page = (ROOT / "docs" / "targets.md").read_text()
    block = re.findall(r"^```yaml\n(.*?)^```$", page, re.M | re.S)[0]
    file = tmp_path / "target.yml"
    file.write_text(block)
    shown = distretto(home, "release", "list", "--json").json[-1]["release"]

    added = distretto(home, "targets", "add", str(file), "--json")
    assert added.code == 0, added.err
    assert (added.json["version"], added.json["timing"]) == (1, "ex_ante")
    assert distretto(home, "targets", "anchor", "--protocol", "Prot. 12/2027").code == 0
    assert "4 entries of the ledger are not published yet" in distretto(home, "targets", "results").err
    outcome = distretto(home, "refresh", "--offline", "--json")
    assert outcome.code == 0 and outcome.json["published"] not in (None, shown)
    rows = distretto(home, "targets", "results", "--json").json
    versions = {(r["target_id"], r["version"], r["superseded_by"], r["stage"]) for r in rows}
    assert versions == {
        ("birth-rate-sicily", 1, 2, "proposal"),
        ("birth-rate-sicily", 2, None, "adopted"),
        ("gdp-per-head-sicily", 1, None, "adopted"),
    }
    latest = [row for row in rows if row["point"] == "latest"]
    assert {row["status"] for row in latest} == {"not_assessable"}
    assert all(
        (row["progress"], row["gap"]) == (None, None) for row in rows if row["status"] == "not_assessable"
    )
    report = distretto(home, "targets", "verify", "--json").json
    assert report["problems"] == [] and report["entries"] == report["published"] == 4
    assert {v["outcome"] for v in report["verdicts"]} == {"sound"}
    assert report["anchors"][0]["protocol"] == "Prot. 12/2027"
    assert "gdp-per-head-sicily" in str(distretto(home, "why", "ITG1/gdp_per_head/2022", "--json").json)

    path = home / "targets.yml"
    good = path.read_text()
    path.write_text(good.replace("value: 24500.0", "value: 20500.0"))
    broken = distretto(home, "targets", "verify")
    assert broken.code == 1
    assert (
        "entry 3 (gdp-per-head-sicily, version 1) was altered after it was sealed: target.value was 24500.0 and is 20500.0"
        in broken.err
    )
    assert distretto(home, "targets", "add", str(file)).code == 1
    refused = distretto(home, "refresh", "--offline", "--json")
    assert refused.code == 1 and "targets_are_sealed" in refused.err
    assert distretto(home, "status", "--json").json["current"] == outcome.json["published"]
    path.write_text(good)
    assert distretto(home, "targets", "verify").code == 0


def test_a_retrospective_target_is_refused_and_nothing_is_written(home, tmp_path):
    file = tmp_path / "late.yml"
    known = {
        **TARGET,
        "indicator": "gdp_per_head",
        "milestones": [],
        "baseline": {"period": 2019},
        "fixed_on": date(2020, 1, 1),
    }
    file.write_text(
        yaml.safe_dump({**known, "target": {"period": 2022, "value": 20000, "assess_on": date(2024, 1, 1)}})
    )
    before = (home / "targets.yml").read_bytes()
    outcome = distretto(home, "targets", "add", str(file))
    assert outcome.code == 1
    assert "would be retrospective: the release has its figure already" in outcome.err
    assert (home / "targets.yml").read_bytes() == before
    assert distretto(home, "targets", "add", str(tmp_path / "nothing.yml")).code == 2
    assert distretto(home, "targets", "anchor").code == 2


def test_a_mistyped_key_is_named(home, tmp_path):
    file = tmp_path / "typo.yml"
    file.write_text(yaml.safe_dump({**TARGET, "treshold": 1}))
    outcome = distretto(home, "targets", "add", str(file))
    assert outcome.code == 1 and re.search(r"typo.yml:\d+: treshold: ", outcome.err)


def test_the_keys_of_a_target_are_explained():
    page = (ROOT / "docs" / "targets.md").read_text()
    rows = re.findall(
        r"^\| (`[^|]+) \|", page[page.index("## Adding a target") : page.index("## Withdrawing")], re.M
    )
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(Target.model_fields)


@pytest.mark.parametrize(
    ("field", "indicator"), [("indicator", "registrations_3m"), ("watch", "workforce_26")]
)
def test_neither_a_target_nor_a_watch_rests_on_a_table_nobody_has_seen(home, tmp_path, field, indicator):
    path = tmp_path / "target.yml"
    path.write_text(yaml.safe_dump(TARGET | {"fixed_on": date(2026, 1, 1), field: indicator}))
    outcome = distretto(home, "targets", "add", str(path))
    assert outcome.code == 1
    words = " ".join(outcome.err.split())
    assert f"{field}: {indicator} rests on camcom_" in words and "which is unproven" in words
    assert "docs/first-live-night.md" in words
