"""Releases: build in a staging folder, verify, then publish atomically by switching the `current` symlink. Never edited.

Belongs here: the files of a release and what changes the releases on disk. Does not belong here: the tables'
content (`tables.py`), finding and reading releases (`releases.py`), and when to release (`pipelines`).
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from sources.catalogue import Catalogue
from sources.common.phases import Phase
from sources.common.sql import connect, literal, scalar
from sources.data_folder import DataFolder, file_sha256, sync_folder, to_json, utc_now, write_atomic
from sources.errors import DistrettoError
from sources.providers import Provider
from sources.snapshots import SnapshotStore
from warehouse.history import store as history
from warehouse.history.dataset_state import DatasetState
from warehouse.publishing import (
    client_compatibility,
    exports,
    headlines,
    indicator_history,
    records,
    revisions,
    tables,
    views,
)
from warehouse.publishing.contract import schema_version
from warehouse.publishing.release_checks import run_checks

# what finds and reads releases is used beside what changes them
from warehouse.publishing.releases import KEPT, ROOT, code_sha256
from warehouse.publishing.releases import DamagedRelease as DamagedRelease
from warehouse.publishing.releases import OtherVersion as OtherVersion
from warehouse.publishing.releases import Release as Release
from warehouse.publishing.releases import current as current
from warehouse.publishing.releases import find as find
from warehouse.publishing.releases import link as link
from warehouse.publishing.releases import newest as newest
from warehouse.publishing.releases import reading as reading
from warehouse.publishing.releases import releases as releases
from warehouse.reference.territory import local_day, territory
from warehouse.statistics import composite, indicators, peers, quality
from warehouse.targets import evidence, ledger, timestamp, verification
from warehouse.targets import tables as target_tables
from warehouse.targets.schema import LedgerError

HERE = Path(__file__).parent
KEPT_NIGHTS = 30
log = logging.getLogger("distretto")


# -- building


def fingerprint(
    home: DataFolder, catalogue: Catalogue, store: SnapshotStore, states: Mapping[str, DatasetState]
) -> str:
    """SHA-256 over everything that decides a release: code, reference files, entries, history, datasets' states, targets."""
    state = {name: "unchanged" if entry.state == "live" else entry.state for name, entry in states.items()}
    decided = {
        "code": code_sha256(),
        "catalogue": {dataset.id: dataset.model_dump(exclude={"path"}) for dataset in catalogue.values()},
        "history": [(a.dataset, a.snapshot_id, a.accepted_at.isoformat(), a.kind) for a in store.acceptances],
        # its bytes: a ledger that was tampered with must reach the release checks
        "targets": file_sha256(home.ledger),
        "states": {name: [state[name], states[name].late, states[name].quarantine] for name in sorted(state)},
    }
    return hashlib.sha256(json.dumps(decided, sort_keys=True).encode()).hexdigest()


def build(
    home: DataFolder,
    con: duckdb.DuckDBPyConnection,
    catalogue: Catalogue,
    providers: dict[str, Provider],
    store: SnapshotStore,
    states: Mapping[str, DatasetState],
    render: Callable[[Release], None],
    confirm: Callable[[], None],
) -> Release | None:
    """Publish a release from the open warehouse `con`, or None where the last one has the same fingerprint and is shown.

    `render` adds what is drawn from the tables to the folder, before it is sealed; `confirm` makes the decisions durable
    that the release rests on, before it is shown. Raises ReleaseBlocked where a check fails: nothing is published then.
    """
    ledger.begin(home)
    mark = fingerprint(home, catalogue, store, states)
    last, before = releases(home)[-1] if releases(home) else None, current(home)
    if last and last.record["fingerprint"] == mark:
        confirm()
        if last == before or rolled_back_from(home) == last.id:
            return None
        # the previous run was killed after the rename and before `current` was switched
        show(home, last, before)
        return last
    goals = ledger.load(home)
    verified = verification.verify(goals, evidence.Evidence(home, _certificates()))
    built_at = _after(last)
    release_id = f"{built_at:%Y%m%dT%H%M%SZ}"
    aside = home.releases / f".building-{release_id}"
    for left in home.releases.glob(".building-*"):
        shutil.rmtree(left)
    aside.mkdir(parents=True)
    commit = code_commit()
    record = {
        "release_id": release_id,
        "built_at": built_at,
        "known_until": max((a.accepted_at for a in store.acceptances), default=built_at),
        "code_commit": commit,
        "code_sha256": code_sha256(),
        "fingerprint": mark,
        "schema_version": schema_version(),
    }
    try:
        # indicators need the history alone, so the figures are made beside them; the thread's context is the inner
        # one, so that it is done when the database is detached
        with (
            history.frozen(con, home) as lake_version,
            attached(con, aside / "distretto.duckdb"),
            ThreadPoolExecutor(1) as beside,
        ):
            log.info("building tables", extra={"phase": Phase.BUILD})
            tables.withhold(con, catalogue, "warehouse", home.withheld)
            tables.build_history(con, catalogue, "warehouse", "distretto")
            figures = beside.submit(tables.build_figures, con.cursor(), catalogue, "distretto")
            indicators.build(con, catalogue, store.updated, "distretto")
            peers.build(con, territory(), "distretto")
            composite.build(con, territory(), "distretto")
            indicator_history.build(con, last.database if last else None, record, "distretto")
            # the district's own figures, which are revised and have targets too, are a table of theirs
            figures.result()
            records.build(con, catalogue, providers, store, states, record, "distretto")
            quality.build(con, territory().country, "distretto")
            revisions.build(con, last.database if last else None, goals, record, "distretto")
            target_tables.build(
                con,
                goals,
                verified.verdicts,
                lambda dataset: states[dataset].trouble == 2,
                list(peers.shown()),
                local_day(built_at),
                "distretto",
            )
            headlines.build(con, territory(), "distretto")
            log.info("checking the release", extra={"phase": Phase.CHECK})
            checks = run_checks(con, verified.problems)
            client_compatibility.keep_lists_readable(con, "distretto")
            views.build(con, "distretto")
            tables.comment(con, "distretto")
            rows = tables.counts(con, "distretto")
        verify_database(aside / "distretto.duckdb", rows)
        record |= {
            "tables": rows,
            "checks": [{"check": c.check, "passed": c.passed, "rows": c.rows} for c in checks],
            "duckdb": duckdb.__version__,
            "datasets": {name: state.to_dict() for name, state in states.items()},
        }
        if lake_version is not None:
            record["lake_version"] = lake_version
        write_atomic(aside / "release.json", to_json(record, indent=1).encode())
        log.info("writing the tables as files", extra={"phase": Phase.EXPORT})
        digests = exports.write(aside, last.folder if last else None, territory().model_dump())
        log.info("drawing the pages", extra={"phase": Phase.DRAW})
        render(Release(release_id, aside))
        _seal(aside, last, digests)
        confirm()
        folder = home.releases / release_id
        os.rename(aside, folder)
        sync_folder(home.releases)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    log.info("publishing the release", extra={"phase": Phase.PUBLISH})
    if home.lake:
        home.lake.upload(release_id, folder)
    show(home, Release(release_id, folder), before)
    return Release(release_id, folder)


def _certificates() -> list[Any]:
    """The certificates that time stamps of the ledger are verified with; none, with a warning, if they cannot be read."""
    try:
        return list(timestamp.trusted())
    except LedgerError as failure:
        log.warning("time stamps are not verified: %s", failure)
        return []


def show(
    home: DataFolder, release: Release, before: Release | None = None, rolled_back_from: str | None = None
) -> None:
    """Flip `current` to `release`: a reader sees the old release or the new one.

    In a lake only where it shows `before`; raises Busy otherwise. The folder's `current` follows.
    """
    if home.lake:
        home.lake.show(release.id, before.id if before else None, rolled_back_from)
    link(home, release.id)


def roll_back(home: DataFolder, release: Release) -> None:
    """Show `release`, earlier or later, until something new is published."""
    last = releases(home)[-1].id
    write_atomic(home.rolled_back, last.encode())
    show(home, release, current(home), last)


def rolled_back_from(home: DataFolder) -> str | None:
    """The newest release when a person rolled back from it, if nothing was published since."""
    if home.lake:
        return home.lake.shown()[1]
    return home.rolled_back.read_text() if home.rolled_back.exists() else None


def retain(home: DataFolder) -> None:
    """Keep thirty nights of releases, then the last of each month, the current one, and every release.json.

    The rest goes into the trash, and what an earlier call put there is deleted.
    """
    shutil.rmtree(home.trash, ignore_errors=True)
    kept = current(home)
    recent = utc_now() - timedelta(days=KEPT_NIGHTS)
    months: dict[str, str] = {release.id[:6]: release.id for release in releases(home)}
    for release in releases(home):
        if release.built_at < recent and release.id not in (months[release.id[:6]], kept and kept.id):
            if home.lake:
                home.lake.retire(release.id, KEPT)
            if release.place.exists():
                _move(release.place, home.trash / release.id)


def restore_trash(home: DataFolder) -> list[str]:
    """Put back what `retain` took away last; the ids of the releases that are whole again."""
    found = sorted(home.trash.glob("[0-9]*"))
    for folder in found:
        _move(folder, home.releases / folder.name)
        if home.lake:
            home.lake.upload(folder.name, home.releases / folder.name)
    shutil.rmtree(home.trash, ignore_errors=True)
    return [folder.name for folder in found]


def _move(folder: Path, target: Path) -> None:
    """Move all but what is KEPT, the DuckDB file last: while it is there the release is listed, and moved by the next run."""
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.iterdir(), key=lambda path: path.name == "distretto.duckdb"):
        if path.name not in KEPT:
            os.rename(path, target / path.name)


# -- parts


@contextmanager
def attached(con: duckdb.DuckDBPyConnection, path: Path):
    """The release's file attached as `distretto`, checkpointed on success, detached in any case."""
    con.execute(
        f"attach {literal(path)} as distretto (storage_version {literal(client_compatibility.STORAGE)})"
    )
    try:
        yield
        con.execute("checkpoint distretto")
    finally:
        con.execute("detach distretto")


def _after(last: Release | None) -> datetime:
    """Now, to the second, and later than the last release, so that ids are unique and in order."""
    now = utc_now().replace(microsecond=0)
    if last is None:
        return now
    return max(now, last.built_at + timedelta(seconds=1))


def verify_database(path: Path, rows: dict[str, int]) -> None:
    """Reopen the file as a reader would; raise unless every table is there, counted and described."""
    con = connect(path, read_only=True)
    try:
        for table, expected in rows.items():
            found = scalar(con, f"select count(*) from {table}")
            if found != expected:
                raise DistrettoError(f"{path}: {table} has {found} rows, not {expected}.")
        bare = scalar(con, "select count(*) from duckdb_columns() where comment is null and not internal")
        if bare:
            raise DistrettoError(f"{path}: {bare} columns have no comment.")
        con.execute("select count(*) from as_of(now())").fetchone()
    finally:
        con.close()


def _seal(folder: Path, last: Release | None, digests: dict[str, str]) -> None:
    """Link files equal to those of the last release, write SHA256SUMS, make all durable and read-only.

    `digests`: those already known, by place.
    """
    before = {}
    if last and (last.folder / "SHA256SUMS").exists():
        before = {line[66:]: line[:64] for line in (last.folder / "SHA256SUMS").read_text().splitlines()}
    lines = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        place = path.relative_to(folder).as_posix()
        digest = digests.get(place) or file_sha256(path)
        lines.append(f"{digest}  {place}\n")
        former = last.folder / place if last else None
        # compared by its bytes: a file that the disk damaged in an earlier release must not enter this one
        if former and before.get(place) == digest and former.exists() and file_sha256(former) == digest:
            path.unlink()
            os.link(former, path)
        else:
            with open(path, "rb") as handle:
                os.fsync(handle.fileno())
            path.chmod(0o444)
    write_atomic(folder / "SHA256SUMS", "".join(lines).encode())
    (folder / "SHA256SUMS").chmod(0o444)


def code_commit() -> str | None:
    """The commit of the code, with `+changes` where files differ from it; None outside a repository."""

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=True, timeout=20
        ).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != ROOT.resolve():
            return None
        return git("rev-parse", "HEAD") + (
            "+changes" if git("status", "--porcelain", "--untracked-files=no") else ""
        )
    except (OSError, subprocess.SubprocessError):
        return None
