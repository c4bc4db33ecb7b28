"""Arguments and options that several commands share, and their checks.

Belongs here: types of arguments, refusals with exit code 2. Does not belong here: an argument of one group of commands.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sources.common.names import similar

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
DatasetName = Annotated[str, typer.Argument(help="A dataset; `distretto datasets` lists them.")]


def dataset_names(only: list[str] | None) -> list[str]:
    """The datasets that `only` names, or all. Raises BadParameter, with similar names, for one that is not in the catalogue."""
    from sources.catalogue import load_catalogue

    catalogue = load_catalogue()
    if unknown := [name for name in only or [] if name not in catalogue]:
        near = dict.fromkeys(word for name in unknown for word in similar(name, catalogue))
        raise typer.BadParameter(
            f"there is no dataset {', '.join(unknown)}. "
            + (f"Similar names: {', '.join(near)}." if near else "distretto datasets lists them all.")
        )
    return list(only or catalogue)


def raise_if_no_folder(file: Path) -> None:
    """Raises BadParameter if the folder of an output file does not exist."""
    if not file.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {file.parent}.", param_hint="--output")
