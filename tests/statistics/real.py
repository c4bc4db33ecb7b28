"""The real business demography of Italy, computed into indicators in memory, for tests of what is said of figures.

Belongs here: reading the whole provider file that `DISTRETTO_SPECIMENS` holds. Does not belong here: any assertion.
"""

from __future__ import annotations

import gzip
from functools import cache

import pytest

from tests.conftest import SPECIMENS
from tests.statistics.figures import Figures

# active enterprises, births, deaths, survivors, persons employed, persons employed in births; the provider's own rates
CODES = (
    *("V11910", "V11920", "V11930", "V11943", "V16910", "V16920"),
    *("V97010", "V97015", "V97020", "V97030", "V97043"),
)
FILE = SPECIMENS / "eurostat" / "bd_size_r3.tsv.gz"


@cache
def business_demography(*countries: str) -> Figures:
    """The release tables made of the totals of `bd_size_r3` in some countries; skips where the file is absent."""
    if not FILE.exists():
        pytest.skip(f"the whole bd_size_r3 is not here: {FILE} (set DISTRETTO_SPECIMENS)")
    figures = Figures()
    with gzip.open(FILE, "rt", encoding="utf-8", newline="") as lines:
        header = next(lines).rstrip("\r\n").split("\t")
        dimensions = header[0].partition("\\")[0].split(",")
        periods = [period.strip() for period in header[1:]]
        for line in lines:
            key, *cells = line.rstrip("\r\n").split("\t")
            codes = dict(zip(dimensions, key.split(","), strict=True))
            if not (
                codes["geo"].startswith(countries)
                and codes["indic_sb"] in CODES
                and (codes["sizeclas"], codes["nace_r2"]) == ("TOTAL", "B-S_X_K642")
            ):
                continue
            for period, cell in zip(periods, cells, strict=True):
                value, _, flag = cell.strip().partition(" ")
                if value != ":":
                    figures.add(
                        "bd_size_r3",
                        codes["geo"],
                        {period: float(value)},
                        flag.strip(),
                        indicator=codes["indic_sb"],
                        sizeclas="TOTAL",
                        nace_r2="B-S_X_K642",
                    )
    figures.build()
    # the district has no figures of its own here
    figures.con.execute("create table district as select * from indicators limit 0")
    return figures
