"""Bodies made of whole real tables, and a warehouse that holds the real one: for tests of the checks.

Belongs here: staging a real file once, changing staged files by SQL, judging them. Does not belong here: what is expected.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb

from assets import checks
from assets.checks.expectations import Result
from assets.run import known_territories
from sources.catalogue import Dataset, load_catalogue
from sources.common.sql import identifier, literal
from sources.data_folder import DataFolder
from sources.formats import BodyFile
from sources.formats.staged import Staged
from sources.providers import load_providers
from sources.staging import decoded
from tests.conftest import SPECIMENS
from warehouse.history import store, vintages

FILES = {
    "nama_10r_3gdp": "nama_10r_3gdp.tsv.gz",
    "bd_size_r3": "bd_size_r3.tsv.gz",
    "pat_ep_rtot": "pat_ep_rtot.tsv.gz",
    "demo_r_pjanaggr3": "demo_r_pjanaggr3.2026-04.tsv.gz",
}
# the last period of each file
LAST = {"nama_10r_3gdp": 2022, "bd_size_r3": 2020, "pat_ep_rtot": 2012, "demo_r_pjanaggr3": 2025}


@dataclass
class Bench:
    """A warehouse with the real figures of one dataset, and bodies made of them."""

    dataset: Dataset
    real: Staged
    con: duckdb.DuckDBPyConnection
    folder: Path
    holds: Staged | None = None
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def made(self, where: str = "true", also: str = "", **columns: str) -> Staged:
        """The real body with SQL for its columns, the rows of `where` alone, and the rows that `also` selects from `figures`."""
        staged = Staged(self.folder / f"made{next(self.numbers)}")
        staged.folder.mkdir(parents=True)
        con = duckdb.connect()
        keys = ", ".join(
            f"{columns.get(d, identifier(d))} as {identifier(d)}" for d in self.dataset.dimensions
        )
        con.execute(f"create view s as from read_parquet({literal(self.real.series)})")
        con.execute(f"create view figures as from read_parquet({literal(self.real.observations)})")
        kept = f"select series from figures join s using (series) where {where}"
        con.execute(
            f"copy (select series, {keys} from s where series in ({kept})) to {literal(staged.series)}"
        )
        value, period = columns.get("value", "value"), columns.get("period", "period")
        con.execute(f"""copy (
            select series, {period} as period, {value} as value, flag, conf from figures join s using (series) where {where}
            {"union all " + also if also else ""}) to {literal(staged.part())}""")
        con.close()
        return staged

    def enter(self, staged: Staged) -> None:
        """Let `staged` into history, as if a night had accepted it."""
        number = next(self.numbers) + 1
        acceptance: Any = SimpleNamespace(
            sequence=number,
            dataset=self.dataset.id,
            snapshot_id=f"{self.dataset.id}-{number}",
            accepted_at=datetime(2026, 1, 1, 0, number, tzinfo=UTC),
            kind="update" if self.holds else "baseline",
        )
        vintages.append(self.con, self.dataset, _snapshot(), acceptance, staged)
        self.holds = staged

    def judge(self, staged: Staged) -> list[Result]:
        """Every check of the entry on `staged`, beside what history holds."""
        return checks.check(self.con, self.dataset, _snapshot(), staged, self.holds)


def _snapshot() -> Any:
    return SimpleNamespace(id="judged", origin="live", coverage={})


def stage(name: str, folder: Path) -> Staged:
    """The whole real table, decoded as a night decodes it."""
    body = BodyFile(SPECIMENS / "eurostat" / FILES[name], gzipped=True)
    provider = load_providers()["eurostat"]
    return decoded(body, "tsv", load_catalogue()[name], provider, folder, "live", known_territories())


@contextmanager
def bench(name: str, folder: Path, hold: bool = True) -> Iterator[Bench]:
    """A warehouse in `folder` that holds the real figures of dataset `name`, or none."""
    catalogue = load_catalogue()
    real = stage(name, folder / "real")
    with store.warehouse(DataFolder(folder / "home"), catalogue.dimensions, []) as con:
        made = Bench(catalogue[name], real, con, folder)
        if hold:
            made.enter(real)
        yield made
