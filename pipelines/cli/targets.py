"""The sealed ledger of targets: `targets add|anchor|verify|results`.

Belongs here: commands on targets. Does not belong here: the rules of the ledger (`warehouse/targets`).
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines import console
from pipelines.cli.arguments import AsJson
from sources.data_folder import DataFolder, to_json, utc_now
from sources.errors import DistrettoError

if TYPE_CHECKING:
    from warehouse.targets.ledger import Ledger
    from warehouse.targets.schema import Target
    from warehouse.targets.verification import Verification

app = typer.Typer()
targets_app = typer.Typer(
    no_args_is_help=True,
    help="Targets fixed before their results: the sealed ledger, and the status of each target.",
)
app.add_typer(targets_app, name="targets")

Certificate = Annotated[
    Path | None,
    typer.Option(
        "--tsa-certificate",
        exists=True,
        dir_okay=False,
        help="A PEM file with the root certificate of the time-stamping authority; default: the setting "
        "DISTRETTO_TSA_CERTIFICATE.",
    ),
]


@targets_app.command("add")
def targets_add(
    file: Annotated[
        Path | None,
        typer.Argument(exists=True, dir_okay=False, help="A YAML file with one target, see docs/targets.md."),
    ] = None,
    from_draft: Annotated[
        str | None, typer.Option(metavar="NAME", help="Seal a draft of the project instead.")
    ] = None,
    fixed_by: Annotated[
        str | None, typer.Option(help="Who adopts the draft. Without it the draft is sealed as a proposal.")
    ] = None,
    document: Annotated[str | None, typer.Option(help="The document by which the draft is adopted.")] = None,
    fixed_on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day of that document; default: today."),
    ] = None,
    certificate: Certificate = None,
    as_json: AsJson = False,
) -> None:
    """Seal a target into the ledger; `refresh` then publishes it. A target whose figures are known is refused.

    Entries are never removed. To correct or change a target, add it again under its id: the new version supersedes the
    old one, which stays visible with its results. To withdraw it, add it with `stage: withdrawn`.
    """
    from warehouse.publishing import release
    from warehouse.targets import figures, ledger

    if (file is None) == (from_draft is None):
        raise typer.BadParameter("give a file or --from-draft NAME.")
    if from_draft is None and (fixed_by or document or fixed_on):
        raise typer.BadParameter("--fixed-by, --document and --fixed-on go with --from-draft.")
    if (fixed_by is None) != (document is None):
        raise typer.BadParameter("--fixed-by and --document go together.")
    home = DataFolder.from_env()
    now = utc_now()
    target = (
        ledger.read_target(file)
        if file is not None
        else _drafted(from_draft or "", fixed_on, fixed_by, document, now)
    )
    with home.writing():
        current = _sound_ledger(home, certificate, now)
        with release.reading(release.newest(home)) as con:
            figures.require_proven(con, "indicator", target.indicator, target.geo)
            known = figures.known(con, target.indicator, target.geo)
            if target.watch:
                figures.require_watch(con, target.watch, target.geo)
        entry = ledger.sealed(current, target, known, now)
        ledger.append(home, current, entry)
    timing = (
        "fixed ex ante"
        if entry.timing == "ex_ante"
        else "fixed within its period, before its data were known, and marked as such"
    )
    console.report(
        as_json,
        {
            "number": entry.number,
            "id": entry.id,
            "version": entry.version,
            "stage": entry.stage,
            "timing": entry.timing,
            "seal": entry.seal,
        },
        f"Entry {entry.number}: {entry.id}, version {entry.version}, {entry.stage}, {timing}. Seal {entry.seal}",
        "distretto refresh --offline publishes it; distretto targets anchor adds evidence of its date.",
    )


@targets_app.command("anchor")
def targets_anchor(
    protocol: Annotated[
        str | None, typer.Option(help="Protocol number and date of the minutes that quote the seal.")
    ] = None,
    token: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="An RFC 3161 time stamp of the seal (.tsr)."),
    ] = None,
    certificate: Certificate = None,
    as_json: AsJson = False,
) -> None:
    """Record evidence of the date of the ledger's head: a protocol number, an RFC 3161 time stamp, or both.

    The time stamp must be the response of an authority for the head's seal, with a signature that is valid for the
    certificate that you name.
    """
    from warehouse.targets import ledger, timestamp

    if not (protocol or token):
        raise typer.BadParameter("give --protocol, --token or both.")
    home = DataFolder.from_env()
    now = utc_now()
    with home.writing():
        current = _sound_ledger(home, certificate, now)
        anchor = ledger.anchored(home, current, protocol, token, timestamp.trusted(certificate), now)
        ledger.append(home, current, anchor)
    stamped = (
        f", dated {anchor.stamped_at:%Y-%m-%d %H:%M} UTC by {anchor.authority}" if anchor.stamped_at else ""
    )
    console.report(
        as_json,
        {
            "number": anchor.number,
            "anchors": anchor.anchors,
            "seal": anchor.seal,
            "stamped_at": anchor.stamped_at,
            "authority": anchor.authority,
        },
        f"Entry {anchor.number} anchors {anchor.anchors}{stamped}.",
        "distretto refresh --offline publishes it.",
    )


@targets_app.command("verify")
def targets_verify(certificate: Certificate = None, as_json: AsJson = False) -> None:
    """Check every seal, link, time stamp and rule of the ledger, and that it still has every entry that a release published.

    Each entry is sound, contradicted by what was known when it was recorded, or cannot be checked because that is lost.
    """
    from pipelines.cli import ledger_output
    from warehouse.targets import ledger

    home = DataFolder.from_env()
    current = ledger.load(home)
    found, published = _verification(home, current, certificate)
    if as_json:
        print(
            to_json(
                {
                    "ledger": current.path,
                    "entries": len(current.entries),
                    "published": published,
                    "head": current.head,
                    "anchors": [anchor.model_dump(exclude_none=True) for anchor in current.anchors],
                    "verdicts": [
                        {"number": v.number, "name": v.name, "outcome": v.outcome, "reason": v.reason_en}
                        for v in found.verdicts.values()
                    ],
                    "shipped_proposals": [entry.id for entry in found.shipped],
                    "problems": found.problems,
                },
                indent=1,
            )
        )
    else:
        ledger_output.show(current, found)
    _raise_if_broken(found.problems)


@targets_app.command("results")
def targets_results(as_json: AsJson = False) -> None:
    """The status of each target in the published release: by its newest figure, at its milestones and at its end."""
    from pipelines import reports
    from warehouse.publishing import release
    from warehouse.targets import ledger, tables

    home = DataFolder.from_env()
    with release.reading(release.find(home, None)) as con:
        rows = tables.results(con)
        published = tables.published(con)
    unpublished = len(ledger.load(home).entries) - len(published)
    if as_json:
        print(to_json(rows, indent=1))
    else:
        reports.results(rows)
        if not rows:
            console.err.print(
                "There are no targets. Next: distretto targets add --from-draft NAME (docs/targets.md)."
            )
    if unpublished > 0:
        console.err.print(
            f"{unpublished} entries of the ledger are not published yet: distretto refresh --offline."
        )


def _drafted(
    name: str, fixed_on: datetime | None, fixed_by: str | None, document: str | None, now: datetime
) -> Target:
    from warehouse.reference.territory import local_day
    from warehouse.targets import drafts

    day = fixed_on.date() if fixed_on else local_day(now)
    return drafts.find(name).as_target(day, fixed_by, document)


def _verification(home: DataFolder, current: Ledger, certificate: Path | None) -> tuple[Verification, int]:
    """What the check of the ledger found, and how many entries the newest release has."""
    from warehouse.targets import timestamp, verification
    from warehouse.targets.evidence import Evidence

    evidence = Evidence(home, timestamp.trusted(certificate))
    published = evidence.releases[-1].entries if evidence.releases else 0
    return verification.verify(current, evidence), published


def _sound_ledger(home: DataFolder, certificate: Path | None, now: datetime) -> Ledger:
    """The ledger, checked before an entry is added.

    Raises DistrettoError if it is broken, or if this machine's clock is behind the releases.
    """
    from warehouse.publishing import release
    from warehouse.targets import ledger

    current = ledger.load(home)
    newest = release.newest(home)
    if datetime.fromisoformat(newest.record["built_at"]) > now:
        raise DistrettoError(
            f"Release {newest.id} is later than this machine's clock, {now:%Y-%m-%d %H:%M} UTC.",
            hint="set the clock right, then try again; nothing was written.",
        )
    _raise_if_broken(_verification(home, current, certificate)[0].problems)
    return current


def _raise_if_broken(problems: list[str]) -> None:
    if problems:
        raise DistrettoError(
            f"The ledger of targets is broken: {'; '.join(problems)}.",
            hint="restore the file from a backup, or from target_ledger of a release; docs/targets.md explains each check.",
        )
