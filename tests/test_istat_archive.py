"""ISTAT's archive of regional indicators through the front door: one zip, asked for every night. Figures are made up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import World
from tests.provider_faults import LIMITS
from tests.provider_istat import IstatServer, archive
from tests.test_istat import PROVINCES, Istat

REGIONS = {
    **{key: PROVINCES[key] for key in ("theme", "checks", "feeds")},
    "provider": "istat_archive",
    "format": "regional-archive",
    "dimensions": ["freq", "bdti", "unit", "geo"],
    "indicator": "bdti",
    "unit": "unit",
}
ROWS = [
    ("054", "percentuale", "Italia", "2022", "7,9"),
    ("054", "percentuale", "Sicilia", "2022", "8.1"),
    ("054", "percentuale", "Sicilia", "2023", "-"),
    ("152", "numero", "Trentino-Alto Adige/Südtirol", "2012", "1234,5"),
]


@pytest.fixture
def istat(world: World) -> Iterator[Istat]:
    with IstatServer() as server:
        yield Istat(world, server)


def test_the_archive_is_read_every_night_and_the_same_bytes_change_nothing(istat: Istat):
    istat.world.entry("regions", **REGIONS)
    istat.server.archive = archive(ROWS[:3])
    assert istat.admit("regions")["outcome"] == "updated"
    assert istat.admit("regions")["outcome"] == "unchanged"
    istat.server.archive = archive([*ROWS[:1], ("054", "percentuale", "Sicilia", "2022", "8,2")])
    assert istat.refresh("regions")["state"] == "live"
    assert istat.world.query("select geo, old_value, value from revisions") == [("ITG1", 8.1, 8.2)]
    assert istat.rows("regions") == [("IT", "54", "2022", 7.9, ""), ("ITG1", "54", "2022", 8.2, "")]


@pytest.mark.long
@pytest.mark.parametrize(
    ("behaviour", "argument", "kind"),
    [
        ("503", None, "Unavailable"),
        ("drop_connection", None, "BrokenRead"),
        ("hang", None, "BrokenRead"),
        ("slow_drip", None, "TooSlow"),
        ("banned", None, "Forbidden"),
        ("rate_limited", 3600, "RateLimited"),
    ],
)
def test_a_bad_day_of_the_archive_leaves_the_last_good_data(istat: Istat, behaviour, argument, kind):
    istat.world.entry("regions", **REGIONS)
    istat.server.archive = archive(ROWS[:3])
    assert istat.admit("regions")["outcome"] == "updated"
    before = istat.current
    istat.server.archive = archive(ROWS[:2])
    istat.set_provider(**LIMITS.get(behaviour, {}))
    istat.server.behave("*", behaviour, argument=argument)
    state = istat.admit("regions")
    assert (state["outcome"], state["failure"]["kind"]) == ("failed", kind)
    assert istat.current == before and istat.world.state("regions")["state"] == "stale"
    istat.server.behave_well()
    istat.admit("regions")
    # a 403 of this host names no time, so it is asked again; a 429 says how long it lasts
    assert (istat.requests == []) is (behaviour == "rate_limited")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"", "empty"),
        (b"PK\x03\x04 and nothing more", "zip"),
        (archive(ROWS, "../../etc/passwd.csv"), "top of the archive"),
    ],
)
def test_an_archive_that_lies_never_enters(istat: Istat, body, told):
    istat.world.entry("regions", **REGIONS)
    istat.server.archive = body
    state = istat.admit("regions")
    assert told in str(state), state
    assert state["outcome"] in ("failed", "quarantined") and istat.current is None
