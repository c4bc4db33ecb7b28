"""What a revision does to indicators, ranks and targets, through the nightly job. All figures are made up."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from tests.conftest import World
from tests.target_examples import entry, figure
from warehouse.publishing.revisions import Old, effect

TABLE = "bd_size_r3"
DIMENSIONS = ["freq", "indic_sb", "sizeclas", "nace_r2", "geo"]
REGIONS = {"ITF3": 500, "ITF4": 400, "ITG1": 300, "ITG2": 200, "ITC4": 1000}


def cells(year: int, **changed: int) -> dict:
    """Births and active enterprises of five regions in two years; `changed` replaces the births of the last one."""
    found = {}
    for geo, births in REGIONS.items():
        for code, times in (("V11920", 1), ("V11910", 10)):
            last = changed.get(geo, births) if times == 1 else births * 10
            found["A", code, "TOTAL", "B-S_X_K642", geo] = {
                str(year - 1): str(births * times),
                str(year): str(last),
            }
    return found


@pytest.fixture
def year(world: World) -> int:
    """A year whose births a night has published; the test provider serves five Italian regions."""
    last = date.today().year - 1
    world.entry(
        TABLE,
        dimensions=DIMENSIONS,
        checks={"min_rows": 4, "max_revised_share": 1.0, "min_size_ratio": 0.1},
        unit={"indic_sb": {"V11920": "NR", "V11910": "NR"}},
    )
    world.server.table(TABLE, DIMENSIONS, cells(last))
    assert refresh(world).code == 0
    return last


def refresh(world: World):
    return world.run("refresh", "--only", TABLE, "--json")


def revise(world: World, year: int, **changed: int):
    world.server.table(TABLE, DIMENSIONS, cells(year, **changed))
    outcome = refresh(world)
    assert outcome.code == 0, outcome.err
    assert outcome.json["published"]


REVISIONS = """
    select geo, period, kind, cause, old_value, value from indicator_revisions
    where indicator = 'enterprise_births' order by revised_at, geo, period"""


@pytest.mark.long
def test_a_revision_shows_the_value_and_the_rank_before_and_after(world, year):
    assert world.query("select count(*) from indicator_revisions") == [(0,)]
    revise(world, year, ITG1=450)
    assert world.query(REVISIONS) == [("ITG1", str(year), "changed", "data", 300.0, 450.0)]
    revise(world, year, ITG1=450, ITC4=300)
    assert world.query(REVISIONS) == [
        ("ITG1", str(year), "changed", "data", 300.0, 450.0),
        ("ITC4", str(year), "changed", "data", 1000.0, 300.0),
    ]
    rates = world.query(
        "select geo, old_value, value, old_rank, rank from indicator_revisions "
        "where indicator = 'enterprise_birth_rate' order by geo"
    )
    # equal values share a place; amounts of territories of unequal size have none
    assert rates == [("ITC4", 10.0, 3.0, 2, 5), ("ITG1", 10.0, 15.0, 1, 1)]
    assert world.query(
        "select distinct old_rank, rank from indicator_revisions where indicator = 'enterprise_births'"
    ) == [(None, None)]
    facts = world.run("why", f"ITG1/enterprise_births/{year}", "--json").json["answers"][0]["facts"]
    assert facts["earlier"].startswith("300 until ") and facts["earlier"].endswith("(data)")


@pytest.mark.long
def test_a_figure_that_vanishes_and_comes_back(world, year):
    fewer = {key: value for key, value in cells(year).items() if key[1] == "V11910" or key[-1] != "ITG2"}
    world.server.table(TABLE, DIMENSIONS, fewer)
    assert refresh(world).code == 0
    assert ("ITG2", str(year), "withdrawn", "data", 200.0, None) in world.query(REVISIONS)
    revise(world, year, ITF3=501)
    last = [row for row in world.query(REVISIONS) if row[0] == "ITF3" or row[2] == "returned"]
    assert last == [
        ("ITF3", str(year), "changed", "data", 500.0, 501.0),
        ("ITG2", str(year - 1), "returned", "data", None, 200.0),
        ("ITG2", str(year), "returned", "data", None, 200.0),
    ]
    # once only
    revise(world, year, ITF3=502)
    assert [row[2] for row in world.query(REVISIONS)].count("returned") == 2


@pytest.mark.long
def test_a_change_of_flag_alone_is_a_revision_of_its_own_kind(world, year):
    marked = cells(year)
    key = ("A", "V11920", "TOTAL", "B-S_X_K642", "ITG1")
    marked[key] = {**marked[key], str(year): "300 p"}
    world.server.table(TABLE, DIMENSIONS, marked)
    assert refresh(world).code == 0
    rows = world.query(
        "select geo, kind, old_value, value, delta, old_flag, flag, old_reliability, reliability "
        "from indicator_revisions where indicator = 'enterprise_births'"
    )
    assert [row[:5] for row in rows] == [("ITG1", "reflagged", 300.0, 300.0, 0.0)]
    assert (rows[0][5] or "", rows[0][6]) == ("", "p")
    # and back: the flag is dropped, the value was known all the time
    world.server.table(TABLE, DIMENSIONS, cells(year))
    assert refresh(world).code == 0
    assert world.query(
        "select kind, old_flag, coalesce(flag, '') from indicator_revisions where indicator = 'enterprise_births' "
        "order by revised_at desc limit 1"
    ) == [("reflagged", "p", "")]
    assert world.query(
        f"select count(*) from indicator_history where indicator = 'enterprise_births' and geo = 'ITG1' and period = '{year}'"
    ) == [(3,)]


def test_a_revision_tells_what_it_did_to_a_target(world, year, tmp_path: Path):
    file = tmp_path / "target.yml"
    draft = {
        "id": "births",
        "stage": "adopted",
        "directive": "territory",
        "indicator": "enterprise_births",
        "geo": "ITG1",
        "direction": "up",
        "baseline": {"period": str(year - 1)},
        "target": {"period": str(year + 3), "value": 340, "assess_on": date(year + 5, 1, 31)},
        "thresholds": {"on_track": 0.9, "delayed": 0.75, "max_age_days": 900},
        "fixed_on": datetime.now(UTC).date() - timedelta(days=1),
        "fixed_by": "The board",
        "document": "made up for a test",
        "because": "made up for a test",
    }
    file.write_text(yaml.safe_dump(draft))
    added = world.run("targets", "add", str(file), "--json")
    assert added.code == 0, added.err
    # the newest figure is on the baseline's level: no progress where 10 were expected
    revise(world, year, ITG1=309)
    ((told,),) = world.query(
        "select target_effect from indicator_revisions where indicator = 'enterprise_births'"
    )
    assert told[0] == "births/1 latest: off_track -> on_track"
    assert told[1].startswith(f"births/1 target {year + 3}: not_assessable, as before")
    rows = world.run("targets", "results", "--json").json
    assert [row["status"] for row in rows if row["target_id"] == "births"] == ["on_track", "not_assessable"]


def test_the_effect_is_that_of_the_one_revision():
    one = entry()
    now = [figure("2024", 100), figure("2025", 112), figure("2026", 118)]
    day = date(2027, 6, 1)
    assert effect(one, now, "2026", Old(120.0), day) == [
        "a-target/1 latest: on_track, as before",
        "a-target/1 milestone 2026: met -> on_track",
        "a-target/1 target 2028: not_assessable, as before",
    ]
    assert effect(one, now, "2025", Old(90.0), day)[0] == "a-target/1 latest: on_track, as before"
    assert (
        effect(one, now, "2026", Old(None), day)[1] == "a-target/1 milestone 2026: not_assessable -> on_track"
    )
