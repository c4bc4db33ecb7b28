"""Every check blocks the release that it is there for."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.conftest import ROOT, distretto
from warehouse.publishing import release_checks

# what a check must find: its name, and a falsehood it is there for
DOCTORED = [
    (
        "churn_is_births_and_deaths",
        "update indicators set value = value + 0.01 where indicator = 'enterprise_churn' and geo = 'ITG17'",
    ),
    ("every_row_has_a_unit", "update observations set unit = null where geo = 'ITG17'"),
    ("every_row_has_an_origin", "update snapshots set sha256 = null"),
    ("every_territory_is_known", "update indicators set geo = 'ITX99' where geo = 'ITG17'"),
    ("indicators_have_inputs", "delete from indicator_inputs where geo = 'ITG17'"),
    (
        "indicators_have_inputs",
        "insert into indicators from indicators where geo = 'ITG17'",
    ),
    (
        "intervals_hold_their_values",
        "update indicators set value = ci_high + 1 where indicator = 'enterprise_births'",
    ),
    ("intervals_hold_their_values", "update indicators set ci_low = null where geo = 'ITG17'"),
    (
        "location_quotient_of_the_country_is_one",
        "update indicators set indicator = 'location_quotient_research' where geo = 'IT' and indicator = 'enterprise_births'",
    ),
    (
        "no_row_crosses_a_break",
        "update indicator_inputs set input_flag = 'b' where indicator = 'enterprise_net_growth' and input_period = '2019'",
    ),
    (
        "no_row_crosses_a_break",
        "insert into breaks from breaks; "
        "update breaks set dataset = 'bd_size_r3', indicator = '*', geo = 'ITG17', period = '2015'",
    ),
    ("one_row_per_observation", "insert into observations from observations where geo = 'ITG17' limit 1"),
    (
        "provinces_add_up",
        "update observations set value = value + 1000 where geo = 'ITG17' and indicator = 'V11920' and period = '2019'",
    ),
    (
        "provinces_add_up",
        "update observations set value = value + 1 where geo = 'ITG17' and dataset = 'pat_ep_rtot' and period = '2009'",
    ),
    (
        "rates_agree",
        "update indicators set value = value + 0.02 where geo = 'ITG17' and indicator = 'enterprise_birth_rate'",
    ),
    (
        "rates_agree",
        "update indicators set value = value - 0.02 where geo = 'ITG1' and indicator = 'enterprise_survival_3y'",
    ),
    (
        "shift_share_adds_up",
        "update indicators set indicator = 'shift_share_mix' where geo = 'ITG1' and indicator = 'enterprise_births'",
    ),
    # its rows are the result of the ledger's verification, which the release checks receive
    ("targets_are_sealed", ""),
    (
        "targets_start_at_zero",
        "insert into targets by name (select 'made-up' as target_id, 1 as version, '2015' as baseline_period, "
        "1 as baseline_value, 3 as target_value); insert into target_results by name (select 'made-up' as target_id, "
        "1 as version, '2019' as period, 1 as value, 5 as progress)",
    ),
    (
        "targets_start_at_zero",
        "insert into targets by name (select 'made-up' as target_id, 1 as version, '2015' as baseline_period, "
        "1 as baseline_value, 3 as target_value); insert into target_results by name (select 'made-up' as target_id, "
        "1 as version, '2019' as period, 3 as value, 99 as progress)",
    ),
]


@pytest.fixture(scope="module")
def doctored(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of the release that can be written, beside an empty warehouse as in a run."""
    copy = tmp_path_factory.mktemp("doctored") / "distretto.duckdb"
    shutil.copyfile(home / "current" / "distretto.duckdb", copy)
    with duckdb.connect() as opened:
        opened.execute(f"attach '{copy}' as distretto; attach ':memory:' as warehouse")
        release_checks.run_checks(opened, [])
        yield opened


@pytest.mark.long
@pytest.mark.parametrize(("check", "falsehood"), DOCTORED)
def test_every_check_of_the_gate_blocks_a_release_that_was_doctored(doctored, check, falsehood):
    doctored.execute("use distretto")
    doctored.begin()
    try:
        doctored.execute(falsehood)
        with pytest.raises(release_checks.ReleaseBlocked, match=check):
            release_checks.run_checks(doctored, [] if falsehood else ["entry 1 was altered"])
    finally:
        doctored.rollback()


def test_a_check_without_a_row_to_judge_is_not_run(doctored):
    doctored.execute("use distretto")
    doctored.begin()
    try:
        for table in (
            "indicators",
            "indicator_inputs",
            "observations",
            "enterprise_births",
            "target_results",
            "target_ledger",
        ):
            doctored.execute(f"delete from {table}")
        assert {result.passed for result in release_checks.run_checks(doctored, [])} == {None}
        rows = doctored.execute(
            "select distinct passed, observed, severity from distretto.check_results where scope = 'release' "
            "qualify row_number() over (partition by check_name order by checked_at desc) = 1"
        ).fetchall()
        assert rows == [(None, "not run: nothing to judge", None)]
    finally:
        doctored.rollback()


def test_targets_of_an_empty_ledger_are_not_called_sound(con):
    rows = con.execute(
        "select check_name from check_results where scope = 'release' and passed is null"
    ).fetchall()
    assert {name for (name,) in rows} >= {"targets_are_sealed", "targets_start_at_zero"}


def test_every_check_of_the_gate_is_tried_on_a_falsehood():
    assert {check for check, _ in DOCTORED} == {
        path.stem for path in (ROOT / "warehouse" / "publishing" / "checks").glob("*.sql")
    }


def test_nothing_in_a_release_can_be_written_by_accident(home):
    files = [path for path in (home / "current").resolve().rglob("*") if path.is_file()]
    assert files and [path for path in files if path.stat().st_mode & 0o222] == []


@pytest.mark.long
def test_verify_finds_what_was_altered(home, tmp_path):
    copy = tmp_path / "releases" / (home / "current").resolve().name
    shutil.copytree(home / "current", copy)
    assert distretto(tmp_path, "release", "verify", copy.name).code == 0
    (copy / "patents.csv").chmod(0o644)
    with open(copy / "patents.csv", "a") as handle:
        handle.write("one more line\n")
    (copy / "revisions.parquet").unlink()
    (copy / "extra.csv").write_text("")
    outcome = distretto(tmp_path, "release", "verify", copy.name, "--json")
    assert outcome.code == 1
    assert sorted(outcome.json["problems"]) == [
        "extra.csv is not listed in SHA256SUMS",
        "patents.csv is not what was published",
        "revisions.parquet is missing",
    ]
