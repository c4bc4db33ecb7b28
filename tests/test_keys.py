"""What every decoder demands of key cells, periods, missing numbers and flags: one kind of fault, every format.

Figures are made up.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import duckdb
import pytest

from sources.concepts import latest_edition
from sources.errors import NotData, SourceError, StructureChanged, UnreadableBody
from sources.formats import FORMATS, REGISTRY, BodyFile, TableSpec
from sources.formats.staged import Staged
from tests.test_formats import cube, rows

OECD = "STRUCTURE,STRUCTURE_ID,STRUCTURE_NAME,ACTION,FREQ,GEO,TIME_PERIOD,OBS_VALUE,OBS_STATUS,UNIT_MULT\r\n"
ROW = "DATAFLOW,X(2.4),A name,I,"
EUROSTAT = "DATAFLOW,LAST UPDATE,freq,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG\r\n"
OWN = "figure,geo,TIME_PERIOD,OBS_VALUE\r\n"
TSV = "freq,geo\\TIME_PERIOD\t2019 \t2020 \r\n"
ARCHIVE = "COD_INDICATORE; 1° OBIETTIVO;UNITA_MISURA;DESCRIZIONE_RIPARTIZIONE;ANNO_RIFERIMENTO;VALORE\r\n"
BDTI = ["freq", "cod_indicatore", "unita_misura", "descrizione_ripartizione"]
SERIES = (
    '<g:Series><g:SeriesKey><g:Value id="FREQ" value="{freq}"/><g:Value id="GEO" value="{geo}"/></g:SeriesKey>\n'
    '<g:Obs><g:ObsDimension value="{time}"/><g:ObsValue value="{value}"/><g:Attributes>'
    '<g:Value id="OBS_STATUS" value="{status}"/></g:Attributes></g:Obs></g:Series>\n'
)


def xml(**given: str) -> str:
    cell = {"freq": "A", "geo": "IT", "time": "2019", "value": "5", "status": "A"} | given
    return f'<m:GenericData xmlns:m="m" xmlns:g="g"><m:DataSet>\n{SERIES.format(**cell)}</m:DataSet></m:GenericData>'


def zipped(**members: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in members.items():
            archive.writestr(f"{name}.csv", text.encode("utf-8-sig"))
    return file.getvalue()


def stage(
    tmp_path: Path,
    format_: str,
    body: str | bytes,
    dimensions: list[str] | None = None,
    frequencies: tuple[str, ...] = (),
) -> Staged:
    (tmp_path / "body").write_bytes(body.encode() if isinstance(body, str) else body)
    table = TableSpec(dimensions or ["freq", "geo"], frequencies)
    return REGISTRY[format_](BodyFile(tmp_path / "body"), table, tmp_path / "staged")


def test_every_format_has_a_decoder():
    assert list(REGISTRY) == list(FORMATS) and all(callable(decoder) for decoder in REGISTRY.values())
    assert "no-such-format" not in REGISTRY


EMPTY_KEYS = [
    ("tsv", TSV + "A,IT\t1\t2\r\nA,\t1\t2\r\n", None, "row 3, column geo is empty"),
    ("tsv", TSV + "A,IT\t1\t2\r\n ,FR\t1\t2\r\n", None, "row 3, column freq is empty"),
    ("tsv", TSV + "A,IT\t1\t2\r\n\r\n\t\t\r\n\t1\t2\r\n", None, "row 5, column freq is empty"),
    ("sdmx-csv", EUROSTAT + "E,,A,IT,2019,1,\r\nE,,A,,2019,1,\r\n", None, "row 3, column geo is empty"),
    ("sdmx-csv", EUROSTAT + "E,,A,IT,2019,1,\r\nE,,A,\u00a0,2019,1,\r\n", None, "row 3, column geo is empty"),
    ("sdmx-csv", OECD + ROW + ",IT,2019,1,A,0\r\n", None, "row 2, column FREQ is empty"),
    ("sdmx-csv", OECD + ROW + "A,IT,,1,A,0\r\n", None, "row 2, column TIME_PERIOD is empty"),
    ("sdmx-csv", OWN + "a,D,2025,1\r\n\r\n,,,\r\nb,,2025,5\r\n", ["figure", "geo"], "row 5, column geo is empty"),
    ("sdmx-csv", '"figure",geo,TIME_PERIOD,OBS_VALUE,"a\nnote"\n'.replace('"a\nnote"', "") + "a,D,,5,\n", ["figure", "geo"],
     "row 2, column TIME_PERIOD is empty"),
    ("sdmx-ml", xml(geo=""), None, "row 3, column GEO is empty"),
    ("sdmx-ml", xml(geo=" "), None, "row 3, column GEO is empty"),
    ("sdmx-ml", xml(time=""), None, "row 3, column TIME_PERIOD is empty"),
    ("json-stat", cube().replace('"FR"', '""'), None, "code 2 of the dimension geo is empty"),
    ("json-stat", cube().replace('"2020"', '""'), None, "code 2 of the dimension time is empty"),
    ("regional-archive", zipped(a=ARCHIVE + "1;x;%;Italia;2020;1\r\n2;x;%;;2020;1\r\n"), BDTI,
     "row 3, column DESCRIZIONE_RIPARTIZIONE is empty"),
    ("regional-archive", zipped(a=ARCHIVE + ";x;%;Italia;2020;1\r\n"), BDTI, "row 2, column COD_INDICATORE is empty"),
    ("regional-archive", zipped(a=ARCHIVE + "1;x;%;Italia;;1\r\n"), BDTI, "row 2, column ANNO_RIFERIMENTO is empty"),
]  # fmt: skip


@pytest.mark.parametrize(("format_", "body", "dimensions", "told"), EMPTY_KEYS)
def test_an_empty_key_cell_is_refused_with_row_and_column(tmp_path, format_, body, dimensions, told):
    with pytest.raises(UnreadableBody) as failure:
        stage(tmp_path, format_, body, dimensions)
    assert told in failure.value.message


@pytest.mark.parametrize(
    ("format_", "body", "dimensions"),
    [
        ("tsv", TSV + "\r\nA,IT\t1\t: \r\n\t\t\r\n \t \t\r\n\u00a0\r\n\r\n", None),
        (
            "sdmx-csv",
            "\r\n,,,\r\n" + EUROSTAT + "\r\nE,,A,IT,2019,1,\r\n,,,,,,\r\n\u00a0,,,,,,\r\n \r\n",
            None,
        ),
        ("sdmx-csv", "sep=,\r" + EUROSTAT.replace("\r\n", "\r") + "E,,A,IT,2019,1,\r,,,,,,\r", None),
        ("sdmx-csv", "Titolo;;;;\n" + "freq;geo;TIME_PERIOD;OBS_VALUE;;\nA;IT;2019;1,0;;\n;;;;;\n", None),
    ],
)
def test_rows_with_nothing_in_them_are_no_rows(tmp_path, format_, body, dimensions):
    assert rows(stage(tmp_path, format_, body, dimensions)) == [("A", "IT", "2019", 1.0, "", None)]


@pytest.mark.parametrize(
    ("format_", "body", "told"),
    [
        ("tsv", TSV.replace("2020 ", "2026-W10") + "A,IT\t1\t2\r\n", "row 1, column 3"),
        (
            "sdmx-csv",
            OECD + ROW + "A,IT,2019,1,A,0\r\n" + ROW + "W,IT,2026-W10,1,A,0\r\n",
            "row 3, column TIME_PERIOD",
        ),
        ("sdmx-ml", xml(freq="W", time="2026-W10"), "row 3, column TIME_PERIOD"),
        ("json-stat", cube().replace("2020", "2026-W10"), "2 of the dimension time"),
    ],
)
def test_a_frequency_that_the_entry_does_not_name_is_refused(tmp_path, format_, body, told):
    with pytest.raises(UnreadableBody) as failure:
        stage(tmp_path, format_, body, frequencies=("A", "Q"))
    assert told in failure.value.message and "a period of frequency W" in failure.value.message
    if format_ not in ("tsv", "json-stat"):
        assert rows(stage(tmp_path, format_, body, frequencies=("A", "W")))


@pytest.mark.parametrize(
    "period", ["0001", "9999", "0999-Q1", "2019-13", "last year", "2019-02-30", "20190", "2026-W54"]
)
@pytest.mark.parametrize("format_", ["tsv", "sdmx-csv", "sdmx-ml", "json-stat"])
def test_what_is_no_period_of_statistics_is_refused_with_its_place(tmp_path, format_, period):
    body = {
        "tsv": TSV.replace("2020 ", period) + "A,IT\t1\t2\r\n",
        "sdmx-csv": OECD + ROW + f"X,IT,{period},1,A,0\r\n",
        "sdmx-ml": xml(freq="X", time=period),
        "json-stat": cube().replace("2020", period),
    }[format_]
    with pytest.raises(UnreadableBody, match=f'holds "{period}"'):
        stage(tmp_path, format_, body)


def test_a_row_whose_frequency_contradicts_its_period_is_refused(tmp_path):
    with pytest.raises(UnreadableBody, match="the frequency of the row is A, that of the period Q"):
        stage(tmp_path, "sdmx-csv", OECD + ROW + "A,IT,2019-Q1,1,A,0\r\n")
    # a year that is dated by its first day is a year, in CSV as in XML
    assert rows(stage(tmp_path, "sdmx-csv", OECD + ROW + "A,IT,2019-01-01,1,A,0\r\n"))[0][2] == "2019"


@pytest.mark.parametrize("word", ["NaN", "nan", "NAN", ""])
def test_the_standard_s_word_for_a_missing_number_is_read_alike_in_csv_and_xml(tmp_path, word):
    table = OECD + ROW + "A,IT,2019,5,A,0\r\n" + ROW + f"A,IT,2020,{word},M,0\r\n"
    assert [row[2:5] for row in rows(stage(tmp_path, "sdmx-csv", table))] == [
        ("2019", 5.0, ""),
        ("2020", None, "m"),
    ]
    assert [row[2:5] for row in rows(stage(tmp_path, "sdmx-ml", xml(value=word, status="M")))] == [
        ("2019", None, "m")
    ]
    # without a reason there is nothing to say
    assert rows(stage(tmp_path, "sdmx-ml", xml(value=word))) == []


@pytest.mark.parametrize(
    "word", ["INF", "-INF", "inf", "-", "..", "n/a", "1.000,5", "1 000", "5,5", "1_000", "0x10"]
)
@pytest.mark.parametrize("format_", ["sdmx-csv", "sdmx-ml"])
def test_what_is_no_number_is_refused_with_its_place(tmp_path, format_, word):
    body = OECD + ROW + f'A,IT,2019,"{word}",A,0\r\n' if format_ == "sdmx-csv" else xml(value=word)
    with pytest.raises(UnreadableBody, match=f'row [23], column OBS_VALUE holds "{word}"'):
        stage(tmp_path, format_, body)


@pytest.mark.parametrize(
    ("status", "flag"),
    [("A", ""), ("", ""), ("O", "o"), ("L", "l"), ("q", "q"), ("B", "b"), ("P;B", "bp"), ("BE", "be"), ("b e", "be"),
     ("A|P", "p"), ("X", "x"), ("_Z", "")],
)  # fmt: skip
def test_an_observation_s_status_is_spelt_alike_in_csv_and_xml(tmp_path, status, flag):
    csv = stage(tmp_path, "sdmx-csv", OECD + ROW + f"A,IT,2019,5,{status},0\r\n")
    assert rows(csv) == [("A", "IT", "2019", 5.0, flag, None)]
    assert rows(stage(tmp_path, "sdmx-ml", xml(status=status))) == [("A", "IT", "2019", 5.0, flag, None)]


def test_json_stat_of_a_chamber_of_commerce(tmp_path):
    """Made up in the layout that readers of opendata.marche.camcom.it describe: index as an array, time by its role."""
    body = {
        "class": "dataset",
        "id": ["metric", "geo", "ateco2025", "mese"],
        "size": [1, 2, 1, 2],
        "role": {"time": ["mese"]},
        "updated": "2026-09-10",
        "dimension": {
            "metric": {"category": {"index": ["V11910"]}},
            "geo": {"category": {"index": {"ITG17": 1, "ITH1_H2": 0}}},
            "ateco2025": {"category": {"label": {"TOTAL": "Totale"}}},
            "mese": {"category": {"index": ["2026-07", "2026-08"]}},
        },
        "value": [1, None, 3, 4],
        "status": {"3": "p"},
    }
    found = stage(tmp_path, "json-stat", json.dumps(body), ["freq", "metric", "geo", "ateco2025"], ("M",))
    assert rows(found) == [
        ("M", "V11910", "ITG17", "TOTAL", "2026-07", 3.0, "", None),
        ("M", "V11910", "ITG17", "TOTAL", "2026-08", 4.0, "p", None),
        ("M", "V11910", "ITH1_H2", "TOTAL", "2026-07", 1.0, "", None),
    ]
    assert found.provider_updated_at is None
    one = stage(
        tmp_path, "json-stat", json.dumps(body | {"status": "e"}), ["metric", "geo", "ateco2025"], ("M",)
    )
    assert {row[-2] for row in rows(one)} == {"e"}


def test_the_archive_of_an_older_edition_is_latin_1_and_has_marks_without_figures(tmp_path):
    text = (
        ARCHIVE
        + "54;x;%;Valle d'Aosta/Vallée d'Aoste;2020; .-\r\n54;x;%;Valle d'Aosta/Vallée d'Aoste;2021;7,5\r\n;;;;;\r\n"
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.csv", text.encode("latin-1"))
    assert rows(stage(tmp_path, "regional-archive", packed.getvalue(), BDTI)) == [
        ("A", "54", "%", "Valle d'Aosta/Vallée d'Aoste", "2021", 7.5, "", None)
    ]


# -- CORDIS

ORGANIZATIONS = (
    "projectID;country;nutsCode;ecContribution\n"
    '"1";"IT";"ITG17";"1234,5"\n"1";"IT";"ITF47";"1000.25"\n"2";"IT";"ITG17";"2"\n"3";"IT";"ITG17";"1.234,5"\n'
    '"4";"IT";"ITG17";""\n"";"IT";"ITG17";"1"\n"1";"FR";"FR101";"7"\n'
)
PROJECTS = (
    'id;title;startDate\n"1";"The \\"big\\" one; two\nlines of "text"";"2023-01-01"\n"2";"None";""\n'
    '"3";"T";"2023-05-01"\n"4";"A ""third"" one";"2024-01-01"\n'
)


def test_one_bad_project_costs_no_other(tmp_path):
    staged = stage(
        tmp_path, "cordis", zipped(organization=ORGANIZATIONS, project=PROJECTS), ["freq", "horizon", "geo"]
    )
    found = duckdb.execute(
        f"select horizon, period, value from '{staged.observations}' join '{staged.series}' using (series) "
        "where geo = 'ITG17' order by all"
    ).fetchall()
    assert found == [
        ("EC_EUR", "2023", 1234.5),
        ("EC_EUR", "2024", 0.0),
        ("PARTICIPATIONS", "2023", 1.0),
        ("PARTICIPATIONS", "2024", 1.0),
    ]
    told = " ".join(staged.notes)
    assert "1 participations are in projects without a start date" in told
    assert "1 participations have a contribution that is no number" in told
    assert "1 participations have no project or country" in told


def test_a_record_that_nothing_separates_is_counted_apart_and_many_refuse_the_file(tmp_path):
    broken = PROJECTS.replace('"The', '"1";"The')
    kept = stage(
        tmp_path, "cordis", zipped(organization=ORGANIZATIONS, project=broken), ["freq", "horizon", "geo"]
    )
    assert "3 participations are in projects without a start date" in " ".join(kept.notes)
    many = ORGANIZATIONS + '"9";"IT";"ITG17";"1"\n' * 30
    with pytest.raises(UnreadableBody, match="31 participations are in projects without a start date"):
        stage(tmp_path, "cordis", zipped(organization=many, project=PROJECTS), ["freq", "horizon", "geo"])


# -- editions


@pytest.mark.parametrize(
    ("codes", "latest"),
    [
        (["2026M9G12", "2026M10G13"], "2026M10G13"),
        (["2020M9G1", "2020M12G2", "2020M9G12"], "2020M12G2"),
        (["2024M9G9", "2024M9G10"], "2024M9G10"),
        (["2023M12", "2024M1", "2024M2", "2024M10"], "2024M10"),
        (["2025M10_1", "2025M7_1"], "2025M10_1"),
        (["2024", "2025"], "2025"),
        (["2024", "2025M3"], "2025M3"),
        (["2025"], "2025"),
    ],
)
def test_editions_are_compared_as_dates(codes, latest):
    assert latest_edition(codes) == latest == latest_edition(codes[::-1])


@pytest.mark.parametrize(
    "codes",
    [["2025", "2025M9"], ["2025M9", "2025M9G3"], ["latest"], ["2025M13G1"], ["2025M1G32"], ["V2", "V10"]],
)
def test_editions_that_cannot_be_compared_are_refused(codes):
    with pytest.raises(UnreadableBody, match="edition"):
        latest_edition(codes)


def test_other_failures_keep_their_kind(tmp_path):
    for format_ in ("tsv", "sdmx-csv", "regional-archive", "cordis"):
        with pytest.raises(NotData):
            stage(tmp_path, format_, "<html>busy</html>")
    with pytest.raises(StructureChanged):
        stage(tmp_path, "sdmx-csv", EUROSTAT.replace("geo", "territory") + "E,,A,IT,2019,1,\r\n")
    with pytest.raises(SourceError):
        stage(tmp_path, "sdmx-csv", EUROSTAT + "E,,A,IT,2019,1,,,x\r\n")
