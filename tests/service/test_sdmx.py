"""SDMX-REST where no client goes: what is not served is refused with 501, what is wrong with 4xx, and nothing is ignored."""

from __future__ import annotations

import pytest
import requests

from tests.service.test_data import INJECTIONS, get, refusal
from tests.test_serve import LONGEST

FLOW = "data/dataflow/DISTRETTO/bd_size_r3/1.0"
KEY = "ITG1.A.V11920.B-S_X_K642.0.NR"


@pytest.mark.parametrize(
    "path",
    [
        "availability/dataflow/DISTRETTO/bd_size_r3/1.0/*/GEO",
        "schema/dataflow/DISTRETTO/bd_size_r3/1.0",
        "metadata/metadataset/DISTRETTO/x",
        "registration/id/x",
        "data/provisionagreement/DISTRETTO/bd_size_r3/1.0",
        "data/dataflow/DISTRETTO/*/1.0",
        "data/dataflow/DISTRETTO/bd_size_r3,indicators/1.0",
        "structure/categoryscheme",
        "structure/*",
        "structure/dataflow?detail=allstubs",
        "structure/dataflow?references=parents",
        "structure/codelist?references=datastructure",
        f"{FLOW}?sort=asc",
        f"{FLOW}?reportingYearStartDay=--07-01",
        f"{FLOW}?dimensionAtObservation=GEO",
        f"{FLOW}?attributes=none",
        f"{FLOW}?measures=none",
        f"{FLOW}?c[OBS_VALUE]=gt:5",
        f"{FLOW}?c[OBS_STATUS]=A",
        f"{FLOW}?c[GEO]=gt:IT",
        f"{FLOW}?c[TIME_PERIOD]=sw:20",
        f"{FLOW}?c[GEO]=eq:IT,ne:ITG1",
        f"{FLOW}?c[GEO]=ne:IT,ne:ITG1",
    ],
)
def test_what_the_standard_has_and_this_server_does_not_is_501(address: str, path: str):
    response = get(f"{address}/sdmx/v2/{path}")
    assert response.status_code == 501
    assert "docs/api.md" in refusal(response)["detail"]


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        (f"{FLOW}/ITG1", 400, "GEO.FREQ.INDIC_SB"),
        (f"{FLOW}/ITG1.A.V11920.B-S_X_K642.0.NR.2019", 400, "7 positions"),
        (f"{FLOW}/ITG199.*.*.*.*.*", 404, "ITG1"),
        (f"{FLOW}?c[REGION]=IT", 400, "GEO"),
        (f"{FLOW}?c[GEO]=", 400, "empty"),
        (f"{FLOW}?c[GEO]=xx:IT", 400, "xx"),
        (f"{FLOW}?c[TIME_PERIOD]=ge:soon", 400, "soon"),
        (f"{FLOW}?c[GEO]=QQ", 404, "bd_size_r3"),
        (f"{FLOW}?asof=2026-01-01", 400, "asOf"),
        (f"{FLOW}?asOf=2026-02-30", 400, "2026-02-30"),
        (f"{FLOW}?asOf=2026-01-01&asOf=2026-01-02", 400, "once"),
        (f"{FLOW}?includeHistory=yes", 400, "true or false"),
        (f"{FLOW}?limit=0", 400, "limit"),
        (f"{FLOW}?firstNObservations=-1", 400, "firstNObservations"),
        ("data/dataflow/ESTAT/bd_size_r3/1.0", 404, "DISTRETTO"),
        ("data/dataflow/DISTRETTO/bd_size_r3/9.9", 404, "1.0"),
        ("data/dataflow/DISTRETTO/bd_size/1.0", 404, "bd_size_r3"),
        ("data/flow/DISTRETTO/bd_size_r3/1.0", 404, "dataflow"),
        ("data/dataflow/DISTRETTO//1.0", 404, "empty"),
        (f"{FLOW}/*/GEO/more", 404, "at most"),
        ("structure/dataflows", 404, "dataflow"),
        ("structure/codelist/DISTRETTO/CL_GEOS", 404, "CL_GEO"),
        ("structure/dataflow?format=xml", 400, "format"),
        ("dataflow/DISTRETTO", 404, "structure"),
    ],
)
def test_what_is_wrong_is_refused_with_the_next_step(address: str, path: str, status: int, told: str):
    response = get(f"{address}/sdmx/v2/{path}")
    assert response.status_code == status, response.text
    assert told in str(refusal(response))


@pytest.mark.parametrize(
    "place", ["{}", f"{FLOW}/{{}}", f"{FLOW}?c[GEO]={{}}", f"{FLOW}?c[{{}}]=IT", "structure/codelist/{}"]
)
def test_sql_and_path_tricks_find_nothing(address: str, place: str):
    for text in (*INJECTIONS, "%00", "..%2f..%2frelease.json", "%2e%2e/%2e%2e/etc/passwd", "%ff%fe"):
        response = get(f"{address}/sdmx/v2/{place.format(text)}")
        assert response.status_code in (400, 404, 501), text
        assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("*/*", 200),
        ("text/csv", 200),
        ("application/vnd.sdmx.data+csv;version=2.0.0", 200),
        ("application/vnd.sdmx.data+csv", 200),
        (
            "application/vnd.sdmx.data+json;version=2.0.0, application/vnd.sdmx.data+csv;version=2.0.0;q=0.5",
            200,
        ),
        ("application/vnd.sdmx.data+json;version=2.0.0", 406),
        ("application/vnd.sdmx.data+csv;version=1.0.0", 406),
        ("application/vnd.sdmx.data+csv;version=2.0.0;labels=both", 406),
        ("text/csv;q=0", 406),
    ],
)
def test_data_are_sdmx_csv_2_or_not_acceptable(address: str, accept: str, status: int):
    response = get(f"{address}/sdmx/v2/{FLOW}/{KEY}", Accept=accept)
    assert response.status_code == status
    if status == 200:
        assert response.headers["content-type"] == "application/vnd.sdmx.data+csv;version=2.0.0"
        assert response.text.startswith("STRUCTURE,STRUCTURE_ID,ACTION,GEO,FREQ,INDIC_SB")
    else:
        assert "application/vnd.sdmx.data+csv;version=2.0.0" in refusal(response)["available"]


@pytest.mark.parametrize(
    ("accept", "content_type", "start"),
    [
        ("*/*", "application/vnd.sdmx.structure+xml;version=2.1", "<?xml"),
        (
            "application/vnd.sdmx.structure+xml;version=3.0.0",
            "application/vnd.sdmx.structure+xml;version=3.0.0",
            "<?xml",
        ),
        ("application/json", "application/vnd.sdmx.structure+json;version=2.0.0", "{"),
    ],
)
def test_structures_come_in_the_format_that_is_accepted(
    address: str, accept: str, content_type: str, start: str
):
    response = get(f"{address}/sdmx/v2/structure/dataflow/DISTRETTO", Accept=accept)
    assert (response.status_code, response.headers["content-type"]) == (200, content_type)
    assert response.text.startswith(start)
    again = get(response.url, Accept=accept, **{"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304
    other = get(response.url, Accept="text/xml", **{"If-None-Match": response.headers["etag"]})
    assert other.status_code == 200, "another format is another answer"


def test_a_key_with_alternatives_and_open_positions_is_the_filter_of_the_same_codes(address: str):
    by_key = get(f"{address}/sdmx/v2/{FLOW}/ITG1+ITG17.A.V11920.*.*.*,IT.A.V11920.*.*.*").text
    by_filter = get(f"{address}/sdmx/v2/{FLOW}?c[GEO]=ITG1,ITG17,IT&c[INDIC_SB]=V11920").text
    assert by_key == by_filter and by_key.count("\n") > 50
    excluded = get(
        f"{address}/sdmx/v2/{FLOW}?c[GEO]=ITG1,ITG17,IT&c[INDIC_SB]=V11920&c[GEO]=ne:IT+ne:ITG17"
    ).text
    assert {line.split(",")[3] for line in excluded.splitlines()[1:]} == {"ITG1"}
    bounded = get(f"{address}/sdmx/v2/{FLOW}/{KEY}?c[TIME_PERIOD]=ge:2015+lt:2018").text
    assert [line.split(",")[9] for line in bounded.splitlines()[1:]] == ["2015", "2016", "2017"]


def test_the_indicators_are_a_dataflow_too(address: str):
    text = get(f"{address}/sdmx/v2/data/dataflow/DISTRETTO/indicators/1.0/enterprise_births.ITG17").text
    rows = requests.get(
        f"{address}/api/v1/data.json?indicator=enterprise_births&geo=ITG17", timeout=LONGEST
    ).json()["data"]
    assert [float(line.split(",")[6]) for line in text.splitlines()[1:]] == [row["value"] for row in rows]
