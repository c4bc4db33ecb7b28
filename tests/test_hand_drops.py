"""Files that a person downloads and lays into `drop/`: from the folder to a release. All figures and names are made up."""

from __future__ import annotations

import os
import re
from pathlib import Path

import duckdb
import pytest
import yaml

from assets.run import RunContext
from sources.catalogue import load_catalogue
from sources.concepts import territories
from sources.data_folder import DataFolder
from sources.errors import SpecError
from sources.formats.tabular import code
from sources.providers import load_providers
from tests.conftest import ROOT, World

PROVINCES = ["Trapani", "Palermo", "Messina", "Agrigento", "Caltanissetta", "Enna", "CATANIA", "Ragusa", "Siracusa"]  # fmt: skip
HEADINGS = ["Provincia", "Registrate", "Attive", "Iscrizioni", "Cessazioni", "Cessazioni d'ufficio"]
ROW = ["1.000", "800", "20", "15", "3"]


def quarter(told: str = "Movimprese, II trimestre 2026", first: list[str] = ROW, headings=HEADINGS) -> str:
    """A made-up quarter as a person may download it; Trapani has `first`, the other provinces all the same."""
    rows = [[province, *(ROW if number else first)] for number, province in enumerate(PROVINCES)]
    return "\r\n".join([told, "", *(";".join(row) for row in [headings, *rows]), ""])


def register(catania: int = 3, more: list[list[str]] | None = None) -> str:
    """A made-up weekly list with three start-ups of Catania and two of every other car plate."""
    plates = sorted({t.code for t in places() if len(t.code) == 2 and t.geo != "IT" and t.code != "CT"})
    head = [
        "denominazione",
        "codice fiscale",
        "pv",
        "comune",
        "classe di addetti ultimo anno",
        "sito internet",
    ]
    rows = [
        [f"ROSSI {plate} {i} SRL", f"0000000{i}", plate, "A town", "ABC"[i % 2], "www.example.org"]
        for plate in plates
        for i in range(2)
    ]
    rows += [[f"BIANCHI {i} SRL", f"0000009{i}", "CT", "Catania", "", ""] for i in range(catania)]
    return "\n".join("\t".join(row) for row in [head, *rows, *(more or [])]) + "\n"


def places():
    """What the register's lists call Italian territories."""
    return [t for t in territories() if t.scheme == "registro"]


@pytest.fixture
def lay(world: World):
    """Lays a file into `drop/`; later ones are younger."""
    clock = iter(range(1_790_000_000, 1_800_000_000, 86_400))

    def write(place: str, content: str | bytes) -> Path:
        file = world.home / "drop" / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        moment = next(clock)
        os.utime(file, (moment, moment))
        return file

    return write


@pytest.fixture
def night(world: World):
    """The steps of a night before the release, for one dataset; returns its state."""

    def go(dataset: str):
        world.night(dataset)
        return world.state(dataset)

    return go


def known(world: World, dataset: str, columns: str) -> list[tuple]:
    """What the warehouse holds now, read as the release does."""
    run = RunContext(DataFolder(world.home))
    with run.home.writing(), run.warehouse() as con:
        return con.execute(
            f"select {columns} from (select * from history join series using (series) where dataset = '{dataset}' "
            f"qualify row_number() over (partition by series, period order by vintage desc) = 1) where not deleted order by all"
        ).fetchall()


# -- through the front door


@pytest.mark.long
def test_quarters_add_up_to_a_series_in_the_release(world, lay):
    assert world.run("refresh", "--only", "movimprese", "--json").code == 0
    state = world.state("movimprese")
    assert (state["state"], state["trouble"]) == ("not configured", 0)
    told = world.run("status")
    assert "needs a file in drop/" in " ".join((told.out + told.err).split())

    lay("movimprese/scaricato.csv", quarter("Movimprese, I trimestre 2026"))
    assert world.run("refresh", "--only", "movimprese", "--json").code == 0
    lay("movimprese/scaricato-2.csv", quarter(first=["1.010,5", *ROW[1:]]).encode("cp1252"))
    assert world.run("refresh", "--only", "movimprese", "--json").code == 0
    assert world.query(
        "select geo, period, value, unit, freq from enterprise_births "
        "where dataset = 'movimprese' and indicator = 'REG_NR' and geo in ('ITG11', 'ITG17')"
    ) == [
        ("ITG11", "2026-Q1", 1000, "NR", "Q"),
        ("ITG11", "2026-Q2", 1010.5, "NR", "Q"),
        ("ITG17", "2026-Q1", 1000, "NR", "Q"),
        ("ITG17", "2026-Q2", 1000, "NR", "Q"),
    ]
    assert world.query("select count(*) from revisions where kind <> 'added'") == [(0,)]
    facts = world.run("why", "ITG17/REG_NR/2026-Q1", "--json").json["answers"][0]["facts"]
    assert facts["address"] == "drop/movimprese/scaricato.csv"
    assert "citation" in facts["licence"]

    unchanged = world.run("refresh", "--only", "movimprese", "--json")
    assert unchanged.json["published"] is None and world.state("movimprese")["state"] == "unchanged"


def test_a_corrected_quarter_is_a_revision_of_its_own_quarter_only(world, lay, night):
    lay("movimprese/2026-Q1.csv", quarter("I trimestre 2026"))
    lay("movimprese/2026-Q2.csv", quarter())
    assert night("movimprese")["state"] == "live"
    lay("movimprese/2026-Q1.csv", quarter("I trimestre 2026", first=["1.001", *ROW[1:]]))
    night("movimprese")
    found = known(world, "movimprese", "indic_reg, geo, period, value")
    assert [row[2:] for row in found if row[:2] == ("REG_NR", "ITG11")] == [
        ("2026-Q1", 1001),
        ("2026-Q2", 1000),
    ]
    assert len(found) == 2 * 9 * 5
    # what was read stays when the folder is tidied up
    for file in (world.home / "drop" / "movimprese").iterdir():
        file.unlink()
    assert night("movimprese")["state"] == "unchanged"
    assert len(known(world, "movimprese", "period")) == 2 * 9 * 5


def test_a_province_left_out_of_a_corrected_quarter_is_withdrawn_from_it_alone(world, lay, night):
    lay("movimprese/a.csv", quarter("I trimestre 2026"))
    lay("movimprese/b.csv", quarter("II trimestre 2026"))
    night("movimprese")
    # min_rows of the entry counts on nine provinces: a person lets the shorter file in
    short = lay(
        "movimprese/c.csv", "\r\n".join(quarter().splitlines()[:3] + quarter().splitlines()[4:]) + "\r\n"
    )
    state = night("movimprese")
    assert state["state"] == "stale" and "drop/movimprese/c.csv: min_rows" in state["failure"]["message"]
    accepted = world.run("accept", "movimprese", state["quarantine"][0], "--because", "made up for a test")
    assert accepted.code == 0, accepted.err
    assert {period for geo, period in known(world, "movimprese", "geo, period") if geo == "ITG11"} == {
        "2026-Q1"
    }
    assert short.exists() and night("movimprese")["state"] == "unchanged"


def test_a_wrong_file_counts_until_it_is_taken_away_and_stops_no_other(world, lay, night):
    lay("movimprese/2026-Q1.csv", quarter("I trimestre 2026"))
    wrong = lay("movimprese/wrong.csv", quarter(headings=[*HEADINGS[:5], "Cessate d'ufficio"]))
    lay("movimprese/2026-Q3.csv", quarter("III trimestre 2026"))
    state = night("movimprese")
    assert {period for (period,) in known(world, "movimprese", "period")} == {"2026-Q1", "2026-Q3"}
    told = state["failure"]["message"]
    assert "drop/movimprese/wrong.csv" in told and state["trouble"] == 1
    assert 'expected the column "Cessazioni d\'ufficio", found "Cessate d\'ufficio"' in told
    again = night("movimprese")
    assert (again["state"], again["failure"]["message"]) == ("stale", told)
    wrong.unlink()
    assert night("movimprese")["state"] == "unchanged"


def test_each_weekly_list_is_kept_as_counts_and_names_nobody(world, lay):
    lay("startup_innovative/startup 2026-08-24.csv", register(3))
    lay("startup_innovative/startup 2026-08-31.csv", register(2, [["VERDI SRL", "1", "EN", "Enna", "C", ""]]))
    assert world.run("refresh", "--only", "startup_innovative", "--json").code == 0
    assert world.query(
        "select geo, period, staff_class, value from observations "
        "where dataset = 'startup_innovative' and geo in ('ITG16', 'ITG17') order by all"
    ) == [
        ("ITG16", "2026-08-24", "A", 1),
        ("ITG16", "2026-08-24", "B", 1),
        ("ITG16", "2026-08-24", "TOTAL", 2),
        ("ITG16", "2026-08-31", "A", 1),
        ("ITG16", "2026-08-31", "B", 1),
        ("ITG16", "2026-08-31", "C", 1),
        ("ITG16", "2026-08-31", "TOTAL", 3),
        ("ITG17", "2026-08-24", "TOTAL", 3),
        ("ITG17", "2026-08-24", "UNK", 3),
        ("ITG17", "2026-08-31", "TOTAL", 2),
        ("ITG17", "2026-08-31", "UNK", 2),
    ]
    assert world.query("select period, kind from breaks where dataset = 'startup_innovative'") == [
        ("2024-12-18", "perimeter")
    ]
    current = (world.home / "current").resolve()
    for path in [file for file in current.rglob("*") if file.is_file()]:
        content = path.read_bytes()
        assert b"BIANCHI" not in content and b"ROSSI" not in content, path


def test_a_list_dropped_under_a_better_name_is_read_again(world, lay, night):
    file = lay("startup_innovative/startup.csv", register())
    state = night("startup_innovative")
    assert "No period" in state["failure"]["message"]
    file.rename(file.with_name("startup 20260824.csv"))
    assert night("startup_innovative")["state"] == "live"


def test_a_list_under_a_wrong_date_is_withdrawn_and_nothing_else(world, lay, night):
    lay("startup_innovative/startup 2026-08-24.csv", register(3))
    lay("startup_innovative/startup 2062-08-31.csv", register(2))
    night("startup_innovative")
    store = RunContext(DataFolder(world.home)).store
    (right, wrong) = [s.id for s in store.snapshots.values()]
    told = world.run("withdraw", "startup_innovative", wrong, "--because", "made up for a test", "--json")
    assert told.json == {"dataset": "startup_innovative", "withdrawn": wrong}
    assert {period for (period,) in known(world, "startup_innovative", "period")} == {"2026-08-24"}
    assert night("startup_innovative")["state"] == "unchanged"
    assert RunContext(DataFolder(world.home)).store.current("startup_innovative").id == right
    assert world.run("withdraw", "startup_innovative", wrong, "--because", "again").code == 1
    # it returns when a person says so, and a warehouse built anew agrees
    world.run("accept", "startup_innovative", wrong, "--because", "made up for a test")
    before = known(world, "startup_innovative", "geo, period, value")
    assert {period for _, period, _ in before} == {"2026-08-24", "2062-08-31"}
    world.run("withdraw", "startup_innovative", wrong, "--because", "made up for a test")
    stands = known(world, "startup_innovative", "geo, period, value")
    (world.home / "warehouse.duckdb").unlink()
    night("startup_innovative")
    assert known(world, "startup_innovative", "geo, period, value") == stands != before


def test_exports_that_a_person_copied_are_a_series_by_quarter(world):
    """In the form that the page gives, as a spreadsheet set to Italian saves it. The figures are made up."""
    page = (ROOT / "docs" / "hand-drops.md").read_text(encoding="utf-8")
    header = re.search(r"^freq,nace_r2,.*$", page, re.M)[0].replace(",", ";")
    file = world.home / "drop" / "coeweb_26.csv"
    file.parent.mkdir(parents=True)
    file.write_text(f"{header}\nQ;C26;ITG17;2026-Q1;1000,5;p\nQ;C26;ITG17;2025-Q4;900;\n", encoding="utf-8")
    assert world.run("refresh", "--only", "istat_coeweb_26", "--json").code == 0
    assert world.query(
        "select geo, nace_r2, indicator, period, value, unit, flag from observations order by period"
    ) == [
        ("ITG17", "C26", "exports", "2025-Q4", 900.0, "EUR", ""),
        ("ITG17", "C26", "exports", "2026-Q1", 1000.5, "EUR", "p"),
    ]
    file.write_text(f"{header}\nQ;C26;Catania;2026-Q1;1000,5;p\n", encoding="utf-8")
    assert "Catania" in world.night("istat_coeweb_26")["failure"]["message"]


def test_a_table_of_a_provider_cannot_be_withdrawn(world):
    world.first_night()
    told = world.run("withdraw", "toy", world.state()["snapshot_id"], "--because", "made up for a test")
    assert told.code == 1 and "pin" in told.err


# -- what may not be given out


@pytest.mark.long
def test_what_may_not_be_redistributed_is_in_no_release_and_stays_in_the_house(world):
    """Eurostat's births, as if they were denied: indicators, targets and pages are made of them otherwise."""
    entry = yaml.safe_load((ROOT / "sources" / "catalogue" / "bd_size_r3.yml").read_text(encoding="utf-8"))
    (world.entries / "bd_size_r3.yml").write_text(yaml.safe_dump(entry | {"redistribution": "denied"}))
    assert world.run("refresh", "--only", "bd_size_r3", "--offline", "--json").code == 0
    house = world.home / "withheld" / "bd_size_r3.parquet"
    (kept,) = duckdb.execute(
        f"select value from '{house}' where indicator = 'V11920' and geo = 'ITG1' and period = '2020' and sizeclas = 'TOTAL'"
    ).fetchone()
    assert kept == 22_993
    # what tells of the dataset, and what our own files say of it; everywhere else no row may come from it
    about = {"catalogue", "snapshots", "vintages", "breaks"}
    for file in (world.home / "current").glob("*.parquet"):
        columns = duckdb.execute(f"select * from '{file}' limit 0").description
        if file.stem not in about and "dataset" in {column[0] for column in columns}:
            assert duckdb.execute(
                f"select count(*) from '{file}' where dataset = 'bd_size_r3'"
            ).fetchone() == (0,), file
    assert world.query("select count(*) from indicators where dataset = 'bd_size_r3'") == [(0,)]
    assert world.query("select redistribution from catalogue where dataset = 'bd_size_r3'") == [("denied",)]
    assert world.query(
        "select count(*) from history where vintage in (from (select vintage from vintages where dataset = 'bd_size_r3'))"
    ) == [(0,)]
    assert world.query("select count(*) from as_of(now()) where dataset = 'bd_size_r3'") == [(0,)]
    for file in (
        path for path in (world.home / "current").rglob("*") if path.suffix in (".csv", ".html", ".json")
    ):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"22[.,]?993", text), file
    assert world.run("export", "bd_size_r3").code == 1
    # allowed again, it is published and the house's copy goes
    (world.entries / "bd_size_r3.yml").unlink()
    assert world.run("refresh", "--only", "bd_size_r3", "--offline", "--json").code == 0
    assert world.query("select count(*) > 0 from indicators where dataset = 'bd_size_r3'") == [(True,)]
    assert not house.exists()


def test_an_entry_whose_provider_does_not_say_has_to(world):
    entry = yaml.safe_load((ROOT / "sources" / "catalogue" / "movimprese.yml").read_text(encoding="utf-8"))
    del entry["redistribution"]
    (world.entries / "movimprese.yml").write_text(yaml.safe_dump(entry))
    with pytest.raises(SpecError, match="redistribution: must be allowed or denied"):
        load_catalogue()


# -- the entries


def test_every_name_of_a_province_means_a_territory():
    means = {t.code: t.geo for t in places()}
    for text in ("Forlì-Cesena", "FORLI' CESENA", "FC"):
        assert means[code(text)] == "ITH58"
    for text in ("Catania", "CATANIA ", "ct"):
        assert means[code(text)] == "ITG17"
    assert means[code("Reggio di Calabria")] == means["RC"] == "ITF65"
    assert means[code("Sicilia")] == "ITG1" and len({g for g in means.values() if len(g) == 5}) == 107


def test_entries_of_hand_drops_say_what_they_are(tmp_path):
    providers = load_providers()
    page = (ROOT / "docs" / "hand-drops.md").read_text(encoding="utf-8")
    dropped = [d for d in load_catalogue().values() if providers[d.provider].protocol == "drop"]
    assert len(dropped) >= 4
    for dataset in dropped:
        assert dataset.citation and dataset.warnings and f"drop/{dataset.code}" in page
        for heading in dataset.layout and [*dataset.layout.columns.values(), *dataset.layout.values] or ():
            heading = heading if isinstance(heading, str) else heading[0]
            assert f"`{heading}`" in page, heading
