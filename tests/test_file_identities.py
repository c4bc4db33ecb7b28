"""Checks that a table of the business register passes: whole, adding up, new. Figures are made up."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from assets import checks
from assets.checks.expectations import Result
from assets.run import known_territories
from sources.catalogue import Dataset, load_catalogue
from sources.data_folder import DataFolder
from sources.formats import BodyFile
from sources.formats.staged import Staged
from sources.providers import load_providers
from sources.staging import decoded
from warehouse.history import store, vintages

SNAPSHOT: Any = SimpleNamespace(id="judged", origin="live", coverage={})
CHECKS = ("rectangular", "totals", "territories_add_up", "new_period")
# territory -> what it has of each section in the first month; regions and country are sums
PROVINCES = {"Catania": 30, "Enna": 25, "Palermo": 40, "Trento": 22, "Bolzano": 21}
REGIONS = {"SICILIA": ["Catania", "Enna", "Palermo"], "TRENTINO-ALTO ADIGE": ["Trento", "Bolzano"]}
SECTIONS = ("A", "C", "K")
MONTHS = ("2026-04", "2026-05", "2026-06")
Cells = dict[tuple[str, str, str], float | None]


def cells() -> Cells:
    """A whole file: every territory, section and month."""
    made: Cells = {
        (place, section, month): base + 10 * s + 7 * m
        for place, base in PROVINCES.items()
        for s, section in enumerate(SECTIONS)
        for m, month in enumerate(MONTHS)
    }
    for whole, parts in {**REGIONS, "Italia": list(REGIONS)}.items():
        made |= {
            (whole, section, month): sum(made[part, section, month] or 0 for part in parts)
            for section in SECTIONS
            for month in MONTHS
        }
    places = dict.fromkeys(place for place, *_ in made)
    made |= {
        (place, "TOTAL", month): sum(made[place, section, month] or 0 for section in SECTIONS)
        for place in places
        for month in MONTHS
    }
    return made


def text(given: Cells) -> str:
    months = sorted({month for *_, month in given})
    rows = [";".join(["territorio", "ateco", *months])]
    for place, section in dict.fromkeys((place, section) for place, section, _ in given):
        values = [given.get((place, section, month)) for month in months]
        rows.append(";".join([place, section, *("" if v is None else f"{v:g}" for v in values)]))
    return "\n".join(rows) + "\n"


def judged(
    tmp_path: Path, given: Cells, name: str = "camcom_registrations", held: Cells | None = None
) -> dict[str, Result]:
    """The results of the entry's checks on a file with these cells, by name; `held`: the file that history holds."""
    dataset = load_catalogue()[name]
    with store.warehouse(DataFolder(tmp_path / "home"), load_catalogue().dimensions, []) as con:
        if held:
            _enter(con, dataset, staged(tmp_path / "held", dataset, held))
        found = checks.check(con, dataset, SNAPSHOT, staged(tmp_path / "new", dataset, given), None)
    return {result.name: result for result in found}


def _enter(con: duckdb.DuckDBPyConnection, dataset: Dataset, figures: Staged) -> None:
    """Let figures into history, as if a night had accepted them."""
    acceptance: Any = SimpleNamespace(
        sequence=1,
        dataset=dataset.id,
        snapshot_id="one",
        accepted_at=datetime(2026, 1, 1, tzinfo=UTC),
        kind="baseline",
    )
    vintages.append(con, dataset, SNAPSHOT, acceptance, figures)


def staged(folder: Path, dataset: Dataset, given: Cells) -> Staged:
    folder.mkdir()
    (folder / "body").write_text(text(given), encoding="utf-8")
    provider = load_providers()[dataset.provider]
    return decoded(
        BodyFile(folder / "body", name="x.csv"),
        "tabular",
        dataset,
        provider,
        folder / "staged",
        "live",
        known_territories(),
    )


def refusals(tmp_path: Path, given: Cells) -> dict[str, str]:
    """What each of the four checks says that refuses the file."""
    return {name: r.observed for name, r in judged(tmp_path, given).items() if name in CHECKS and r.refuses}


def test_a_whole_file_passes_every_check(tmp_path: Path):
    found = judged(tmp_path, cells())
    assert {name: found[name].passed for name in CHECKS} == dict.fromkeys(CHECKS, True)


def test_a_file_with_an_empty_cell_is_not_rectangular(tmp_path: Path):
    made = cells()
    for place in ("Catania", "SICILIA", "Italia"):
        made[place, "K", "2026-05"] = None
        made[place, "TOTAL", "2026-05"] -= 50
    said = refusals(tmp_path, made)
    assert "1 empty cells" in said["rectangular"] and "ITG17" in said["rectangular"]


def test_a_territory_without_a_section_is_not_rectangular(tmp_path: Path):
    made = {key: value for key, value in cells().items() if key[:2] != ("Enna", "K")}
    assert "ITG16" in refusals(tmp_path, made)["rectangular"]


def test_a_total_that_is_not_the_sum_of_its_sections_is_refused(tmp_path: Path):
    made = cells()
    made["Catania", "TOTAL", "2026-06"] += 1
    said = refusals(tmp_path, made)
    assert "ITG17, 2026-06: ateco2025 TOTAL" in said["totals"] and "1 difference" in said["totals"]


@pytest.mark.parametrize(
    ("place", "named"), [("SICILIA", "ITG1"), ("Italia", "IT"), ("Palermo", "ITG1"), ("Trento", "IT")]
)
def test_territories_that_do_not_add_up_are_refused(tmp_path: Path, place: str, named: str):
    made = cells()
    made[place, "C", "2026-05"] += 100
    made[place, "TOTAL", "2026-05"] += 100
    said = refusals(tmp_path, made)
    assert list(said) == ["territories_add_up"] and f"{named}, " in said["territories_add_up"]


def test_a_province_that_is_not_known_is_left_out_and_the_regions_still_add_up(tmp_path: Path):
    """A new province costs neither the table nor the check of the regions."""
    made = {(place.replace("Enna", "Val di Noto"), *rest): value for (place, *rest), value in cells().items()}
    assert refusals(tmp_path, made) == {}
    made["SICILIA", "C", "2026-05"] += 100
    made["SICILIA", "TOTAL", "2026-05"] += 100
    assert list(refusals(tmp_path / "b", made)) == ["territories_add_up"]


def test_a_month_that_is_a_copy_of_the_one_before_is_refused(tmp_path: Path):
    made = cells()
    made |= {(place, section, "2026-06"): made[place, section, "2026-05"] for place, section, _ in made}
    assert refusals(tmp_path, made).keys() == {"new_period"}


def test_a_copy_in_a_file_of_its_own_is_compared_with_the_month_that_history_holds(tmp_path: Path):
    whole = cells()
    first = {key: value for key, value in whole.items() if key[2] == "2026-04"}
    copy = {(place, section, "2026-05"): value for (place, section, _), value in first.items()}
    assert judged(tmp_path, copy, held=first)["new_period"].refuses
    real = {key: value for key, value in whole.items() if key[2] == "2026-05"}
    (tmp_path / "b").mkdir()
    assert judged(tmp_path / "b", real, held=first)["new_period"].passed


def workforce(quarter: int) -> str:
    rows = [
        f"SICILIA;{place};C;{division};{division}11;{division}1100;{100 + division + more * quarter};3"
        for place, more in (("Catania", 7), ("Enna", 5))
        for division in range(10, 25)
    ]
    heading = "Regione;Provincia;Settore;Divisione;Classe;Sottocategoria;Addetti;Localizzazioni Attive"
    return "\n".join([heading, *rows, ""])


@pytest.mark.parametrize(("served", "refused"), [(1, True), (2, False)])
def test_a_quarter_with_a_file_of_its_own_is_no_copy_of_the_quarter_before(
    tmp_path: Path, served: int, refused: bool
):
    dataset = load_catalogue()["camcom_workforce"]
    with store.warehouse(DataFolder(tmp_path / "home"), load_catalogue().dimensions, []) as con:
        first, second = (
            _quarter(tmp_path, dataset, f"2026-Q{n}", workforce(of)) for n, of in ((1, 1), (2, served))
        )
        _enter(con, dataset, first)
        found = {r.name: r for r in checks.check(con, dataset, SNAPSHOT, second, None)}
        assert found["new_period"].refuses is refused and found["new_period"].passed is not refused
        # the same quarter again is no copy of itself
        again = {r.name: r for r in checks.check(con, dataset, SNAPSHOT, first, None)}
        assert not again["new_period"].refuses


def _quarter(folder: Path, dataset: Dataset, period: str, body: str) -> Staged:
    place = folder / period
    place.mkdir()
    (place / "body").write_text(body, encoding="utf-8")
    file = BodyFile(place / "body", name=f"{period}-Addetti-Localizzazioni-Attive-Italia.csv")
    provider = load_providers()[dataset.provider]
    return decoded(file, "tabular", dataset, provider, place / "staged", "live", known_territories())


def test_the_checks_are_not_run_where_an_entry_does_not_ask_for_them(tmp_path: Path):
    entry = load_catalogue()["camcom_registrations"]
    none = entry.checks.model_copy(
        update={"rectangular": False, "totals": [], "territories_add_up": False, "new_period": False}
    )
    dataset = entry.model_copy(update={"checks": none})
    with store.warehouse(DataFolder(tmp_path / "home"), load_catalogue().dimensions, []) as con:
        found = checks.check(con, dataset, SNAPSHOT, staged(tmp_path / "new", dataset, cells()), None)
    assert {r.name: r.passed for r in found if r.name in CHECKS} == dict.fromkeys(CHECKS)
