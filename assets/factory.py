"""Dagster assets and checks made from the catalogue: a new asset needs only its dataset's file.

Belongs here: names, groups, metadata and wiring. Does not belong here: what the steps do (`observations.py`,
`release.py`), what follows from the datasets (`lineage.py`). A dataset's own failure makes its checks red and nothing
else; only the release step blocks.

The assets of datasets are observed in every run, with what was found, and materialised only when something new was
obtained. Dagster runs no step below an asset that has no event, hence not materialisations alone.
"""

import re
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import dagster as dg

from assets import checks, observations, release
from assets.lineage import OWNERS, checksums, family_key, observations_key, published_specs
from assets.resources import DataFolderResource
from sources.catalogue import Catalogue, Dataset
from sources.common.sql import literal, scalar
from sources.data_folder import utc_now
from sources.providers import Provider
from warehouse.history.columns import FIGURE
from warehouse.history.dataset_state import Check, DatasetState, describe, read_status
from warehouse.publishing.contract import contract
from warehouse.statistics.indicators import load_families

CHECK_DESCRIPTIONS = {
    "answered": "The provider answered in this run, and its answer was accepted.",
    "min_rows": "The table has at least as many rows as the catalogue entry expects.",
    "unique_keys": "No two rows have the same codes and period.",
    "no_empty_keys": "No code and no period is empty.",
    "geos": "The territories that the catalogue entry requires are present.",
    "known_geos": "Every territory is listed in geography.csv.",
    "flags": "Every flag belongs to the provider's code list.",
    "units": "Every unit is one that the catalogue entry declares.",
    "ranges": "Values lie within the bounds of the catalogue entry.",
    "size_ratio": "The table has not shrunk below the accepted share of the preceding one.",
    "revised_share": "No larger share of figures changed than the catalogue entry accepts.",
    "level_of_codes": "For each code, the median ratio to the last figures is plausible: no unit or scale has changed.",
    "level_of_countries": "In no country do most figures of one kind differ from the last ones by a large factor.",
    "level_of_territories": "For each territory and kind of figure, the median ratio to the last figures is plausible.",
    "revisions": "No single figure of the territory or its peers was revised by an implausible factor.",
    "jumps": "No new figure changes far more than its own series ever changed before.",
    "decimal_places": "No share of figures is several times too large or too small, as when a decimal comma is lost.",
    "kept_values": "Values that were there have not become zero or missing.",
    "codes_not_swapped": "No code has taken the figures of another code of the same dimension.",
    "periods_not_shifted": "Figures have not moved to the next or the preceding period.",
    "per_head": "Total and per-head figures imply a plausible population, and territories agree with their parts.",
    "rates": "Published rates agree with the counts of the same table.",
    "rectangular": "Every combination of the codes and periods in the file has a value.",
    "totals": "A total is the sum of the other codes of its dimension.",
    "territories_add_up": "Regions, and provinces, add up to their country.",
    "new_period": "The newest period is not a copy of the one before.",
}


def build_assets(
    catalogue: Catalogue, providers: dict[str, Provider], by_host: bool = False
) -> list[dg.AssetsDefinition]:
    """The step that asks the providers, one asset a dataset with its checks, and the release step.

    `by_host`: one step for each host that is asked, for workers that share the hosts among them.
    """
    asked: dict[str, Catalogue] = {}
    for name, dataset in catalogue.items():
        host = urlsplit(providers[dataset.provider].base_url).hostname or "uploads"
        step = f"snapshots_{re.sub(r'[^a-z0-9]', '_', host)}" if by_host else "snapshots"
        asked.setdefault(step, Catalogue())[name] = dataset
    return [
        *(snapshots_asset(step, theirs, providers) for step, theirs in asked.items()),
        *(observations_asset(dataset) for dataset in catalogue.values()),
        release_asset(catalogue),
    ]


def snapshot_key(dataset: str) -> dg.AssetKey:
    """The Dagster key of the dataset's stored body."""
    return dg.AssetKey(["snapshots", dataset])


def snapshots_asset(step: str, catalogue: Catalogue, providers: dict[str, Provider]) -> dg.AssetsDefinition:
    """One step for the providers of `catalogue`, with a thread for each host, so that a slow host delays only itself."""
    specs = [
        dg.AssetSpec(
            snapshot_key(dataset.id),
            group_name="snapshots",
            owners=OWNERS,
            kinds={providers[dataset.provider].protocol},
            description=f"The body of {dataset.code} as {providers[dataset.provider].title} serves it, stored permanently.",
            freshness_policy=_freshness(dataset),
            code_version=dataset.sha256[:16],
        )
        for dataset in catalogue.values()
    ]

    @_observed(name=step, specs=specs, can_subset=True)
    def snapshots(
        context: dg.AssetExecutionContext, folder: DataFolderResource
    ) -> Iterator[dg.AssetMaterialization | dg.ObserveResult]:
        chosen = [key.path[-1] for key in context.selected_asset_keys]
        folder.run.read_again()
        before = set(folder.run.store.snapshots)
        if not folder.offline:
            # first, since the providers' answers show whether the clock is right
            observations.collect(folder.run, chosen)
        observations.add_bundled(folder.run, chosen)
        checks = read_status(folder.run.home).datasets
        for dataset in chosen:
            check = checks.get(dataset, Check())
            newest = folder.run.store.newest(dataset, "live") or folder.run.store.newest(dataset, "shipped")
            metadata = {
                "outcome": check.outcome.value if check.outcome else "not asked",
                "failure": check.failure.message if check.failure else "",
                "snapshot": newest.id if newest else "none",
                "sha256": newest.sha256 if newest else "",
                "bytes": newest.size if newest else 0,
            }
            if newest and newest.id not in before:
                yield _obtained(snapshot_key(dataset), metadata, newest.sha256)
            yield dg.ObserveResult(
                asset_key=snapshot_key(dataset),
                metadata=metadata,
                data_version=dg.DataVersion(newest.sha256) if newest else None,
            )

    return snapshots


def _observed(**definition: Any) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """`dg.multi_observable_source_asset`, a beta of Dagster's, without its warning: the version in the lock is tested."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.multi_observable_source_asset(**definition)


def _obtained(key: dg.AssetKey, metadata: dict[str, Any], version: str) -> dg.AssetMaterialization:
    """The event that something new was obtained, with its data version."""
    return dg.AssetMaterialization(key, metadata=metadata, tags={"dagster/data_version": version})


def _freshness(dataset: Dataset) -> dg.FreshnessPolicy | None:
    """Late when the catalogue entry says so; a closed table never is."""
    days = dataset.calendar.late_after_days
    if days is None or dataset.status == "frozen":
        return None
    return dg.FreshnessPolicy.time_window(fail_window=timedelta(days=days))


def observations_asset(dataset: Dataset) -> dg.AssetsDefinition:
    """The step that decodes, checks and accepts one dataset, with a Dagster check for each check of its entry."""
    key = observations_key(dataset.id)
    columns = [*FIGURE, *dataset.dimensions]
    described = contract().columns
    schema = dg.TableSchema(
        columns=[
            dg.TableColumn(
                column, "double" if column == "value" else "string", description=described.get(column)
            )
            for column in dict.fromkeys(columns)
        ]
    )

    spec = dg.AssetSpec(
        key,
        deps=[snapshot_key(dataset.id)],
        group_name=dataset.theme,
        owners=OWNERS,
        kinds={"duckdb", "parquet"},
        description="\n\n".join(
            [f"**{dataset.title.en}** / {dataset.title.it}", *(warning.en for warning in dataset.warnings)]
        ),
        metadata={
            "dagster/column_schema": schema,
            "licence": dataset.licence or "as the provider",
            "citation": dataset.citation,
        },
        code_version=dataset.sha256[:16],
    )

    # can_subset: a check that was not run has no result, which Dagster allows here alone
    @_observed(
        name=key.to_python_identifier(),
        specs=[spec],
        check_specs=[
            dg.AssetCheckSpec(name, asset=key, description=CHECK_DESCRIPTIONS.get(name))
            for name in ("answered", *_declared(dataset))
        ],
        can_subset=True,
    )
    def observations_of(
        context: dg.AssetExecutionContext, folder: DataFolderResource
    ) -> Iterator[dg.AssetMaterialization | dg.ObserveResult]:
        run, began = folder.run, _began(context)
        with run.writing(dataset.id), run.warehouse() as con:
            before = run.store.current(dataset.id)
            observations.judge(run, con, dataset.id)
            # a literal: given a parameter DuckDB imports pandas, a second that an unchanged night need not spend
            ours = f"dataset = {literal(dataset.id)}"
            judged = con.execute(f"""
                select check_name, passed, observed, expected, snapshot_id, severity from check_results
                where {ours} and passed is not null and checked_at >= {literal(began.isoformat())}::timestamptz
                qualify row_number() over (partition by check_name order by checked_at desc) = 1""").fetchall()
            rows = scalar(
                con,
                f"""
                select count(*) from (
                    select deleted from history_of({literal(dataset.id)})
                    semi join (select series from series where {ours}) using (series)
                    qualify row_number() over (partition by series, period order by vintage desc) = 1
                ) where not deleted""",
            )
        state = describe(run.home, run.catalogue, run.providers, run.store, utc_now())[dataset.id]
        context.log.info(f"{dataset.id}: {state.outcome}, {state.state}, {rows:,} observations")
        metadata, now = _metadata(state, rows), run.store.current(dataset.id)
        if now and (before is None or before.id != now.id):
            yield _obtained(key, metadata, now.sha256)
        yield dg.ObserveResult(
            asset_key=key,
            metadata=metadata,
            check_results=_check_results(judged, state, began),
            data_version=dg.DataVersion(now.sha256) if now else None,
        )

    return observations_of


def _declared(dataset: Dataset) -> list[str]:
    """The checks of staged figures that the catalogue entry gives something to judge by."""
    asked = dataset.checks
    needs = {
        "geos": asked.geos,
        "units": isinstance(dataset.unit, dict),
        "ranges": asked.ranges,
        "per_head": asked.plausibility.per_head,
        "rates": asked.plausibility.rates,
        "rectangular": asked.rectangular,
        "totals": asked.totals,
        "territories_add_up": asked.territories_add_up,
        "new_period": asked.new_period,
    }
    return [name for name in checks.NAMES if needs.get(name, True)]


def _metadata(state: DatasetState, rows: int) -> dict[str, Any]:
    return {
        "dagster/row_count": rows,
        "outcome": state.outcome.value if state.outcome else "not checked",
        "state": state.state,
        "snapshot": state.snapshot_id or "none",
        "provider_updated_at": state.provider_updated_at.isoformat()
        if state.provider_updated_at
        else "not known",
        "failure": state.failure.message if state.failure else "",
    }


def _began(context: dg.AssetExecutionContext) -> datetime:
    """When the run started."""
    record = context.instance.get_run_record_by_id(context.run.run_id)
    if record is None:
        return utc_now()
    return record.create_timestamp.astimezone(UTC)


def _check_results(
    judged: list[tuple[Any, ...]], state: DatasetState, began: datetime
) -> list[dg.AssetCheckResult]:
    """The results of the checks that ran in this run, and whether the provider answered if it was asked."""
    results = []
    if state.checked_at and state.checked_at >= began.replace(microsecond=0):
        failure = state.failure.message if state.failing and state.failure else ""
        results.append(
            dg.AssetCheckResult(
                check_name="answered",
                passed=not state.failing,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"failure": failure},
            )
        )
    for name, passed, observed, expected, snapshot, severity in judged:
        results.append(
            dg.AssetCheckResult(
                check_name=name,
                passed=passed,
                severity=dg.AssetCheckSeverity.WARN if severity == "alert" else dg.AssetCheckSeverity.ERROR,
                metadata={"observed": observed, "expected": expected, "snapshot": snapshot},
            )
        )
    return results


def _materialised(context: dg.AssetExecutionContext) -> dict[str, str]:
    """The snapshot that each dataset's step of this run ended with, wherever it ran: by the run's own records."""
    found = {}
    records = context.instance.get_records_for_run(
        context.run.run_id, of_type=dg.DagsterEventType.ASSET_OBSERVATION
    ).records
    for entry in records:
        done = entry.asset_observation
        if done is not None and done.asset_key.path[0] == "observations":
            found[done.asset_key.path[-1]] = str(done.metadata["snapshot"].value)
    return found


def release_asset(catalogue: Catalogue) -> dg.AssetsDefinition:
    """Compute indicators, validate and publish in one step: a Dagster blocking check only blocks within its own run."""
    specs = published_specs(catalogue)
    family_rows = {family_key(family.id): [i.id for i in family.indicators] for family in load_families()}

    @dg.multi_asset(name="release", specs=specs)
    def release_step(
        context: dg.AssetExecutionContext, folder: DataFolderResource
    ) -> Iterator[dg.MaterializeResult]:
        published = release.publish(folder.run, _materialised(context))
        if published is None:
            context.log.info("nothing changed: the current release is the newest")
            return
        record, sums = published.record, checksums(published.folder)
        shown: dict[str, Any] = {
            "release": published.id,
            "folder": dg.MetadataValue.path(str(published.folder)),
        }
        for spec in specs:
            if spec.key in family_rows:
                yield dg.MaterializeResult(
                    asset_key=spec.key, metadata=shown | {"indicators": ", ".join(family_rows[spec.key])}
                )
                continue
            table = spec.key.path[-1]
            whole = table == "release"
            metadata = shown | {"dagster/row_count": record["tables"]["observations" if whole else table]}
            if whole:
                metadata["checks"] = dg.MetadataValue.json(record["checks"])
            sha = sums.get("distretto.duckdb" if whole else f"{table}.parquet")
            yield dg.MaterializeResult(
                asset_key=spec.key, metadata=metadata, data_version=dg.DataVersion(sha) if sha else None
            )

    return release_step
