"""Running the nightly job here and now, without a daemon.

Belongs here: the one call into Dagster that the command line makes. Does not belong here: what the job does.
"""

from __future__ import annotations

import logging
import os

import dagster as dg

from assets.factory import snapshot_key
from assets.lineage import observations_key, published_specs
from pipelines.alerts import report_failure
from pipelines.definitions import build_definitions
from sources.catalogue import load_catalogue
from sources.data_folder import DataFolder
from sources.errors import Busy, DistrettoError


def run_nightly(only: list[str] | None, offline: bool, handler: logging.Handler) -> None:
    """Run the job for the datasets `only` (None: all). `handler` receives the steps' log. Raises what a step raised."""
    selection = None
    if only:
        release = [spec.key for spec in published_specs(load_catalogue())]
        selection = [key for name in only for key in (snapshot_key(name), observations_key(name))] + release
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
    log = logging.getLogger("distretto")
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(handler)
    # with a daemon's folder the run appears in Dagster's pages; without one only the data folder records it
    kept = dg.DagsterInstance.get() if os.environ.get("DAGSTER_HOME") else dg.DagsterInstance.ephemeral()
    with kept as instance:
        try:
            build_definitions().resolve_job_def("nightly").execute_in_process(
                instance=instance,
                asset_selection=selection,
                run_config={
                    "resources": {"folder": {"config": {"offline": offline}}},
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                },
            )
        except Exception as failure:
            # Dagster calls no failure hook when it raises, as it does here
            cause = _cause(failure)
            if not isinstance(cause, Busy) or _busy_again(DataFolder.from_env()):
                report_failure("the nightly job", cause)
            raise cause from None
        finally:
            log.removeHandler(handler)


def _busy_again(home: DataFolder) -> bool:
    """Whether the last run found the folder locked too: once may be due to a long run, twice is reported."""
    again = home.busy.exists()
    home.busy.touch()
    return again


def _cause(failure: BaseException) -> BaseException:
    """The failure of ours that Dagster wraps, or the failure itself."""
    link: BaseException | None = failure
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        if isinstance(link, DistrettoError | OSError):
            return link
        seen.add(id(link))
        link = link.__cause__ or link.__context__
    return failure
