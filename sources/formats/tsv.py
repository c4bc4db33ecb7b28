"""Eurostat's bulk TSV, in its present and its old layout.

Present: header `freq,unit,geo\\TIME_PERIOD<TAB>2008 <TAB>...`, CRLF. Old: no freq, `geo\\time`, newest year
first. A cell is `value flag@CONF`, each part optional, blanks around it; wholly empty is no observation.
"""

from __future__ import annotations

import gzip
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sources.common.sql import identifier, literal
from sources.errors import NotData, UnreadableBody
from sources.formats.staged import Staged, check_dimensions, decoding, frequency, period

# DuckDB reads in buffers of sixteen lines of this length
LONGEST_LINE = 1 << 18


def decode(body: Path, gzipped: bool, dimensions: list[str], folder: Path) -> Staged:
    """Stage the table in the file `body` into `folder`. `dimensions`: those expected, in any order.

    Raises UnreadableBody with row and column, StructureChanged, NotData.
    """
    found, periods = _header(body, gzipped)
    check_dimensions(found, dimensions, optional=frozenset({"freq"}))
    columns = {"key": "VARCHAR"} | dict.fromkeys(periods, "VARCHAR")
    # a quote is no quote in this format; the row number is the series number. `new_line` is left to DuckDB:
    # naming CRLF together with strict_mode makes 1.5.5 read no row at all
    rows = (
        f"(select (row_number() over ())::integer as series, * from read_csv({literal(body)}, "
        f"compression={literal('gzip' if gzipped else 'none')}, auto_detect=false, header=false, skip=1, "
        f"delim='\t', quote='', escape='', comment='', null_padding=false, strict_mode=true, "
        f"max_line_size={LONGEST_LINE}, columns={columns}))"
    )
    staged = Staged(folder)
    codes = ", ".join(
        f"parts[{found.index(d) + 1}] as {identifier(d)}"
        if d in found
        else f"{literal(frequency(periods))} as {identifier(d)}"
        for d in dimensions
    )
    to_series = f"""
        copy (
            select series, {codes}
            from (select series, case when len(parts) = {len(found)} then parts
                                      else [refused('1 of row ' || series + 1, array_to_string(parts, ','))] end as parts
                  from (select series, string_split(key, ',') as parts from {rows}))
        ) to {literal(staged.series)} (format parquet, compression zstd)"""
    # the pass over the series follows the shorter one; earlier periods have fewer figures, too
    cut = len(periods) * 2 // 5
    to_observations = [
        _to_observations(rows, some, staged.part(number))
        for number, some in enumerate((periods[:cut], periods[cut:]), 1)
        if some
    ]
    # passes side by side; DuckDB reads of a row only the columns that a pass names
    with decoding(folder) as con, ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(lambda sql: con.cursor().execute(sql), (*to_observations, to_series)))
    return staged


def _to_observations(rows: str, periods: list[str], part: Path) -> str:
    """SQL that writes the observations of `periods`, which are columns of `rows`, to the file `part`.

    Most cells are a bare number, which one cast reads; what few cells need is done for few cells: texts are cut and
    the place is spelled out for the others only. Done for every cell these take twice the time.
    """
    columns = ", ".join(identifier(column) for column in periods)
    place = "'of row ' || series + 1 || ', column ' || period"
    # a small dictionary: values seldom repeat, and without one for them the file is smaller and sooner written
    return f"""
        copy (
            with cells as (
                select series, period, raw as cell, try_cast(raw as double) as number
                from (unpivot (select series, {columns} from {rows}) on columns(* exclude (series)) into name period value raw)
                where raw not in (': ', ':', '')
            ), told as (
                select *, isfinite(number) and not contains(cell, '_') as bare from cells
            ), parts as (
                select *, case when bare then '' else split_part(cell, ' ', 1) end as digits,
                       case when bare then '' else trim(substr(cell, len(split_part(cell, ' ', 1)) + 1)) end as marks
                from told
            )
            select series, period,
                   case when bare then number else read_value(digits, {place}, cell) end as value,
                   case when bare then '' when marks = '' then ''
                        when contains(marks, '@') then read_flag(split_part(marks, '@', 1), {place}, cell)
                        else read_flag(marks, {place}, cell) end as flag,
                   case when bare then null
                        when contains(marks, '@') then read_conf(substr(marks, instr(marks, '@') + 1), {place}, cell) end as conf
            from parts where case when bare then true else digits not in (':', '') or marks <> '' end
        ) to {literal(part)} (format parquet, compression zstd, compression_level 1, dictionary_size_limit 1000)"""


def _header(body: Path, gzipped: bool) -> tuple[list[str], list[str]]:
    """Dimensions, and periods in SDMX form, from the first line."""
    with gzip.open(body, "rb") if gzipped else open(body, "rb") as handle:
        raw = handle.readline(LONGEST_LINE)
    if not raw.endswith(b"\n"):
        raise NotData("No header line: the body is no table.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableBody("The header is not UTF-8.") from None
    first, *columns = text.rstrip("\r\n").split("\t")
    keys, backslash, _ = first.partition("\\")
    if not backslash or not columns:
        raise NotData(f"The first line is no header of a bulk table: {first[:80]!r}.")
    periods = [period(column) for column in columns if column.strip()]
    if len(periods) != len(columns) or len(set(periods)) != len(periods):
        raise UnreadableBody("The header names a period twice, or none in a column.")
    return keys.lower().split(","), periods
