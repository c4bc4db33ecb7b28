"""Spreadsheet-style tables described by `layout` of the catalogue entry: CSV, XLS or XLSX, or a zip of one of them.

The layout says which heading is which dimension or figure, which texts are which codes, how numbers are written, where the
period is. Columns that the layout does not name are not read, so names of persons and firms do not leave the file.
Does not belong here: finding the headings (`headings.py`); what any one provider's table looks like; which territory a
name means (`concepts.py`).
"""

from __future__ import annotations

import csv
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from sources.common.periods import Period
from sources.common.sql import identifier, literal
from sources.errors import NotData, UnreadableBody
from sources.formats import BodyFile, TableSpec, workbook, zips
from sources.formats.headings import LINES_ABOVE, Header, find_header, find_period, fixed_period
from sources.formats.keys import empty_key, only_frequency, read_period
from sources.formats.layout import TableLayout
from sources.formats.rows import Row, first_lines, rows, rows_sql, write_rows
from sources.formats.staged import Staged, decoding
from sources.formats.write import write_series

if TYPE_CHECKING:
    import duckdb

LARGEST = 200_000_000
# texts of one column that stand for codes: provinces, classes, quarters
MOST_CODES = 5_000
SECONDS = 120
WORKBOOK, CONTENTS = b"\xd0\xcf\x11\xe0", "[Content_Types].xml"
READ = (".csv", ".txt", ".xls", ".xlsx")
NOTHING = ("", ":")
DELIMITERS = ";,\t|"
# how a line begins that is no row of the table: a source, a note, the date of the extraction
NOTE = re.compile(
    r"(font[ei]|not[ae]|n\.? ?b\.?|source|avvertenz|legenda|elaborazion|dati (aggiornati|estratti|al)|estrazione|data "
    r"(di )?(estrazione|aggiornamento)|aggiornat)\b|\*|\(?[0-9a-z]\) ",
    re.IGNORECASE,
)
BROKEN = re.compile(r"[;,\t|]\s*-?\d")


def decode(body: BodyFile, table: TableSpec, folder: Path) -> Staged:
    """Stage the table by `table.layout`; `body.name` may hold its period. Raises as `Decoder` says."""
    layout = table.layout
    assert layout is not None, "the catalogue demands a layout of this format"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "rows.csv"
    try:
        path, name = _unzipped(body.path, body.name, folder)
        sheet, delimiters = "", DELIMITERS
        if _is_workbook(path):
            path, sheet = _from_workbook(path, folder / "workbook.csv", layout)
            encoding, delimiters = "utf-8", ";"
        else:
            encoding = _encoding(path)
        if path.stat().st_size > LARGEST:
            raise UnreadableBody(f"The table is larger than {LARGEST:,} bytes.")
        with open(path, encoding=encoding, newline="") as text:
            lines = first_lines(text, LINES_ABOVE)
            header = find_header(lines, delimiters, layout)
            below = rows(_rejoined(lines[header.line :], text), header.delimiter, header.line)
            write_rows(_table_rows(below, header, layout), file)
        fixed = fixed_period(layout, header.above, name, sheet)
        if fixed:
            fixed = read_period(fixed, table.frequencies, f"that gives the period of the file {name!r}").text
        return _stage(file, header, table, folder, fixed)
    except csv.Error as failure:
        raise NotData(f"No table can be read: {failure}.") from None
    finally:
        for left in (file, folder / "member", folder / "workbook.csv"):
            left.unlink(missing_ok=True)


def _rejoined(lines: list[str], rest: IO[str]) -> Iterator[str]:
    yield from lines
    yield from rest


def _table_rows(below: Iterator[Row], header: Header, layout: TableLayout) -> Iterator[Row]:
    """The rows of the table itself: what is read of each, without notes between and under them.

    Raises UnreadableBody with the line of a row that is neither.
    """
    read = sorted(set(header.columns.values()))
    figures = [at for heading, at in header.columns.items() if heading in header.figures]
    for line, cells in below:
        filled = [cell for cell in cells if cell]
        first = filled[0]
        if layout.counted:
            # every row of a list counts unless it is a note
            if NOTE.match(first) and len(filled) <= 2:
                continue
        elif not any(at < len(cells) and cells[at] for at in figures):
            # a row without a figure says nothing; one cell with figures behind another separator is a broken row
            alone = len(filled) == 1 and any(map(str.isalpha, first)) and not BROKEN.search(first)
            if alone or NOTE.match(first):
                continue
        if len(cells) < header.width or any(cells[header.width :]):
            raise UnreadableBody(
                f"Not the expected form at line {line}: {len(cells)} cells, and the heading has {header.width}.",
                hint="if the line is a note, a source or a total and not a row of the table, delete it and drop the file "
                "again.",
            )
        yield line, [cells[at] for at in read]


# -- from a file to text


def _unzipped(body: Path, filename: str, folder: Path) -> tuple[Path, str]:
    """The one table within a zip that is no workbook, and its name; else `body` as it is."""
    with open(body, "rb") as handle:
        if handle.read(4) != b"PK\x03\x04":
            return body, filename
    with zips.opened(body) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if any(member.filename == CONTENTS for member in members):
            if sum(member.file_size for member in members) > LARGEST:
                raise UnreadableBody(f"The workbook expands to more than {LARGEST:,} bytes.")
            return body, filename
        if len(members) != 1 or PurePosixPath(members[0].filename).suffix.lower() not in READ:
            raise UnreadableBody(
                f"The zip has {len(members)} files, such as {members[0].filename[:80] if members else 'none'!r}; "
                f"one table ({', '.join(READ)}) is read.",
                hint="unpack it and drop the table itself.",
            )
        member = folder / "member"
        zips.extract(archive, members[0], member, LARGEST, left=LARGEST)
        # a list is dated by the name it is uploaded under, or by its own within the zip
        return member, f"{filename}/{PurePosixPath(members[0].filename).name}"


def _is_workbook(body: Path) -> bool:
    with open(body, "rb") as handle:
        return handle.read(4) in (WORKBOOK, b"PK\x03\x04")


def _from_workbook(body: Path, into: Path, layout: TableLayout) -> tuple[Path, str]:
    """The sheet of a workbook as CSV, and its name; `workbook.py` reads it in a separate process."""
    call = [sys.executable, "-P", workbook.__file__, str(body), str(into), layout.sheet or "", layout.decimal]
    try:
        done = subprocess.run(call, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise UnreadableBody(f"The workbook was not read within {SECONDS} s.") from None
    if done.returncode:
        errors = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it needs too much memory"]
        raise UnreadableBody(
            f"The workbook cannot be read: {errors[-1][:300].rstrip('.')}.",
            hint="open it, save the sheet as CSV and drop that file.",
        )
    return into, done.stdout.decode("utf-8", "replace").strip()


def _encoding(body: Path) -> str:
    """UTF-8, with or without its mark, if every byte is; else Windows' Western European. Raises UnreadableBody."""
    with open(body, "rb") as handle:
        head = handle.read(4)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in head:
        raise UnreadableBody("The file is UTF-16 or binary.", hint="save it as CSV in UTF-8.")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            with open(body, encoding=encoding, newline="") as text:
                while piece := text.read(1 << 20):
                    if "\0" in piece:
                        raise UnreadableBody("The file holds zero bytes: it is no text.")
            return encoding
        except UnicodeDecodeError as failure:
            reason = failure.reason
    raise UnreadableBody(f"The file is neither UTF-8 nor Windows-1252: {reason}.")


# -- from rows to observations


def code(text: str) -> str:
    """A text of a table as a code: `Forlì-Cesena` and `FORLI' CESENA` are FORLI_CESENA."""
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "_".join(re.findall(r"[A-Z0-9]+", bare.upper()))


def _stage(file: Path, header: Header, table: TableSpec, folder: Path, fixed: str | None) -> Staged:
    """Stage the rows of `file`; `fixed` is the one period of all of them, or None if the table itself has periods."""
    layout = table.layout
    assert layout is not None
    read = sorted(set(header.columns.values()))
    at = {heading: f"coalesce(c{number}, '')" for heading, number in header.columns.items()}
    with decoding(folder) as con:
        con.execute(f"create temp table cells as from {rows_sql(file, [f'c{number}' for number in read])}")
        coded = {d: _coded(con, d, at[heading], heading, layout) for d, heading in header.dimensions.items()}
        moment = header.period
        period = literal(fixed) if fixed else _periods(con, at[moment], moment, table) if moment else "null"
        if layout.counted:
            query = _counted(coded, period, layout)
        else:
            query = _figures(at, coded, period, header, table)
            if layout.summed:
                query = f"select * exclude (value), sum(value) as value from ({query}) group by all"
        con.execute(f"create temp table flat as {query}")
        periods = [p for (p,) in con.execute("select distinct period from flat order by 1").fetchall()]
        if not periods:
            raise NotData("The table has headings and no rows.")
        freq = only_frequency(Period.parse(text) for text in periods)
        of = {"freq": literal(freq)} | {d: literal(c) for d, c in layout.constants.items()}
        picked = ", ".join(
            f"{of[d]} as {identifier(d)}" if d in of else identifier(d) for d in table.dimensions
        )
        con.execute(f"create temp table found as select {picked}, period, value from flat")
        return write_series(con, "found", table.dimensions, Staged(folder), flag="''", conf="null::varchar")


def _coded(
    con: duckdb.DuckDBPyConnection, dimension: str, text: str, heading: str, layout: TableLayout
) -> str:
    """SQL for the code of a dimension in a row; temp table `code_DIMENSION` has each text's."""
    known = {code(given): to for given, to in layout.codes.get(dimension, {}).items()}
    found = _distinct(con, text, heading)
    codes = {given: known.get(code(given), "") if known else code(given) for given in found}
    if dimension in layout.cased:
        codes = {given: to if given.isupper() else to.lower() for given, to in codes.items()}
    for given, to in codes.items():
        if not to:
            if not given:
                raise empty_key(found[given], heading)
            expected = f": expected one of {', '.join(layout.codes[dimension])}" if known else ""
            # if a row is shifted by a column, the message would show a name or a tax code
            holds = "something else" if layout.counted else f"{given[:80]!r}"
            raise UnreadableBody(
                f"The cell of row {found[given]}, column {heading}, holds {holds}{expected}."
            )
    return _looked_up(con, f"code_{dimension}", codes, text)


def _periods(con: duckdb.DuckDBPyConnection, text: str, heading: str, table: TableSpec) -> str:
    assert table.layout is not None
    found = _distinct(con, text, heading)
    periods = {}
    for given, row in found.items():
        if not given:
            raise empty_key(row, heading)
        period = find_period(table.layout, "column", given)
        if period is None:
            raise UnreadableBody(f"The cell of row {row}, column {heading}, holds {given[:80]!r}, no period.")
        periods[given] = read_period(period, table.frequencies, f"of row {row}, column {heading},").text
    return _looked_up(con, "code_period", periods, text)


def _distinct(con: duckdb.DuckDBPyConnection, text: str, heading: str) -> dict[str, int]:
    """Each text of a column with the first row that has it."""
    found = con.execute(
        f"select {text}, min(line) from cells group by 1 order by 2 limit {MOST_CODES + 1}"
    ).fetchall()
    if len(found) > MOST_CODES:
        raise UnreadableBody(f"The column {heading} has more than {MOST_CODES:,} different texts.")
    return dict(found)


def _looked_up(con: duckdb.DuckDBPyConnection, table: str, codes: dict[str, str], text: str) -> str:
    rows = ", ".join(f"({literal(given)}, {literal(to)})" for given, to in codes.items()) or "('', '')"
    con.execute(f"create temp table {table} as select * from (values {rows}) t (given, code)")
    return f"(select code from {table} where given = {text})"


def _figures(at: dict[str, str], coded: dict[str, str], period: str, header: Header, table: TableSpec) -> str:
    """SQL of the rows `dimensions, period, value`, a row a cell that holds something."""
    layout = table.layout
    assert layout is not None
    grouping, mark = (r"\.", ",") if layout.decimal == "," else (",", r"\.")
    form = f"[-+]?([0-9]+|[0-9]{{1,3}}({grouping}[0-9]{{3}})+)({mark}[0-9]+)?"
    bare = grouping[-1]
    keys = "".join(f"{sql} as {identifier(d)}, " for d, sql in coded.items())
    nothing = ", ".join(map(literal, (*NOTHING, *layout.missing)))
    selects = []
    for heading, figure in header.figures.items():
        when = (
            literal(
                read_period(figure.period, table.frequencies, f"of row {header.line}, column {heading},").text
            )
            if figure.period
            else period
        )
        selects.append(
            f"""select {keys} {literal(figure.code)} as {identifier(layout.measure)}, {when} as period,
                   case when regexp_full_match({at[heading]}, {literal(form)})
                        then replace(replace({at[heading]}, {literal(bare)}, ''), ',', '.')::double
                        else refused('of row ' || line || ', column ' || {literal(heading)}, {at[heading]})::double
                   end as value
            from cells where {at[heading]} not in ({nothing})"""
        )
    return " union all ".join(selects)


def _counted(coded: dict[str, str], period: str, layout: TableLayout) -> str:
    """SQL of the rows `dimensions, period, value`: how many rows of the list there are of each code, and in all."""
    keys = "".join(f"{sql} as {identifier(d)}, " for d, sql in coded.items())
    picked = "".join(
        f"case when grouping({identifier(d)}) = 1 then 'TOTAL' else {identifier(d)} end as {identifier(d)}, "
        if d in layout.totals
        else f"{identifier(d)}, "
        for d in coded
    )
    always = [identifier(d) for d in coded if d not in layout.totals] + ["period"]
    over = [f"cube ({', '.join(map(identifier, layout.totals))})"] if layout.totals else []
    return f"""select {picked} {literal(layout.counted)} as {identifier(layout.measure)}, period, count(*)::double as value
               from (select {keys} {period} as period from cells) group by {", ".join([*always, *over])}"""
