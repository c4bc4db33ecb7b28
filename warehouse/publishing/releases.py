"""The releases on disk: which there are, which is shown, and reading one.

Belongs here: finding and opening releases, which commands do at once; nothing is imported that builds one. Does not belong here:
building, showing and removing releases (`release.py`).
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from sources.common.sql import connect
from sources.data_folder import DataFolder, sync_folder
from sources.errors import DistrettoError, LakeUnavailable

if TYPE_CHECKING:
    from sources.lake.lake import Lake

ROOT = Path(__file__).parent.parent.parent
# what retention leaves of a release for ever: its record, and the charts that other sites show
KEPT = ("release.json", "embed")
# the files that determine a release's content and appearance
CODE = (".py", ".sql", ".yml", ".csv", ".geojson", ".html", ".css", ".js", ".typ")


log = logging.getLogger("distretto")


class OtherVersion(DistrettoError):
    """A release lacks what this version of the code asks of it."""

    hint = (
        "`distretto refresh` publishes a release of this version; the older one is read with the version that built it "
        "(git checkout), or as it is with `distretto query --release`."
    )


class DamagedRelease(DistrettoError):
    """A release's DuckDB file or its release.json cannot be read."""

    hint = (
        "restore its folder from a backup, or move it away: `distretto refresh --offline` publishes the current figures again; "
        "`distretto release rollback` shows an earlier one meanwhile."
    )


@dataclass(frozen=True)
class Release:
    """A published release: its id, a UTC time, and its place in the data folder; in a `lake`, where it comes from."""

    id: str
    place: Path
    lake: Lake | None = field(default=None, compare=False)

    @property
    def folder(self) -> Path:
        """Its folder; from a lake the files are brought there first. Raises LakeUnavailable, DamagedSnapshot."""
        if self.lake and not self.place.exists():
            self.lake.download(self.id, self.place)
        return self.place

    @property
    def database(self) -> Path:
        return self.folder / "distretto.duckdb"

    @property
    def record(self) -> dict[str, Any]:
        try:
            if self.lake and not self.place.exists():
                # a list of releases needs no more than their records
                return json.loads(self.lake.objects.read(f"releases/{self.id}/release.json"))
            return json.loads((self.folder / "release.json").read_bytes())
        except (FileNotFoundError, ValueError):
            raise DamagedRelease(f"Release {self.id} is damaged: release.json cannot be read.") from None

    @property
    def known_until(self) -> datetime:
        """The moment of the last acceptance that it was built from."""
        return datetime.fromisoformat(self.record["known_until"])

    @property
    def built_at(self) -> datetime:
        """The moment in its id."""
        return datetime.strptime(self.id, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)

    @property
    def moment(self) -> datetime:
        """The moment at which its history ends. `built_at` has no fraction of a second: figures may have come within it."""
        return max(self.built_at, self.known_until)

    @property
    def of_this_code(self) -> bool:
        """Whether the code that runs is the one that built it, so that it has every table and column asked for."""
        return self.record["code_sha256"] == code_sha256()


# -- reading


def releases(home: DataFolder) -> list[Release]:
    """Every release with its files, oldest first."""
    if home.lake:
        return [Release(id_, home.releases / id_, home.lake) for id_ in home.lake.releases()]
    return [
        Release(path.name, path)
        for path in sorted(home.releases.glob("[0-9]*"))
        if (path / "distretto.duckdb").exists()
    ]


def current(home: DataFolder) -> Release | None:
    """The release that `current` points to, or that the lake shows; None before the first.

    A lake that does not answer leaves the one that this folder showed last, with a warning.
    """
    if home.lake:
        try:
            shown, _ = home.lake.shown()
            return Release(shown, home.releases / shown, home.lake) if shown else None
        except LakeUnavailable as failure:
            if not home.current.exists():
                raise
            log.warning("%s This is the release that %s had last.", failure.message, home.root)
    folder = home.current.resolve()
    return Release(folder.name, folder) if home.current.exists() else None


def find(home: DataFolder, release_id: str | None) -> Release:
    """The release named, or the current one. Raises DistrettoError."""
    found = (
        current(home) if release_id is None else next((r for r in releases(home) if r.id == release_id), None)
    )
    if found is None:
        known = ", ".join(r.id for r in releases(home)) or "none; run `distretto refresh`"
        raise DistrettoError(f"No release {release_id or 'is published yet'}.", hint=f"releases: {known}.")
    return found


def newest(home: DataFolder) -> Release:
    """The release published last, whether it is shown or not. Raises DistrettoError."""
    return (releases(home) or [find(home, None)])[-1]


def mirror(home: DataFolder, only: str | None = None) -> None:
    """Bring what the lake has of every release, or of one, into the data folder: what retention left, if it took one away."""
    if home.lake:
        home.releases.mkdir(parents=True, exist_ok=True)
        for id_ in home.lake.releases(retired=True):
            if only in (None, id_) and not (home.releases / id_).exists():
                home.lake.download(id_, home.releases / id_)
        shown, _ = home.lake.shown()
        if shown and only is None:
            link(home, shown)


def link(home: DataFolder, release_id: str) -> None:
    """Make the folder's `current` point to a release that is there."""
    aside = home.current.with_name(f".current.{os.getpid()}")
    aside.unlink(missing_ok=True)
    aside.symlink_to(Path("releases") / release_id)
    os.replace(aside, home.current)
    sync_folder(home.root)


@contextmanager
def reading(release: Release):
    """A read-only connection to the release's DuckDB file.

    Raises OtherVersion where a query asks for a table or column that the code which built the release did not have yet,
    and DamagedRelease where the file cannot be opened.
    """
    try:
        con = connect(release.database, read_only=True)
    except duckdb.Error as failure:
        raise DamagedRelease(f"Release {release.id} is damaged: {str(failure).splitlines()[0]}") from None
    try:
        con.execute("set timezone = 'UTC'")
        yield con
    except (duckdb.CatalogException, duckdb.BinderException) as failure:
        if release.of_this_code:
            raise
        commit = release.record["code_commit"]
        raise OtherVersion(
            f"Release {release.id} was built by another version of the project{f' ({commit[:12]})' if commit else ''}, "
            f"which has not what is asked for here: {str(failure).splitlines()[0]}"
        ) from None
    finally:
        con.close()


@cache
def code_sha256() -> str:
    """SHA-256 over the code, SQL and reference files that decide a release's content."""
    digest = hashlib.sha256()
    for package in ("sources", "warehouse", "assets", "pipelines"):
        for path in sorted((ROOT / package).rglob("*")):
            if path.suffix in CODE and "starter" not in path.parts and "catalogue" not in path.parts:
                digest.update(f"{path.relative_to(ROOT).as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()
