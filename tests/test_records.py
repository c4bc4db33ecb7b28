"""Records counted by region: REGPAT as a hand drop, CORDIS as a download. All records are made up."""

from __future__ import annotations

import functools
import http.server
import io
import threading
import zipfile
from http import HTTPStatus
from pathlib import Path
from typing import ClassVar

import duckdb
import pytest
import yaml

from sources.catalogue import load_catalogue
from sources.errors import NotData, SourceError, StructureChanged, UnreadableBody
from sources.formats import REGISTRY, BodyFile, TableSpec, records
from tests.conftest import ROOT, World

# an application of two inventors, of whom one lives in two regions of Sicily or abroad; one without a known region
EPO_INV = """Appln_id|App_nbr|Person_id|Inv_name|Address|Reg_code|Ctry_code|Reg_share|Inv_share
1|EP1|11|Rossi, "Mario|Via Roma|ITG17|IT|1|0.5
1|EP1|12|Bianchi|Via Etnea|ITG17|IT|0.5|0.5
1|EP1|12|Bianchi|Via Etnea|ITG19|IT|0.5|0.5
2|EP2|13|Verdi|Milano|ITC4C|IT|1|0.25
2|EP2|14|Smith|London|UKI31|GB|1|0.75
3|EP3|15|Neri||ITZZZ|IT|1|1
4|EP4|16|Gialli|||IT|1|1
"""
EPO_IPC = """Appln_id|Prio_Year|App_year|IPC
1|2021|2022|H01L021/02
1|2021|2022|H10D 30/60
1|2021|2022|A61K031/00
2|2020|2021|G01P15/08
3|2021|2022|G01P150/00
4|2021|2022|B81B  7/00
9|2021|2022|B81B  7/00
"""
PCT_INV = "pct_nbr|reg_code|ctry_code|reg_share|inv_share\nWO1|ITG17|IT|1|1\n"
ABROAD = PCT_INV.replace("|IT|", "|FR|")
PCT_IPC = "pct_nbr|prio_year|app_year|IPC\nWO1|2021|2022|H03K 3/00\n"


def packed(members: dict[str, str | bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, text in members.items():
            archive.writestr(member, text)
    return file.getvalue()


def edition(**changed: str) -> bytes:
    tables = {"EPO_Inv_reg": EPO_INV, "EPO_IPC": EPO_IPC, "PCT_Inv_reg": PCT_INV, "PCT_IPC": PCT_IPC}
    texts = {
        f"REGPAT/202602_{key}.txt": text.encode("latin-1") for key, text in {**tables, **changed}.items()
    }
    return packed({**texts, "REGPAT/readme.pdf": b"%PDF"})


def programme(organizations: str = "", projects: str = "") -> bytes:
    head = "projectID;projectAcronym;name;country;nutsCode;order;ecContribution"
    rows = [
        '1;A;"UNIVERSITA\' ""X"" DI CATANIA";IT;ITG17;1;1000.5',
        "1;A;Bari;IT;ITF47;2;20",
        "2;B;Catania;IT;ITG17;1;",
        "2;B;Nowhere;IT;;2;5",
        "2;B;Paris;FR;FR101;3;7",
    ]
    quoted = "\n".join(
        ";".join(cell if cell.startswith('"') else f'"{cell}"' for cell in row.split(";"))
        for row in [head, *rows]
    )
    return packed(
        {
            "organization.csv": organizations or quoted + "\n",
            "project.csv": projects
            or '"id";"acronym";"startDate";"objective"\n"1";"A";"2023-01-01";"Two\nlines; one ""goal"""\n'
            '"2";"B";"2024-09-01";""\n',
        }
    )


def read(tmp_path: Path, dataset: str, body: bytes) -> list[tuple]:
    entry = load_catalogue()[dataset]
    (tmp_path / "body").write_bytes(body)
    staged = REGISTRY[entry.format](BodyFile(tmp_path / "body"), TableSpec(entry.dimensions), tmp_path / "s")
    others = ", ".join(d for d in entry.dimensions if d not in ("freq", "geo"))
    return duckdb.execute(
        f"select geo, {others}, period, value from '{staged.observations}' join '{staged.series}' using (series) order by all"
    ).fetchall()


def test_applications_are_shared_by_inventors_and_their_regions(tmp_path):
    found = read(tmp_path, "regpat", edition())
    assert [row for row in found if row[0] == "ITG17"] == [
        ("ITG17", "EPO", "ALL", "2021", 0.75),
        ("ITG17", "EPO", "H01L_H10", "2021", 0.75),  # two symbols of one code, once
        ("ITG17", "EPO", "TOTAL", "2021", 0.75),
        ("ITG17", "PCT", "ALL", "2021", 1.0),
        ("ITG17", "PCT", "H03K", "2021", 1.0),
        ("ITG17", "PCT", "TOTAL", "2021", 1.0),
    ]
    assert ("ITG1", "EPO", "TOTAL", "2021", 1.0) in found
    # Milan has a quarter of the accelerometer; G01P150 is none
    assert [row for row in found if row[2] == "G01P15"] == [
        (geo, "EPO", "G01P15", "2020", 0.25) for geo in ("IT", "ITC", "ITC4", "ITC4C")
    ]
    # without a region: in the country alone
    assert ("IT", "EPO", "B81", "2021", 1.0) in found and ("IT", "EPO", "ALL", "2021", 3.0) in found
    assert {row[0] for row in found if row[2] == "B81"} == {"IT"}


def test_participations_count_where_and_when_their_project_starts(tmp_path):
    found = read(tmp_path, "cordis_horizon", programme())
    assert [row for row in found if row[0] in ("IT", "ITG17")] == [
        ("IT", "EC_EUR", "2023", 1020.5),
        ("IT", "EC_EUR", "2024", 5.0),
        ("IT", "PARTICIPATIONS", "2023", 2.0),
        ("IT", "PARTICIPATIONS", "2024", 2.0),
        ("ITG17", "EC_EUR", "2023", 1000.5),
        ("ITG17", "EC_EUR", "2024", 0.0),
        ("ITG17", "PARTICIPATIONS", "2023", 1.0),
        ("ITG17", "PARTICIPATIONS", "2024", 1.0),
    ]


@pytest.mark.parametrize(
    ("dataset", "body", "kind", "told"),
    [
        ("regpat", edition(EPO_Inv_reg=EPO_INV.replace("Reg_share", "Share")), StructureChanged, "reg_share"),
        ("regpat", edition(EPO_IPC=EPO_IPC.replace("|IPC", "|IPC4")), StructureChanged, "EPO_IPC are appln_id"),
        ("regpat", edition(EPO_Inv_reg=EPO_INV.replace("|0.25", "|0,25")), UnreadableBody, "column inv_share of EPO_Inv_reg"),
        ("regpat", edition(EPO_Inv_reg=EPO_INV.replace("|0.25", "|2")), UnreadableBody, "no fraction"),
        ("regpat", edition(EPO_Inv_reg=EPO_INV + "|EP5|1|X|Y|ITG17|IT|1|1\n"), UnreadableBody,
         "row 9, column appln_id of EPO_Inv_reg is empty"),
        ("regpat", edition(EPO_Inv_reg=EPO_INV + "5|EP5|1|X|Y|ITG17|IT|1|\n"), UnreadableBody,
         "row 9, column inv_share of EPO_Inv_reg is empty"),
        ("regpat", edition(EPO_IPC=EPO_IPC + "5||2022|A\n"), UnreadableBody, "row 9, column prio_year of EPO_IPC is empty"),
        ("regpat", edition(EPO_IPC=EPO_IPC.replace("|2020|", "|9999|")), UnreadableBody, "'9999'"),
        ("regpat", edition(EPO_Inv_reg=EPO_INV.replace("|IT|", "|FR|"), PCT_Inv_reg=ABROAD), NotData, "no record of IT"),
        ("regpat", edition(EPO_Inv_reg=EPO_INV + "5|EP5|ITG17\n"), UnreadableBody, "line"),
        ("regpat", packed({"202602_EPO_Inv_reg.txt": EPO_INV}), UnreadableBody, "0 files of the zip are called like"),
        ("regpat", b"7z no zip", NotData, "No zip"),
        ("cordis_horizon", programme(projects='"id";"startDate"\n"1";""\n'), NotData, "4 participations are in projects without"),
        ("cordis_horizon", programme('"projectID";"country"\n"1";"IT"\n'), StructureChanged, "nutscode, eccontribution"),
        ("cordis_horizon", programme(organizations="<html>"), StructureChanged, "<html>"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told(tmp_path, dataset, body, kind, told):
    with pytest.raises(SourceError) as failure:
        read(tmp_path, dataset, body)
    assert type(failure.value) is kind and told in failure.value.message, failure.value


def test_a_zip_bomb_meets_the_cap(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "LARGEST", 1_000_000)
    with pytest.raises(UnreadableBody, match="more than 1,000,000 bytes"):
        read(tmp_path, "regpat", edition(EPO_IPC=EPO_IPC + "8|2020|2021|A\n" * 200_000))


def smaller(world: World, dataset: str, **changes) -> None:
    """The project's entry, for a table of few rows."""
    entry = yaml.safe_load((ROOT / "sources" / "catalogue" / f"{dataset}.yml").read_text(encoding="utf-8"))
    entry["checks"] |= {"min_rows": 4}
    (world.entries / f"{dataset}.yml").write_text(yaml.safe_dump(entry | changes))


@pytest.mark.long
def test_an_edition_of_regpat_stays_in_the_house(world):
    smaller(world, "regpat")
    file = world.home / "drop" / "regpat.zip"
    file.parent.mkdir(parents=True)
    file.write_bytes(edition())
    assert world.run("refresh", "--only", "regpat", "--json").code == 0
    house = world.home / "withheld" / "regpat.parquet"
    assert duckdb.execute(
        f"select unit, value from '{house}' where geo = 'ITG1' and office = 'EPO' and technology = 'TOTAL'"
    ).fetchall() == [("NR", 1.0)]
    assert world.query("select count(*) from observations where dataset = 'regpat'") == [(0,)]
    assert world.query("select state, redistribution from catalogue where dataset = 'regpat'") == [
        ("live", "denied")
    ]


def test_cordis_is_not_asked_before_an_operator_decides(world):
    outcome = world.run("refresh", "--only", "cordis_horizon", "--plan")
    assert outcome.code == 0 and "cordis_horizon (DISTRETTO_CORDIS)" in " ".join(outcome.out.split())


@pytest.mark.long
def test_cordis_is_downloaded_counted_and_asked_again(world, tmp_path):
    world.monkeypatch.setenv("DISTRETTO_CORDIS", "yes")
    smaller(world, "cordis_horizon")
    served = tmp_path / "served"
    served.mkdir()
    (served / "cordis-HORIZONprojects-csv.zip").write_bytes(programme())
    handler = functools.partial(Quiet, directory=str(served))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        path = tmp_path / "providers.yml"
        settings = yaml.safe_load(path.read_text())
        settings["cordis"] = {"base_url": f"http://127.0.0.1:{server.server_port}", "min_interval_s": 0}
        path.write_text(yaml.safe_dump(settings))
        assert world.run("refresh", "--only", "cordis_horizon", "--json").code == 0
        assert world.query(
            "select indicator, period, value, unit from observations "
            "where dataset = 'cordis_horizon' and geo = 'ITG17' order by all"
        ) == [
            ("EC_EUR", "2023", 1000.5, "EUR"),
            ("EC_EUR", "2024", 0.0, "EUR"),
            ("PARTICIPATIONS", "2023", 1.0, "NR"),
            ("PARTICIPATIONS", "2024", 1.0, "NR"),
        ]
        again = world.run("refresh", "--only", "cordis_horizon", "--json")
        assert again.json["published"] is None and world.state("cordis_horizon")["state"] == "unchanged"
        assert Quiet.answered == [200, 304]
        (served / "cordis-HORIZONprojects-csv.zip").write_text("<html>maintenance</html>")
        world.run("refresh", "--only", "cordis_horizon", "--json")
        assert world.state("cordis_horizon")["state"] == "stale"
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and prints nothing; keeps the statuses of its answers."""

    answered: ClassVar[list[int]] = []

    def log_message(self, *_: object) -> None:
        pass

    def log_request(self, code: HTTPStatus, *_: object) -> None:
        self.answered.append(int(code))


def test_records_are_counted_of_the_country_of_the_territory(tmp_path):
    entry = load_catalogue()["cordis_horizon"]
    (tmp_path / "body").write_bytes(programme())
    table = TableSpec(entry.dimensions, country="XX")
    with pytest.raises(NotData, match="no participation of XX"):
        REGISTRY[entry.format](BodyFile(tmp_path / "body"), table, tmp_path / "s")
