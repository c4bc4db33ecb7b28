"""`distretto probe` through the front door, against providers on loopback. Figures are made up."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from assets.probe import compare
from assets.run import RunContext
from sources.catalogue import Catalogue, load_catalogue
from sources.protocols.interface import Structure
from sources.providers import load_providers
from tests import live as asking
from tests.conftest import TOY, World
from tests.provider import Answer
from tests.provider_istat import IstatServer, archive
from tests.provider_oecd import OecdServer
from tests.test_hand_drops import quarter
from tests.test_istat import CELLS, DIMENSIONS, Istat
from tests.test_istat_archive import REGIONS
from tests.test_oecd import Oecd

NOTHING = {
    "codes_gone": {}, "codes_without_unit": [], "territories_unknown": [], "codes_new": {}, "codes_vanished": {},
    "periods_new": [], "agrees": True,
}  # fmt: skip


def probe(world: World, dataset: str = "toy", code: int = 0) -> dict[str, Any]:
    outcome = world.run("probe", dataset, "--json")
    assert outcome.code == code, outcome.err
    return outcome.json


@pytest.fixture
def istat(world: World) -> Iterator[Istat]:
    with IstatServer() as server:
        yield Istat(world, server)


def test_a_table_as_the_entry_has_it_agrees_and_costs_two_requests(world: World):
    world.night()
    before = len(world.server.requests)
    found = probe(world)
    assert found | NOTHING == found
    assert found["periods"] == {"provider": ["2018", "2019"], "held": ["2018", "2019"]} and found["held"]
    assert [request.path.rpartition("2.1/")[2] for request in world.server.requests[before:]] == [
        "contentconstraint/ESTAT/TOY/1.0",
        "datastructure/ESTAT/TOY",
    ]
    printed = world.run("probe", "toy")
    assert "2018 to 2019; held: 2018 to 2019" in printed.out and "has everything" in printed.err


def test_what_the_provider_changed_is_told_and_ends_with_3(world: World):
    world.night()
    world.entry("toy", query={"geo": ["IT", "ITG1"]}, checks={"min_rows": 1, "geos": ["IT"]})
    world.serve(
        {
            ("A", "V11920", "ITG1"): {"2018": "1", "2020": "2"},
            ("A", "V97010", "ITG17"): {"2019": "3"},
            ("A", "V11920", "XX99"): {"2019": "3"},
        }
    )
    found = probe(world, code=3)
    assert found["codes_gone"] == {"geo": ["IT"], "indic_sb": ["V11910"]}
    assert found["codes_without_unit"] == ["V97010"]
    assert found["territories_unknown"] == [], "not asked for"
    assert found["codes_new"] == {"indic_sb": ["V97010"]}
    assert found["codes_vanished"] == {"geo": ["IT"], "indic_sb": ["V11910"]}
    assert found["periods_new"] == ["2020"]
    printed = world.run("probe", "toy")
    assert (
        "geo: asked for, no longer there: IT" in printed.out
        and "periods new at the provider: 2020" in printed.out
    )
    world.entry("toy")
    assert probe(world, code=3)["territories_unknown"] == ["XX99"]


def test_new_dimensions_and_dimensions_gone_are_told(world: World):
    world.server.table(
        "toy", ["freq", "indic_sb", "sex", "geo"], {(*key[:2], "T", key[2]): row for key, row in TOY.items()}
    )
    world.entry("toy", dimensions=["freq", "indic_sb", "age", "geo"])
    found = probe(world, code=3)
    assert found["dimensions"] == {
        "expected": ["freq", "indic_sb", "age", "geo"],
        "found": ["freq", "indic_sb", "sex", "geo"],
        "new": ["sex"],
        "gone": ["age"],
    }
    assert not found["held"] and found["codes_new"] == {}


@pytest.mark.parametrize(
    ("behaviour", "told"), [("404", "not available"), ("503", "503"), ("html_200", "web page")]
)
def test_a_provider_that_does_not_tell_is_a_failure(world: World, behaviour, told):
    world.server.behave("*", behaviour)
    outcome = world.run("probe", "toy", "--json")
    assert (outcome.code, outcome.out) == (1, "") and told in outcome.err


def test_a_probe_keeps_nothing_and_needs_credentials(world: World):
    world.night()
    before = sorted(path for path in world.home.rglob("*") if "pace" not in path.parts)
    probe(world)
    assert sorted(path for path in world.home.rglob("*") if "pace" not in path.parts) == before
    world.set_provider(credentials=["TEST_KEY"])
    outcome = world.run("probe", "toy")
    assert outcome.code == 1 and "TEST_KEY not set" in outcome.err


def test_istats_constraint_is_read_in_our_names_and_codes(istat: Istat):
    istat.world.night("provinces")
    asked = len(istat.server.requests)
    found = probe(istat.world, "provinces")
    assert found | NOTHING == found
    assert found["dimensions"]["found"] == ["freq", "geo", "data_type", "sex"]
    # the structure is known since the refresh
    constraint = "availableconstraint/IT1,provinces,1.0/all/all/DATA_TYPE"
    assert istat.server.asked[asked:] == ["dataflow/IT1/provinces", constraint]
    istat.server.publish("provinces", DIMENSIONS, CELLS | {("A", "IT", "UNEM_R", "9"): {"2018": "1"}})
    found = probe(istat.world, "provinces", code=3)
    assert found["codes_without_unit"] == ["UNEM_R"]
    assert found["codes_new"] == {"data_type": ["UNEM_R"]}


def test_oecds_constraint_is_read_whatever_dimensions_it_adds(world: World):
    with OecdServer() as server:
        oecd = Oecd(world, server)
        oecd.admit()
        found = probe(world, "trial")
        # the territory of the query that OECD does not have is no mistake
        assert found | NOTHING == found
        assert found["dimensions"]["found"][:3] == ["freq", "territorial_level", "geo"]
        oecd.set_provider(max_per_hour=50)
        world.night("trial")
        row = next(r for r in world.run("doctor", "--offline", "--json").json if r["provider"] == "oecd")
        left = 50 - len(server.requests)
        assert row["requests_left_this_hour"] == left
        assert f"{left} left this hour" in world.run("doctor", "--offline").out


def test_a_provider_without_structures_is_asked_for_the_table(istat: Istat):
    istat.world.entry("regions", **REGIONS)
    rows = [("054", "percentuale", "Italia", year, "7,9") for year in ("2021", "2022")]
    istat.server.archive = archive(rows)
    assert istat.admit("regions")["outcome"] == "updated"
    istat.server.archive = archive(
        [("054", "percentuale", "Italia", "2023", "7,9"), ("055", "percentuale", "Sicilia", "2022", "1")]
    )
    found = probe(istat.world, "regions")
    assert (found["codes_new"], found["periods_new"]) == ({"bdti": ["55"], "geo": ["ITG1"]}, ["2023"])
    assert [path for path in istat.world.home.glob("probe-*")] == []


def test_a_file_that_is_not_there_is_named(world: World):
    outcome = world.run("probe", "own_figures")
    assert outcome.code == 1 and "put the file there" in outcome.err


def test_of_files_that_accumulate_the_last_one_is_looked_at(world: World):
    folder = world.home / "drop" / "movimprese"
    folder.mkdir(parents=True)
    for moment, (name, title) in enumerate([("b.csv", "I trimestre 2026"), ("a.csv", "II trimestre 2026")]):
        (folder / name).write_text(quarter(f"Movimprese, {title}"))
        os.utime(folder / name, (1_790_000_000 + moment, 1_790_000_000 + moment))
    found = probe(world, "movimprese")
    assert found["periods"]["provider"] == ["2026-Q2", "2026-Q2"] and found["codes_gone"] == {}


def test_every_entry_against_the_codes_in_use(specimens):
    """The shipped entries beside the constraints of July and August 2026: what an entry asks for is there."""
    import duckdb

    listed = duckdb.execute(
        "select df_id, dimension_id, list(code_id) from read_parquet($path) group by all",
        {"path": str(specimens / "constraints" / "eurostat.parquet")},
    ).fetchall()
    constraints: dict[str, dict[str, set[str]]] = {}
    for table, dimension, codes in listed:
        constraints.setdefault(table.lower(), {})[dimension.lower()] = set(codes)
    providers = load_providers()
    for dataset in load_catalogue().values():
        if dataset.provider == "eurostat":
            codes = dict(constraints[dataset.code.lower()])
            periods = codes.pop("time_period")
            found = compare(dataset, providers["eurostat"], Structure(sorted(codes), codes, periods), None)
            assert (found["dimensions"]["new"], found["dimensions"]["gone"]) == ([], []), dataset.id
            assert (found["codes_gone"], found["codes_without_unit"]) == ({}, []), dataset.id
            assert found["territories_unknown"] == [], dataset.id


# -- make live


def live(world: World) -> tuple[int, str]:
    world.capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        asking.main()
    return end.value.code, world.capsys.readouterr().out


def test_live_asks_each_provider_once_and_keeps_the_pace(istat: Istat):
    istat.set_provider(min_interval_s=1)
    istat.world.monkeypatch.delenv("CI", raising=False)
    istat.world.monkeypatch.setattr(
        asking, "RunContext", lambda home: only(RunContext(home), {"toy", "provinces"})
    )
    code, told = live(istat.world)
    rows = {line.split()[0]: line for line in told.splitlines()[1:]}
    assert "toy: 2018 to 2019; as the catalogue says" in rows["eurostat"]
    assert "provinces:" in rows["istat"] and "as the catalogue says" in rows["istat"]
    assert "a folder" in rows["district"] and "small request" in rows["istat_archive"]
    times = [request.time for request in istat.server.requests if "SDMXWS" in request.path]
    assert len(times) == 3 and min(b - a for a, b in zip(times, times[1:], strict=False)) > 0.5
    assert not any("/data/" in request.path for request in istat.server.requests), "no table is asked for"
    assert code == 0
    istat.server.stop()
    code, told = live(istat.world)
    assert code == 1 and "Unreachable" in told


def only(run: RunContext, names: set[str]) -> RunContext:
    here = ("eurostat", "istat", "istat_archive", "district")
    smoke = {"eurostat": "toy", "istat": "provinces"}
    run.providers = {
        name: provider.model_copy(update={"smoke_table": smoke.get(name)})
        for name, provider in run.providers.items()
        if name in here
    }
    run.catalogue = Catalogue({name: entry for name, entry in run.catalogue.items() if name in names})
    return run


def test_live_never_runs_in_ci(world: World):
    world.monkeypatch.setenv("CI", "true")
    assert live(world)[0] == 2 and world.server.requests == []


def test_eurostats_own_messages_are_read(world: World, specimens):
    """The structure and the constraint of DEMO_R_D2JAN as Eurostat served them in January 2026."""
    for name in ("datastructure", "contentconstraint"):
        body = (specimens / "eurostat" / f"DEMO_R_D2JAN_{name}.xml").read_bytes()
        world.server.answer_of[f"*/{name}/*"] = Answer(body=body, content_type="application/xml")
    world.entry("toy", dimensions=["freq", "unit", "sex", "age", "geo"], indicator="population", unit="unit")
    found = probe(world)
    assert found["dimensions"]["found"] == ["freq", "unit", "sex", "age", "geo"]
    assert (found["periods"]["provider"], found["codes_gone"]) == (["1990", "2025"], {})
