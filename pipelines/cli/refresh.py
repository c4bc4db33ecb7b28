"""The nightly job, its plan and its record, and the validation of the catalogue: `refresh`, `record`, `validate`.

Belongs here: starting a run and reporting its result. Does not belong here: what a run does (`pipelines/run.py`), what
it would ask (`sources/plan.py`) and how an exchange is kept (`sources/cassettes.py`).
"""

from __future__ import annotations

import atexit
import gc
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines import console
from pipelines.cli.arguments import AsJson, dataset_names
from pipelines.cli.status import archived, dataset_states, level_headlines, states_as_json
from sources.data_folder import DataFolder, to_json

app = typer.Typer()


@app.command()
def refresh(
    only: Annotated[
        list[str] | None, typer.Option(help="A dataset to refresh; may be repeated. Default: all.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Contact no provider; use stored and bundled figures.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="List every dataset at the end, not only those with a problem.")
    ] = False,
    plan: Annotated[
        bool,
        typer.Option(
            "--plan",
            help="Contact no provider; print the requests a night needs at most, and how long they take.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Collect new figures, check them, and publish a release if anything changed. This is the nightly job.

    Exit code 3: the run completed, but a dataset got worse. Examples: [cyan]distretto refresh[/cyan],
    [cyan]distretto refresh --only bd_size_r3[/cyan], [cyan]distretto refresh --offline[/cyan]
    """
    if plan:
        _plan(dataset_names(only), as_json)
        return
    # what Dagster and Great Expectations create lives until the end: collecting garbage in it cost 0.8 s of imports and
    # 1.2 s at exit
    gc.set_threshold(50_000)
    atexit.register(gc.freeze)
    from pipelines import reports
    from pipelines.progress import progress
    from pipelines.run import run_nightly
    from warehouse.history.dataset_state import read_status
    from warehouse.publishing import release

    home = DataFolder.from_env()
    steps = dataset_names(only)
    with progress(len(steps)) as handler:
        run_nightly(steps if only else None, offline, handler)
    run = read_status(home).run
    current = release.current(home)
    states = dataset_states(home)
    headlines = level_headlines(current) if current else []
    if as_json:
        report = {
            "published": run.published,
            "current": current.id if current else None,
            "folder": str(home.current),
            "worse": run.worse,
            "undrawn": run.undrawn,
            "datasets": states_as_json(states),
            "headlines": headlines,
        }
        print(to_json(report, indent=1))
    else:
        found = reports.Overview(
            current.id if current else None,
            str(home.current),
            run,
            states,
            archived(states),
            headlines,
            everything,
        )
        reports.refreshed(found, run.published)
    if run.worse or run.undrawn:
        raise typer.Exit(3)


def _plan(names: list[str], as_json: bool) -> None:
    """Print what a night would ask of each host, and which tables' keys nothing proves."""
    from sources.catalogue import load_catalogue
    from sources.plan import plan
    from sources.providers import load_providers
    from sources.snapshots import SnapshotStore

    home, catalogue = DataFolder.from_env(), load_catalogue()
    store = SnapshotStore(home)
    newest = {name: store.newest(name, "live") for name in names}
    sizes = {name: snapshot.size for name, snapshot in newest.items() if snapshot}
    found = plan([catalogue[name] for name in names], load_providers(), home.pace, sizes)
    if as_json:
        hosts = [vars(host) for host in found.hosts]
        requests = {name: [vars(one) for one in several] for name, several in found.requests.items()}
        print(to_json({"hosts": hosts, "requests": requests, "unproven": found.unproven}, indent=1))
        return
    rows = [
        {
            "host": host.host,
            "datasets": len(host.datasets),
            "requests": host.requests,
            "minutes": round(host.seconds / 60, 1),
            "last bodies": f"{host.known_bytes:,} bytes of {host.sized}" if host.sized else "unknown",
            "later nights": host.over_budget,
            "not asked": ", ".join(
                f"{name} ({' and '.join(unset)})" for name, unset in host.not_asked.items()
            ),
        }
        for host in found.hosts
    ]
    console.table(rows, list(rows[0]) if rows else ["host"])
    if found.unproven:
        console.done(f"No evidence of the key of: {', '.join(found.unproven)}.", "the first night shows it.")
    console.done(
        "This is the most a night needs, if every table changed. Minutes are the intervals between requests, without the "
        "providers' response times."
    )


@app.command()
def record(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[DATASET]...", help="Datasets to ask for. Default: all.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="A new folder for the cassettes.")] = Path(
        "cassettes"
    ),
    as_json: AsJson = False,
) -> None:
    """Ask the providers and store each exchange as a file, to attach to a report. No data enters the data folder.

    Exit code 3 if a provider refused. Example: [cyan]distretto record istat_bes_territ_11 -o cassettes[/cyan]
    """
    from sources.cassettes import record as record_exchanges
    from sources.catalogue import load_catalogue
    from sources.providers import load_providers

    catalogue, home = load_catalogue(), DataFolder.from_env()
    chosen = [catalogue[name] for name in dataset_names(names)]
    chosen.sort(key=lambda dataset: dataset.slow)
    rows = record_exchanges(chosen, load_providers(), home.pace, output)
    if as_json:
        print(to_json(rows, indent=1))
    else:
        console.table(rows, ["dataset", "provider", "exchanges", "result"])
        console.done(
            f"Cassettes are in {output}.", "read them before you send them: docs/first-live-night.md."
        )
    if any(row["result"] != "answered" and not row["result"].startswith("not asked") for row in rows):
        raise typer.Exit(3)


@app.command()
def validate(
    only: Annotated[
        list[str] | None, typer.Option(help="A dataset to check; may be repeated. Default: all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check the files of the catalogue, then run every check again on the current figures.

    Exit code 1 if a check fails. Example: [cyan]distretto validate --only bd_size_r3[/cyan]
    """
    from assets import checks
    from assets.run import RunContext
    from pipelines.progress import progress
    from sources import bundled

    home = DataFolder.from_env()
    names = dataset_names(only)
    results: list[dict[str, Any]] = []
    with home.writing():
        run = RunContext(home)
        with run.warehouse() as con, progress(len(names)) as handler:
            for number, name in enumerate(names, 1):
                snapshot = run.store.current(name)
                handler.step(number, f"{name}: checking")
                if snapshot is None:
                    continue
                rows = bundled.load()[name].rows if snapshot.origin == "shipped" else None
                found = checks.check(con, run.catalogue[name], snapshot, run.stage(snapshot), None, rows)
                results += [
                    {
                        "dataset": name,
                        "check": r.name,
                        "passed": r.passed,
                        "severity": r.severity if r.passed is False else None,
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
        console.done(
            "The files of the catalogue are valid; there are no figures yet.",
            "distretto refresh collects them.",
        )
    if any(result["severity"] == "quarantine" for result in results):
        raise typer.Exit(1)
