"""Figures that are refused, held back, accepted or pinned, in the real job; and bundled figures."""

from __future__ import annotations

import pytest

from tests.conftest import ENTRY, HISTORY, LATER, TOY, VALUES, World, changed


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
        ({key: {year: "7" for year in row} for key, row in TOY.items()}, "revised_share"),
    ],
)
def test_figures_that_break_a_check_stay_out(world: World, cells, told):
    world.first_night()
    world.serve(cells, last_change=LATER)
    found = world.night()
    assert found["outcome"] == "quarantined" and found["failure"]["message"].startswith(f"{told}: ")
    assert world.history() == HISTORY


@pytest.mark.long
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
    # the next night finds the same body: the decision remains, without an alert
    again = world.refresh()
    assert (again.code, again.json["datasets"]["toy"]["outcome"]) == (0, "quarantined")
    assert world.run("accept", "toy", waiting, "--because", "announced by the provider").code == 0
    assert world.refresh("--offline").code == 0
    assert world.query(VALUES) != before
    assert world.query("select because from snapshots where snapshot_id = '" + waiting + "'") == [
        ("announced by the provider",)
    ]


def test_unknown_territories_are_left_out_and_the_rest_is_taken(world: World):
    unknown = [f"QQ{number}" for number in range(30)]
    world.serve(TOY | {("A", "V11920", geo): {"2018": "1"} for geo in unknown})
    assert world.night()["outcome"] == "updated"
    assert {geo for geo, *_ in world.history()} == {geo for *_, geo in TOY}


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.mark.long
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
    assert world.query("select dataset, count(*) from observations group by all") == [("toy", 8)]
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
