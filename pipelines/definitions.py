"""The Dagster code location: assets from the catalogue, the nightly job and its schedule.

Belongs here: assembly only. See https://docs.dagster.io/guides/build/projects.
"""

from __future__ import annotations

import dagster as dg

from assets.factory import build_assets
from assets.resources import DataFolderResource
from pipelines.alerts import on_failure, on_release
from pipelines.executors import executor
from pipelines.schedules import nightly_schedule
from pipelines.sensors import upload_sensor
from sources.catalogue import load_catalogue
from sources.providers import load_providers


@dg.definitions
def build_definitions() -> dg.Definitions:
    """The definitions that follow from the catalogue and the settings as they are now."""
    catalogue, providers = load_catalogue(), load_providers()
    runs_on = executor()
    assets = build_assets(catalogue, providers, by_host=runs_on is not dg.in_process_executor)
    nightly = dg.define_asset_job(
        "nightly",
        # by key: AssetSelection.all() leaves out the assets that are observed
        selection=dg.AssetSelection.assets(*(key for asset in assets for key in asset.keys)),
        description="Ask every provider, accept sound figures into history, and publish a release if anything changed.",
        executor_def=runs_on,
        hooks={on_failure, on_release},
        # the daemon restarts a run whose process died; sources/http/client.py retries requests
        # a step that failed, such as a blocked release, is not run again
        tags={"dagster/max_retries": "2", "dagster/retry_on_asset_or_op_failure": "false"},
    )
    return dg.Definitions(
        assets=assets,
        jobs=[nightly],
        schedules=[nightly_schedule(nightly)],
        sensors=[upload_sensor(nightly, catalogue, providers)],
        resources={"folder": DataFolderResource()},
        executor=runs_on,
    )
