"""A whole first night against servers that record it: what every table of the catalogue really sends, beside what `--plan` says.

Belongs here: the requests of all entries together. Does not belong here: what a provider's answers do (`test_istat.py` and its
like), and requests that are only built (`test_requests.py`). Structures are those of `structures.yml`; figures are made up.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sources.applicants import applicants
from sources.catalogue import Dataset, load_catalogue
from sources.concepts import provider_query
from sources.errors import SourceError
from sources.http.client import Client
from sources.plan import plan
from sources.protocols.interface import implementation
from sources.providers import Provider, load_providers
from sources.structures import evidence_of
from tests.provider import Answer, EurostatServer
from tests.provider_istat import ARCHIVE, REST, IstatServer, archive
from tests.provider_oecd import REST as OECD_REST
from tests.provider_oecd import OecdServer
from tests.provider_ops import BASE_PATH, KEY, SEARCH, SECRET, Document, OpsServer

LONGEST = 255


def dimensions(dataset: Dataset, provider: Provider) -> list[str]:
    """The provider's dimensions, in its order where that is known."""
    if known := evidence_of(dataset):
        return known.dimensions
    theirs = {ours: given.lower() for given, ours in provider.renames.items()}
    found = [theirs.get(d, d) for d in dataset.dimensions if d != dataset.collect_rest]
    return found + ([dataset.keep_latest] if dataset.keep_latest else [])


def cells(dataset: Dataset, provider: Provider) -> dict[tuple[str, ...], dict[str, str]]:
    """A figure of Sicily for each code that the entry asks for of its slices, and one of all else."""
    asked = provider_query(dataset.query, provider)
    theirs = {ours: given.lower() for given, ours in provider.renames.items()}
    sliced = theirs.get(dataset.slices or "", dataset.slices)
    names = dimensions(dataset, provider)
    keys: list[tuple[str, ...]] = [()]
    for name in names:
        codes = asked.get(name) or asked.get(name.upper()) or [_any(name)]
        keys = [(*key, code) for key in keys for code in (codes if name == sliced else codes[:1])]
    return {key: {"2022": "5"} for key in keys}


def _any(name: str) -> str:
    return {"freq": "A", "geo": "ITG1", "ref_area": "ITG1", "edition": "2026M9G12"}.get(name, "X")


class Night:
    """Every dataset of a host, asked for once, and what arrived."""

    def __init__(self, stack: ExitStack, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("DISTRETTO_PROVIDERS", raising=False)
        for name, value in (("EPO_OPS_KEY", KEY), ("EPO_OPS_SECRET", SECRET)):
            monkeypatch.setenv(name, value)
        self.shipped, self.catalogue = load_providers(), load_catalogue()
        for provider in self.shipped.values():
            for name in provider.unset:
                monkeypatch.setenv(name, "yes")
        eurostat, istat, oecd = (
            stack.enter_context(made) for made in (EurostatServer(), IstatServer(), OecdServer())
        )
        self.ops, self.files = stack.enter_context(OpsServer()), stack.enter_context(EurostatServer())
        istat.archive = archive([("054", "percentuale", "Sicilia", "2022", "8,1")])
        self.files.answer_of["*"] = Answer(200, b"territorio;ateco;2026-01\nITALIA;TOTAL;1\n", "text/csv")
        named = [name for several in applicants().applicants.values() for name in several.names]
        self.ops.documents = [
            Document(f"{year}0601", named, ["H01L21/00", "B81B1/00"]) for year in range(1990, 2027)
        ]
        self.servers = {
            "eurostat": (eurostat, eurostat.base_url),
            "istat": (istat, istat.host + REST),
            "istat_archive": (istat, istat.host + ARCHIVE),
            "oecd": (oecd, oecd.host + OECD_REST),
            "epo_ops": (self.ops, self.ops.host + BASE_PATH),
        }
        flows: dict[str, dict[tuple[str, ...], dict[str, str]]] = {}
        for dataset in self.catalogue.values():
            provider = self.shipped[dataset.provider]
            # two entries may ask for parts of one flow
            made = flows.setdefault(dataset.code, {})
            made |= cells(dataset, provider)
            names = dimensions(dataset, provider)
            match dataset.provider:
                case "eurostat":
                    eurostat.table(dataset.code, names, made)
                case "istat":
                    istat.publish(dataset.code, [name.upper() for name in names], made)
                case "oecd":
                    oecd.publish(dataset.code, [name.upper() for name in names], made)
        self.failed: dict[str, SourceError] = {}
        for provider in self.shipped.values():
            if provider.base_url.startswith("http"):
                self._ask(provider, folder)

    def _ask(self, shipped: Provider, folder: Path) -> None:
        _, address = self.servers.get(shipped.id, (self.files, f"http://127.0.0.1:{self.files.port}/files"))
        quick = {"min_interval_s": 0, "max_per_hour": None, "assumed_per_minute": 60_000, "attempts": 1}
        provider = shipped.model_copy(update=quick | {"base_url": address, "async_poll_s": 0.01})
        place = folder / shipped.id
        place.mkdir()
        protocol = implementation(provider.protocol)(Client(provider, place), place)
        mine = [dataset for dataset in self.catalogue.values() if dataset.provider == shipped.id]
        for dataset in sorted(mine, key=lambda dataset: dataset.slow):
            try:
                protocol.fetch(dataset, None)
            except SourceError as failure:
                self.failed[dataset.id] = failure

    @property
    def every_server(self) -> list[EurostatServer]:
        return list({id(s): s for s in [*(s for s, _ in self.servers.values()), self.files]}.values())


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    with ExitStack() as stack, pytest.MonkeyPatch.context() as monkeypatch:
        folder = tmp_path_factory.mktemp("night")
        monkeypatch.setenv("DISTRETTO_STATE", str(folder / "state"))
        yield Night(stack, folder, monkeypatch)


def test_every_table_of_a_host_is_answered(night: Night):
    """So that what the other tests see is the whole night, and not its beginning. A zip is made for no file of CORDIS."""
    assert {name: str(failure) for name, failure in night.failed.items() if name != "cordis_horizon"} == {}


def test_no_limit_of_a_provider_is_broken(night: Night):
    assert [violation for server in night.every_server for violation in server.violations] == []


def test_no_path_segment_is_longer_than_servers_take(night: Night):
    segments = [
        segment
        for server in night.every_server
        for request in server.requests
        for segment in urlsplit(request.target).path.split("/")
    ]
    assert len(segments) > 500 and max(map(len, segments)) <= LONGEST


def test_no_query_has_more_terms_than_epo_allows(night: Night):
    assert len(night.ops.searches) > 100
    assert [cql for cql in night.ops.searches if OpsServer._too_many_terms(cql)] == []


def test_every_bulk_address_is_asked_for_compressed(night: Night):
    eurostat, _ = night.servers["eurostat"]
    bulk = [r for r in eurostat.requests if "/sdmx/2.1/data/" in r.path and r.query.get("format") == ["TSV"]]
    assert len(bulk) > 15 and all(request.query.get("compressed") == ["true"] for request in bulk)


def test_the_plan_promises_no_fewer_requests_than_the_night_sends(night: Night, tmp_path: Path):
    planned = plan(night.catalogue.values(), night.shipped, tmp_path, {})
    hosts = {name: host for host in planned.hosts for name in host.providers}
    for name, (server, _) in night.servers.items():
        mine = [r for r in server.requests if name != "istat_archive" and not r.path.startswith(ARCHIVE)]
        if name == "epo_ops":
            mine = [r for r in mine if r.path == SEARCH]
        host = hosts[name]
        promised = host.requests + host.over_budget
        assert 0 < promised and len(mine) <= promised, (name, len(mine), promised)
        if name in ("eurostat", "istat", "oecd"):
            # and not many more
            assert promised <= 2 * len(mine) + 2, (name, len(mine), promised)
