"""The nightly job and the validation of the catalogue: `refresh`, `validate`.

Belongs here: starting a run and reporting its result. Does not belong here: what a run does (`pipelines/run.py`).
"""

from __future__ import annotations

import atexit
import gc
from typing import Annotated, Any

import typer

from pipelines import console
from pipelines.cli.arguments import AsJson, dataset_names
from pipelines.cli.status import dataset_states, run_status
from sources.data_folder import DataFolder, to_json

app = typer.Typer()


@app.command()
def refresh(
    only: Annotated[
        list[str] | None, typer.Option(help="A dataset to refresh; may be repeated. Default: all.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask no provider; work with what is here and what ships.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Ask the providers, let good figures into history, publish a release if anything changed.

    This is the nightly job, run here without a daemon. Example: [cyan]distretto refresh --only bd_size_r3[/cyan]
    """
    # what Dagster and Great Expectations make lives to the end: looking for garbage in it cost 0.8 s of imports and
    # 1.2 s at exit
    gc.set_threshold(50_000)
    atexit.register(gc.freeze)
    from pipelines.run import run_nightly
    from warehouse.publishing import release

    home = DataFolder.from_env()
    steps = dataset_names(only)
    with console.progress(len(steps)) as handler:
        run_nightly(steps if only else None, offline, handler)
    run = run_status(home).run
    current = release.current(home)
    report = {
        "published": run.published,
        "current": current.id if current else None,
        "folder": str(home.current),
        "worse": run.worse,
        "undrawn": run.undrawn,
        "datasets": dataset_states(home),
        "headlines": _headlines(current),
    }
    if as_json:
        print(to_json(report, indent=1))
    else:
        console.refreshed(report)
    if run.worse or run.undrawn:
        raise typer.Exit(3)


@app.command()
def validate(
    only: Annotated[
        list[str] | None, typer.Option(help="A dataset to check; may be repeated. Default: all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check the catalogue's files, then run every check again on the figures that stand. Exit code 1 if one fails."""
    from assets import checks
    from assets.run import RunContext
    from sources import bundled

    home = DataFolder.from_env()
    names = dataset_names(only)
    results: list[dict[str, Any]] = []
    with home.writing():
        run = RunContext(home)
        with run.warehouse() as con, console.progress(len(names)) as handler:
            for name in names:
                snapshot = run.store.current(name)
                handler.step(name, f"{name}: checking")
                if snapshot is None:
                    continue
                rows = bundled.load()[name].rows if snapshot.origin == "shipped" else None
                found = checks.check(con, run.catalogue[name], snapshot, run.stage(snapshot), None, rows)
                results += [
                    {
                        "dataset": name,
                        "check": r.name,
                        "passed": r.passed,
                        "observed": r.observed,
                        "expected": r.expected,
                        "snapshot_id": snapshot.id,
                    }
                    for r in found
                ]
    if as_json:
        print(to_json(results, indent=1))
    elif results:
        console.table(results, ["dataset", "check", "passed", "observed", "expected"])
    else:
        console.done("The catalogue's files are right; no figures stand yet.", "distretto refresh gets them.")
    if not all(result["passed"] for result in results):
        raise typer.Exit(1)


def _headlines(current: Any) -> list[dict[str, Any]]:
    if current is None:
        return []
    from warehouse.publishing import headlines
    from warehouse.publishing.release import reading

    with reading(current) as con:
        return headlines.read(con, "level")
