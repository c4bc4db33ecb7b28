"""The bundle as those who receive it see it: each standard by a validator of its own, each form read by its reader.

The figures are those that ship; what is taken apart is a copy.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import zipfile
from datetime import datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import pytest
import yaml

from tests.conftest import World, distretto

SPECIMENS = Path(__file__).parent / "specimens"


@pytest.fixture(scope="module")
def bundle(home: Path) -> Path:
    return (home / "current").resolve()


@pytest.fixture
def copy(bundle: Path, tmp_path: Path) -> Path:
    """The bundle as somebody else has it: other place, other name, writable."""
    folder = tmp_path / "what I was sent"
    shutil.copytree(bundle, folder)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def package(folder: Path) -> dict:
    return json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))


# -- forms


def test_parquet_says_what_it_is(bundle: Path):
    metadata = dict(
        duckdb.sql(
            f"select decode(key), decode(value) from parquet_kv_metadata('{bundle}/indicators.parquet')"
        ).fetchall()
    )
    assert "2011/833/EU" in metadata["licence"]
    assert metadata["title"] == "indicators"


def test_italian_excel_opens_its_csv_right(bundle: Path):
    """Semicolons, decimal commas, a byte order mark; and nothing that Excel takes for a date or a formula."""
    raw = (bundle / "enterprise_births.it.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfdataset;")
    with open(bundle / "enterprise_births.it.csv", encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter=";"))
    (rate,) = [
        r["value"]
        for r in rows
        if (r["indicator"], r["geo"], r["period"], r["sizeclas"]) == ("V97020", "ITG17", "2019", "TOTAL")
    ]
    assert rate == "9,38"
    assert {'="1-9"', "GE10"} <= {r["sizeclas"] for r in rows}
    with duckdb.connect(str(bundle / "distretto.duckdb"), read_only=True) as con:
        stamps = con.execute("select distinct known_from from enterprise_births").fetchall()
    # on the clock of the territory, to the microsecond, with its offset
    read = {datetime.strptime(r["known_from"], "%d/%m/%Y %H:%M:%S.%f %z") for r in rows}
    assert read == {moment for (moment,) in stamps}
    assert {moment.utcoffset() for moment in read} <= {timedelta(hours=1), timedelta(hours=2)}
    with open(bundle / "geography.it.csv", encoding="utf-8-sig", newline="") as handle:
        assert {r["istat_code"] for r in csv.DictReader(handle, delimiter=";") if r["geo"] == "ITG17"} == {
            '="087"'
        }
    assert not (bundle / "history.it.csv").exists()


def test_italian_csv_guards_every_beginning_of_a_formula_and_no_number(tmp_path: Path):
    from warehouse.publishing.exports.tables import _for_excel

    dangerous = [
        "=1+1",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "＝1",
        "＋1",
        "－1",
        "＠x",
        "﹣1",
        "−1+1",
        "-",
    ]
    harmless = ["-5", "+3,5", "-1.25", "a=1", "GE10", "plain text", ""]
    file = tmp_path / "cells.it.csv"
    with duckdb.connect() as con:
        con.execute("create table cells (number integer, text varchar, amount double)")
        con.executemany("insert into cells values (?, ?, -1.5)", list(enumerate([*dangerous, *harmless])))
        columns = {"number": "INTEGER", "text": "VARCHAR", "amount": "DOUBLE"}
        con.execute(
            f"copy (select {_for_excel(columns)} from cells order by number) to '{file}' (header true, delimiter ';')"
        )
    with open(file, encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter=";"))
    assert [r["text"] for r in rows] == [*(f"'{text}" for text in dangerous), *harmless]
    assert {r["amount"] for r in rows} == {"-1,5"}


def test_the_workbook_has_labels_and_the_figures_of_the_table(bundle: Path):
    from python_calamine import CalamineWorkbook

    book = CalamineWorkbook.from_path(str(bundle / "indicators.xlsx"))
    assert book.sheet_names[1:] == ["value", "flag", "reliability"]
    head, *rows = book.get_sheet_by_name("value").to_python()
    found = {(r["indicator"], r["geo"]): r for r in (dict(zip(head, row, strict=True)) for row in rows)}
    assert len(found) == len(rows)
    births = found["enterprise_births", "ITG17"]
    assert (births["indicatore"], births["territory"], births["2019"]) == (
        "Nascite d'impresa",
        "Catania",
        5905.0,
    )
    assert {"IT", "FRK2"} <= {geo for _, geo in found}
    # a gap is an empty cell, not zero
    assert found["epo_applications", "ITG1"]["2019"] == ""
    # the labels stay in sight and leave room for the figures; every column can be filtered
    with zipfile.ZipFile(bundle / "indicators.xlsx") as archive:
        sheet = archive.read("xl/worksheets/sheet2.xml").decode()
    assert head[:2] == ["indicatore", "territorio"] and '<pane xSplit="2" ySplit="1"' in sheet
    assert re.search(r'<autoFilter ref="A1:[A-Z]+(\d+)"', sheet).group(1) == str(len(rows) + 1)


@pytest.mark.long
@pytest.mark.parametrize("dataset", ["bd_size_r3", "indicators"])
def test_sdmx_csv_is_read_by_an_sdmx_library(home: Path, tmp_path: Path, dataset: str):
    import sdmx
    from sdmx.model.v30 import Dataflow, DataStructureDefinition, Dimension

    path = tmp_path / "out.csv"
    outcome = distretto(home, "export", dataset, "--output", str(path), "--json")
    assert outcome.code == 0, outcome.err
    with open(path, newline="") as handle:
        head, first, *_ = csv.reader(handle)
    assert head[:3] == ["STRUCTURE", "STRUCTURE_ID", "ACTION"]
    assert first[:3] == ["dataflow", f"DISTRETTO:{dataset}(1.0)", "I"]
    dimensions = head[3 : head.index("OBS_VALUE")]
    assert dimensions[-1] == "TIME_PERIOD"
    structure = DataStructureDefinition(
        id=dataset, maintainer=sdmx.model.common.Agency(id="DISTRETTO"), version="1.0"
    )
    for name in dimensions:
        structure.dimensions.append(Dimension(id=name))
    structure.measures.getdefault("OBS_VALUE")
    for name in head[head.index("OBS_VALUE") + 1 :]:
        structure.attributes.getdefault(name)
    flow = Dataflow(id=dataset, maintainer=structure.maintainer, version="1.0", structure=structure)
    with open(path, newline="") as handle:
        statuses = {(row["OBS_STATUS"], row["OBS_FLAG"]) for row in csv.DictReader(handle)}
    assert {("A", ""), ("P", "p")} <= statuses and ("", "p") not in statuses
    message = sdmx.read_sdmx(path, structure=flow)
    assert sum(len(data.obs) for data in message.data) == outcome.json["rows"] > 1000


def test_export_of_what_is_not_there_says_so(home: Path):
    outcome = distretto(home, "export", "no_such_table")
    assert outcome.code == 1 and "distretto datasets" in outcome.err


# -- papers and feeds


def test_the_dictionary_explains_every_column(bundle: Path):
    text = (bundle / "data_dictionary.md").read_text(encoding="utf-8")
    with duckdb.connect(str(bundle / "distretto.duckdb"), read_only=True) as con:
        for table, column, comment in con.execute(
            "select table_name, column_name, comment from duckdb_columns() where not internal"
        ).fetchall():
            part = text.split(f"\n## {table}\n")[1].split("\n## ")[0]
            assert f"| `{column}` |" in part and comment.replace("|", "\\|") in part


def test_papers_in_both_languages_name_files_that_exist(bundle: Path):
    for paper in ("README.md", "LEGGIMI.md"):
        text = (bundle / paper).read_text(encoding="utf-8")
        for named in re.findall(r"`([\w-]+(?:/[\w.]+|\.(?:it\.csv|json|ttl|md|cff|xml|xlsx|duckdb)))`", text):
            assert (bundle / named).exists(), named
        (sql,) = re.findall(r"```sql\n(.*?)```", text, re.S)
        with duckdb.connect() as con:
            assert con.execute(
                sql.replace("distretto.duckdb", str(bundle / "distretto.duckdb"), 1)
            ).fetchall()
    cff = yaml.safe_load((bundle / "CITATION.cff").read_text(encoding="utf-8"))
    assert cff["cff-version"] == "1.2.0" and cff["version"] == bundle.name and cff["references"]


@pytest.mark.long
def test_feeds_tell_of_new_data_revisions_refusals_and_columns(world: World):
    """The toy table: two revised figures and one withdrawn, then a body that is refused; then a column comes."""
    from tests.conftest import TOY

    world.first_night()
    revised = {key: dict(cells) for key, cells in TOY.items()}
    revised["A", "V11920", "ITG1"] = {"2018": "41"}
    world.serve(revised)
    world.refresh()
    world.serve({("A", "V11920", "IT"): {"2018": "100"}})
    world.refresh()
    current = world.home / "current"
    feed = json.loads((current / "feed.json").read_text(encoding="utf-8"))
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    told = [(item["tags"][0], item["content_text"]) for item in feed["items"]]
    assert [tag for tag, _ in told if tag != "target"][0] == "refused"
    assert any(
        tag == "revision" and "1 dati rivisti" in text and "1 figures withdrawn" in text for tag, text in told
    )
    assert any(tag == "new-data" and text.startswith("Prova (toy): ") for tag, text in told)
    space = {"a": "http://www.w3.org/2005/Atom"}
    tree = ElementTree.parse(current / "feed.xml")
    assert [e.text for e in tree.findall("a:entry/a:id", space)] == [item["id"] for item in feed["items"]]

    from warehouse.publishing.exports import release_metadata
    from warehouse.publishing.exports.feeds import items

    with duckdb.connect(str(current / "distretto.duckdb"), read_only=True) as con:
        known = release_metadata.read(con)
        known.tables["vintages"].columns.pop()
        (change,) = [i for i in items(con, known, current) if i["tags"] == ["schema"]]
    assert "removed: returned" in change["content_text"]


# -- unchanged means equal, and verification from outside


def test_what_did_not_change_is_the_same_file_in_the_next_release(world: World):
    world.first_night()
    first = (world.home / "current").resolve()
    world.entry("toy", warnings=["a new word, no new figure"])
    world.refresh()
    second = (world.home / "current").resolve()
    assert first != second
    same = {
        path.name for path in second.iterdir() if path.is_file() and os.path.samefile(path, first / path.name)
    }
    assert {
        "observations.parquet",
        "observations.csv",
        "enterprise_births.it.csv",
        "indicators.xlsx",
        "data_dictionary.md",
        "README.md",
        "LEGGIMI.md",
        "csv-metadata.json",
    } <= same
    assert not {"catalogue.csv", "release.json", "datapackage.json"} & same


def test_a_copy_verifies_with_nothing_but_itself(copy: Path, tmp_path: Path):
    outcome = distretto(tmp_path / "an empty home", "release", "verify", str(copy))
    assert outcome.code == 0, outcome.err
    assert not (tmp_path / "an empty home").exists()


def reseal(folder: Path, *names: str) -> None:
    """As a forger would: new checksums for the files named."""
    from sources.data_folder import file_sha256

    sums = (folder / "SHA256SUMS").read_text()
    for name in names:
        sums = re.sub(rf"\w{{64}}(?=  {re.escape(name)}\n)", file_sha256(folder / name), sums)
    (folder / "SHA256SUMS").write_text(sums)


def forge_byte(folder: Path) -> None:
    with open(folder / "patents.csv", "r+b") as handle:
        handle.seek(200)
        handle.write(b"X")


def forge_parquet(folder: Path) -> None:
    path = folder / "patents.parquet"
    duckdb.sql(f"copy (select * replace (value + 1 as value) from '{path}') to '{path}.new' (format parquet)")
    os.replace(f"{path}.new", path)
    described = package(folder)
    (resource,) = [r for r in described["resources"] if r["path"] == path.name]
    from sources.data_folder import file_sha256

    resource |= {"bytes": path.stat().st_size, "hash": f"sha256:{file_sha256(path)}"}
    (folder / "datapackage.json").write_text(json.dumps(described))
    reseal(folder, path.name, "datapackage.json")


def forge_size(folder: Path) -> None:
    described = package(folder)
    described["resources"][0]["bytes"] += 1
    (folder / "datapackage.json").write_text(json.dumps(described))
    reseal(folder, "datapackage.json")


def forge_path(folder: Path) -> None:
    described = package(folder)
    described["resources"][0]["path"] = "../elsewhere.csv"
    (folder / "datapackage.json").write_text(json.dumps(described))
    reseal(folder, "datapackage.json")


def forge_count(folder: Path) -> None:
    described = package(folder)
    (resource,) = [r for r in described["resources"] if r["path"] == "codelists.csv"]
    resource["rowCount"] += 1
    (folder / "datapackage.json").write_text(json.dumps(described))
    reseal(folder, "datapackage.json")


@pytest.mark.long
@pytest.mark.parametrize(
    ("forge", "told"),
    [
        (forge_byte, "patents.csv is not what was published"),
        (forge_parquet, "patents.parquet has other rows than distretto.duckdb"),
        (forge_size, "is not what datapackage.json describes"),
        (forge_path, "is outside the bundle"),
        (forge_count, "codelists.csv has"),
        (lambda folder: (folder / "indicators.xlsx").unlink(), "indicators.xlsx is missing"),
        (lambda folder: [(folder / f"x{n}").touch() for n in range(15)], "SHA256SUMS and 3 more."),
    ],
)
def test_what_was_tampered_with_is_found(copy: Path, tmp_path: Path, forge, told: str):
    forge(copy)
    outcome = distretto(tmp_path / "nowhere", "release", "verify", str(copy))
    assert outcome.code == 1 and told in " ".join(outcome.err.split())
    assert "copy it again" in outcome.err
