"""Figures of a release by indicator, territory and period, now or as known at a moment: rows of one form for all of them.

Belongs here: names that a release has, the query of a selection and its forms as files. Does not belong here: parameters of
an address (`pipelines/service`), a single figure and its origin (`provenance.py`), whole tables (`exports`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from sources.common.periods import Period
from sources.common.sql import identifier, literal, one_row, scalar
from warehouse.publishing.exports import workbook
from warehouse.publishing.exports.tables import STAMP

# columns of `series` that are no dimension of the provider's own
_OUR_COLUMNS = ("series", "dataset", "indicator", "geo", "unit")
COLUMNS = {
    "indicator": "Id of an indicator of the release, or a provider's code.",
    "geo": "Code of the territory.",
    "period": "Reference period in SDMX form.",
    "value": "The value; null if it is missing, which is never zero.",
    "unit": "Code of the unit.",
    "flag": "The provider's flags; empty for none, null if they are unknown.",
    "reliability": "A, B or C; null for a provider's code.",
    "ci_low": "Lower bound of the 95 % interval, where there is one.",
    "ci_high": "Upper bound of the 95 % interval, where there is one.",
    "break_before": "Whether the series breaks between the preceding period and this one.",
    "truncated": "Whether the value will grow as late records arrive.",
    "provisional": "Whether the provider marks the value as provisional.",
    "dataset": "Catalogue entry of the dataset that the value comes from.",
    "dimensions": "Further dimensions of a provider's series as JSON; null for an indicator.",
    "known_from": "Since when the value is known.",
    "snapshot_id": "The snapshot that brought the value.",
}
_ORDER = "indicator, geo, period, dataset, dimensions"


@dataclass(frozen=True)
class PeriodRange:
    """The periods from `first` to `last`, both included; without a bound where one is None."""

    first: Period | None
    last: Period | None

    def __contains__(self, period: Period) -> bool:
        return (self.first is None or period.start >= self.first.start) and (
            self.last is None or period.end <= self.last.end
        )


@dataclass(frozen=True)
class Vocabulary:
    """The codes of one release. `codes`: of providers' tables, without those that are ids of `indicators` too."""

    indicators: frozenset[str]
    codes: frozenset[str]
    geos: frozenset[str]
    periods: tuple[Period, ...]
    dimensions: tuple[str, ...]

    @staticmethod
    def read(con: duckdb.DuckDBPyConnection) -> Vocabulary:
        """The codes of the release that `con` reads, and those that only its history has."""

        def column(sql: str) -> frozenset[str]:
            return frozenset(value for (value,) in con.execute(sql).fetchall() if value is not None)

        indicators = column(
            "select indicator from indicator_catalogue union select indicator from indicator_history"
        )
        return Vocabulary(
            indicators,
            column("select distinct indicator from series") - indicators,
            column(
                "select geo from geography union select geo from series union select geo from indicator_history"
            ),
            tuple(
                sorted(
                    Period.parse(text)
                    for text in column(
                        "select period from history union select period from indicator_history"
                    )
                )
            ),
            tuple(
                name for (name, *_) in con.execute("describe series").fetchall() if name not in _OUR_COLUMNS
            ),
        )


@dataclass(frozen=True)
class Selection:
    """What is asked for. An empty `indicators` means every indicator, an empty `geos` every territory.

    `moment`: as known then; None for what is known now. `periods`: those chosen, None for all.
    """

    indicators: tuple[str, ...] = ()
    geos: tuple[str, ...] = ()
    periods: tuple[str, ...] | None = None
    moment: datetime | None = None

    def count(self, con: duckdb.DuckDBPyConnection, names: Vocabulary) -> int:
        """The rows of the release that `con` reads."""
        sql, given = self._query(names)
        return int(scalar(con, f"select count(*) from ({sql})", given))

    def write(
        self,
        con: duckdb.DuckDBPyConnection,
        names: Vocabulary,
        path: Path,
        form: str,
        limit: int | None = None,
        offset: int = 0,
    ) -> None:
        """Write the rows, in order, to `path` as csv, json (an array of objects), parquet or xlsx."""
        sql, given = self._query(names)
        page = f" limit {int(limit)}" if limit is not None else ""
        page += f" offset {int(offset)}" if offset else ""
        stamp = f"strftime(known_from, {literal(STAMP)})"
        columns = {
            "csv": "* replace (dimensions::varchar as dimensions)",
            "json": f"* replace ({stamp} as known_from)",
            "parquet": "* replace (dimensions::varchar as dimensions)",
            "xlsx": f"* replace (dimensions::varchar as dimensions, {stamp} as known_from)",
        }[form]
        query = f"select {columns} from ({sql}) order by {_ORDER}{page}"
        if form == "xlsx":
            workbook.write_table(path, list(COLUMNS), con.execute(query, given))
            return
        options = {
            "csv": f"format csv, header true, timestampformat {literal(STAMP)}",
            "json": "format json, array true",
            "parquet": "format parquet, compression zstd",
        }[form]
        one_row(con, f"copy ({query}) to {literal(path)} ({options})", given)

    def _query(self, names: Vocabulary) -> tuple[str, list[object]]:
        """SQL for the rows, and the values of its parameters. Nothing of the selection is part of the SQL's text."""
        ours = [one for one in self.indicators if one in names.indicators]
        theirs = [one for one in self.indicators if one not in names.indicators]
        parts: list[str] = []
        given: list[object] = []
        nothing = {
            column: f"null::{kind} as {column}"
            for column, kind in {
                "reliability": "varchar",
                "ci_low": "double",
                "ci_high": "double",
                "break_before": "boolean",
                "truncated": "boolean",
                "provisional": "boolean",
            }.items()
        }
        # JSON without the dimensions that the series does not have
        further = ", ".join(f"{identifier(name)}: {identifier(name)}" for name in names.dimensions)
        dimensions = f"json_merge_patch('{{}}', to_json({{{further}}})) as dimensions"
        if ours or not self.indicators:
            table = self._table("indicators", "indicators_as_of", given)
            columns = ", ".join("null::json as dimensions" if c == "dimensions" else c for c in COLUMNS)
            parts.append(f"select {columns} from {table} where {self._where(ours, given)}")
        if theirs:
            table = self._table("observations", "as_of", given)
            columns = ", ".join(
                dimensions if c == "dimensions" else nothing.get(c, identifier(c)) for c in COLUMNS
            )
            parts.append(f"select {columns} from {table} where {self._where(theirs, given)}")
        return " union all ".join(parts), given

    def _table(self, latest: str, then: str, given: list[object]) -> str:
        if self.moment is None:
            return latest
        given.append(self.moment)
        return f"{then}(?)"

    def _where(self, indicators: list[str], given: list[object]) -> str:
        conditions = ["true"]
        for column, chosen in (
            ("indicator", indicators or None),
            ("geo", list(self.geos) or None),
            ("period", None if self.periods is None else list(self.periods)),
        ):
            if chosen is not None:
                conditions.append(f"list_contains(?::varchar[], {column})")
                given.append(chosen)
        return " and ".join(conditions)
