"""`/api/v1/data`: the rows are those of the release, in every form; what is asked wrongly is refused in words."""

from __future__ import annotations

import csv
import io
import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import pytest
import python_calamine
import requests

from tests.test_serve import LONGEST

Connection = duckdb.DuckDBPyConnection


def get(url: str, **headers: str) -> requests.Response:
    return requests.get(url, headers=headers, timeout=LONGEST)


def refusal(response: requests.Response) -> dict[str, Any]:
    """The problem document of a response that is one."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    assert "Traceback" not in response.text and ".py" not in response.text
    problem = response.json()
    assert {"type", "title", "status", "detail"} <= problem.keys()
    assert problem["status"] == response.status_code
    return problem


def test_rows_are_those_of_the_release(address: str, con: Connection, release: Path):
    answer = get(
        f"{address}/api/v1/data.json?indicator=enterprise_birth_rate,enterprise_births&geo=ITG17&geo=ITG1"
    )
    expected = con.execute("""
        select indicator, geo, period, value, flag, reliability, dataset from indicators
        where indicator in ('enterprise_birth_rate', 'enterprise_births') and geo in ('ITG1', 'ITG17') order by all""")
    found = [
        tuple(row[c] for c in ("indicator", "geo", "period", "value", "flag", "reliability", "dataset"))
        for row in answer.json()["data"]
    ]
    assert found == expected.fetchall() and len(found) > 20
    assert answer.json()["total"] == len(found)
    assert answer.json()["release"] == answer.headers["x-distretto-release"] == release.name


def test_every_form_has_the_same_rows(address: str, tmp_path: Path):
    words = "indicator=epo_applications&geo=ITG17&period=2008:"
    rows = get(f"{address}/api/v1/data.json?{words}").json()["data"]
    values = [row["value"] for row in rows]
    assert len(values) > 3
    table = list(csv.DictReader(io.StringIO(get(f"{address}/api/v1/data.csv?{words}").text)))
    assert [float(row["value"]) if row["value"] else None for row in table] == values
    assert [row["known_from"] for row in table] == [row["known_from"] for row in rows]
    (tmp_path / "data.parquet").write_bytes(get(f"{address}/api/v1/data.parquet?{words}").content)
    stored = duckdb.sql(f"select value from '{tmp_path / 'data.parquet'}'").fetchall()
    assert [value for (value,) in stored] == values
    workbook = get(f"{address}/api/v1/data.xlsx?{words}").content
    (head, *lines) = (
        python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(workbook)).get_sheet_by_index(0).to_python()
    )
    assert head == list(rows[0])
    assert [line[head.index("value")] or None for line in lines] == pytest.approx(values)


def test_a_code_of_a_provider_gives_every_series_with_its_dimensions(address: str, con: Connection):
    rows = get(f"{address}/api/v1/data.json?indicator=V11920&geo=ITG17&period=2019").json()["data"]
    expected = con.execute(
        "select sizeclas, value from observations where indicator = 'V11920' and geo = 'ITG17' and period = '2019'"
    ).fetchall()
    assert sorted((row["dimensions"]["sizeclas"], row["value"]) for row in rows) == sorted(expected)
    assert all(None not in row["dimensions"].values() for row in rows)


@pytest.mark.parametrize(
    ("words", "condition"),
    [
        ("2015:2017", "period between '2015' and '2017'"),
        (":2010", "period <= '2010'"),
        ("2018:", "period >= '2018'"),
        ("2012,2016:2017", "period in ('2012', '2016', '2017')"),
        ("1801", "false"),
    ],
)
def test_periods_are_single_ones_and_ranges(address: str, con: Connection, words: str, condition: str):
    rows = get(f"{address}/api/v1/data.json?indicator=enterprise_births&geo=ITG1&period={words}").json()[
        "data"
    ]
    expected = con.execute(
        f"select period from indicators where indicator = 'enterprise_births' and geo = 'ITG1' and {condition} order by 1"
    )
    assert [(row["period"],) for row in rows] == expected.fetchall()


def test_figures_are_those_known_at_the_moment_asked_for(address: str, con: Connection):
    (first,) = con.execute("select min(known_from) from vintages where dataset = 'bd_size_r3'").fetchone()
    moments = [
        f"{first.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        "2020-01-01",
        f"{datetime.now(UTC):%Y-%m-%d}",
    ]
    url = f"{address}/api/v1/data.json?indicator=V11920&geo=ITG17&asOf="
    totals = [get(url + moment).json()["total"] for moment in moments]
    assert totals[1] == 0 and totals[0] == totals[2] > 0
    assert (
        get(f"{address}/api/v1/data.json?indicator=enterprise_births&geo=ITG17&asOf=2020-01-01").json()[
            "data"
        ]
        == []
    )


def test_pages_together_are_the_whole(address: str):
    words = "indicator=enterprise_births&geo=ITG1,ITG17,IT"
    whole = get(f"{address}/api/v1/data.json?{words}").json()
    assert whole["next"] is None
    rows, following = [], f"/api/v1/data.json?{words}&limit=7"
    while following:
        page = get(address + following)
        assert page.headers["x-total-count"] == str(whole["total"])
        assert len(page.json()["data"]) <= 7
        rows += page.json()["data"]
        following = page.json()["next"]
        assert ("link" in page.headers) == bool(following)
    assert rows == whole["data"]


def test_an_answer_has_an_etag_and_is_not_sent_twice(address: str):
    url = f"{address}/api/v1/data.csv?indicator=enterprise_births&geo=ITG1"
    first = get(url)
    again = get(url, **{"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert get(url.replace("ITG1", "ITG17"), **{"If-None-Match": first.headers["etag"]}).status_code == 200
    assert first.headers["cache-control"] == "public, no-cache", (
        "the current release may be another one next time"
    )
    assert requests.head(url, timeout=LONGEST).headers["etag"] == first.headers["etag"]


def test_pages_of_every_origin_may_read(address: str):
    url = f"{address}/api/v1/data.json?geo=ITG17&limit=1"
    assert get(url, Origin="http://other.example").headers["access-control-allow-origin"] == "*"
    wrong = get(f"{address}/api/v1/data.json?x=1", Origin="http://other.example")
    assert wrong.status_code == 400 and wrong.headers["access-control-allow-origin"] == "*"
    preflight = requests.options(
        url, headers={"Origin": "http://o.example", "Access-Control-Request-Method": "POST"}, timeout=LONGEST
    )
    assert preflight.status_code == 400, "other origins read and do nothing else"


INJECTIONS = (
    "' or 1=1 --",
    "'; drop table indicators; --",
    '"',
    "x') union select * from release --",
    "${7*7}",
    "\\",
)


@pytest.mark.parametrize("parameter", ["indicator", "geo", "period", "asOf", "limit", "offset", "nothing"])
def test_sql_in_a_parameter_is_a_text_that_nothing_has(address: str, parameter: str):
    for text in (*INJECTIONS, "\x00", "\ud7ff\u202e", "é" * 500, "1e9", "../../release.json", ""):
        response = get(f"{address}/api/v1/data.json?{parameter}={quote(text)}")
        assert 400 <= response.status_code < 500, text
        problem = refusal(response)
        assert problem.get("parameter", parameter) == parameter
        assert len(problem["detail"]) < 1000


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        ("indicator=enterprise_birth_rat", 404, "enterprise_birth_rate"),
        ("geo=ITG99", 404, "ITG"),
        ("geo=catania", 404, "ITG17"),
        ("indicators=jobs", 400, "indicator"),
        ("asof=2026-01-01", 400, "asOf"),
        ("asOf=2026-02-30", 400, "2026-02-30"),
        ("asOf=soon", 400, "soon"),
        ("asOf=2999-01-01", 400, "2999"),
        ("asOf=2026-09-10T12:00:00+02:00", 400, "%2B"),
        ("asOf=2026-09-10&asOf=2026-09-11", 400, "once"),
        ("period=2019-Q5", 400, "2019-Q5"),
        ("period=2019:2015", 400, "before"),
        ("period=:", 400, "2015:2020"),
        ("limit=0", 400, "limit"),
        ("limit=100001", 400, "limit"),
        ("limit=ten", 400, "limit"),
        ("offset=-1", 400, "offset"),
        ("geo=ITG1,,ITG17", 400, "empty"),
    ],
)
def test_what_is_asked_wrongly_is_refused_with_the_next_step(
    address: str, words: str, status: int, told: str
):
    response = get(f"{address}/api/v1/data.json?{words}")
    problem = refusal(response)
    assert response.status_code == status
    assert told in json.dumps(problem, ensure_ascii=False)
    assert response.headers["x-distretto-release"]


def test_too_many_rows_are_refused_with_the_file_that_has_them(address: str, release: Path, con: Connection):
    """An xlsx has the smallest limit; every observation of every code exceeds it."""
    codes = [code for (code,) in con.execute("select distinct indicator from observations").fetchall()]
    response = get(f"{address}/api/v1/data.xlsx?indicator={','.join(map(quote, codes))}")
    problem = refusal(response)
    assert response.status_code == 413
    assert problem["rows"] > problem["most"] > 0
    assert f"{problem['most']:,}" in problem["detail"] and "limit" in problem["detail"]
    for file in problem["files"]:
        assert requests.head(address + file, timeout=LONGEST).status_code == 200
    assert f"/releases/{release.name}/observations.parquet" in problem["files"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/data.txt", 404),
        ("/api/v1/data.", 404),
        ("/api/v1/data", 404),
        ("/api/v1/data.json/..%2f..%2frelease.json", 404),
        ("/api/v1/data.json/../../../etc/passwd", 404),
        ("/api/v2/data.json", 404),
        ("/api/v1/data.csv%00", 404),
    ],
)
def test_other_addresses_are_no_files(address: str, path: str, status: int):
    with socket.create_connection(address.removeprefix("http://").split(":")) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    assert answer.split(b" ")[1] == str(status).encode() and b"application/problem+json" in answer


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_is_written(address: str, method: str):
    response = requests.request(method, f"{address}/api/v1/data.json", data=b"x" * 100, timeout=LONGEST)
    assert response.status_code == 405
    refusal(response)


@pytest.mark.parametrize(
    "headers",
    [
        "X: " + "a" * 200_000,
        "\r\n".join(f"X{n}: y" for n in range(20_000)),
        "If-None-Match: " + "W/" * 5_000,
        "Accept: " + "*/*;q=1," * 1_000,
        "Host: evil\r\nHost: twice",
        "Content-Length: -1",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Range: bytes=0-1,2-3,4-5",
    ],
    ids=["long", "many", "etags", "accept", "hosts", "length", "smuggling", "ranges"],
)
def test_headers_of_abuse_end_in_an_answer(address: str, headers: str):
    with socket.create_connection(address.removeprefix("http://").split(":"), timeout=LONGEST) as raw:
        host = "" if headers.startswith("Host") else "Host: t\r\n"
        head = f"GET /api/v1/data.json?limit=1 HTTP/1.1\r\n{host}Connection: close\r\n{headers}\r\n\r\n"
        try:
            raw.sendall(head.encode())
            answer = raw.recv(100)
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
    assert answer[9:12] in (b"200", b"400", b"431", b""), answer
    assert get(f"{address}/api/v1/data.json?limit=1").status_code == 200


def test_the_openapi_document_describes_what_is_answered(address: str):
    """Every parameter and column of the contract is taken and given, and nothing else."""
    contract = get(f"{address}/api/v1/openapi.json").json()
    assert contract["openapi"].startswith("3.1") and contract["info"]["version"]
    assert sorted(contract["paths"]) == [
        *(f"/api/v1/data.{form}" for form in ("csv", "json", "parquet", "xlsx")),
        "/figure/{geo}/{indicator}/{period}",
        "/verify-figure",
    ]
    schemas = contract["components"]["schemas"]
    for path, item in contract["paths"].items():
        operation = item["get"]
        for parameter in operation["parameters"]:
            assert parameter["description"] and parameter["in"] in ("query", "path")
            assert parameter["schema"].keys() & {"type", "enum"}
        examples = {p["name"]: p["example"] for p in operation["parameters"] if "example" in p}
        query = "&".join(
            f"{name}={quote(example)}" for name, example in examples.items() if f"{{{name}}}" not in path
        )
        response = get(f"{address}{path.format(**examples)}?{query}")
        assert response.status_code in (200, 400), response.text
        if response.status_code == 200:
            assert response.headers["content-type"].split(";")[0] in operation["responses"]["200"]["content"]
    assert all(f"#/components/schemas/{name}" in json.dumps(contract) for name in schemas)
    validator = pytest.importorskip("jsonschema").Draft202012Validator
    whole = {"$ref": "#/components/schemas/Page", "components": contract["components"]}
    page = get(f"{address}/api/v1/data.json?indicator=V11920,enterprise_births&geo=ITG17&limit=200").json()
    validator(whole).validate(page)
    assert page["data"][0].keys() == schemas["Row"]["properties"].keys()
    problem = {"$ref": "#/components/schemas/Problem", "components": contract["components"]}
    validator(problem).validate(get(f"{address}/api/v1/data.json?geo=x").json())
    for name, place in {
        "Figure": "/figure/ITG17/enterprise_birth_rate/2019",
        "Verdict": "/verify-figure?claim=ITG17 enterprise_birth_rate 2019 9.38",
    }.items():
        schema = {"$ref": f"#/components/schemas/{name}", "components": contract["components"]}
        answer = get(address + place).json()
        validator(schema).validate(answer)
        assert schemas[name]["properties"].keys() <= answer.keys()
