"""What Dagster's lineage shows between the datasets and a release: families of indicators and published tables.

Belongs here: specs of assets, and what each is derived from. Does not belong here: the steps (`factory.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from sources.catalogue import Catalogue
from warehouse.publishing.contract import contract
from warehouse.statistics.indicators import Family, load_families

OWNERS = ["team:distretto"]
INDICATORS = dg.AssetKey(["published", "indicators"])
RELEASE = dg.AssetKey(["published", "release"])
# tables computed from the indicators
FROM_INDICATORS = frozenset(
    "indicator_catalogue indicator_history indicator_inputs indicator_revisions peers peer_features peer_candidates "
    "benchmarks composite composite_parts composite_goalposts composite_coverage quality_disagreements provisional_bias "
    "reliability_shares break_proposals target_results target_drafts headlines".split()
)
# tables of files that people write: references of the project and the ledger of targets
WRITTEN = frozenset(
    "breaks codelists geography territorial_changes targets target_ledger target_anchors".split()
)


def observations_key(dataset: str) -> dg.AssetKey:
    """The asset of a dataset's figures in history."""
    return dg.AssetKey(["observations", dataset])


def family_key(family: str) -> dg.AssetKey:
    """The asset of a family of indicators, which is a file of `warehouse/statistics/indicators`."""
    return dg.AssetKey(["indicators", family])


def table_key(table: str) -> dg.AssetKey:
    """The asset of a published table; `release` is the release itself."""
    return dg.AssetKey(["published", table])


def published_specs(catalogue: Catalogue) -> list[dg.AssetSpec]:
    """Families of indicators, every published table, and the release, each with what it is derived from."""
    families = [_family_spec(family, catalogue) for family in load_families()]
    tables = contract().tables
    specs = [
        dg.AssetSpec(
            INDICATORS,
            deps=[spec.key for spec in families],
            group_name="published",
            owners=OWNERS,
            kinds={"duckdb", "sql"},
            description="Every indicator of warehouse/statistics/indicators, computed from the latest observations.",
            skippable=True,
        )
    ]
    for name, about in tables.items():
        if name not in ("indicators", "release"):
            specs.append(
                dg.AssetSpec(
                    table_key(name),
                    deps=_inputs(name, catalogue),
                    group_name="published",
                    owners=OWNERS,
                    kinds={"duckdb", "parquet"} if about.parquet_only else {"duckdb", "parquet", "csv"},
                    description=about.description,
                    skippable=True,
                )
            )
    whole = dg.AssetSpec(
        RELEASE,
        deps=[spec.key for spec in specs],
        group_name="published",
        owners=OWNERS,
        kinds={"duckdb", "parquet", "csv"},
        skippable=True,
        description="One immutable release: DuckDB file, Parquet, CSV, checksums; shown by a symlink.",
    )
    return [*families, *specs, whole]


def _inputs(table: str, catalogue: Catalogue) -> list[dg.AssetKey]:
    """What a published table but `indicators` and `release` is derived from; of a theme, the datasets that feed it."""
    if table in WRITTEN:
        return []
    if table in FROM_INDICATORS:
        return [INDICATORS]
    feeding = [dataset.id for dataset in catalogue.values() if table in dataset.feeds]
    return [observations_key(dataset) for dataset in feeding or catalogue]


def _family_spec(family: Family, catalogue: Catalogue) -> dg.AssetSpec:
    ids = {indicator.id for indicator in family.indicators}
    # a query names the tables that it reads
    text = family.prepare + "".join(indicator.sql for indicator in family.indicators)
    methods = "".join(sorted(indicator.method_version for indicator in family.indicators))
    return dg.AssetSpec(
        family_key(family.id),
        deps=[observations_key(dataset) for dataset in catalogue if f"'{dataset}'" in text],
        group_name="indicators",
        owners=OWNERS,
        kinds={"duckdb", "sql"},
        description=f"The indicators of {family.id}.sql: {', '.join(sorted(ids))}.",
        code_version=hashlib.sha256(methods.encode()).hexdigest()[:16],
        skippable=True,
    )


def checksums(folder: Path) -> dict[str, str]:
    """The sha256 of each file of a release, by its name, from SHA256SUMS."""
    return {name: sha for sha, name in _sums(folder)}


def _sums(folder: Path) -> Iterator[tuple[str, str]]:
    for line in (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        sha, _, name = line.partition("  ")
        yield sha, name
