"""EPO's Open Patent Services through the front door: the real job against the service on loopback. Documents are made up."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import yaml

from assets.observations import admit, collect
from assets.run import RunContext
from sources import applicants
from sources.applicants import FILE as APPLICANTS
from sources.catalogue import load_catalogue
from sources.common.periods import Period
from sources.data_folder import DataFolder
from sources.protocols import ops
from sources.providers import load_providers
from tests.conftest import QUICK, World
from tests.provider import Answer
from tests.provider_ops import BASE_PATH, KEY, SEARCH, SECRET, TOKEN, Document, OpsServer
from warehouse.history.dataset_state import read_status

GROUPS = {
    "provider": "epo_ops",
    "theme": "patents",
    "format": "sdmx-csv",
    "dimensions": ["freq", "applicant", "technology", "geo"],
    "indicator": "named_group_publications",
    "unit": {"technology": {"TOTAL": "PUB_ANYWHERE", "H01L_H10": "PUB_ANYWHERE", "C30B": "PUB_ANYWHERE"}},
    "query": {"applicant": ["ST", "UNICT"], "technology": ["TOTAL", "H01L_H10", "C30B"], "geo": ["WORLD"]},
    "feeds": {},
    "checks": {
        "min_rows": 6,
        "geos": ["WORLD"],
        "flags": "p",
        "min_size_ratio": 1.0,
        "max_revised_share": 0.9,
        "ranges": [{"min": 0, "max": 2000}],
    },
}
# a Monday; the last week that is over for four days began on 9 November, the first asked for on 26 October
TODAY = date(2026, 11, 23)
DOCUMENTS = [
    Document("20251210", ["ST MICROELECTRONICS SRL"], ["H02M3/00"]),
    Document("20261028", ["ST MICROELECTRONICS SRL", "UNIV CATANIA"], ["H01L21/00", "C30B29/36"]),
    Document("20261104", ["STMICROELECTRONICS INTERNATIONAL NV"], ["H10D30/60"]),
    Document("20261104", ["ST MICROELECTRONICS SRL"], ["H03K17/00"]),
    Document("20261104", ["SOMEBODY ELSE"], ["H01L21/00"]),
    Document("20261111", ["ST MICROELECTRONICS SRL"], ["A61K9/00"]),
]
GOOD = [
    ("ST", "C30B", "2026-W44", 1.0, "p"),
    ("ST", "H01L_H10", "2026-W44", 1.0, "p"),
    ("ST", "H01L_H10", "2026-W45", 1.0, "p"),
    ("ST", "TOTAL", "2026-W44", 1.0, "p"),
    ("ST", "TOTAL", "2026-W45", 2.0, "p"),
    ("UNICT", "C30B", "2026-W44", 1.0, "p"),
    ("UNICT", "H01L_H10", "2026-W44", 1.0, "p"),
    ("UNICT", "TOTAL", "2026-W44", 1.0, "p"),
]


class Epo:
    """The world with OPS in it, credentials set, and a dataset `groups` of its own."""

    def __init__(self, world: World, server: OpsServer):
        self.world, self.server = world, server
        self.set_provider()
        self.set_day(TODAY)
        world.monkeypatch.setenv("EPO_OPS_KEY", KEY)
        world.monkeypatch.setenv("EPO_OPS_SECRET", SECRET)
        world.monkeypatch.setattr(ops, "FIRST_WEEK", Period.parse("2026-W44"))
        world.entry("groups", **GROUPS)
        server.documents = list(DOCUMENTS)

    def set_day(self, day: date) -> None:
        """The day of the protocol alone: history and pace keep the real clock."""
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        self.world.monkeypatch.setattr(
            ops, "utc_now", lambda: noon + timedelta(microseconds=time.time_ns() % 10**6)
        )

    def set_provider(self, **more: Any) -> None:
        path = self.world.folder / "providers.yml"
        given = yaml.safe_load(path.read_text())
        quick = QUICK | {"assumed_per_minute": 60_000}
        given["epo_ops"] = quick | {"base_url": self.server.host + BASE_PATH} | more
        path.write_text(yaml.safe_dump(given))

    def refresh(self) -> dict[str, Any]:
        """The state of `groups` after a night of it."""
        outcome = self.world.run("refresh", "--only", "groups", "--json")
        assert outcome.code in (0, 3), outcome.err
        self.told = outcome.out + outcome.err
        return outcome.json["datasets"]["groups"]

    def admit(self) -> dict[str, Any]:
        """The same night without the release: what status.json then says."""
        home = DataFolder.from_env()
        run, self.asked = RunContext(home), len(self.server.searches)
        with home.writing():
            collect(run, ["groups"])
            with run.warehouse() as con:
                admit(run, con, "groups")
        self.current = run.store.current("groups")
        return read_status(home).datasets["groups"].to_dict()

    @property
    def searches(self) -> list[str]:
        """What the last night asked."""
        return self.server.searches[self.asked :]

    @property
    def pace(self) -> dict[str, Any]:
        return self.world.rate_limits("localhost")

    def rows(self, where: str = "value > 0") -> list[tuple]:
        return self.world.query(
            "select applicant, technology, period, value, flag from observations "
            f"where dataset = 'groups' and {where} order by all"
        )


@pytest.fixture
def epo(world: World) -> Iterator[Epo]:
    with OpsServer() as server:
        yield Epo(world, server)


# -- without credentials


@pytest.mark.parametrize("unset", ["EPO_OPS_KEY", "EPO_OPS_SECRET"])
def test_without_its_credentials_nobody_is_asked_and_that_is_no_failure(epo: Epo, unset):
    epo.world.monkeypatch.delenv(unset)
    epo.admit()
    state = epo.world.state("groups")
    assert state["state"] == "not configured" and state["unset"] == [unset] and state["trouble"] == 0
    assert epo.server.requests == []
    rows = {row["provider"]: row for row in epo.world.run("doctor", "--json").json}
    assert (
        rows["epo_ops"]["credentials"] == "not configured"
        and rows["eurostat"]["credentials"] == "none needed"
    )
    assert rows["epo_ops"]["answers"] is None and epo.server.requests == []


# -- good nights


def test_a_good_night_counts_the_weeks_that_are_over(epo: Epo):
    assert epo.refresh()["state"] == "live"
    assert epo.rows() == GOOD
    assert len(epo.rows("true")) == 3 * 2 * 3, "zeros are figures"
    assert epo.world.query("select distinct geo, unit, freq from observations where dataset = 'groups'") == [
        ("WORLD", "PUB_ANYWHERE", "W")
    ]
    # one search over a year, then a total for each group and week, and classes only where there is something
    # the check for silence; in three weeks all classes of ST, and of UNICT, whose names make two pieces; where there are
    # hits the two classes of ST in two weeks, and of UNICT in one
    assert len(epo.server.searches) == 1 + 3 * (1 + 2) + 2 * 2 + 2 * 2 and epo.server.tokens == 1
    assert epo.server.searches[0].endswith('pd within "20251110 20261108"')
    assert epo.server.searches[1] == (
        'pn=EP and (pa="st microelectronics" or pa="stmicroelectronics") and (cpc=H01L or cpc=H10 or cpc=B81 or cpc=B82 or '
        'cpc=G01P15 or cpc=G01L or cpc=C30B or cpc=H02M or cpc=H03K) and pd within "20261109 20261115"'
    )


def test_an_unchanged_night_asks_nothing(epo: Epo):
    epo.admit()
    assert epo.admit()["outcome"] == "unchanged"
    assert epo.searches == [] and epo.server.tokens == 1


def test_a_settled_week_is_asked_once_more_and_revised(epo: Epo):
    epo.admit()
    epo.server.documents.append(Document("20261028", ["UNIVERSITA DEGLI STUDI DI CATANIA"], ["B82Y10/00"]))
    epo.set_day(date(2027, 1, 3))  # 63 days after 1 November
    assert epo.refresh()["state"] == "live"
    assert ("UNICT", "TOTAL", "2026-W44", 2.0, "") in epo.rows()
    assert ("ST", "TOTAL", "2026-W45", 2.0, "p") in epo.rows()
    assert epo.world.query(
        "select applicant, period, old_value, value from revisions where kind = 'changed' and dataset = 'groups'"
    ) == [("UNICT", "2026-W44", 1.0, 2.0)]
    assert not [cql for cql in epo.server.searches if "20270" in cql.split("within")[1].split()[0]]


@pytest.mark.long
def test_history_is_filled_in_steps_newest_first_and_what_was_asked_is_kept(epo: Epo):
    epo.world.monkeypatch.setattr(ops, "WEEKS_A_NIGHT", 2)
    epo.refresh()
    assert {row[2] for row in epo.rows("true")} == {"2026-W45", "2026-W46"}
    epo.refresh()
    assert {row[2] for row in epo.rows("true")} == {"2026-W44", "2026-W45", "2026-W46"}
    assert epo.world.query("select distinct kind from revisions where dataset = 'groups'") in (
        [],
        [("added",)],
    )
    assert epo.rows() == GOOD


def test_a_document_that_two_pieces_find_counts_once(epo: Epo):
    """UNICT's names have more words than one search takes: two searches, whose hits overlap."""
    names = ["UNIVERSITA DI CATANIA", "UNIVERSITY OF CATANIA"]
    epo.server.documents = [
        *DOCUMENTS,
        Document("20261028", names, ["H01L21/00"]),
        *[Document("20261028", ["UNIV CATANIA"], ["B82Y10/00"])] * 120,
    ]
    assert epo.admit()["outcome"] == "updated"
    tally = json.loads((epo.world.home / "pace" / "groups.tally.json").read_text())
    assert tally["2026-W44"]["counts"]["UNICT"] == {"TOTAL": 122, "H01L_H10": 2, "C30B": 1}
    ranges = [request.headers.get("X-OPS-Range") for request in epo.server.requests]
    assert {"1-1", "1-100", "101-200"} <= set(ranges), "more than a page is read to its end"


def test_the_silence_of_one_applicant_is_asked_for_and_no_query_breaks_a_limit(epo: Epo):
    epo.admit()
    silence = epo.server.searches[0]
    assert "stmicroelectronics" in silence and "catania" not in silence and epo.server.violations == []


def test_weeks_are_those_of_iso_across_years():
    due = [week.text for week in ops.weeks_due({}, "x", date(2027, 1, 10))]
    assert due[:2] == ["2026-W53", "2026-W52"]
    assert due[-1] == ops.FIRST_WEEK.text == "2021-W01"
    assert ops.weeks_due({}, "x", date(2027, 1, 7))[0].text == "2026-W53"
    assert ops.weeks_due({}, "x", date(2027, 1, 6))[0].text == "2026-W52"


def test_another_wording_asks_for_every_week_again(epo: Epo):
    epo.admit()
    given = yaml.safe_load(APPLICANTS.read_text())
    given["applicants"]["ST"]["names"].append("sgs thomson")
    changed = epo.world.folder / "applicants.yml"
    changed.write_text(yaml.safe_dump(given))
    epo.world.monkeypatch.setattr(applicants, "FILE", changed)
    epo.admit()
    assert sum("sgs thomson" in cql for cql in epo.searches) == 1 + 3 + 2 * 2


def test_an_expired_token_is_renewed(epo: Epo):
    epo.server.good_for = 4
    assert epo.admit()["outcome"] == "updated"
    assert len(epo.searches) - (epo.server.tokens - 1) == 18, "each refused search is sent once more"
    assert epo.server.tokens == 5, "four searches a token"


# -- secrets


def test_secrets_stay_in_memory(epo: Epo, caplog: pytest.LogCaptureFixture):
    """Not even a server that returns them gets them into a file, a message or a log."""
    logging.getLogger().setLevel(logging.DEBUG)
    caplog.set_level(logging.DEBUG)
    seen: list[str] = []
    epo.server.after = lambda request: seen.append(request.headers.get("Authorization", ""))
    printed = json.dumps(epo.refresh()) + epo.told
    for status in (200, 400, 403, 404, 418, 500):
        epo.world.monkeypatch.setattr(ops, "FIRST_WEEK", ops.FIRST_WEEK.shift(-1))
        echo = f"{KEY} {SECRET} {' '.join(seen)}".encode()
        headers = {"X-Rejection-Reason": "a-token-of-the-tests-0", "Retry-After": "0"}
        for place in (TOKEN, SEARCH):
            epo.server.answer_of = {place: Answer(status, echo, headers=headers)}
            printed += json.dumps(epo.admit())
    printed += json.dumps(epo.refresh()) + epo.told
    printed += epo.world.run("status").out + epo.world.run("doctor", "--json").out + caplog.text
    assert any(text.startswith("Basic ") for text in seen) and any(
        text.startswith("Bearer ") for text in seen
    )
    secrets = {KEY, SECRET, "a-token-of-the-tests", *(text.split()[1] for text in seen if text)}
    assert [secret for secret in secrets if secret in printed] == []
    files = [path for path in epo.world.home.rglob("*") if path.is_file()]
    assert len(files) > 10
    for path in files:
        data = path.read_bytes()
        assert [secret for secret in secrets if secret.encode() in data] == [], path


# -- what ships


def test_a_probe_asks_one_search_and_counts_no_week(epo: Epo):
    outcome = epo.world.run("probe", "groups", "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["agrees"] and outcome.json["periods"]["provider"] == []
    assert len(epo.server.searches) == 1
    assert not list(epo.world.home.glob("pace/*.tally.json"))


def test_what_the_project_asks_of_epo(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DISTRETTO_PROVIDERS")
    provider, entry = load_providers()["epo_ops"], load_catalogue()["epo_named_groups"]
    assert provider.credentials == ["EPO_OPS_KEY", "EPO_OPS_SECRET"]
    assert provider.max_bytes_a_week == 2_000_000_000
    given = yaml.safe_load(APPLICANTS.read_text())
    assert set(entry.query["applicant"]) == set(given["applicants"])
    assert set(entry.query["technology"]) == {*given["technologies"], "TOTAL"}
    assert {"H01L", "H10"} <= set(given["technologies"]["H01L_H10"])
    # never taken for Sicily's: no territory, no published table, and words that say so in both languages
    assert entry.query["geo"] == ["WORLD"] and entry.feeds == {}
    assert "non brevetti siciliani" in entry.title.it and "not Sicilian patents" in entry.title.en
    assert "not Sicilian patents" in entry.warnings[0].en
    # the first applicant proves that searches are understood: one that publishes every year
    assert next(iter(given["applicants"])) == "ST"


def test_the_entry_that_ships_takes_what_a_night_brings(epo: Epo):
    epo.world.monkeypatch.setattr(ops, "FIRST_WEEK", Period.parse("2026-W45"))
    home = DataFolder.from_env()
    run = RunContext(home)
    with home.writing():
        collect(run, ["epo_named_groups"])
        with run.warehouse() as con:
            assert admit(run, con, "epo_named_groups") == "updated", read_status(home)
            counts = con.execute(
                "select applicant, technology, value from history join series using (series) where value > 0 order by all"
            ).fetchall()
    assert counts == [("ST", "H01L_H10", 1.0), ("ST", "H03K", 1.0), ("ST", "TOTAL", 2.0)]
