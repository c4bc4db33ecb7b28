"""ISTAT's wire formats: what they become, how they agree with sdmx1, and what hostile bodies come to. Figures are made up."""

from __future__ import annotations

import gzip
import io
import resource
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources import slices
from sources.errors import NotData, SourceError, StructureChanged, UnreadableBody
from sources.formats import REGISTRY, BodyFile, TableSpec, sdmx_structure
from sources.formats.staged import Staged
from sources.http.client import Body
from tests.provider_istat import archive, generic
from tests.test_formats import rows

NAMES = ["freq", "ref_area"]
IDS = ["FREQ", "REF_AREA"]
ARCHIVE = ["freq", "cod_indicatore", "unita_misura", "descrizione_ripartizione"]
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def ml(tmp_path: Path, body: bytes | str, dimensions: list[str] = NAMES, zipped: bool = False) -> Staged:
    path, data = tmp_path / "body.xml", body.encode() if isinstance(body, str) else body
    path.write_bytes(gzip.compress(data) if zipped else data)
    return REGISTRY["sdmx-ml"](BodyFile(path, zipped), TableSpec(dimensions), tmp_path / "staged")


def old(tmp_path: Path, body: bytes) -> Staged:
    path = tmp_path / "body.zip"
    path.write_bytes(body)
    return REGISTRY["regional-archive"](BodyFile(path), TableSpec(ARCHIVE), tmp_path / "staged")


def by_sdmx1(path: Path) -> list[tuple]:
    """`(codes..., period, value)` of every observation, as sdmx1 reads them; its NaN is no value."""
    import sdmx

    frame = sdmx.to_pandas(sdmx.read_sdmx(path)).dropna().reset_index()
    codes = [name for name in frame.columns if name not in ("TIME_PERIOD", "value")]
    return sorted(frame[[*codes, "TIME_PERIOD", "value"]].itertuples(index=False, name=None))


# -- SDMX-ML


def test_the_recorded_answer_is_read_as_sdmx1_reads_it(specimens, tmp_path):
    path = specimens / "istat" / "recorded_data_47_850.xml"
    flow = specimens / "istat" / "recorded_dataflow_47_850_refs_datastructure.xml"
    order = sdmx_structure.dimensions(Text(flow.read_text("utf-8-sig")))
    result = ml(tmp_path, path.read_bytes(), [name.lower() for name in order])
    assert sorted(row[:-2] for row in rows(result)) == by_sdmx1(path)
    assert len(rows(result)) == 22


def test_the_recorded_dataflow_tells_its_structure_and_last_update(specimens):
    flow = specimens / "istat" / "recorded_dataflow_47_850_refs_datastructure.xml"
    found = sdmx_structure.flow(Text(flow.read_text("utf-8-sig")))
    assert found.structure == "IT1/DCIS_SERVSOCEDU1/1.0"
    assert found.last_update.isoformat() == "2025-11-14T16:15:51.591000+00:00"


class Text:
    """In place of a body of which only the text is read."""

    def __init__(self, text: str):
        self._text = text

    def text(self) -> str:
        return self._text


PLAIN = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=6)
CODES = st.one_of(st.sampled_from(["IT", "ITG17", "a b", "<&\"'>"]), PLAIN.filter(lambda t: t == t.strip()))
VALUES = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=3
).map(str)
TABLES = st.dictionaries(
    st.tuples(st.just("A"), CODES),
    st.dictionaries(st.sampled_from(["2018", "2019", "2020"]), VALUES, min_size=1),
    min_size=1,
    max_size=5,
)


@settings(quick, max_examples=25)
@given(TABLES, st.booleans())
def test_every_observation_comes_back_as_it_went_in_and_as_sdmx1_reads_it(tmp_path, table, zipped):
    body = generic(IDS, table)
    (tmp_path / "plain.xml").write_bytes(body)
    found = [row[:-2] for row in rows(ml(tmp_path, body, zipped=zipped))]
    expected = [(*key, moment, float(v)) for key, cells in table.items() for moment, v in cells.items()]
    assert sorted(found) == sorted(expected)
    assert sorted(found) == by_sdmx1(tmp_path / "plain.xml")


def test_missing_flags_and_periods(tmp_path):
    table = {
        ("A", "IT"): {"2018-01-01": "1", "2019": " p", "2020": "NaN", "2021": "NaN u", "2022": "-0.5 b"},
        ("Q", "IT"): {"2019-Q1": "3"},
        ("D", "IT"): {"2018-01-01": "4"},
    }
    assert rows(ml(tmp_path, generic(IDS, table))) == [
        ("A", "IT", "2018", 1.0, "", None),
        ("A", "IT", "2019", None, "p", None),
        ("A", "IT", "2021", None, "u", None),
        ("A", "IT", "2022", -0.5, "b", None),
        ("D", "IT", "2018-01-01", 4.0, "", None),
        ("Q", "IT", "2019-Q1", 3.0, "", None),
    ]


def test_other_dimensions_are_told(tmp_path):
    with pytest.raises(StructureChanged, match="new: sex"):
        ml(tmp_path, generic([*IDS, "SEX"], {("A", "IT", "9"): {"2018": "1"}}))


DATA = '<m:GenericData xmlns:m="m" xmlns:g="g"><m:DataSet>{}</m:DataSet></m:GenericData>'
SERIES = (
    '<g:Series><g:SeriesKey><g:Value id="FREQ" value="A"/><g:Value id="REF_AREA" value="IT"/></g:SeriesKey>'
    '<g:Obs><g:ObsDimension value="{}"/><g:ObsValue value="{}"/></g:Obs></g:Series>'
)
ENTITIES = "<!DOCTYPE m [" + "".join(
    f'<!ENTITY e{i} "{f"&e{i - 1};" * 10 if i else "ha" * 50}">' for i in range(12)
)
HOSTILE = {
    "expansion": ENTITIES + "]>" + DATA.format(SERIES.format("2018", "&e11;")),
    "external entity": '<!DOCTYPE m [<!ENTITY e SYSTEM "file:///etc/hostname">]>' + DATA.format("&e;"),
    "external DTD": '<!DOCTYPE m SYSTEM "http://127.0.0.1:9/x.dtd">' + DATA.format(""),
    "parameter entity": '<!DOCTYPE m [<!ENTITY % p SYSTEM "file:///etc/hostname">%p;]>' + DATA.format(""),
    "depth": DATA.format("<a>" * 100_000),
    "a tag without end": DATA.format('<a b="' + "x" * 5_000_000),
    "attributes without number": DATA.format(
        "<g:Series><g:SeriesKey>" + "".join(f'<g:Value id="D{i}" value="x"/>' for i in range(100_000))
    ),
    "a name that is not declared": DATA.format("&e;"),
    "truncated": DATA.format(SERIES.format("2018", "1"))[:-20],
    "a key given twice": DATA.format(SERIES.format("2018", "1").replace('id="REF_AREA"', 'id="FREQ"')),
    "no period": DATA.format(SERIES.format("2018", "1").replace('<g:ObsDimension value="2018"/>', "")),
    "another period": DATA.format(SERIES.format("lately", "1")),
    "two values": DATA.format(
        SERIES.format("2018", "1").replace("</g:Obs>", '<g:ObsValue value="2"/></g:Obs>')
    ),
    "no number": DATA.format(SERIES.format("2018", "1_000")),
    "infinite": DATA.format(SERIES.format("2018", "inf")),
    "no series": DATA.format('<g:Obs><g:ObsKey><g:Value id="FREQ" value="A"/></g:ObsKey></g:Obs>'),
    "an unknown encoding": '<?xml version="1.0" encoding="ebcdic-xx"?>' + DATA.format(""),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_hostile_messages_are_refused(tmp_path, body):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UnreadableBody):
        ml(tmp_path, body)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000, "kilobytes"


@pytest.mark.parametrize("body", ["<m:Structure xmlns:m='m'/>", "<html/>", "<m:GenericData xmlns:m='m'/>"])
def test_other_messages_are_no_data(tmp_path, body):
    with pytest.raises(NotData):
        ml(tmp_path, body)


def test_structures_with_a_document_type_are_refused():
    with pytest.raises(UnreadableBody):
        sdmx_structure.flow(Text(HOSTILE["expansion"]))


def test_memory_does_not_grow_with_the_message(tmp_path):
    """Ten megabytes in one series; a tree of them takes more than a hundred."""
    ml(tmp_path, DATA.format(SERIES.format("2018", "1")))
    obs = '<g:Obs><g:ObsDimension value="2018"/><g:ObsValue value="1"/></g:Obs>'
    body = DATA.format(
        SERIES.format("2018", "1").replace("</g:Series>", obs * 150_000 + "</g:Series>")
    ).encode()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ml(tmp_path, body)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000, "kilobytes"


@quick
@given(st.binary(max_size=300), st.integers(0, 2_000), st.integers(0, 200))
def test_any_bytes_are_decoded_or_refused_by_an_error_of_ours(tmp_path, noise, at, cut):
    message = generic(IDS, {("A", "IT"): {"2018": "17", "2019": "23"}})
    packed = archive([("54", "%", "Italia", "2018", "17,5")])
    for whole, read in ((message, ml), (packed, old)):
        at_ = at % len(whole)
        for body in (noise, whole[:at_] + noise + whole[at_ + cut :]):
            try:
                result = read(tmp_path, body)
            except (UnreadableBody, StructureChanged, NotData):
                continue
            for row in rows(result):
                assert row[-3] is None or isinstance(row[-3], float)


# -- the archive


def test_the_archive_with_points_commas_and_holes(tmp_path):
    body = archive(
        [
            ("054", "percentuale", "Sicilia", "2022", "8,1"),
            ("054", "percentuale", "Sicilia", "2021", "8.3"),
            ("054", "percentuale", "Sicilia", "2020", ""),
            ("054", "percentuale", "Italia", "2020", "-"),
            ("054", "percentuale", "Lazio", "2020", "INF"),
            ("0", "numero", "Valle d'Aosta/Vallée d'Aoste", "1981", "-12"),
        ]
    )
    assert rows(old(tmp_path, body)) == [
        ("A", "0", "numero", "Valle d'Aosta/Vallée d'Aoste", "1981", -12.0, "", None),
        ("A", "54", "percentuale", "Sicilia", "2021", 8.3, "", None),
        ("A", "54", "percentuale", "Sicilia", "2022", 8.1, "", None),
    ]


def packed(*members: tuple[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in members:
            zipped.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return file.getvalue()


GOOD = b"COD_INDICATORE;UNITA_MISURA;DESCRIZIONE_RIPARTIZIONE;ANNO_RIFERIMENTO;VALORE\r\n"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (packed(("a.csv", GOOD), ("b.csv", GOOD)), "2 members"),
        (packed(), "0 members"),
        (packed(("../a.csv", GOOD)), "top of the archive"),
        (packed(("/etc/a.csv", GOOD)), "top of the archive"),
        (packed(("..\\a.csv", GOOD)), "top of the archive"),
        (packed(("a.exe", GOOD)), "no CSV"),
        (packed(("a.csv", "a;b\r\n".encode("utf-16"))), "zero bytes"),
        (packed(("a.csv", GOOD + b"1;%;Italia;2020;1.234,5\r\n")), "row 2, column VALORE"),
        (packed(("a.csv", GOOD + b"1;%;Italia;2020;n.d.\r\n")), "row 2, column VALORE"),
        (packed(("a.csv", GOOD + b"1;%;Italia;2020\r\n")), "line"),
        (packed(("a.csv", GOOD + b"1;%;Italia;duemila;1\r\n")), "duemila"),
        (packed(("a.csv", GOOD))[:-30], "zip"),
        (packed(("a.csv", b"COD_INDICATORE;VALORE\r\n")), "gone: anno_riferimento"),
        (packed(("a.csv", GOOD.replace(b"VALORE", b"VALORE;VALORE"))), "twice"),
    ],
)
def test_archives_that_are_none_are_refused(tmp_path, body, told):
    with pytest.raises(SourceError) as failure:
        old(tmp_path, body)
    assert told in failure.value.message
    assert not (tmp_path / "staged" / "archive.csv").exists()


def test_a_zip_bomb_meets_the_cap_before_the_disk(tmp_path, monkeypatch):
    from sources.formats import regional_archive

    monkeypatch.setattr(regional_archive, "LARGEST", 1_000_000)
    bomb = packed(("a.csv", GOOD + bytes(20_000_000)))
    with pytest.raises(UnreadableBody, match="expands to"):
        old(tmp_path, bomb)
    # an archive that understates its size is not believed
    lying = bomb.replace((20_000_000 + len(GOOD)).to_bytes(4, "little"), (500_000).to_bytes(4, "little"))
    with pytest.raises(SourceError):
        old(tmp_path, lying)


# -- slices


@settings(quick, max_examples=8)
@given(TABLES, st.randoms(use_true_random=False))
def test_slices_add_up_to_the_whole(tmp_path, table, chance):
    cut = [(key, row) for key, row in table.items()]
    chance.shuffle(cut)
    answers = []
    for number, (key, row) in enumerate(cut):
        data, path = generic(IDS, {key: row}), tmp_path / f"answer{number}"
        path.write_bytes(data)
        answers.append(
            Body(
                path, f"u{number}", 200, {}, {}, datetime.now(UTC), len(data), len(data), "", False, data[:9]
            )
        )
    asked = [
        slices.Slice({"freq": [key[0]]}, answer.url, answer)
        for (key, _), answer in zip(cut, answers, strict=True)
    ]
    asked.append(slices.Slice({"freq": ["Q"]}, "u", None))
    body = slices.pack(asked, tmp_path / "body", 10**9)
    assert not any(answer.path.exists() for answer in answers)
    found = slices.unpack(body.path, tmp_path / "answers")
    parts = [
        (query, REGISTRY["sdmx-ml"](BodyFile(path), TableSpec(NAMES), tmp_path / f"p{i}"))
        for i, (query, path) in enumerate(found)
    ]
    together = slices.merge(parts, NAMES, tmp_path / "together")
    assert rows(together) == rows(ml(tmp_path, generic(IDS, table)))
    assert duckdb.sql(f"select count(*) = max(series) from read_parquet('{together.series}')").fetchone() == (
        True,
    )


@pytest.mark.parametrize(
    "noise", [b"", b"no tar", gzip.compress(b"no tar either", mtime=0), gzip.compress(bytes(10_240), mtime=0)]
)
def test_other_bodies_in_slices_are_refused(tmp_path, noise):
    (tmp_path / "body").write_bytes(noise)
    with pytest.raises(UnreadableBody):
        slices.unpack(tmp_path / "body", tmp_path / "answers")
