"""Open data of the chamber of commerce of the Marche: layouts as public scripts attest them. Every figure here is made up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import duckdb
import pytest

from sources.catalogue import Dataset, load_catalogue
from sources.formats import BodyFile
from sources.http.client import Client
from sources.protocols.download import Download, NotYet, ended_periods
from sources.providers import load_providers
from sources.staging import decoded

MONTHS = (
    "territorio;ateco;2025-04;2025-05\n"
    "Italia;TOTAL;300;310\nSICILIA;TOTAL;30;31\nCatania;TOTAL;12;9\nAOSTA;TOTAL;5;6\nAosta;TOTAL;5;6\nForlì-Cesena;C;1;\n"
)
WORKFORCE = (
    "Regione;Provincia;Settore;Divisione;Classe;Sottocategoria;Addetti;Localizzazioni Attive\n"
    "SICILIA;Catania;C;26;2611;261100;4000;3\nSICILIA;Catania;C;26;2612;261200;50;2\nSICILIA;Enna;C;26;2611;261100;7;1\n"
)


def read(tmp_path: Path, name: str, text: str, file: str) -> list[tuple]:
    dataset, body = load_catalogue()[name], tmp_path / "body"
    body.write_text(text, encoding="utf-8")
    staged = decoded(
        BodyFile(body, name=file),
        "tabular",
        dataset,
        load_providers()[dataset.provider],
        tmp_path / "staged",
    )
    return duckdb.execute(
        f"select geo, ateco2025, indic_reg, period, value from '{staged.observations}' "
        f"join '{staged.series}' using (series) order by all"
    ).fetchall()


@pytest.mark.parametrize("heading", ["2025-04;2025-05", "2025-04-30;2025-05-31", "30/04/2025;31/05/2025"])
def test_a_wide_file_has_a_column_a_month_and_regions_in_capitals(tmp_path: Path, heading: str):
    rows = read(tmp_path, "camcom_registrations", MONTHS.replace("2025-04;2025-05", heading), "x.csv")
    assert [row for row in rows if row[3] == "2025-05"] == [
        ("IT", "TOTAL", "IN_NR", "2025-05", 310),
        ("ITC2", "TOTAL", "IN_NR", "2025-05", 6),
        ("ITC20", "TOTAL", "IN_NR", "2025-05", 6),
        ("ITG1", "TOTAL", "IN_NR", "2025-05", 31),
        ("ITG17", "TOTAL", "IN_NR", "2025-05", 9),
    ]
    assert ("ITH58", "C", "IN_NR", "2025-04", 1) in rows


def test_rows_of_the_workforce_are_added_up_by_division_and_province(tmp_path: Path):
    rows = read(tmp_path, "camcom_workforce", WORKFORCE, "2026-Q2-Addetti-Localizzazioni-Attive-Italia.csv")
    assert [row for row in rows if row[2] == "WF_NR"] == [
        ("ITG16", "26", "WF_NR", "2026-Q2", 7),
        ("ITG17", "26", "WF_NR", "2026-Q2", 4050),
    ]


def test_periods_that_have_ended_are_asked_for_the_oldest_first():
    assert ended_periods("Q", date(2026, 11, 27), 4) == ["2025-Q4", "2026-Q1", "2026-Q2", "2026-Q3"]
    assert ended_periods("M", date(2026, 1, 2), 2) == ["2025-11", "2025-12"]


class Files(ThreadingHTTPServer):
    """Serves `files` by name; asked names are in `asked`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, str] = {}
        self.asked: list[str] = []


class Handler(BaseHTTPRequestHandler):
    """One answer; the log stays quiet."""

    server: Files

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        self.server.asked.append(name)
        text = self.server.files.get(name)
        body = (text or "not here").encode()
        self.send_response(200 if text else 404)
        self.send_header("Content-Type", "text/csv" if text else "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def files() -> Iterator[Files]:
    server = Files()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def asked(files: Files, tmp_path: Path, dataset: Dataset) -> list:
    provider = load_providers()["camcom_marche"].model_copy(
        update={"base_url": f"http://127.0.0.1:{files.server_port}/data", "min_interval_s": 0, "attempts": 1}
    )
    (tmp_path / "pace").mkdir()
    (tmp_path / "work").mkdir()
    return list(Download(Client(provider, tmp_path / "pace"), tmp_path / "work").fetch(dataset, None))


def test_a_dated_file_that_is_not_there_is_not_published_yet(files: Files, tmp_path: Path):
    dataset = load_catalogue()["camcom_workforce"]
    quarters = ended_periods("Q", date.today(), 4)
    files.files = {f"{quarters[1]}-Addetti-Localizzazioni-Attive-Italia.csv": WORKFORCE}
    (found,) = asked(files, tmp_path, dataset)
    assert [name[:7] for name in files.asked] == quarters
    assert quarters[1] in found.place and found.format == "tabular"


def test_where_no_dated_file_is_there_the_run_says_so(files: Files, tmp_path: Path):
    with pytest.raises(NotYet, match="404"):
        asked(files, tmp_path, load_catalogue()["camcom_workforce"])


def test_nothing_is_asked_before_an_operator_has_decided(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DISTRETTO_CAMCOM_MARCHE", raising=False)
    assert load_providers()["camcom_marche"].unset == ["DISTRETTO_CAMCOM_MARCHE"]
