"""ISTAT's archive of regional indicators: a zip of one CSV, `;`, UTF-8 with a byte order mark, decimal comma possible.

Columns of which five are read: COD_INDICATORE, UNITA_MISURA, DESCRIZIONE_RIPARTIZIONE, ANNO_RIFERIMENTO, VALORE. Names of
columns may begin with a blank, as ` 1° OBIETTIVO` does. Older editions are Latin-1. An empty cell, `-`, ` .-` and other
marks without a digit that ISTAT's tables have, and `INF` (a rate over nothing) are no figures. Does not belong here: which
indicators are used (the catalogue entry), which territory a name means (`concepts.py`).
"""

from __future__ import annotations

import codecs
import csv
import zipfile
from pathlib import Path, PurePosixPath

from sources.common.sql import identifier, literal
from sources.errors import NotData, StructureChanged, UnreadableBody
from sources.formats import BodyFile, TableSpec, zips
from sources.formats.keys import period_table, require_keys
from sources.formats.rows import first_lines, fitted, rows, rows_sql, write_rows
from sources.formats.staged import Staged, decoding
from sources.formats.write import write_series

LARGEST = 500_000_000
YEAR, VALUE = "anno_riferimento", "valore"
NONE = ("", "-", ".-", "-.", ".", "..", "...", "....", "INF", ":")


def decode(body: BodyFile, table: TableSpec, folder: Path) -> Staged:
    """Stage the archive, whose figures are annual; dimensions are freq and columns of the CSV in lower case.

    Raises as `Decoder` says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    member, file = folder / "archive.csv", folder / "rows.csv"
    try:
        _extract(body, member)
        with open(member, encoding=_encoding(member), newline="") as text:
            header = first_lines(text, 1)
            columns = _columns(header)
            lower = [column.lower() for column in columns]
            keys = [dimension for dimension in table.dimensions if dimension != "freq"]
            if gone := sorted({*keys, YEAR, VALUE} - set(lower)):
                raise StructureChanged(f"The columns are {', '.join(columns)}; gone: {', '.join(gone)}.")
            if any(lower.count(column) > 1 for column in (*keys, YEAR, VALUE)):
                raise StructureChanged(f"A column occurs twice: {', '.join(columns)}.")
            read = [*keys, YEAR, VALUE]
            at = [lower.index(column) for column in read]
            found = fitted(rows(text, ";", 1), len(columns))
            write_rows(((line, [cells[i] for i in at]) for line, cells in found), file)
        return _stage(file, {c: columns[i] for c, i in zip(read, at, strict=True)}, keys, table, folder)
    finally:
        for left in (member, file):
            left.unlink(missing_ok=True)


def _stage(file: Path, headings: dict[str, str], keys: list[str], table: TableSpec, folder: Path) -> Staged:
    code = {d: "'A'" if d == "freq" else identifier(d) for d in table.dimensions}
    if "cod_indicatore" in code:
        # 054 and 54 are the same indicator
        code["cod_indicatore"] = "coalesce(nullif(ltrim(cod_indicatore, '0'), ''), '0')"
    picked = ", ".join(f"{sql} as {identifier(d)}" for d, sql in code.items())
    place = f"'of row ' || line || ', column {VALUE.upper()}'"
    with decoding(folder) as con:
        con.execute(f"create temp table cells as from {rows_sql(file, headings)}")
        require_keys(con, "cells", {d: headings[d] for d in keys})
        period_table(con, "cells", YEAR, headings[YEAR], table.frequencies)
        con.execute(
            f"create temp view dated as select line, {picked}, period, coalesce({VALUE}, '') as text "
            f"from cells join periods on {YEAR} = given"
        )
        # one separator, comma or point: with two, thousands and decimals are ambiguous
        return write_series(
            con,
            "dated",
            table.dimensions,
            Staged(folder),
            where=f"text not in ({', '.join(map(literal, NONE))})",
            value=f"case when regexp_full_match(text, '-?[0-9]+([.,][0-9]+)?([eE][-+]?[0-9]+)?') "
            f"then read_value(replace(text, ',', '.'), {place}, text) else refused({place}, text)::double end",
            flag="''",
            conf="null::varchar",
        )


def _encoding(member: Path) -> str:
    """UTF-8 if every byte is, else Latin-1 as older editions are. Raises UnreadableBody for UTF-16 and binary files."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    utf8 = True
    with open(member, "rb") as handle:
        while piece := handle.read(1 << 20):
            if b"\0" in piece:
                raise UnreadableBody("The CSV holds zero bytes: it is not text.")
            try:
                decoder.decode(piece if utf8 else b"")
            except UnicodeDecodeError:
                utf8 = False
    return "utf-8-sig" if utf8 else "cp1252"


def _columns(header: list[str]) -> list[str]:
    """The headings without blanks around them; one without text gets a name that no dimension has."""
    try:
        found = next(csv.reader(header, delimiter=";"), [])
    except csv.Error as failure:
        raise NotData(f"The first line is no CSV header: {failure}.") from None
    while found and not found[-1].strip():
        found.pop()
    return [column.strip() or f"(column {i})" for i, column in enumerate(found, 1)]


def _extract(body: BodyFile, into: Path) -> None:
    """Write the archive's one CSV to `into`. Raises NotData, UnreadableBody."""
    with body.open() as handle, zips.opened(handle) as archive:
        member = _only_member(archive.infolist())
        zips.extract(archive, member, into, LARGEST, left=LARGEST)


def _only_member(members: list[zipfile.ZipInfo]) -> zipfile.ZipInfo:
    files = [member for member in members if not member.is_dir()]
    if len(files) != 1 or len(members) != 1:
        raise UnreadableBody(f"{len(members)} members where one CSV was expected.")
    (member,) = files
    path = PurePosixPath(member.filename.replace("\\", "/"))
    if len(path.parts) != 1 or path.suffix.lower() != ".csv":
        raise UnreadableBody(f"The member {member.filename[:80]!r} is no CSV at the top of the archive.")
    if member.file_size > LARGEST:
        raise UnreadableBody(f"The archive expands to {member.file_size:,} bytes, more than {LARGEST:,}.")
    return member
