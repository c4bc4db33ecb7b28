"""OECD REGPAT: patents by the region where their inventors live, counted from the tables of one edition in a zip.

Four text files, `|` between cells. `YYYYMM_EPO_Inv_reg.txt` and `YYYYMM_PCT_Inv_reg.txt`: a row a share, with `appln_id` or
`pct_nbr`, `reg_code`, `ctry_code`, `reg_share`, `inv_share`. `YYYYMM_EPO_IPC.txt` and `YYYYMM_PCT_IPC.txt`: a row a class, with
`prio_year` and `IPC`. Files and columns are those that scripts of others read (editions 2016 to 2026); none was available.
Figures are fractional: each application is one, shared by its inventors and their regions, in its priority year.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from sources.applicants import applicants
from sources.common.sql import identifier, literal
from sources.errors import UnreadableBody
from sources.formats import BodyFile, TableSpec
from sources.formats.keys import require_keys
from sources.formats.records import columns_of, unpack, write_figures
from sources.formats.staged import Staged, decoding

LONGEST_HEADER = 1 << 16
OFFICES = {"EPO": "appln_id", "PCT": "pct_nbr"}


def decode(body: BodyFile, table: TableSpec, folder: Path) -> Staged:
    """Stage the edition in the zip; dimensions are freq, office, technology and geo. Raises as `Decoder` says."""
    wanted = {
        f"{office}_{kind}": rf"\d{{6}}_{office}_{kind}\.txt"
        for office in OFFICES
        for kind in ("Inv_reg", "IPC")
    }
    files = unpack(body.path, wanted, folder)
    with decoding(folder) as con:
        con.execute(
            "create temp table counted (region varchar, office varchar, technology varchar, year varchar, value double)"
        )
        for office, key in OFFICES.items():
            inventors = _rows(con, files, f"{office}_Inv_reg", [key, "ctry_code", "reg_share", "inv_share"])
            classes = _rows(con, files, f"{office}_IPC", [key, "prio_year", "ipc"])
            share = " * ".join(
                f"read_value({c}, 'of row ' || line || ', column {c} of {office}_Inv_reg', {c})"
                for c in ("inv_share", "reg_share")
            )
            con.execute(
                f"create or replace temp table inventors as select {key} as id, upper(reg_code) as region, "
                f"sum({share}) as value from {inventors} where upper(ctry_code) = '{table.country}' group by all"
            )
            wrong = con.execute("select id from inventors where not value between 0 and 1.001").fetchone()
            if wrong:
                raise UnreadableBody(
                    f"The shares of {office} application {wrong[0]} in a region are no fraction of it."
                )
            con.execute(
                f"create or replace temp table classes as "
                f"select distinct id, year, unnest(list_append(technologies, 'ALL')) as technology from ("
                f"select {key} as id, prio_year as year, {_technologies()} as technologies from ("
                f"select *, {SYMBOL} as symbol from {classes} semi join inventors on id = {key}))"
            )
            wrong = con.execute(
                "select year from classes where not regexp_full_match(year, '(19|20)[0-9]{2}')"
            ).fetchone()
            if wrong:
                raise UnreadableBody(f"A prio_year of {office}_IPC is {wrong[0][:40]!r}.")
            # an application has one priority year; with two it would count twice
            con.execute(
                f"insert into counted select region, {literal(office)}, technology, min(year), value "
                "from inventors join classes using (id) group by id, region, technology, value"
            )
        return write_figures(con, table.dimensions, table.country, Staged(folder))


def _rows(con: duckdb.DuckDBPyConnection, files: dict[str, Path], called: str, filled: list[str]) -> str:
    """A temp view of one table, with its line in the file; the columns `filled` and, of inventors, reg_code are read.

    Raises StructureChanged, and UnreadableBody with the first line that lacks one of `filled`.
    """
    read = [*filled, "reg_code"] if called.endswith("Inv_reg") else filled
    with open(files[called], "rb") as handle:
        line = handle.readline(LONGEST_HEADER).decode("utf-8-sig", "replace").rstrip("\r\n")
    columns = columns_of(line, called, "|", read)
    every = {f"c{i}": "VARCHAR" for i in range(len(columns))}
    picked = ", ".join(f"trim(coalesce(c{columns.index(c)}, ''), ' \"') as {identifier(c)}" for c in read)
    # names of persons and places are in any encoding; what is read is ASCII
    con.execute(
        f"create or replace temp view {called} as select row_number() over () + 1 as line, {picked} "
        f"from read_csv({literal(files[called])}, auto_detect=false, header=false, skip=1, delim='|', quote='', escape='', "
        f"encoding='latin-1', null_padding=false, strict_mode=true, max_line_size=4000000, columns={every})"
    )
    require_keys(con, called, {column: f"{column} of {called}" for column in filled})
    return called


# H01L021/02, H01L 21/02 and H01L21/02 are the same
SYMBOL = r"regexp_replace(upper(replace(ipc, ' ', '')), '^([A-H][0-9]{2}[A-Z])0*([1-9])', '\1\2')"


def _technologies() -> str:
    """SQL for the list of codes of `applicants.yml` that a symbol falls under, TOTAL where any does."""
    cases = []
    for technology, prefixes in applicants().technologies.items():
        fits = " or ".join(
            f"starts_with(symbol, {literal(prefix)})"
            if len(prefix) <= 4
            else f"symbol = {literal(prefix)} or starts_with(symbol, {literal(prefix + '/')})"
            for prefix in prefixes
        )
        cases.append(f"case when {fits} then [{literal(technology)}, 'TOTAL'] else [] end")
    return f"flatten([{', '.join(cases)}])"
