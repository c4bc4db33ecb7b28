"""The command line `distretto`. Results go to stdout, progress and messages to stderr.

Exit codes: 0 done, 1 failed and nothing published, 2 usage, 3 published but degraded, 130 interrupted. Belongs here: reading
arguments and printing. Does not belong here: work. Dagster, pandas and Great Expectations are imported inside
the commands that need them, so that reading starts at once.
"""

from __future__ import annotations

import select
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

from pipelines import console
from pipelines.cli import data, decisions, refresh, releases, serve, status, targets
from sources.data_folder import DataFolder
from sources.errors import DistrettoError

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Territorial indicators: from the providers' tables to releases that analysts query.",
)
# in the order of the help
for group in (refresh, status, data, decisions, serve, releases, targets):
    app.add_typer(group.app)


def main() -> None:
    """Entry point: every explained failure becomes one message on stderr and exit code 1, an interrupt 130."""
    with _interrupts() as interrupted:
        try:
            app()
        except BaseException as failure:
            if interrupted():
                console.err.print(
                    "Interrupted: what was published stays; the next run takes up what is missing."
                )
                sys.exit(130)
            if "Broken pipe" in str(failure):
                # the reader of our output has enough, as `head` has
                sys.exit(1)
            told = _explained(failure)
            if told is None:
                raise
            console.failed(*told)
            sys.exit(1)


def _explained(failure: BaseException) -> tuple[str, str] | None:
    """What happened and what to do next, where `failure` is one that a person can mend."""
    if isinstance(failure, DistrettoError):
        return failure.message, failure.hint
    home = DataFolder.from_env().root
    if isinstance(failure, OSError):
        return (
            f"{failure.strerror or failure}: {failure.filename or home}.",
            f"the data folder is {home}: is it the one that DISTRETTO_HOME should name? What was published stays."
            if isinstance(failure, FileNotFoundError | NotADirectoryError | FileExistsError)
            else "free space or mend the permissions, then run again; what was published stays.",
        )
    # not by its class: DuckDB is imported only by commands that need it
    # a query that DuckDB does not understand is a mistake of ours, shown whole
    if type(failure).__module__ in ("duckdb", "_duckdb") and type(failure).__name__ not in (
        "BinderException",
        "CatalogException",
        "ParserException",
    ):
        return (
            f"DuckDB says: {str(failure).splitlines()[0]}",
            "free space; where warehouse.duckdb or baselines/ is damaged, delete warehouse.duckdb: the next run builds "
            "both again from the snapshots; `distretto release verify` tells whether a release is. What was published stays.",
        )
    return None


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Tells whether a signal came: DuckDB, and what it imports, make errors of other kinds of an interrupt."""
    heard, bell = socket.socketpair()
    with heard, bell:
        bell.setblocking(False)
        before = signal.set_wakeup_fd(bell.fileno(), warn_on_full_buffer=False)
        try:
            yield lambda: bool(select.select([heard], [], [], 0)[0])
        finally:
            signal.set_wakeup_fd(before)
