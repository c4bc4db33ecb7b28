"""The machine's clock: `clock confirm`.

Belongs here: recording an operator's confirmation of the clock. Does not belong here: when a run asks for it
(`sources/clock.py`).
"""

from __future__ import annotations

import getpass

import typer

from pipelines import console
from pipelines.cli.arguments import AsJson
from pipelines.cli.decisions import Because
from sources import clock
from sources.data_folder import DataFolder

group = typer.Typer(no_args_is_help=True, help="Confirm the clock of this machine after a run refused it.")
app = typer.Typer()
app.add_typer(group, name="clock")


@group.callback()
def _commands() -> None:
    """A callback keeps `confirm` a command of the group."""


@group.command("confirm")
def confirm(because: Because, as_json: AsJson = False) -> None:
    """Record that the clock is right although a run refused it, and restore the releases that the last run removed.

    Example: [cyan]distretto clock confirm --because "the clock was a year ahead last night, and is set"[/cyan]
    """
    from assets.run import RunContext
    from assets.soundness import last_written
    from warehouse.publishing import release

    home = DataFolder.from_env()
    with home.writing():
        run = RunContext(home)
        said = clock.confirm(home, last_written(run), getpass.getuser(), because)
        back = release.restore_trash(home)
    returned = f" Restored releases: {', '.join(back)}." if back else ""
    console.report(
        as_json,
        {**said, "releases": back},
        f"The clock is confirmed: {said['confirmed_at'][:16].replace('T', ' ')} UTC.{returned}",
        "distretto refresh runs again.",
    )
