"""The tables about targets, years later and on a file of their own: every version with its results. Figures are made up."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from tests.target_examples import KNOWN, NOW, TARGET, target
from warehouse.targets import ledger, tables
from warehouse.targets.figures import known_on

FIGURE = """period varchar, value double, unit varchar, flag varchar, reliability varchar, break_before boolean,
    dataset varchar, snapshot_id varchar, known_from timestamptz, ci_low double, ci_high double, truncated boolean,
    provisional boolean, method_version varchar, numerator double,
    denominator double"""
PAIR = ("enterprise_births", "ITG1")


@pytest.fixture
def con():
    """Sicily's births of 2024 to 2028 as the last release has them, without a history yet."""
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    con.execute("attach ':memory:' as distretto")
    con.execute("use distretto")
    con.execute("create table geography as select unnest(['ITG1', 'IT']) as geo, 'nuts2' as level")
    con.execute(f"create table indicators (indicator varchar, geo varchar, geo_level varchar, {FIGURE})")
    con.execute(f"create table indicator_history (indicator varchar, geo varchar, {FIGURE}, deleted boolean)")
    con.execute("create table district as from indicators limit 0")
    con.execute(
        "create table series (series int, dataset varchar, indicator varchar, geo varchar, unit varchar)"
    )
    con.execute(
        "create table history (series int, period varchar, value double, flag varchar, deleted bool, vintage int)"
    )
    con.execute("create table vintages (vintage int, known_from timestamptz, snapshot_id varchar)")
    con.execute("create table breaks (dataset varchar, indicator varchar, geo varchar, period varchar)")
    con.execute("create table indicator_catalogue (indicator varchar, sources varchar)")
    con.execute("create table catalogue as select 'a' as dataset, 'live' as status")
    for period, value in (("2024", 100), ("2025", 112), ("2026", 120), ("2027", 155), ("2028", 210)):
        figure(con, "indicators", datetime(2029, 6, 1, tzinfo=UTC), period, value)
    return con


def figure(
    con, table: str, known_from: datetime, period: str, value: float, flag="", indicator=PAIR[0], **more
):
    columns = {
        "indicator": indicator, "geo": PAIR[1], "period": period, "value": value, "unit": "NR", "flag": flag,
        "reliability": "B" if flag else "A", "break_before": False, "dataset": "a", "snapshot_id": "a-1",
        "known_from": known_from, "truncated": False, "provisional": flag == "p", **more,
    }  # fmt: skip
    con.execute(
        f"insert into {table} ({', '.join(columns)}) values ({', '.join('?' * len(columns))})",
        list(columns.values()),
    )


@pytest.fixture
def chain() -> ledger.Ledger:
    """Two targets, the second in two versions."""
    found = ledger.Ledger(Path("none"), [])
    for name, aim in (("first", 200.0), ("second", 210.0), ("second", 220.0)):
        point = {**TARGET["target"], "value": aim}
        found.entries.append(ledger.sealed(found, target(id=name, target=point), KNOWN, NOW))
    return found


def build(con, chain: ledger.Ledger, on: date = date(2030, 2, 1)) -> None:
    tables.build(con, chain, {}, lambda dataset: False, ["IT"], on, "distretto")


def test_the_table_holds_every_version_with_its_results(con, chain):
    build(con, chain)
    rows = con.execute("""
        select r.target_id, r.version, superseded_by, point, r.period, status, round(progress) from target_results r
        join targets using (target_id, version) order by 1, 2, r.period, point""").fetchall()
    assert rows == [
        ("first", 1, None, "milestone", "2026", "met", 20),
        ("first", 1, None, "latest", "2028", "met", 110),
        ("first", 1, None, "target", "2028", "met", 110),
        ("second", 1, 2, "milestone", "2026", "met", 18),
        ("second", 1, 2, "latest", "2028", "met", 100),
        ("second", 1, 2, "target", "2028", "met", 100),
        ("second", 2, None, "milestone", "2026", "met", 17),
        ("second", 2, None, "latest", "2028", "delayed", 92),
        ("second", 2, None, "target", "2028", "delayed", 92),
    ]
    sealed = con.execute("""select bool_and(sha256(content) = seal and (content->>'$.previous') = before) from (
        select *, coalesce(lag(seal) over (order by number), repeat('0', 64)) as before from target_ledger)""")
    assert sealed.fetchone() == (True,)


def test_a_point_is_judged_by_what_was_known_on_its_day(con, chain):
    """The milestone was missed by what was known on 31 January 2028, and the target met by later figures."""
    figure(con, "indicator_history", datetime(2027, 12, 1, tzinfo=UTC), "2026", 105.0, deleted=False)
    figure(con, "indicator_history", datetime(2028, 5, 1, tzinfo=UTC), "2026", 120.0, deleted=False)
    figure(con, "indicator_history", datetime(2029, 6, 1, tzinfo=UTC), "2028", 210.0, deleted=False)
    build(con, chain)
    then = con.execute("""
        select point, status, status_then, value, value_then from target_results
        where target_id = 'first' order by period, point""").fetchall()
    assert then == [
        ("milestone", "met", "off_track", 120, 105),
        ("latest", "met", None, 210, None),
        ("target", "met", "met", 210, 210),
    ]


def test_a_figure_that_only_lost_its_flag_was_known_before(con):
    """As Syracuse's births of 2018: 15,800, provisional until a later release dropped the `p`."""
    figure(con, "indicator_history", datetime(2027, 6, 1, tzinfo=UTC), "2026", 15800.0, "p", deleted=False)
    figure(con, "indicator_history", datetime(2028, 6, 1, tzinfo=UTC), "2026", 15800.0, deleted=False)
    (then,) = known_on(con, "distretto", PAIR, date(2028, 1, 31))
    assert (then.period, then.value, then.flag, then.provisional) == ("2026", 15800.0, "p", True)
    (now,) = known_on(con, "distretto", PAIR, date(2028, 6, 1))
    assert (now.value, now.flag, now.reliability) == (15800.0, "", "A")
    assert known_on(con, "distretto", PAIR, date(2027, 5, 31)) == []


def test_a_figure_that_was_withdrawn_was_not_known_until_it_came_back(con):
    for month, value, deleted in ((6, 100.0, False), (7, 100.0, True), (8, 101.0, False)):
        figure(con, "indicator_history", datetime(2027, month, 1, tzinfo=UTC), "2026", value, deleted=deleted)
    values = [
        [f.value for f in known_on(con, "distretto", PAIR, date(2027, month, 15))] for month in (6, 7, 8)
    ]
    assert values == [[100.0], [], [101.0]]


def test_an_own_figure_is_known_from_the_history_of_observations(con):
    con.execute("insert into series values (1, 'own_figures', 'members', 'DISTRICT', 'NR')")
    con.execute("insert into vintages values (1, '2027-01-10', 's-1'), (2, '2028-01-10', 's-2')")
    con.execute("insert into history values (1, '2026', 40, 'p', false, 1), (1, '2026', 41, '', false, 2)")
    pair = ("members", "DISTRICT")
    (then,) = known_on(con, "distretto", pair, date(2027, 12, 31))
    assert (then.value, then.flag, then.reliability) == (40, "p", "B")
    assert [f.value for f in known_on(con, "distretto", pair, date(2028, 12, 31))] == [41]
    assert known_on(con, "distretto", pair, date(2026, 12, 31)) == []


def test_what_is_watched_stands_beside_and_never_changes_the_status(con):
    def results(watch: str | None) -> list[tuple]:
        for table in ("targets", "target_results", "target_ledger", "target_anchors", "target_drafts"):
            con.execute(f"drop table if exists {table}")
        one = ledger.sealed(ledger.Ledger(Path("none"), []), target(watch=watch), KNOWN, NOW)
        build(con, ledger.Ledger(Path("none"), [one]))
        return con.execute(
            "select * exclude (watch, watch_period, watch_value, watch_unit, watch_known_from) from target_results"
        ).fetchall()

    known_from = datetime(2030, 1, 15, tzinfo=UTC)
    figure(con, "indicators", known_from, "2029-Q4", 1234.0, indicator="registrations_3m")
    figure(con, "indicators", known_from, "2030-Q1", 9.0, indicator="registrations_3m", reliability="C")
    without = results(None)
    assert results("registrations_3m") == without
    assert con.execute(
        "select point, watch, watch_period, watch_value, watch_known_from from target_results where watch is not null"
    ).fetchall() == [("latest", "registrations_3m", "2029-Q4", 1234.0, known_from)]
