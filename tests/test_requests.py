"""Every request that the catalogue can make, built without a network and held against the limits of the real providers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import duckdb
import pytest

from sources.catalogue import Catalogue, Dataset, load_catalogue
from sources.concepts import provider_query
from sources.plan import KEYED, Plan, plan
from sources.protocols.interface import PlannedRequest
from sources.protocols.ops_searches import Searches
from sources.providers import Provider, load_providers
from sources.structures import evidence_of, known_structures
from tests.conftest import World
from tests.provider_http import LONGEST_SEGMENT
from tests.provider_ops import OpsServer

# below IIS's 260, with room for what a mirror or a proxy adds
LONGEST = 255


@pytest.fixture
def providers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Provider]:
    """The providers that ship, every decision taken and every credential set."""
    monkeypatch.delenv("DISTRETTO_PROVIDERS")
    found = load_providers()
    for provider in found.values():
        for name in provider.unset:
            monkeypatch.setenv(name, "set")
    return found


@pytest.fixture
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture
def night(providers: dict[str, Provider], catalogue: Catalogue, tmp_path: Path) -> Plan:
    return plan(catalogue.values(), providers, tmp_path, {})


def every(night: Plan) -> Iterator[tuple[str, PlannedRequest]]:
    return ((name, one) for name, requests in night.requests.items() for one in requests)


def test_every_dataset_of_a_host_has_requests(
    night: Plan, catalogue: Catalogue, providers: dict[str, Provider]
):
    of_hosts = {d.id for d in catalogue.values() if providers[d.provider].base_url.startswith("http")}
    assert set(night.requests) == of_hosts and all(night.requests.values())


def test_no_segment_is_longer_than_servers_take(night: Plan):
    longest = {
        name: max(len(segment) for segment in urlsplit(one.url).path.split("/")) for name, one in every(night)
    }
    assert max(longest.values()) <= LONGEST < LONGEST_SEGMENT, longest


def test_every_bulk_address_is_compressed(night: Plan, catalogue: Catalogue):
    bulk = [one.url for name, one in every(night) if "/sdmx/2.1/data/" in one.url]
    assert len(bulk) > 15 and all("compressed=true" in url for url in bulk)


def test_keys_have_the_width_of_the_providers_structure(
    night: Plan, catalogue: Catalogue, providers: dict[str, Provider], capsys: pytest.CaptureFixture
):
    unproven = []
    for dataset in (d for d in catalogue.values() if providers[d.provider].protocol in KEYED):
        known = evidence_of(dataset)
        if known is None:
            unproven.append(dataset.id)
            continue
        theirs = {ours: given.lower() for given, ours in providers[dataset.provider].renames.items()}
        named = [theirs.get(d, d) for d in dataset.dimensions if d != dataset.collect_rest]
        named += [dataset.keep_latest] if dataset.keep_latest else []
        if dataset.collect_rest:
            assert set(named) <= set(known.dimensions), dataset.id
        else:
            assert sorted(named) == sorted(known.dimensions), dataset.id
        for key in keys(night.requests[dataset.id]):
            if not dataset.collect_rest:  # the run adds the slots that only the provider names
                assert len(key.split(".")) == len(known.dimensions), (dataset.id, key)
    assert sorted(night.unproven) == sorted(unproven)
    with capsys.disabled():
        print(f"\nunproven keys, no evidence of the structure: {', '.join(unproven)}")


def keys(requests: list[PlannedRequest]) -> list[str]:
    """The key of each request for data: a segment with dots between slots."""
    found = []
    for one in (one for one in requests if one.purpose == "data"):
        segments = unquote(urlsplit(one.url).path).split("/data/")[-1].split("/")
        found += [segment for segment in segments[1:2] if "." in segment]
    return found


def test_istats_entries_are_asked_with_the_keys_that_are_answered(night: Plan):
    (occupied,) = keys(night.requests["istat_taxoccu1"])
    assert re.fullmatch(r"A\.\.\.\.Y15-24\+[^.]+\.99\.TOTAL", occupied)
    (unemployed,) = keys(night.requests["istat_taxdisoccu1"])
    assert re.fullmatch(r"A\.\.\.\.Y15-24\+[^.]+\.99\.TOTAL\.TOTAL", unemployed)
    units = keys(night.requests["istat_asiaulp"])
    assert len(units) == 15 and "...26." in units
    assert all(
        "183_285_DF_DICA_ASIAULP_6" in one.url
        for one in night.requests["istat_asiaulp"]
        if one.purpose == "data"
    )


def test_slow_tables_come_last(catalogue: Catalogue):
    assert [d.id for d in catalogue.values() if d.slow] == ["istat_asiaulp"]


def test_every_code_asked_for_is_in_use(
    specimens: Path, catalogue: Catalogue, providers: dict[str, Provider]
):
    """Against the constraint lists of July and August 2026, which drop some of ISTAT's dimensions."""
    wrong, compared = [], 0
    for provider in ("eurostat", "istat"):
        listed = duckdb.execute(
            "select upper(df_id), lower(dimension_id), list(code_id) from read_parquet(?) group by all",
            [str(specimens / "constraints" / f"{provider}.parquet")],
        ).fetchall()
        in_use = {(table, dimension): set(codes) for table, dimension, codes in listed}
        for dataset in (d for d in catalogue.values() if d.provider == provider):
            for dimension, codes in provider_query(dataset.query, providers[provider]).items():
                there = in_use.get((dataset.code.upper(), dimension))
                if there is not None:
                    compared += 1
                    wrong += [f"{dataset.id}: {dimension} {code}" for code in codes if code not in there]
    assert not wrong and compared >= 6


def test_every_search_of_epo_keeps_the_limits_on_terms(night: Plan, catalogue: Catalogue):
    searches = [
        one.url
        for one in night.requests["epo_named_groups"]
        if "search" in one.purpose or "silence" in one.purpose
    ]
    for url in searches:
        cql = parse_qs(urlsplit(url).query)["q"][0]
        assert not OpsServer._too_many_terms(cql), cql
    # no name and no class is lost by the split
    names = Searches.of(catalogue["epo_named_groups"])
    every_cql = " ".join(parse_qs(urlsplit(url).query)["q"][0] for url in searches)
    assert all(f'pa="{name}"' in every_cql for several in names.applicants.values() for name in several)
    assert all(f"cpc={one}" in every_cql for several in names.technologies.values() for one in several)


def test_the_evidence_is_of_tables_that_the_catalogue_has(catalogue: Catalogue):
    assert set(known_structures()) <= {(d.provider, d.code.upper()) for d in catalogue.values()}


def test_smoke_tables_and_small_requests_are_named_for_every_host(
    catalogue: Catalogue, providers: dict[str, Provider]
):
    for provider in providers.values():
        if provider.base_url.startswith("http"):
            assert catalogue[provider.smoke_table or ""].provider == provider.id
            assert provider.small_request and not catalogue[provider.smoke_table or ""].slow


def test_the_plan_is_printed_before_anything_is_asked(world: World):
    outcome = world.run("refresh", "--only", "toy", "--plan")
    assert outcome.code == 0 and world.server.requests == []
    assert "127.0.0.1" in outcome.out and "No evidence of the key of: toy" in outcome.err
    told = world.run("refresh", "--plan", "--only", "toy", "--json").json
    (host,) = told["hosts"]
    assert (host["requests"], host["datasets"], told["unproven"]) == (2, ["toy"], ["toy"])
    assert not (world.home / "releases").exists()


def test_a_plan_counts_what_a_night_cannot_reach(
    providers: dict[str, Provider], catalogue: Catalogue, tmp_path: Path
):
    dataset: Dataset = catalogue["epo_named_groups"]
    (host,) = plan([dataset], providers, tmp_path, {}).hosts
    assert host.requests == 400 and host.over_budget > 0 and host.seconds == 2400
