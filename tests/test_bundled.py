"""The figures that are bundled, asked of the release that a first run without a network publishes.

The values are the providers': Eurostat's lfst_r_lfe2emprt and lfst_r_lfu3rt of 17 April 2026, nama_10r_3empers of 13 March
2024, demo_r_pjanaggr3 as archived by 9 April 2026; ISTAT's labour force survey and well-being of territories (edition 2025).
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

RATES = "select value from indicators where indicator = ? and geo = ? and period = ?"
JOBS = """select value from observations where dataset = 'nama_10r_3empers' and geo = ? and period = ?
          and wstatus = 'EMP' and nace_r2 = 'TOTAL'"""


@pytest.mark.parametrize(
    ("sql", "given", "value"),
    [
        (RATES, ["employment_rate", "ITG1", "2020"], 44.4),
        (RATES, ["employment_rate", "ITG1", "2024"], 50.7),
        (RATES, ["employment_rate", "ITG1", "2025"], 51.4),
        (RATES, ["unemployment_rate", "ITG1", "2024"], 13.0),
        (RATES, ["unemployment_rate", "ITG1", "2025"], 12.2),
        (RATES, ["employment_rate_15_89_provinces", "ITG17", "2025"], 37.4),
        (RATES, ["employment_rate_15_89_provinces", "ITG1", "2025"], 36.4),
        (RATES, ["employment_rate_15_89_provinces", "IT", "2025"], 47.6),
        (RATES, ["patent_propensity", "ITG1", "2020"], 14.5),
        (RATES, ["patent_propensity", "ITG17", "2020"], 26.7),
        (RATES, ["patent_propensity", "ITG1", "2022"], 15.6),
        (RATES, ["patent_propensity", "ITG17", "2022"], 40.9),
        (JOBS, ["ITG1", "2022"], 1551.6),
        (JOBS, ["ITG1", "2023"], 1625.2),
        (JOBS, ["ITG17", "2022"], 352.1),
    ],
)
def test_the_release_holds_the_figures_that_providers_published(home: Path, sql, given, value):
    with duckdb.connect(str(home / "current" / "distretto.duckdb"), read_only=True) as con:
        [(found,)] = con.execute(sql, given).fetchall()
    assert round(found, 1) == value


def test_a_stamp_inside_the_file_outranks_the_day_of_its_archive(home: Path):
    with duckdb.connect(str(home / "current" / "distretto.duckdb"), read_only=True) as con:
        con.execute("set timezone = 'UTC'")
        [(stamp,)] = con.execute(
            "select provider_updated_at::date::varchar from snapshots where dataset = 'nama_10r_3empers'"
        ).fetchall()
    assert stamp == "2024-03-13"


def test_incomplete_years_of_patents_are_not_class_a(home: Path):
    with duckdb.connect(str(home / "current" / "distretto.duckdb"), read_only=True) as con:
        found = con.execute(
            "select distinct reliability from indicators where indicator = 'patent_propensity' and period > '2020'"
        ).fetchall()
    assert ("A",) not in found and found


def test_headlines_without_a_network_are_of_2020_2020_and_2025(home: Path):
    with duckdb.connect(str(home / "current" / "distretto.duckdb"), read_only=True) as con:
        texts = [text for (text,) in con.execute("select text_en from headlines").fetchall()]
    newest = [text for text in texts if text.startswith("Sicily, ")]
    assert {text.split(": ")[0] for text in newest} >= {"Sicily, 2020", "Sicily, 2025"}
