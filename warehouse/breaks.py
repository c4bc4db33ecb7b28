"""Breaks of a series: the registered ones of `reference/breaks.yml`, and those that the figures themselves suggest.

Belongs here: tables `breaks` and `break_proposals`. Does not belong here: what a break does to an indicator
(`indicators.py`). Flags `b` of a provider are not listed: they stand in the figures.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import yaml

from sources.errors import SpecError
from warehouse.tables import write_table

FILE = Path(__file__).parent / "reference" / "breaks.yml"
KEYS = {"dataset", "indicators", "geo", "period", "kind", "reason", "evidence", "accepted_on"}
KINDS = ("level", "spike", "perimeter")


def load() -> list[dict[str, Any]]:
    """The registered breaks. Raises SpecError for an entry with a missing or an unknown key."""
    entries = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    for number, entry in enumerate(entries, 1):
        if set(entry) != KEYS or entry["kind"] not in KINDS:
            raise SpecError(
                f"{FILE}: entry {number}: keys or kind do not fit.",
                hint=f"each has {', '.join(sorted(KEYS))}; kind is {', '.join(KINDS)}.",
            )
    return entries


def build(con: duckdb.DuckDBPyConnection, schema: str) -> None:
    """Create `breaks` in `schema`, and temp table `series_breaks (series, periods)` with each series' own.

    A `level` starts at its period; a `spike` ends with it too, so that the following period starts anew.
    """
    write_table(
        con,
        f"{schema}.breaks",
        {
            "dataset": "varchar",
            "indicator": "varchar",
            "geo": "varchar",
            "period": "varchar",
            "kind": "varchar",
            "reason": "varchar",
            "evidence": "varchar",
            "accepted_on": "date",
        },
        [
            (
                entry["dataset"],
                code,
                entry["geo"],
                period,
                entry["kind"],
                entry["reason"],
                entry["evidence"],
                entry["accepted_on"],
            )
            for entry in load()
            for code in entry["indicators"]
            for period in (
                (entry["period"], str(int(entry["period"]) + 1))
                if entry["kind"] == "spike"
                else (entry["period"],)
            )
        ],
    )
    con.execute(f"""
        create or replace temp table series_breaks as
        select s.series, list(b.period order by b.period) as periods
        from {schema}.series s join {schema}.breaks b
          on b.dataset = s.dataset and b.indicator in (s.indicator, '*') and s.geo like replace(b.geo, '*', '%')
        group by s.series""")
