"""Dagster assets and checks made from the catalogue: a new asset needs only its dataset's file.

Belongs here: names, groups, metadata and wiring. Does not belong here: what the steps do (`observations.py`,
`release.py`). A dataset's own failure makes its checks red and nothing else; only the release step blocks.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets import checks, observations, release
from assets.resources import DataFolderResource
from sources.catalogue import Catalogue, Dataset
from sources.common.sql import literal, scalar
from sources.data_folder import utc_now
from sources.providers import Provider
from warehouse.history.columns import FIGURE
from warehouse.history.dataset_state import Check, DatasetState, describe, read_status
from warehouse.publishing.contract import contract

OWNERS = ["team:distretto"]
CHECK_NAMES = ("answered", *checks.NAMES)


def build_assets(catalogue: Catalogue, providers: dict[str, Provider]) -> list[dg.AssetsDefinition]:
    """The step that asks the providers, one asset a dataset with its checks, and the release step."""
    return [
        snapshots_asset(catalogue, providers),
        *(observations_asset(dataset) for dataset in catalogue.values()),
        release_asset(catalogue),
    ]


def snapshot_key(dataset: str) -> dg.AssetKey:
    """The Dagster key of the dataset's stored body."""
    return dg.AssetKey(["snapshots", dataset])


def observations_key(dataset: str) -> dg.AssetKey:
    """The Dagster key of the dataset's figures in history."""
    return dg.AssetKey(["observations", dataset])


def snapshots_asset(catalogue: Catalogue, providers: dict[str, Provider]) -> dg.AssetsDefinition:
    """One step for all providers, with a thread for each host, so that a slow host delays only itself."""
    specs = [
        dg.AssetSpec(
            snapshot_key(dataset.id),
            group_name="snapshots",
            owners=OWNERS,
            kinds={providers[dataset.provider].protocol},
            description=f"The body of {dataset.code} as {providers[dataset.provider].title} serves it, stored permanently.",
            skippable=True,
        )
        for dataset in catalogue.values()
    ]

    @dg.multi_asset(name="snapshots", specs=specs, can_subset=True)
    def snapshots(
        context: dg.AssetExecutionContext, folder: DataFolderResource
    ) -> Iterator[dg.MaterializeResult]:
        chosen = [key.path[-1] for key in context.selected_asset_keys]
        if not folder.offline:
            # first, since the providers' answers show whether the clock is right
            observations.collect(folder.run, chosen)
        observations.add_bundled(folder.run, chosen)
        checks = read_status(folder.run.home).datasets
        for dataset in chosen:
            check = checks.get(dataset, Check())
            newest = folder.run.store.newest(dataset, "live") or folder.run.store.newest(dataset, "shipped")
            yield dg.MaterializeResult(
                asset_key=snapshot_key(dataset),
                metadata={
                    "outcome": check.outcome.value if check.outcome else "not asked",
                    "failure": check.failure.message if check.failure else "",
                    "snapshot": newest.id if newest else "none",
                    "sha256": newest.sha256 if newest else "",
                    "bytes": newest.size if newest else 0,
                },
            )

    return snapshots


def observations_asset(dataset: Dataset) -> dg.AssetsDefinition:
    """The step that decodes, checks and accepts one dataset, with a Dagster check for each check of its entry."""
    key = observations_key(dataset.id)
    columns = [*FIGURE, *dataset.dimensions]
    described = contract()["columns"]
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
    )

    # can_subset: a check that had nothing to judge has no result, which Dagster allows here alone
    @dg.multi_asset(
        name=key.to_python_identifier(),
        specs=[spec],
        check_specs=[dg.AssetCheckSpec(name, asset=key) for name in CHECK_NAMES],
        can_subset=True,
    )
    def observations_of(
        context: dg.AssetExecutionContext, folder: DataFolderResource
    ) -> Iterator[dg.MaterializeResult]:
        run = folder.run
        with run.warehouse() as con:
            observations.judge(run, con, dataset.id)
            # a literal: given a parameter DuckDB imports pandas, a second that an unchanged night need not spend
            ours = f"dataset = {literal(dataset.id)}"
            judged = con.execute(f"""
                select check_name, passed, observed, expected, snapshot_id, severity from check_results where {ours}
                qualify checked_at = max(checked_at) over ()""").fetchall()
            rows = scalar(
                con,
                f"""
                select count(*) from (
                    select deleted from history semi join (select series from series where {ours}) using (series)
                    qualify row_number() over (partition by series, period order by vintage desc) = 1
                ) where not deleted""",
            )
        state = describe(run.home, run.catalogue, run.providers, run.store, utc_now())[dataset.id]
        context.log.info(f"{dataset.id}: {state.outcome}, {state.state}, {rows:,} observations")
        yield dg.MaterializeResult(
            asset_key=key, metadata=_metadata(state, rows), check_results=_check_results(judged, state)
        )

    return observations_of


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


def _check_results(judged: list[tuple[Any, ...]], state: DatasetState) -> list[dg.AssetCheckResult]:
    """The newest results of the entry's checks that were run, and whether the provider answered."""
    results = [
        dg.AssetCheckResult(
            check_name="answered",
            passed=not state.failing,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"failure": state.failure.message if state.failing and state.failure else ""},
        )
    ]
    for name, passed, observed, expected, snapshot, severity in judged:
        if passed is not None:
            results.append(
                dg.AssetCheckResult(
                    check_name=name,
                    passed=passed,
                    severity=dg.AssetCheckSeverity.WARN
                    if severity == "alert"
                    else dg.AssetCheckSeverity.ERROR,
                    metadata={"observed": observed, "expected": expected, "snapshot": snapshot},
                )
            )
    return results


def _materialised(context: dg.AssetExecutionContext) -> dict[str, str]:
    """The snapshot that each dataset's step of this run ended with, wherever it ran: by the run's own records."""
    found = {}
    records = context.instance.get_records_for_run(
        context.run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
    ).records
    for entry in records:
        done = entry.asset_materialization
        if done is not None and done.asset_key.path[0] == "observations":
            found[done.asset_key.path[-1]] = str(done.metadata["snapshot"].value)
    return found


def release_asset(catalogue: Catalogue) -> dg.AssetsDefinition:
    """Compute indicators, validate and publish in one step: a Dagster blocking check only blocks within its own run."""
    upstream = [observations_key(dataset) for dataset in catalogue]
    indicators_key = dg.AssetKey(["published", "indicators"])
    specs = [
        dg.AssetSpec(
            indicators_key,
            deps=upstream,
            group_name="published",
            owners=OWNERS,
            kinds={"duckdb", "sql"},
            description="Every indicator of warehouse/statistics/indicators, computed from the latest observations.",
            skippable=True,
        ),
        dg.AssetSpec(
            dg.AssetKey(["published", "release"]),
            deps=[indicators_key],
            group_name="published",
            owners=OWNERS,
            kinds={"duckdb", "parquet", "csv"},
            skippable=True,
            description="One immutable release: DuckDB file, Parquet, CSV, checksums; shown by a symlink.",
        ),
    ]

    @dg.multi_asset(name="release", specs=specs)
    def release_step(
        context: dg.AssetExecutionContext, folder: DataFolderResource
    ) -> Iterator[dg.MaterializeResult]:
        published = release.publish(folder.run, _materialised(context))
        if published is None:
            context.log.info("nothing changed: the current release is the newest")
            return
        record = published.record
        for spec in specs:
            table = "indicators" if spec.key == indicators_key else "observations"
            yield dg.MaterializeResult(
                asset_key=spec.key,
                metadata={
                    "release": published.id,
                    "dagster/row_count": record["tables"][table],
                    "folder": dg.MetadataValue.path(str(published.folder)),
                    "checks": dg.MetadataValue.json(record["checks"]),
                },
            )

    return release_step
