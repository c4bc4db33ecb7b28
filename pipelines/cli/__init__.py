"""The command line `distretto`: one module a group of commands. Results go to stdout, progress and messages to stderr.

Exit codes: 0 done, 1 failed and nothing published, 2 usage, 3 published but degraded, 130 interrupted.

Belongs here: the entry point and what every command shares, such as errors and signals. Does not belong here: a command
(add it to its group's module) and work (`assets`, `warehouse`). Dagster, DuckDB, pandas and Great Expectations are
imported inside the commands that need them, so that the others start at once.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from pipelines import console
from pipelines.cli import claims, clock, data, decisions, refresh, releases, serve, status, targets
from pipelines.cli.signals import INTERRUPTED, announce, interruptible
from sources.data_folder import DataFolder
from sources.errors import DistrettoError

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Collect territorial indicators from their providers and publish them as releases that analysts query.",
    epilog="Start with [cyan]distretto refresh[/cyan], then [cyan]distretto status[/cyan] and "
    '[cyan]distretto query "show tables"[/cyan]. DISTRETTO_HOME names the data folder (default: ./data).',
)
# in the order of the help
for group in (refresh, status, data, claims, decisions, serve, releases, targets, clock):
    app.add_typer(group.app)


def _print_version(wanted: bool) -> None:
    if wanted:
        from sources.common.version import version

        print(f"distretto {version()}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", callback=_print_version, is_eager=True),
    ] = False,
) -> None: ...


def main() -> None:
    """Entry point: an explained failure becomes one message on stderr and exit code 1, an interruption code 130."""
    # pydantic reads the metadata of every installed package to find plugins, of which none is used
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    with interruptible() as interrupted:
        try:
            app()
        except BaseException as failure:
            if interrupted():
                announce()
                sys.exit(INTERRUPTED)
            if "Broken pipe" in str(failure):
                # stdout was closed early, for example by `head`
                sys.exit(1)
            explained = _explain(failure)
            if explained is None:
                raise
            console.failed(*explained)
            sys.exit(1)


def _explain(failure: BaseException) -> tuple[str, str] | None:
    """The message and the next step, or None if `failure` is an error of the code, to be shown with its trace."""
    if isinstance(failure, DistrettoError):
        return failure.message, failure.hint
    folder = DataFolder.from_env().root
    if isinstance(failure, OSError):
        return (
            f"{failure.strerror or failure}: {failure.filename or folder}.",
            f"check that DISTRETTO_HOME names the right data folder; it is {folder}. The published release stays."
            if isinstance(failure, FileNotFoundError | NotADirectoryError | FileExistsError)
            else "free space or correct the permissions, then run the command again; the published release stays.",
        )
    # by name, because DuckDB is imported only by the commands that need it; SQL that DuckDB cannot parse or bind here is
    # an error of the code
    if type(failure).__module__ in ("duckdb", "_duckdb") and type(failure).__name__ not in (
        "BinderException",
        "CatalogException",
        "ParserException",
    ):
        return (
            f"DuckDB reports: {str(failure).splitlines()[0]}",
            "free space. If warehouse.duckdb or baselines/ is damaged, delete warehouse.duckdb: the next run builds both "
            "again from the snapshots. `distretto release verify` checks a release. The published release stays.",
        )
    return None
