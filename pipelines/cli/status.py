"""The state of the data and of its providers: `status`, `datasets`, `doctor`, `probe`.

Belongs here: commands that report and change nothing. Does not belong here: how a state is determined (`warehouse/history`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines import console
from pipelines.cli.arguments import AsJson, DatasetName, dataset_names
from sources.data_folder import DataFolder, to_json, utc_now

if TYPE_CHECKING:
    from warehouse.history.dataset_state import Status

app = typer.Typer()


@app.command()
def status(as_json: AsJson = False) -> None:
    """What stands: the release, and each dataset's state, age and trouble."""
    from warehouse.publishing import release

    home = DataFolder.from_env()
    current = release.current(home)
    report = {
        "current": current.id if current else None,
        "folder": str(home.current),
        "run": run_status(home).to_dict()["run"],
        "datasets": dataset_states(home),
    }
    if as_json:
        print(to_json(report, indent=1))
    else:
        console.status(report)


@app.command()
def datasets(as_json: AsJson = False) -> None:
    """The catalogue: what is collected, from whom, and what it feeds."""
    from sources.catalogue import load_catalogue

    entries = [
        {
            "dataset": d.id,
            "title": d.title.en,
            "titolo": d.title.it,
            "theme": d.theme,
            "provider": d.provider,
            "code": d.code,
            "status": d.status,
            "feeds": sorted(d.feeds),
            "warnings": d.warnings,
            "file": d.path,
        }
        for d in load_catalogue().values()
    ]
    if as_json:
        print(to_json(entries, indent=1))
    else:
        console.table(entries, ["dataset", "title", "theme", "provider", "status"])


@app.command()
def doctor(
    offline: Annotated[bool, typer.Option(help="Ask nobody; tell what is known on disk.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask each provider once whether it answers; tell its credentials, pace and bans, and when it releases next.

    Example: [cyan]distretto doctor[/cyan] after a night in which everything failed
    """
    from sources.catalogue import load_catalogue
    from sources.doctor import examine, owed
    from sources.providers import load_providers

    home, catalogue = DataFolder.from_env(), load_catalogue()
    states = dataset_states(home)
    found = []
    for provider in load_providers().values():
        theirs = [owed(d, states[d.id]) for d in catalogue.values() if d.provider == provider.id]
        found.append(examine(provider, home.pace, ask=not offline) | {"datasets": theirs})
    if as_json:
        print(to_json(found, indent=1))
    else:
        console.doctor(found)


@app.command()
def probe(dataset: DatasetName, as_json: AsJson = False) -> None:
    """Ask the provider what the table is like now, and compare it with the catalogue entry and the figures held.

    Exit code 3 where the entry asks for what the provider has not. Example: [cyan]distretto probe bd_hgnace_r[/cyan]
    """
    from assets.probe import probe as compare
    from assets.run import RunContext

    dataset_names([dataset])
    run = RunContext(DataFolder.from_env())
    found = compare(run, run.catalogue[dataset])
    if as_json:
        print(to_json(found, indent=1))
    else:
        console.probed(found)
    if not found["agrees"]:
        raise typer.Exit(3)


def run_status(home: DataFolder) -> Status:
    """What status.json records of the last run and of each dataset."""
    from warehouse.history.dataset_state import read_status

    return read_status(home)


def dataset_states(home: DataFolder) -> dict[str, dict[str, Any]]:
    """The state of each dataset of the catalogue now, by its id, as JSON has it."""
    from sources.catalogue import load_catalogue
    from sources.providers import load_providers
    from sources.snapshots import SnapshotStore
    from warehouse.history.dataset_state import describe

    states = describe(home, load_catalogue(), load_providers(), SnapshotStore(home), utc_now())
    return {name: state.to_dict() for name, state in states.items()}
