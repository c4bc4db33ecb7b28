"""The district's own figures: from a file in `drop/` to a table of their own, and to targets. All figures are made up."""

from __future__ import annotations

import csv
import re
from datetime import date
from pathlib import Path

import pytest
import yaml

from sources.catalogue import load_catalogue
from tests.conftest import ROOT, World

HEADER = "figure,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG"
ROWS = ["members,DISTRICT,2023,30,", "members,DISTRICT,2024,33,p", "public_funding_share,DISTRICT,2024,80.5,"]


@pytest.fixture
def drop(world: World):
    def lay(*rows: str, header: str = HEADER) -> None:
        folder = world.home / "drop"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "own_figures.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")

    return lay


def refresh(world: World):
    return world.run("refresh", "--only", "own_figures", "--json")


def test_without_a_file_nothing_is_missed(world):
    outcome = refresh(world)
    assert outcome.code == 0, outcome.err
    assert world.state("own_figures")["state"] == "not configured"
    assert world.query("select count(*) from district") == [(0,)]


@pytest.mark.long
def test_a_file_becomes_a_table_of_its_own_with_its_origin(world, drop):
    drop(*ROWS)
    outcome = refresh(world)
    assert outcome.code == 0, outcome.err
    assert world.query("select indicator, geo, period, value, unit, flag from district order by all") == [
        ("members", "DISTRICT", "2023", 30.0, "NR", ""),
        ("members", "DISTRICT", "2024", 33.0, "NR", "p"),
        ("public_funding_share", "DISTRICT", "2024", 80.5, "PC", ""),
    ]
    assert world.query("select count(*) from indicators where geo = 'DISTRICT'") == [(0,)]
    facts = world.run("why", "DISTRICT/public_funding_share/2024", "--json").json["answers"][0]["facts"]
    assert facts["address"] == "drop/own_figures.csv" and "Share of public funding" in facts["measures"]
    assert (world.home / "drop" / "own_figures.csv").exists()


@pytest.mark.long
def test_a_spreadsheet_s_semicolons_and_decimal_commas_are_read(world, drop):
    semicolons = [row.replace(",", ";").replace(".", ",") for row in ROWS]
    drop(*semicolons, header="\ufeff" + HEADER.replace(",", ";"))
    assert refresh(world).code == 0
    assert world.query("select indicator, period, value, flag from district order by all") == [
        ("members", "2023", 30.0, ""),
        ("members", "2024", 33.0, "p"),
        ("public_funding_share", "2024", 80.5, ""),
    ]


def test_a_corrected_figure_is_a_revision_and_as_of_knows_the_old_one(world, drop):
    drop(*ROWS)
    refresh(world)
    (before,) = world.query("select max(known_from) from vintages")[0]
    drop(ROWS[0], "members,DISTRICT,2024,35,", ROWS[2], "hires,DISTRICT,2024,4,")
    assert refresh(world).code == 0
    assert world.query("select indicator, old_value, value, old_flag, flag from revisions") == [
        ("members", 33.0, 35.0, "p", "")
    ]
    known = f"select value from as_of(timestamptz '{before}') where indicator = 'members' and period = '2024'"
    assert world.query(known) == [(33.0,)]
    again = refresh(world)
    assert again.json["published"] is None and world.state("own_figures")["state"] == "unchanged"


@pytest.mark.long
@pytest.mark.parametrize(
    ("rows", "header", "told"),
    [
        (["public_funding_share,DISTRICT,2024,120,"], HEADER, "ranges"),
        (["members,DISTRICT,2024,-1,"], HEADER, "ranges"),
        (["members,ITG1,2024,30,"], HEADER, "geos"),
        (["friends,DISTRICT,2024,30,"], HEADER, "units"),
        (["members,DISTRICT,2024,thirty,"], HEADER, 'row 2, column OBS_VALUE holds "thirty"'),
        (['members,DISTRICT,2024,"30,5",'], HEADER, "row 2, column OBS_VALUE"),
        (["members,DISTRICT,last year,30,"], HEADER, "last year"),
        (["members,DISTRICT,2024,30,x"], HEADER, "flags"),
        (
            ["members;DISTRICT;2024;1.030;"],
            HEADER.replace(",", ";"),
            'a decimal comma and no point) holds "1.030"',
        ),
        (
            ["members;DISTRICT;2024;1.030,5;"],
            HEADER.replace(",", ";"),
            'a decimal comma and no point) holds "1.030,5"',
        ),
        (["members;DISTRICT;2024;30"], HEADER.replace(",", ";"), "line 2"),
        (["members;DISTRICT;2024;30;"], HEADER, "line 2"),
        (["members,DISTRICT,2024,30,"], HEADER.replace(",", "|"), "No SDMX-CSV: the header is"),
        (["members,DISTRICT,2024,30,", "members,DISTRICT,2024,31,"], HEADER, "unique_keys"),
        (["members,DISTRICT,2024,33,p"], HEADER, "size_ratio"),
    ],
)
def test_a_file_that_does_not_fit_waits_and_says_where(world, drop, rows, header, told):
    """The steps before a release, in which a file is taken or refused."""
    for given, first in ((ROWS, HEADER), (rows, header)):
        drop(*given, header=first)
        world.night("own_figures")
    state = world.state("own_figures")
    assert state["state"] == "stale" and told in state["failure"]["message"]


@pytest.mark.long
def test_what_was_read_stays_when_the_file_is_refused_or_taken_away(world, drop):
    drop(*ROWS)
    assert refresh(world).code == 0
    drop("members,DISTRICT,2024,-1,")
    assert refresh(world).code == 3
    (world.home / "drop" / "own_figures.csv").unlink()
    refresh(world)
    assert world.query("select count(*) from district") == [(3,)]


@pytest.mark.long
def test_a_target_can_be_fixed_on_them(world, drop, tmp_path: Path):
    year = date.today().year
    drop(f"members,DISTRICT,{year - 1},30,")
    refresh(world)
    file = tmp_path / "members.yml"
    draft = {
        "id": "members",
        "stage": "adopted",
        "directive": "aggregation",
        "indicator": "members",
        "geo": "DISTRICT",
        "direction": "up",
        "baseline": {"period": str(year - 1)},
        "target": {"period": str(year + 2), "value": 60, "assess_on": date(year + 3, 6, 30)},
        "thresholds": {"on_track": 0.9, "delayed": 0.75, "max_age_days": 500},
        "fixed_on": date(2026, 1, 1),
        "fixed_by": "The board",
        "document": "made up for a test",
        "because": "made up for a test",
    }
    file.write_text(yaml.safe_dump(draft))
    added = world.run("targets", "add", str(file), "--json")
    assert added.code == 0, added.err
    drop(f"members,DISTRICT,{year - 1},30,", f"members,DISTRICT,{year},39,")
    assert refresh(world).code == 0
    rows = world.run("targets", "results", "--json").json
    (latest,) = [row for row in rows if row["target_id"] == "members" and row["point"] == "latest"]
    # a third of the way would be 40
    assert (latest["value"], latest["expected"], latest["status"]) == (39, 40, "on_track")


def test_the_codes_are_explained_and_labelled():
    (units,) = load_catalogue()["own_figures"].unit.values()
    page = (ROOT / "docs" / "own-figures.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `(\w+)` \| .* \| `(\w+)` \|", page, re.M))
    assert told == units
    with open(ROOT / "warehouse" / "reference" / "codelists.csv", encoding="utf-8", newline="") as handle:
        next(handle)
        labelled = {(row["dimension"], row["code"]) for row in csv.DictReader(handle)}
    assert {("figure", code) for code in units} <= labelled
