"""Real exchanges, replayed: each cassette with a whole body is served at its path and read by the code of a night.

A new cassette (`distretto record`) is copied into tests/cassettes/ with its origin; those whose meaning is not named below
are still read, and must be data or become a typed failure.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sources.cassettes import Cassette, Recorder
from sources.catalogue import load_catalogue
from sources.errors import (
    BadRequest,
    ExtractionTooBig,
    NotFound,
    NotReady,
    SourceError,
)
from sources.formats import sdmx_structure
from sources.http.client import Body, Client
from sources.protocols import eurostat, ops
from sources.protocols.eurostat import Eurostat
from sources.protocols.istat import Istat
from sources.providers import load_providers
from tests.conftest import World
from tests.provider_http import Answer, Request, Server

FOLDER = Path(__file__).parent / "cassettes"
CASSETTES = {path.stem: Cassette.load(path) for path in sorted(FOLDER.glob("*.json"))}
REPLAYED = {name: one for name, one in CASSETTES.items() if one.body is not None}
FAILURES: dict[str, type[SourceError]] = {
    "error_eurostat_200_warning_async": NotReady,
    "error_eurostat_400_bad_dimension": BadRequest,
    "error_eurostat_404_not_found": NotFound,
    "error_eurostat_413_async": NotReady,
    "error_eurostat_sdmx21_footer_413": NotReady,
    "error_eurostat_sdmx_too_big_faultstring_fragment": ExtractionTooBig,
}


class Replay(Server):
    """Answers each path with its cassette."""

    def __init__(self, cassettes: list[Cassette]) -> None:
        super().__init__()
        self.by_target = {urlsplit(one.url).path: one for one in cassettes}

    def answer(self, request: Request) -> Answer:
        self.record(request)
        if (one := self.by_target.get(urlsplit(request.target).path)) is None:
            return Answer(404)
        media = one.received.get("Content-Type", "application/octet-stream")
        return Answer(one.status, one.body or b"", media)


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[object]:
    """A function: the response to a cassette, fetched over HTTP and classified as its provider's."""

    def get(name: str) -> Body:
        one = REPLAYED[name]
        with Replay([one]) as server:
            client = _client(one.provider, f"http://127.0.0.1:{server.port}", tmp_path)
            classify = {
                "eurostat": eurostat.classify_response,
                "istat": Istat(client, tmp_path).classify_response,
            }
            if "/datastructure/" in one.url or "/contentconstraint/" in one.url:
                classify["eurostat"] = eurostat.classify_structure
            return client.get(
                f"http://127.0.0.1:{server.port}{urlsplit(one.url).path}",
                tmp_path / "body",
                classify=classify.get(one.provider, lambda status, body: None),
            )

    yield get


def _client(provider: str, base_url: str, folder: Path) -> Client:
    quick = {
        "base_url": base_url,
        "min_interval_s": 0,
        "assumed_per_minute": None,
        "backoff_s": 0,
        "attempts": 1,
    }
    return Client(load_providers()[provider].model_copy(update=quick), folder)


def test_every_cassette_says_where_it_comes_from_and_holds_no_secret():
    assert len(CASSETTES) >= 12
    for name, one in CASSETTES.items():
        assert one.origin, name
        headers = {header.lower() for header in (*one.sent, *one.received)}
        assert not headers & {"authorization", "cookie", "set-cookie"}, name
        assert one.made == ("made" in name)


@pytest.mark.parametrize("name", sorted(REPLAYED))
def test_what_a_cassette_holds_is_data_or_a_typed_failure(exchange, name):
    if expected := FAILURES.get(name):
        with pytest.raises(expected) as raised:
            exchange(name)
        assert raised.value.message and raised.value.hint
    else:
        body = exchange(name)
        assert body.sha256 == REPLAYED[name].sha256 and body.status == REPLAYED[name].status


def test_eurostats_structure_and_constraint_are_read(exchange):
    order = sdmx_structure.dimensions(exchange("eurostat_datastructure_demo_r_d2jan"))
    assert [name.lower() for name in order] == ["freq", "unit", "sex", "age", "geo"]
    codes = sdmx_structure.constraint(exchange("eurostat_contentconstraint_demo_r_d2jan"))
    assert {"freq", "unit", "sex", "age", "geo", "TIME_PERIOD"} <= set(codes)


def test_the_inventorys_address_is_asked_for_compressed(tmp_path):
    one = REPLAYED["eurostat_inventory_row_made"]
    with Replay([one]) as server:
        base = f"http://127.0.0.1:{server.port}/eurostat/api/dissemination"
        conversation = Eurostat(_client("eurostat", base, tmp_path), tmp_path)
        entry = load_catalogue()["bd_size_r3"]
        address = conversation._address(entry, conversation._entry(entry))
        # of a mirror: its own address, the provider's path
        assert address == f"{base}/sdmx/2.1/data/BD_SIZE_R3/?format=TSV&compressed=true"


def test_epos_result_is_counted_and_its_documents_are_told_apart(exchange):
    text = exchange("epo_search").text()
    assert ops.COUNTED.search(text)[1] == "10000"
    documents = [ops._identity(reference) for reference in ops.REFERENCE.findall(text)]
    assert len(set(documents)) == 5 and ("AU", "2025202342", "A1") in documents


def test_cordis_headings_are_those_that_the_decoder_reads():
    text = CASSETTES["cordis_organization_row"].head.decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text), delimiter=";")
    assert {"projectID", "country", "nutsCode", "ecContribution"} <= set(row) and len(row) == 25


def test_a_run_is_recorded_without_secrets_and_without_entering(world: World):
    folder = world.folder / "cassettes"
    outcome = world.run("record", "toy", "-o", str(folder), "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json == [{"dataset": "toy", "provider": "eurostat", "exchanges": 2, "result": "answered"}]
    inventory, data = (Cassette.load(path) for path in sorted(folder.iterdir()))
    assert "/files/inventory" in inventory.url and data.url.endswith("format=TSV&compressed=true")
    assert data.body is not None and data.body[:2] == b"\x1f\x8b" and data.head.startswith(b"freq,")
    assert data.received["Content-Type"] == "text/tab-separated-values" and "User-Agent" in data.sent
    assert not (world.home / "snapshots").exists() and not (world.home / "releases").exists()
    again = world.run("record", "toy", "-o", str(folder))
    assert again.code == 1 and "not empty" in again.err
    world.server.behave("toy", 503)
    refused = world.run("record", "toy", "-o", str(world.folder / "more"), "--json")
    assert refused.code == 3 and refused.json[0]["result"].startswith("Unavailable")
    kept = [json.loads(path.read_text())["status"] for path in sorted((world.folder / "more").iterdir())]
    assert 503 in kept, "what was refused is what a report needs"


def test_a_recorder_starts_in_an_empty_folder(tmp_path):
    assert Recorder(tmp_path / "new").folder.is_dir()
