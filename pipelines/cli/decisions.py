"""Decisions of an operator on single snapshots: `accept`, `withdraw`, `pin`, `unpin`.

Belongs here: recording who decided what and why. Does not belong here: what a decision does (`assets/decisions.py`).
"""

from __future__ import annotations

import getpass
from typing import Annotated, Any

import typer

from pipelines import console
from pipelines.cli.arguments import AsJson, DatasetName, dataset_names
from sources.data_folder import DataFolder
from sources.errors import DistrettoError

app = typer.Typer()


def _given(words: str) -> str:
    if not words.strip():
        raise typer.BadParameter("give a reason: it is recorded and published.")
    return words


Because = Annotated[str, typer.Option("--because", help="Why; recorded and published.", callback=_given)]
SnapshotName = Annotated[str, typer.Argument(help="A snapshot id, or its last characters.")]


@app.command()
def accept(dataset: DatasetName, snapshot: SnapshotName, because: Because, as_json: AsJson = False) -> None:
    """Let a quarantined snapshot into history; `refresh` then publishes it. Undo: pin an earlier snapshot.

    Example: [cyan]distretto accept bd_size_r3 1a2b3c4d --because "announced revision of 2026"[/cyan]
    """
    from assets import decisions

    taken = _decide(decisions.accept, dataset, snapshot, because)
    console.report(
        as_json,
        {"dataset": dataset, "accepted": taken},
        f"{taken} accepted.",
        "distretto refresh --offline publishes it.",
    )


@app.command()
def withdraw(dataset: DatasetName, snapshot: SnapshotName, because: Because, as_json: AsJson = False) -> None:
    """Take back the figures of a file that was handed in by mistake; earlier ones return by `distretto accept`."""
    from assets import decisions

    taken = _decide(decisions.withdraw, dataset, snapshot, because)
    console.report(
        as_json,
        {"dataset": dataset, "withdrawn": taken},
        f"{taken} is withdrawn.",
        "distretto refresh --offline publishes it.",
    )


@app.command()
def pin(dataset: DatasetName, snapshot: SnapshotName, because: Because, as_json: AsJson = False) -> None:
    """Hold a dataset at a snapshot; newer bodies are kept and wait. Undo: `distretto unpin`."""
    from assets import decisions

    taken = _decide(decisions.pin, dataset, snapshot, because)
    console.report(
        as_json,
        {"dataset": dataset, "pinned": taken},
        f"{dataset} is pinned to {taken}.",
        "distretto refresh --offline publishes it; distretto unpin ends it.",
    )


@app.command()
def unpin(dataset: DatasetName, because: Because, as_json: AsJson = False) -> None:
    """Let a pinned dataset follow its provider again."""
    from sources.snapshots import SnapshotStore

    home = DataFolder.from_env()
    dataset_names([dataset])
    with home.writing():
        store = SnapshotStore(home)
        if dataset not in store.pins:
            raise DistrettoError(f"{dataset} is not pinned.", hint="distretto status shows what is.")
        store.unpin(dataset, getpass.getuser(), because)
    console.report(
        as_json,
        {"dataset": dataset, "pinned": None},
        f"{dataset} follows its provider again.",
        "distretto refresh takes what waits.",
    )


def _decide(decision: Any, dataset: str, snapshot: str, because: str) -> str:
    from assets.run import RunContext
    from assets.soundness import prepare

    dataset_names([dataset])
    home = DataFolder.from_env()
    with home.writing():
        run = RunContext(home)
        prepare(run)
        with run.warehouse() as con:
            return decision(run, con, dataset, snapshot, getpass.getuser(), because).id
