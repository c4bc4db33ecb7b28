"""The catalogue, the reference files and the figures that ship, against what the provider really has.

`specimens/*_codes.csv` list the codes in use by each table (of geo those the project names); the whole lists, and the
original tables, are read where the real provider files are.
"""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import pytest
import yaml

from sources.catalogue import Dataset, load_catalogue
from sources.common.units import units
from sources.concepts import territories
from sources.providers import load_providers
from tests.conftest import ROOT
from warehouse.history.dataset_state import STATES
from warehouse.reference.territory import territory
from warehouse.statistics.indicators import load_families, load_indicators
from warehouse.statistics.peers import benchmarks, shown

REFERENCE = ROOT / "warehouse" / "reference"
STARTER = yaml.safe_load((ROOT / "sources" / "starter" / "starter.yml").read_text(encoding="utf-8"))
# the providers' tables; figures that we count or a person uploads are in test_hand_drops.py, test_records.py and
# test_own_figures.py
CATALOGUE = {
    name
    for name, entry in load_catalogue().items()
    if load_providers()[entry.provider].protocol != "drop" and entry.format not in ("cordis", "tabular")
}
# dimensions of which no code has been seen: their entries say so
UNSEEN = {("oecd_reg_patents", "unit"), ("oecd_reg_gerd", "unit")}
PROVINCES = {
    "ITG11": "081",
    "ITG12": "082",
    "ITG13": "083",
    "ITG14": "084",
    "ITG15": "085",
    "ITG16": "086",
    "ITG17": "087",
    "ITG18": "088",
    "ITG19": "089",
}


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV of ours, whose first line names the source."""
    with open(path, encoding="utf-8", newline="") as handle:
        assert handle.readline().startswith("# ")
        return list(csv.DictReader(handle))


CODES = {
    (row["dataset"], row["dimension"], row["code"])
    for file in sorted((ROOT / "tests" / "specimens").glob("*_codes.csv"))
    for row in table(file)
}
CODELISTS = [
    *table(REFERENCE / "codelists.csv"),
    *(
        {"dimension": "unit", "code": code, "label_it": unit.label.it, "label_en": unit.label.en}
        for code, unit in units().items()
    ),
]
GEOGRAPHY = table(REFERENCE / "geography.csv")


def dimensions_in_use(dataset: str) -> set[str]:
    return {dimension for name, dimension, _ in CODES if name == dataset}


def named_codes(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """`(dimension, code)` of everything the entry names."""
    filters = [
        dataset.query,
        *dataset.feeds.values(),
        *(rule.where for rule in dataset.checks.ranges),
        {"geo": dataset.checks.geos},
    ]
    if isinstance(dataset.unit, dict):
        filters.append(dataset.unit)
    for filter_ in filters:
        for dimension, codes in filter_.items():
            yield from ((dimension, code) for code in codes)


@pytest.fixture(params=sorted(CATALOGUE))
def dataset(request: pytest.FixtureRequest) -> Dataset:
    return load_catalogue()[request.param]


# -- entries


def test_the_catalogue_has_the_tables_of_the_three_themes():
    entries = load_catalogue()
    assert CATALOGUE >= {
        "bd_hgnace_r",
        "bd_size_r3",
        "pat_ep_rtot",
        "lfst_r_lfe2emp",
        "lfst_r_lfe2emprt",
        "lfst_r_lfu3rt",
        "nama_10r_3empers",
        "demo_r_pjanaggr3",
        "nama_10r_3gdp",
    }
    assert {name for name in CATALOGUE if entries[name].status == "frozen"} == {
        "bd_size_r3",
        "bd_hgnace2_r3",
        "pat_ep_rtot",
        "pat_ep_ripc",
    }
    assert {entries[name].theme for name in CATALOGUE} == {
        "enterprise_births",
        "patents",
        "employment",
        "context",
    }
    # whole tables, but for one cube of 37 million cells, and for ISTAT, which answers wide keys with an error
    whole = {name for name in CATALOGUE if entries[name].provider == "eurostat"}
    assert {name for name in whole if entries[name].query} == {"pat_ep_ripc"}


def test_an_entry_has_the_dimensions_of_its_table(dataset):
    named = {d for d in dataset.dimensions if d != dataset.collect_rest and (dataset.id, d) not in UNSEEN}
    assert named == dimensions_in_use(dataset.id) - {"TIME_PERIOD"}


def test_every_code_an_entry_names_is_in_use(dataset):
    assert [named for named in named_codes(dataset) if (dataset.id, *named) not in CODES] == []


def test_every_indicator_of_an_entry_has_a_unit_that_is_explained(dataset):
    if isinstance(dataset.unit, dict):
        ((dimension, units),) = dataset.unit.items()
        assert set(units) == {code for name, found, code in CODES if (name, found) == (dataset.id, dimension)}
    else:
        assert dataset.unit in dataset.dimensions
        units = {code: code for name, found, code in CODES if (name, found) == (dataset.id, dataset.unit)}
    assert {unit for unit in units.values() if ("unit", unit) not in labels()} == set()


def test_an_entry_warns_and_says_whom_to_cite(dataset):
    assert dataset.warnings and dataset.calendar.expected
    house = load_providers()[dataset.provider].title.split(",")[0]
    assert dataset.citation.startswith(f"{house}, {dataset.code}, https://")
    assert dataset.title.it != dataset.title.en


def test_our_territory_is_in_every_table_and_its_peers_in_some():
    ours = territory()
    regional = ("lfst_r_", "htec_", "hrst_", "rd_", "sbs_r_", "istat_bdti", "nama_10r_2")
    # the one belongs to no territory, the other to countries
    for name in CATALOGUE - {"epo_named_groups", "sts_rb_q"}:
        known = {code for table_, dimension, code in CODES if (table_, dimension) == (name, "geo")}
        assert {ours.country, ours.region} <= known, name
        assert name.startswith(regional) or set(ours.provinces) <= known, name
    everywhere = {code for _, dimension, code in CODES if dimension == "geo"}
    assert set(shown()) <= everywhere
    assert all(": " in reason.en for reason in shown().values())


@pytest.mark.parametrize("family", load_families(), ids=lambda family: family.id)
def test_every_code_an_indicator_names_is_in_use(family):
    """`dataset = 'x'` and `sex = 'T'` or `nace_r2 in ('C', 'D')` of one file: in use by one of the file's tables."""
    text = (ROOT / "warehouse" / "statistics" / "indicators" / f"{family.id}.sql").read_text(encoding="utf-8")
    said = re.findall(r"(?:\w+\.)?(\w+) = '([^']+)'", text)
    for column, listed in re.findall(r"(?:\w+\.)?(\w+) in \(('[^)]+')\)", text):
        said += [(column, value) for value in re.findall(r"'([^']+)'", listed)]
    tables = {value for column, value in said if column == "dataset"}
    entries = load_catalogue()
    known = tables & {table_ for table_, *_ in CODES}
    assert tables
    if known != tables:
        pytest.skip(f"codes of {', '.join(sorted(tables - known))} are not at hand")
    for column, value in said:
        dimensions = (
            {entry.indicator for name, entry in entries.items() if name in tables}
            if column == "indicator"
            else {column}
        )
        if column == "indicator" or any((table_, column) == row[:2] for row in CODES for table_ in tables):
            assert any(
                (table_, dimension, value) in CODES for table_ in tables for dimension in dimensions
            ), (column, value)


def test_the_headlines_are_indicators():
    ids = {indicator.id for indicator in load_indicators()}
    headlines = territory().headlines
    assert {choice.id for headline in headlines for choice in headline.indicators} <= ids
    assert [headline.theme for headline in headlines] == ["enterprise_births", "patents", "employment"]


def test_the_list_of_codes_is_that_of_the_provider(specimens):
    service = {
        (table_.lower(), dimension, code)
        for table_, dimension, code in duckdb.execute(
            "select df_id, dimension_id, code_id from read_parquet(?) where lower(df_id) in (select unnest(?))",
            [str(specimens / "constraints" / "eurostat.parquet"), sorted(CATALOGUE)],
        ).fetchall()
    }
    catalogue = load_catalogue()
    ours = {row for row in CODES if catalogue[row[0]].provider == "eurostat"}
    assert ours - service == set()
    asked = {(name, dimension) for name in CATALOGUE for dimension in catalogue[name].query}
    assert {row for row in service - ours if row[1] != "geo" and row[:2] not in asked} == set()


def test_the_list_of_codes_is_that_of_istat(specimens):
    """In the project's names and codes; every territory of a table that is asked for whole has its place."""
    asked = {name: entry for name, entry in load_catalogue().items() if entry.provider == "istat"}
    names = {given: ours for given, ours in load_providers()["istat"].renames.items()}
    geos = {t.code: set() for t in territories()}
    for t in territories():
        if t.scheme == "ref_area":
            geos[t.code].add(t.geo)
    service = set()
    for name, entry in asked.items():
        for given, code in duckdb.execute(
            "select dimension_id, code_id from read_parquet(?) where df_id = ?",
            [str(specimens / "constraints" / "istat.parquet"), entry.code],
        ).fetchall():
            dimension = names.get(given, given.lower())
            if dimension == "geo" and "geo" not in entry.query:
                assert geos.get(code), (name, code)
            found = geos.get(code, set()) if dimension == "geo" else {code}
            service |= {(name, dimension, one) for one in found}
    # the copy of the service's list that is at hand lacks some dimensions of a table
    listed = {row[:2] for row in service}
    ours = {row for row in CODES if row[0] in asked and row[:2] in listed}
    assert ours and ours - service == set()
    assert {
        row
        for row in service - ours
        if row[1] not in ("geo", asked[row[0]].keep_latest) and row[1] not in asked[row[0]].query
    } == set()


# -- reference files


def labels() -> set[tuple[str, str]]:
    return {
        (row["dimension"], row["code"])
        for row in CODELISTS
        if row["label_it"].strip() and row["label_en"].strip()
    }


def repeated(items: Iterable) -> list:
    return [item for item, times in Counter(items).items() if times > 1]


def test_code_lists_have_each_code_once_with_both_labels():
    assert repeated((row["dimension"], row["code"]) for row in CODELISTS) == []
    assert {(row["dimension"], row["code"]) for row in CODELISTS} == labels()


def test_every_code_in_use_has_a_label():
    assert {
        (dimension, code) for _, dimension, code in CODES if dimension not in ("geo", "TIME_PERIOD")
    } - labels() == set()
    assert {("dataset_state", state) for state in STATES} - labels() == set()
    flags = {("flag", flag) for entry in load_catalogue().values() for flag in entry.checks.flags}
    assert flags - labels() == set()


def test_geography_has_each_territory_once_under_a_parent_it_has():
    assert repeated(row["geo"] for row in GEOGRAPHY) == []
    geos = {row["geo"]: row for row in GEOGRAPHY}
    assert {row["level"] for row in GEOGRAPHY} == {
        "country",
        "nuts1",
        "nuts2",
        "nuts3",
        "aggregate",
        "extra_regio",
        "district",
    }
    assert [row["geo"] for row in GEOGRAPHY if row["parent"] and row["parent"] not in geos] == []
    named = {row["geo"] for row in GEOGRAPHY if row["name_it"] and row["name_en"]}
    assert {code for _, dimension, code in CODES if dimension == "geo"} <= named


def test_a_successor_is_the_same_territory_under_another_code():
    geos = {row["geo"]: row for row in GEOGRAPHY}
    followed = {row["geo"]: row["successor"] for row in GEOGRAPHY if row["successor"]}
    assert len(followed) == 260
    assert (followed["FR71"], followed["EL12"]) == ("FRK2", "EL52")
    # merged, split and redrawn: no series crosses
    assert not {"ITG25", "ITG26", "ITG27", "ITG28", "BE221", "DE915"} & set(followed)
    for geo, since in followed.items():
        assert int(geos[geo]["valid_to"]) < int(geos[since]["valid_from"]), (geo, since)
        assert geos[geo]["level"] == geos[since]["level"]


def test_the_shares_of_a_territory_that_changed_make_a_whole():
    shares = defaultdict(float)
    for row in table(REFERENCE / "territorial_changes.csv"):
        shares[row["from_version"], row["to_version"], row["geo"]] += float(row["share_out"])
    assert len(shares) > 500
    # where a unit took a part of another, what it kept is listed beside it
    assert {key: share for key, share in shares.items() if abs(share - 1) > 1e-4} == {}


def test_every_benchmark_is_a_territory_of_the_newest_nuts():
    geos = {row["geo"]: row for row in GEOGRAPHY}
    chosen = [geo for group in benchmarks().groups for geo in group.members]
    old = [geo for geo in chosen if geos[geo]["level"].startswith("nuts") and geos[geo]["valid_to"] != "2024"]
    assert old == []


def test_the_nine_provinces_are_sicilys():
    ours = {row["geo"]: row for row in GEOGRAPHY if row["parent"] == "ITG1" and row["level"] == "nuts3"}
    assert {geo: row["istat_code"] for geo, row in ours.items()} == PROVINCES
    assert (ours["ITG17"]["name_it"], ours["ITG12"]["name_it"]) == ("Catania", "Palermo")
    assert territory().provinces == list(PROVINCES)


def test_territories_have_one_meaning_at_a_time_and_stand_in_the_geography():
    geos = {row["geo"] for row in GEOGRAPHY}
    # an empty geo leaves a territory out
    assert {t.geo for t in territories() if t.geo} <= geos
    for scheme in {t.scheme for t in territories()}:
        means = {}
        for t in (t for t in territories() if t.scheme == scheme):
            for year in range(t.first_year or 1977, (t.last_year or 2030) + 1):
                assert means.setdefault((t.code, year), t.geo) == t.geo, t


def test_istats_codes_are_those_of_nuts():
    def means(scheme: str, code: str, year: int) -> str:
        (geo,) = {
            t.geo
            for t in territories()
            if (t.scheme, t.code) == (scheme, code) and (t.first_year or 0) <= year <= (t.last_year or 9999)
        }
        return geo

    assert [means("ref_area", code, 2020) for code in ("ITD", "ITD10", "ITE43", "ITC45", "ITF41")] == [
        *("ITH", "ITH10", "ITI43", "ITC4C", "ITF46")
    ]
    assert [means("ref_area", f"IT{n}", 2020) for n in (108, 109, 110, 111)] == [
        *("ITC4D", "ITI35", "ITF48", "ITG2H")
    ]
    assert [means("ref_area", "ITG25", year) for year in (2016, 2017, 2025, 2026)] == [
        *("ITG25", "ITG2D", "ITG2D", "")
    ]
    assert {geo: means("province", code, 2020) for geo, code in PROVINCES.items()} == dict(
        zip(PROVINCES, PROVINCES, strict=True)
    )
    assert means("province", "287", 2020) == "ITG17"


def test_sicilys_codes_are_the_same_in_every_version_of_nuts():
    listed = {
        row["geo"]: (row["valid_from"], row["valid_to"], row["successor"])
        for row in GEOGRAPHY
        if row["geo"].startswith("ITG1")
    }
    assert listed == dict.fromkeys(["ITG1", *PROVINCES], ("2010", "2024", ""))
    changed = table(REFERENCE / "territorial_changes.csv")
    assert [row for row in changed if "ITG1" in (row["geo"][:4], row["to_geo"][:4])] == []


def test_sicilys_codes_are_the_same_in_the_official_lists(specimens):
    lists = {}
    for path in sorted((specimens / "nuts").glob("jrc_n3_cm_*.csv")):
        with open(path, encoding="utf-8-sig", newline="") as handle:
            for row in csv.DictReader(handle):
                before, after = (column for column in row if column.startswith("code_v"))
                lists.setdefault(before[-4:], set()).add(row[before])
                lists.setdefault(after[-4:], set()).add(row[after])
                assert row[before] == row[after] or "ITG1" not in (row[before][:4], row[after][:4]), row
    with open(specimens / "nuts" / "NUTS2021-NUTS2024.csv", encoding="utf-8-sig", newline="") as handle:
        lists["2024"] = {row["NUTS Code"] for row in csv.DictReader(handle, delimiter=";")}
    assert sorted(lists) == ["2010", "2013", "2016", "2021", "2024"]
    for codes in lists.values():
        assert sorted(code for code in codes if code.startswith("ITG1") and len(code) == 5) == list(PROVINCES)
