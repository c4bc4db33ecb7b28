"""The real job against a real provider on loopback: what a night brings, and what it must survive."""

from __future__ import annotations

import pydoc
import signal
import time
from datetime import UTC, datetime, timedelta

import pytest

from sources.data_folder import DataFolder, utc_now
from sources.http.client import Client
from sources.providers import load_providers
from tests.conftest import ENTRY, TOY, World
from tests.provider import FIRST_CHANGE, Answer

LATER = datetime(2026, 9, 10, 11, tzinfo=UTC)
# as `World.history` tells the first night's TOY
HISTORY = [
    ("IT", "V11920", "2018", 100.0),
    ("IT", "V11920", "2019", 110.0),
    ("ITG1", "V11910", "2018", 400.0),
    ("ITG1", "V11910", "2019", 410.0),
    ("ITG1", "V11920", "2018", 40.0),
    ("ITG1", "V11920", "2019", 44.0),
    ("ITG17", "V11920", "2018", 10.0),
    ("ITG17", "V11920", "2019", None),
]
VALUES = "select geo, indicator, period, value, flag from observations where dataset = 'toy' order by all"


def changed(**cells: str) -> dict:
    """TOY with V11920 of ITG1 in 2019 (or other cells, as GEO_YEAR=cell) replaced."""
    table = {key: dict(row) for key, row in TOY.items()}
    for place, cell in cells.items():
        geo, year = place.split("_")
        table[("A", "V11920", geo)][year] = cell
    return table


def test_first_run_publishes_what_the_provider_serves(world: World):
    outcome = world.refresh()
    assert outcome.code == 0
    assert outcome.json["datasets"]["toy"]["state"] == "live"
    assert world.query(VALUES) == [
        ("IT", "V11920", "2018", 100.0, ""),
        ("IT", "V11920", "2019", 110.0, "p"),
        ("ITG1", "V11910", "2018", 400.0, ""),
        ("ITG1", "V11910", "2019", 410.0, ""),
        ("ITG1", "V11920", "2018", 40.0, ""),
        ("ITG1", "V11920", "2019", 44.0, ""),
        ("ITG17", "V11920", "2018", 10.0, ""),
        ("ITG17", "V11920", "2019", None, "c"),
    ]


def test_every_row_leads_to_the_address_and_hash_it_came_from(world: World):
    world.refresh()
    assert world.query(
        "select distinct url, length(sha256), origin from enterprise_births join snapshots using (snapshot_id)"
    ) == [(f"{world.server.base_url}/sdmx/2.1/data/TOY?format=TSV&compressed=true", 64, "live")]


def test_an_unchanged_night_costs_one_line_and_publishes_no_twin(world: World):
    world.first_night()
    before, asked = world.releases, len(world.server.requests)
    outcome = world.refresh()
    assert (outcome.code, outcome.json["published"]) == (0, None)
    assert outcome.json["datasets"]["toy"]["state"] == "unchanged"
    assert [request.path for request in world.server.requests[asked:]] == [
        "/eurostat/api/dissemination/files/inventory"
    ]
    assert world.releases == before


def test_the_same_bytes_under_a_new_stamp_make_no_snapshot(world: World):
    world.first_night()
    world.serve(last_change=LATER)
    assert world.refresh().json["published"] is None
    assert world.query("select count(*) from snapshots where dataset = 'toy'") == [(1,)]


def test_a_revised_run_keeps_both_versions(world: World):
    world.first_night()
    ((first,),) = world.query("select known_from::varchar from vintages where dataset = 'toy'")
    world.serve(changed(ITG1_2019="45", IT_2019="110"), last_change=LATER)
    assert world.refresh().code == 0
    assert world.query("""select geo, period, kind, old_value, value, old_flag, flag, old_snapshot_id <> snapshot_id
                          from revisions order by geo""") == [
        ("IT", "2019", "reflagged", 110.0, 110.0, "p", "", True),
        ("ITG1", "2019", "changed", 44.0, 45.0, "", "", True),
    ]
    then = "select value from as_of(timestamptz '{}') where geo = 'ITG1' and period = '2019' and indicator = 'V11920'"
    assert world.query(then.format(first)) == [(44.0,)]
    assert world.query(then.format("2999-01-01 00:00:00+00")) == [(45.0,)]
    assert world.query(then.format("2000-01-01 00:00:00+00")) == []


def test_as_of_has_the_columns_of_observations_and_reads_a_date_as_the_end_of_that_day_in_rome(world: World):
    world.first_night()
    assert world.query("describe from as_of(now())") == world.query("describe observations")
    ((day,),) = world.query(
        "select (known_from at time zone 'Europe/Rome')::date::varchar from vintages limit 1"
    )
    count = "select count(*) from as_of({}) where dataset = 'toy'"
    assert world.query(count.format(f"date '{day}'")) == [(8,)]
    assert world.query(count.format(f"'{day}'")) == [(8,)]
    assert world.query(count.format(f"date '{day}' - 1")) == [(0,)]


def test_as_of_works_when_the_file_is_attached(world: World):
    import duckdb

    world.first_night()
    con = duckdb.connect()
    con.execute(f"attach '{world.home}/current/distretto.duckdb' (read_only)")
    assert con.execute("select count(*) from distretto.as_of(now()) where dataset = 'toy'").fetchone() == (8,)


def test_a_vanished_observation_gets_a_tombstone_and_may_come_back(world: World):
    world.first_night()
    world.serve(changed(ITG17_2019=":"), last_change=LATER)
    world.refresh()
    gone = "select count(*) from observations where dataset = 'toy' and geo = 'ITG17' and period = '2019'"
    assert world.query(gone) == [(0,)]
    world.serve(TOY, last_change=LATER.replace(month=10))
    world.refresh()
    assert world.query(gone) == [(1,)]
    assert world.query("select kind, old_flag, flag from revisions order by known_from") == [
        ("deleted", "c", None),
        ("returned", None, "c"),
    ]


def test_a_value_that_goes_a_b_a_is_three_versions(world: World):
    world.first_night()
    for month, cell in ((9, "45"), (10, "44")):
        world.serve(changed(ITG1_2019=cell), last_change=LATER.replace(month=month))
        world.refresh()
    assert world.query("select old_value, value from revisions order by known_from") == [
        (44.0, 45.0),
        (45.0, 44.0),
    ]


def test_first_figures_of_a_series_are_counted_not_listed(world: World):
    world.first_night()
    world.serve(
        {
            **TOY,
            ("A", "V11910", "IT"): {"2018": "900", "2019": "910"},
            ("A", "V11920", "IT"): {"2018": "100", "2019": "110 p", "2020": "120"},
        },
        last_change=LATER,
    )
    world.refresh()
    assert world.query("select geo, indicator, period, kind from revisions") == [
        ("IT", "V11920", "2020", "added")
    ]
    assert world.query("select series_added, added from vintages where dataset = 'toy' order by vintage") == [
        (4, 0),
        (1, 1),
    ]


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
    world.set_provider(max_bytes=2_000_000, max_decoded_bytes=20_000_000)
    world.first_night()
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


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [
        ("empty_table", "min_rows"),
        ("latin1", "UTF-8"),
        ("renamed_dimension", "gone: "),
        ("duplicated_keys", "unique_keys"),
        ("unreadable_cell", "holds"),
    ],
)
def test_a_body_that_lies_waits_in_quarantine(world: World, behaviour, told):
    world.first_night()
    world.serve(changed(ITG1_2019="45"), last_change=LATER)
    world.server.behave("toy", behaviour)
    assert told in world.night()["failure"]["message"]
    found = world.state()
    assert (found["state"], found["outcome"]) == ("stale", "quarantined")
    assert world.history() == HISTORY


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (
            {
                ("A", "V11920", "IT"): {"2018": "1"},
                ("A", "V11920", "ITG1"): {"2018": "1", "2019": "1", "2017": "1"},
            },
            "size_ratio",
        ),
        (changed(ITG1_2019="45 x"), "flags"),
        (changed(ITG1_2019="5000"), "ranges"),
        (
            {key: row for key, row in TOY.items() if key[2] != "IT"}
            | {("A", "V11920", "ITF3"): {"2018": "1", "2019": "2"}},
            "geos",
        ),
        ({**TOY, ("A", "V11920", "QQ9"): {"2018": "1"}}, "known_geos"),
        ({key: {year: "7" for year in row} for key, row in TOY.items()}, "revised_share"),
    ],
)
def test_figures_that_break_a_check_stay_out(world: World, cells, told):
    world.first_night()
    world.serve(cells, last_change=LATER)
    found = world.night()
    assert found["outcome"] == "quarantined" and found["failure"]["message"].startswith(f"{told}: ")
    assert world.history() == HISTORY


def test_what_was_refused_is_published_as_refused_until_a_person_accepts_it(world: World):
    world.first_night()
    before = world.query(VALUES)
    world.serve(changed(ITG1_2019="45 x"), last_change=LATER)
    outcome = world.refresh()
    assert (outcome.code, outcome.json["datasets"]["toy"]["state"]) == (3, "stale")
    assert world.query(VALUES) == before
    assert world.query(
        "select passed from check_results where check_name = 'flags' and dataset = 'toy' order by checked_at"
    )[-1] == (False,)
    assert world.query(
        "select outcome, len(reasons) from snapshots where dataset = 'toy' order by fetched_at"
    ) == [("accepted", None), ("refused", 1)]
    (waiting,) = outcome.json["datasets"]["toy"]["quarantine"]
    # the next night finds the same body: the decision stands, without crying
    again = world.refresh()
    assert (again.code, again.json["datasets"]["toy"]["outcome"]) == (0, "quarantined")
    assert world.run("accept", "toy", waiting, "--because", "announced by the provider").code == 0
    assert world.refresh("--offline").code == 0
    assert world.query(VALUES) != before
    assert world.query("select because from snapshots where snapshot_id = '" + waiting + "'") == [
        ("announced by the provider",)
    ]


def test_unknown_territories_fail_the_dataset_with_all_their_codes(world: World):
    unknown = [f"QQ{number}" for number in range(30)]
    world.serve(TOY | {("A", "V11920", geo): {"2018": "1"} for geo in unknown})
    failure = world.night()["failure"]["message"]
    assert f"known_geos: 30 unexpected: {', '.join(sorted(unknown))} (expected" in failure


@pytest.mark.parametrize("damage", ["unit", "key"])
def test_nobody_can_accept_figures_without_a_unit_or_with_a_key_twice(world: World, damage):
    world.first_night()
    world.serve({**TOY, ("A", "V99999", "IT"): {"2018": "1"}} if damage == "unit" else TOY, last_change=LATER)
    if damage == "key":
        world.server.behave("toy", "duplicated_keys")
    (waiting,) = world.refresh().json["datasets"]["toy"]["quarantine"]
    outcome = world.run("accept", "toy", waiting, "--because", "I insist")
    assert outcome.code == 1
    assert "cannot enter history" in outcome.err
    held = world.refresh("--offline")
    assert held.code == 0
    assert "accept" not in held.json["datasets"]["toy"]["failure"]["hint"]


def test_a_refused_body_is_judged_again_when_its_entry_is_mended(world: World):
    world.first_night()
    world.serve({**TOY, ("A", "V99999", "IT"): {"2018": "1"}}, last_change=LATER)
    assert world.refresh().json["datasets"]["toy"]["outcome"] == "quarantined"
    asked = len(world.server.requests)
    world.entry("toy", unit={"indic_sb": {**ENTRY["unit"]["indic_sb"], "V99999": "NR"}})
    mended = world.refresh("--offline").json["datasets"]["toy"]
    assert (mended["state"], mended["quarantine"]) == ("live", [])
    assert world.query("select value, unit from observations where indicator = 'V99999'") == [(1.0, "NR")]
    assert len(world.server.requests) == asked


def test_a_pin_holds_until_unpin(world: World):
    world.first_night()
    first = world.state()["snapshot_id"]
    world.serve(changed(ITG1_2019="45"), last_change=LATER)
    world.refresh()
    assert world.run("pin", "toy", first, "--because", "the revision is wrong").code == 0
    world.refresh("--offline")
    figure = "select value from observations where dataset = 'toy' and geo = 'ITG1' and period = '2019' and indicator = 'V11920'"
    assert world.query(figure) == [(44.0,)]
    world.serve(changed(ITG1_2019="46"), last_change=LATER.replace(month=10))
    assert world.refresh().json["datasets"]["toy"]["state"] == "pinned"
    assert world.query(figure) == [(44.0,)]
    world.run("unpin", "toy", "--because", "mended")
    assert world.refresh().json["datasets"]["toy"]["state"] == "live"
    assert world.query(figure) == [(46.0,)]


def test_unpin_goes_back_to_the_body_that_stood_before_the_pin(world: World):
    world.first_night()
    first = world.state()["snapshot_id"]
    world.serve(changed(ITG1_2019="45"), last_change=LATER)
    world.refresh()
    world.run("pin", "toy", first, "--because", "looks wrong")
    world.refresh("--offline")
    world.run("unpin", "toy", "--because", "was right after all")
    assert world.refresh("--offline").json["datasets"]["toy"]["state"] == "live"
    assert world.query("select old_value, value from revisions order by known_from") == [
        (44.0, 45.0),
        (45.0, 44.0),
        (44.0, 45.0),
    ]
    assert world.refresh("--offline").json["published"] is None


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


def test_all_down_in_a_first_run_asks_each_host_once_and_is_no_failure(world: World):
    world.server.stop()
    started = time.monotonic()
    outcome = world.run("refresh", "--json")
    assert outcome.code == 0
    assert time.monotonic() - started < 50
    states = {name: found["state"] for name, found in outcome.json["datasets"].items()}
    assert states["bd_size_r3"] == states["pat_ep_rtot"] == "shipped"
    assert states["lfst_r_lfe2emp"] == states["toy"] == "missing"
    assert [h["theme"] for h in outcome.json["headlines"]] == ["enterprise_births", "patents", "employment"]


def test_down_after_a_good_night_is_degraded_once(world: World):
    world.first_night()
    world.server.stop()
    first, second = world.refresh(), world.refresh()
    assert (first.code, second.code) == (3, 0)
    assert first.json["datasets"]["toy"]["failure"]["kind"] == "Unreachable"
    assert first.json["published"] and not second.json["published"]
    world.server.start()
    assert world.refresh().json["datasets"]["toy"]["state"] == "unchanged"


def test_figures_that_ship_give_way_to_live_ones_without_a_revision(world: World):
    world.run("refresh", "--only", "pat_ep_rtot", "--offline")
    assert world.state("pat_ep_rtot")["state"] == "shipped"
    assert world.query("select distinct flag from patents where geo = 'FR71'") == [(None,)]
    small_patents(world)
    assert (
        world.run("refresh", "--only", "pat_ep_rtot", "--json").json["datasets"]["pat_ep_rtot"]["state"]
        == "live"
    )
    assert world.query("select geo, value from patents") == [("ITG1", 80.0)]
    assert world.query("select kind from vintages where dataset = 'pat_ep_rtot' order by vintage") == [
        ("baseline",),
        ("baseline",),
    ]
    assert world.query("select count(*) from revisions") == [(0,)]
    assert world.query("select value from as_of(timestamptz '2000-01-01') where geo = 'ITG1'") == []


def small_patents(world: World) -> None:
    """The entry pat_ep_rtot, which has figures that ship, with checks that a few rows pass."""
    world.entry(
        "pat_ep_rtot",
        dimensions=["freq", "unit", "geo"],
        indicator="epo_applications",
        unit="unit",
        feeds={"patents": {}},
        checks={"min_rows": 1},
    )
    world.server.table("pat_ep_rtot", ["freq", "unit", "geo"], {("A", "NR", "ITG1"): {"2004": "80"}})


def test_where_live_figures_come_first_those_that_ship_never_enter(world: World):
    small_patents(world)
    for _ in range(2):
        outcome = world.run("refresh", "--only", "pat_ep_rtot", "--json")
        assert world.query("select origin, outcome from snapshots order by origin") == [
            ("live", "accepted"),
            ("shipped", "waiting"),
        ]
    assert outcome.json["published"] is None
    assert outcome.json["datasets"]["pat_ep_rtot"]["state"] == "unchanged"


def test_where_the_first_live_body_lies_the_figures_that_ship_stand_in(world: World):
    small_patents(world)
    world.server.behave("pat_ep_rtot", "empty_table")
    outcome = world.run("refresh", "--only", "pat_ep_rtot", "--json")
    assert outcome.code == 3
    assert outcome.json["datasets"]["pat_ep_rtot"]["state"] == "shipped"
    assert world.query(
        "select value from patents where geo = 'ITG1' and period = '2004' and unit = 'NR'"
    ) == [(79.36,)]


def test_only_one_writer(world: World):
    from sources.data_folder import DataFolder

    world.first_night()
    with DataFolder(world.home).writing():
        outcome = world.refresh()
    assert outcome.code == 1
    assert "Another process is writing" in outcome.err
    assert world.refresh().code == 0


def test_figures_that_contradict_others_are_held_back_and_the_rest_is_published(world: World):
    world.first_night()
    before = world.releases
    world.entry(
        "toy",
        unit={"indic_sb": {"V11920": "NR", "V11910": "NR", "V97020": "PC"}},
        indicator="indic_sb",
        format="tsv",
        checks={"min_rows": 1, "max_revised_share": 1.0},
    )
    # our own region's rate, made to disagree with the provider's
    world.entry(
        "bd_size_r3",
        dimensions=["freq", "indic_sb", "sizeclas", "nace_r2", "geo"],
        unit={"indic_sb": {"V11920": "NR", "V11910": "NR", "V97020": "PC"}},
        checks={"min_rows": 1},
    )
    key = ("TOTAL", "B-S_X_K642", "ITG1")
    world.server.table(
        "bd_size_r3",
        ["freq", "indic_sb", "sizeclas", "nace_r2", "geo"],
        {
            ("A", "V11920", *key): {"2019": "10"},
            ("A", "V11910", *key): {"2019": "100"},
            ("A", "V97020", *key): {"2019": "30"},
        },
    )
    outcome = world.run("refresh", "--only", "bd_size_r3", "--only", "toy", "--json")
    assert outcome.code == 3 and outcome.json["worse"] == ["bd_size_r3"], outcome.err
    failure = outcome.json["datasets"]["bd_size_r3"]["failure"]
    assert failure["kind"] == "HeldBack" and "distretto accept bd_size_r3 " in failure["hint"]
    assert "geo ITG1, period 2019, recomputed 10.0, published 30.0" in failure["message"]
    assert "None" not in failure["message"]
    assert len(world.releases) == len(before) + 1
    assert world.query("select dataset, count(*) from observations group by all") == [("toy", 7)]
    assert (
        world.history("bd_size_r3") == [] and world.query("from vintages where dataset = 'bd_size_r3'") == []
    )
    # the next night has nothing to do, and corrected figures are taken
    assert world.run("refresh", "--only", "bd_size_r3", "--json").json["published"] is None
    world.server.table(
        "bd_size_r3",
        ["freq", "indic_sb", "sizeclas", "nace_r2", "geo"],
        {
            ("A", "V11920", *key): {"2019": "10"},
            ("A", "V11910", *key): {"2019": "100"},
            ("A", "V97020", *key): {"2019": "10"},
        },
    )
    assert world.run("refresh", "--only", "bd_size_r3", "--json").code == 0
    assert len(world.history("bd_size_r3")) == 3


def test_a_full_disk_is_told_and_loses_nothing(world: World, monkeypatch):
    import errno

    from warehouse.publishing import release

    world.first_night()
    before = world.releases
    world.serve(changed(ITG1_2019="45"), last_change=LATER)

    def no_space(*_):
        raise OSError(errno.ENOSPC, "No space left on device", str(world.home))

    with monkeypatch.context() as patch:
        patch.setattr(release, "_seal", no_space)
        outcome = world.refresh()
    assert outcome.code == 1
    assert "No space left on device" in outcome.err
    assert world.releases == before
    assert world.refresh().json["published"]
    assert world.query("select value from revisions") == [(45.0,)]


def test_a_disk_that_takes_no_more_is_told_at_every_stage_and_loses_nothing(world: World):
    world.first_night()
    before, standing = world.releases, world.query(VALUES)
    world.serve(changed(ITG1_2019="45"), last_change=LATER)
    for limit in (200, 20_000, 400_000, 900_000):
        process = world.start("refresh", "--only", "toy", preexec=lambda limit=limit: _limit_file_size(limit))
        _, told = process.communicate(timeout=60)
        assert process.returncode == 1, told
        assert "Failed: " in told and "Next: " in told and "Traceback" not in told
        assert (world.releases, world.query(VALUES)) == (before, standing)
    assert world.refresh().code == 0
    assert world.query("select old_value, value from revisions") == [(44.0, 45.0)]


def _limit_file_size(limit: int) -> None:
    """Every write past `limit` bytes of a file fails in this process, as on a full disk."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


@pytest.mark.parametrize("damage", [None, b"no database"])
def test_a_lost_warehouse_is_built_again_from_the_snapshots(world: World, damage):
    world.entry("toy2")
    world.serve(code="toy2")
    world.run("refresh", "--only", "toy", "--only", "toy2")
    world.serve(changed(ITG1_2019="45"), last_change=LATER)
    world.refresh()
    figures = (
        "select count(*), sum(value) from observations",
        "select dataset, old_value, value from revisions",
    )
    before = [world.query(sql) for sql in figures]
    (world.home / "warehouse.duckdb").unlink()
    if damage:
        (world.home / "warehouse.duckdb").write_bytes(damage)
        outcome = world.refresh()
        assert (outcome.code, "delete warehouse.duckdb" in outcome.err) == (1, True)
        (world.home / "warehouse.duckdb").unlink()
    world.serve(changed(ITG1_2019="45", IT_2018="101"), last_change=LATER.replace(month=10))
    assert world.refresh().code == 0
    assert world.query("select count(*) from observations") == [(before[0][0][0],)]
    assert len(world.query(figures[1])) == 2


def test_a_damaged_snapshot_is_named_and_fetched_again(world: World):
    world.first_night()
    (stored,) = (path for path in (world.home / "snapshots" / "objects").rglob("*") if path.is_file())
    stored.chmod(0o644)
    stored.write_bytes(b"not what it was")
    release = world.releases[-1]
    outcome = world.run("release", "rebuild", release)
    assert outcome.code == 1
    assert "sha256" in outcome.err or "cannot be read" in outcome.err
    world.serve(last_change=LATER)
    world.refresh()
    assert world.run("release", "rebuild", release).code == 0


@pytest.mark.parametrize(
    "stage",
    [
        "asking",
        "decoding",
        "checking",
        "entering history",
        "building tables",
        "checking the release",
        "writing the tables",
        "showing",
    ],
)
def test_kill_9_loses_nothing_and_a_rerun_ends_well(world: World, stage):
    world.first_night()
    standing = world.query(VALUES)
    world.serve(changed(ITG1_2019="45"), last_change=LATER)
    process = world.start("refresh", "--only", "toy")
    for line in process.stderr:
        if stage in line:
            break
    else:
        pytest.fail(f"the run never came to {stage!r}")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert world.query(VALUES) == standing or stage in ("writing the tables", "showing")
    assert world.refresh().code == 0
    assert world.query("select old_value, value from revisions") == [(44.0, 45.0)]
    assert not list((world.home / "releases").glob(".building-*"))
    assert world.run("release", "verify").code == 0


def test_a_release_that_a_kill_left_unshown_is_shown_by_the_next_run(world: World):
    world.first_night()
    world.serve(changed(ITG1_2019="45"), last_change=LATER)
    world.refresh()
    old, new = world.releases
    # what a kill between the release's name and its show leaves
    (world.home / "current").unlink()
    (world.home / "current").symlink_to(f"releases/{old}")
    assert world.refresh().json["published"] == new
    assert (world.home / "current").resolve().name == new
    assert world.refresh().json["published"] is None


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
    until = Client(load_providers()["eurostat"], DataFolder.from_env().pace).standing().not_before
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
    assert "NACE Rev. 2.1 beside it, TOY21" in world.run("status").out
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
