"""Providers that fail, lie about time or are only odd, in the real job: the last good figures are published."""

from __future__ import annotations

import pydoc
import time
from datetime import timedelta

import pytest

from sources.data_folder import DataFolder, utc_now
from sources.http.client import Client
from sources.providers import load_providers
from tests.conftest import HISTORY, LATER, TOY, VALUES, World, changed
from tests.provider import FIRST_CHANGE, Answer
from tests.provider_faults import LIMITS


@pytest.mark.parametrize(
    ("behaviour", "argument", "kind"),
    [
        (404, None, "NotFound"),
        (400, None, "BadRequest"),
        (500, None, "Unavailable"),
        (503, None, "Unavailable"),
        ("too_big", None, "ExtractionTooBig"),
        ("async_never", None, "NotReady"),
        ("async_expired", None, "NotReady"),
        ("warning_200", None, "NotReady"),
        ("413_async", None, "NotReady"),
        ("html_200", None, "Unavailable"),
        ("fault_200", None, None),
        ("footer_413", None, "NotReady"),
        ("truncated_gzip", None, "BrokenRead"),
        ("slow_drip", None, "TooSlow"),
        ("hang", None, "BrokenRead"),
        ("drop_connection", None, "BrokenRead"),
        ("rate_limited", 3600, "RateLimited"),
        ("banned", None, "Forbidden"),
        ("redirect_elsewhere", None, "RedirectedElsewhere"),
        ("redirect_loop", None, "RedirectedElsewhere"),
        ("empty_body", None, "NotData"),
        ("zip_bomb", None, "TooLarge"),
        ("huge_body", None, None),
    ],
)
def test_a_provider_that_fails_leaves_the_last_good_data(world: World, behaviour, argument, kind):
    world.first_night()
    world.set_provider(max_bytes=2_000_000, max_decoded_bytes=20_000_000, **LIMITS.get(behaviour, {}))
    world.serve(changed(ITG1_2019="45"), last_change=LATER)
    world.server.behave("toy", behaviour, argument=argument)
    failure = world.night()["failure"]
    assert failure["message"] and failure["hint"] and failure["url"]
    if kind:
        assert failure["kind"] == kind
    found = world.state()
    assert (found["state"], found["outcome"], found["age_days"]) == ("stale", "failed", 0)
    assert world.history() == HISTORY


def test_a_night_without_an_answer_publishes_the_last_good_data_as_stale(world: World):
    world.first_night()
    before = world.query(VALUES)
    world.serve(changed(ITG1_2019="45"), last_change=LATER)
    world.server.behave("toy", 503)
    outcome = world.refresh()
    assert (outcome.code, outcome.json["worse"]) == (3, ["toy"])
    assert world.query(VALUES) == before
    assert world.query("select state from catalogue where dataset = 'toy'") == [("stale",)]


@pytest.mark.parametrize(
    "behaviour",
    [
        "gzip_without_header",
        "gzip_with_header",
        "gzip_in_members",
        "async",
        "redirect",
        "wrong_content_type",
        "reordered_dimensions",
    ],
)
def test_a_provider_that_is_only_odd_is_understood(world: World, behaviour):
    world.server.behave("toy", behaviour)
    assert world.night()["outcome"] == "updated"
    assert world.history() == HISTORY


def test_one_broken_dataset_stops_nobody_else(world: World):
    world.entry("toy2")
    world.serve(code="toy2")
    world.server.behave("toy2", "latin1")
    outcome = world.run("refresh", "--only", "toy", "--only", "toy2", "--json")
    assert outcome.code == 3
    assert {name: outcome.json["datasets"][name]["state"] for name in ("toy", "toy2")} == {
        "toy": "live",
        "toy2": "missing",
    }
    assert len(world.query(VALUES)) == 8


@pytest.mark.long
def test_all_down_in_a_first_run_is_no_failure(world: World):
    world.server.stop()
    outcome = world.run("refresh", "--json")
    assert outcome.code == 0
    states = {name: found["state"] for name, found in outcome.json["datasets"].items()}
    assert states["bd_size_r3"] == states["pat_ep_rtot"] == "shipped"
    assert states["lfst_r_lfe2emp"] == states["toy"] == "missing"
    assert [h["theme"] for h in outcome.json["headlines"]] == ["enterprise_births", "patents", "employment"]


@pytest.mark.long
def test_down_after_a_good_night_is_degraded_once(world: World):
    world.first_night()
    world.server.stop()
    first, second = world.refresh(), world.refresh()
    assert (first.code, second.code) == (3, 0)
    assert first.json["datasets"]["toy"]["failure"]["kind"] == "Unreachable"
    assert first.json["published"] and not second.json["published"]
    world.server.start()
    assert world.refresh().json["datasets"]["toy"]["state"] == "unchanged"


def test_the_inventory_may_be_silent(world: World):
    world.server.behave("inventory", 404)
    assert world.refresh().code == 0
    assert len(world.query(VALUES)) == 8


def test_the_pace_holds_across_runs(world: World):
    world.set_provider(min_interval_s=1)
    world.refresh()
    world.refresh()
    times = [request.time for request in world.server.requests]
    assert len(times) == 3
    assert all(b - a >= 0.99 for a, b in zip(times, times[1:], strict=False))


def test_a_ban_is_remembered_on_disk(world: World):
    world.server.behave("inventory", "rate_limited", argument=3600)
    world.server.behave("toy", "rate_limited", argument=3600)
    world.refresh()
    asked = len(world.server.requests)
    outcome = world.refresh()
    assert len(world.server.requests) == asked
    assert "not to be asked before" in outcome.json["datasets"]["toy"]["failure"]["message"]


def test_no_provider_is_left_alone_for_longer_than_a_week(world: World):
    """A header that is wrong, as one in milliseconds is, must not silence a provider for years."""
    world.server.behave("inventory", "rate_limited", argument=10**15)
    world.night()
    until = Client(load_providers()["eurostat"], DataFolder.from_env().pace).limiter.state().not_before
    assert timedelta(days=6.9) < until - utc_now() <= timedelta(days=7)


def test_a_short_retry_after_is_honoured(world: World):
    world.server.behave("toy", "rate_limited", times=1, argument=1)
    started = time.monotonic()
    assert world.refresh().code == 0
    assert time.monotonic() - started >= 1
    assert len(world.query(VALUES)) == 8


def test_sdmx_csv_slices_by_positional_key_and_only_the_slice_can_vanish(world: World):
    world.first_night()
    world.entry("toy", format="sdmx-csv", query={"geo": ["ITG1", "IT"]})
    world.serve(
        {key: row for key, row in TOY.items() if key[2] != "IT"}
        | {("A", "V11920", "IT"): {"2018": "100", "2019": "111"}},
        last_change=LATER,
    )
    assert world.refresh().code == 0
    assert any(
        "/TOY/..ITG1+IT" in request.path.upper() or "/toy/..ITG1+IT" in request.path
        for request in world.server.requests
    )
    assert world.query("select geo, kind, value from revisions order by all") == [("IT", "changed", 111.0)]
    asked = len(world.server.requests)
    assert world.night()["outcome"] == "unchanged"
    assert [request.code for request in world.server.requests[asked:]] == ["inventory"]
    assert world.query("select count(*) from observations where dataset = 'toy' and geo = 'ITG17'") == [(2,)]


def test_json_stat(world: World):
    world.entry("toy", format="json-stat", query={"geo": ["IT", "ITG1", "ITG17"]})
    assert world.refresh().code == 0
    assert len(world.query(VALUES)) == 8


def test_the_stamp_of_the_provider_is_kept(world: World):
    world.first_night()
    assert world.query("select provider_updated_at from snapshots where dataset = 'toy'") == [(FIRST_CHANGE,)]


def test_a_twin_in_nace_2_1_is_told_and_never_joined(world: World):
    row = {
        ("A", "C", "V11920", "IT"): {"2018": "1", "2019": "2"},
        ("A", "J", "V11920", "ITG1"): {"2018": "3", "2019": "4"},
    }
    dimensions = ["freq", "nace_r2", "indic_sb", "geo"]
    world.server.table("toy", dimensions, row)
    world.entry("toy", dimensions=dimensions)
    assert world.refresh().json["datasets"]["toy"]["twin"] == {}
    world.server.table("toy21", dimensions, {("A", "K", "V11920", "ITG1"): {"2020": "9"}}, last_change=LATER)
    outcome = world.refresh()
    assert outcome.json["datasets"]["toy"]["twin"]["code"] == "TOY21"
    assert outcome.json["datasets"]["toy"]["state"] == "unchanged" and outcome.code == 0
    printed = " ".join(world.run("status", "--all").out.split())
    assert "also has a table in NACE Rev. 2.1, TOY21" in printed
    assert "TOY21" in world.run("doctor", "--offline").err
    assert world.query("select count(*) from observations where nace_r2 = 'K'") == [(0,)]
    assert not any(request.code == "toy21" for request in world.server.requests)
    # an inventory that does not answer forgets nothing; a table without NACE has no twin
    world.server.behave("inventory", "503")
    assert world.night()["twin"]["code"] == "TOY21"
    world.server.behave_well()
    world.entry("toy")
    world.serve()
    assert world.night()["twin"] == {}


@pytest.mark.parametrize("place", ["sources.formats.tsv.decode", "sources.protocols.eurostat._stamp"])
def test_an_answer_that_our_code_stumbles_over_costs_one_dataset_alone(world: World, place):
    world.entry("other")
    world.serve(code="other")
    real = pydoc.locate(place)

    def stumble(*given, **named):
        if "TOY" in str(given[0]) or "toy" in str(given[-1]):
            raise KeyError("nobody foresaw this")
        return real(*given, **named)

    stamp = "2026-11-23T11:00:00+0100 TOY"
    world.monkeypatch.setattr(place, stumble)
    if place.endswith("_stamp"):
        inventory = world.server._inventory().decode().replace("\r\n", "\n").split("\n")
        lines = [
            line.replace(line.split("\t")[3], stamp) if line.startswith("TOY\t") else line
            for line in inventory
        ]
        world.server.answer_of["*/files/inventory"] = Answer(body="\r\n".join(lines).encode())
    outcome = world.run("refresh", "--only", "toy", "--only", "other", "--json")
    assert outcome.code == 3, outcome.err
    datasets = outcome.json["datasets"]
    assert (datasets["other"]["outcome"], datasets["toy"]["failure"]["kind"]) == ("updated", "Unforeseen")
    assert "nobody foresaw this" in datasets["toy"]["failure"]["message"]
    assert world.query("select count(*) from observations where dataset = 'other'") == [(8,)]
