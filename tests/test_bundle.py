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
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import jsonschema
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


# -- Data Package, CSV on the Web, DCAT


def test_the_data_package_fits_a_schema_of_version_2(bundle: Path):
    schema = json.loads((SPECIMENS / "datapackage-2.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(package(bundle))
    broken = package(bundle) | {"licenses": "none"}
    assert list(jsonschema.Draft202012Validator(schema).iter_errors(broken))


def test_frictionless_reads_every_csv_with_its_types_and_keys(bundle: Path):
    """Every CSV table but the ten thousands of rows, of which it takes the first."""
    from frictionless import Package, Resource, system

    described = package(bundle)
    tables = [r for r in described["resources"] if r["format"] == "csv" and "schema" in r]
    assert len(tables) >= 20
    with system.use_context(trusted=True):
        for resource in tables:
            # the reference needs the other file; big tables: rows alone
            if resource["rowCount"] > 3000:
                resource["schema"].pop("foreignKeys", None)
                resource.pop("hash"), resource.pop("bytes")
        whole = Package.from_descriptor({"name": "distretto", "resources": tables}, basepath=str(bundle))
        report = whole.validate(limit_rows=3000)
        assert [error.message for task in report.tasks for error in task.errors] == []
        (small,) = [r for r in tables if r["path"] == "vintages.csv"]
        small["schema"]["fields"][0]["type"] = "date"
        wrong = Resource.from_descriptor(
            {k: v for k, v in small.items() if k != "schema"}
            | {"schema": {k: v for k, v in small["schema"].items() if k != "foreignKeys"}},
            basepath=str(bundle),
        ).validate()
        assert not wrong.valid


def test_keys_and_references_of_the_package_hold(bundle: Path):
    resources = {r["name"]: r for r in package(bundle)["resources"] if "schema" in r}
    assert {r["path"] for r in resources.values()} >= {"observations.parquet", "observations.csv"}
    references = 0
    with duckdb.connect(str(bundle / "distretto.duckdb"), read_only=True) as con:
        for name, resource in resources.items():
            schema, table = resource["schema"], resource["path"].split(".")[0]
            key = schema.get("primaryKey")
            if key:
                null = " or ".join(f'"{c}" is null' for c in key)
                assert not con.execute(f"from {table} where {null} limit 1").fetchall(), name
            for foreign in schema.get("foreignKeys", []):
                references += 1
                (column,), reference = foreign["fields"], foreign["reference"]
                assert reference["resource"] in resources
                assert not con.execute(
                    f"select 1 from {table} t anti join {reference['resource']} o "
                    f'on t."{column}" = o."{reference["fields"][0]}" where t."{column}" is not null limit 1'
                ).fetchall()
    assert references > 30
    assert resources["observations"]["schema"]["uniqueKeys"][0][-1] == "period"


def test_csv_on_the_web_describes_the_headings_as_they_are(bundle: Path):
    group = json.loads((bundle / "csv-metadata.json").read_text(encoding="utf-8"))
    assert group["@context"][0] == "http://www.w3.org/ns/csvw"
    described = {t["url"]: [c["titles"] for c in t["tableSchema"]["columns"]] for t in group["tables"]}
    lying = {path.name for path in bundle.glob("*.csv") if not path.name.endswith(".it.csv")}
    assert set(described) == lying
    for url, columns in described.items():
        with open(bundle / url, encoding="utf-8", newline="") as handle:
            assert next(csv.reader(handle)) == columns


def test_the_catalogue_fits_dcat_ap_and_dcat_ap_it(bundle: Path):
    from pyshacl import validate
    from rdflib import DCAT, DCTERMS, Graph

    shapes = Graph().parse(SPECIMENS / "dcat-shapes.ttl")
    graph = Graph().parse(bundle / "catalog.ttl", publicID="https://example.org/current/catalog.ttl")
    conforms, _, told = validate(graph, shacl_graph=shapes)
    assert conforms, told
    addresses = {
        str(o).removeprefix("https://example.org/current/") for o in graph.objects(None, DCAT.downloadURL)
    }
    assert {"indicators.csv", "indicators.parquet", "indicators.it.csv", "distretto.duckdb"} <= addresses
    assert all((bundle / address).exists() for address in addresses)
    # a catalogue that lacks what is mandatory is refused: the shapes say something
    for lost in (
        DCTERMS.publisher,
        DCTERMS.rightsHolder,
        DCTERMS.license,
        DCTERMS.modified,
        DCTERMS.accrualPeriodicity,
    ):
        less = Graph()
        less += (triple for triple in graph if triple[1] != lost)
        assert not validate(less, shacl_graph=shapes)[0], lost


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
    with open(bundle / "geography.it.csv", encoding="utf-8-sig", newline="") as handle:
        assert {r["istat_code"] for r in csv.DictReader(handle, delimiter=";") if r["geo"] == "ITG17"} == {
            '="087"'
        }
    assert not (bundle / "history.it.csv").exists()


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
