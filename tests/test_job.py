"""The real job against a real provider on loopback: what a night publishes, and what history keeps of it."""

from __future__ import annotations

from tests.conftest import LATER, TOY, VALUES, World, changed


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
    ) == [(f"{world.server.base_url}/sdmx/2.1/data/TOY/?format=TSV&compressed=true", 64, "live")]


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
