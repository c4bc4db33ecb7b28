"""A data folder that the first version wrote is taken over: the same figures at every moment, under new numbers.

The specimen was made by commit c328544: three files of made-up own figures and a pin, with bundled patents in between.
"""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from assets import observations
from assets.run import RunContext
from sources.common.sql import rows
from sources.data_folder import DataFolder
from sources.errors import DamagedFolder
from tests.conftest import ROOT
from warehouse.history.vintages import SERIES_PER_VINTAGE, as_of_sql

SPECIMEN = ROOT / "tests" / "specimens" / "data_folder_of_first_version"
COLUMNS = [
    "s.dataset",
    "s.figure",
    "s.geo",
    "h.period",
    "h.value",
    "h.flag",
    "v.known_from::varchar",
    "v.snapshot_id",
]


@pytest.fixture
def home(tmp_path: Path) -> DataFolder:
    with tarfile.open(SPECIMEN / "data.tar.gz") as archive:
        archive.extractall(tmp_path / "data", filter="data")
    return DataFolder(tmp_path / "data")


def known_at_each_moment(run: RunContext) -> dict:
    with run.home.writing(), run.warehouse() as con:
        run.replay(con)
        found = {}
        for (moment,) in con.execute("select known_from::varchar from vintages order by 1").fetchall():
            sql = as_of_sql(COLUMNS, f"timestamptz '{moment}'", "warehouse")
            found[moment] = {
                "own_figures": con.execute(
                    f"select * from ({sql}) where dataset = 'own_figures' order by all"
                ).fetchall(),
                "others": con.execute(
                    f"select count(*), sum(value) from ({sql}) where dataset <> 'own_figures'"
                ).fetchall(),
            }
        return json.loads(json.dumps(found))


def test_as_of_answers_the_same_before_and_after(home: DataFolder):
    expected = json.loads((SPECIMEN / "as_of.json").read_text())
    assert known_at_each_moment(RunContext(home)) == expected
    # opened again it is as it was, and a warehouse built from the snapshots has the same numbers
    numbers = _numbers(RunContext(home))
    assert known_at_each_moment(RunContext(home)) == expected
    home.warehouse.unlink()
    assert known_at_each_moment(RunContext(home)) == expected
    assert _numbers(RunContext(home)) == numbers
    assert {row["series"] // SERIES_PER_VINTAGE for row in numbers["series"]} == {1, 2, 3, 4}


def _numbers(run: RunContext) -> dict[str, list[dict[str, Any]]]:
    """By column name: an older warehouse has its newer dimensions at the end."""
    with run.home.writing(), run.warehouse() as con:
        return {
            "series": rows(con, "from series order by series"),
            "history": rows(con, "from history order by series, period, vintage"),
            "vintages": rows(con, "from vintages order by vintage"),
        }


def test_history_goes_on_after_it(home: DataFolder):
    run = RunContext(home)
    newest = run.store.newest("own_figures", "live")
    assert newest is not None
    with home.writing(), run.warehouse() as con:
        run.store.unpin("own_figures", "somebody", "for a test")
        assert observations.admit(run, con, "own_figures") is not None
        rows = con.execute(
            "select vintage, kind, returned, deleted from vintages order by vintage desc limit 1"
        ).fetchall()
    assert rows == [(6, "update", 3, 0)]


def test_a_manifest_without_what_the_warehouse_holds_is_not_taken_over(home: DataFolder):
    lines = home.manifest.read_text().splitlines(keepends=True)
    home.manifest.write_text("".join(lines[:-1]))
    with pytest.raises(DamagedFolder, match="manifest"), RunContext(home).warehouse():
        pass
