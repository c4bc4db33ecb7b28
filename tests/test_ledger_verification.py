"""Verification of the ledger through the command: a bent ledger is named, a lost history is no forgery."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from sources.data_folder import DataFolder
from tests.conftest import distretto
from tests.target_examples import target
from warehouse.targets import ledger, schema
from warehouse.targets.evidence import Evidence
from warehouse.targets.rules import Known
from warehouse.targets.verification import verify

FACTS = {"indicator": "gdp_per_head", "direction": "up", "milestones": [], "fixed_by": "The board"}


@pytest.fixture
def folder(home: Path, tmp_path: Path) -> DataFolder:
    """A folder after its first run, of its own."""
    return DataFolder(shutil.copytree(home, tmp_path / "own", symlinks=True))


def append(folder: DataFolder, recorded_at: datetime, known: dict[str, float], **changes) -> None:
    """An entry written by hand: well sealed and linked, whatever it says."""
    found = ledger.load(folder)
    alone = ledger.sealed(
        ledger.Ledger(found.path, []),
        target(**{**FACTS, **changes}),
        Known(known, "EUR_HAB", "up"),
        recorded_at,
    )
    moved = alone.model_copy(update={"number": len(found.entries) + 1, "previous": found.head, "seal": ""})
    ledger.append(folder, found, moved.model_copy(update={"seal": schema.seal(schema.content(moved))}))


def problems(folder: DataFolder) -> str:
    return "; ".join(verify(ledger.load(folder), Evidence(folder)).problems)


def test_a_backdated_entry_with_a_target_below_the_known_result_is_named(folder):
    """Recorded on 1 December 2018, it says, for a year whose figure this folder has: ex ante and met, if believed."""
    append(
        folder,
        datetime(2018, 12, 1, tzinfo=UTC),
        {"2017": 17900.0},
        id="forged",
        baseline={"period": "2017"},
        target={"period": "2020", "value": 17950.0, "assess_on": date(2022, 1, 31)},
        fixed_on=date(2018, 11, 30),
    )
    outcome = distretto(folder.root, "targets", "verify")
    assert outcome.code == 1
    assert "entry 1 (forged, version 1): it says it was recorded on 2018-12-01 00:00 UTC" in outcome.err
    assert "no verified time stamp dates it" in outcome.err
    assert "built later, does not have it" in outcome.err


NEXT = {"period": "2030", "value": 24000.0, "assess_on": date(2032, 3, 31)}


@pytest.mark.parametrize(
    ("known", "changes", "reason"),
    [
        ({"2022": 20000.0}, {"baseline": {"period": "2022"}}, "the release says 20100, not 20000"),
        ({"2023": 20100.0}, {"baseline": {"period": "2023"}}, "has no gdp_per_head of ITG1 for 2023"),
        ({"2022": 20100.0}, {"baseline": {"period": "2022"}}, ""),
    ],
)
def test_an_entry_is_judged_on_what_was_known_when_it_was_recorded(folder, known, changes, reason):
    now = datetime.now(UTC)
    append(folder, now, known, target=NEXT, fixed_on=now.date(), **changes)
    assert reason in problems(folder) if reason else problems(folder) == ""


def test_a_result_that_was_published_before_contradicts_an_entry(folder):
    now = datetime.now(UTC)
    append(
        folder, now - timedelta(days=2000), {"2017": 17900.0}, baseline={"period": "2017"},
        target={"period": "2022", "value": 19000.0, "assess_on": date(2024, 1, 31)}, fixed_on=date(2018, 1, 1),
    )  # fmt: skip
    assert problems(folder)


def test_recorded_at_never_goes_back(folder):
    now = datetime.now(UTC)
    for name, moment in (("first", now + timedelta(seconds=5)), ("second", now)):
        append(
            folder, moment, {"2022": 20100.0}, id=name, baseline={"period": "2022"}, target=NEXT, fixed_on=now.date()
        )  # fmt: skip
    assert "entry 2 (second, version 1): it says it was recorded on" in problems(folder)
    assert "before an entry that precedes it" in problems(folder)


def test_a_newest_release_that_was_rewritten_is_found_by_its_other_files(folder):
    now = datetime.now(UTC)
    append(folder, now, {"2022": 20100.0}, baseline={"period": "2022"}, target=NEXT, fixed_on=now.date())
    entry = ledger.load(folder).entries[0]
    database = (folder.current / "distretto.duckdb").resolve()
    database.chmod(0o644)
    with duckdb.connect(str(database)) as con:
        con.execute("insert into target_ledger values (1, ?, ?)", [entry.seal, schema.content(entry)])
    assert "shows entry 1 differently in target_ledger.parquet and in distretto.duckdb" in problems(folder)


def test_what_cannot_be_checked_is_not_called_forged(folder):
    """The history of indicators begins a day after the entry: the releases before were lost."""
    now = datetime.now(UTC)
    append(folder, now, {"2022": 20100.0}, baseline={"period": "2022"}, target=NEXT, fixed_on=now.date())
    database = (folder.current / "distretto.duckdb").resolve()
    database.chmod(0o644)
    with duckdb.connect(str(database)) as con:
        con.execute("update indicator_history set known_from = known_from + interval 1 day")
    found = verify(ledger.load(folder), Evidence(folder))
    assert (found.problems, found.verdicts[1].outcome) == ([], "unverifiable")
    assert distretto(folder.root, "targets", "verify").code == 0
