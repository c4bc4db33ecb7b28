"""The command line `distretto`. Results go to stdout, progress and messages to stderr.

Exit codes: 0 done, 1 failed and nothing published, 2 usage, 3 published but degraded, 130 interrupted. Belongs here: reading
arguments and printing. Does not belong here: work. Dagster, pandas and Great Expectations are imported inside
the commands that need them, so that reading starts at once.
"""

from __future__ import annotations

import atexit
import difflib
import gc
import getpass
import json
import math
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines import console
from sources.data_folder import DataFolder, to_json, utc_now
from sources.errors import DistrettoError

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Territorial indicators: from the providers' tables to releases that analysts query.",
)
release_app = typer.Typer(no_args_is_help=True, help="List, verify, compare, rebuild and roll back releases.")
app.add_typer(release_app, name="release")
targets_app = typer.Typer(
    no_args_is_help=True, help="Targets fixed before their results: the sealed ledger, and how they stand."
)
app.add_typer(targets_app, name="targets")


def _given(words: str) -> str:
    if not words.strip():
        raise typer.BadParameter("give a reason: it is recorded and published.")
    return words


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Because = Annotated[str, typer.Option("--because", help="Why; recorded and published.", callback=_given)]
DatasetName = Annotated[str, typer.Argument(help="A dataset, see `distretto datasets`.")]
SnapshotName = Annotated[str, typer.Argument(help="A snapshot id, or its last characters.")]


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


@app.command()
def refresh(
    only: Annotated[
        list[str] | None, typer.Option(help="A dataset to refresh; may be repeated. Default: all.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask no provider; work with what is here and what ships.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Ask the providers, let good figures into history, publish a release if anything changed.

    This is the nightly job, run here without a daemon. Example: [cyan]distretto refresh --only bd_size_r3[/cyan]
    """
    # what Dagster and Great Expectations make lives to the end: looking for garbage in it cost 0.8 s of imports and
    # 1.2 s at exit
    gc.set_threshold(50_000)
    atexit.register(gc.freeze)
    from pipelines.run import run_nightly
    from warehouse.publishing import release

    home = DataFolder.from_env()
    steps = _catalogue_names(only)
    with console.progress(len(steps)) as handler:
        run_nightly(steps if only else None, offline, handler)
    run = _status(home)["run"]
    current = release.current(home)
    report = {
        "published": run["published"],
        "current": current.id if current else None,
        "folder": str(home.current),
        "worse": run["worse"],
        "datasets": _states(home),
        "headlines": _headlines(current),
    }
    if as_json:
        print(to_json(report, indent=1))
    else:
        console.refreshed(report)
    if run["worse"]:
        raise typer.Exit(3)


@app.command()
def status(as_json: AsJson = False) -> None:
    """What stands: the release, and each dataset's state, age and trouble."""
    from warehouse.publishing import release

    home = DataFolder.from_env()
    current = release.current(home)
    report = {
        "current": current.id if current else None,
        "folder": str(home.current),
        "run": _status(home)["run"],
        "datasets": _states(home),
    }
    if as_json:
        print(to_json(report, indent=1))
    else:
        console.status(report)


@app.command()
def doctor(
    offline: Annotated[bool, typer.Option(help="Ask nobody; tell what is known on disk.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask each provider once whether it answers; tell its credentials, pace and bans, and when it releases next.

    Example: [cyan]distretto doctor[/cyan] after a night in which everything failed
    """
    from sources.catalogue import load_catalogue, load_providers
    from sources.doctor import examine, owed

    home, catalogue = DataFolder.from_env(), load_catalogue()
    states = _states(home)
    found = []
    for provider in load_providers().values():
        theirs = [owed(d, states[d.id]) for d in catalogue.values() if d.provider == provider.id]
        found.append(examine(provider, home.pace, ask=not offline) | {"datasets": theirs})
    if as_json:
        print(to_json(found, indent=1))
    else:
        console.doctor(found)


@app.command()
def probe(dataset: DatasetName, as_json: AsJson = False) -> None:
    """Ask the provider what the table is like now, and compare it with the catalogue entry and the figures held.

    Exit code 3 where the entry asks for what the provider has not. Example: [cyan]distretto probe bd_hgnace_r[/cyan]
    """
    from assets.probe import probe as compare
    from assets.run import RunContext

    _catalogue_names([dataset])
    run = RunContext(DataFolder.from_env())
    found = compare(run, run.catalogue[dataset])
    if as_json:
        print(to_json(found, indent=1))
    else:
        console.probed(found)
    if not found["agrees"]:
        raise typer.Exit(3)


@app.command()
def datasets(as_json: AsJson = False) -> None:
    """The catalogue: what is collected, from whom, and what it feeds."""
    from sources.catalogue import load_catalogue

    entries = [
        {
            "dataset": d.id,
            "title": d.title.en,
            "titolo": d.title.it,
            "theme": d.theme,
            "provider": d.provider,
            "code": d.code,
            "status": d.status,
            "feeds": sorted(d.feeds),
            "warnings": d.warnings,
            "file": d.path,
        }
        for d in load_catalogue().values()
    ]
    if as_json:
        print(to_json(entries, indent=1))
    else:
        console.table(entries, ["dataset", "title", "theme", "provider", "status"])


@app.command()
def validate(
    only: Annotated[
        list[str] | None, typer.Option(help="A dataset to check; may be repeated. Default: all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check the catalogue's files, then run every check again on the figures that stand. Exit code 1 if one fails."""
    from assets import checks
    from assets.run import RunContext
    from sources import bundled

    home = DataFolder.from_env()
    names = _catalogue_names(only)
    results: list[dict[str, Any]] = []
    with home.writing():
        run = RunContext(home)
        with run.warehouse() as con, console.progress(len(names)) as handler:
            for name in names:
                snapshot = run.store.current(name)
                handler.step(name, f"{name}: checking")
                if snapshot is None:
                    continue
                rows = bundled.load()[name].rows if snapshot.origin == "shipped" else None
                found = checks.check(con, run.catalogue[name], snapshot, run.stage(snapshot), None, rows)
                results += [
                    {
                        "dataset": name,
                        "check": r.name,
                        "passed": r.passed,
                        "observed": r.observed,
                        "expected": r.expected,
                        "snapshot_id": snapshot.id,
                    }
                    for r in found
                ]
    if as_json:
        print(to_json(results, indent=1))
    elif results:
        console.table(results, ["dataset", "check", "passed", "observed", "expected"])
    else:
        console.done("The catalogue's files are right; no figures stand yet.", "distretto refresh gets them.")
    if not all(result["passed"] for result in results):
        raise typer.Exit(1)


@app.command()
def board(
    since: Annotated[str, typer.Option(help="Day of the last meeting, YYYY-MM-DD.")],
    language: Annotated[str, typer.Option(help="it or en.")] = "it",
    output: Annotated[str, typer.Option("--output", "-o", help="The PDF to write.")] = "board.pdf",
    as_json: AsJson = False,
) -> None:
    """Write the board's two-page sheet: results beside targets, and what is new since its last meeting.

    The release has one for the end of last month, site/it/board.pdf. Example: [cyan]distretto board --since 2026-09-30[/cyan]
    """
    from datetime import date

    from assets.site.build import board_sheet
    from warehouse.publishing import release

    try:
        day = date.fromisoformat(since)
    except ValueError:
        raise typer.BadParameter(f"{since} is no day; write YYYY-MM-DD.", param_hint="--since") from None
    if day > utc_now().date():
        raise typer.BadParameter(f"{since} is yet to come.", param_hint="--since")
    if language not in ("it", "en"):
        raise typer.BadParameter(f"{language} is neither it nor en.", param_hint="--language")
    _raise_if_no_folder(Path(output))
    pdf, changed = board_sheet(release.find(DataFolder.from_env(), None), day, language)
    with open(output, "wb") as handle:
        handle.write(pdf)
    if as_json:
        print(to_json({"file": output, "since": since, "changed": changed}, indent=1))
    else:
        console.out.print(f"{output}: {len(changed)} figures are otherwise than on {since}, or new.")


@app.command()
def accept(dataset: DatasetName, snapshot: SnapshotName, because: Because, as_json: AsJson = False) -> None:
    """Let a quarantined snapshot into history; `refresh` then publishes it. Undo: pin an earlier snapshot.

    Example: [cyan]distretto accept bd_size_r3 1a2b3c4d --because "announced revision of 2026"[/cyan]
    """
    from assets import decisions

    taken = _decide(decisions.accept, dataset, snapshot, because)
    _told(
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
    _told(
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
    _told(
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
    _catalogue_names([dataset])
    with home.writing():
        store = SnapshotStore(home)
        if dataset not in store.pins:
            raise DistrettoError(f"{dataset} is not pinned.", hint="distretto status shows what is.")
        store.unpin(dataset, getpass.getuser(), because)
    _told(
        as_json,
        {"dataset": dataset, "pinned": None},
        f"{dataset} follows its provider again.",
        "distretto refresh takes what waits.",
    )


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="SQL on the tables of the release.")],
    release_id: Annotated[
        str | None, typer.Option("--release", help="A release's id. Default: the current one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run SQL on the published release, read-only.

    Example: [cyan]distretto query "from enterprise_births where geo = 'ITG17' and indicator = 'V11920' limit 5"[/cyan]
    """
    import duckdb

    from warehouse.publishing import release

    chosen = release.find(DataFolder.from_env(), release_id)
    with release.reading(chosen) as con:
        hint = '`distretto query "show tables"` lists what there is.'
        if not chosen.of_this_code:
            hint += f" Release {chosen.id} was built by another version of the project: tables and columns may have come later."
        try:
            found = con.sql(sql)
            if found is None:
                raise DistrettoError("The query asks for nothing.", hint=hint)
            # two columns may bear one name
            columns = list(dict.fromkeys(found.columns))
            if len(columns) < len(found.columns):
                columns = [
                    f"{name}_{i}" if found.columns.count(name) > 1 else name
                    for i, name in enumerate(found.columns, 1)
                ]
            rows = [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
        except duckdb.Error as failure:
            raise DistrettoError(f"The query failed: {failure}", hint=hint) from None
    if as_json:
        print(
            json.dumps(
                [{k: _json_number(v) for k, v in row.items()} for row in rows],
                ensure_ascii=False,
                default=str,
            )
        )
    else:
        console.table(rows, columns)


@app.command()
def why(
    number: Annotated[
        str, typer.Argument(metavar="GEO/INDICATOR/PERIOD", help="Such as ITG17/enterprise_births/2019.")
    ],
    as_json: AsJson = False,
) -> None:
    """The trail of one number: definition, inputs, snapshot, address, retrieval, licence, checks, earlier values.

    INDICATOR is an indicator of the release, or a code of a dataset. Example: [cyan]distretto why ITG17/V11920/2019[/cyan]
    """
    from warehouse.publishing import release
    from warehouse.publishing.provenance import trail

    parts = number.split("/")
    if len(parts) != 3 or not all(parts):
        raise typer.BadParameter("write GEO/INDICATOR/PERIOD, such as ITG17/enterprise_births/2019.")
    with release.reading(release.find(DataFolder.from_env(), None)) as con:
        found = trail(con, *parts)
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=1, default=str))
    else:
        console.trail(found)


@app.command()
def export(
    dataset: Annotated[str, typer.Argument(help="A dataset of the release, or `indicators`.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")] = Path("/dev/stdout"),
    as_json: AsJson = False,
) -> None:
    """Write a dataset or the indicators as SDMX-CSV 2.0. Every other form lies in the release already.

    Example: [cyan]distretto export bd_size_r3 -o births.csv[/cyan]
    """
    from warehouse.publishing import release
    from warehouse.publishing.exports.tables import sdmx_csv

    _raise_if_no_folder(output)
    chosen = release.find(DataFolder.from_env(), None)
    with release.reading(chosen) as con:
        try:
            rows = sdmx_csv(con, dataset, output)
        except LookupError:
            raise DistrettoError(
                f"Release {chosen.id} has no figures of {dataset}.", hint="distretto datasets lists them."
            ) from None
    if output != Path("/dev/stdout"):
        _told(
            as_json,
            {"release": chosen.id, "dataset": dataset, "file": str(output), "rows": rows},
            f"{output}: {rows:,} rows of {dataset}, release {chosen.id}.",
        )


@app.command()
def serve(
    host: Annotated[
        str, typer.Option(help="The address to listen on; 0.0.0.0 shows the releases to the network.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=1, max=65535)] = 8000,
    as_json: AsJson = False,
) -> None:
    """Serve releases over HTTP, read-only, with ranges: pages at /, files at /current/ and /releases/RELEASE/.

    DuckDB attaches them: [cyan]attach 'http://127.0.0.1:8000/current/distretto.duckdb' (read_only)[/cyan]
    """
    from pipelines.http_server import listen

    home = DataFolder.from_env()
    run = listen(home, host, port)
    address = f"http://{host}:{port}/"
    _told(
        as_json,
        {"address": address, "folder": str(home.releases)},
        f"Serving {home.releases} on {address}",
        "Ctrl-C ends it.",
    )
    sys.stdout.flush()
    run()


@app.command()
def restore(
    backup: Annotated[
        Path, typer.Argument(help="A copy of a data folder: snapshots/, and releases/ if it was kept.")
    ],
    as_json: AsJson = False,
) -> None:
    """Fill an empty data folder from a backup, verify every release in it, show the newest one that is whole.

    Example: [cyan]DISTRETTO_HOME=/srv/new distretto restore /mnt/backup/data[/cyan]
    """
    from warehouse.publishing import verification

    home = DataFolder.from_env()
    with home.writing():
        found = verification.restore(home, backup)
    if as_json:
        print(to_json(found, indent=1))
    else:
        console.done(
            f"{found['snapshots']} snapshots and {len(found['releases'])} releases are in {home.root}.",
            "distretto refresh --offline builds the warehouse again and publishes what stands.",
        )
    if found["damaged"]:
        raise DistrettoError(
            f"Damaged in the backup: {'; '.join(found['damaged'])}.", hint="take these from an older backup."
        )


@release_app.command("list")
def release_list(as_json: AsJson = False) -> None:
    """Every release, newest last; the current one is marked."""
    from warehouse.publishing import release

    home = DataFolder.from_env()
    current = release.current(home)
    rows = [
        {
            "release": r.id,
            "current": current is not None and r.id == current.id,
            "observations": r.record["tables"]["observations"],
            "commit": (r.record["code_commit"] or "")[:12],
            "folder": str(r.folder),
        }
        for r in release.releases(home)
    ]
    if as_json:
        print(to_json(rows, indent=1))
    elif rows:
        console.table(rows, ["release", "current", "observations", "commit"])
    else:
        console.done("No release yet.", "distretto refresh publishes one.")


@release_app.command("verify")
def release_verify(
    release_id: Annotated[
        str | None,
        typer.Argument(
            metavar="RELEASE|FOLDER", help="A release, or the folder of a copy. Default: the current one."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a bundle by nothing but its own files: checksums, datapackage.json, row counts, keys, Parquet = DuckDB.

    A copy may lie anywhere: [cyan]distretto release verify /media/usb/20261123T051513Z[/cyan]
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
        console.done(f"Release {chosen.id} is as it was published.")
    if problems:
        raise DistrettoError(
            f"Release {chosen.id}: {console.some(problems, '; ')}.",
            hint="copy it again." if copied else "distretto release rollback shows another one.",
        )


@release_app.command("diff")
def release_diff(
    old: Annotated[str, typer.Argument(help="The release to compare from.")],
    new: Annotated[
        str | None, typer.Argument(help="The release to compare to. Default: the current one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Rows removed and added per table, from one release to another (default: the current one)."""
    from warehouse.publishing import release, verification

    home = DataFolder.from_env()
    found = verification.difference(release.find(home, old), release.find(home, new))
    rows = [{"table": table, **facts} for table, facts in found.items()]
    if as_json:
        print(to_json(rows, indent=1))
    else:
        differing = [row for row in rows if any(row[key] for key in row if key != "table")]
        if differing:
            console.table(differing, ["table", "removed", "added", "only_in", "columns"])
        console.done(f"{len(rows) - len(differing)} of {len(rows)} tables have the same rows in both.")


@release_app.command("rebuild")
def release_rebuild(
    release_id: Annotated[str | None, typer.Argument(help="Default: the current one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Build the figures of a release again from snapshots, aside, and compare every row. Exit code 1 if any differs."""
    from assets.run import RunContext
    from sources.staging import discard_staged
    from warehouse.publishing import release, verification

    home = DataFolder.from_env()
    chosen = release.find(home, release_id)
    with home.writing(), console.progress(1) as handler:
        handler.step("", f"rebuilding {chosen.id}")
        run = RunContext(home)
        # what was decoded before proves nothing about the bodies
        discard_staged(home, keep=set())
        differing = verification.rebuild(home, chosen, run.catalogue, run.store, run.stage)
    if as_json:
        print(to_json({"release": chosen.id, "differing_rows": differing}))
    if any(differing.values()):
        raise DistrettoError(
            f"{chosen.id} rebuilds differently: {', '.join(f'{t}: {n} rows' for t, n in differing.items() if n)}.",
            hint="report it: equal snapshots and code must give equal rows.",
        )
    if not as_json:
        console.done(f"{chosen.id} rebuilds to identical rows in {len(differing)} tables.")


@release_app.command("rollback")
def release_rollback(
    release_id: Annotated[str, typer.Argument(help="The release to show again.")], as_json: AsJson = False
) -> None:
    """Show an earlier release again. Undo: roll forward to the newer id. It holds until something new is published."""
    from warehouse.publishing import release, verification

    home = DataFolder.from_env()
    with home.writing():
        chosen = release.find(home, release_id)
        if problems := verification.verify(chosen):
            raise DistrettoError(
                f"Release {chosen.id} is damaged: {'; '.join(problems)}.", hint="choose another one."
            )
        release.roll_back(home, chosen)
    _told(as_json, {"current": chosen.id}, f"{home.current} now shows {chosen.id}.")


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
    _told(
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
    _told(
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


# -- parts


def _raise_if_broken(problems: list[str]) -> None:
    if problems:
        raise DistrettoError(
            f"The ledger of targets is broken: {'; '.join(problems)}.",
            hint="put back the file as it was, from a backup or from target_ledger of a release.",
        )


def _raise_if_no_folder(file: Path) -> None:
    if not file.parent.is_dir():
        raise typer.BadParameter(f"{file.parent} is no folder.", param_hint="--output")


def _json_number(value: Any) -> Any:
    """JSON knows neither nan nor infinity."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _told(as_json: bool, report: dict[str, Any], message: str, hint: str = "") -> None:
    if as_json:
        print(to_json(report))
    else:
        console.done(message, hint)


def _decide(decision: Any, dataset: str, snapshot: str, because: str) -> str:
    from assets.run import RunContext

    _catalogue_names([dataset])
    home = DataFolder.from_env()
    with home.writing():
        run = RunContext(home)
        with run.warehouse() as con:
            return decision(run, con, dataset, snapshot, getpass.getuser(), because).id


def _catalogue_names(only: list[str] | None) -> list[str]:
    from sources.catalogue import load_catalogue

    catalogue = load_catalogue()
    if unknown := [name for name in only or [] if name not in catalogue]:
        near = {word for name in unknown for word in difflib.get_close_matches(name, catalogue)}
        raise typer.BadParameter(
            f"no dataset {', '.join(unknown)}; "
            + (f"names like it: {', '.join(sorted(near))}." if near else f"there are {', '.join(catalogue)}.")
        )
    return list(only or catalogue)


def _status(home: DataFolder) -> dict[str, Any]:
    from warehouse.history.dataset_state import read_status

    return read_status(home)


def _states(home: DataFolder) -> dict[str, dict[str, Any]]:
    from sources.catalogue import load_catalogue, load_providers
    from sources.snapshots import SnapshotStore
    from warehouse.history.dataset_state import describe

    return describe(home, load_catalogue(), load_providers(), SnapshotStore(home), utc_now())


def _headlines(current: Any) -> list[dict[str, Any]]:
    if current is None:
        return []
    from warehouse.publishing import headlines
    from warehouse.publishing.release import reading

    with reading(current) as con:
        return headlines.read(con, "level")
