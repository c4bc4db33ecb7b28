"""The sealed ledger of targets: `targets add|anchor|verify|results`.

Belongs here: commands on targets. Does not belong here: the rules of the ledger (`warehouse/targets`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines import console
from pipelines.cli.arguments import AsJson
from sources.data_folder import DataFolder, to_json, utc_now
from sources.errors import DistrettoError

app = typer.Typer()
targets_app = typer.Typer(
    no_args_is_help=True, help="Targets fixed before their results: the sealed ledger, and how they stand."
)
app.add_typer(targets_app, name="targets")


@targets_app.command("add")
def targets_add(
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="A YAML file with one target, see docs/targets.md."),
    ],
    as_json: AsJson = False,
) -> None:
    """Seal a target into the ledger; `refresh` then publishes it. One whose figures are known is refused.

    Nothing is ever taken out. To correct or change a target, add it again under its id: the new version supersedes the
    old one, which stays visible with its results. To withdraw it, add it with `stage: withdrawn`.
    """
    from warehouse.publishing import release
    from warehouse.targets import assessment, ledger

    home = DataFolder.from_env()
    draft = ledger.read_draft(file)
    with home.writing():
        standing = ledger.load(home)
        newest = release.newest(home)
        with release.reading(newest) as con:
            published, known = assessment.published(con), assessment.known(con, draft.indicator, draft.geo)
        _raise_if_broken(ledger.verify(standing, published, home))
        entry = ledger.sealed(standing, draft, known, utc_now())
        ledger.append(home, standing, entry)
    timing = (
        "fixed ex ante"
        if entry.timing == "ex_ante"
        else "fixed within its period, before its data were known, and shown so"
    )
    console.report(
        as_json,
        {
            "number": entry.number,
            "id": entry.id,
            "version": entry.version,
            "timing": entry.timing,
            "seal": entry.seal,
        },
        f"Entry {entry.number}: {entry.id}, version {entry.version}, {timing}. Seal {entry.seal}",
        "distretto refresh --offline publishes it; distretto targets anchor dates the seal outside.",
    )


@targets_app.command("anchor")
def targets_anchor(
    protocol: Annotated[
        str | None, typer.Option(help="Protocol number and date of the minutes that quote the seal.")
    ] = None,
    token: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="An RFC 3161 time stamp of the seal (.tsr or .tst)."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Date the ledger's head by something outside: a protocol number, an RFC 3161 time stamp, or both.

    It is checked that the time stamp is one of the head; its authority's signature is checked by `openssl ts -verify`.
    """
    from warehouse.publishing import release
    from warehouse.targets import assessment, ledger

    if not (protocol or token):
        raise typer.BadParameter("give --protocol, --token or both.")
    home = DataFolder.from_env()
    with home.writing():
        standing = ledger.load(home)
        with release.reading(release.newest(home)) as con:
            _raise_if_broken(ledger.verify(standing, assessment.published(con), home))
        anchor = ledger.anchored(home, standing, protocol, token, utc_now())
        ledger.append(home, standing, anchor)
    console.report(
        as_json,
        {"number": anchor.number, "anchors": anchor.anchors, "seal": anchor.seal},
        f"Entry {anchor.number} anchors {anchor.anchors}.",
        "distretto refresh --offline publishes it.",
    )


@targets_app.command("verify")
def targets_verify(as_json: AsJson = False) -> None:
    """Check every seal, every link and every anchor of the ledger, and that all that was published is still there."""
    from warehouse.publishing import release
    from warehouse.targets import assessment, ledger

    home = DataFolder.from_env()
    standing = ledger.load(home)
    published = {}
    if release.releases(home):
        with release.reading(release.newest(home)) as con:
            published = assessment.published(con)
    problems = ledger.verify(standing, published, home)
    if as_json:
        print(
            to_json(
                {
                    "ledger": standing.path,
                    "entries": len(standing.entries),
                    "published": len(published),
                    "head": standing.head,
                    "anchors": [anchor.model_dump(exclude_none=True) for anchor in standing.anchors],
                    "problems": problems,
                },
                indent=1,
            )
        )
    elif not problems:
        dated = standing.anchors[-1] if standing.anchors else None
        console.done(
            f"{standing.path}: {len(standing.entries)} entries, whole. Head {standing.head}. "
            + (
                f"Anchored up to entry {dated.number - 1}{f': {dated.protocol}' if dated.protocol else ''}."
                if dated
                else "Nothing outside dates it yet (distretto targets anchor)."
            )
        )
    _raise_if_broken(problems)


@targets_app.command("results")
def targets_results(as_json: AsJson = False) -> None:
    """How each target stands in the published release: by its newest figure, at its milestones and at its end."""
    from warehouse.publishing import release
    from warehouse.targets import assessment, ledger

    home = DataFolder.from_env()
    with release.reading(release.find(home, None)) as con:
        rows = assessment.results(con)
        published = assessment.published(con)
    unpublished = len(ledger.load(home).entries) - len(published)
    if as_json:
        print(to_json(rows, indent=1))
    else:
        console.results(rows)
    if unpublished > 0:
        console.err.print(
            f"{unpublished} entries of the ledger are not published yet: distretto refresh --offline."
        )


def _raise_if_broken(problems: list[str]) -> None:
    if problems:
        raise DistrettoError(
            f"The ledger of targets is broken: {'; '.join(problems)}.",
            hint="put back the file as it was, from a backup or from target_ledger of a release.",
        )
