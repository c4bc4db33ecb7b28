"""The nightly job where workers find it, and a run of it: `python -m tests.cluster.celery_job DATASET...`."""

from __future__ import annotations

import sys

import dagster as dg

from assets.factory import snapshot_key
from assets.lineage import observations_key, published_specs
from pipelines.definitions import build_definitions
from sources.catalogue import load_catalogue


def nightly() -> dg.JobDefinition:
    return build_definitions().resolve_job_def("nightly")


def main(datasets: list[str]) -> None:
    from tests.cluster import celery_job

    chosen = [key for name in datasets for key in (snapshot_key(name), observations_key(name))]
    chosen += [spec.key for spec in published_specs(load_catalogue())]
    with dg.DagsterInstance.get() as instance:
        done = dg.execute_job(
            dg.reconstructable(celery_job.nightly), instance, asset_selection=chosen, raise_on_error=False
        )
        if not done.success:
            for event in done.all_events:
                if event.is_failure:
                    print(event.message, event.event_specific_data, file=sys.stderr)
            sys.exit(1)
        print(sorted({event.step_key for event in done.all_events if event.is_step_success}))


if __name__ == "__main__":
    main(sys.argv[1:])
