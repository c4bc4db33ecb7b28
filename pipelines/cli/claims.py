"""Checking a quoted number: `verify-figure`.

Belongs here: its options, output and exit code. Does not belong here: how a claim is read and judged
(`warehouse/publishing/claims.py`, `verdicts.py`).
"""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines import console
from pipelines.cli.arguments import AsJson
from sources.data_folder import DataFolder, to_json, utc_now
from sources.errors import InvalidMoment

app = typer.Typer()


@app.command("verify-figure")
def verify_figure(
    claim: Annotated[
        str,
        typer.Argument(
            help="TERRITORY INDICATOR PERIOD VALUE, in any order and with words between, in Italian or English."
        ),
    ],
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            metavar="WHEN",
            help="What was known then: a day, or a moment with its offset from UTC.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a quoted number: right now, right when published, a share for a percentage, off by rounding, wrong, not verifiable.

    Exit code 0 if it is right, 1 if not. Nothing is guessed: a name that the release does not know cannot be verified.
    Examples: [cyan]distretto verify-figure "ITG17 enterprise_birth_rate 2019 9.38"[/cyan]
    [cyan]distretto verify-figure "tasso di natalità Catania 2019 9,38"[/cyan]
    """
    from sources.common.moments import parse_as_of
    from warehouse.publishing import citation, releases
    from warehouse.publishing.resolve import Known
    from warehouse.publishing.verdicts import as_json as verdict_json
    from warehouse.publishing.verdicts import verify
    from warehouse.reference.territory import timezone

    try:
        moment = parse_as_of(as_of, timezone(), utc_now()) if as_of else None
    except InvalidMoment as failure:
        raise typer.BadParameter(f"{failure.message} {failure.hint}", param_hint="--as-of") from None
    home = DataFolder.from_env()
    shown = releases.find(home, None)
    with releases.reading(releases.newest(home)) as con:
        verdict = verify(con, Known.read(con), claim, moment, shown.moment)
    if as_json:
        print(to_json(verdict_json(verdict), indent=1))
    else:
        console.out.print(verdict.sentence["en"], markup=False)
        if verdict.near:
            console.out.print(f"Similar names: {', '.join(verdict.near)}.", markup=False)
        if verdict.answer:
            console.out.print(f"Permanent address: {citation.address(verdict.answer)}", markup=False)
    if not verdict.right:
        raise typer.Exit(1)
