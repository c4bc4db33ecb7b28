"""SDMX-CSV as Eurostat and OECD serve it, which is also the form of the figures that ship; a row an observation.

Eurostat: `DATAFLOW,LAST UPDATE,<dimensions>,TIME_PERIOD,OBS_VALUE,OBS_FLAG[,CONF_STATUS]`.
OECD: `STRUCTURE,STRUCTURE_ID,ACTION,<dimensions>,TIME_PERIOD,OBS_VALUE,OBS_STATUS,UNIT_MULT,...`: what follows OBS_VALUE
is an attribute where there is an OBS_STATUS; else it is a column that nobody knows. A value is the cell times ten to the
power of its UNIT_MULT.
A header with semicolons, as spreadsheets write it where the comma is the decimal mark: so it is in the values then.
"""

from __future__ import annotations

import csv
import gzip
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sources.common.sql import identifier, literal
from sources.errors import NotData, UnreadableBody
from sources.formats.staged import Staged, check_dimensions, decoding, period

MEASURES = {
    "time_period",
    "obs_value",
    "obs_flag",
    "obs_status",
    "unit_mult",
    "conf_status",
    "dataflow",
    "last update",
    "structure",
    "structure_id",
    "action",
}
LONGEST_HEADER = 1 << 16
# SDMX's codes of OBS_STATUS are the letters of the flags in capitals; A is a normal value
STATUS = "case when obs_status in ('A', '') then '' else lower(obs_status) end"
MULTIPLIED = """
    create or replace temp macro multiplied(value, times, place) as
        case when coalesce(times, '') in ('', '0') then value
             when regexp_full_match(times, '-?[0-9]|1[0-5]') and coalesce(isfinite(value * power(10, times::tinyint)), true)
                 then value * power(10, times::tinyint)
             else refused(place, times)::double end"""


def decode(body: Path, gzipped: bool, dimensions: list[str], folder: Path, timezone: str) -> Staged:
    """Stage the table in the file `body` into `folder`. `dimensions`: those expected, in any order.

    `timezone` is that of the column LAST UPDATE, which carries no offset. Raises UnreadableBody with row and
    column, StructureChanged, NotData.
    """
    columns, separator = _header(body, gzipped)
    lower = [column.lower() for column in columns]
    if "time_period" not in lower or "obs_value" not in lower:
        raise NotData(f"No SDMX-CSV: the header is {','.join(columns)[:120]!r}.")
    check_dimensions(_dimensions(lower, dimensions), dimensions)
    types = dict.fromkeys(lower, "VARCHAR")
    if len(types) != len(lower) or "" in types or any("\0" in column for column in types):
        raise UnreadableBody("The header has a column twice, or one without a readable name.")
    typed = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in types)
    rows = (
        f"(select row_number() over () + 1 as line, * from read_csv({literal(body)}, "
        f"compression={literal('gzip' if gzipped else 'none')}, auto_detect=false, header=false, skip=1, "
        f"delim={literal(separator)}, quote='\"', escape='\"', null_padding=false, strict_mode=true, columns={{{typed}}}))"
    )
    keys = ", ".join(identifier(dimension) for dimension in dimensions)
    same = " and ".join(f"r.{identifier(d)} is not distinct from s.{identifier(d)}" for d in dimensions)
    flag = "obs_flag" if "obs_flag" in lower else STATUS if "obs_status" in lower else "''"
    flag = f"coalesce({flag}, '')"
    # F is free: no confidentiality
    conf = "nullif(conf_status, 'F')" if "conf_status" in lower else "null"
    times = "unit_mult" if "unit_mult" in lower else "'0'"
    cell, place = "obs_value", "column OBS_VALUE"
    if separator == ";":
        # a point may be the mark of thousands there, or a decimal mark typed by habit: which, nobody can tell
        cell = "case when not contains(obs_value, '.') then replace(obs_value, ',', '.') else 'point' end"
        place = "column OBS_VALUE (with semicolons a decimal comma and no point)"
    staged = Staged(folder)
    with decoding(folder) as con:
        con.execute(MULTIPLIED)
        con.execute(
            f"create temp table codes as select row_number() over ()::integer as series, * "
            f"from (select distinct {keys} from {rows} order by all)"
        )
        con.execute("create temp table periods (given varchar, period varchar)")
        for (given,) in con.execute(f"select distinct time_period from {rows}").fetchall():
            con.execute("insert into periods values (?, ?)", [given, period(given or "")])
        con.execute(f"copy codes to {literal(staged.series)} (format parquet, compression zstd)")
        con.execute(f"""
            copy (
                select series, period,
                       multiplied(
                           read_value(coalesce({cell}, ''), 'of row ' || line || ', {place}', obs_value),
                           {times}, 'of row ' || line || ', column UNIT_MULT'
                       ) as value,
                       read_flag({flag}, 'of row ' || line || ', column OBS_FLAG', {flag}) as flag,
                       read_conf({conf}, 'of row ' || line || ', column CONF_STATUS', {conf}) as conf
                from {rows} r join codes s on {same} join periods on r.time_period = periods.given
                where coalesce(obs_value, '') not in ('', ':') or {flag} not in ('', '_U') or {conf} is not null
                order by series, period
            ) to {literal(staged.part())} (format parquet, compression zstd)""")
        updated = None
        if "last update" in lower:
            stamps = con.execute(
                f'select distinct "last update" from {rows} where "last update" <> \'\''
            ).fetchall()
            if len(stamps) > 1:
                raise UnreadableBody(
                    f"LAST UPDATE has {len(stamps)} values: the rows are of several extractions."
                )
            updated = _stamp(stamps[0][0], timezone) if stamps else None
    return Staged(folder, updated)


def last_update(head: bytes) -> str | None:
    """LAST UPDATE of the first row, as it stands, from the first bytes of a body."""
    lines = head.decode("utf-8-sig", errors="replace").splitlines()[:2]
    header, row = (next(csv.reader([line]), []) for line in (*lines, "", "")[:2])
    return dict(zip(map(str.lower, header), row, strict=False)).get("last update") or None


def others(body: Path, gzipped: bool, dimensions: list[str]) -> list[str]:
    """The dimensions of the table in the file `body` that are not among `dimensions`, in the order of its columns."""
    found = _dimensions([column.lower() for column in _header(body, gzipped)[0]], dimensions)
    return [dimension for dimension in found if dimension not in dimensions]


def _dimensions(columns: list[str], expected: list[str]) -> list[str]:
    """Those of `columns` that are neither measures nor attributes; what is expected is a dimension wherever it stands."""
    attributes = columns[columns.index("obs_value") :] if {"obs_value", "obs_status"} <= set(columns) else []
    return [c for c in columns if c not in MEASURES and (c in expected or c not in attributes)]


def _header(body: Path, gzipped: bool) -> tuple[list[str], str]:
    """The columns, and what separates them."""
    with gzip.open(body, "rb") if gzipped else open(body, "rb") as handle:
        raw = handle.readline(LONGEST_HEADER)
    try:
        line = raw.decode("utf-8-sig").rstrip("\r\n")
        separator = ";" if ";" in line and "," not in line else ","
        return next(csv.reader([line], delimiter=separator), []), separator
    except UnicodeDecodeError:
        raise UnreadableBody("The header is not UTF-8.") from None
    except csv.Error as failure:
        raise NotData(f"The first line is no CSV header: {failure}.") from None


def _stamp(text: str, timezone: str) -> datetime:
    """`29/04/16 23:00:00` in the provider's local time."""
    try:
        return datetime.strptime(text, "%d/%m/%y %H:%M:%S").replace(tzinfo=ZoneInfo(timezone))
    except ValueError:
        raise UnreadableBody(f"LAST UPDATE {text!r} is no time of the form dd/mm/yy HH:MM:SS.") from None
