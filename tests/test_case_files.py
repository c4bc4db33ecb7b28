"""The files and bodies that once cost a table or a night, as they were handed in, and their neighbours.

The files lie in `cases` beside the folder of DISTRETTO_SPECIMENS; without them the neighbours alone are tried. Belongs here: what
a decoder or the classification of an answer makes of each. Whole nights are in `test_cases.py`, clients of DuckDB in
`published/test_duckdb_clients.py`. Figures are made up.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.run import known_territories
from sources.catalogue import load_catalogue
from sources.concepts import latest_edition
from sources.errors import SourceError, UnreadableBody
from sources.formats import BodyFile
from sources.formats.staged import Staged
from sources.providers import load_providers
from sources.staging import decoded
from tests.conftest import SPECIMENS
from tests.test_formats import rows
from tests.test_keys import stage, zipped

HEADER = "figure,geo,TIME_PERIOD,OBS_VALUE\n"
MOVIMPRESE = (
    "Movimprese\n4 trimestre 2025\n\nProvincia;Registrate;Attive;Iscrizioni;Cessazioni;Cessazioni d'ufficio\n"
    "CATANIA;100.000;80.000;1.000;900;10\n"
)


def case(name: str) -> str:
    path = SPECIMENS.parent / "cases" / name
    if not path.exists():
        pytest.skip(f"the file is not here: {path}")
    return path.read_text(encoding="utf-8")


def laid(tmp_path: Path, dataset: str, text: str, file: str) -> Staged:
    """`text` as a person lays it into the folder of a dataset of files."""
    (tmp_path / "body").write_text(text, encoding="utf-8")
    entry = load_catalogue()[dataset]
    body, provider = BodyFile(tmp_path / "body", name=file), load_providers()[entry.provider]
    return decoded(body, entry.format, entry, provider, tmp_path / "staged", "live", known_territories())


def own(tmp_path: Path, text: str) -> Staged:
    return laid(tmp_path, "own_figures", text, "own_figures.csv")


def test_01_the_empty_key_is_refused_with_row_and_column(tmp_path: Path):
    with pytest.raises(UnreadableBody, match="row 4, column geo is empty"):
        own(tmp_path, case("01-null-key-bricks/own_figures.csv"))


@pytest.mark.parametrize("cell", ["", " ", "\u00a0", "\u200b", '""', "\t", "\ufeff"])
@pytest.mark.parametrize("column", ["figure", "geo", "TIME_PERIOD"])
def test_a_key_that_looks_empty_is_empty(tmp_path: Path, cell: str, column: str):
    row = {"figure": "members", "geo": "DISTRICT", "TIME_PERIOD": "2025", "OBS_VALUE": "5"} | {column: cell}
    with pytest.raises(UnreadableBody, match=f"row 2, column {column} is empty"):
        own(tmp_path, HEADER + ",".join(row.values()) + "\n")


@pytest.mark.parametrize(
    ("name", "missing"), [("03-sdmx-csv-nan/oecd.csv", "m"), ("05-obs-status-of-the-standard/oecd.csv", "o")]
)
def test_03_and_05_a_missing_number_keeps_its_reason(tmp_path: Path, name: str, missing: str):
    staged = stage(tmp_path, "sdmx-csv", case(name), ["freq", "unit", "geo"])
    assert [row[3:6] for row in rows(staged)] == [("2019", 5.0, ""), ("2020", None, missing)]


def test_07_the_edition_of_october_follows_the_one_of_september():
    assert "2026M10G13" in case("07-edition-is-no-text-order/cells.txt")
    assert latest_edition(["2026M9G12", "2026M10G13"]) == "2026M10G13"


def test_11_rows_that_excel_leaves_are_no_rows(tmp_path: Path):
    assert len(rows(own(tmp_path, case("11-excel-leaves-empty-rows/own_figures.csv")))) == 1


@pytest.mark.parametrize(
    "left", [";;;", " ; ; ; ", "\u00a0;;\u00a0;", '"";"";"";""', ";;;;;;", "\t\t", "\u200b;;;", ""]
)
def test_a_row_of_nothing_is_no_row(tmp_path: Path, left: str):
    text = "figure;geo;TIME_PERIOD;OBS_VALUE\r\nmembers;DISTRICT;2025;31\r\n" + f"{left}\r\n" * 3
    assert len(rows(own(tmp_path, text))) == 1


def test_16_a_project_without_a_start_costs_itself(tmp_path: Path):
    body = zipped(
        organization=case("16-cordis-one-bad-project/organization.csv"),
        project=case("16-cordis-one-bad-project/project.csv"),
    )
    staged = stage(tmp_path, "cordis", body, ["freq", "horizon", "geo"])
    assert "1 participations are in projects without a start date" in " ".join(staged.notes)
    assert ("A", "EC_EUR", "ITG17", "2023", 1234.5) in [row[:5] for row in rows(staged)]


def test_18_a_source_below_the_table_is_no_row(tmp_path: Path):
    assert (
        len(rows(laid(tmp_path, "movimprese", case("18-note-under-a-csv-table/2025-Q4.csv"), "2025-Q4.csv")))
        == 5
    )


@pytest.mark.parametrize(
    "note",
    [
        "Fonte: InfoCamere",
        '"Fonte: InfoCamere; dati provvisori"',
        "(*) dati provvisori;;;;;",
        "Elaborazione della camera di commercio;;;;;",
        "TOTALE;1;1;1;1;1",
        "Totale complessivo;1;1;1;1;1",
        "di cui artigiane;1;1;1;1;1",
        "ATLANTIDE;1;1;1;1;1",
    ],
)
def test_what_stands_below_a_table_by_hand_costs_nothing(tmp_path: Path, note: str):
    staged = laid(tmp_path, "movimprese", f"{MOVIMPRESE}{note}\n", "2025-Q4.csv")
    assert len(rows(staged)) == 5
    if note.endswith(";1"):
        assert note.split(";")[0].upper().replace(" ", "_") in " ".join(staged.notes), (
            "left out, counted and told"
        )


def test_a_fault_below_the_heading_is_told_with_the_line_of_the_file(tmp_path: Path):
    with pytest.raises(UnreadableBody, match="row 6, column Provincia is empty"):
        laid(tmp_path, "movimprese", f"{MOVIMPRESE};1;1;1;1;1\n", "2025-Q4.csv")


@pytest.mark.parametrize("dataset", ["own_figures", "movimprese"])
@pytest.mark.parametrize("body", ["", "\ufeff", "\n\n", ";;;\n", "<html></html>"])
def test_what_is_no_table_is_an_error_of_ours(tmp_path: Path, dataset: str, body: str):
    with pytest.raises(SourceError):
        laid(tmp_path, dataset, body, "2025-Q4.csv")
