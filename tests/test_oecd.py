"""OECD through the front door: the real job against its service on loopback, on good and bad days. Figures are made up."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from assets.observations import admit, collect
from assets.run import RunContext
from sources.catalogue import load_catalogue
from sources.concepts import territories
from sources.data_folder import DataFolder
from sources.http.stopping import Stop
from sources.providers import load_providers
from tests.conftest import QUICK, World
from tests.provider_faults import LIMITS
from tests.provider_oecd import AGENCY, REST, OecdServer
from warehouse.history.dataset_state import read_status

CODE = "DSD_REG_LAB@DF_TRIAL"
DIMENSIONS = ["FREQ", "TERRITORIAL_LEVEL", "REF_AREA", "TERRITORIAL_TYPE", "MEASURE", "SEX", "UNIT_MEASURE"]
CELLS = {
    ("A", "CTRY", "ITA", "_Z", "UNE_RATE", "_T", "PT_LF_SUB"): {"2022": "8.1", "2023": "7.7 P"},
    ("A", "TL2", "ITG1", "_Z", "UNE_RATE", "_T", "PT_LF_SUB"): {"2022": "16.6", "2023": "15.8 B"},
    ("A", "TL2", "ITF3", "_Z", "UNE_RATE", "_T", "PT_LF_SUB"): {"2022": "17.1"},
    ("A", "TL2", "ITG1", "_Z", "GERD", "_T", "USD_PPP"): {"2022": "0.25 A 6"},
    ("A", "TL2", "AU1", "_Z", "UNE_RATE", "_T", "PT_LF_SUB"): {"2022": "3.4"},
}
TRIAL = {
    "provider": "oecd",
    "theme": "employment",
    "code": CODE,
    "format": "sdmx-csv",
    "dimensions": ["freq", "territorial_level", "geo", "measure", "unit", "breakdown"],
    "rest": "breakdown",
    "indicator": "measure",
    "unit": "unit",
    "query": {"geo": ["IT", "ITG1", "ITF3", "ITG17"]},
    "feeds": {"employment": {}},
    "checks": {
        "min_rows": 3,
        "geos": ["IT", "ITG1"],
        "min_size_ratio": 0.5,
        "max_revised_share": 0.5,
        "ranges": [{"where": {"unit": ["PT_LF_SUB"]}, "min": 0, "max": 100}],
    },
}
GOOD = [
    ("IT", "UNE_RATE", "2022", 8.1, "", "PT_LF_SUB"),
    ("IT", "UNE_RATE", "2023", 7.7, "p", "PT_LF_SUB"),
    ("ITF3", "UNE_RATE", "2022", 17.1, "", "PT_LF_SUB"),
    ("ITG1", "GERD", "2022", 250_000.0, "", "USD_PPP"),
    ("ITG1", "UNE_RATE", "2022", 16.6, "", "PT_LF_SUB"),
    ("ITG1", "UNE_RATE", "2023", 15.8, "b", "PT_LF_SUB"),
]
CONSTRAINT = f"contentconstraint/{AGENCY}/CR_A_{CODE}/"
DATA = f"data/{AGENCY},{CODE},2.4/..ITA+ITF3+ITG1...."


class Oecd:
    """The world with OECD in it, and a dataset `trial` of its own."""

    def __init__(self, world: World, server: OecdServer):
        self.world, self.server = world, server
        self.set_provider()
        world.entry("trial", **TRIAL)
        server.publish(CODE, DIMENSIONS, CELLS)

    def set_provider(self, **more: Any) -> None:
        path = self.world.folder / "providers.yml"
        given = yaml.safe_load(path.read_text())
        given["oecd"] = QUICK | {"base_url": self.server.host + REST, "host_budget_s": 600} | more
        path.write_text(yaml.safe_dump(given))

    def refresh(self) -> dict[str, Any]:
        """The state of `trial` after a night of it."""
        self.asked = len(self.server.requests)
        outcome = self.world.run("refresh", "--only", "trial", "--json")
        assert outcome.code in (0, 3), outcome.err
        return outcome.json["datasets"]["trial"]

    def admit(self) -> dict[str, Any]:
        """The same night without the release: what status.json then says."""
        home = DataFolder.from_env()
        run, self.asked = RunContext(home), len(self.server.requests)
        with home.writing():
            collect(run, ["trial"])
            with run.warehouse() as con:
                admit(run, con, "trial")
        self.current = run.store.current("trial")
        return read_status(home).datasets["trial"].to_dict()

    @property
    def requests(self) -> list[str]:
        """What the last night asked."""
        return self.server.asked[self.asked :]

    def rows(self) -> list[tuple]:
        return self.world.query(
            "select geo, indicator, period, value, flag, unit from observations where dataset = 'trial' order by all"
        )


@pytest.fixture
def oecd(world: World) -> Iterator[Oecd]:
    with OecdServer() as server:
        yield Oecd(world, server)


def test_a_good_night_resolves_version_and_key_and_keeps_every_dimension(oecd: Oecd):
    assert oecd.refresh()["state"] == "live"
    assert oecd.requests == [CONSTRAINT, f"dataflow/{AGENCY}/{CODE}/2.4", DATA]
    assert oecd.server.requests[-1].query["format"] == ["csvfile"]
    assert not {"lastNObservations", "firstNObservations"} & {
        k for r in oecd.server.requests for k in r.query
    }
    assert oecd.rows() == GOOD
    assert oecd.world.query("select distinct breakdown from employment where dataset = 'trial'") == [
        ("TERRITORIAL_TYPE=_Z;SEX=_T",)
    ]


def test_an_unchanged_night_costs_one_request(oecd: Oecd):
    oecd.admit()
    assert oecd.admit()["outcome"] == "unchanged"
    assert oecd.requests == [CONSTRAINT]


@pytest.mark.long
def test_a_revised_table_costs_two_and_a_new_version_is_followed(oecd: Oecd):
    oecd.refresh()
    sicily = ("A", "TL2", "ITG1", "_Z", "UNE_RATE", "_T", "PT_LF_SUB")
    oecd.server.publish(CODE, DIMENSIONS, CELLS | {sicily: {"2022": "16.7", "2023": "15.8 B"}})
    assert oecd.refresh()["state"] == "live"
    assert oecd.requests == [CONSTRAINT, DATA]
    assert oecd.world.query("select geo, old_value, value from revisions") == [("ITG1", 16.6, 16.7)]
    # version 2.10 comes after 2.4, with another order and one dimension more
    order = [*reversed(DIMENSIONS), "AGE"]
    oecd.server.publish(CODE, order, {(*reversed(k), "Y15T64"): v for k, v in CELLS.items()}, version="2.10")
    oecd.admit()
    assert oecd.requests[1:] == [
        f"dataflow/{AGENCY}/{CODE}/2.10",
        f"data/{AGENCY},{CODE},2.10/....ITA+ITF3+ITG1...",
    ]


def test_without_a_breakdown_another_structure_is_told_before_anything_is_asked(oecd: Oecd):
    named = {**TRIAL, "dimensions": [d for d in TRIAL["dimensions"] if d != "breakdown"], "rest": None}
    oecd.world.entry("trial", **{k: v for k, v in named.items() if v is not None})
    assert "new: sex, territorial_type" in str(oecd.admit())
    assert len(oecd.requests) == 2


def test_a_dimension_that_the_entry_names_and_the_table_lacks(oecd: Oecd):
    at = DIMENSIONS.index("MEASURE")
    without = {k[:at] + k[at + 1 :]: v for k, v in CELLS.items()}
    oecd.server.publish(CODE, [d for d in DIMENSIONS if d != "MEASURE"], without)
    assert "gone: measure" in str(oecd.admit())


def test_a_403_is_a_wrong_key_and_no_ban(oecd: Oecd):
    oecd.admit()
    structures = oecd.world.home / "pace" / "structures"
    (kept,) = structures.iterdir()
    oecd.server.publish(CODE, [*DIMENSIONS, "AGE"], {(*k, "Y15T64"): v for k, v in CELLS.items()})
    state = oecd.admit()
    assert state["failure"]["kind"] == "BadRequest" and "wrong number of dimensions" in str(state)
    assert len(oecd.requests) == 2, "asked once"
    assert not kept.exists()
    assert oecd.admit()["outcome"] == "updated", "the structure is asked again, and nobody is banned"


@pytest.mark.parametrize(
    ("status", "words", "header", "wait"),
    [
        (403, "You have exceeded the number of requests for data downloads permitted", {}, 900),
        (403, "Limit of 60 downloads per hour reached", {}, 900),
        (403, "Too many requests from your address", {}, 900),
        (403, "", {"Retry_After": "1800"}, 1800),
        (503, "Request quota exhausted", {}, 900),
        (503, "Service unavailable", {"Retry_After": "1200"}, 1200),
    ],
)
def test_a_limit_in_any_words_is_a_pause_and_keeps_the_structure(oecd: Oecd, status, words, header, wait):
    oecd.set_provider(ban_s=900)
    oecd.server.say("*/data/*", status, words, **header)
    before = time.time()
    state = oecd.admit()
    assert state["failure"]["kind"] == "RateLimited", state
    assert wait - 5 <= oecd.world.rate_limits("localhost")["not_before"] - before <= wait + 60
    assert list((oecd.world.home / "pace" / "structures").iterdir()), "the structure is kept"


@pytest.mark.parametrize(("header", "wait"), [({}, 900), ({"Retry_After": "3600"}, 3600)])
def test_a_429_lasts_minutes_and_is_remembered(oecd: Oecd, header, wait):
    oecd.set_provider(ban_s=900)
    oecd.server.say("*/data/*", 429, "Too many requests", **header)
    before = time.time()
    state = oecd.admit()
    assert state["failure"]["kind"] == "RateLimited" and len(oecd.requests) == 3
    assert wait - 5 <= oecd.world.rate_limits("localhost")["not_before"] - before <= wait + 60
    assert oecd.admit()["outcome"] == "failed" and oecd.requests == []


def test_the_hour_has_a_budget_that_outlives_the_process(oecd: Oecd):
    oecd.set_provider(max_per_hour=4)
    assert oecd.admit()["outcome"] == "updated"
    assert oecd.admit()["outcome"] == "unchanged"
    state = oecd.admit()
    assert "4 requests within an hour; the provider allows 4" in str(state) and oecd.requests == []
    kept = oecd.world.rate_limits("localhost")
    assert 3500 < kept["not_before"] - time.time() <= 3600
    # an hour later
    earlier = json.dumps({"last": 0, "hour": [moment - 3600 for moment in kept["hour"]]})
    (oecd.world.folder / "state" / "pace" / "localhost.json").write_text(earlier)
    assert oecd.admit()["outcome"] == "unchanged"


@pytest.mark.long
def test_no_budget_waits_before_a_host_that_is_down(oecd: Oecd):
    oecd.refresh()
    oecd.server.stop()
    waits: list[float] = []
    oecd.world.monkeypatch.setattr(Stop, "wait", lambda stop, seconds: waits.append(seconds))
    oecd.set_provider(attempts=5, backoff_s=30)
    state = oecd.refresh()
    assert state["state"] == "stale" and state["failure"]["kind"] == "Unreachable"
    assert oecd.rows() == GOOD and sum(waits) == 0


@pytest.mark.parametrize(
    ("pattern", "behaviour", "kind"),
    [
        ("*/data/*", "drop_connection", "BrokenRead"),
        ("*/data/*", "reset_connection", "BrokenRead"),
        ("*/data/*", "truncated_gzip", "BrokenRead"),
        ("*/data/*", "503", "Unavailable"),
        ("*/data/*", "hang", "BrokenRead"),
        ("*/data/*", "slow_drip", "TooSlow"),
        ("*/contentconstraint/*", "503", "Unavailable"),
        ("*/contentconstraint/*", "drop_connection", "BrokenRead"),
    ],
)
def test_a_broken_or_slow_answer_never_enters(oecd: Oecd, pattern, behaviour, kind):
    oecd.set_provider(attempts=1, **LIMITS.get(behaviour, {}))
    oecd.server.behave(pattern, behaviour)
    assert oecd.admit()["failure"]["kind"] == kind and oecd.current is None


HEADER = (
    f"STRUCTURE,STRUCTURE_ID,ACTION,{','.join(DIMENSIONS)},TIME_PERIOD,OBS_VALUE,OBS_STATUS,UNIT_MULT\r\n"
)
ROW = "DATAFLOW,X,I,A,TL2,ITG1,_Z,UNE_RATE,_T,PT_LF_SUB,2022,"


@pytest.mark.parametrize(
    ("pattern", "body", "told"),
    [
        ("*/data/*", "<!DOCTYPE html><html>Maintenance</html>", "web page"),
        ("*/data/*", "", "empty"),
        ("*/data/*", "NoRecordsFound", "NoRecordsFound"),
        ("*/data/*", '<mes:Error xmlns:mes="m"><mes:Text>Syntax</mes:Text></mes:Error>', "Syntax"),
        ("*/data/*", "just a line\r\n", "No SDMX-CSV"),
        ("*/data/*", HEADER, "min_rows"),
        ("*/data/*", HEADER + ROW + "n/a,A,0\r\n", "n/a"),
        ("*/data/*", HEADER + ROW + "1,A,six\r\n", 'row 2, column UNIT_MULT holds "six"'),
        ("*/data/*", HEADER + ROW + "1e300,A,9\r\n", 'column UNIT_MULT holds "9"'),
        ("*/data/*", HEADER + ROW + "1,A,90\r\n", 'column UNIT_MULT holds "90"'),
        ("*/data/*", HEADER + ROW + "16.6\r\n", "line 2"),
        ("*/data/*", HEADER.replace("OBS_VALUE", "VALUE") + ROW + "1,A,0\r\n", "No SDMX-CSV"),
        ("*/data/*", HEADER + ROW.replace("ITG1", "ATLANTIS") + "1,A,0\r\n", "left out: ATLANTIS"),
        ("*/contentconstraint/*", "<!DOCTYPE html><html></html>", "web page"),
        ("*/contentconstraint/*", "<a/>", "No constraint"),
        ("*/contentconstraint/*", "", "empty"),
        ("*/dataflow/*", "<a/>", "No data structure"),
    ],
)
def test_what_is_no_data_never_enters(oecd: Oecd, pattern, body, told):
    oecd.set_provider(attempts=1)
    oecd.server.say(pattern, 200, body)
    state = oecd.admit()
    assert told in str(state), state
    assert state["outcome"] in ("failed", "quarantined") and oecd.current is None


def test_a_table_without_any_of_our_territories_is_told_so(oecd: Oecd):
    oecd.server.publish(CODE, DIMENSIONS, {k: v for k, v in CELLS.items() if k[2] == "AU1"})
    assert "none of the codes asked for: ref_area" in str(oecd.admit())


def test_a_table_that_is_gone(oecd: Oecd):
    oecd.server.flows.clear()
    assert oecd.admit()["failure"]["kind"] == "NotFound"


def test_what_the_project_asks_of_oecd(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DISTRETTO_PROVIDERS")
    provider = load_providers()["oecd"]
    assert provider.max_per_hour < 60 and provider.ban_s >= 600
    tables = [entry for entry in load_catalogue().values() if entry.provider == "oecd"]
    assert {t.code for t in tables} == {
        "DSD_REG_INNOV@DF_PAT",
        "DSD_REG_INNOV@DF_RD_GERD",
        "DSD_REG_LAB@DF_RATES",
    }
    # first night: constraint, structure and data of each; the unread tables feed nothing
    assert 3 * len(tables) < provider.max_per_hour
    assert [t.id for t in tables if t.feeds] == ["oecd_reg_labour"]


def test_the_entries_that_ship_take_what_is_known_of_their_tables(oecd: Oecd):
    """Dimensions as far as they are known, and two more whose names are made up."""
    regions = [t.code for t in territories() if t.scheme == "oecd"]
    years = {str(year): "4.5" for year in range(2014, 2024)}
    first, known = ["FREQ", "TERRITORIAL_LEVEL", "REF_AREA"], ["TERRITORIAL_TYPE", "MEASURE"]
    labour = {
        ("A", "TL2", geo, "_Z", rate, "Y15T64", "_T", "PT_LF_SUB"): years
        for geo in regions
        for rate in ("UNE_RATE", "X")
    }
    oecd.server.publish("DSD_REG_LAB@DF_RATES", [*first, *known, "AGE", "SEX", "UNIT_MEASURE"], labour)
    unread = {("A", "TL2", geo, "ONE", "TWO", "NR"): years for geo in regions}
    for code in ("DSD_REG_INNOV@DF_PAT", "DSD_REG_INNOV@DF_RD_GERD"):
        oecd.server.publish(code, [*first, "DIM_ONE", "DIM_TWO", "UNIT_MEASURE"], unread, version="2.6")
    names = ["oecd_reg_labour", "oecd_reg_patents", "oecd_reg_gerd"]
    home = DataFolder.from_env()
    run = RunContext(home)
    with home.writing():
        collect(run, names)
        with run.warehouse() as con:
            assert [admit(run, con, name) for name in names] == ["updated"] * 3, read_status(home)
            found = con.execute("select distinct dataset, breakdown from series order by all").fetchall()
    assert found == [
        ("oecd_reg_gerd", "DIM_ONE=ONE;DIM_TWO=TWO"),
        ("oecd_reg_labour", "TERRITORIAL_TYPE=_Z"),
        ("oecd_reg_patents", "DIM_ONE=ONE;DIM_TWO=TWO"),
    ]
    assert len(oecd.server.asked) == 9
