"""Plausibility in whole nights: what is refused, what is published with an alert, and what was not run."""

from __future__ import annotations

import pytest

from tests.conftest import ENTRY, LATER, TOY, World

YEARS = range(2010, 2020)
GEOS = ("IT", "ITG1", "ITG11", "ITG12", "ITG17", "ITF3")


def table(**cells: str) -> dict:
    """A steady table of births by territory, with cells (GEO_YEAR=cell) replaced."""
    made = {
        ("A", "V11920", geo): {str(year): str(1000 * (number + 1) + year) for year in YEARS}
        for number, geo in enumerate(GEOS)
    }
    for place, cell in cells.items():
        geo, year = place.split("_")
        made[("A", "V11920", geo)][year] = cell
    return made


@pytest.fixture
def steady(world: World) -> World:
    """A first night with the steady table."""
    checks = {**ENTRY["checks"], "ranges": [{"min": 0}], "max_revised_share": 1.0}
    world.entry("toy", checks=checks)
    world.serve(table())
    world.refresh()
    return world


@pytest.mark.long
def test_a_figure_of_ours_times_ten_waits_and_is_named(steady: World):
    steady.serve(table(ITG17_2018="70180"), last_change=LATER)
    outcome = steady.refresh()
    assert (outcome.code, outcome.json["datasets"]["toy"]["outcome"]) == (3, "quarantined")
    said = outcome.json["datasets"]["toy"]["failure"]["message"]
    assert "revisions: ITG17, V11920: factor 10" in said
    assert "ITG17 V11920 2018: 7,018 before, now 70,180" in said
    (waiting,) = outcome.json["datasets"]["toy"]["quarantine"]
    assert steady.run("accept", "toy", waiting, "--because", "announced").code == 0
    assert steady.refresh("--offline").json["datasets"]["toy"]["state"] == "live"


def test_a_doubtful_figure_is_published_with_an_alert_and_exit_code_0(steady: World):
    steady.serve(table(ITG17_2018="17018"), last_change=LATER)
    outcome = steady.refresh()
    found = outcome.json["datasets"]["toy"]
    assert (outcome.code, found["outcome"]) == (0, "updated")
    (doubt,) = found["doubts"]
    assert doubt.startswith("revisions: ITG17, V11920: factor 2.425")
    assert steady.query(
        "select passed, severity from check_results where check_name = 'revisions' and dataset = 'toy' order by checked_at"
    )[-1] == (False, "alert")
    assert steady.query(
        "select value from observations where geo = 'ITG17' and period = '2018' and dataset = 'toy'"
    ) == [(17018.0,)]


def test_a_check_that_judged_nothing_is_not_run(world: World):
    world.first_night()
    run = dict(world.query("select check_name, passed from check_results where dataset = 'toy'"))
    assert run["min_rows"] is True
    assert (run["size_ratio"], run["revised_share"], run["revisions"]) == (None, None, None)
    assert {
        said.partition(":")[0]
        for (said,) in world.query("select observed from check_results where passed is null")
    } == {"not run"}


def test_limits_are_data_of_the_entry(steady: World):
    steady.entry(
        "toy",
        checks={
            **ENTRY["checks"],
            "ranges": [{"min": 0}],
            "max_revised_share": 1.0,
            "plausibility": {"alert_revision": 3},
        },
    )
    steady.serve(table(ITG17_2018="17018"), last_change=LATER)
    assert "doubts" not in steady.refresh().json["datasets"]["toy"]


def test_a_table_that_is_served_again_raises_no_doubt(steady: World):
    steady.serve({**table(), **TOY, **table(ITG17_2019="7100")}, last_change=LATER)
    found = steady.refresh().json["datasets"]["toy"]
    assert (found["outcome"], found.get("doubts")) == ("updated", None)
