"""The HTTP client and the rate limits, against a real server on loopback: deadlines, redirects, interruption, state on disk."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sources.catalogue import Dataset, load_catalogue
from sources.common.version import version
from sources.doctor import examine
from sources.errors import (
    BrokenRead,
    Interrupted,
    NotData,
    RateLimited,
    RedirectedElsewhere,
    TooSlow,
    Unavailable,
)
from sources.http.client import Client
from sources.http.rate_limit import state_folder
from sources.http.stopping import Stop
from sources.protocols.eurostat import Eurostat
from sources.protocols.istat import Istat
from sources.providers import Provider, load_providers
from tests.provider import Answer, EurostatServer
from tests.provider_istat import REST, IstatServer

CELLS = {("A", "PC", "T", "Y20-64", "ITG1"): {"2024": "50.7"}}
DIMENSIONS = ["freq", "unit", "sex", "age", "geo"]


@pytest.fixture
def table() -> Dataset:
    return load_catalogue()["lfst_r_lfe2emprt"]


@pytest.fixture
def server(table: Dataset) -> Iterator[EurostatServer]:
    with EurostatServer() as up:
        up.table(table.code, DIMENSIONS, CELLS)
        yield up


@pytest.fixture
def provider(server: EurostatServer, tmp_path: Path) -> Provider:
    return quick("eurostat", server.base_url)


def quick(name: str, base_url: str, **more: Any) -> Provider:
    fast = {"base_url": base_url, "min_interval_s": 0, "backoff_s": 0, "attempts": 2, "async_poll_s": 30}
    return load_providers()[name].model_copy(update=fast | more)


def fetch(provider: Provider, table: Dataset, folder: Path, stop: Stop | None = None) -> list[Any]:
    folder.mkdir(exist_ok=True)
    return Eurostat(Client(provider, folder / "pace", stop=stop), folder).fetch(table, None)


@pytest.mark.parametrize("behaviour", ["drip_headers", "slow_drip", "hang"])
def test_one_deadline_ends_an_exchange_its_headers_included(server, provider, table, tmp_path, behaviour):
    server.behave(table.code, behaviour)
    slow = provider.model_copy(update={"max_seconds": 0.6, "read_timeout_s": 600, "attempts": 1})
    with pytest.raises(TooSlow):
        fetch(slow, table, tmp_path)


@pytest.mark.parametrize("behaviour", ["drip_headers", "slow_drip", "hang", "async_never"])
def test_a_run_that_is_to_end_waits_for_no_provider(server, provider, table, tmp_path, behaviour):
    server.behave(table.code, behaviour)
    patient = provider.model_copy(
        update={"max_seconds": 600, "read_timeout_s": 600, "async_budget_s": 600, "host_budget_s": 6000}
    )
    stop, ended = Stop(), threading.Event()
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            fetch(patient, table, tmp_path, stop)
        except BaseException as failure:
            failures.append(failure)
        ended.set()

    threading.Thread(target=ask, daemon=True).start()
    while not any(request.code == table.code for request in server.requests):
        assert not ended.wait(0.02)
    stop.set()
    # the test would wait for minutes if the run did
    assert ended.wait(120) and isinstance(failures[0], Interrupted)


def test_a_run_that_is_to_end_does_not_wait_for_its_turn(server, provider, table, tmp_path):
    slow = provider.model_copy(update={"min_interval_s": 600})
    stop = Stop()
    client = Client(slow, tmp_path / "pace", stop=stop)
    client.limiter.acquire({}, time.monotonic() + 6000)
    threading.Timer(0.2, stop.set).start()
    with pytest.raises(Interrupted):
        client.limiter.acquire({}, time.monotonic() + 6000)


def test_a_redirect_stays_on_its_origin_or_goes_where_the_providers_file_allows(
    server, provider, table, tmp_path
):
    server.behave(table.code, "redirect")
    assert fetch(provider, table, tmp_path)
    server.behave_well()
    with EurostatServer() as other:
        other.table(table.code, DIMENSIONS, CELLS)
        server.behave(table.code, "redirect_port", argument=other.port)
        with pytest.raises(RedirectedElsewhere):
            fetch(provider, table, tmp_path)
        assert other.requests == []
        listed = provider.model_copy(update={"redirects_to": [f"http://127.0.0.1:{other.port}"]})
        assert fetch(listed, table, tmp_path) and len(other.requests) == 1


@pytest.mark.parametrize("behaviour", ["html_200", "page_behind_comment", "page_behind_declaration"])
def test_a_page_is_an_interruption_of_service_and_asked_for_again(
    server, provider, table, tmp_path, behaviour
):
    server.behave(table.code, behaviour, times=1)
    assert fetch(provider, table, tmp_path), "the second attempt is answered"
    server.behave(table.code, behaviour)
    with pytest.raises(Unavailable):
        fetch(provider, table, tmp_path)


@pytest.mark.parametrize(
    "body",
    [
        b"<!-- cache -->\n<!DOCTYPE html><html>busy</html>",
        b'\xef\xbb\xbf<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "x" "y"><html/>',
        b"<!-- one --><!-- two -->\r\n<HTML><body>busy</body></HTML>",
        b"<?xml version='1.0'?><!-- a > b --><html xmlns='http://www.w3.org/1999/xhtml'/>",
    ],
)
def test_a_page_behind_anything_is_a_page_for_istat_too(tmp_path, body):
    entry = load_catalogue()["istat_bes_territ_11"]
    with IstatServer() as istat:
        istat.say("*/dataflow/*", 200, body, "text/html")
        client = Client(quick("istat", istat.host + REST), tmp_path / "pace")
        with pytest.raises(Unavailable):
            Istat(client, tmp_path).fetch(entry, None)
        assert len(istat.requests) == 2, "asked again"


def test_an_error_whose_id_is_no_number_is_told_in_the_providers_words(server, provider, table, tmp_path):
    server.behave(table.code, "error_without_number")
    with pytest.raises(NotData, match="E100 boom"):
        fetch(provider, table, tmp_path)


@pytest.mark.parametrize("year", [2001, 2099])
def test_a_stamp_that_lies_costs_the_stamp_and_not_the_table(server, provider, table, tmp_path, year):
    server.table(table.code, DIMENSIONS, CELLS, last_change=datetime(year, 1, 1, tzinfo=UTC))
    (found,) = fetch(provider, table, tmp_path)
    assert found.provider_updated_at is None and found.body.size


def test_bulk_addresses_are_compressed_although_the_inventory_lists_them_plain(
    server, provider, table, tmp_path
):
    (found,) = fetch(provider, table, tmp_path)
    assert found.body.gzipped and found.body.url.endswith("format=TSV&compressed=true")


def test_requests_name_the_version_and_whom_to_write_to(server, provider, table, tmp_path, monkeypatch):
    fetch(provider, table, tmp_path)
    assert server.requests[-1].headers["User-Agent"] == f"distretto/{version()}"
    monkeypatch.setenv("DISTRETTO_CONTACT", "mailto:dati@example.org\r\nX: y")
    fetch(provider, table, tmp_path)
    assert (
        server.requests[-1].headers["User-Agent"] == f"distretto/{version()} (+mailto:dati@example.orgX: y)"
    )


# -- rate limits on disk


def test_two_data_folders_share_the_rate_limit_of_a_machine(server, provider, table, tmp_path):
    server.behave(table.code, "rate_limited", argument=3600)
    with pytest.raises(RateLimited):
        fetch(provider, table, tmp_path / "one")
    asked = len(server.requests)
    with pytest.raises(RateLimited):
        fetch(provider, table, tmp_path / "two")
    assert len(server.requests) == asked


def test_a_ban_of_an_older_data_folder_is_taken_over(server, provider, table, tmp_path):
    former = tmp_path / "pace" / "127.0.0.1.json"
    former.parent.mkdir()
    former.write_text(json.dumps({"last": time.time(), "not_before": time.time() + 3600}))
    with pytest.raises(RateLimited):
        fetch(provider, table, tmp_path)
    assert server.requests == [] and not former.exists()
    banned = Client(provider, tmp_path / "another").limiter.state().not_before
    assert banned is not None and 3500 < (banned - datetime.now(UTC)).total_seconds() <= 3600


@pytest.mark.parametrize(
    "text",
    ["[]", "null", "7", '"x"', "{", '{"last": "yesterday", "hour": 5, "not_before": null, "week": [], "week_bytes": "x"}',
     '{"hour": [null, "x", {}]}', '{"last": NaN}', "[" * 5000, '{"not_before": 1e300}'],
)  # fmt: skip
def test_a_rate_limit_file_of_a_wrong_type_is_written_again_and_said(
    server, provider, table, tmp_path, caplog, text
):
    file = state_folder() / "pace" / "127.0.0.1.json"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert fetch(provider, table, tmp_path)
    assert set(json.loads(file.read_text())) == {"last"}
    assert "replaced" in caplog.text


def test_without_a_place_for_state_the_data_folder_keeps_it(
    server, provider, table, tmp_path, monkeypatch, caplog
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DISTRETTO_STATE", str(tmp_path / "file"))
    assert fetch(provider, table, tmp_path)
    assert (tmp_path / "pace" / "127.0.0.1.json").exists() and "DISTRETTO_STATE" in caplog.text


# -- the doctor


def test_the_doctor_asks_one_small_request_and_sets_no_ban(tmp_path):
    with IstatServer() as istat:
        istat.answer_of["*"] = Answer(403, b"Forbidden")
        found = examine(quick("istat", istat.host + REST), tmp_path, [], ask=True)
        assert found.answers is True and found.not_before is None
        assert istat.asked == ["dataflow/IT1/DF_BES_TERRIT_11"]


def test_doctor_then_a_night_then_a_probe_stay_within_istats_five_a_minute(tmp_path):
    """A minute here lasts two seconds, and the interval that ships, fifteen seconds, as much shorter."""
    entry = load_catalogue()["istat_bes_territ_11"]
    shipped = 15
    with IstatServer() as istat:
        istat.minute_s = 2.0
        istat.publish(
            entry.code,
            ["FREQ", "REF_AREA", "DOMAIN", "DATA_TYPE", "SEX", "EDITION"],
            {("A", "ITG1", "BES_11", "11RIC002", "T", "2025"): {"2022": "15.6"}},
        )
        provider = quick("istat", istat.host + REST, min_interval_s=shipped * istat.minute_s / 60)
        examine(provider, tmp_path, [], ask=True)
        (found,) = Istat(Client(provider, tmp_path), tmp_path).fetch(entry, None)
        assert found.body.size
        structure = Istat(Client(provider, tmp_path), tmp_path).structure(entry)
        assert structure.codes == {"data_type": {"11RIC002"}}
        assert len(istat.asked) == 6
        constraint = f"availableconstraint/IT1,{entry.code},1.0/all/all/DATA_TYPE"
        assert istat.asked[-1] == constraint and istat.asked.count(constraint) == 1


def test_a_broken_connection_keeps_its_cause(server, provider, table, tmp_path):
    server.behave(table.code, "drop_connection")
    with pytest.raises(BrokenRead) as raised:
        fetch(provider, table, tmp_path)
    assert raised.value.__cause__ is not None
