"""Reading the published release: `query`, `why`, `export`, `board`.

Belongs here: commands for analysts. Does not belong here: the queries behind them (`warehouse/publishing`).
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines import console
from pipelines.cli.arguments import AsJson, raise_if_no_folder
from sources.common.names import similar
from sources.data_folder import DataFolder, to_json, utc_now
from sources.errors import DistrettoError

app = typer.Typer()


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="SQL of DuckDB on the tables of the release.")],
    release_id: Annotated[
        str | None, typer.Option("--release", help="The id of a release. Default: the current one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run SQL on the published release, read-only.

    The query can only read the release: it cannot open files, databases, extensions or network addresses.
    Of several statements separated by ; each result is shown, with --json as a list of lists.

    Examples: [cyan]distretto query "show tables"[/cyan]
    [cyan]distretto query "from enterprise_births where geo = 'ITG17' and indicator = 'V11920' limit 5"[/cyan]
    """
    from warehouse.publishing.query import run
    from warehouse.publishing.releases import find

    results = run(find(DataFolder.from_env(), release_id), sql)
    if as_json:
        found = [
            [{k: _json_number(v) for k, v in row.items()} for row in result.records] for result in results
        ]
        print(json.dumps(found[0] if len(found) == 1 else found, ensure_ascii=False, default=str))
        return
    if not results:
        console.done("The query ran; its statements have no result.")
    for number, result in enumerate(results, 1):
        if number > 1:
            console.out.print()
        console.table(result.records, result.columns)
        if not result.rows:
            console.done("No rows." if len(results) == 1 else f"Result {number} of {len(results)}: no rows.")


@app.command()
def why(
    number: Annotated[
        str,
        typer.Argument(metavar="TERRITORY/INDICATOR/PERIOD", help="Such as Catania/enterprise_births/2019."),
    ],
    as_json: AsJson = False,
) -> None:
    """Explain one published number: definition, inputs, source address, date of retrieval, licence, checks, earlier values.

    TERRITORY is a code or a name in Italian or English, INDICATOR an indicator of the release or a code of a dataset.
    Examples: [cyan]distretto why Catania/enterprise_births/2019[/cyan], [cyan]distretto why ITG17/V11920/2019[/cyan]
    """
    from pipelines import reports
    from warehouse.publishing import release
    from warehouse.publishing.provenance import trail

    parts = [part.strip() for part in number.split("/")]
    if len(parts) != 3 or not all(parts):
        raise typer.BadParameter("write TERRITORY/INDICATOR/PERIOD, such as Catania/enterprise_births/2019.")
    with release.reading(release.find(DataFolder.from_env(), None)) as con:
        found = trail(con, *parts)
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=1, default=str))
    else:
        reports.provenance(found)


@app.command()
def export(
    dataset: Annotated[str, typer.Argument(help="A dataset of the release, or `indicators`.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")] = Path("/dev/stdout"),
    as_json: AsJson = False,
) -> None:
    """Write a dataset or the indicators as SDMX-CSV 2.0. The release has all other formats as files.

    Example: [cyan]distretto export bd_size_r3 -o births.csv[/cyan]
    """
    from warehouse.publishing import release
    from warehouse.publishing.exports.sdmx import sdmx_csv

    raise_if_no_folder(output)
    chosen = release.find(DataFolder.from_env(), None)
    with release.reading(chosen) as con:
        try:
            rows = sdmx_csv(con, dataset, output)
        except LookupError:
            held = [
                name
                for (name,) in con.execute("select distinct dataset from observations order by 1").fetchall()
            ]
            near = similar(dataset, ["indicators", *held])
            raise DistrettoError(
                f"Release {chosen.id} has no figures of {dataset}.",
                hint=(
                    f"similar names: {', '.join(near)}"
                    if near
                    else f"it has {', '.join(['indicators', *held])}"
                )
                + "; distretto datasets lists every dataset of the catalogue.",
            ) from None
    if output != Path("/dev/stdout"):
        console.report(
            as_json,
            {"release": chosen.id, "dataset": dataset, "file": str(output), "rows": rows},
            f"Wrote {rows:,} rows of {dataset} from release {chosen.id} to {output}.",
        )


@app.command()
def board(
    since: Annotated[str, typer.Option(help="Day of the last meeting, YYYY-MM-DD.")],
    language: Annotated[str, typer.Option(help="it or en.")] = "it",
    output: Annotated[str, typer.Option("--output", "-o", help="The PDF to write.")] = "board.pdf",
    as_json: AsJson = False,
) -> None:
    """Write the board's two-page sheet: figures against targets, and what changed since the last meeting.

    The release has a sheet for the end of last month: site/it/board.pdf.
    Example: [cyan]distretto board --since 2026-09-30[/cyan]
    """
    from datetime import date

    from assets.site.build import board_sheet
    from assets.site.language import LANGUAGES
    from warehouse.publishing import release

    try:
        day = date.fromisoformat(since)
    except ValueError:
        raise typer.BadParameter(f"{since} is not a date; write YYYY-MM-DD.", param_hint="--since") from None
    if day > utc_now().date():
        raise typer.BadParameter(f"{since} is in the future.", param_hint="--since")
    chosen = next((code for code in LANGUAGES if code == language), None)
    if chosen is None:
        raise typer.BadParameter(f"{language} is neither it nor en.", param_hint="--language")
    raise_if_no_folder(Path(output))
    pdf, changed = board_sheet(release.find(DataFolder.from_env(), None), day, chosen)
    with open(output, "wb") as handle:
        handle.write(pdf)
    if as_json:
        print(to_json({"file": output, "since": since, "changed": changed}, indent=1))
    else:
        console.out.print(f"Wrote {output}: {len(changed)} values changed or were added since {since}.")


def _json_number(value: Any) -> Any:
    """`value`, but null for nan and infinity, which JSON does not have."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
