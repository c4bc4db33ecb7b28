"""What starts a run between two nights: files that a person puts into the upload folder.

Belongs here: sensors. Does not belong here: the schedule (`schedules.py`), reading the files (`sources/protocols/drop.py`).
"""

from __future__ import annotations

import hashlib
import json

import dagster as dg

from assets.factory import snapshot_key
from assets.lineage import observations_key, published_specs
from sources.catalogue import Catalogue
from sources.data_folder import DataFolder
from sources.providers import Provider


def upload_sensor(
    job: dg.UnresolvedAssetJobDefinition, catalogue: Catalogue, providers: dict[str, Provider]
) -> dg.SensorDefinition:
    """A sensor that runs the uploaded datasets once the files in their folder have changed and changed no more."""
    uploaded = [d for d in catalogue.values() if providers[d.provider].protocol == "drop"]
    folders = sorted({providers[d.provider].base_url for d in uploaded})
    selection = [
        *(key for d in uploaded for key in (snapshot_key(d.id), observations_key(d.id))),
        *(spec.key for spec in published_specs(catalogue)),
    ]

    @dg.sensor(
        name="uploaded_files",
        job=job,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Runs the datasets that come as files when the upload folder has changed. A file that is still being "
        "copied is left until it is the same at two looks.",
    )
    def uploaded_files(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        now = _listing(DataFolder.from_env(), folders)
        before = json.loads(context.cursor) if context.cursor else {"seen": now, "done": now}
        request = now == before["seen"] != before["done"]
        cursor = json.dumps({"seen": now, "done": now if request else before["done"]})
        if request:
            return dg.SensorResult([dg.RunRequest(run_key=now, asset_selection=selection)], cursor=cursor)
        context.update_cursor(cursor)
        return dg.SkipReason("the upload folder has not changed, or is still changing")

    return uploaded_files


def _listing(home: DataFolder, folders: list[str]) -> str:
    """A hash of the names, sizes and times of change of the files in the upload folders."""
    found = []
    for folder in folders:
        for path in sorted((home.root / folder).rglob("*")):
            if path.is_file() and not path.name.startswith((".", "~")):
                about = path.stat()
                found.append(f"{path.relative_to(home.root)} {about.st_size} {about.st_mtime_ns}")
    return hashlib.sha256("\n".join(found).encode()).hexdigest()
