"""Spreadsheet-style tables: how they may be saved, what is read of them, what is refused with line and column.

All figures and names are made up.
"""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

import duckdb
import pytest
import xlsxwriter

from sources.catalogue import load_catalogue
from sources.errors import NotData, SourceError, StructureChanged, UnreadableBody
from sources.formats import REGISTRY, BodyFile, TableSpec
from sources.formats.layout import TableLayout
from tests.fuzz import damaged


def workbook(path: Path, rows: list[list], sheet: str = "Foglio1") -> None:
    with xlsxwriter.Workbook(str(path)) as book:
        page = book.add_worksheet(sheet)
        for at, row in enumerate(rows):
            page.write_row(at, 0, row)


LAYOUT = TableLayout.model_validate(
    {
        "decimal": ",",
        "period": [
            {"place": "column", "column": "Anno", "pattern": r"(?P<year>\d{4})"},
            {"place": "name", "pattern": r"(?P<year>\d{4})-(?P<month>\d\d)"},
        ],
        "columns": {"geo": "Provincia"},
        "constants": {"unit": "NR"},
        "measure": "figure",
        "values": {"Valore": "V", "Altro valore": "W"},
    }
)
DIMENSIONS = ["freq", "unit", "geo", "figure"]


def read(
    tmp_path: Path, content: str | bytes | Path, filename: str = "table.csv", layout: TableLayout = LAYOUT
):
    body = tmp_path / "body"
    if isinstance(content, Path):
        content = content.read_bytes()
    body.write_bytes(content if isinstance(content, bytes) else content.encode())
    table = TableSpec(DIMENSIONS, layout=layout)
    staged = REGISTRY["tabular"](BodyFile(body, name=filename), table, tmp_path / "staged")
    return duckdb.execute(
        f"select geo, figure, period, value from '{staged.observations}' join '{staged.series}' using (series) order by all"
    ).fetchall()


TABLE = "Provincia;Anno;Valore;Altro valore\nForlì-Cesena;2024;1.234,5;-7\nEnna;2024;12;\n"
READ = [("ENNA", "V", "2024", 12), ("FORLI_CESENA", "V", "2024", 1234.5), ("FORLI_CESENA", "W", "2024", -7)]


@pytest.mark.parametrize(
    "content",
    [
        TABLE.encode(),
        b"\xef\xbb\xbf" + TABLE.encode(),
        TABLE.encode("cp1252"),
        TABLE.replace(";", "\t").encode(),
        TABLE.replace("1.234,5", '"1.234,5"').replace(";", ",").encode(),
        ("Titolo;;;\n\n" + TABLE.replace("\n", ";nota\n").replace("Provincia", " PROVINCIA ") + ";;;;\n").encode(),
        b"".join(line + b"\r\n" for line in TABLE.encode().splitlines()),
    ],
    ids=["utf-8", "mark", "cp1252", "tab", "comma", "title, notes, blank rows", "crlf"],
)  # fmt: skip
def test_one_table_however_it_was_saved(tmp_path, content):
    assert read(tmp_path, content) == READ


def test_workbooks_read_as_the_same_table(tmp_path):
    cells = [
        ["Titolo"],
        [],
        ["Provincia", "Anno", "Valore", "Altro valore"],
        ["Forlì-Cesena", 2024, 1234.5, -7],
        ["Enna", "2024", "12"],
    ]
    workbook(tmp_path / "table.xlsx", cells)
    assert read(tmp_path, tmp_path / "table.xlsx") == READ
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(tmp_path / "table.xlsx", "startup.xlsx")
    assert read(tmp_path, packed.getvalue(), "startup.zip") == READ


def test_a_number_of_a_workbook_keeps_its_decimals(tmp_path):
    """1.234 written with a point would read as a thousand in this layout."""
    workbook(
        tmp_path / "table.xlsx", [["Provincia", "Anno", "Valore", "Altro valore"], ["Enna", 2024, 1.234, 1e6]]
    )
    assert [row[3] for row in read(tmp_path, tmp_path / "table.xlsx")] == [1.234, 1_000_000]


@pytest.mark.parametrize(
    ("content", "kind", "told"),
    [
        (TABLE.replace("12;", "dodici;"), UnreadableBody, 'row 3, column Valore holds "dodici"'),
        (TABLE.replace("12;", "1.23;"), UnreadableBody, 'row 3, column Valore holds "1.23"'),
        (TABLE.replace("12;", "nan;"), UnreadableBody, 'row 3, column Valore holds "nan"'),
        (TABLE.replace("Enna;2024", "Enna;l'anno"), UnreadableBody, "row 3, column Anno"),
        (TABLE.replace("Enna", ""), UnreadableBody, "row 3, column Provincia"),
        (
            TABLE.replace("Altro valore", "Altro valore 2"),
            StructureChanged,
            "expected the column 'Altro valore', found 'Altro valore 2'",
        ),
        (TABLE.replace("Altro valore", "X"), StructureChanged, "found none like it"),
        (TABLE.replace("Altro valore", "Valore"), StructureChanged, "'Valore', found it 2 times"),
        (TABLE.replace("Enna;", "Enna;;;"), UnreadableBody, "line"),
        ("<html><body>Accesso negato</body></html>", NotData, "None of the headings"),
        ("", NotData, "None of the headings"),
        (TABLE.splitlines()[0] + "\n", NotData, "no rows"),
        (TABLE.encode("utf-16"), UnreadableBody, "UTF-16"),
        (TABLE.encode() + b"\x00", UnreadableBody, "zero bytes"),
        (TABLE.encode() + b"\x81\xff", UnreadableBody, "neither UTF-8 nor Windows-1252"),
        (b"PK\x03\x04 no zip", NotData, "No zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), UnreadableBody, "workbook cannot be read"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path, content, kind, told):
    with pytest.raises(SourceError) as failure:
        read(tmp_path, content)
    assert type(failure.value) is kind and told in failure.value.message, failure.value


def test_two_periods_that_contradict_each_other_are_told(tmp_path):
    entry = load_catalogue()["movimprese"]
    body = tmp_path / "body"
    body.write_text(
        "Movimprese, II trimestre 2026\nProvincia;Registrate;Attive;Iscrizioni;Cessazioni;Cessazioni d'ufficio\n"
    )
    with pytest.raises(UnreadableBody, match="say 2026-Q2, the file's name .* says 2026-Q1"):
        REGISTRY["tabular"](
            BodyFile(body, name="2026-Q1.csv"),
            TableSpec(entry.dimensions, layout=entry.layout),
            tmp_path / "s",
        )


def test_a_workbook_that_asks_for_all_memory_is_refused(tmp_path):
    """Two cells, the first and the very last: as a table 17 billion of them."""
    path = tmp_path / "bomb.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        page = book.add_worksheet()
        page.write(0, 0, "Provincia")
        page.write(1_048_575, 16_383, 1)
    with pytest.raises(UnreadableBody, match="workbook cannot be read"):
        read(tmp_path, path)


@pytest.mark.parametrize(
    ("sheets", "wanted", "told"),
    [
        (["Note", "Dati"], "Dati", None),
        (["Note"], "Dati", "No sheet 'Dati'"),
        (["s"] * 51, None, "51 sheets"),
    ],
)
def test_the_sheet_is_the_one_named_among_not_too_many(tmp_path, sheets, wanted, told):
    path = tmp_path / "table.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        for number, called in enumerate(sheets):
            page = book.add_worksheet(called if sheets.count(called) == 1 else f"{called}{number}")
        page.write_row(0, 0, ["Provincia", "Anno", "Valore", "Altro valore"])
        page.write_row(1, 0, ["Enna", 2024, 12])
    layout = LAYOUT.model_copy(update={"sheet": wanted})
    if told:
        with pytest.raises(UnreadableBody, match=told):
            read(tmp_path, path, layout=layout)
    else:
        assert read(tmp_path, path, layout=layout) == READ[:1]


def test_damaged_workbooks_are_read_or_refused(tmp_path):
    """Whatever the library that reads them makes of it, the end of its process included."""
    workbook(
        tmp_path / "sound.xlsx", [["Provincia", "Anno", "Valore", "Altro valore"], ["Enna", 2024, 1.5, 2]]
    )
    sound = (tmp_path / "sound.xlsx").read_bytes()
    with zipfile.ZipFile(io.BytesIO(sound)) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    outcomes = set()
    for number in range(24):
        chance = random.Random(number)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for member, content in members.items():
                hurt = member.endswith("sheet1.xml") or (number % 3 == 0 and member.endswith(".xml"))
                archive.writestr(member, damaged(content, chance) if hurt else content)
        body = packed.getvalue() if number % 4 else damaged(sound, chance)
        try:
            read(tmp_path, body)
            outcomes.add("read")
        except SourceError:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"a.csv": TABLE, "b.csv": TABLE}, "2 files"),
        ({"a.exe": TABLE}, "'a.exe'"),
        ({}, "0 files"),
    ],
)
def test_a_zip_with_anything_else_is_refused(tmp_path, members, told):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
        if not members:
            archive.mkdir("empty")
    with pytest.raises(UnreadableBody, match=told):
        read(tmp_path, packed.getvalue())


def test_a_zip_bomb_meets_the_cap(tmp_path, monkeypatch):
    from sources.formats import tabular

    monkeypatch.setattr(tabular, "LARGEST", 2_000_000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", TABLE + "Enna;2024;1;1\n" * 1_000_000)
    with pytest.raises(UnreadableBody, match="more than 2,000,000 bytes"):
        read(tmp_path, packed.getvalue())
    assert not (tmp_path / "staged" / "member").exists()


# -- what spreadsheets and people leave around a table


@pytest.mark.parametrize(
    "content",
    [
        "sep=;\n" + TABLE,
        TABLE.replace("\n", "\r"),
        TABLE + ";;;\n \u00a0;;;\n\u00a0\n",
        "\n".join(";" + line for line in TABLE.splitlines()),
        "\n".join(line + ";;;" for line in TABLE.splitlines()),
        TABLE.replace(";", "|"),
        TABLE.replace("Valore;", "Valore (2);").replace("Provincia", "PROVINCIA\u00a0(1)"),
        TABLE.replace("Provincia;Anno;Valore;Altro valore", "Provincia;Anno;Dati;\n;;Valore;Altro valore"),
        TABLE.replace("Forl", "\u00a0Forl").replace(";12;", ";\u00a012 ;"),
        TABLE + "\nFonte: InfoCamere\n",
        TABLE + "Fonte: InfoCamere, banca dati;;;\nNota: dati provvisori; soggetti a revisione\n",
        TABLE.replace("Enna;", "ROMAGNA;;;\nEnna;") + "(1) compresi i trasferimenti\n* stima;;;\n",
    ],
    ids=["sep", "cr", "blank rows", "a leading column", "trailing separators", "bars", "numbers of notes",
         "two lines of headings",
         "no-break spaces", "a source below", "notes with separators", "a section and footnotes"],
)  # fmt: skip
def test_what_is_left_around_a_table_is_no_part_of_it(tmp_path, content):
    assert read(tmp_path, content) == READ


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("Titolo\n\n" + TABLE + "\nEnna;2025;dodici;\n", 'row 7, column Valore holds "dodici"'),
        ("Titolo\n\n" + TABLE + ";2025;3;\n", "row 6, column Provincia is empty"),
        ("Titolo\n\n" + TABLE + "Enna;;3;\n", "row 6, column Anno is empty"),
        ('"Titolo\nsu due righe"\n' + TABLE + "Enna;2025\n", "line 6"),
        (TABLE + "Enna, 2025, 12\n", "line 4"),
        (TABLE.replace("2024;12", "0024;12"), "row 3, column Anno"),
        (TABLE.replace("2024;12", "9999;12"), "the year is not between"),
        (TABLE.replace(";12;", ";-;"), 'row 3, column Valore holds "-"'),
        (TABLE.replace(";12;", ";..;"), 'row 3, column Valore holds ".."'),
    ],
)
def test_a_fault_is_told_with_the_line_of_the_file(tmp_path, content, told):
    with pytest.raises(SourceError) as failure:
        read(tmp_path, content)
    assert told in failure.value.message, failure.value


def test_marks_that_a_layout_calls_missing_are_no_figures(tmp_path):
    layout = LAYOUT.model_copy(update={"missing": ["-", "n.d."]})
    content = TABLE.replace(";12;", ";-;").replace(";-7", ";n.d.")
    assert read(tmp_path, content, layout=layout) == [("FORLI_CESENA", "V", "2024", 1234.5)]


def test_a_frequency_that_the_entry_does_not_name_is_refused(tmp_path):
    (tmp_path / "body").write_text(TABLE)
    with pytest.raises(UnreadableBody, match="row 2, column Anno, holds .2024.: a period of frequency A"):
        REGISTRY["tabular"](
            BodyFile(tmp_path / "body"), TableSpec(DIMENSIONS, ("Q",), layout=LAYOUT), tmp_path / "s"
        )


LIST = (
    "denominazione|pv|classe di addetti ultimo anno (2)|sito\nUNO SRL|FO|A|x\nDUE SRL|FO||x\nTRE SRL|PS|B|x\n"
)


@pytest.mark.parametrize(
    ("filename", "text"),
    [
        ("STARTUP_17022020.csv", LIST),
        ("startup 2020-02-17.csv", LIST.replace(" di addetti ultimo anno (2)", " addetti")),
        ("startup_20200217.csv", LIST.replace("ultimo anno (2)", "Ultimo  Anno")),
        ("startup.csv", "Elenco al 17/02/2020\n" + LIST + "Fonte: Registro Imprese\n"),
    ],
)
def test_registers_are_dated_and_headed_in_several_ways(tmp_path, filename, text):
    entry = load_catalogue()["startup_innovative"]
    (tmp_path / "body").write_bytes(text.encode("latin-1"))
    table = TableSpec(entry.dimensions, tuple(entry.frequencies), layout=entry.layout)
    staged = REGISTRY["tabular"](BodyFile(tmp_path / "body", name=filename), table, tmp_path / "s")
    assert duckdb.execute(
        f"select geo, staff_class, period, value from '{staged.observations}' join '{staged.series}' using (series) order by all"
    ).fetchall() == [
        ("FO", "A", "2020-02-17", 1),
        ("FO", "TOTAL", "2020-02-17", 2),
        ("FO", "UNK", "2020-02-17", 1),
        ("PS", "B", "2020-02-17", 1),
        ("PS", "TOTAL", "2020-02-17", 1),
    ]


def test_a_sheet_s_name_dates_a_register(tmp_path):
    entry = load_catalogue()["startup_innovative"]
    rows = [line.split("|") for line in LIST.splitlines()]
    workbook(tmp_path / "startup.xlsx", rows, "STARTUP_14032016")
    table = TableSpec(entry.dimensions, ("D",), layout=entry.layout)
    staged = REGISTRY["tabular"](
        BodyFile(tmp_path / "startup.xlsx", name="startup.xlsx"), table, tmp_path / "s"
    )
    assert duckdb.execute(f"select distinct period from '{staged.observations}'").fetchall() == [
        ("2016-03-14",)
    ]


# -- periods in the headings; made-up bodies in the layout of the chamber of commerce of the Marche

WIDE = TableLayout.model_validate(
    {
        "decimal": ",",
        "period": [
            {"place": "heading", "pattern": r"^(?P<year>20\d\d)-(?P<month>\d\d)(-\d\d)?$"},
            {"place": "heading", "pattern": r"^\d\d/(?P<month>\d\d)/(?P<year>20\d\d)$"},
        ],
        "columns": {"geo": "territorio", "nace": "ateco"},
        "measure": "figure",
        "cells": "IN_NR",
    }
)


@pytest.mark.parametrize(
    "headings",
    ["2025-04;2025-05", "2025-04-30;2025-05-31", "30/04/2025;31/05/2025", " 2025-04 ;31/05/2025;;"],
)
def test_headings_that_are_periods_have_a_figure_each(tmp_path, headings):
    body = tmp_path / "body"
    body.write_text(f"territorio;ateco;{headings}\nCatania;C;1.012;7\nSICILIA;TOTAL;;9,5\n", encoding="utf-8")
    table = TableSpec(["freq", "geo", "nace", "figure"], ("M",), layout=WIDE)
    staged = REGISTRY["tabular"](BodyFile(body), table, tmp_path / "s")
    assert duckdb.execute(
        f"select freq, geo, nace, figure, period, value from '{staged.observations}' join '{staged.series}' using (series) "
        "order by all"
    ).fetchall() == [
        ("M", "CATANIA", "C", "IN_NR", "2025-04", 1012),
        ("M", "CATANIA", "C", "IN_NR", "2025-05", 7),
        ("M", "SICILIA", "TOTAL", "IN_NR", "2025-05", 9.5),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("territorio;ateco;2025-04;30/04/2025\nCatania;C;1;2\n", "2025-04 twice"),
        ("territorio;ateco;aprile\nCatania;C;1\n", "No heading of line 1 is a period"),
        ("territorio;ateco;2025-13\nCatania;C;1\n", "2025-13"),
        ("territorio;ateco;2025-04\n;C;1\n", "row 2, column territorio is empty"),
        ("territorio;ateco;2025-04\nCatania;C;uno\n", 'row 2, column 2025-04 holds "uno"'),
    ],
)
def test_headings_and_cells_that_do_not_fit_are_told(tmp_path, text, told):
    (tmp_path / "body").write_text(text)
    with pytest.raises(SourceError) as failure:
        table = TableSpec(["freq", "geo", "nace", "figure"], layout=WIDE)
        REGISTRY["tabular"](BodyFile(tmp_path / "body"), table, tmp_path / "s")
    assert told in failure.value.message, failure.value
