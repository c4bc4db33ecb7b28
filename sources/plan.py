"""Plan of a night without sending anything: requests, time and bytes per host.

Belongs here: adding up what the protocols would send, at the rate limits of providers.yml. Does not belong here: sending
it, and printing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from sources.catalogue import Dataset
from sources.http.client import Client
from sources.protocols.interface import PlannedRequest, implementation
from sources.providers import Provider
from sources.structures import evidence_of

# protocols whose requests depend on a table's structure
KEYED = ("eurostat", "istat", "oecd")


@dataclass
class HostPlan:
    """What one host would be asked for, at most: every table changed, nothing kept from earlier nights.

    `seconds`: what the interval between requests takes; a provider's response times are not included. `known_bytes`: the sizes
    of the last bodies, as served, of the `sized` tables; the others are unknown. `over_budget`: the requests that the
    time or the quota of one night does not reach; later nights send them.
    """

    host: str
    providers: list[str] = field(default_factory=list)
    datasets: list[str] = field(default_factory=list)
    requests: int = 0
    seconds: float = 0.0
    known_bytes: int = 0
    sized: int = 0
    over_budget: int = 0
    not_asked: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """The hosts in the order of the catalogue, every request by dataset, and the tables whose key is not confirmed."""

    hosts: list[HostPlan]
    requests: dict[str, list[PlannedRequest]]
    unproven: list[str]


def plan(
    datasets: Iterable[Dataset], providers: Mapping[str, Provider], kept: Path, sizes: Mapping[str, int]
) -> Plan:
    """The plan for `datasets`. `kept` is the data folder's `pace/`; `sizes` are bytes of the last bodies by dataset."""
    hosts: dict[str, HostPlan] = {}
    requests: dict[str, list[PlannedRequest]] = {}
    unproven: list[str] = []
    shared: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        for dataset in datasets:
            provider = providers[dataset.provider]
            host = urlsplit(provider.base_url).hostname
            if host is None:
                continue
            planned = hosts.setdefault(host, HostPlan(host))
            if provider.id not in planned.providers:
                planned.providers.append(provider.id)
            planned.datasets.append(dataset.id)
            if provider.protocol in KEYED and evidence_of(dataset) is None:
                unproven.append(dataset.id)
            if provider.unset:
                planned.not_asked[dataset.id] = provider.unset
                continue
            protocol = implementation(provider.protocol)(Client(provider, kept), Path(folder))
            found = [one for one in protocol.plan(dataset) if one.url not in shared]
            shared |= {one.url for one in found if one.shared}
            requests[dataset.id] = found
            _add(planned, provider, sum(one.times for one in found))
            if dataset.id in sizes:
                planned.known_bytes += sizes[dataset.id]
                planned.sized += 1
    return Plan(list(hosts.values()), requests, unproven)


def _add(planned: HostPlan, provider: Provider, number: int) -> None:
    """Count `number` further requests, as far as the time and the quota of a night reach."""
    reach = [float("inf")]
    if provider.interval_s:
        reach.append(provider.host_budget_s / provider.interval_s)
    if provider.max_per_hour:
        reach.append(provider.max_per_hour * max(provider.host_budget_s / 3600, 1))
    left = max(min(reach) - planned.requests, 0)
    sent = int(min(number, left))
    planned.requests += sent
    planned.over_budget += number - sent
    planned.seconds += sent * provider.interval_s
