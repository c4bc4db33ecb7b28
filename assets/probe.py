"""Compare a table's current structure at the provider with its catalogue entry and with stored data.

Belongs here: the comparison, in the project's own names and codes. Does not belong here: how a provider describes its structure
(`structure` in `sources/protocols/`) and printing.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

import duckdb

from assets.run import RunContext, known_territories
from sources.catalogue import Dataset
from sources.common.periods import Period
from sources.common.sql import identifier, literal
from sources.concepts import territories
from sources.errors import DistrettoError, InvalidPeriod
from sources.formats import BodyFile
from sources.formats.staged import Staged
from sources.http.client import Client
from sources.protocols.interface import DescribesTables, Protocol, Structure, implementation
from sources.providers import Provider
from sources.staging import decoded
from warehouse.reference.territory import geography


def probe(run: RunContext, dataset: Dataset) -> dict[str, Any]:
    """The report on `dataset`: JSON with `agrees`, which is False where the provider lacks what the entry asks for.

    A provider without a service for structures is asked for the table itself, which is discarded. Raises a SourceError
    where the provider does not answer, DistrettoError where it cannot be asked.
    """
    provider = run.providers[dataset.provider]
    if provider.unset:
        raise DistrettoError(
            f"{provider.title} is not asked: {' and '.join(provider.unset)} not set.",
            hint="set them in the environment.",
        )
    run.home.root.mkdir(parents=True, exist_ok=True)
    # beside the folder of manual uploads, as in a run
    with tempfile.TemporaryDirectory(prefix="probe-", dir=run.home.root) as folder:
        protocol = implementation(provider.protocol)(
            Client(provider, run.home.pace, lake=run.home.lake), Path(folder)
        )
        if isinstance(protocol, DescribesTables):
            there = _ours(protocol.structure(dataset), provider)
        else:
            there = _by_fetching(protocol, dataset, provider, Path(folder))
    snapshot = run.store.current(dataset.id)
    held = _of_staged(run.stage(snapshot), dataset.dimensions) if snapshot else None
    return compare(dataset, provider, there, held)


def compare(dataset: Dataset, provider: Provider, there: Structure, held: Structure | None) -> dict[str, Any]:
    """What differs between the entry, what the provider has (`there`) and the figures `held`, all in our names and codes."""
    # `rest` gathers whatever else the provider has
    expected = [d for d in (*dataset.dimensions, *_further(dataset)) if d != dataset.collect_rest]
    found = there.dimensions
    asked = _asked(dataset)
    if provider.territories:
        # of the territories asked for under a provider's own scheme a table has those it has
        asked["geo"] = set(dataset.checks.geos)
    gone = {d: sorted(codes - there.codes[d]) for d, codes in asked.items() if d in there.codes}
    without_unit = set()
    if isinstance(dataset.unit, dict):
        ((dimension, units),) = dataset.unit.items()
        without_unit = _wanted(dataset, dimension, there) - set(units)
    report: dict[str, Any] = {
        "dataset": dataset.id,
        "provider": provider.id,
        "code": dataset.code,
        "dimensions": {
            "expected": expected,
            "found": found,
            "new": [] if dataset.collect_rest else sorted(set(found) - set(expected)),
            "gone": sorted(set(expected) - set(found)),
        },
        "codes_gone": {d: codes for d, codes in gone.items() if codes},
        "codes_without_unit": sorted(without_unit),
        "territories_unknown": sorted(_wanted(dataset, "geo", there) - geography().keys()),
        "codes_new": {},
        "codes_vanished": {},
        "periods": {"provider": _span(there.periods), "held": _span(held.periods if held else ())},
        "periods_new": [],
        "held": held is not None,
    }
    if held:
        for dimension in (d for d in dataset.dimensions if d != dataset.collect_rest):
            if new := sorted(_wanted(dataset, dimension, there) - held.codes[dimension]):
                report["codes_new"][dimension] = new
            if dimension in there.codes and (old := sorted(held.codes[dimension] - there.codes[dimension])):
                report["codes_vanished"][dimension] = old
        report["periods_new"] = sorted(there.periods - held.periods)
    report["agrees"] = not (
        report["dimensions"]["new"]
        or report["dimensions"]["gone"]
        or report["codes_gone"]
        or report["codes_without_unit"]
        or report["territories_unknown"]
    )
    return report


def _asked(dataset: Dataset) -> dict[str, set[str]]:
    """Every code that the entry names, by dimension."""
    asked: dict[str, set[str]] = defaultdict(set)
    filters = [dataset.query, *dataset.feeds.values(), *(rule.where for rule in dataset.checks.ranges)]
    if isinstance(dataset.unit, dict):
        filters.append({dimension: list(units) for dimension, units in dataset.unit.items()})
    for filter_ in (*filters, {"geo": dataset.checks.geos}):
        for dimension, codes in filter_.items():
            asked[dimension] |= set(codes)
    return asked


def _wanted(dataset: Dataset, dimension: str, there: Structure) -> set[str]:
    """The provider's codes of `dimension` that the entry would bring in."""
    codes = there.codes.get(dimension, set())
    return codes & set(dataset.query[dimension]) if dimension in dataset.query else codes


def _ours(described: Structure, provider: Provider) -> Structure:
    """`described` in our names and codes; a territory that `territories.csv` does not know keeps the provider's code."""
    names = {given.lower(): ours for given, ours in provider.renames.items()}
    codes = {names.get(dimension, dimension): found for dimension, found in described.codes.items()}
    if provider.territories and "geo" in codes:
        means: dict[str, set[str]] = defaultdict(set)
        for one in territories():
            if one.scheme == provider.territories:
                means[one.code].add(one.geo)
        codes["geo"] = {geo for code in codes["geo"] for geo in means.get(code, {code}) if geo}
    return Structure([names.get(d, d) for d in described.dimensions], codes, _periods(described.periods))


def _periods(described: Iterable[str]) -> set[str]:
    found = set()
    for text in described:
        try:
            found.add(Period.parse(text).text)
        except InvalidPeriod:  # such as 9999-12-31T00:00:00, which stands for no end
            continue
    return found


def _by_fetching(protocol: Protocol, dataset: Dataset, provider: Provider, folder: Path) -> Structure:
    offered = protocol.fetch(dataset, None)
    if not offered:
        raise DistrettoError(
            f"There is no {dataset.code} in the folder {provider.base_url}.", hint="put the file there."
        )
    # of several files the youngest
    fetched = offered[-1].take()
    body, called = fetched.body, PurePosixPath(fetched.body.url).name
    file = BodyFile(body.path, body.gzipped, called)
    staged = decoded(file, fetched.format, dataset, provider, folder / "decoded", known=known_territories())
    return _of_staged(staged, dataset.dimensions, _further(dataset))


def _further(dataset: Dataset) -> list[str]:
    """Dimensions of the provider's that are dropped when its latest edition is taken."""
    return [dataset.keep_latest] if dataset.keep_latest else []


def _of_staged(staged: Staged, dimensions: list[str], further: Iterable[str] = ()) -> Structure:
    series, observations = (f"read_parquet({literal(path)})" for path in (staged.series, staged.observations))
    codes = {d: _column(f"select distinct {identifier(d)} from {series}") for d in dimensions}
    return Structure([*dimensions, *further], codes, _column(f"select distinct period from {observations}"))


def _column(sql: str) -> set[str]:
    return {value for (value,) in duckdb.execute(sql).fetchall() if value is not None}


def _span(periods: Iterable[str]) -> list[str]:
    """The first and the last period; empty if there is none."""
    found = sorted(periods)
    return [found[0], found[-1]] if found else []
