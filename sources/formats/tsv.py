"""Eurostat's bulk TSV, in its present and its old layout.

Present: header `freq,unit,geo\\TIME_PERIOD<TAB>2008 <TAB>...`, CRLF. Old: no freq, `geo\\time`, newest year
first. A cell is `value flag@CONF`, each part optional, blanks around it; wholly empty is no observation.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sources.common.periods import Period
from sources.common.sql import identifier, literal
from sources.errors import NotData, UnreadableBody
from sources.formats import BodyFile, TableSpec
from sources.formats.keys import empty_key, only_frequency, read_period
from sources.formats.staged import Staged, check_dimensions, decoding

# DuckDB reads in buffers of sixteen lines of this length
LONGEST_LINE = 1 << 18


def decode(body: BodyFile, table: TableSpec, folder: Path) -> Staged:
    """Stage the table. Raises as `Decoder` says."""
    try:
        return _decode(body, table, folder)
    except UnreadableBody:
        # an empty line is not a row, but DuckDB counts it or fails on it
        folder.mkdir(parents=True, exist_ok=True)
        filled = folder / "filled.tsv"
        try:
            if not _fill_blank_lines(body, filled):
                raise
            return _decode(BodyFile(filled), table, folder)
        finally:
            filled.unlink(missing_ok=True)


def _decode(body: BodyFile, table: TableSpec, folder: Path) -> Staged:
    found, periods = _header(body, table)
    check_dimensions(found, table.dimensions, optional=frozenset({"freq"}))
    columns = {"key": "VARCHAR"} | {period.text: "VARCHAR" for period in periods}
    # quotes have no meaning in this format; the row number is the series number. `new_line` is left to DuckDB:
    # naming CRLF together with strict_mode makes 1.5.5 read no row at all
    rows = (
        f"(select (row_number() over ())::integer as series, * from read_csv({literal(body.path)}, "
        f"compression={literal(body.compression)}, auto_detect=false, header=false, skip=1, "
        f"delim='\t', quote='', escape='', comment='', null_padding=false, strict_mode=true, "
        f"max_line_size={LONGEST_LINE}, columns={columns}))"
    )
    staged = Staged(folder)
    freq = literal(only_frequency(periods)) if "freq" not in found else ""
    codes = ", ".join(
        f"parts[{found.index(d) + 1}] as {identifier(d)}" if d in found else f"{freq} as {identifier(d)}"
        for d in table.dimensions
    )
    headings = f"[{', '.join(map(literal, found))}]"
    to_series = f"""
        copy (
            select series, {codes}
            from (select series, case when len(parts) <> {len(found)}
                                      then [refused('1 of row ' || series + 1, array_to_string(parts, ','))]
                                      when list_contains(parts, '')
                                      then [empty_key(series + 1, {headings}[list_position(parts, '')])]
                                      else parts end as parts
                  from (select series, list_transform(string_split(key, ','), lambda part: trim(part)) as parts
                        from {rows} where trim(coalesce(key, '')) <> ''))
        ) to {literal(staged.series)} (format parquet, compression zstd)"""
    # the pass over the series follows the shorter one; earlier periods have fewer figures, too
    texts = [period.text for period in periods]
    cut = len(texts) * 2 // 5
    to_observations = [
        _to_observations(rows, some, staged.part(number))
        for number, some in enumerate((texts[:cut], texts[cut:]), 1)
        if some
    ]
    # passes side by side; DuckDB reads of a row only the columns that a pass names
    with decoding(folder) as con:
        with ThreadPoolExecutor(max_workers=2) as pool:
            list(pool.map(lambda sql: con.cursor().execute(sql), (*to_observations, to_series)))
        # a row without a key is no series; figures in it belong to nothing
        keyless = con.execute(
            f"select min(series) from read_parquet({literal(staged.observations)}) o "
            f"anti join read_parquet({literal(staged.series)}) s using (series)"
        ).fetchone()
    if keyless and keyless[0]:
        raise empty_key(keyless[0] + 1, found[0])
    return staged


def _fill_blank_lines(body: BodyFile, into: Path) -> bool:
    """Copy the body, with as many cells in its blank lines as in the others: rows keep their numbers. False: it has none."""
    blank = False
    with body.open() as handle, open(into, "wb") as file:
        cells = 0
        for number, line in enumerate(handle):
            cells = cells or line.count(b"\t")
            if not line.replace(b"\xc2\xa0", b"").strip() and number:
                blank = True
                line = b"\t" * cells + line[len(line.rstrip(b"\r\n")) :]
            file.write(line)
    return blank


def _to_observations(rows: str, periods: list[str], part: Path) -> str:
    """SQL that writes the observations of `periods`, which are columns of `rows`, to the file `part`.

    Most cells are a bare number, which one cast reads; what few cells need is done for few cells: texts are cut and
    the place is spelled out for the others only. Done for every cell these take twice the time.
    """
    columns = ", ".join(identifier(column) for column in periods)
    place = "'of row ' || series + 1 || ', column ' || period"
    # a small dictionary: values seldom repeat, and without a dictionary the file is smaller and faster to write
    return f"""
        copy (
            with cells as (
                select series, period, raw as cell, try_cast(raw as double) as number
                from (unpivot (select series, {columns} from {rows}) on columns(* exclude (series)) into name period value raw)
                where raw not in (': ', ':', '')
            ), parsed as (
                select *, isfinite(number) and not contains(cell, '_') as bare from cells
            ), parts as (
                select *, case when bare then '' else split_part(cell, ' ', 1) end as digits,
                       case when bare then '' else trim(substr(cell, len(split_part(cell, ' ', 1)) + 1)) end as marks
                from parsed
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


def _header(body: BodyFile, table: TableSpec) -> tuple[list[str], list[Period]]:
    """Dimensions and periods, from the first line."""
    with body.open() as handle:
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
    periods = [
        read_period(column, table.frequencies, f"of row 1, column {at},")
        for at, column in enumerate(columns, 2)
        if column.strip()
    ]
    if len(periods) != len(columns) or len(set(periods)) != len(periods):
        raise UnreadableBody("The header names a period twice, or none in a column.")
    return [key.strip() for key in keys.lower().split(",")], periods
