"""Every European table at full size, and what each statement of the indicators costs on them: `python -m tests.bench indicators`.

Three tables are the real ones. Of the others only the codes in use are here, so their figures are made up: as many as the
catalogue's entries expect, in the codes that the providers list. Belongs here: making the tables and timing statements.
Does not belong here: whole runs (`__main__.py`).
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import duckdb

from sources.catalogue import Catalogue, Dataset
from sources.common.sql import identifier, literal
from sources.data_folder import DataFolder
from sources.formats import BodyFile, TableSpec, tsv
from sources.formats.staged import Staged
from sources.snapshots import Acceptance
from tests.conftest import SPECIMENS
from warehouse.history import vintages
from warehouse.publishing import indicator_history, tables
from warehouse.publishing.client_compatibility import STORAGE
from warehouse.reference.territory import territory
from warehouse.statistics import composite, indicators, peers

REAL = ("bd_size_r3", "pat_ep_rtot", "nama_10r_3gdp")
# how much of a cube is filled, from the last period backwards: 1 where not said. What the entries' `min_rows` rest on
FILLED = {
    "bd_hgnace_r": 0.27,  # 2021 to 2023 of 2013 to 2023
    "bd_hgnace2_r3": 0.6,
    "bd_salge1_nace_r": 0.1,
    "bd_salge1_size_r": 0.1,
    "demo_r_pjanaggr3": 0.5,
    "htec_emp_reg2": 0.6,
    "hrst_st_rcat": 0.6,
    "lfst_r_lfe2en2": 0.6,
    "lfst_r_lfu3rt": 0.2,
    "nama_10r_3empers": 0.4,
    "nama_10r_3gva": 0.45,
    "rd_e_gerdreg": 0.2,
    "rd_p_persreg": 0.1,
    "sbs_r_nuts2021": 0.6,
}
ISTAT = {"freq": ["A"], "sizeclas": ["TOTAL", "W0_9", "W10_49", "W50_249", "W_GE250"]}
MADE = "select table_name from duckdb_tables() where database_name = 'distretto'"
# wall and processor seconds by statement
Spent = dict[str, tuple[float, float]]
NAMED = re.compile(r"select '(\w+)' as indicator|(?:create or replace temp table|create table) ([\w.]+)")


def fill(con: duckdb.DuckDBPyConnection, home: DataFolder, datasets: list[Dataset]) -> int:
    """Append the tables of `datasets` to the open warehouse, as a first night would; the number of observations."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for number, dataset in enumerate(datasets):
        folder = home.staged / dataset.id
        if dataset.id in REAL:
            staged = tsv.decode(
                BodyFile(SPECIMENS / "eurostat" / f"{dataset.id}.tsv.gz", gzipped=True),
                TableSpec(dataset.dimensions),
                folder,
            )
        elif cube := _cube(dataset):
            staged = _made_up(dataset, cube, folder)
        else:
            continue
        at = start + timedelta(minutes=number)
        acceptance = Acceptance(dataset.id, dataset.id, at, "update", "bench", sequence=number + 1)
        vintages.append(con, dataset, SimpleNamespace(id=dataset.id), acceptance, staged)
    return con.execute("select count(*) from history").fetchone()[0]


def _cube(dataset: Dataset) -> dict[str, list[str]]:
    """The codes in use of each dimension and the periods (`TIME_PERIOD`); empty for what no list of codes is here."""
    if dataset.id == "istat_asiaulp":
        return {
            **dataset.query,
            **ISTAT,
            "data_type": ["LU", "LUEMPDAA"],
            "TIME_PERIOD": [str(year) for year in range(2012, 2024)],
        }
    listed = duckdb.execute(
        f"select dimension_id, list(code_id order by code_id) from {literal(SPECIMENS / 'constraints' / 'eurostat.parquet')} "
        "where lower(df_id) = ? group by 1",
        [dataset.code],
    )
    return dict(listed.fetchall()) | (dataset.query or {} if dataset.provider == "eurostat" else {})


def _made_up(dataset: Dataset, cube: dict[str, list[str]], folder: Path) -> Staged:
    folder.mkdir(parents=True)
    staged = Staged(folder)
    crossed = " cross join ".join(
        f"(select unnest([{', '.join(map(literal, cube[d]))}]) as {identifier(d)})"
        for d in dataset.dimensions
    )
    periods = cube["TIME_PERIOD"]
    filled = periods[-max(1, round(len(periods) * FILLED.get(dataset.id, 1))) :]
    # of the classes of patents most are empty, everywhere and always; their total is not
    sparse = "where ipc = 'IPC' or hash(series, period) % 100 < 5" if dataset.id == "pat_ep_ripc" else ""
    con = duckdb.connect()
    con.execute(f"create table series as select row_number() over ()::integer as series, * from ({crossed})")
    con.execute(f"copy series to {literal(staged.series)}")
    con.execute(f"""
        copy (select series, period, (hash(series, period) % 1000000 + 1) / 10 as value,
                     case when hash(period, series) % 40 = 0 then 'p' when hash(period, series) % 41 = 0 then 'u'
                          when period = '2021' and starts_with({literal(dataset.id)}, 'lfst') then 'b' else '' end as flag,
                     null::varchar as conf
              from series cross join (select unnest([{", ".join(map(literal, filled))}]) as period) {sparse}
              order by series, period) to {literal(staged.part())}""")
    con.close()
    return staged


class Watched:
    """A connection that times every statement: wall and processor seconds, by the table or indicator it makes."""

    def __init__(self, con: duckdb.DuckDBPyConnection):
        self.con = con
        self.spent: Spent = {}

    def execute(self, sql: str, *values):
        made = None
        for statement in [sql] if values else duckdb.extract_statements(sql):
            text = statement if isinstance(statement, str) else statement.query
            found = NAMED.search(text)
            label = (found[1] or found[2]) if found else " ".join(text.split())[:50]
            wall, processor = time.perf_counter(), time.process_time()
            made = self.con.execute(statement, *values)
            before = self.spent.get(label, (0, 0))
            self.spent[label] = (
                before[0] + time.perf_counter() - wall,
                before[1] + time.process_time() - processor,
            )
        return made

    def __getattr__(self, other: str):
        return getattr(self.con, other)


def queries() -> set[str]:
    """The names of `Spent` that are the indicators' own: each query, and each table that a family prepares."""
    prepared = {found[2] for family in indicators.load_families() for found in NAMED.finditer(family.prepare)}
    return {indicator.id for indicator in indicators.load_indicators()} | prepared


def build(con: duckdb.DuckDBPyConnection, catalogue: Catalogue, home: DataFolder, turns: int) -> list[Spent]:
    """Indicators and all that is computed from them, into an empty release, `turns` times; what each statement took."""
    con.execute(
        f"attach {literal(home.root / 'release.duckdb')} as distretto (storage_version {literal(STORAGE)})"
    )
    tables.build_history(con, catalogue, "warehouse", "distretto")
    figures = {table for (table,) in con.execute(MADE).fetchall()}
    ours = territory()
    release = {"release_id": "20260101T000000Z", "built_at": datetime(2026, 1, 1, tzinfo=UTC)}
    found = []
    for _ in range(turns):
        for (table,) in con.execute(MADE).fetchall():
            if table not in figures:
                con.execute(f"drop table distretto.{table}")
        con.execute("delete from distretto.codelists where dimension = 'indicator'")
        con.execute("drop macro table if exists distretto.indicators_as_of")
        watched = Watched(con)
        indicators.build(watched, catalogue, {}, "distretto")
        peers.build(watched, ours, "distretto")
        composite.build(watched, ours, "distretto")
        indicator_history.build(watched, None, release, "distretto")
        found.append(watched.spent)
    return found
