"""Releases as files: `release list|verify|diff|rebuild|rollback` and `restore`.

Belongs here: commands on whole releases. Does not belong here: reading figures from one (`data.py`).
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipelines import console
from pipelines.cli.arguments import AsJson
from sources.data_folder import DataFolder, to_json
from sources.errors import DistrettoError

app = typer.Typer()

release_app = typer.Typer(no_args_is_help=True, help="List, verify, compare, rebuild and roll back releases.")
app.add_typer(release_app, name="release")


@release_app.command("list")
def release_list(as_json: AsJson = False) -> None:
    """List the releases, newest last, and mark the current one."""
    from warehouse.publishing import release

    home = DataFolder.from_env()
    current = release.current(home)
    rows = [
        {
            "release": r.id,
            "current": current is not None and r.id == current.id,
            "observations": r.record["tables"]["observations"],
            "commit": (r.record["code_commit"] or "")[:12],
            "folder": str(r.place),
        }
        for r in release.releases(home)
    ]
    if as_json:
        print(to_json(rows, indent=1))
    elif rows:
        console.table(rows, ["release", "current", "observations", "commit"])
    else:
        console.done("There is no release yet.", "distretto refresh publishes one.")


@release_app.command("verify")
def release_verify(
    release_id: Annotated[
        str | None,
        typer.Argument(
            metavar="RELEASE|FOLDER",
            help="The id of a release, or the folder of a copy. Default: the current release.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a release by its own files: checksums, datapackage.json, row counts, keys, Parquet against DuckDB.

    It may be a copy in any folder: [cyan]distretto release verify /media/usb/20261123T051513Z[/cyan]
    """
    from warehouse.publishing import release, verification

    folder = Path(release_id or "")
    copied = bool(release_id) and folder.is_dir()
    chosen = (
        release.Release(folder.resolve().name, folder)
        if copied
        else release.find(DataFolder.from_env(), release_id)
    )
    problems = verification.verify(chosen)
    if as_json:
        print(to_json({"release": chosen.id, "problems": problems}))
    elif not problems:
        console.done(f"Release {chosen.id} is intact.")
    if problems:
        raise DistrettoError(
            f"Release {chosen.id}: {console.some(problems, '; ')}.",
            hint="copy it again." if copied else "distretto release rollback switches to another release.",
        )


@release_app.command("diff")
def release_diff(
    old: Annotated[str, typer.Argument(help="The release to compare from.")],
    new: Annotated[
        str | None, typer.Argument(help="The release to compare to. Default: the current one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Count the rows removed and added in each table from one release to another.

    Example: [cyan]distretto release diff 20261123T051513Z[/cyan] compares it with the current release.
    """
    from warehouse.publishing import release, verification

    home = DataFolder.from_env()
    found = verification.difference(release.find(home, old), release.find(home, new))
    rows = [
        {"table": table, "only_in": side.only_in}
        if side.only_in
        else {"table": table, "removed": side.removed, "added": side.added, "columns": side.columns}
        for table, side in found.items()
    ]
    if as_json:
        print(to_json(rows, indent=1))
    else:
        differing = [row for row in rows if any(row[key] for key in row if key != "table")]
        if differing:
            console.table(differing, ["table", "removed", "added", "only_in", "columns"])
        console.done(
            f"{len(rows) - len(differing)} of {len(rows)} tables have the same rows in both releases."
        )


@release_app.command("rebuild")
def release_rebuild(
    release_id: Annotated[str | None, typer.Argument(help="Default: the current one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Build the figures of a release again from the snapshots, in a separate place, and compare every row.

    Exit code 1 if a row differs. Example: [cyan]distretto release rebuild[/cyan]
    """
    from assets.run import RunContext
    from pipelines.progress import progress
    from sources.staging import discard_staged
    from warehouse.publishing import release, verification

    home = DataFolder.from_env()
    chosen = release.find(home, release_id)
    with home.writing(), progress(1) as handler:
        handler.step(1, f"rebuilding {chosen.id}")
        run = RunContext(home)
        # figures decoded earlier prove nothing about the stored bodies
        discard_staged(home, keep=set())
        differing = verification.rebuild(home, chosen, run.catalogue, run.store, run.stage)
    if as_json:
        print(to_json({"release": chosen.id, "differing_rows": differing}))
    if any(differing.values()):
        raise DistrettoError(
            f"{chosen.id} rebuilds differently: {', '.join(f'{t}: {n} rows' for t, n in differing.items() if n)}.",
            hint="report it: the same snapshots and code must give the same rows.",
        )
    if not as_json:
        console.done(f"{chosen.id} rebuilds to identical rows in {len(differing)} tables.")


@release_app.command("rollback")
def release_rollback(
    release_id: Annotated[str, typer.Argument(help="The id of the release to switch to.")],
    as_json: AsJson = False,
) -> None:
    """Make an earlier release the current one, until the next release is published.

    To undo it, roll back to the newer id. Example: [cyan]distretto release rollback 20261123T051513Z[/cyan]
    """
    from warehouse.publishing import release, verification

    home = DataFolder.from_env()
    with home.writing():
        chosen = release.find(home, release_id)
        if problems := verification.verify(chosen):
            raise DistrettoError(
                f"Release {chosen.id} is damaged: {'; '.join(problems)}.", hint="choose another one."
            )
        release.roll_back(home, chosen)
    console.report(as_json, {"current": chosen.id}, f"{chosen.id} is the current release.")


@app.command()
def restore(
    backup: Annotated[
        Path, typer.Argument(help="A copy of a data folder: snapshots/, and releases/ if it was kept.")
    ],
    as_json: AsJson = False,
) -> None:
    """Fill an empty data folder from a backup, verify every release in it, and publish the newest intact one.

    Example: [cyan]DISTRETTO_HOME=/srv/new distretto restore /mnt/backup/data[/cyan]
    """
    from warehouse.publishing import restore as backups

    home = DataFolder.from_env()
    with home.writing():
        found = backups.restore(home, backup)
    if as_json:
        print(to_json(asdict(found), indent=1))
    else:
        console.done(
            f"{found.snapshots} snapshots and {len(found.releases)} releases are in {home.root}.",
            "distretto refresh --offline builds the warehouse again and publishes a release if anything changed.",
        )
    if found.damaged:
        raise DistrettoError(
            f"Damaged in the backup: {'; '.join(found.damaged)}.",
            hint="restore these files from an older backup.",
        )
