"""The checks that a release must pass, and where the rows that break them come from.

Belongs here: running `checks/*.sql`. A check is a query for the rows that are wrong; its lines `-- judged:` together are one for
the rows that it judges, without any of which it did not run. Does not belong here: what follows
from a failed check (`release.py`, `assets/release.py`), and checks of one dataset (`assets/checks/`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from sources.common.sql import literal
from sources.errors import DistrettoError
from warehouse.reference.territory import territory

CHECKS = Path(__file__).parent / "checks"
# rows that are written into the release and its message, and those whose origin is looked up
SHOWN, TRACED = 5, 200


@dataclass(frozen=True)
class CheckResult:
    """What a release check found: the first rows that are wrong, as text, and the datasets that they come from.

    `ran`: whether there was any row to judge.
    """

    check: str
    rows: list[str]
    datasets: frozenset[str]
    ran: bool = True

    @property
    def passed(self) -> bool | None:
        """None where there was nothing to judge."""
        return False if self.rows else True if self.ran else None


class ReleaseBlocked(DistrettoError):
    """A release check failed: nothing is published, the old release stays current. `failed`: the checks and their rows."""

    hint = "read the rows named, then the snapshots they come from (distretto why); the old release stays."

    def __init__(self, failed: list[CheckResult]):
        super().__init__(" | ".join(f"{result.check}: {'; '.join(result.rows)}" for result in failed) + ".")
        self.failed = failed

    @property
    def datasets(self) -> set[str]:
        """Those that the wrong rows come from, as far as the rows name them."""
        return {dataset for result in self.failed for dataset in result.datasets}


def run_checks(con: duckdb.DuckDBPyConnection, broken: list[str]) -> list[CheckResult]:
    """Run every release check on the attached `distretto`; results go into its `check_results` too.

    `broken`: what is wrong with the ledger of targets. Raises ReleaseBlocked with the first rows of each check that
    finds any.
    """
    _write_territory(con)
    con.execute("create or replace temp table broken_links (problem varchar)")
    if broken:
        con.executemany("insert into broken_links values (?)", [(problem,) for problem in broken])
    con.execute("use distretto")
    results = []
    try:
        for path in sorted(CHECKS.glob("*.sql")):
            sql = path.read_text()
            judged = " ".join(re.findall(r"^-- judged: (.+)$", sql, re.MULTILINE))
            ran = bool(con.execute(f"{judged} limit 1").fetchall())
            found = con.execute(f"select * from ({sql.rstrip().rstrip(';')}\n) limit {TRACED}")
            columns = [column[0] for column in found.description or ()]
            wrong = [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
            result = CheckResult(path.stem, [_text(row) for row in wrong[:SHOWN]], _origins(con, wrong), ran)
            results.append(result)
            con.execute(
                "insert into check_results values ('release', null, null, ?, ?, ?, 'no row', now(), ?)",
                [
                    path.stem,
                    result.passed,
                    "; ".join(result.rows) or ("no row" if ran else "not run: nothing to judge"),
                    "quarantine" if result.passed is False else None,
                ],
            )
    finally:
        con.execute("use warehouse")
    if failed := [result for result in results if result.passed is False]:
        raise ReleaseBlocked(failed)
    return results


def _text(row: dict[str, Any]) -> str:
    """The values that the row has, each with its column."""
    if list(row) == ["problem"]:
        return str(row["problem"])
    return ", ".join(f"{column} {value}" for column, value in row.items() if value is not None)


def _origins(con: duckdb.DuckDBPyConnection, rows: list[dict[str, Any]]) -> frozenset[str]:
    """The datasets that `rows` come from: they name one, or an indicator, or a territory and a period."""
    found = {row["dataset"] for row in rows if row.get("dataset")}
    for row in rows:
        named = {name: row[name] for name in ("indicator", "geo", "period") if row.get(name) is not None}
        if row.get("dataset") or "geo" not in named:
            continue
        where = " and ".join(f"i.{name} = {literal(value)}" for name, value in named.items())
        found |= {
            dataset
            for (dataset,) in con.execute(
                "select distinct s.dataset from indicator_inputs i join series s on s.series = i.input_series "
                f"where {where}"
            ).fetchall()
        }
    return frozenset(found)


def _write_territory(con: duckdb.DuckDBPyConnection) -> None:
    """Temp table `territory (geo, role)` from the territory's file."""
    ours = territory()
    rows = [
        (ours.region, "region"),
        (ours.country, "country"),
        *((geo, "province") for geo in ours.provinces),
    ]
    con.execute("create or replace temp table territory (geo varchar, role varchar)")
    con.executemany("insert into territory values (?, ?)", rows)
