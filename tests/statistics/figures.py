"""A release's figures in memory, for tests of indicators and of what is said of them.

Belongs here: adding made-up or real observations and building the tables of a release from them. Does not belong here: any
assertion.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

import duckdb
from hypothesis import settings
from hypothesis import strategies as st

from sources.catalogue import load_catalogue
from tests.conftest import ROOT
from warehouse.statistics import indicators
from warehouse.statistics.indicators import DIMENSIONS

GATE = ROOT / "warehouse" / "publishing" / "checks"


KEYS = ("indicator", "geo", "period")
counts = st.integers(min_value=0, max_value=100_000)
quick = settings(max_examples=5, deadline=None)
_CATALOGUE = cache(load_catalogue)


class Figures:
    """A release's figures in memory: `add` observations, `build` the tables, ask for values."""

    def __init__(self):
        self.series: dict[tuple, int] = {}
        self.rows: list[tuple] = []
        self.con = duckdb.connect()

    def add(
        self, dataset: str, geo: str, values: dict[str, float | None], flag: str = "", **codes: str
    ) -> None:
        entry = _CATALOGUE().get(dataset)
        key = (dataset, geo, *sorted(codes.items()))
        number = self.series.setdefault(key, len(self.series) + 1)
        assert entry is None or set(codes) <= {*entry.dimensions, "indicator"}
        for period, value in values.items():
            self.rows.append((number, period, value, flag))

    def build(self) -> Figures:
        catalogue = _CATALOGUE()
        con = self.con
        con.execute("attach ':memory:' as distretto")
        con.execute("use distretto")
        names = sorted({*DIMENSIONS, *catalogue.dimensions} - {"geo", "unit"})
        columns = ", ".join(f'"{name}" varchar' for name in names)
        con.execute(
            f"create table series (series integer, dataset varchar, indicator varchar, geo varchar, unit varchar, {columns})"
        )
        con.execute(
            "create table history (series integer, period varchar, value double, flag varchar, "
            "conf varchar, deleted boolean, vintage integer)"
        )
        con.execute(
            "create table vintages (vintage integer, dataset varchar, snapshot_id varchar, known_from timestamptz, "
            "kind varchar)"
        )
        con.execute(
            f"create table geography as from read_csv('{ROOT}/warehouse/reference/geography.csv', "
            "header=true, all_varchar=true, comment='#')"
        )
        con.execute("create table catalogue (dataset varchar, status varchar)")
        con.executemany("insert into catalogue values (?, ?)", [(d.id, d.status) for d in catalogue.values()])
        con.execute(
            "create table codelists (dimension varchar, code varchar, label_it varchar, label_en varchar)"
        )
        con.execute(
            "insert into vintages values (1, 'all', 'one', timestamptz '2026-01-01 00:00:00+00', 'baseline')"
        )
        for (dataset, geo, *codes), number in self.series.items():
            told = {"dataset": dataset, "geo": geo, "series": number, **dict(codes)}
            con.execute(
                f"insert into series ({', '.join(told)}) values ({', '.join('?' * len(told))})",
                list(told.values()),
            )
        if self.rows:
            con.execute(
                "insert into history select unnest($1), unnest($2), unnest($3), unnest($4), null, false, 1",
                [list(column) for column in zip(*self.rows, strict=True)],
            )
        indicators.build(con, Wide(catalogue, names), {"one": datetime(2026, 1, 1, tzinfo=UTC)}, "distretto")
        return self

    def values(self, indicator: str) -> dict[tuple[str, str], float]:
        rows = self.con.execute(
            "select geo, period, value from indicators where indicator = ?", [indicator]
        ).fetchall()
        return {(geo, period): value for geo, period, value in rows}

    def row(self, indicator: str, geo: str, period: str) -> dict:
        found = self.con.execute(
            "select * from indicators where (indicator, geo, period) = (?, ?, ?)", [indicator, geo, period]
        )
        names = [column[0] for column in found.description]
        (row,) = found.fetchall()
        return dict(zip(names, row, strict=True))

    def inputs(self, indicator: str) -> list[tuple[float]]:
        return self.con.execute(
            "select input_value from indicator_inputs where indicator = ?", [indicator]
        ).fetchall()

    def wrong(self, check: str) -> list[tuple]:
        return self.con.execute((GATE / f"{check}.sql").read_text()).fetchall()


class Wide(dict):
    """A catalogue that also has the dimensions of tables that are not in ours yet."""

    def __init__(self, catalogue, names):
        super().__init__(catalogue)
        self.dimensions = ["freq", "geo", *(name for name in names if name != "freq"), "unit"]


def old(figures: Figures, code: str, geo: str, values: dict[str, float | None], flag: str = "") -> None:
    figures.add("bd_size_r3", geo, values, flag, indicator=code, sizeclas="TOTAL", nace_r2="B-S_X_K642")
