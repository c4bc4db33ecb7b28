"""The values of all European regions of one level and period, for the strips on which ours are marked.

Belongs here: which values, and reading them. Does not belong here: their positions (`strips.py`).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import duckdb

from sources.common.sql import literal
from warehouse.reference.territory import territory

# the levels of territory, never on one strip, and the fewest values that make a strip
LEVELS = ("nuts2", "nuts3")
FEWEST = 6


@dataclass(frozen=True)
class Spread:
    """The values of one level in the newest complete period of our region or seat; `countries` they belong to."""

    level: str
    period: str
    values: dict[str, float]
    countries: int


def spread_sql(condition: str = "") -> str:
    """The clauses from FROM on for the reliable values of the newest complete period of our region (NUTS 2) and of our seat
    (NUTS 3), with a further `condition`."""
    ours = territory()
    own = ", ".join(literal(geo) for geo in (ours.region, ours.seat) if geo)
    return f"""
        from indicators semi join (
            select indicator, geo_level, max(period) as period from indicators
            where geo in ({own}) and geo_level in ({", ".join(map(literal, LEVELS))})
              and value is not null and not coalesce(truncated, false)
            group by all) using (indicator, geo_level, period)
        where value is not null and reliability in ('A', 'B') {condition}"""


def read(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], Spread]:
    """The spread of each indicator and level that has enough values, ours among them."""
    values: dict[tuple[str, str, str], dict[str, float]] = defaultdict(dict)
    for indicator, level, period, geo, value in con.execute(
        f"select indicator, geo_level, period, geo, value {spread_sql()} order by geo"
    ).fetchall():
        values[indicator, level, period][geo] = value
    ours = {territory().region, territory().seat}
    return {
        (indicator, level): Spread(level, period, found, len({geo[:2] for geo in found}))
        for (indicator, level, period), found in values.items()
        if len(found) >= FEWEST and ours & set(found)
    }
