"""ISTAT through the front door: the real job against its service on loopback, on good and bad days. Figures are made up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from assets.observations import admit, collect
from assets.run import RunContext
from sources.data_folder import DataFolder
from sources.providers import load_providers
from tests.conftest import ENTRY, QUICK, World
from tests.provider_faults import LIMITS
from tests.provider_istat import ARCHIVE, REST, IstatServer
from warehouse.history.dataset_state import read_status

DIMENSIONS = ["FREQ", "REF_AREA", "DATA_TYPE", "SEX"]
CELLS = {
    ("A", "IT", "EMP_R", "9"): {"2018": "58.5", "2019": "59.1 p"},
    ("A", "ITG17", "EMP_R", "9"): {"2018": "40.2", "2019": "41.3"},
    ("A", "ITD5", "EMP_R", "9"): {"2018": "69.6", "2019": "70.4"},
    ("A", "IT108", "EMP_R", "9"): {"2018": "68.0"},
}
PROVINCES = {
    "provider": "istat",
    "theme": "employment",
    "format": "sdmx-ml",
    # not in the order of the key: the structure gives that
    "dimensions": ["freq", "data_type", "sex", "geo"],
    "indicator": "data_type",
    "unit": {"data_type": {"EMP_R": "PC"}},
    "feeds": {"employment": {}},
    "checks": {
        **ENTRY["checks"],
        "min_rows": 2,
        "geos": ["IT"],
        "min_size_ratio": 0.1,
        "max_revised_share": 1.0,
    },
}


class Istat:
    """The world with ISTAT in it, and a dataset `provinces` of its own."""

    def __init__(self, world: World, server: IstatServer):
        self.world, self.server = world, server
        self.set_provider()
        world.entry("provinces", **PROVINCES)
        server.publish("provinces", DIMENSIONS, CELLS)

    def set_provider(self, **more: Any) -> None:
        """Of both hosts; the days of a ban are those of the first."""
        path = self.world.folder / "providers.yml"
        given = yaml.safe_load(path.read_text())
        quick = QUICK | {"host_budget_s": 600} | more
        given["istat"] = {"ban_s": 172_800} | quick | {"base_url": self.server.host + REST}
        given["istat_archive"] = quick | {"base_url": self.server.host + ARCHIVE}
        path.write_text(yaml.safe_dump(given))

    def refresh(self, *names: str) -> dict[str, Any]:
        """The state of the first of `names` (provinces) after a night of them."""
        names = names or ("provinces",)
        words = [word for name in names for word in ("--only", name)]
        self.asked = len(self.server.requests)
        outcome = self.world.run("refresh", *words, "--json")
        assert outcome.code in (0, 3), outcome.err
        return outcome.json["datasets"][names[0]]

    def admit(self, *names: str) -> dict[str, Any]:
        """The same night without the release: what status.json then says of the first of `names` (provinces)."""
        home, names = DataFolder.from_env(), names or ("provinces",)
        run, self.asked = RunContext(home), len(self.server.requests)
        with home.writing():
            collect(run, names)
            with run.warehouse() as con:
                for name in names:
                    admit(run, con, name)
        self.current = run.store.current(names[0])
        return read_status(home).datasets[names[0]].to_dict()

    @property
    def requests(self) -> list[str]:
        """What the last night asked."""
        return self.server.asked[self.asked :]

    def rows(self, dataset: str = "provinces") -> list[tuple]:
        return self.world.query(
            f"select geo, indicator, period, value, flag from observations where dataset = '{dataset}' order by all"
        )


@pytest.fixture
def istat(world: World) -> Iterator[Istat]:
    with IstatServer() as server:
        yield Istat(world, server)


GOOD = [
    ("IT", "EMP_R", "2018", 58.5, ""),
    ("IT", "EMP_R", "2019", 59.1, "p"),
    ("ITC4D", "EMP_R", "2018", 68.0, ""),
    ("ITG17", "EMP_R", "2018", 40.2, ""),
    ("ITG17", "EMP_R", "2019", 41.3, ""),
    ("ITH5", "EMP_R", "2018", 69.6, ""),
    ("ITH5", "EMP_R", "2019", 70.4, ""),
]


def test_a_good_night_publishes_istats_figures_under_nuts_codes(istat: Istat):
    assert istat.refresh()["state"] == "live"
    assert istat.rows() == GOOD
    assert istat.requests == [
        "dataflow/IT1/provinces",
        "datastructure/IT1/DSD_provinces/1.0",
        "data/IT1,provinces/.../ALL",
    ]
    assert [request.query for request in istat.server.requests] == [{}, {}, {}], "no period is sent"
    assert istat.world.query(
        "select distinct unit, sex, data_type from employment where dataset = 'provinces'"
    ) == [("PC", "9", "EMP_R")]


def test_an_unchanged_night_costs_one_request(istat: Istat):
    istat.refresh()
    assert istat.refresh()["state"] == "unchanged"
    assert istat.requests == ["dataflow/IT1/provinces"]


@pytest.mark.long
def test_a_revised_table_is_asked_with_the_structure_that_is_known(istat: Istat):
    istat.refresh()
    istat.server.publish("provinces", DIMENSIONS, CELLS | {("A", "ITG17", "EMP_R", "9"): {"2018": "40.5"}})
    assert istat.refresh()["state"] == "live"
    assert istat.requests == ["dataflow/IT1/provinces", "data/IT1,provinces/.../ALL"]
    assert istat.world.query("select geo, period, kind, old_value, value from revisions order by all") == [
        ("ITG17", "2018", "changed", 40.2, 40.5),
        ("ITG17", "2019", "deleted", 41.3, None),
    ]


def test_a_table_without_last_update_is_asked_every_night_and_changes_nothing(istat: Istat):
    istat.server.publish("provinces", DIMENSIONS, CELLS, last_update=None)
    istat.admit()
    istat.refresh()
    assert len(istat.requests) == 2
    assert istat.world.query("select count(*) from revisions") == [(0,)]


def test_another_query_is_asked_for_although_the_table_is_unchanged(istat: Istat):
    istat.admit()
    istat.world.entry("provinces", **PROVINCES, query={"geo": ["IT", "ITH5", "ITG17"], "sex": ["9"]})
    istat.admit()
    assert istat.requests[-1] == "data/IT1,provinces/.IT+ITD5+ITG17..9/ALL"


def test_down_for_weeks_changes_nothing_but_the_staleness_shown(istat: Istat):
    istat.admit()
    istat.server.stop()
    for _ in range(3):
        assert istat.admit()["outcome"] == "failed"
    assert istat.refresh("provinces", "toy")["state"] == "stale"
    assert "No connection" in str(istat.world.state("provinces"))
    assert istat.rows() == GOOD
    assert istat.world.state("toy")["state"] == "live"
    assert istat.world.query("select count(*) from vintages where dataset = 'provinces'") == [(1,)]


@pytest.mark.parametrize(("behaviour", "kind"), [("hang", "BrokenRead"), ("slow_drip", "TooSlow")])
def test_slow_fails_alone_and_in_time(istat: Istat, behaviour, kind):
    istat.set_provider(attempts=1, **LIMITS[behaviour])
    istat.server.behave("*/data/*", behaviour)
    state = istat.admit("provinces", "toy")
    assert (state["outcome"], state["failure"]["kind"]) == ("failed", kind)
    assert istat.world.state("toy")["outcome"] == "updated"


@pytest.mark.parametrize(("status", "wait"), [(403, 172_800), (429, 172_800), (429, 300_000)])
def test_a_ban_is_remembered_and_for_how_long(istat: Istat, status, wait):
    istat.admit()
    istat.server.behave("*", "banned" if status == 403 else "rate_limited", argument=wait)
    before = time.time()
    told = str(istat.admit())
    assert len(istat.requests) == 1, "not asked twice"
    untils = {time.strftime("before %Y-%m-%d %H:", time.gmtime(before + wait + more)) for more in (0, 60)}
    assert any(until in told for until in untils), told
    # the provider forgives; on the next night, with another client, it is still not asked
    istat.server.behave_well()
    assert istat.admit("provinces", "toy")["outcome"] == "failed"
    assert istat.requests == []
    state = istat.world.state("provinces")
    assert state["state"] == "stale" and any(until in str(state) for until in untils)
    assert istat.world.state("toy")["state"] == "live", "another provider is asked all the same"


def test_the_pace_holds_across_requests_and_processes(istat: Istat):
    istat.set_provider(min_interval_s=1)
    istat.admit()
    istat.world.start("refresh", "--only", "provinces", "--json").communicate()
    times = [request.time for request in istat.server.requests]
    assert len(times) == 4
    assert min(later - sooner for sooner, later in zip(times, times[1:], strict=False)) > 0.5


def test_the_shipped_pace_is_four_a_minute_and_a_ban_lasts_days(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DISTRETTO_PROVIDERS")
    provider = load_providers()["istat"]
    assert provider.min_interval_s >= 13 and provider.ban_s >= 86_400 and provider.read_timeout_s >= 300


LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    '<m:GenericData xmlns:m="m"><m:DataSet>&b;</m:DataSet></m:GenericData>'
)


@pytest.mark.parametrize(
    ("body", "content_type", "told"),
    [
        ("<!DOCTYPE html><html>Manutenzione</html>", "text/html", "web page"),
        ("", "application/xml", "empty"),
        ("NoRecordsFound", "text/plain", "NoRecordsFound"),
        (
            '<?xml version="1.0"?><mes:Error xmlns:mes="m"><mes:Text>Syntax</mes:Text></mes:Error>',
            "application/xml",
            "Syntax",
        ),
        (LAUGHS, "application/xml", "document type"),
        ('<m:StructureSpecificData xmlns:m="m"/>', "application/xml", "StructureSpecificData"),
        ("DATAFLOW,FREQ,REF_AREA\r\n", "text/csv", "Not XML"),
    ],
)
def test_what_is_no_data_never_enters(istat: Istat, body, content_type, told):
    istat.server.say("*/data/*", 200, body, content_type)
    state = istat.admit()
    assert told in str(state), state
    assert state["outcome"] in ("failed", "quarantined") and istat.current is None


@pytest.mark.parametrize("behaviour", ["drop_connection", "reset_connection", "truncated_gzip", "503"])
def test_a_broken_answer_never_enters(istat: Istat, behaviour):
    istat.set_provider(attempts=1)
    istat.server.behave("*/data/*", behaviour)
    assert istat.admit()["outcome"] == "failed" and istat.current is None


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({("A", "IT", "UNEM_R", "9"): {"2018": "1"}}, "UNEM_R"),
        ({("A", "ITG17", "EMP_R", "9"): {"2018": "n.d."}}, "n.d."),
        ({("A", "ITG17", "EMP_R", "9"): {"2018": "4000"}}, "range"),
    ],
)
def test_figures_that_lie_wait_in_quarantine(istat: Istat, cells, told):
    istat.admit()
    good = istat.current
    istat.server.publish("provinces", DIMENSIONS, CELLS | cells)
    state = istat.admit()
    assert told in str(state), state
    assert state["outcome"] == "quarantined" and istat.current == good


def test_another_structure_is_told_before_anything_is_asked(istat: Istat):
    istat.server.publish(
        "provinces", [*DIMENSIONS, "CITIZENSHIP"], {(*key, "T"): row for key, row in CELLS.items()}
    )
    assert "citizenship" in str(istat.admit())
    assert len(istat.requests) == 2


@pytest.mark.parametrize(
    ("query", "constraint", "told"),
    [
        ({"sex": ["9", "X"]}, {}, None),
        ({"sex": ["X"]}, {}, "codes that the table does not have: sex X"),
        ({"sex": ["1"]}, {"SEX": ["1", "9"]}, "nothing is published for this key"),
    ],
)
def test_a_404_is_settled_by_the_constraint(istat: Istat, query, constraint, told):
    istat.world.entry("provinces", **PROVINCES, query=query)
    istat.server.flows["provinces"].constraint = constraint
    state = istat.admit()
    assert istat.requests.count("availableconstraint/IT1,provinces,1.0/all/all/SEX") == (told is not None)
    assert (state["outcome"] == "updated") == (told is None)
    assert told is None or told in str(state), state


def test_a_404_of_a_table_that_is_gone(istat: Istat):
    istat.server.say("*/data/*", 404, "")
    istat.server.say("*/availableconstraint/*", 404, "")
    assert "the table was removed" in str(istat.admit())


def test_only_the_latest_edition_is_kept(istat: Istat):
    cells = {
        ("A", "ITG17", "EMP_R", "9", edition): {"2018": value, "2019": value}
        for edition, value in (("2024", "40"), ("2025", "41"))
    } | {("A", "IT", "EMP_R", "9", "2025"): {"2018": "58"}}
    istat.server.publish("provinces", [*DIMENSIONS, "EDITION"], cells)
    istat.world.entry("provinces", **PROVINCES, latest="edition")
    istat.refresh()
    assert istat.rows() == [
        ("IT", "EMP_R", "2018", 58.0, ""),
        ("ITG17", "EMP_R", "2018", 41.0, ""),
        ("ITG17", "EMP_R", "2019", 41.0, ""),
    ]


# -- slices

SECTORS = {
    ("A", geo, "EMP_R", sex): {"2012": str(10 * i + j), "2013": str(i + j)}
    for i, geo in enumerate(("IT", "ITG17", "ITD5"), 1)
    for j, sex in enumerate(("1", "2", "9"))
}
SLICED = PROVINCES | {"query": {"sex": ["1", "2", "9"]}}


def test_slices_are_one_snapshot_and_add_up_to_the_whole(istat: Istat):
    istat.server.publish("provinces", DIMENSIONS, SECTORS)
    istat.world.entry("provinces", **SLICED, slices="sex")
    istat.world.entry("whole", **SLICED)
    istat.server.publish("whole", DIMENSIONS, SECTORS)
    istat.refresh("provinces", "whole")
    assert [path for path in istat.requests if "provinces" in path] == [
        "dataflow/IT1/provinces",
        "datastructure/IT1/DSD_provinces/1.0",
        *(f"data/IT1,provinces/...{sex}/ALL" for sex in "129"),
        "dataflow/IT1/provinces",
    ]
    assert istat.rows() == istat.rows("whole") and len(istat.rows()) == 18
    assert istat.world.query("select count(*) from snapshots where dataset = 'provinces'") == [(1,)]
    istat.admit()
    assert istat.requests == ["dataflow/IT1/provinces"]


def test_without_codes_of_its_own_the_constraint_says_which_slices_there_are(istat: Istat):
    istat.server.publish("provinces", DIMENSIONS, SECTORS)
    # by territory, whose codes are ISTAT's own; one listed has no results, which ISTAT says by a 404
    istat.server.flows["provinces"].constraint["REF_AREA"] = ["IT", "ITD5", "ITF3", "ITG17"]
    istat.world.entry("provinces", **PROVINCES, slices="geo")
    assert istat.admit()["outcome"] == "updated"
    assert istat.requests == [
        "dataflow/IT1/provinces",
        "availableconstraint/IT1,provinces,1.0/all/all/REF_AREA",
        "datastructure/IT1/DSD_provinces/1.0",
        "data/IT1,provinces/.IT../ALL",
        "data/IT1,provinces/.ITD5../ALL",
        "data/IT1,provinces/.ITF3../ALL",
        "data/IT1,provinces/.ITG17../ALL",
        "dataflow/IT1/provinces",
    ], "the constraint is asked for once, and for the one dimension in doubt"
    istat.refresh("provinces")
    assert sorted({row[0] for row in istat.rows()}) == ["IT", "ITG17", "ITH5"] and len(istat.rows()) == 18


def test_slices_of_a_table_that_changes_meanwhile_are_thrown_away(istat: Istat):
    istat.server.publish("provinces", DIMENSIONS, SECTORS)
    istat.world.entry("provinces", **SLICED, slices="sex")

    def change(request) -> None:
        if request.path.endswith("...1/ALL"):  # at every attempt
            istat.server.publish("provinces", DIMENSIONS, SECTORS)

    istat.server.after = change
    assert "discarded" in str(istat.admit())
    assert istat.current is None
    istat.server.after = lambda request: None
    assert istat.admit()["outcome"] == "updated"


def test_a_slice_that_fails_fails_them_all(istat: Istat):
    istat.server.publish("provinces", DIMENSIONS, SECTORS)
    istat.world.entry("provinces", **SLICED, slices="sex")
    istat.set_provider(attempts=1)
    istat.server.behave("*...2/ALL", "503")
    assert istat.admit()["outcome"] == "failed"
    assert not (istat.world.home / "snapshots" / "manifest.jsonl").exists()
