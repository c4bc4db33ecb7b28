"""Nights of one dataset in one process: collected from a folder, judged and published, without Dagster, network and pages.

Belongs here: running nights at a clock that the test sets. Does not belong here: what is expected of them.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest
import yaml

import assets.release
import pipelines.http_server  # noqa: F401  its modules read the clock
from assets import observations
from assets.run import RunContext
from assets.soundness import prepare
from sources import data_folder
from sources.data_folder import DataFolder
from tests.conftest import ROOT
from tests.provider_table import Table
from warehouse.publishing import release

TABLE = "bd_size_r3"
DIMENSIONS = ["freq", "indic_sb", "sizeclas", "nace_r2", "geo"]
ACTIVE, BIRTHS, DEATHS = "V11910", "V11920", "V11930"
FIRST = datetime(2026, 1, 1, 4, tzinfo=UTC)
# (code, geo, year) -> cell, as in the provider's TSV
Cells = dict[tuple[str, str, str], str]


class Nights:
    """A data folder, the clock, and the table that the provider's folder has tonight."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, exports: bool = False):
        self.home = DataFolder((folder / "data").resolve())
        self.now = FIRST
        entries = folder / "catalogue"
        entries.mkdir(parents=True)
        entry = yaml.safe_load((ROOT / "sources" / "catalogue" / f"{TABLE}.yml").read_text())
        entry |= {
            "checks": {"min_rows": 1, "max_revised_share": 1.0, "min_size_ratio": 0.01},
            "calendar": {**entry["calendar"], "late_after_days": 100_000},
        }
        (entries / f"{TABLE}.yml").write_text(yaml.safe_dump(entry, allow_unicode=True))
        known = yaml.safe_load((ROOT / "sources" / "providers.yml").read_text())
        dropped = {name: {"protocol": "drop", "base_url": "drop", "decision": None} for name in known}
        (folder / "providers.yml").write_text(yaml.safe_dump(dropped))
        for name, value in {
            "DISTRETTO_HOME": self.home.root,
            "DISTRETTO_STATE": folder / "state",
            "DISTRETTO_CATALOGUE": entries,
            "DISTRETTO_PROVIDERS": folder / "providers.yml",
        }.items():
            patch.setenv(name, str(value))
        real = data_folder.utc_now
        for module in list(sys.modules.values()):
            if getattr(module, "utc_now", None) is real:
                patch.setattr(module, "utc_now", lambda: self.now)
        patch.setattr(assets.release, "render", lambda built: [])
        if not exports:
            patch.setattr(release, "exports", SimpleNamespace(write=lambda *_: {}))
        patch.setattr(logging.getLogger("distretto"), "level", logging.CRITICAL)

    def night(self, cells: Cells | None, days: float = 1) -> str | None:
        """A night in which the provider has `cells` (None: what it had before); the id of the release, if one came."""
        self.now += timedelta(days=days)
        if cells is not None:
            series: dict[tuple[str, ...], dict[str, str]] = {}
            for (code, geo, year), cell in cells.items():
                series.setdefault(("A", code, "TOTAL", "B-S_X_K642", geo), {})[year] = cell
            path = self.home.root / "drop" / f"{TABLE}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(Table(DIMENSIONS, series).tsv())
        with self.home.writing():
            run = RunContext(self.home)
            prepare(run)
            observations.collect(run, [TABLE])
            with run.warehouse() as con:
                observations.judge(run, con, TABLE)
            published = assets.release.publish(run, {})
        return published.id if published else None

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to the newest release, in UTC."""
        with release.reading(release.newest(self.home)) as con:
            yield con


def table(births: dict[str, dict[str, str]], active: int = 1000) -> Cells:
    """A table with `births` by territory and year, and `active` enterprises everywhere."""
    found: Cells = {}
    for geo, years in births.items():
        for year, cell in years.items():
            found[BIRTHS, geo, year] = cell
            found[ACTIVE, geo, year] = str(active)
    return found
