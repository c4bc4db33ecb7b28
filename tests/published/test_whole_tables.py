"""A release after a night in which the provider served its whole tables."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from tests.published.figures import ABSENT, ALL, FIGURES, LIVE_ONLY, PAT, TABLES, figure, unlabelled
from warehouse.publishing.exports import tables
from warehouse.reference.territory import territory

pytestmark = pytest.mark.long


def test_whole_tables_hold_the_same_figures(live):
    for table, dataset, indicator, size, geo, period, value, unit, flag in [*FIGURES, *LIVE_ONLY]:
        # the archived whole table has lost its flags, which its decoder cannot know
        flag = "" if dataset == PAT else flag
        found = figure(live, table, dataset, indicator, size, geo, period, unit)
        assert found == [(value, unit, flag)], (indicator, geo, period)
    for absent in ABSENT:
        assert figure(live, ALL, *absent) == [], absent


def test_whole_tables_have_every_observation(live):
    assert dict(
        live.execute(
            f"select dataset, count(*) from observations where dataset in {TABLES} group by all"
        ).fetchall()
    ) == {
        "bd_size_r3": 1_005_397,
        "pat_ep_rtot": 103_075,
        "nama_10r_3gdp": 268_494,
    }


def test_live_figures_replace_those_that_ship_without_a_revision(live):
    assert live.execute("select count(*) from revisions").fetchone() == (0,)
    assert live.execute(
        f"select dataset, kind, count(*) from vintages where dataset in {TABLES} group by all order by all"
    ).fetchall() == [(table, "baseline", 2) for table in TABLES]
    states = (
        "select dataset, state, origin from catalogue join snapshots using (dataset, snapshot_id) "
        f"where dataset in {TABLES} order by 1"
    )
    assert live.execute(states).fetchall() == [(table, "live", "live") for table in TABLES]


def test_figures_that_shipped_can_still_be_read_as_they_were(live):
    (between,) = live.execute(
        "select max(known_from) from vintages join snapshots using (snapshot_id) where origin = 'shipped'"
    ).fetchone()
    assert isinstance(between, datetime)
    assert live.execute(
        f"select dataset, count(*) from as_of(?) where dataset in {TABLES} group by all order by all",
        [between],
    ).fetchall() == [("bd_size_r3", 56_803), ("nama_10r_3gdp", 8_349), ("pat_ep_rtot", 3_857)]


def test_codes_of_whole_tables_are_known_too(live):
    assert unlabelled(live) == []


def test_a_trail_names_each_input_once(live):
    from warehouse.publishing.provenance import trail

    for number in ("ITG17/enterprise_birth_rate/2019", "FRY5/enterprise_births/2015"):
        (answer,) = trail(live, *number.split("/"))["answers"]
        expected = live.execute(
            "select count(*) from indicator_inputs where geo || '/' || indicator || '/' || period = ?",
            [number],
        ).fetchone()[0]
        assert len(answer["inputs"]) == expected, number


def test_a_release_of_whole_tables_stays_below_120_mb(live_home):
    release = (live_home / "current").resolve()
    sizes = {path.name: path.stat().st_size for path in release.rglob("*") if path.is_file()}
    assert sum(sizes.values()) < 120_000_000, sorted(sizes.items(), key=lambda item: -item[1])[:10]
    rows = duckdb.sql(
        f"select count(*), count(distinct geo) from '{release}/enterprise_births.parquet'"
    ).fetchone()
    assert rows[0] > 300_000 and rows[1] > 500, "Parquet has all of Europe"


def test_equal_rows_are_equal_files_so_that_a_release_links_what_did_not_change(
    live_home: Path, live: duckdb.DuckDBPyConnection, tmp_path: Path
):
    """More rows than one thread reads, through the filter that CSV files have."""
    tables._write_table(live.cursor(), "observations", tmp_path, "", territory().model_dump())
    release = (live_home / "current").resolve()
    assert (tmp_path / "observations.csv.gz").read_bytes() == (release / "observations.csv.gz").read_bytes()
