"""The observations that an SDMX data query asks for, as SDMX-CSV 2.0: now, as known at a moment, or in every version.

Belongs here: keys, component filters and the query. Does not belong here: dataflows (`exports/sdmx.py`), addresses and their
syntax errors (`pipelines/service`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from sources.common.periods import Period, start_sql
from sources.common.sql import identifier, literal, one_row, rows, scalar
from warehouse.publishing.exports.sdmx import INDICATORS, Flow
from warehouse.publishing.exports.sdmx_structures import HISTORY_ATTRIBUTE
from warehouse.publishing.exports.tables import STAMP

# operator of a component filter -> SQL of a column and one parameter
OPERATORS = {
    "eq": "{} = ?",
    "ne": "{} <> ?",
    "sw": "starts_with({}, ?)",
    "ew": "ends_with({}, ?)",
    "co": "contains({}, ?)",
    "nc": "not contains({}, ?)",
}
# operators of time periods: whole periods lie after, before or within the day given
TIME_OPERATORS = ("eq", "ne", "ge", "gt", "le", "lt")


@dataclass(frozen=True)
class Condition:
    """`column` fulfils `operator` for one of `values`; of the column `period` the values are SDMX periods."""

    column: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class DataQuery:
    """A data query on one dataflow.

    `keys`: alternatives, each with the codes of every dimension, None for all. `moment`: as known then. `history`: every
    version instead of the last one, of those known at `moment`. `updated_after`: only what became known later.
    """

    flow: Flow
    keys: tuple[tuple[tuple[str, ...] | None, ...], ...] = ()
    conditions: tuple[Condition, ...] = ()
    moment: datetime | None = None
    history: bool = False
    updated_after: datetime | None = None
    first: int | None = None
    last: int | None = None
    limit: int | None = None
    offset: int = 0

    def count(self, con: duckdb.DuckDBPyConnection) -> int:
        """The observations of the release that `con` reads; those of all pages."""
        sql, given = self._chosen()
        return int(scalar(con, f"select count(*) from ({sql})", given))

    def write(self, con: duckdb.DuckDBPyConnection, path: Path) -> None:
        """Write the observations, in order, to `path`."""
        sql, given = self._chosen()
        action = "if(deleted, 'D', 'I')" if self.history else "'I'"
        stamp = f'strftime(known_from, {literal(STAMP)}) as "{HISTORY_ATTRIBUTE}"'
        order = ", ".join(identifier(d) for d in self.flow.dimensions)
        page = f" limit {int(self.limit)}" if self.limit is not None else ""
        page += f" offset {int(self.offset)}" if self.offset else ""
        query = f"select {self.flow.columns_sql(action)}, {stamp} from ({sql}) order by {order}, period, known_from{page}"
        one_row(con, f"copy ({query}) to {literal(path)} (format csv, header true)", given)

    def _chosen(self) -> tuple[str, list[object]]:
        """SQL for the rows, and the values of its parameters: nothing that a client sent is part of the SQL's text."""
        given: list[object] = []
        sql = f"select * from ({self._source(given)}) where {self._where(given)}"
        series = ", ".join(identifier(d) for d in self.flow.dimensions)
        for number, order in ((self.first, "asc"), (self.last, "desc")):
            if number is not None:
                place = f"dense_rank() over (partition by {series} order by {start_sql('period')} {order}, period {order})"
                sql = f"select * from ({sql}) qualify {place} <= {int(number)}"
        return sql, given

    def _source(self, given: list[object]) -> str:
        indicators = self.flow.id == INDICATORS
        if self.history:
            if self.moment is not None:
                given.append(self.moment)
            known = "known_from <= ?" if self.moment is not None else "true"
            if indicators:
                return f"select * from indicator_history where {known}"
            given.append(self.flow.id)
            return (
                "select s.*, h.period, h.value, h.flag, h.conf, h.deleted, v.known_from from history h "
                f"join (from vintages where {known}) v using (vintage) join series s using (series) where s.dataset = ?"
            )
        if self.moment is not None:
            given.append(self.moment)
            if indicators:
                return "select * from indicators_as_of(?)"
            given.append(self.flow.id)
            return "select * from as_of(?) where dataset = ?"
        if indicators:
            return "select * from indicators"
        given.append(self.flow.id)
        return "select * from observations where dataset = ?"

    def _where(self, given: list[object]) -> str:
        parts = ["true"]
        alternatives = []
        for key in self.keys:
            positions = []
            for dimension, codes in zip(self.flow.dimensions, key, strict=True):
                if codes is not None:
                    positions.append(f"list_contains(?::varchar[], {identifier(dimension)})")
                    given.append(list(codes))
            alternatives.append(" and ".join(positions) or "true")
        if alternatives:
            parts.append("(" + " or ".join(f"({one})" for one in alternatives) + ")")
        for condition in self.conditions:
            either = [_condition_sql(condition, value, given) for value in condition.values]
            parts.append("(" + " or ".join(either) + ")")
        if self.updated_after is not None:
            parts.append("known_from > ?")
            given.append(self.updated_after)
        return " and ".join(parts)


def codes(con: duckdb.DuckDBPyConnection, flow: Flow) -> dict[str, frozenset[str]]:
    """The codes that each dimension of `flow` has in the release that `con` reads, now or in its history."""
    if flow.id == INDICATORS:
        source, given = "indicator_history", []
    else:
        source, given = "series where dataset = ?", [flow.id]
    lists = ", ".join(f"list(distinct {identifier(d)}) as {identifier(d)}" for d in flow.dimensions)
    (found,) = rows(con, f"select {lists} from {source}", given)
    return {dimension: frozenset(values or ()) for dimension, values in found.items()}


def _condition_sql(condition: Condition, value: str, given: list[object]) -> str:
    column = identifier(condition.column)
    if condition.column != "period":
        given.append(value)
        return OPERATORS[condition.operator].format(column)
    period = Period.parse(value)
    if condition.operator in ("eq", "ne"):
        given.append(period.text)
        return OPERATORS[condition.operator].format(column)
    bound, sign = {
        "ge": (period.start, ">="),
        "gt": (period.end, ">"),
        "le": (period.end, "<="),
        "lt": (period.start, "<"),
    }[condition.operator]
    given.append(bound)
    return f"{start_sql('period')} {sign} ?"
