"""What providers say of their tables, damaged: structures, constraints, the inventory. A failure of ours or an answer, never
another exception, since one would end the night of every dataset."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sources.catalogue import load_catalogue
from sources.errors import SourceError
from sources.formats import sdmx_structure
from sources.http.client import Body
from sources.protocols.eurostat import Eurostat
from tests.conftest import TOY
from tests.fuzz import damaged
from tests.provider import BASE, EurostatServer
from tests.provider_istat import IstatServer
from tests.provider_oecd import OecdServer

BODIES = 1500


class Given(Body):
    """A body whose text is at hand."""

    def text(self) -> str:
        return self.head.decode("utf-8-sig", errors="replace")


def given(data: bytes) -> Body:
    return Given(Path(), "", 200, {}, {}, datetime.now(UTC), len(data), len(data), "", False, data)


def messages() -> dict[str, bytes]:
    """A sound message of each kind, as the providers on loopback write them."""
    eurostat, istat, oecd = EurostatServer(), IstatServer(), OecdServer()
    eurostat.table("toy", ["freq", "indic_sb", "geo"], TOY)
    istat.publish("toy", ["FREQ", "REF_AREA"], {("A", "IT"): {"2018": "1"}})
    oecd.publish("toy", ["FREQ", "REF_AREA"], {("A", "ITA"): {"2018": "1"}})
    table = eurostat.tables["toy"]
    return {
        "eurostat structure": eurostat._structure(table),
        "eurostat constraint": eurostat._constraint(table),
        "istat flow": istat._message(istat._dataflow("toy")).body,
        "istat structure": istat._message(istat._structure("toy")).body,
        "oecd constraint": oecd._message(oecd._constraint("toy")).body,
        "oecd flow": oecd._message(oecd._dataflow("toy")).body,
    }


@pytest.mark.parametrize("kind", messages())
def test_a_damaged_message_is_read_or_refused(kind):
    sound = messages()[kind]
    reads = [sdmx_structure.flow, sdmx_structure.dimensions, sdmx_structure.constraint, sdmx_structure.actual]
    outcomes = set()
    for number in range(BODIES):
        body = given(damaged(sound, random.Random(f"{kind}/{number}")))
        for read in reads:
            try:
                read(body)
                outcomes.add("read")
            except SourceError:
                outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_a_damaged_inventory_is_read_or_does_without():
    server = EurostatServer()
    server.table("bd_hgnace_r", ["freq", "indic_sb", "geo"], TOY)
    dataset = load_catalogue()["bd_hgnace_r"]
    sound = server._inventory()
    for number in range(BODIES):
        conversation = Eurostat(Silent(damaged(sound, random.Random(number))), Path())
        entry = conversation._entry(dataset)
        assert conversation._address(dataset, entry).startswith(f"http://127.0.0.1:9{BASE}/sdmx/")
        conversation.successors(dataset)


class Silent:
    """A client that has one answer."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.provider = type("Provider", (), {"base_url": f"http://127.0.0.1:9{BASE}"})

    def get(self, *_: object, **__: object) -> Body:
        return given(self.data)


@pytest.fixture
def python_limit() -> Iterator[None]:
    """The csv module's own limit, which frictionless lifts for the whole process."""
    before = csv.field_size_limit(131_072)
    yield
    csv.field_size_limit(before)


def test_an_inventory_with_an_endless_cell_is_done_without(python_limit):
    server = EurostatServer()
    server.table("bd_hgnace_r", ["freq", "indic_sb", "geo"], TOY)
    conversation = Eurostat(Silent(server._inventory().replace(b"DATASET", b"D" * 200_000)), Path())
    dataset = load_catalogue()["bd_hgnace_r"]
    assert conversation._entry(dataset) == {}
    assert conversation._address(dataset, {}).endswith("/data/BD_HGNACE_R?format=TSV&compressed=true")
    assert conversation.successors(dataset) is None
