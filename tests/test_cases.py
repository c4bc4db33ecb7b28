"""Files and bodies that have cost a table, or a night, before: each through a night, with the right outcome.

Figures are made up. What each decoder refuses is in `test_keys.py` and `test_tabular.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
import yaml

from sources.concepts import territories
from sources.errors import SpecError
from tests.conftest import World
from tests.provider_istat import ARCHIVE, REST, IstatServer, archive
from tests.provider_oecd import REST as OECD_REST
from tests.provider_oecd import OecdServer
from tests.test_istat import DIMENSIONS, PROVINCES
from tests.test_istat import QUICK as ISTAT_QUICK
from tests.test_istat_archive import REGIONS
from tests.test_istat_archive import ROWS as ARCHIVE_ROWS
from tests.test_oecd import CODE, QUICK, TRIAL
from tests.test_oecd import DIMENSIONS as OECD_DIMENSIONS

HEADER = "figure,geo,TIME_PERIOD,OBS_VALUE"
FIRST = [HEADER, "members,DISTRICT,2024,30", "hires,DISTRICT,2024,4"]


def own(world: World, lines: list[str], end: str = "\r\n") -> dict[str, Any]:
    """The state of `own_figures` after a night with this file."""
    file = world.home / "drop" / "own_figures.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(end.join([*lines, ""]), encoding="utf-8")
    world.night("own_figures")
    return world.state("own_figures")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("joint_projects,,2025,5", "row 4, column geo is empty"),
        (",DISTRICT,2025,5", "row 4, column figure is empty"),
        ("joint_projects,DISTRICT,,5", "row 4, column TIME_PERIOD is empty"),
        ("members,DISTRICT,2026-W10,30", "row 4, column TIME_PERIOD"),
        ("members,DISTRICT,0001,30", "row 4, column TIME_PERIOD"),
    ],
)
def test_a_bad_key_in_a_second_file_costs_that_file_and_the_corrected_one_is_taken(world, line, told):
    world.night()
    assert own(world, FIRST)["state"] == "live"
    refused = own(world, [*FIRST, line])
    assert refused["state"] == "stale" and told in refused["failure"]["message"]
    assert world.night()["outcome"] == "unchanged", "the other datasets are not touched"
    assert own(world, [*FIRST, "joint_projects,DISTRICT,2025,5"])["state"] == "live"


def test_rows_that_a_spreadsheet_leaves_below_the_table_are_no_rows(world):
    lines = ["figure;geo;TIME_PERIOD;OBS_VALUE", "members;DISTRICT;2025;31", ";;;", ";;;"]
    assert own(world, lines)["state"] == "live"


# -- a provider of SDMX


class Oecd:
    """OECD on loopback with one table."""

    def __init__(self, world: World, server: OecdServer):
        self.world, self.server = world, server
        path = world.folder / "providers.yml"
        given = yaml.safe_load(path.read_text())
        given["oecd"] = QUICK | {"base_url": server.host + OECD_REST}
        path.write_text(yaml.safe_dump(given))
        world.entry("trial", **TRIAL)

    def night(self, **cells: dict[str, str]) -> dict[str, Any]:
        key = ("A", "TL2", "{}", "_Z", "UNE_RATE", "_T", "PT_LF_SUB")
        served = {tuple(part.format(geo) for part in key): row for geo, row in cells.items()}
        self.server.publish(CODE, OECD_DIMENSIONS, served)
        return self.world.night("trial")


@pytest.fixture
def oecd(world: World) -> Iterator[Oecd]:
    with OecdServer() as server:
        yield Oecd(world, server)


SOUND = {"ITA": {"2022": "8.1", "2023": "7.7"}, "ITF3": {"2022": "17.1"}}


@pytest.mark.long
@pytest.mark.parametrize(
    "cell", [" O", " L", " H", " Q", " M", "NaN M", "NaN Q", "16.6 G", "16.6 K", "16.6 V", "16.6 N"]
)
def test_every_status_of_the_standard_is_let_in(oecd, cell):
    state = oecd.night(**SOUND, ITG1={"2022": "16.6", "2023": cell})
    assert state["outcome"] == "updated", state
    value, status = cell.split(" ")
    (found,) = [row[2:] for row in known(oecd.world, "trial") if row[:2] == ("ITG1", "2023")]
    assert found == (float(value) if value not in ("", "NaN") else None, status.lower())


def test_a_letter_outside_the_standard_is_refused_by_the_check_of_flags(oecd):
    state = oecd.night(**SOUND, ITG1={"2022": "16.6", "2023": "15.8 X"})
    assert state["outcome"] == "quarantined" and "flags: 1 unexpected: x" in state["failure"]["message"]


# -- editions and territories of ISTAT


@pytest.fixture
def istat(world: World) -> Iterator[IstatServer]:
    with IstatServer() as server:
        path = world.folder / "providers.yml"
        given = yaml.safe_load(path.read_text())
        given["istat"] = ISTAT_QUICK | {"base_url": server.host + REST, "ban_s": 172_800}
        path.write_text(yaml.safe_dump(given))
        yield server


def known(world: World, dataset: str) -> list[tuple]:
    """Geo, period, value and flag of every figure in history."""
    with duckdb.connect(str(world.home / "warehouse.duckdb"), read_only=True) as con:
        return con.execute(
            "select geo, period, value, flag from history join series using (series) where dataset = ? order by all",
            [dataset],
        ).fetchall()


def test_the_october_edition_follows_the_one_of_september(world, istat):
    cells = {
        ("A", geo, "EMP_R", "9", edition): {"2024": value}
        for geo in ("IT", "ITG1", "ITG17")
        for edition, value in (("2026M9G12", "40.0"), ("2026M10G13", "41.5"))
    }
    istat.publish("provinces", [*DIMENSIONS, "EDITION"], cells)
    world.entry("provinces", **PROVINCES, keep_latest="edition")
    assert world.night("provinces")["outcome"] == "updated"
    assert {row[2] for row in known(world, "provinces")} == {41.5}


NEW_YEAR = {("A", geo, "EMP_R", "9"): {"2024": "50", "2025": "51"} for geo in ("IT", "ITG1", "ITG17")}


@pytest.mark.long
@pytest.mark.parametrize("code", ["IT113", "IT119", "IT127", "ITZZZ9", "XX99", "FRZZ"])
def test_a_new_territory_elsewhere_is_left_out_and_noted_and_costs_nothing(world, istat, caplog, code):
    istat.publish("provinces", DIMENSIONS, NEW_YEAR | {("A", code, "EMP_R", "9"): {"2025": "55.0"}})
    world.entry("provinces", **PROVINCES)
    assert world.night("provinces")["outcome"] == "updated"
    assert ("ITG17", "2025", 51.0, "") in known(world, "provinces")
    assert 55.0 not in {row[2] for row in known(world, "provinces")}
    assert f"left out: {code} (1, 2025 to 2025)" in caplog.text
    with duckdb.connect(str(world.home / "warehouse.duckdb"), read_only=True) as con:
        (observed,) = con.execute(
            "select observed from check_results where dataset = 'provinces' and check_name = 'known_geos'"
        ).fetchone()
    assert code in observed


@pytest.mark.parametrize("code", ["ITG1A", "ITG177", "ITF3Z"])
def test_an_unknown_part_of_our_region_or_of_a_peer_still_refuses_the_table(world, istat, code):
    istat.publish("provinces", DIMENSIONS, NEW_YEAR | {("A", code, "EMP_R", "9"): {"2025": "55.0"}})
    world.entry("provinces", **PROVINCES)
    state = world.night("provinces")
    assert state["outcome"] == "quarantined" and code in state["failure"]["message"]
    assert "DISTRETTO_TERRITORIES" in state["failure"]["hint"]


def test_the_file_of_an_operator_says_what_a_code_means(world, istat, monkeypatch, tmp_path):
    over = tmp_path / "more.csv"
    over.write_text(
        "scheme,code,geo,first_year,last_year,since,note\nref_area,ITG1A,,,,,made up\nref_area,IT127,ITG2H,,,,made up\n"
    )
    monkeypatch.setenv("DISTRETTO_TERRITORIES", str(over))
    more = {("A", code, "EMP_R", "9"): {"2025": "55.0"} for code in ("ITG1A", "IT127")}
    istat.publish("provinces", DIMENSIONS, NEW_YEAR | more)
    world.entry("provinces", **PROVINCES)
    assert world.night("provinces")["outcome"] == "updated"
    assert [row[:3] for row in known(world, "provinces") if row[2] == 55.0] == [("ITG2H", "2025", 55.0)]
    over.write_text("scheme,code,geo,first_year,last_year\nref_area,IT108,ITC4D,last,\n")
    with pytest.raises(SpecError, match="more.csv:2: first_year and last_year"):
        territories()


def test_unknown_territories_are_counted_with_their_years(world, istat, caplog):
    more = {
        ("A", "XX99", "EMP_R", "9"): {"2024": "1", "2025": "2"},
        ("A", "IT119", "EMP_R", "9"): {"2025": "3"},
    }
    istat.publish("provinces", DIMENSIONS, NEW_YEAR | more)
    world.entry("provinces", **PROVINCES)
    assert world.night("provinces")["outcome"] == "updated"
    assert "XX99 (2, 2024 to 2025)" in caplog.text and "IT119 (1, 2025 to 2025)" in caplog.text
    assert len(known(world, "provinces")) == 6


def test_a_name_that_istats_archive_invents_is_left_out_counted_and_told(world, istat, caplog):
    given = yaml.safe_load((world.folder / "providers.yml").read_text())
    given["istat_archive"] = ISTAT_QUICK | {"base_url": istat.host + ARCHIVE}
    (world.folder / "providers.yml").write_text(yaml.safe_dump(given))
    istat.archive = archive([*ARCHIVE_ROWS[:3], ("054", "percentuale", "Atlantide", "2022", "99,9")])
    world.entry("regions", **REGIONS)
    assert world.night("regions")["outcome"] == "updated"
    assert [row[:3] for row in known(world, "regions")] == [("IT", "2022", 7.9), ("ITG1", "2022", 8.1)]
    assert "Atlantide (1, 2022 to 2022)" in caplog.text


def test_a_new_territory_of_eurostat_elsewhere_is_left_out_too(world):
    cells = {("A", "V11920", geo): {"2018": "1", "2019": "2"} for geo in ("IT", "ITG1", "ITG17", "XK001")}
    world.serve(cells)
    assert world.night()["outcome"] == "updated"
    assert "XK001" not in {row[0] for row in world.history()}
    world.serve(cells | {("A", "V11920", "ITG1Z"): {"2018": "1"}})
    state = world.night()
    assert state["outcome"] == "quarantined" and "known_geos" in state["failure"]["message"]


# -- a table saved by hand


def test_a_source_and_a_total_below_a_table_are_no_provinces(world):
    provinces = "Trapani Palermo Messina Agrigento Caltanissetta Enna Catania Ragusa Siracusa".split()
    lines = [
        "Movimprese",
        "4 trimestre 2025",
        "",
        "Provincia;Registrate;Attive;Iscrizioni;Cessazioni;Cessazioni d'ufficio",
        *(f"{province.upper()};100.000;80.000;1.000;900;10" for province in provinces),
        "TOTALE;900.000;720.000;9.000;8.100;90",
        "Fonte: InfoCamere",
    ]
    file = world.home / "drop" / "movimprese" / "2025-Q4.csv"
    file.parent.mkdir(parents=True)
    file.write_text("\r\n".join([*lines, ""]))
    state = world.night("movimprese")
    assert state["outcome"] == "updated", state
    found = known(world, "movimprese")
    assert len(found) == 45 and {row[1] for row in found} == {"2025-Q4"}
    file.with_name("2026-Q1.csv").write_text(
        "\n".join([*lines[:1], "1 trimestre 2026", *lines[2:], "Enna;molte;1;1;1;1"])
    )
    assert 'row 16, column Registrate holds "molte"' in world.night("movimprese")["failure"]["message"]
