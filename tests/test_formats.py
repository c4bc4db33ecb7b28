"""Decoders: what each wire format becomes, and what is refused with row and column."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.errors import NotData, StructureChanged, UnreadableBody
from sources.formats import REGISTRY, BodyFile, TableSpec
from sources.formats.staged import Staged

DIMENSIONS = ["freq", "geo"]


def staged(
    tmp_path: Path,
    body: str | bytes,
    format_: str = "tsv",
    dimensions: list[str] | None = None,
    zipped: bool = False,
) -> Staged:
    path = tmp_path / "body"
    data = body.encode() if isinstance(body, str) else body
    path.write_bytes(gzip.compress(data) if zipped else data)
    table = TableSpec(dimensions or DIMENSIONS, timezone="Europe/Luxembourg")
    return REGISTRY[format_](BodyFile(path, zipped), table, tmp_path / "staged")


def rows(result: Staged) -> list[tuple]:
    """`(codes..., period, value, flag, conf)` in order."""
    return duckdb.sql(f"""
        select s.* exclude (series), o.* exclude (series)
        from read_parquet('{result.observations}') o join read_parquet('{result.series}') s using (series) order by all
        """).fetchall()


TSV = "freq,geo\\TIME_PERIOD\t2019 \t2020 \r\n"


def test_tsv_keeps_values_flags_and_confidentiality_apart(tmp_path):
    body = TSV + "A,IT\t5905 p\t-1.5 ep@C\r\nA,FR\t: c\t: @N\r\n"
    assert rows(staged(tmp_path, body)) == [
        ("A", "FR", "2019", None, "c", None),
        ("A", "FR", "2020", None, "", "N"),
        ("A", "IT", "2019", 5905.0, "p", None),
        ("A", "IT", "2020", -1.5, "ep", "C"),
    ]


def test_tsv_bare_colon_and_empty_cell_are_no_rows(tmp_path):
    assert rows(staged(tmp_path, TSV + "A,IT\t: \t\r\nA,FR\t0 \t:\r\n")) == [
        ("A", "FR", "2019", 0.0, "", None)
    ]


def test_tsv_old_layout_has_no_freq_and_the_newest_year_first(tmp_path):
    body = "sex,geo\\time\t2013 \t2012 \nF,AT\t9.4 b\t8.7 \n"
    assert rows(staged(tmp_path, body, dimensions=["freq", "sex", "geo"])) == [
        ("A", "F", "AT", "2012", 8.7, "", None),
        ("A", "F", "AT", "2013", 9.4, "b", None),
    ]


def test_tsv_dimensions_come_in_any_order(tmp_path):
    body = "geo,freq\\TIME_PERIOD\t2019\nIT,A\t1\n"
    assert rows(staged(tmp_path, body)) == [("A", "IT", "2019", 1.0, "", None)]


def test_tsv_reads_gzip(tmp_path):
    assert len(rows(staged(tmp_path, TSV + "A,IT\t1\t2\r\n", zipped=True))) == 2


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("A,IT\tx\t1", 'row 2, column 2019 holds "x"'),
        ("A,IT\t1\t1_000", 'row 2, column 2020 holds "1_000"'),
        ("A,IT\tnan\t1", 'holds "nan"'),
        ("A,IT\t1e999\t1", 'holds "1e999"'),
        ("A,IT\t1 2\t1", 'holds "1 2"'),
        ("A,IT\t1 p x\t1", 'holds "1 p x"'),
        ("A,IT\t1 @CC\t1", 'holds "1 @CC"'),
        ("A,IT,X\t1\t1", 'cell 1 of row 2 holds "A,IT,X"'),
        ("A,IT\t1", "line 2"),
        ("A,IT\t1\t2\t3", "line 2"),
        ('A,IT\t"1\t2', 'holds ""1"'),
    ],
)
def test_tsv_refuses_what_fits_no_rule_with_its_place(tmp_path, line, told):
    with pytest.raises(UnreadableBody) as failure:
        staged(tmp_path, TSV + line + "\r\n")
    assert told in str(failure.value)


def test_tsv_refuses_latin_1(tmp_path):
    with pytest.raises(UnreadableBody, match="UTF-8"):
        staged(tmp_path, TSV.encode() + "A,Forlì\t1\t2\r\n".encode("latin-1"))


def test_a_renamed_dimension_is_named(tmp_path):
    with pytest.raises(StructureChanged, match="new: territory; gone: geo"):
        staged(tmp_path, "freq,territory\\TIME_PERIOD\t2019\nA,IT\t1\n")


@pytest.mark.parametrize("body", ["", "<html><body>down</body></html>\n", "just a line\n", '{"error": []}\n'])
def test_what_is_no_table_is_told_so(tmp_path, body):
    with pytest.raises(NotData):
        staged(tmp_path, body)


SDMX = "DATAFLOW,LAST UPDATE,freq,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG,CONF_STATUS\r\n"
ROW = "ESTAT:T(1.0),29/04/16 23:00:00,A,"


def test_sdmx_csv(tmp_path):
    body = (
        SDMX
        + ROW
        + "IT,2019,5905,p,\r\n"
        + ROW
        + "FR,2019,,c,C\r\n"
        + ROW
        + "DE,2019,,,\r\n"
        + ROW
        + "ES,2019,1,_U,\r\n"
    )
    result = staged(tmp_path, body, "sdmx-csv")
    assert rows(result) == [
        ("A", "ES", "2019", 1.0, None, None),
        ("A", "FR", "2019", None, "c", "C"),
        ("A", "IT", "2019", 5905.0, "p", None),
    ]
    assert result.provider_updated_at.isoformat() == "2016-04-29T23:00:00+02:00"


def test_sdmx_csv_of_several_extractions_is_refused(tmp_path):
    body = SDMX + ROW + "IT,2019,1,,\r\n" + ROW.replace("/16", "/17") + "FR,2019,1,,\r\n"
    with pytest.raises(UnreadableBody, match="several extractions"):
        staged(tmp_path, body, "sdmx-csv")


def test_sdmx_csv_names_row_and_column(tmp_path):
    with pytest.raises(UnreadableBody, match='row 3, column OBS_VALUE holds "5,9"'):
        staged(tmp_path, SDMX + ROW + "IT,2019,1,,\r\n" + ROW + 'FR,2019,"5,9",,\r\n', "sdmx-csv")


def cube(**changes) -> str:
    return json.dumps(
        {
            "version": "2.0",
            "class": "dataset",
            "id": ["freq", "geo", "time"],
            "size": [1, 2, 2],
            "updated": "2026-09-10T11:00:00+0200",
            "value": {"0": 5905, "3": 2.5},
            "status": {"0": "p", "1": "c|C", "2": ":"},
            "dimension": {
                "freq": {"category": {"index": {"A": 0}}},
                "geo": {"category": {"index": {"IT": 0, "FR": 1}}},
                "time": {"category": {"index": {"2019": 0, "2020": 1}}},
            },
            **changes,
        }
    )


def test_json_stat_reads_the_union_of_value_and_status(tmp_path):
    result = staged(tmp_path, cube(), "json-stat")
    assert rows(result) == [
        ("A", "FR", "2020", 2.5, "", None),
        ("A", "IT", "2019", 5905.0, "p", None),
        ("A", "IT", "2020", None, "c", "C"),
    ]
    assert result.provider_updated_at.isoformat() == "2026-09-10T11:00:00+02:00"


def test_json_stat_dense_array_and_any_place_of_time(tmp_path):
    body = cube(id=["time", "geo", "freq"], size=[2, 2, 1], value=[1, 2, None, 4], status={})
    assert [row[1:4] for row in rows(staged(tmp_path, body, "json-stat"))] == [
        ("FR", "2019", 2.0),
        ("FR", "2020", 4.0),
        ("IT", "2019", 1.0),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"value": {"9": 1}},
        {"value": {"0": "5905"}},
        {"value": {"x": 1}},
        {"size": [1, 2, 3]},
        {"value": {"0": True}},
    ],
)
def test_json_stat_refuses_what_does_not_fit(tmp_path, changes):
    with pytest.raises(UnreadableBody):
        staged(tmp_path, cube(**changes), "json-stat")


def test_sdmx_csv_refuses_a_heading_with_a_nul(tmp_path):
    # found by fuzzing: SQL ends there
    text = "FREQ,GEO,TIME_PERIOD,OBS_VALUE,OBS_STATUS,UNIT_\0MULT\r\nA,IT,2018,1,A,0\r\n"
    with pytest.raises(UnreadableBody, match="readable name"):
        staged(tmp_path, text, "sdmx-csv", ["freq", "geo"])


def test_json_stat_refuses_nan(tmp_path):
    with pytest.raises(UnreadableBody, match="NaN"):
        staged(tmp_path, cube().replace("5905", "NaN"), "json-stat")


def test_json_stat_refuses_what_no_double_holds(tmp_path):
    # found by fuzzing: the parser of JSON reads it as infinity
    with pytest.raises(UnreadableBody, match="too large"):
        staged(tmp_path, cube().replace("5905", "1e999"), "json-stat")


NUMBERS = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=3
).map(str)
FLAGS = st.sampled_from(["", "p", "ep", "b", "u", "c"])
CELLS = st.one_of(
    st.just(":"), st.just(""), FLAGS.map(lambda f: f": {f}"), st.tuples(NUMBERS, FLAGS).map(" ".join)
)
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8))
def test_every_tsv_cell_comes_back_as_it_went_in(tmp_path, table):
    body = TSV + "".join(f"A,G{i}\t{a} \t{b} \r\n" for i, (a, b) in enumerate(table))
    expected = []
    for i, cells in enumerate(table):
        for year, cell in zip(("2019", "2020"), cells, strict=True):
            value, _, flag = cell.strip().partition(" ")
            if cell.strip() not in ("", ":"):
                expected.append(("A", f"G{i}", year, None if value == ":" else float(value), flag, None))
    assert rows(staged(tmp_path, body)) == sorted(expected, key=lambda row: (row[1], row[2]))


@quick
@given(st.binary(max_size=400))
def test_any_bytes_are_decoded_or_refused_by_an_error_of_ours(tmp_path, noise):
    for format_, start in (("tsv", TSV.encode()), ("sdmx-csv", SDMX.encode()), ("json-stat", b'{"id":')):
        for body in (noise, start + noise):
            try:
                result = staged(tmp_path, body, format_)
            except (UnreadableBody, StructureChanged, NotData):
                continue
            for row in rows(result):
                assert row[3] is None or any(float(t) == row[3] for t in _numbers(body.decode()))


def _numbers(text: str) -> list[str]:
    found = []
    for word in text.replace("\t", " ").replace(",", " ").replace('"', " ").split():
        try:
            float(word)
            found.append(word)
        except ValueError:
            pass
    return found


@pytest.mark.parametrize(
    ("file", "dimensions", "values", "total"),
    [
        ("bd_size_r3", "freq,indic_sb,sizeclas,nace_r2,geo", 980_005, 19_134_657_749.82),
        ("pat_ep_rtot", "freq,unit,geo", 103_075, 9_685_642.81),
        ("nama_10r_3gdp", "freq,unit,geo", 268_494, 10_584_905_022.04),
        ("lfst_r_lfu3rt.2013", "freq,age,sex,geo", 72_680, 818_860.30),
    ],
)
def test_real_tables(specimens, tmp_path, file, dimensions, values, total):
    body = BodyFile(specimens / "eurostat" / f"{file}.tsv.gz", gzipped=True)
    result = REGISTRY["tsv"](body, TableSpec(dimensions.split(",")), tmp_path / "s")
    assert duckdb.sql(
        f"select count(value), round(sum(value), 2) from read_parquet('{result.observations}')"
    ).fetchone() == (values, pytest.approx(total, abs=0.01))
