"""Figures as the providers' own files have them, read from there and not from a release.

Belongs here: what tests compare a release with. Does not belong here: tests.
"""

from __future__ import annotations

import duckdb

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


def dimensions(con: duckdb.DuckDBPyConnection) -> list[str]:
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


def unlabelled(con: duckdb.DuckDBPyConnection) -> list[tuple]:
    """Codes of dimensions, indicators, flags and territories that no code list and no geography explains."""
    codes = [
        f"select '{name}' as dimension, {name} as code from observations where {name} is not null"
        for name in dimensions(con)
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
