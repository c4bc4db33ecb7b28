"""ISTAT's archive of regional indicators: a zip of one CSV, `;`, UTF-8 with a byte order mark, decimal comma possible.

Columns of which five are read: COD_INDICATORE, UNITA_MISURA, DESCRIZIONE_RIPARTIZIONE, ANNO_RIFERIMENTO, VALORE. Names of
columns may begin with a blank. An empty cell, `-` and `INF` (a rate over nothing) are no figures. Does not belong here:
which indicators are used (the catalogue entry), which territory a name means (`concepts.py`).
"""

from __future__ import annotations

import csv
import gzip
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from sources.common.sql import identifier, literal
from sources.errors import NotData, StructureChanged, UnreadableBody
from sources.formats.staged import Staged, check_dimensions, decoding, period

LARGEST = 500_000_000
LONGEST_HEADER = 1 << 16
YEAR, VALUE = "anno_riferimento", "valore"
NONE = ("", "-", "INF", ":")


def decode(body: Path, gzipped: bool, dimensions: list[str], folder: Path) -> Staged:
    """Stage the archive in the file `body` into `folder`; every figure is annual.

    `dimensions`: freq and columns of the CSV in lower case. Raises UnreadableBody with the row, StructureChanged, NotData.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / "archive.csv"
    try:
        columns = _extract(body, gzipped, table)
        lower = [column.strip().lower() for column in columns]
        wanted = [dimension for dimension in dimensions if dimension != "freq"]
        if gone := sorted({*wanted, YEAR, VALUE} - set(lower)):
            raise StructureChanged(f"The columns are {', '.join(columns)}; gone: {', '.join(gone)}.")
        check_dimensions(["freq", *wanted], dimensions)
        return _stage(table, [text or f"column{i}" for i, text in enumerate(lower)], dimensions, folder)
    finally:
        table.unlink(missing_ok=True)


def _stage(table: Path, columns: list[str], dimensions: list[str], folder: Path) -> Staged:
    if len(set(columns)) != len(columns):
        raise StructureChanged("A column stands twice.")
    rows = (
        f"(select row_number() over () + 1 as line, * from read_csv({literal(table)}, auto_detect=false, header=false, "
        f"delim=';', quote='\"', escape='\"', null_padding=false, strict_mode=true, columns={dict.fromkeys(columns, 'VARCHAR')}))"
    )
    code = {d: "'A'" if d == "freq" else f"trim(coalesce({identifier(d)}, ''))" for d in dimensions}
    if "cod_indicatore" in code:
        # 054 and 54 are the same indicator
        code["cod_indicatore"] = "coalesce(nullif(ltrim(trim(cod_indicatore), '0'), ''), '0')"
    picked = ", ".join(f"{sql} as {identifier(d)}" for d, sql in code.items())
    keys = ", ".join(map(identifier, dimensions))
    staged = Staged(folder)
    with decoding(folder) as con:
        con.execute(
            f"create temp table flat as select line, {picked}, trim(coalesce({YEAR}, '')) as given, "
            f"trim(coalesce({VALUE}, '')) as text from {rows}"
        )
        con.execute(
            f"create temp table codes as select row_number() over (order by {keys})::integer as series, {keys} "
            f"from (select distinct {keys} from flat)"
        )
        con.execute("create temp table periods (given varchar, period varchar)")
        for (given,) in con.execute("select distinct given from flat").fetchall():
            con.execute("insert into periods values (?, ?)", [given, period(given)])
        con.execute(
            f"copy (from codes order by series) to {literal(staged.series)} (format parquet, compression zstd)"
        )
        place = f"'of row ' || line || ', column {VALUE.upper()}'"
        # one separator, comma or point: with two the thousands cannot be told from the decimals
        con.execute(f"""
            copy (
                select series, period,
                       case when regexp_full_match(text, '-?[0-9]+([.,][0-9]+)?([eE][-+]?[0-9]+)?')
                            then read_value(replace(text, ',', '.'), {place}, text)
                            else refused({place}, text)::double end as value,
                       '' as flag, null::varchar as conf
                from flat join codes using ({keys}) join periods using (given)
                where text not in ({", ".join(map(literal, NONE))})
                order by series, period
            ) to {literal(staged.part())} (format parquet, compression zstd)""")
    return staged


def _extract(body: Path, gzipped: bool, into: Path) -> list[str]:
    """Write the rows of the archive's one CSV to `into` and return its header. Raises NotData, UnreadableBody."""
    try:
        with (
            gzip.open(body, "rb") if gzipped else open(body, "rb") as handle,
            zipfile.ZipFile(handle) as archive,
        ):
            member = _only_member(archive.infolist())
            with archive.open(member) as rows, open(into, "wb") as file:
                header = rows.readline(LONGEST_HEADER).decode("utf-8-sig")
                left = LARGEST
                while piece := rows.read(1 << 20):
                    left -= len(piece)
                    if left < 0:
                        raise UnreadableBody(f"The archive expands to more than {LARGEST:,} bytes.")
                    file.write(piece)
    except zipfile.BadZipFile as failure:
        raise NotData(f"No zip archive: {failure}.") from None
    except UnicodeDecodeError:
        raise UnreadableBody("The header is not UTF-8.") from None
    except (EOFError, zlib.error, OSError, RuntimeError, NotImplementedError, ValueError) as failure:
        raise UnreadableBody(f"The archive cannot be unpacked: {failure}.") from None
    try:
        return next(csv.reader([header.rstrip("\r\n")], delimiter=";"), [])
    except csv.Error as failure:
        raise NotData(f"The first line is no CSV header: {failure}.") from None


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
