"""The figures that are bundled, asked of the release that a first run without a network publishes.

The values are the providers': Eurostat's lfst_r_lfe2emprt and lfst_r_lfu3rt of 17 April 2026, nama_10r_3empers of 13 March
2024, demo_r_pjanaggr3 as archived by 9 April 2026; ISTAT's labour force survey and well-being of territories (edition 2025).
"""

from __future__ import annotations

import csv
import gzip
import hashlib
from pathlib import Path

import duckdb
import pytest
import yaml

from sources import bundled
from sources.catalogue import load_catalogue
from sources.formats import REGISTRY, BodyFile, TableSpec
from sources.starter.build import TABLES, bulk_tsv
from tests.conftest import ROOT

STARTER = yaml.safe_load((ROOT / "sources" / "starter" / "starter.yml").read_text(encoding="utf-8"))
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


# -- the extracts themselves


def starter_rows(name: str) -> list[dict[str, str]]:
    path = ROOT / "sources" / "starter" / STARTER[name]["file"]
    with (
        gzip.open(path, "rt", encoding="utf-8", newline="")
        if path.suffix == ".gz"
        else open(path, encoding="utf-8", newline="") as file
    ):
        return list(csv.DictReader(file))


def test_what_ships_says_where_it_comes_from():
    folder = ROOT / "sources" / "starter"
    assert {path.name for path in folder.glob("*.csv*")} == {facts["file"] for facts in STARTER.values()}
    for name, facts in STARTER.items():
        publisher, licence = {"eurostat": ("Eurostat", "2011/833/EU"), "istat": ("ISTAT", "CC BY 4.0")}[
            facts["provider"]
        ]
        assert facts["table"] == name and licence in facts["licence"]
        assert facts["citation"].startswith(f"{publisher}, {name}, https://")
        assert facts["archived_by"] in facts["note"]
        assert facts["retrieved_at"] or facts["retrieved_at_unknown"]


@pytest.mark.parametrize("name", sorted(STARTER))
def test_what_ships_is_what_its_list_says_and_passes_its_decoder(name, tmp_path):
    facts, path = STARTER[name], ROOT / "sources" / "starter" / STARTER[name]["file"]
    gzipped = path.suffix == ".gz"
    body = gzip.decompress(path.read_bytes()) if gzipped else path.read_bytes()
    assert hashlib.sha256(body).hexdigest() == facts["sha256"]
    rows = starter_rows(name)
    assert len(rows) == facts["rows"] == bundled.load()[name].rows
    assert sorted({row["geo"] for row in rows}) == facts["coverage"]["geo"]
    entry = load_catalogue()[name]
    table = TableSpec(entry.dimensions, timezone="Europe/Luxembourg")
    staged = REGISTRY["sdmx-csv"](BodyFile(path, gzipped), table, tmp_path / "staged")
    assert duckdb.execute("select count(*) from read_parquet(?)", [str(staged.observations)]).fetchone() == (
        facts["rows"],
    )
    stamp = bundled.load()[name].provider_updated_at
    assert staged.provider_updated_at == stamp


@pytest.mark.parametrize("extract", [t for t in TABLES if t.read is bulk_tsv], ids=lambda t: t.table)
def test_an_extract_has_every_figure_of_the_original_for_its_territories(extract, specimens):
    """Value by value, as text, and flag by flag; the archived copy of patents had lost its flags."""
    name = extract.table
    geos, original = set(STARTER[name]["coverage"]["geo"]), {}
    opened = gzip.open if extract.file.endswith(".gz") else open
    with opened(specimens / extract.file, "rt", encoding="utf-8", newline="") as file:
        first, *columns = file.readline().rstrip("\r\n").split("\t")
        dimensions = first.partition("\\")[0].split(",")
        periods = [column.strip() for column in columns]
        for line in file:
            key, *cells = line.rstrip("\r\n").split("\t")
            codes = tuple(key.split(","))
            if codes[dimensions.index("geo")] in geos and (extract.where == "true" or codes[2] == "T"):
                original |= {
                    (*codes, period): cell.strip()
                    for period, cell in zip(periods, cells, strict=True)
                    if cell.strip() != ":"
                }
    lost = name == "pat_ep_rtot"
    ours = {
        (
            *(row[dimension] for dimension in dimensions),
            row["TIME_PERIOD"],
        ): f"{row['OBS_VALUE'] or ':'} {'' if lost else row['OBS_FLAG']}".strip()
        for row in starter_rows(name)
    }
    assert ours == original


def test_flags_of_patents_are_those_of_the_excerpt_or_unknown(specimens):
    with open(specimens / "eurostat" / "pat_ep_rtot_excerpt.sdmx.csv", encoding="utf-8", newline="") as file:
        excerpt = {
            (row["unit"], row["geo"], row["TIME_PERIOD"]): (row["OBS_VALUE"], row["OBS_FLAG"])
            for row in csv.DictReader(file)
        }
    found = 0
    for row in starter_rows("pat_ep_rtot"):
        known = excerpt.get((row["unit"], row["geo"], row["TIME_PERIOD"]))
        found += known is not None
        assert row["OBS_FLAG"] == (known[1] if known else "_U"), row
        assert known is None or known[0] == row["OBS_VALUE"], row
    assert found == len(excerpt)
