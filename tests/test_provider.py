"""The test provider does what it says, seen through requests alone."""

from __future__ import annotations

import csv
import gzip
import json
import os
import subprocess
import sys
import time
import zlib
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import requests

from tests.provider import ANSWERS, ERRORS, HOME, EurostatServer, Table

SPECIMENS = Path(os.environ.get("DISTRETTO_SPECIMENS", "../shared/data"))
ROOT = Path(__file__).parent.parent
DIMENSIONS = ["freq", "unit", "geo"]
CELLS = {
    ("A", "NR", "ITG1"): {"2010": "65.5", "2011": "60 b", "2012": ": c"},
    ("A", "NR", "ITG17"): {"2010": "0", "2012": "12.25 ep@C"},
    ("A", "P_MHAB", "ITG1"): {"2010": ":", "2012": ": @C"},
}
TSV = (
    b"freq,unit,geo\\TIME_PERIOD\t2010 \t2011 \t2012 \r\n"
    b"A,NR,ITG1\t65.5 \t60 b\t: c\r\n"
    b"A,NR,ITG17\t0 \t: \t12.25 ep@C\r\n"
    b"A,P_MHAB,ITG1\t: \t: \t: @C\r\n"
)


@pytest.fixture
def server():
    with EurostatServer() as server:
        server.table("some_table", DIMENSIONS, CELLS)
        yield server


@pytest.fixture
def get(server):
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Accept-Encoding"] = "gzip"

        def ask(path: str = "/sdmx/2.1/data/SOME_TABLE?format=TSV", **options) -> requests.Response:
            return session.get(server.base_url + path, **{"timeout": 5, "allow_redirects": False} | options)

        yield ask


def told(response: requests.Response) -> tuple[int, str]:
    """HTTP status, and fault or error code with the first word."""
    if response.text.startswith("{"):
        entry = response.json()["error"][0]
        return response.status_code, f"{entry['id']} {entry['label'].split()[0]}"
    code = response.text.split("<faultcode>")[1].split("<")[0]
    return response.status_code, f"{code} {response.text.split('<faultstring>')[1].split('<')[0].split()[0]}"


def test_tsv_is_written_as_eurostat_writes_it(get):
    assert get().content == TSV
    assert Table.parse(TSV.decode()).tsv() == TSV


@pytest.mark.parametrize("name", ["bd_size_r3", "pat_ep_rtot"])
def test_a_real_table_survives_reading_and_writing(name):
    path = SPECIMENS / "eurostat" / f"{name}.tsv.gz"
    if not path.exists():
        pytest.skip(f"{path} is absent (DISTRETTO_SPECIMENS)")
    with gzip.open(path, "rb") as handle:
        text = b"".join(line for line, _ in zip(handle, range(5000), strict=False))
    assert Table.parse(text.decode()).tsv() == text


def test_compressed_is_gzip_without_a_header(get):
    response = get("/sdmx/2.1/data/SOME_TABLE/?format=TSV&compressed=true")
    assert "Content-Encoding" not in response.headers
    assert "Content-Length" not in response.headers
    assert gzip.decompress(response.content) == TSV


def test_sdmx_csv_and_json_stat_hold_the_same_observations(get):
    rows = list(csv.reader(get("/sdmx/2.1/data/SOME_TABLE?format=SDMX-CSV").text.splitlines()))
    assert rows[0][-4:] == ["TIME_PERIOD", "OBS_VALUE", "OBS_FLAG", "CONF_STATUS"]
    assert rows[0][:-4] == ["DATAFLOW", "LAST UPDATE", *DIMENSIONS]
    assert [row[2:] for row in rows[1:]] == [
        ["A", "NR", "ITG1", "2010", "65.5", "", ""],
        ["A", "NR", "ITG1", "2011", "60", "b", ""],
        ["A", "NR", "ITG1", "2012", "", "c", ""],
        ["A", "NR", "ITG17", "2010", "0", "", ""],
        ["A", "NR", "ITG17", "2012", "12.25", "ep", "C"],
        ["A", "P_MHAB", "ITG1", "2012", "", "", "C"],
    ]
    assert rows[1][:2] == ["ESTAT:SOME_TABLE(1.0)", "13/05/26 11:00:00"]
    cube = get("/statistics/1.0/data/some_table?format=JSON&lang=EN").json()
    assert (cube["id"], cube["size"]) == (["freq", "unit", "geo", "time"], [1, 2, 2, 3])
    assert cube["value"] == {"0": 65.5, "1": 60, "3": 0, "5": 12.25}
    assert cube["status"] == {"1": "b", "2": "c", "5": "ep|C", "8": "|C"}
    assert cube["updated"] == "2026-05-13T11:00:00+0200"
    assert cube["dimension"]["geo"]["category"]["index"] == {"ITG1": 0, "ITG17": 1}


def test_inventory_gives_stamp_and_address(server, get):
    server.table("other", DIMENSIONS, CELLS, last_change=datetime(2026, 1, 9, 22, tzinfo=ZoneInfo("UTC")))
    answer = get("/files/inventory?type=data&lang=en")
    rows = {row["Code"]: row for row in csv.DictReader(answer.text.splitlines(), delimiter="\t")}
    assert rows["OTHER"]["Last data change"] == "2026-01-09T23:00:00+0100"
    address = rows["SOME_TABLE"]["Data download url (tsv)"]
    assert address == f"{server.base_url}/sdmx/2.1/data/SOME_TABLE/?format=TSV"
    assert get(address.removeprefix(server.base_url)).content == TSV


def test_a_replaced_table_has_a_later_stamp(server, get):
    before = server.tables["some_table"].last_change
    server.table("SOME_TABLE", DIMENSIONS, CELLS | {("A", "NR", "ITG18"): {"2010": "1"}})
    assert server.tables["some_table"].last_change > before
    assert b"ITG18" in get().content
    stamp = datetime(2026, 7, 1, 11, tzinfo=HOME)
    server.table("some_table", DIMENSIONS, TSV.decode().replace("65.5", "66"), last_change=stamp)
    assert get().content == TSV.replace(b"65.5", b"66")
    assert "2026-07-01T11:00:00+0200" in get("/files/inventory?type=data&lang=en").text


def test_a_file_is_served_byte_for_byte(server, get, tmp_path):
    path = tmp_path / "real.tsv.gz"
    path.write_bytes(gzip.compress(TSV, compresslevel=1))
    server.serve_file("real", path, datetime(2024, 1, 12, tzinfo=HOME))
    assert get("/sdmx/2.1/data/REAL?format=TSV&compressed=true").content == path.read_bytes()
    assert get("/sdmx/2.1/data/REAL?format=TSV").content == TSV
    assert get("/statistics/1.0/data/real?format=JSON").json()["value"]["0"] == 65.5


@pytest.mark.parametrize(
    ("key", "keys"),
    [
        ("A.NR.ITG17", ["A,NR,ITG17"]),
        ("..ITG1", ["A,NR,ITG1", "A,P_MHAB,ITG1"]),
        (".NR.ITG1+ITG17", ["A,NR,ITG1", "A,NR,ITG17"]),
        (".NR.ITG1%2BITG17", ["A,NR,ITG1", "A,NR,ITG17"]),
    ],
)
def test_a_key_is_positional(get, key, keys):
    lines = get(f"/sdmx/2.1/data/SOME_TABLE/{key}?format=TSV").text.splitlines()
    assert [line.split("\t")[0] for line in lines[1:]] == keys


def test_sdmx_heeds_start_period_and_ignores_filters(get):
    lines = get("/sdmx/2.1/data/SOME_TABLE?format=TSV&startPeriod=2011&geo=ITG17").text.splitlines()
    assert lines[0] == "freq,unit,geo\\TIME_PERIOD\t2011 \t2012 "
    assert len(lines) == 4


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/sdmx/2.1/data/SOME_TABLE/A.NR?format=TSV", (400, "140 INVALID_QUERY_NB_FILTERS:")),
        ("/sdmx/2.1/data/SOME_TABLE/A.NR.ITG99?format=TSV", (400, "150 INVALID_QUERY_DIMENSION_VALUE:")),
        (
            "/sdmx/2.1/data/SOME_TABLE?format=TSV&startPeriod=2030",
            (400, "150 INVALID_QUERY_DIMENSION_VALUE:"),
        ),
        ("/sdmx/2.1/data/SOME_TABLE/A.P_MHAB.ITG17?format=TSV", (404, "100 No")),
        ("/sdmx/2.1/data/NO_SUCH?format=TSV", (404, "100 ERR_NOT_FOUND_2:")),
        ("/statistics/1.0/data/no_such?format=JSON", (404, "100 ERR_NOT_FOUND_4:")),
        ("/statistics/1.0/data/some_table?format=JSON&nuts=ITG1", (400, "150 INVALID_QUERY_DIMENSION:")),
        ("/1.0/async/status/0f164c29", (400, "100 UNKNOWN_REQUEST:")),
        ("/1.0/async/data/0f164c29", (400, "100 UNKNOWN_REQUEST:")),
    ],
)
def test_wrong_questions_are_refused(get, path, expected):
    assert told(get(path)) == expected


def test_statistics_repeats_a_filter_and_takes_no_commas(get):
    cube = get("/statistics/1.0/data/SOME_TABLE?format=JSON&geo=itg1&geo=ITG17&unit=NR").json()
    assert cube["size"] == [1, 1, 2, 3]
    empty = get("/statistics/1.0/data/SOME_TABLE?format=JSON&geo=ITG1,ITG17").json()
    assert empty["value"] == {}
    assert 0 in empty["size"]


@pytest.mark.parametrize(
    ("behaviour", "sdmx", "statistics"),
    [
        (400, (400, "150 INVALID_QUERY_DIMENSION_VALUE:"), (400, "150 INVALID_QUERY_DIMENSION_VALUE:")),
        (404, (404, "100 ERR_NOT_FOUND_2:"), (404, "100 ERR_NOT_FOUND_4:")),
        (413, (413, "510 Response"), (413, "413 ASYNCHRONOUS_RESPONSE.")),
        (500, (500, "500 Internal"), (500, "500 Internal")),
        (503, (503, "503 Service"), (503, "503 Service")),
    ],
)
def test_status_codes_come_in_the_words_of_each_api(server, get, behaviour, sdmx, statistics):
    server.behave("some_table", behaviour)
    assert told(get()) == sdmx
    assert told(get("/statistics/1.0/data/some_table?format=JSON")) == statistics
    assert get("/files/inventory?type=data&lang=en").status_code == 200


@pytest.mark.parametrize(
    ("behaviour", "status", "body"),
    [
        ("too_big", 413, "eurostat_413_too_big.xml"),
        ("413_async", 413, "eurostat_413_async.json"),
        ("warning_200", 200, "eurostat_200_warning_async.json"),
        ("footer_413", 200, "eurostat_sdmx21_footer_413.xml"),
        ("html_200", 200, "eurostat_200_maintenance.html"),
    ],
)
def test_specimens_are_served_as_they_are(server, get, behaviour, status, body):
    server.behave("some_table", behaviour)
    response = get()
    assert (response.status_code, response.content) == (status, (ERRORS / body).read_bytes())


def test_short_refusals(server, get):
    server.behave("some_table", "rate_limited", times=1, argument=7)
    server.behave("some_table", "banned", times=1)
    server.behave("some_table", "fault_200", times=1)
    server.behave("some_table", "empty_body", times=1)
    limited, banned, fault, empty, good = (get() for _ in range(5))
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "7")
    assert banned.status_code == 403
    assert told(fault) == (200, "150 Semantic")
    assert (empty.status_code, empty.content) == (200, b"")
    assert good.content == TSV


def test_behaviours_are_used_up_and_forgotten(server, get):
    server.behave("inventory", 503, times=2)
    server.behave("*/data/some_t*", 500)
    statuses = [get("/files/inventory?type=data&lang=en").status_code for _ in range(3)]
    assert statuses == [503, 503, 200]
    assert get().status_code == 500
    server.behave_well()
    assert get().status_code == 200


def test_unknown_behaviours_are_refused(server):
    with pytest.raises(ValueError, match="slow_drip"):
        server.behave("some_table", "slow")
    with pytest.raises(ValueError, match="inventory has none"):
        server.behave("inventory", "latin1")


def ticket_of(response: requests.Response) -> str:
    assert response.status_code == 200
    assert "<queued><id>" in response.text
    return response.text.split("<id>")[1].split("<")[0]


def status_of(response: requests.Response) -> str:
    return response.text.split("<ns1:status>")[2].split("<")[0]


def test_async_is_queued_polled_and_served(server, get):
    server.behave("some_table", "async", argument=2)
    response = get()
    assert response.headers["Content-Type"] == "text/tab-separated-values"
    ticket = ticket_of(response)
    assert told(get(f"/1.0/async/data/{ticket}")) == (400, "100 DATA_NOT_YET_AVAILABLE:")
    assert ticket_of(get()) == ticket
    polls = [status_of(get(f"/1.0/async/status/{ticket}")) for _ in range(4)]
    assert polls == ["SUBMITTED", "PROCESSING", "AVAILABLE", "AVAILABLE"]
    assert get(f"/1.0/async/data/{ticket}").content == TSV
    assert get().content == TSV, "the same URL gives the finished result"
    server.table("some_table", DIMENSIONS, CELLS)
    assert ticket_of(get()) != ticket, "a new table is built anew"


def test_async_may_never_end_or_expire(server, get):
    server.behave("some_table", "async_never", times=1)
    ticket = ticket_of(get())
    polls = [status_of(get(f"/1.0/async/status/{ticket}")) for _ in range(4)]
    assert polls == ["SUBMITTED", "PROCESSING", "PROCESSING", "PROCESSING"]
    server.table("some_table", DIMENSIONS, CELLS)
    server.behave("some_table", "async_expired")
    ticket = ticket_of(get())
    polls = [status_of(get(f"/1.0/async/status/{ticket}")) for _ in range(3)]
    assert polls == ["SUBMITTED", "EXPIRED", "EXPIRED"]
    assert told(get(f"/1.0/async/data/{ticket}")) == (400, "100 UNKNOWN_REQUEST:")
    assert ticket_of(get()) != ticket


def test_async_on_statistics_is_a_warning_without_a_ticket(server, get):
    server.behave("some_table", "async", times=1)
    response = get("/statistics/1.0/data/some_table?format=JSON")
    assert (response.status_code, response.json()["warning"]["status"]) == (200, 413)
    assert "value" in get("/statistics/1.0/data/some_table?format=JSON").json()


def test_gzip_in_its_three_conditions(server, get):
    for behaviour in ("gzip_without_header", "gzip_with_header", "truncated_gzip"):
        server.behave("some_table", behaviour, times=1)
    bare, encoded, truncated = get(), get(), get()
    assert "Content-Encoding" not in bare.headers
    assert gzip.decompress(bare.content) == TSV
    assert encoded.headers["Content-Encoding"] == "gzip"
    assert encoded.content == TSV
    with pytest.raises(EOFError):
        gzip.decompress(truncated.content)


@pytest.mark.parametrize(
    ("behaviour", "first", "second"),
    [
        ("empty_table", rb"freq,unit,geo\TIME_PERIOD", None),
        ("reordered_dimensions", rb"geo,unit,freq\TIME_PERIOD", b"ITG1,NR,A\t65.5 \t60 b\t: c"),
        ("renamed_dimension", rb"freq,unit_new,geo\TIME_PERIOD", b"A,NR,ITG1\t65.5 \t60 b\t: c"),
        ("unreadable_cell", rb"freq,unit,geo\TIME_PERIOD", b"A,NR,ITG1\tn/a \t60 b\t: c"),
        ("latin1", rb"freq,unit,geo\TIME_PERIOD", b"A,NR,Forl\xec\t65.5 \t60 b\t: c"),
    ],
)
def test_damaged_figures(server, get, behaviour, first, second):
    server.behave("*", behaviour)
    header, *rows = get().content.split(b"\r\n")
    assert header == first + b"\t2010 \t2011 \t2012 "
    assert rows[0] == second if second else rows == [b""]
    assert get("/sdmx/2.1/data/SOME_TABLE?format=SDMX-CSV").status_code == 200
    assert get("/statistics/1.0/data/SOME_TABLE?format=JSON").status_code == 200
    assert b"SOME_TABLE" in get("/files/inventory?type=data&lang=en").content


def test_duplicated_keys(server, get):
    server.behave("some_table", "duplicated_keys")
    assert get().content == TSV + TSV.splitlines(keepends=True)[1]
    rows = get("/sdmx/2.1/data/SOME_TABLE?format=SDMX-CSV").text.splitlines()[1:]
    assert rows[-3:] == rows[:3]


def test_wrong_content_type(server, get):
    server.behave("some_table", "wrong_content_type")
    response = get()
    assert (response.headers["Content-Type"], response.content) == ("text/html", TSV)


def test_redirects(server, get):
    server.behave("some_table", "redirect")
    assert get().status_code == 302
    assert get(allow_redirects=True).content == TSV
    server.behave_well()
    server.behave("some_table", "redirect_elsewhere")
    assert get().headers["Location"].startswith(f"http://localhost:{server.port}/")
    server.behave_well()
    server.behave("some_table", "redirect_loop")
    with pytest.raises(requests.TooManyRedirects):
        get(allow_redirects=True)


def test_slow_drip_and_hang(server, get):
    server.behave("some_table", "slow_drip", times=1)
    server.behave("some_table", "hang", times=1)
    start = time.monotonic()
    with get(stream=True) as response:
        assert response.raw.read(3) == TSV[:3]
        assert time.monotonic() - start > 0.3
    with pytest.raises(requests.ReadTimeout):
        get(timeout=0.2)
    assert get().content == TSV


@pytest.mark.parametrize("behaviour", ["drop_connection", "reset_connection"])
def test_connections_break_in_mid_body(server, get, behaviour):
    server.behave("some_table", behaviour)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        get()


def test_a_zip_bomb_is_small_on_the_wire(server, get):
    server.behave("some_table", "zip_bomb", times=1, argument=20_000_000)
    body = get().content
    assert len(body) < 200_000
    assert len(zlib.decompress(body, wbits=31)) == 20_000_000
    server.behave("some_table", "zip_bomb")
    with get(stream=True) as response:
        inflate = zlib.decompressobj(wbits=31)
        assert inflate.decompress(response.raw.read(1000), 1 << 17) == bytes(1 << 17)


def test_a_huge_body_has_no_end(server, get):
    server.behave("some_table", "huge_body")
    with get(stream=True) as response:
        body = response.raw.read(3_000_000)
    assert len(body) == 3_000_000
    assert body.startswith(TSV)
    assert set(body[len(TSV) :].splitlines()[:-1]) == {TSV.splitlines()[-1]}


def test_down_and_up_on_the_same_port(server, get):
    address = server.base_url
    server.behave("some_table", "slow_drip")
    with get(stream=True) as dripping:
        server.stop()
        with pytest.raises(requests.exceptions.RequestException):
            assert len(dripping.content) < len(TSV)
    with pytest.raises(requests.ConnectionError):
        get()
    server.start()
    server.behave_well()
    assert (server.base_url, get().content) == (address, TSV)


def test_requests_are_recorded(server, get):
    started = time.time()
    get("/files/inventory?type=data&lang=en")
    get("/sdmx/2.1/data/SOME_TABLE/..ITG1?format=TSV", headers={"User-Agent": "someone"})
    inventory, table = server.requests
    assert (inventory.code, table.code) == ("inventory", "some_table")
    assert (table.method, table.query) == ("GET", {"format": ["TSV"]})
    assert table.path.endswith("/SOME_TABLE/..ITG1")
    assert table.headers["User-Agent"] == "someone"
    assert started <= inventory.time <= table.time <= time.time()


@pytest.mark.parametrize("behaviour", sorted(ANSWERS.keys() - {"hang", "drip_headers"}))
def test_every_behaviour_may_befall_the_inventory(server, get, behaviour):
    server.behave("inventory", behaviour)
    with get("/files/inventory?type=data&lang=en", stream=True) as response:
        assert response.status_code in (200, 302, 400, 403, 404, 413, 429, 500, 503)


def test_a_person_serves_a_folder(tmp_path):
    (tmp_path / "some_table.tsv.gz").write_bytes(gzip.compress(TSV))
    with subprocess.Popen(
        [sys.executable, "-m", "tests.provider", str(tmp_path)], cwd=ROOT, text=True, stdout=subprocess.PIPE
    ) as process:
        try:
            base = process.stdout.readline().strip()
            with requests.Session() as session:
                session.trust_env = False
                answer = session.get(f"{base}/sdmx/2.1/data/SOME_TABLE?format=TSV")
            assert answer.content == TSV
        finally:
            process.terminate()


def test_error_specimens_are_what_their_names_say():
    for path in ERRORS.glob("*.json"):
        told = json.loads(path.read_text())
        entry = told["warning"] if "warning" in told else told["error"][0]
        assert entry["status"] == (413 if "warning" in told else int(path.name.split("_")[1]))
