"""The state of the data and of its providers: `status`, `datasets`, `doctor`, `probe`.

Belongs here: commands that report and change nothing. Does not belong here: how a state is determined (`warehouse/history`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines import console
from pipelines.cli.arguments import AsJson, DatasetName, dataset_names
from sources.data_folder import DataFolder, to_json, utc_now

if TYPE_CHECKING:
    from warehouse.history.dataset_state import DatasetState
    from warehouse.publishing.releases import Release

app = typer.Typer()


@app.command()
def status(
    everything: Annotated[
        bool, typer.Option("--all", help="List every dataset, not only those with a problem or a pin.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the current release, the last run, how many datasets are in each state, and every problem.

    Examples: [cyan]distretto status[/cyan], [cyan]distretto status --all[/cyan]
    """
    from pipelines import reports
    from warehouse.history.dataset_state import read_status
    from warehouse.publishing import releases

    home = DataFolder.from_env()
    current = releases.current(home)
    states = dataset_states(home)
    run = read_status(home)
    headlines = level_headlines(current) if current else []
    if as_json:
        report = {
            "current": current.id if current else None,
            "folder": str(home.current),
            "run": run.to_dict()["run"],
            "datasets": states_as_json(states),
            "headlines": headlines,
        }
        print(to_json(report, indent=1))
    else:
        found = reports.Overview(
            current.id if current else None,
            str(home.current),
            run.run,
            states,
            archived(states),
            headlines,
            everything,
        )
        reports.status(found)


@app.command()
def datasets(as_json: AsJson = False) -> None:
    """List the catalogue: each dataset, its provider, its theme, and whether it is collected.

    Example: [cyan]distretto datasets --json[/cyan]
    """
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
            "warnings": [warning.en for warning in d.warnings],
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
    offline: Annotated[bool, typer.Option(help="Do not contact providers; show stored state only.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check each provider: does it answer, are its credentials set, may it be asked now, when is its next release.

    Each provider gets one request. Run it when many datasets fail: [cyan]distretto doctor[/cyan]
    """
    from pipelines import reports
    from sources.catalogue import load_catalogue
    from sources.doctor import examine, next_release
    from sources.providers import load_providers

    home, catalogue = DataFolder.from_env(), load_catalogue()
    states = states_as_json(dataset_states(home))
    found = []
    for provider in load_providers().values():
        theirs = [next_release(d, states[d.id]) for d in catalogue.values() if d.provider == provider.id]
        found.append(examine(provider, home.pace, theirs, ask=not offline))
    if as_json:
        print(to_json([asdict(row) for row in found], indent=1))
    else:
        reports.doctor(found)


@app.command()
def probe(dataset: DatasetName, as_json: AsJson = False) -> None:
    """Compare a table's current structure at the provider with its catalogue entry and with the stored figures.

    Exit code 3 if the entry asks for something the provider does not have. Example: [cyan]distretto probe bd_hgnace_r[/cyan]
    """
    from assets.probe import probe as compare
    from assets.run import RunContext
    from pipelines import reports

    dataset_names([dataset])
    run = RunContext(DataFolder.from_env())
    found = compare(run, run.catalogue[dataset])
    if as_json:
        print(to_json(found, indent=1))
    else:
        reports.probed(found)
    if not found["agrees"]:
        raise typer.Exit(3)


def dataset_states(home: DataFolder) -> dict[str, DatasetState]:
    """The state of each dataset of the catalogue now, by its id."""
    from sources.catalogue import load_catalogue
    from sources.providers import load_providers
    from sources.snapshots import SnapshotStore
    from warehouse.history.dataset_state import describe

    return describe(home, load_catalogue(), load_providers(), SnapshotStore(home), utc_now())


def level_headlines(current: Release) -> list[dict[str, Any]]:
    """The headlines on the newest figures, as rows of the table `headlines` of the release `current`."""
    from sources.common.sql import rows
    from warehouse.publishing.releases import reading

    with reading(current) as con:
        # no parameter: given one DuckDB imports pandas, which would double the time of `status`
        return rows(con, "select * from headlines where kind = 'level' order by number")


def archived(states: Mapping[str, DatasetState]) -> dict[str, date]:
    """The day by which the figures of each dataset in state `shipped` were archived."""
    shipped = [name for name, entry in states.items() if entry.state == "shipped"]
    if not shipped:
        return {}
    from sources import bundled

    return {name: bundled.load()[name].archived_by for name in _known(shipped, bundled.load())}


def _known(names: Iterable[str], bundles: Mapping[str, object]) -> list[str]:
    # a newer version of the project may not ship what an older one put into this folder
    return [name for name in names if name in bundles]


def states_as_json(states: Mapping[str, DatasetState]) -> dict[str, dict[str, Any]]:
    """The states as `--json` prints them: `archived_by` is the day by which bundled figures were archived."""
    days = archived(states)
    return {
        name: entry.to_dict() | ({"archived_by": days[name]} if name in days else {})
        for name, entry in states.items()
    }
