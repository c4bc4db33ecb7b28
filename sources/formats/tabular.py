"""A table made for people, as a person downloads it: CSV, XLS or XLSX, or a zip of one of them.

How it is laid out is data (`layout` of the catalogue entry): which heading is which dimension or figure, which texts are
which codes, how numbers are written, where the period stands. Headings are found in the first lines, in any order; columns
that the layout does not name are not read, so what a list says of persons and firms goes no further than its rows' number.
Does not belong here: what any one provider's table looks like; which territory a name means (`concepts.py`).
"""

from __future__ import annotations

import csv
import difflib
import re
import subprocess
import sys
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from sources.common.sql import identifier, literal
from sources.errors import NotData, StructureChanged, UnreadableBody
from sources.formats import workbook
from sources.formats.staged import Staged, decoding, frequency, period

if TYPE_CHECKING:
    import duckdb

    from sources.catalogue import Layout

LARGEST = 200_000_000
LINES_ABOVE = 60
LONGEST_LINE = 1 << 16
# texts of one column that stand for codes: provinces, classes, quarters
MOST_CODES = 5_000
SECONDS = 120
WORKBOOK, CONTENTS = b"\xd0\xcf\x11\xe0", "[Content_Types].xml"
READ = (".csv", ".txt", ".xls", ".xlsx")
NOTHING = ("", ":")
ROMAN = {"I": "1", "II": "2", "III": "3", "IV": "4"}


def decode(body: Path, dimensions: list[str], folder: Path, layout: Layout, filename: str) -> Staged:
    """Stage the table in the file `body`, which a person knows as `filename`, into `folder`.

    Raises StructureChanged with the heading that differs, UnreadableBody with row and column, NotData.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / "table.csv"
    try:
        body, filename = _unzipped(body, filename, folder)
        if _is_workbook(body):
            body, encoding = _from_workbook(body, folder / "workbook.csv", layout), "utf-8"
            delimiters = ";"
        else:
            encoding, delimiters = _encoding(body), ";,\t"
        with open(body, encoding=encoding, newline="") as text:
            lines = [line for _ in range(LINES_ABOVE) if (line := text.readline(LONGEST_LINE))]
            header = _header(lines, delimiters, layout)
            _write(table, lines[header.line :], text)
        fixed = _fixed_period(layout, header.above, filename)
        return _stage(table, header, dimensions, folder, layout, fixed)
    except csv.Error as failure:
        raise NotData(f"No table can be read: {failure}.") from None
    finally:
        for left in (table, folder / "member", folder / "workbook.csv"):
            left.unlink(missing_ok=True)


# -- from a file to text


def _unzipped(body: Path, filename: str, folder: Path) -> tuple[Path, str]:
    """The one table within a zip that is no workbook, and its name; else `body` as it is."""
    with open(body, "rb") as handle:
        if handle.read(4) != b"PK\x03\x04":
            return body, filename
    try:
        with zipfile.ZipFile(body) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if any(member.filename == CONTENTS for member in members):
                if sum(member.file_size for member in members) > LARGEST:
                    raise UnreadableBody(f"The workbook expands to more than {LARGEST:,} bytes.")
                return body, filename
            if len(members) != 1 or PurePosixPath(members[0].filename).suffix.lower() not in READ:
                raise UnreadableBody(
                    f"The zip has {len(members)} files, such as {members[0].filename[:80] if members else 'none'!r}; "
                    f"one table ({', '.join(READ)}) is read.",
                    hint="unpack it, and drop the table that is meant.",
                )
            member = folder / "member"
            with archive.open(members[0]) as packed, open(member, "wb") as file:
                left = LARGEST
                while piece := packed.read(1 << 20):
                    left -= len(piece)
                    if left < 0:
                        raise UnreadableBody(f"The zip expands to more than {LARGEST:,} bytes.")
                    file.write(piece)
            # a list is dated by the name it is dropped under, or by its own within the zip
            return member, f"{filename}/{PurePosixPath(members[0].filename).name}"
    except zipfile.BadZipFile as failure:
        raise NotData(f"No zip archive: {failure}.") from None
    except (EOFError, zlib.error, OSError, RuntimeError, NotImplementedError, ValueError) as failure:
        raise UnreadableBody(f"The zip cannot be unpacked: {failure}.") from None


def _is_workbook(body: Path) -> bool:
    with open(body, "rb") as handle:
        return handle.read(4) in (WORKBOOK, b"PK\x03\x04")


def _from_workbook(body: Path, into: Path, layout: Layout) -> Path:
    """The sheet of a workbook as CSV, read by `workbook.py` in a process of its own."""
    call = [sys.executable, "-P", workbook.__file__, body, into, layout.sheet or "", layout.decimal]
    try:
        done = subprocess.run(call, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise UnreadableBody(f"The workbook was not read within {SECONDS} s.") from None
    if done.returncode:
        told = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it asks for too much memory"]
        raise UnreadableBody(
            f"The workbook cannot be read: {told[-1][:300].rstrip('.')}.",
            hint="open it, save the one sheet as CSV and drop that.",
        )
    return into


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
            told = failure
    raise UnreadableBody(f"The file is neither UTF-8 nor Windows-1252: {told.reason}.")


def _write(table: Path, lines: list[str], rest: IO[str]) -> None:
    left = LARGEST
    with open(table, "w", encoding="utf-8", newline="") as file:
        file.writelines(lines)
        while piece := rest.read(1 << 20):
            left -= len(piece)
            if left < 0:
                raise UnreadableBody(f"The table is larger than {LARGEST:,} characters.")
            file.write(piece)


# -- headings and periods


@dataclass(frozen=True)
class Header:
    """Where the layout's headings stand: `columns` numbers them, `line` is their last line, `above` the rows before."""

    delimiter: str
    columns: dict[str, int]
    width: int
    line: int
    above: list[list[str]]


def _header(lines: list[str], delimiters: str, layout: Layout) -> Header:
    """The line with most of the layout's headings. Raises StructureChanged, NotData."""
    wanted = [
        *layout.columns.values(),
        *layout.values,
        *(moment.column for moment in layout.period if moment.column),
    ]
    best: tuple[int, str, list[str], int, list[list[str]]] = (0, "", [], 0, [])
    for delimiter in delimiters:
        rows: list[list[str]] = []
        for row, used in _rows(lines, delimiter):
            cells = {_plain(cell) for cell in row}
            found = sum(_plain(heading) in cells for heading in wanted)
            if found > best[0]:
                best = (found, delimiter, row, used, rows.copy())
            rows.append(row)
    found, delimiter, row, used, above = best
    if not found:
        raise NotData(
            f"None of the headings {', '.join(map(repr, wanted))} is in the first {LINES_ABOVE} lines.",
            hint="look whether the file is the one meant; docs/hand-drops.md says which one is.",
        )
    cells = [_plain(cell) for cell in row]
    problems, others = [], [cell for cell in cells if cell not in map(_plain, wanted)]
    for heading in wanted:
        times = cells.count(_plain(heading))
        if times == 1:
            continue
        near = difflib.get_close_matches(_plain(heading), others, 1, cutoff=0.4)
        problems.append(
            f"expected the column {heading!r}, found "
            + (f"it {times} times" if times else f"{row[cells.index(near[0])]!r}" if near else "none like it")
        )
    if problems:
        given = ", ".join(repr(cell.strip()) for cell in row if cell.strip())
        raise StructureChanged(
            f"The headings of line {used} differ: {'; '.join(problems)}. The line has: {given[:600]}.",
            hint="if the provider has changed its table, change `layout` in the catalogue entry.",
        )
    return Header(delimiter, {h: cells.index(_plain(h)) for h in wanted}, len(row), used, above)


def _rows(lines: list[str], delimiter: str) -> Iterator[tuple[list[str], int]]:
    """Rows of the first lines, with the number of lines up to each one's end."""
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        try:
            row = next(reader)
        except (StopIteration, csv.Error):
            # text above the table need not be CSV, and the last line may be cut off
            return
        yield row, reader.line_num


def _plain(text: str) -> str:
    """A heading as it is compared: blanks, case and kinds of apostrophe do not count."""
    return " ".join(text.replace("\u2019", "'").split()).casefold()


def code(text: str) -> str:
    """A text of a table as a code: `Forlì-Cesena` and `FORLI' CESENA` are FORLI_CESENA."""
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "_".join(re.findall(r"[A-Z0-9]+", bare.upper()))


def _fixed_period(layout: Layout, above: list[list[str]], filename: str) -> str | None:
    """The one period of the whole file, or None where a column has it. Raises UnreadableBody."""
    texts = {"above": " ".join(cell for row in above for cell in row), "name": filename}
    found = {
        moment.place: _period(moment.pattern, texts[moment.place])
        for moment in layout.period
        if moment.place in texts
    }
    told = {place: period_ for place, period_ in found.items() if period_}
    if len(set(told.values())) > 1:
        raise UnreadableBody(
            f"The lines above the headings say {told['above']}, the file's name {filename!r} says {told['name']}.",
            hint="find out which one is right, and name the file so.",
        )
    if told:
        return next(iter(told.values()))
    if any(moment.place == "column" for moment in layout.period):
        return None
    raise UnreadableBody(
        f"No period: neither above the headings nor in the file's name {filename!r}.",
        hint="name the file as docs/hand-drops.md says, such as 2026-Q2.csv or 2026-08-24.xlsx.",
    )


def _period(pattern: str, text: str) -> str | None:
    match = re.search(pattern, text, re.IGNORECASE)
    if not match:
        return None
    parts = match.groupdict()
    year = parts["year"]
    if quarter := parts.get("quarter"):
        return period(f"{year}-Q{ROMAN.get(quarter.upper(), quarter)}")
    return period("-".join([year, *(parts[unit].zfill(2) for unit in ("month", "day") if parts.get(unit))]))


# -- from text to observations


def _stage(
    table: Path, header: Header, dimensions: list[str], folder: Path, layout: Layout, fixed: str | None
) -> Staged:
    columns = {f"c{number}": "VARCHAR" for number in range(header.width)}
    at = {heading: f"trim(coalesce(c{number}, ''))" for heading, number in header.columns.items()}
    filled = " or ".join(f"{sql} <> ''" for sql in at.values())
    staged = Staged(folder)
    with decoding(folder) as con:
        con.execute(
            f"create temp table cells as select * from (select row_number() over () + {header.line} as line, * from "
            f"read_csv({literal(table)}, auto_detect=false, header=false, delim={literal(header.delimiter)}, quote='\"', "
            f"escape='\"', null_padding=false, strict_mode=true, columns={columns})) where {filled}"
        )
        coded = {d: _coded(con, d, at[heading], heading, layout) for d, heading in layout.columns.items()}
        (moment,) = [m.column for m in layout.period if m.column][:1] or [None]
        told = literal(fixed) if fixed else _periods(con, at[moment], moment, layout)
        con.execute(
            "create temp table flat as "
            + (_counted(coded, told, layout) if layout.counted else _figures(at, coded, told, layout))
        )
        periods = [p for (p,) in con.execute("select distinct period from flat order by 1").fetchall()]
        if not periods:
            raise NotData("The table has headings and no rows.")
        of = {"freq": literal(frequency(periods))} | {d: literal(c) for d, c in layout.constants.items()}
        keys = ", ".join(map(identifier, dimensions))
        picked = ", ".join(f"{of[d]} as {identifier(d)}" if d in of else identifier(d) for d in dimensions)
        con.execute(f"create temp table rows as select {picked}, period, value from flat")
        con.execute(
            f"create temp table codes as select row_number() over (order by {keys})::integer as series, {keys} "
            f"from (select distinct {keys} from rows)"
        )
        con.execute(
            f"copy (from codes order by series) to {literal(staged.series)} (format parquet, compression zstd)"
        )
        con.execute(f"""
            copy (select series, period, value, '' as flag, null::varchar as conf from rows join codes using ({keys})
                  order by series, period) to {literal(staged.part())} (format parquet, compression zstd)""")
    return staged


def _coded(con: duckdb.DuckDBPyConnection, dimension: str, text: str, heading: str, layout: Layout) -> str:
    """SQL for the code of a dimension in a row; temp table `code_DIMENSION` has each text's."""
    known = {code(given): to for given, to in layout.codes.get(dimension, {}).items()}
    found = _distinct(con, text, heading)
    codes = {given: known.get(code(given)) if known else code(given) for given in found}
    for given, to in codes.items():
        if not to:
            expected = f": expected one of {', '.join(layout.codes[dimension])}" if known else ""
            # a list that slipped by a column would show a name or a tax code
            holds = "something else" if layout.counted else f"{given[:80]!r}"
            raise UnreadableBody(
                f"The cell of row {found[given]}, column {heading}, holds {holds}{expected}."
            )
    return _looked_up(con, f"code_{dimension}", codes, text)


def _periods(con: duckdb.DuckDBPyConnection, text: str, heading: str, layout: Layout) -> str:
    found = _distinct(con, text, heading)
    periods = {}
    for given, row in found.items():
        told = [_period(m.pattern, given) for m in layout.period if m.place == "column"]
        if not any(told):
            raise UnreadableBody(f"The cell of row {row}, column {heading}, holds {given[:80]!r}, no period.")
        periods[given] = next(p for p in told if p)
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


def _figures(at: dict[str, str], coded: dict[str, str], told: str, layout: Layout) -> str:
    """SQL of the rows `dimensions, period, value`, a row a cell that holds something."""
    grouping, mark = (r"\.", ",") if layout.decimal == "," else (",", r"\.")
    form = f"[-+]?([0-9]+|[0-9]{{1,3}}({grouping}[0-9]{{3}})+)({mark}[0-9]+)?"
    bare = grouping[-1]
    keys = "".join(f"{sql} as {identifier(d)}, " for d, sql in coded.items())
    return " union all ".join(
        f"""select {keys} {literal(to)} as {identifier(layout.measure)}, {told} as period,
                   case when regexp_full_match({at[heading]}, {literal(form)})
                        then replace(replace({at[heading]}, {literal(bare)}, ''), ',', '.')::double
                        else refused('of row ' || line || ', column ' || {literal(heading)}, {at[heading]})::double
                   end as value
            from cells where {at[heading]} not in ({", ".join(map(literal, NOTHING))})"""
        for heading, to in layout.values.items()
    )


def _counted(coded: dict[str, str], told: str, layout: Layout) -> str:
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
               from (select {keys} {told} as period from cells) group by {", ".join([*always, *over])}"""
