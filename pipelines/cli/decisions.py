"""Decisions of an operator on single snapshots: `accept`, `withdraw`, `pin`, `unpin`.

Belongs here: recording who decided what and why. Does not belong here: what a decision does (`assets/decisions.py`).
"""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines import console
from pipelines.cli.arguments import AsJson, DatasetName, dataset_names
from sources.data_folder import DataFolder
from sources.errors import DistrettoError

if TYPE_CHECKING:
    from sources.snapshots import Snapshot

app = typer.Typer()


def _given(words: str) -> str:
    if not words.strip():
        raise typer.BadParameter("give a reason; it is recorded and published.")
    return words


Because = Annotated[
    str, typer.Option("--because", help="The reason; it is recorded and published.", callback=_given)
]
SnapshotName = Annotated[str, typer.Argument(help="A snapshot id, or its last characters.")]


@app.command()
def accept(dataset: DatasetName, snapshot: SnapshotName, because: Because, as_json: AsJson = False) -> None:
    """Accept a quarantined snapshot: its figures enter history, and `refresh` publishes them.

    To undo it, pin an earlier snapshot.

    Example: [cyan]distretto accept bd_size_r3 1a2b3c4d --because "announced revision of 2026"[/cyan]
    """
    from assets import decisions

    taken = _decide(decisions.accept, dataset, snapshot, because)
    _report(as_json, dataset, "accepted", taken, f"Accepted {taken}.")


@app.command()
def withdraw(dataset: DatasetName, snapshot: SnapshotName, because: Because, as_json: AsJson = False) -> None:
    """Withdraw the figures of a file that was uploaded by mistake; `distretto accept` brings earlier ones back.

    Example: [cyan]distretto withdraw own_figures 1a2b3c4d --because "file of another district"[/cyan]
    """
    from assets import decisions

    taken = _decide(decisions.withdraw, dataset, snapshot, because)
    _report(as_json, dataset, "withdrawn", taken, f"Withdrew {taken}.")


@app.command()
def pin(dataset: DatasetName, snapshot: SnapshotName, because: Because, as_json: AsJson = False) -> None:
    """Hold a dataset at one snapshot; newer ones are stored and wait. To undo it: `distretto unpin`.

    Example: [cyan]distretto pin bd_size_r3 1a2b3c4d --because "revision under review"[/cyan]
    """
    from assets import decisions

    taken = _decide(decisions.pin, dataset, snapshot, because)
    _report(
        as_json, dataset, "pinned", taken, f"Pinned {dataset} to {taken}.", "; distretto unpin releases it"
    )


@app.command()
def unpin(dataset: DatasetName, because: Because, as_json: AsJson = False) -> None:
    """Let a pinned dataset follow its provider again.

    Example: [cyan]distretto unpin bd_size_r3 --because "revision confirmed"[/cyan]
    """
    from sources.snapshots import SnapshotStore

    home = DataFolder.from_env()
    dataset_names([dataset])
    with home.writing():
        store = SnapshotStore(home)
        if dataset not in store.pins:
            raise DistrettoError(
                f"{dataset} is not pinned.", hint="distretto status shows the pinned datasets."
            )
        store.unpin(dataset, getpass.getuser(), because)
    console.report(
        as_json,
        {"dataset": dataset, "pinned": None},
        f"{dataset} follows its provider again.",
        "distretto refresh accepts the snapshots that wait.",
    )


def _report(as_json: bool, dataset: str, outcome: str, snapshot: str, message: str, more: str = "") -> None:
    console.report(
        as_json,
        {"dataset": dataset, outcome: snapshot},
        message,
        f"distretto refresh --offline publishes it{more}.",
    )


def _decide(decision: Callable[..., Snapshot], dataset: str, snapshot: str, because: str) -> str:
    from assets.run import RunContext
    from assets.soundness import prepare

    dataset_names([dataset])
    home = DataFolder.from_env()
    with home.writing():
        run = RunContext(home)
        prepare(run)
        with run.warehouse() as con:
            return decision(run, con, dataset, snapshot, getpass.getuser(), because).id
