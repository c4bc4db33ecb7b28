"""How often the checks cry at genuine figures: `python -m tests.false_alarms [DATASET ...]`.

The real tables are replayed by arrival year: a body that ends with each year is judged beside the one that ended with the year
before. Prints the alerts for our territories and peers by table and year, and the share of nights with one; exit code 1 where a
genuine body is refused or a year brings more than one alert a table. Belongs here: the replay. Does not belong here: what a check
does.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from assets.checks import identities, plausibility
from tests.bodies import FILES, LAST, Bench, bench

# a shorter body is less than a table: the earliest arrival is when half of the years are there
FIRST = {"nama_10r_3gdp": 2011, "bd_size_r3": 2014, "pat_ep_rtot": 1995, "demo_r_pjanaggr3": 2019}
# least rows and exact sizes are those of today's table
PLAUSIBILITY = (*plausibility.NAMES, *identities.NAMES)


@dataclass(frozen=True)
class Year:
    """What the arrival of the figures to `year` of `table` came to."""

    table: str
    year: int
    refused: list[str]
    alerts: list[str]


def replay(table: Bench, first: int) -> Iterator[Year]:
    """Judge and enter the body that ends with each year from `first`."""
    name = table.dataset.id
    for year in range(first, LAST[name] + 1):
        staged = table.made(where=f"period::int <= {year}")
        found = [result for result in table.judge(staged) if result.name in PLAUSIBILITY]
        if table.holds:
            yield Year(
                name,
                year,
                [f"{r.name}: {r.observed}" for r in found if r.refuses],
                [f"{r.name}: {r.observed}" for r in found if r.doubts],
            )
        table.enter(staged)


def main(names: list[str]) -> int:
    """Print the alerts of each table and year; the exit code."""
    years: list[Year] = []
    for name in names or list(FILES):
        with tempfile.TemporaryDirectory() as folder, bench(name, Path(folder), hold=False) as table:
            for year in replay(table, FIRST[name]):
                print(
                    f"{name} {year.year}: {len(year.refused)} refused, {len(year.alerts)} alerts", flush=True
                )
                for said in (*year.refused, *year.alerts):
                    print(f"  {said}")
                years.append(year)
    alerted = sum(bool(year.alerts) for year in years)
    refused = sum(bool(year.refused) for year in years)
    print(
        f"{len(years)} bodies: {alerted} with an alert ({alerted / max(len(years), 1):.0%}), {refused} refused"
    )
    return int(bool(refused) or any(len(year.alerts) > 1 for year in years))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
