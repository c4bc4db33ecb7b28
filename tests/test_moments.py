"""Moments in `asOf`: what people and programs write, by the same rules as the published macro `as_of`."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import duckdb
import pytest

from sources.common.moments import parse_as_of, parse_moment
from sources.common.sql import literal
from sources.errors import InvalidMoment
from warehouse.history.vintages import moment_sql
from warehouse.reference.territory import timezone

ROME = ZoneInfo("Europe/Rome")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-30", "2026-11-30 22:59:59.999999"),
        ("2026-06-30", "2026-06-30 21:59:59.999999"),
        ("2026-11-30T12:00", "2026-11-30 11:00"),
        ("2026-11-30 12:00:01", "2026-11-30 11:00:01"),
        ("2026-11-30T12:00Z", "2026-11-30 12:00"),
        ("2026-11-30T12:00:00.25+02:00", "2026-11-30 10:00:00.25"),
        # a + that was not encoded in an address
        ("2026-11-30T12:00:00 02:00", "2026-11-30 10:00"),
        ("2026-11-30 12:00:00 0200", "2026-11-30 10:00"),
        ("2026-11-30T12:00:00-03", "2026-11-30 15:00"),
        ("20261130T120000Z", "2026-11-30 12:00"),
    ],
)
def test_what_is_written_is_a_moment(text: str, utc: str):
    assert parse_moment(text, ROME) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-30", "2026-03-29", "2026-10-25", "2026-11-30 12:00", "2026-11-30T12:00:05", "2026-03-29 02:30",
        "2026-10-25 02:30", "2026-07-01 00:00", "2026-11-30 12:00:00+00", "2026-11-30T12:00:00Z",
        "2026-11-30 12:00:00.5+05:30", "1950-01-01",
    ],
)  # fmt: skip
def test_a_moment_is_the_one_of_the_published_macro(text: str):
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        con.execute(f"create macro moment(ts) as ({moment_sql()})")
        assert con.execute(f"select moment({literal(text)})").fetchall() == [
            (parse_moment(text, timezone()),)
        ]


@pytest.mark.parametrize(
    "text",
    [
        "", "yesterday", "2026", "2026-11", "2026-13-01", "2026-02-30", "30/11/2026", "2026-11-30T25:00", "2026-11-30T12",
        "2026-11-30T12:00+99:00", "９９９９-01-01", "0000-01-01", "9999-12-31", "2026-11-30'; drop table release; --",
        "20261330T000000Z", "1e9", "now()", "2026-11-30\x00", "2026-11-30T12:00 1",
    ],
)  # fmt: skip
def test_what_is_no_moment_is_refused_with_how_to_write_one(text: str):
    with pytest.raises(InvalidMoment) as refused:
        parse_moment(text, ROME)
    assert "2026-11-30T12:00:00Z" in refused.value.hint and len(refused.value.message) < 140


def test_nothing_is_known_of_days_to_come():
    now = datetime(2026, 11, 27, 22, 30, tzinfo=UTC)  # 23:30 in Rome
    assert parse_as_of("2026-11-27", ROME, now) > now
    for text in ("2026-11-28", "2026-11-28T00:00", "2100-01-01T00:00Z"):
        with pytest.raises(InvalidMoment, match="future"):
            parse_as_of(text, ROME, now)
