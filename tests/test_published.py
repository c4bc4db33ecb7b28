"""The published file on real figures: what an analyst finds in a release of the figures that ship, and of whole tables.

FIGURES were read from the providers' own files, not from a release. Whole tables are read where the real provider
files are (DISTRETTO_SPECIMENS).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest
import yaml

from tests.conftest import ROOT, SPECIMENS, distretto, settings
from tests.provider import EurostatServer
from warehouse.publishing import release_checks

TABLES = ("bd_size_r3", "nama_10r_3gdp", "pat_ep_rtot")
LONG = ("observations", "enterprise_births", "patents", "employment")
BIRTHS, EMPLOYMENT, PATENTS, ALL = "enterprise_births", "employment", "patents", "observations"
BD, PAT, GDP = "bd_size_r3", "pat_ep_rtot", "nama_10r_3gdp"

# table, dataset, indicator, size class, geo, period, value, unit, flag ('' none, None unknown)
FIGURES = [
    (BIRTHS, BD, "V11920", "TOTAL", "ITG17", "2019", 5905, "NR", ""),
    (BIRTHS, BD, "V11920", "TOTAL", "ITG17", "2008", 5721, "NR", ""),
    (BIRTHS, BD, "V11920", "GE10", "ITG17", "2020", 19, "NR", ""),
    (BIRTHS, BD, "V11920", "TOTAL", "ITG1", "2012", 24060, "NR", ""),
    (BIRTHS, BD, "V11920", "TOTAL", "IT", "2020", 302018, "NR", ""),
    (BIRTHS, BD, "V11920", "0", "ITF11", "2011", 2821, "NR", ""),
    (BIRTHS, BD, "V11920", "TOTAL", "FRK24", "2019", 12657, "NR", ""),
    (BIRTHS, BD, "V11910", "TOTAL", "ITG17", "2019", 62960, "NR", ""),
    (BIRTHS, BD, "V11910", "TOTAL", "ITC4", "2014", 818851, "NR", ""),
    (BIRTHS, BD, "V11930", "TOTAL", "ITG1", "2019", 23768, "NR", "p"),
    (BIRTHS, BD, "V11930", "TOTAL", "ITG17", "2009", 6261, "NR", "p"),
    (BIRTHS, BD, "V11930", "TOTAL", "FR71", "2009", 26340, "NR", "e"),
    (BIRTHS, BD, "V11930", "GE10", "FR714", "2010", 94, "NR", "e"),
    (BIRTHS, BD, "V11930", "TOTAL", "ITZZ", "2019", None, "NR", "p"),
    (BIRTHS, BD, "V11943", "TOTAL", "AT221", "2020", 1479, "NR", "p"),
    (BIRTHS, BD, "V97010", "GE10", "ITG17", "2013", -5.24, "PC", ""),
    (BIRTHS, BD, "V97015", "TOTAL", "ITG17", "2016", 17.64, "PC", "p"),
    (BIRTHS, BD, "V97020", "TOTAL", "ITG17", "2019", 9.38, "PC", ""),
    (BIRTHS, BD, "V97043", "TOTAL", "ITG16", "2017", 62.32, "PC", ""),
    (EMPLOYMENT, BD, "V16910", "TOTAL", "ITG1", "2020", 741458, "PER", ""),
    (EMPLOYMENT, BD, "V16910", "TOTAL", "NL414", "2013", 346469, "PER", ""),
    (EMPLOYMENT, BD, "V16910", "GE10", "AT221", "2020", 132625, "PER", "p"),
    (EMPLOYMENT, BD, "V16911", "0", "ITG17", "2015", 0, "PER", ""),
    (EMPLOYMENT, BD, "V16921", "GE10", "FR623", "2010", None, "PER", "c"),
    (EMPLOYMENT, BD, "V16930", "1-9", "AT22", "2018", None, "PER", "c"),
    (EMPLOYMENT, BD, "V16943", "GE10", "FR71", "2010", None, "PER", "c"),
    (EMPLOYMENT, BD, "V97121", "TOTAL", "ITG17", "2019", 1.20, "AVG", ""),
    (EMPLOYMENT, BD, "V97131", "1-9", "AT21", "2013", None, "AVG", "c"),
    (EMPLOYMENT, BD, "V97131", "1-9", "AT21", "2015", 3.27, "AVG", "p"),
    (PATENTS, PAT, "epo_applications", None, "ITG1", "2004", 79.36, "NR", ""),
    (PATENTS, PAT, "epo_applications", None, "ITG1", "2012", 21.89, "NR", "p"),
    (PATENTS, PAT, "epo_applications", None, "ITG1", "1979", 3, "NR", None),
    (PATENTS, PAT, "epo_applications", None, "ITG17", "2005", 50.22, "NR", ""),
    (PATENTS, PAT, "epo_applications", None, "ITG17", "2012", 6.04, "NR", "p"),
    (PATENTS, PAT, "epo_applications", None, "ITXXX", "2012", 70.39, "NR", "p"),
    (PATENTS, PAT, "epo_applications", None, "FR71", "2010", 1635.92, "NR", None),
    (PATENTS, PAT, "epo_applications", None, "IT", "1977", 22.37, "NR", None),
    (PATENTS, PAT, "epo_applications", None, "DED21", "2001", 175.59, "NR", None),
    (PATENTS, PAT, "epo_applications", None, "BE242", "2011", 206.18, "NR", None),
    (PATENTS, PAT, "epo_applications", None, "ITG1", "2004", 15.982, "P_MHAB", None),
    (PATENTS, PAT, "epo_applications", None, "NL414", "2003", 2269.049, "P_MHAB", None),
    (PATENTS, PAT, "epo_applications", None, "FR62", "2005", 289.358, "P_MACT", None),
    (PATENTS, PAT, "epo_applications", None, "ITG12", "2003", 0.719, "GDP_BEUR", None),
    (ALL, GDP, "gdp", None, "ITG1", "2022", 97124.1, "MIO_EUR", ""),
    (ALL, GDP, "gdp", None, "IT", "2000", 1241512.9, "MIO_EUR", ""),
    (ALL, GDP, "gdp", None, "ITZZ", "2020", 987.77, "MIO_EUR", ""),
    (ALL, GDP, "gdp", None, "DED2", "2022", 58814.92, "MIO_EUR", "e"),
    (ALL, GDP, "gdp", None, "FRJ23", "2021", 59033.22, "MIO_NAC", "p"),
    (ALL, GDP, "gdp", None, "NL414", "2021", 39929.29, "MIO_PPS_EU27_2020", "p"),
    (ALL, GDP, "gdp", None, "ITG17", "2019", 19400, "EUR_HAB", ""),
    (ALL, GDP, "gdp", None, "DED21", "2018", 40900, "EUR_HAB", "e"),
    (ALL, GDP, "gdp", None, "BE24", "2022", 152, "EUR_HAB_EU27_2020", "p"),
    (ALL, GDP, "gdp", None, "FRK2", "2022", 99, "PPS_HAB_EU27_2020", "p"),
    (ALL, GDP, "gdp", None, "AT221", "2000", 30500, "PPS_EU27_2020_HAB", ""),
]
# a bare ':' at the provider
ABSENT = [
    (BD, "V11930", "TOTAL", "ITG17", "2010", "NR"),
    (BD, "V11920", "TOTAL", "IT", "2010", "NR"),
    (BD, "V97020", "TOTAL", "ITG17", "2010", "PC"),
    (BD, "V16910", "TOTAL", "NL414", "2012", "PER"),
    (PAT, "epo_applications", None, "ITG17", "1978", "NR"),
    (PAT, "epo_applications", None, "ITG1", "1998", "P_MHAB"),
    (GDP, "gdp", None, "ITG17", "2022", "EUR_HAB"),
]
# outside the extract that ships
LIVE_ONLY = [
    (BIRTHS, BD, "V11920", "TOTAL", "RO", "2013", 171541, "NR", ""),
    (BIRTHS, BD, "V11920", "TOTAL", "PT17", "2019", 67798, "NR", ""),
    (BIRTHS, BD, "V11930", "0", "LT026", "2020", 3836, "NR", "e"),
    (BIRTHS, BD, "V97015", "0", "LT", "2016", 44.02, "PC", "ep"),
    (BIRTHS, BD, "V97015", "0", "LTZ", "2020", None, "PC", "e"),
    (BIRTHS, BD, "V11920", "1-9", "ES64", "2014", None, "NR", "c"),
    (EMPLOYMENT, BD, "V97131", "TOTAL", "LT029", "2017", 0.60, "AVG", "ep"),
    (PATENTS, PAT, "epo_applications", None, "DE212", "2011", 824.38, "NR", ""),
    (ALL, GDP, "gdp", None, "BG", "2022", 13300, "EUR_HAB", "b"),
    (ALL, GDP, "gdp", None, "ES531", "2001", 18600, "EUR_HAB", "d"),
    (ALL, GDP, "gdp", None, "AL", "2021", 5400, "EUR_HAB", "p"),
]


def figure(
    con: duckdb.DuckDBPyConnection, table: str, dataset: str, indicator: str, size: str | None, *cell: str
) -> list:
    """`cell`: geo, period and unit; a theme's table has a column only for the dimensions of its datasets."""
    by_size = "and sizeclas = $2" if size else "and $2 is null"
    return con.execute(
        f"select value, unit, flag from {table} where dataset = $1 {by_size} and indicator = $3 "
        "and geo = $4 and period = $5 and unit = $6",
        [dataset, size, indicator, *cell],
    ).fetchall()


@pytest.fixture(scope="module")
def con(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(home / "current" / "distretto.duckdb"), read_only=True) as opened:
        opened.execute("set timezone = 'UTC'")
        yield opened


@pytest.fixture(scope="module")
def live_home(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same folder after a night in which the provider served its whole tables."""
    if not SPECIMENS.is_dir():
        pytest.skip(f"real provider files are not here: {SPECIMENS} (set DISTRETTO_SPECIMENS)")
    folder = tmp_path_factory.mktemp("live")
    shutil.copytree(home, folder / "data", symlinks=True)
    with EurostatServer() as server:
        for table in TABLES:
            server.serve_file(table, SPECIMENS / "eurostat" / f"{table}.tsv.gz")
        providers = settings(folder, server.base_url, max_seconds=60, read_timeout_s=30)
        only = [word for table in TABLES for word in ("--only", table)]
        outcome = distretto(folder / "data", "refresh", "--json", *only, DISTRETTO_PROVIDERS=str(providers))
    assert outcome.code == 0, outcome.err
    assert {outcome.json["datasets"][table]["state"] for table in TABLES} == {"live"}
    return folder / "data"


@pytest.fixture(scope="module")
def live(live_home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(live_home / "current" / "distretto.duckdb"), read_only=True) as opened:
        opened.execute("set timezone = 'UTC'")
        yield opened


# -- figures


@pytest.mark.parametrize(
    ("table", "dataset", "indicator", "size", "geo", "period", "value", "unit", "flag"), FIGURES
)
def test_a_figure_is_what_its_provider_published(
    con, table, dataset, indicator, size, geo, period, value, unit, flag
):
    found = figure(con, table, dataset, indicator, size, geo, period, unit)
    assert found == [(value, unit, flag)]


@pytest.mark.parametrize(("dataset", "indicator", "size", "geo", "period", "unit"), ABSENT)
def test_a_bare_colon_is_no_row(con, dataset, indicator, size, geo, period, unit):
    assert figure(con, ALL, dataset, indicator, size, geo, period, unit) == []


def test_births_of_the_nine_provinces_add_up_to_sicily(con):
    by_year = con.execute("""
        select period, sum(value) filter (geo <> 'ITG1') as provinces, count(*) filter (geo <> 'ITG1') as number,
               any_value(value) filter (geo = 'ITG1') as region
        from enterprise_births
        where dataset = 'bd_size_r3' and indicator = 'V11920' and sizeclas = 'TOTAL' and regexp_full_match(geo, 'ITG1[1-9]?')
        group by period order by period""").fetchall()
    assert [period for period, *_ in by_year] == [str(year) for year in range(2008, 2021)]
    assert all(number == 9 and provinces == region for _, provinces, number, region in by_year)


def test_units_follow_from_the_indicator_or_the_unit_dimension(con):
    assert dict(
        con.execute("""
        select distinct indicator, unit from observations
        where dataset = 'bd_size_r3' and indicator in ('V97020', 'V11920', 'V16910', 'V97121')""").fetchall()
    ) == {"V97020": "PC", "V11920": "NR", "V16910": "PER", "V97121": "AVG"}
    assert con.execute("select distinct unit from patents order by unit").fetchall() == [
        ("GDP_BEUR",),
        ("NR",),
        ("P_MACT",),
        ("P_MHAB",),
    ]
    assert con.execute("select count(*) from observations where unit is null").fetchone() == (0,)


def test_headlines_of_sicily(con):
    assert (
        con.execute("""
        select indicator, period, value from indicators
        where geo = 'ITG1' and (indicator, period) in (('enterprise_births', '2020'), ('epo_applications', '2010'),
                                                       ('persons_employed_active', '2020')) order by indicator""").fetchall()
        == [
            ("enterprise_births", "2020", 22993),
            ("epo_applications", "2010", 49.75),
            ("persons_employed_active", "2020", 741458),
        ]
    )


# -- tables


def test_only_the_published_tables_exist_and_every_column_is_described(con):
    contract = yaml.safe_load((ROOT / "warehouse" / "published.yml").read_text(encoding="utf-8"))
    tables = con.execute("select table_name, comment from duckdb_tables() where not internal").fetchall()
    columns = con.execute(
        "select table_name, column_name, comment from duckdb_columns() where not internal"
    ).fetchall()
    assert {table for table, _ in tables} == set(contract["tables"])
    assert set(contract["tables"]) >= {
        "observations",
        "enterprise_births",
        "patents",
        "employment",
        "indicators",
        "revisions",
        "catalogue",
        "snapshots",
        "check_results",
        "release",
    }
    assert [table for table, comment in tables if not comment] == []
    assert [(table, column) for table, column, comment in columns if not comment] == []
    assert set(contract["columns"]) == {column for _, column, _ in columns}
    assert con.execute("select count(*) from duckdb_views() where not internal").fetchone() == (0,)


@pytest.mark.parametrize("table", [*LONG, "indicators"])
def test_long_tables_have_the_columns_that_were_promised(con, table):
    columns = [row[0] for row in con.execute(f"describe {table}").fetchall()]
    assert {"dataset", "indicator", "geo", "period", "value", "unit", "flag", "snapshot_id"} <= set(columns)
    assert con.execute(f"select count(*) > 0 from {table}").fetchone() == (True,)


def test_every_snapshot_named_anywhere_is_known_with_its_address_and_the_hash_of_its_stored_body(home, con):
    named = con.execute(
        "select table_name, column_name from duckdb_columns() "
        "where column_name like '%snapshot_id' and not internal"
    ).fetchall()
    assert {"observations", "indicators", "indicator_inputs", "vintages", "check_results"} <= {
        table for table, _ in named
    }
    for table, column in named:
        assert (
            con.execute(f"""select distinct {column} from {table} t anti join snapshots s on s.snapshot_id = t.{column}
                               where {column} is not null""").fetchall()
            == []
        ), (table, column)
    for url, sha256 in con.execute("select url, sha256 from snapshots").fetchall():
        (stored,) = (home / "snapshots" / "objects").rglob(f"{sha256}*")
        body = stored.read_bytes()
        assert (
            url
            and hashlib.sha256(gzip.decompress(body) if stored.suffix == ".gz" else body).hexdigest()
            == sha256
        )


def _dimensions(con: duckdb.DuckDBPyConnection) -> list[str]:
    no_dimension = {
        "dataset",
        "indicator",
        "geo",
        "period",
        "value",
        "flag",
        "conf",
        "known_from",
        "snapshot_id",
    }
    return [row[0] for row in con.execute("describe observations").fetchall() if row[0] not in no_dimension]


def _unlabelled(con: duckdb.DuckDBPyConnection) -> list[tuple]:
    """Codes of dimensions, indicators, flags and territories that no code list and no geography explains."""
    codes = [
        f"select '{name}' as dimension, {name} as code from observations where {name} is not null"
        for name in _dimensions(con)
    ]
    codes.append("select 'flag', unnest(regexp_extract_all(flag, '.')) from observations")
    codes.append(
        "select coalesce(if(indic_sb is null, 'indicator', 'indic_sb'), 'indicator'), indicator from observations"
    )
    missing = con.execute(f"""
        select distinct dimension, code from ({" union all ".join(codes)}) anti join
        (from codelists where label_it <> '' and label_en <> '') using (dimension, code)""").fetchall()
    return (
        missing
        + con.execute(
            "select distinct 'geo', geo from observations anti join geography using (geo)"
        ).fetchall()
    )


def test_every_code_has_a_label_in_italian_and_english_and_every_territory_is_known(con):
    assert {"freq", "indic_sb", "sizeclas", "nace_r2", "sex", "age", "unit"} <= set(_dimensions(con))
    assert _unlabelled(con) == []


# -- files


def test_parquet_and_csv_hold_the_rows_of_the_tables(home, con):
    folder = home / "current"
    for (table,) in con.execute("select table_name from duckdb_tables() where not internal").fetchall():
        types = {name: type_ for name, type_, *_ in con.execute(f"describe {table}").fetchall()}
        # an empty text is written "" and NULL as nothing; a reader must not take both for NULL
        csv = (
            f"read_csv('{folder}/{table}.csv', header = true, delim = ',', quote = '\"', escape = '\"', "
            f"columns = {types}, allow_quoted_nulls = false)"
        )
        for copy in (csv, f"'{folder}/{table}.parquet'"):
            assert con.execute(f"from {table} except all from {copy}").fetchall() == [], copy
            assert con.execute(f"from {copy} except all from {table}").fetchall() == [], copy
        assert {
            r[0]: r[1] for r in con.execute(f"describe from '{folder}/{table}.parquet'").fetchall()
        } == types
    patents = f"read_csv('{folder}/patents.csv', all_varchar = true, allow_quoted_nulls = false)"
    assert con.execute(f"select distinct flag from {patents} order by flag").fetchall() == [
        ("",),
        ("p",),
        (None,),
    ]


def test_checksums_and_row_counts_are_those_of_the_files(home, con):
    folder = home / "current"
    listed = dict(reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines())
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert set(listed) == files - {"SHA256SUMS"}
    for name, digest in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name
    record = json.loads((folder / "release.json").read_text())
    assert record["tables"] == {
        table: con.execute(f"select count(*) from {table}").fetchone()[0]
        for (table,) in con.execute("select table_name from duckdb_tables()").fetchall()
    }
    assert all(check["passed"] for check in record["checks"])
    assert {check["check"] for check in record["checks"]} == {
        path.stem for path in (ROOT / "warehouse" / "publishing" / "checks").glob("*.sql")
    }
    assert con.execute("select release_id from release").fetchall() == [(record["release_id"],)]


def test_the_figures_themselves_suggest_the_breaks_that_are_registered(con):
    """Persons employed in births of Italy in 2011, births of L'Aquila in 2011: nobody flagged them."""
    found = con.execute(
        "select indicator, geo, period, kind, evidence from break_proposals where registered order by all"
    ).fetchall()
    assert ("enterprise_births", "ITF11", "2011", "spike", "3463 in 2011, between 1897 and 1900") in found
    assert ("persons_employed_births", "IT*", "2011", "level") in {row[:4] for row in found}
    registered = con.execute("select dataset, indicator, geo, period, kind from breaks").fetchall()
    assert ("bd_size_r3", "V16920", "IT*", "2011", "level") in registered
    assert ("bd_size_r3", "V11920", "ITF11", "2011", "spike") in registered


# -- the gate

# what a check must find: its name, and a falsehood it is there for
DOCTORED = [
    (
        "churn_is_births_and_deaths",
        "update indicators set value = value + 0.01 where indicator = 'enterprise_churn' and geo = 'ITG17'",
    ),
    ("every_row_has_a_unit", "update observations set unit = null where geo = 'ITG17'"),
    ("every_row_has_an_origin", "update snapshots set sha256 = null"),
    ("every_territory_is_known", "update indicators set geo = 'ITX99' where geo = 'ITG17'"),
    ("indicators_have_inputs", "delete from indicator_inputs where geo = 'ITG17'"),
    (
        "indicators_have_inputs",
        "insert into indicators from indicators where geo = 'ITG17'",
    ),
    (
        "intervals_hold_their_values",
        "update indicators set value = ci_high + 1 where indicator = 'enterprise_births'",
    ),
    ("intervals_hold_their_values", "update indicators set ci_low = null where geo = 'ITG17'"),
    (
        "location_quotient_of_the_country_is_one",
        "update indicators set indicator = 'location_quotient_research' where geo = 'IT' and indicator = 'enterprise_births'",
    ),
    (
        "no_row_crosses_a_break",
        "update indicator_inputs set input_flag = 'b' where indicator = 'enterprise_net_growth' and input_period = '2019'",
    ),
    (
        "no_row_crosses_a_break",
        "insert into breaks from breaks; "
        "update breaks set dataset = 'bd_size_r3', indicator = '*', geo = 'ITG17', period = '2015'",
    ),
    ("one_row_per_observation", "insert into observations from observations where geo = 'ITG17' limit 1"),
    (
        "provinces_add_up",
        "update observations set value = value + 1000 where geo = 'ITG17' and indicator = 'V11920' and period = '2019'",
    ),
    (
        "provinces_add_up",
        "update observations set value = value + 1 where geo = 'ITG17' and dataset = 'pat_ep_rtot' and period = '2009'",
    ),
    (
        "rates_agree",
        "update indicators set value = value + 0.02 where geo = 'ITG17' and indicator = 'enterprise_birth_rate'",
    ),
    (
        "rates_agree",
        "update indicators set value = value - 0.02 where geo = 'ITG1' and indicator = 'enterprise_survival_3y'",
    ),
    (
        "shift_share_adds_up",
        "update indicators set indicator = 'shift_share_mix' where geo = 'ITG1' and indicator = 'enterprise_births'",
    ),
    # its rows are what the ledger's own verification says, which the gate is handed
    ("targets_are_sealed", ""),
    (
        "targets_start_at_zero",
        "update targets set baseline_period = '2015', baseline_value = 1, target_value = 3; "
        "update target_results set period = '2019', value = 1, progress = 5",
    ),
    (
        "targets_start_at_zero",
        "update targets set baseline_period = '2015', baseline_value = 1, target_value = 3; "
        "update target_results set period = '2019', value = 3, progress = 99",
    ),
]


@pytest.fixture(scope="module")
def doctored(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of the release that can be written, beside an empty warehouse as in a run."""
    copy = tmp_path_factory.mktemp("doctored") / "distretto.duckdb"
    shutil.copyfile(home / "current" / "distretto.duckdb", copy)
    with duckdb.connect() as opened:
        opened.execute(f"attach '{copy}' as distretto; attach ':memory:' as warehouse")
        release_checks.run_checks(opened, [])
        yield opened


@pytest.mark.parametrize(("check", "falsehood"), DOCTORED)
def test_every_check_of_the_gate_blocks_a_release_that_was_doctored(doctored, check, falsehood):
    doctored.execute("use distretto")
    doctored.begin()
    try:
        doctored.execute(falsehood)
        with pytest.raises(release_checks.ReleaseBlocked, match=check):
            release_checks.run_checks(doctored, [] if falsehood else ["entry 1 was altered"])
    finally:
        doctored.rollback()


def test_every_check_of_the_gate_is_tried_on_a_falsehood():
    assert {check for check, _ in DOCTORED} == {
        path.stem for path in (ROOT / "warehouse" / "publishing" / "checks").glob("*.sql")
    }


def test_nothing_in_a_release_can_be_written_by_accident(home):
    files = [path for path in (home / "current").resolve().rglob("*") if path.is_file()]
    assert files and [path for path in files if path.stat().st_mode & 0o222] == []


def test_verify_finds_what_was_altered(home, tmp_path):
    copy = tmp_path / "releases" / (home / "current").resolve().name
    shutil.copytree(home / "current", copy)
    assert distretto(tmp_path, "release", "verify", copy.name).code == 0
    (copy / "patents.csv").chmod(0o644)
    with open(copy / "patents.csv", "a") as handle:
        handle.write("one more line\n")
    (copy / "revisions.parquet").unlink()
    (copy / "extra.csv").write_text("")
    outcome = distretto(tmp_path, "release", "verify", copy.name, "--json")
    assert outcome.code == 1
    assert sorted(outcome.json["problems"]) == [
        "extra.csv is not listed in SHA256SUMS",
        "patents.csv is not what was published",
        "revisions.parquet is missing",
    ]


# -- history

AS_OF = "select count(*) from (from {db}as_of({moment}) except all from {db}observations)"


def test_as_of_now_is_observations(con):
    assert con.execute(AS_OF.format(db="", moment="now()")).fetchone() == (0,)
    assert (
        con.execute("select count(*) from as_of(now())").fetchone()
        == con.execute("select count(*) from observations").fetchone()
    )
    assert (
        con.execute("describe from as_of(now())").fetchall()
        == con.execute("describe observations").fetchall()
    )


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Los_Angeles"])
def test_as_of_means_the_same_moment_in_every_session(home, zone):
    with duckdb.connect() as session:
        session.execute(f"attach '{home}/current/distretto.duckdb' (read_only); set timezone = '{zone}'")
        first, last = session.execute(
            "select min(known_from at time zone 'Europe/Rome'), max(known_from at time zone 'Europe/Rome') "
            "from distretto.vintages"
        ).fetchone()
        after = f"date '{last.date()}'"
        assert session.execute(AS_OF.format(db="distretto.", moment=after)).fetchone() == (0,)
        assert session.execute(AS_OF.format(db="distretto.", moment=f"'{last.date()}'")).fetchone() == (0,)
        counted = {
            moment: session.execute(f"select count(*) from distretto.as_of({moment})").fetchone()[0]
            for moment in (
                after,
                f"date '{first.date() - timedelta(days=1)}'",
                f"timestamp '{first}'",
                f"timestamptz '{first} Europe/Rome'",
            )
        }
        everything, first_vintage = session.execute(
            "select count(*), count(*) filter (vintage = 1) from distretto.history"
        ).fetchone()
    assert list(counted.values()) == [everything, 0, first_vintage, first_vintage]


def test_the_release_rebuilds_to_identical_rows(home):
    outcome = distretto(home, "release", "rebuild", "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["differing_rows"].keys() >= {
        *LONG,
        "indicators",
        "indicator_inputs",
        "revisions",
        "history",
    }
    assert set(outcome.json["differing_rows"].values()) == {0}
    assert not (home / ".rebuild").exists()


# -- origin


def test_why_shows_the_inputs_of_an_indicator_and_where_they_come_from(home, con):
    outcome = distretto(home, "why", "ITG17/enterprise_birth_rate/2019", "--json")
    assert outcome.code == 0
    (answer,) = outcome.json["answers"]
    assert answer["value"] == pytest.approx(5905 / 62960 * 100)
    assert answer["facts"]["computed from"] == "5,905 / 62,960"
    ((sha256, url),) = con.execute(
        "select sha256, url from snapshots where dataset = 'bd_size_r3'"
    ).fetchall()
    for step, number in zip(answer["inputs"], ("5,905 NR", "62,960 NR"), strict=True):
        assert step["title"].endswith(number)
        assert (step["facts"]["sha256"], step["facts"]["address"]) == (sha256, url)
        assert "2011/833/EU" in step["facts"]["licence"]
        assert "2024-01-12" in step["facts"]["retrieved"]


def test_why_names_the_checks_the_targets_and_the_headlines_of_a_number(home):
    (answer,) = distretto(home, "why", "ITG1/enterprise_birth_rate/2020", "--json").json["answers"]
    facts = answer["facts"]
    assert "targets_are_sealed" in facts["release"] and "failed" not in facts["release"]
    assert "birth-rate-sicily" in facts["targets"]
    assert "enterprise birth rate 8.34 %" in facts["headlines"]
    assert "unique_keys" in answer["inputs"][0]["facts"]["checks"]


def test_why_answers_for_a_code_of_a_dataset(home):
    outcome = distretto(home, "why", "ITG17/V11920/2019", "--json")
    assert sorted(answer["value"] for answer in outcome.json["answers"]) == [42, 1279, 4584, 5905]
    for_people = distretto(home, "why", "ITG17/V11920/2019")
    assert for_people.code == 0
    assert "Catania (ITG17), 2019: 5,905 NR" in for_people.out


@pytest.mark.parametrize(
    ("number", "told"),
    [
        ("ITG17/enterprise_birth_rat/2019", "enterprise_birth_rate"),
        ("ITG17/V1192/2019", "V11920"),
        ("ITG17/V11920/1999", "from 1979 to 2021"),
        ("QQ/V11920/2019", "QQ is no territory"),
    ],
)
def test_why_of_an_unknown_number_tells_near_ones(home, number, told):
    outcome = distretto(home, "why", number, "--json")
    assert (outcome.code, outcome.out) == (1, "")
    assert told in " ".join(outcome.err.split())


# -- releases of an older version


@pytest.fixture(scope="module")
def older(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same folder, its release as if built before there were indicators, by another commit."""
    folder = tmp_path_factory.mktemp("older") / "data"
    shutil.copytree(home, folder, symlinks=True)
    release_folder = (folder / "current").resolve()
    for name in ("distretto.duckdb", "release.json"):
        (release_folder / name).chmod(0o644)
    with duckdb.connect(str(release_folder / "distretto.duckdb")) as con:
        con.execute(
            "drop table indicators; drop table indicator_revisions; drop table headlines; drop macro table as_of"
        )
    record = json.loads((release_folder / "release.json").read_text())
    record |= {"code_sha256": "0" * 64, "code_commit": "abcdef0123456789"}
    (release_folder / "release.json").write_text(json.dumps(record))
    return folder


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["why", "ITG17/enterprise_births/2019"], "Table with name indicators does not exist"),
        (["board", "--since", "2026-01-01"], "does not exist"),
        (["query", "from as_of(now())"], "Function with name as_of does not exist"),
    ],
)
def test_what_an_older_release_lacks_is_explained(older, tmp_path, words, told):
    more = ["--output", str(tmp_path / "sheet.pdf")] if words[0] == "board" else []
    outcome = distretto(older, *words, *more)
    said = " ".join(outcome.err.split())
    assert outcome.code == 1 and told in said and "another version of the project" in said
    assert "Traceback" not in outcome.err and ("abcdef012345" in said or words[0] == "query")


def test_an_older_release_is_compared_by_what_both_have(home, older):
    shutil.copytree((home / "current").resolve(), older / "releases" / "20990101T000000Z")
    names = [(older / "current").resolve().name, "20990101T000000Z"]
    outcome = distretto(older, "release", "diff", *names, "--json")
    assert outcome.code == 0, outcome.err
    assert {row["table"]: row.get("only_in") for row in outcome.json}["indicators"] == "new"


# -- whole tables


def test_whole_tables_hold_the_same_figures(live):
    for table, dataset, indicator, size, geo, period, value, unit, flag in [*FIGURES, *LIVE_ONLY]:
        # the archived whole table has lost its flags, which its decoder cannot know
        flag = "" if dataset == PAT else flag
        found = figure(live, table, dataset, indicator, size, geo, period, unit)
        assert found == [(value, unit, flag)], (indicator, geo, period)
    for absent in ABSENT:
        assert figure(live, ALL, *absent) == [], absent


def test_whole_tables_have_every_observation(live):
    assert dict(live.execute("select dataset, count(*) from observations group by all").fetchall()) == {
        "bd_size_r3": 1_005_397,
        "pat_ep_rtot": 103_075,
        "nama_10r_3gdp": 268_494,
    }


def test_live_figures_replace_those_that_ship_without_a_revision(live):
    assert live.execute("select count(*) from revisions").fetchone() == (0,)
    assert live.execute(
        "select dataset, kind, count(*) from vintages group by all order by all"
    ).fetchall() == [(table, "baseline", 2) for table in TABLES]
    states = (
        "select dataset, state, origin from catalogue join snapshots using (dataset, snapshot_id) order by 1"
    )
    assert live.execute(states).fetchall() == [(table, "live", "live") for table in TABLES]


def test_figures_that_shipped_can_still_be_read_as_they_were(live):
    (between,) = live.execute(
        "select max(known_from) from vintages join snapshots using (snapshot_id) where origin = 'shipped'"
    ).fetchone()
    assert isinstance(between, datetime)
    assert live.execute(
        "select dataset, count(*) from as_of(?) group by all order by all", [between]
    ).fetchall() == [("bd_size_r3", 56_803), ("nama_10r_3gdp", 8_349), ("pat_ep_rtot", 3_857)]


def test_codes_of_whole_tables_are_known_too(live):
    assert _unlabelled(live) == []


def test_a_trail_names_each_input_once(live):
    from warehouse.publishing.provenance import trail

    for number in ("ITG17/enterprise_birth_rate/2019", "FRY5/enterprise_births/2015"):
        (answer,) = trail(live, *number.split("/"))["answers"]
        expected = live.execute(
            "select count(*) from indicator_inputs where geo || '/' || indicator || '/' || period = ?",
            [number],
        ).fetchone()[0]
        assert len(answer["inputs"]) == expected, number
