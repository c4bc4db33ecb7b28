"""`status` and `doctor`: the state of the data and of the providers."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from sources.common.ages import age, since_end
from tests.conftest import ROOT, TOY, World, distretto


def test_status_before_the_first_run(world: World):
    outcome = world.run("status")
    assert outcome.code == 0
    assert "There is no release yet: run `distretto refresh`." in outcome.out and "missing" in outcome.out
    told = world.run("status", "--json").json
    assert (told["current"], told["run"]) == (None, {})
    assert {entry["state"] for entry in told["datasets"].values()} == {"missing"}
    assert world.run("release", "list", "--json").json == []
    assert not world.home.exists(), "reading leaves no trace"


def test_the_doctor_tells_who_answers_who_does_not_and_who_must_not_be_asked(world: World):
    def eurostat(*words: str) -> dict:
        return {row["provider"]: row for row in world.run("doctor", "--json", *words).json}["eurostat"]

    assert eurostat("--offline")["answers"] is None and world.server.requests == []
    assert eurostat()["answers"] is True
    assert len(world.server.requests) == 1
    world.server.behave("toy", "rate_limited", argument=3600)
    world.night()
    asked = len(world.server.requests)
    banned = eurostat()
    assert banned["answers"] is None
    assert [row["dataset"] for row in banned["datasets"] if row["failing"]] == ["toy"]
    assert banned["may_be_asked_at"] == banned["not_before"] > banned["last_asked"]
    assert len(world.server.requests) == asked
    world.server.stop()
    (world.folder / "state").rename(world.folder / "state-before")
    down = eurostat()
    assert down["answers"] is False and down["next"]
    outcome = world.run("doctor")
    assert "NO" in outcome.out and "firewall" in outcome.err


def test_the_doctor_tells_what_the_pace_leaves_and_when_figures_are_due(world: World):
    world.server.table(
        "toy", ["freq", "indic_sb", "geo"], TOY, last_change=datetime(2026, 5, 13, 9, tzinfo=UTC)
    )
    world.entry("toy", calendar={"frequency": "A", "expected": "in May", "late_after_days": 30})
    world.night()
    world.set_provider(min_interval_s=900, host_budget_s=3600)
    rows = {row["provider"]: row for row in world.run("doctor", "--offline", "--json").json}
    eurostat, folder = rows["eurostat"], rows["district"]
    assert eurostat["requests_a_run"] == 4
    asked, allowed = (datetime.fromisoformat(eurostat[key]) for key in ("last_asked", "may_be_asked_at"))
    assert allowed - asked == timedelta(seconds=900)
    (toy,) = [row for row in eurostat["datasets"] if row["dataset"] == "toy"]
    assert (toy["updated"][:10], toy["expected"], toy["late_after"]) == ("2026-05-13", "in May", "2026-06-12")
    (births,) = [row for row in eurostat["datasets"] if row["dataset"] == "bd_hgnace_r"]
    assert (births["updated"], births["late_after"]) == (None, None)
    assert (folder["may_be_asked_at"], folder["requests_a_run"]) == (None, None)
    printed = world.run("doctor", "--offline")
    assert "4 requests a run" in printed.out and "a folder" in printed.out and "LATE" in printed.out
    assert "distretto probe toy" in printed.err


@pytest.mark.long
def test_a_provider_without_its_credentials_is_not_asked_and_that_is_no_failure(world: World):
    world.set_provider(credentials=["TEST_KEY", "TEST_SECRET"])
    world.monkeypatch.setenv("TEST_KEY", "here")
    outcome = world.refresh()
    assert outcome.code == 0 and world.server.requests == []
    state = outcome.json["datasets"]["toy"]
    assert (state["state"], state["outcome"], state["trouble"]) == ("not configured", "not configured", 0)
    assert state["unset"] == ["TEST_SECRET"] and "failure" not in state and outcome.json["worse"] == []
    assert world.query("select state, failure from catalogue where dataset = 'toy'") == [
        ("not configured", None)
    ]
    printed = world.run("status")
    assert "needs TEST_SECRET" in printed.out and "no failure" in printed.out

    def told() -> str:
        rows = world.run("doctor", "--offline", "--json").json
        return {row["provider"]: row["credentials"] for row in rows}["eurostat"]

    assert told() == "not configured"
    assert "set TEST_SECRET in the environment" in world.run("doctor", "--offline").err
    world.monkeypatch.setenv("TEST_SECRET", "here")
    assert told() == "configured"
    assert world.refresh().json["datasets"]["toy"]["state"] == "live"
    world.monkeypatch.delenv("TEST_KEY")
    outcome = world.refresh()
    assert (outcome.code, outcome.json["datasets"]["toy"]["state"]) == (0, "not configured")
    assert world.query("select count(*) from observations where dataset = 'toy'") == [(8,)], "figures stay"


@pytest.mark.long
def test_status_counts_first_and_lists_what_is_unusual(world: World):
    world.entry("other")
    world.serve(code="other")
    assert world.run("refresh", "--only", "toy", "--only", "other").code == 0
    said = world.run("status").out
    assert "2 live" in said and "datasets: " in said.splitlines()[3]
    assert "toy" not in said and "distretto status --all" in said
    everything = world.run("status", "--all").out
    assert "toy" in everything and "bd_hgnace_r" in everything
    snapshot = world.state()["snapshot_id"]
    assert world.run("pin", "toy", snapshot, "--because", "test").code == 0
    said = world.run("status").out
    assert "1 live, 1 pinned" in said and "toy" in said and "other" not in said, (
        "a decision of a person is listed"
    )


@pytest.mark.long
def test_the_end_of_a_refresh_counts_and_lists_as_status_does(world: World):
    first = world.run("refresh", "--only", "toy")
    assert "1 live" in first.out and "bd_hgnace_r" not in first.out
    assert "bd_hgnace_r" in world.run("refresh", "--only", "toy", "--all").out


def test_status_says_when_bundled_figures_were_archived(home: Path):
    said = distretto(home, "status", "--json")
    archived = {name: entry.get("archived_by") for name, entry in said.json["datasets"].items()}
    assert archived["bd_size_r3"] == "2024-01-12" and archived["bd_hgnace_r"] is None
    printed = distretto(home, "status", "--all").out
    assert "archived by 2024-01-12 (" in printed and " years ago)" in printed
    days = [day for day in archived.values() if day]
    assert f"archived between {min(days)} and {max(days)}" in distretto(home, "status").out


@pytest.mark.parametrize(
    "words", [["status"], ["status", "--json"], ["query", "from release"], ["datasets"]], ids=" ".join
)
def test_what_only_reads_imports_neither_pandas_nor_dagster_nor_requests(published: Path, words: list[str]):
    """They take seconds to import; a parameter of a DuckDB query is enough to import pandas."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "from pipelines.cli import main; main()", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "DISTRETTO_HOME": str(published)},
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    heavy = {"pandas", "numpy", "dagster", "requests", "great_expectations"}
    assert "typer" in imported and imported & heavy == set()


@pytest.mark.parametrize(
    ("days", "italian", "english"),
    [
        (0, "meno di un giorno", "less than a day"),
        (1, "1 giorno", "1 day"),
        (13, "13 giorni", "13 days"),
        (14, "2 settimane", "2 weeks"),
        (61, "2 mesi", "2 months"),
        (365, "11 mesi", "11 months"),
        (700, "quasi 2 anni", "almost 2 years"),
        (731, "2 anni", "2 years"),
        (1900, "più di 5 anni", "more than 5 years"),
        (2157, "quasi 6 anni", "almost 6 years"),
    ],
)
def test_ages_in_words(days, italian, english):
    assert (age(days, "it"), age(days, "en")) == (italian, english)


def test_the_age_of_a_period_counts_from_its_end():
    """A period that is still running has no age."""
    assert since_end("2020", date(2026, 11, 27), "en") == "almost 6 years ago"
    assert since_end("2026-Q3", date(2026, 11, 27), "it") == "8 settimane fa"
    assert since_end("2026", date(2026, 11, 27), "en") == "period still running"


def test_status_shows_each_headline_with_its_age(home: Path):
    headlines = distretto(home, "status", "--json").json["headlines"]
    assert len(headlines) == 3
    printed = " ".join(distretto(home, "status").out.split())
    today = date.today()
    for headline in headlines:
        text = " ".join(headline["text_en"].split())
        assert f"{text}; {since_end(headline['period'], today, 'en')}" in printed
