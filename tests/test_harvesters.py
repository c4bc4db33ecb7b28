"""What harvesters and validators read of a release: Data Package, CSV on the Web, DCAT, each by a validator of its own."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import duckdb
import jsonschema
import pytest

from tests.conftest import SPECIMENS as REAL

SPECIMENS = Path(__file__).parent / "specimens"
BASE = "https://example.org/current/"
# what an institution must add, or a release cannot have: explained in docs/connect.md
ACCEPTED = {
    ("dcat:bbox", "nuts/code/ITG1"),
    ("dcat:centroid", "nuts/code/ITG1"),
    ("dct:temporal", "catalog.ttl#targets"),
}


@pytest.fixture(scope="module")
def bundle(home: Path) -> Path:
    return (home / "current").resolve()


def package(folder: Path) -> dict:
    return json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))


# -- Data Package


def test_the_data_package_fits_a_schema_of_version_2(bundle: Path):
    schema = json.loads((SPECIMENS / "datapackage-2.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(package(bundle))
    broken = package(bundle) | {"licenses": "none"}
    assert list(jsonschema.Draft202012Validator(schema).iter_errors(broken))


def test_every_file_of_a_table_is_described_with_a_schema(bundle: Path):
    described = {r["path"]: r for r in package(bundle)["resources"]}
    lying = {
        path.name
        for path in bundle.iterdir()
        if path.suffix in (".csv", ".gz", ".parquet", ".xlsx", ".duckdb")
    }
    assert set(described) == lying
    # frictionless counts no bytes of Parquet, and takes a number of them for an error
    assert {path.rpartition(".")[2] for path, r in described.items() if "bytes" not in r} == {"parquet"}
    assert [path for path, r in described.items() if "schema" not in r] == ["distretto.duckdb"]
    assert described["catalogue.csv"]["schema"]["fields"][-1]["type"] == "array"


def test_frictionless_finds_no_error_in_any_form(bundle: Path):
    """Every resource, of long tables the first rows: CSV, Italian CSV, Parquet, workbook, DuckDB."""
    from frictionless import Package, Resource, system

    resources = package(bundle)["resources"]
    for resource in resources:
        # the rows referred to may be beyond those read; that keys and references hold is tested in SQL
        resource.get("schema", {}).pop("foreignKeys", None)
        if resource.get("rowCount", 0) > 2000:
            for key in ("hash", "bytes"):
                resource.pop(key, None)
    with system.use_context(trusted=True):
        report = Package.from_descriptor(
            {"name": "distretto", "resources": resources}, basepath=str(bundle)
        ).validate(limit_rows=500)
        assert [(task.name, error.message) for task in report.tasks for error in task.errors] == []
        (small,) = [r for r in resources if r["path"] == "vintages.csv"]
        small["schema"]["fields"][0]["type"] = "date"
        assert not Resource.from_descriptor(small, basepath=str(bundle)).validate().valid


def test_keys_and_references_of_the_package_hold(bundle: Path):
    resources = {r["name"]: r for r in package(bundle)["resources"] if "schema" in r}
    assert {r["path"] for r in resources.values()} >= {"observations.parquet", "observations.csv.gz"}
    references = 0
    with duckdb.connect(str(bundle / "distretto.duckdb"), read_only=True) as con:
        for name, resource in resources.items():
            schema, table = resource["schema"], resource["path"].split(".")[0]
            if key := schema.get("primaryKey"):
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


# -- CSV on the Web


def test_csv_on_the_web_describes_the_files_as_they_are(bundle: Path):
    group = json.loads((bundle / "csv-metadata.json").read_text(encoding="utf-8"))
    assert group["@context"][0] == "http://www.w3.org/ns/csvw"
    described = {t["url"]: t["tableSchema"] for t in group["tables"]}
    lying = {path.name for path in bundle.glob("*.csv") if not path.name.endswith(".it.csv")}
    assert set(described) == lying
    for url, schema in described.items():
        titles = [c["titles"] for c in schema["columns"]]
        with open(bundle / url, encoding="utf-8", newline="") as handle:
            rows = csv.DictReader(handle)
            assert rows.fieldnames == titles
            keys: set[tuple[str, ...]] = set()
            number = 0
            for number, row in enumerate(rows, 1):  # noqa: B007
                for column in schema["columns"]:
                    cell = row[column["name"]]
                    assert cell or not column["required"], (url, column["name"])
                    if cell and column["datatype"] == "json":
                        json.loads(cell)
                # a validator takes an empty reference for a row that is not there
                assert all(row[c] for f in schema.get("foreignKeys", []) for c in f["columnReference"]), url
                keys.add(tuple(row[c] for c in schema.get("primaryKey", [])))
            assert len(keys) == number or "primaryKey" not in schema, url
        for foreign in schema.get("foreignKeys", []):
            assert foreign["reference"]["resource"] in described


# -- DCAT


@pytest.fixture(scope="module")
def catalogue(bundle: Path):
    from rdflib import Graph

    return Graph().parse(bundle / "catalog.ttl", publicID=f"{BASE}catalog.ttl")


def violations(graph, *files: Path) -> list[tuple[str, str]]:
    """Path and focus of what does not conform."""
    from pyshacl import validate
    from rdflib import RDF, Graph
    from rdflib.namespace import Namespace

    shapes = Graph()
    for file in files:
        shapes.parse(file)
    _, report, _ = validate(graph, shacl_graph=shapes)
    sh = Namespace("http://www.w3.org/ns/shacl#")
    return [
        (
            report.namespace_manager.normalizeUri(report.value(result, sh.resultPath)),
            str(report.value(result, sh.focusNode)),
        )
        for result in report.subjects(RDF.type, sh.ValidationResult)
    ]


@pytest.fixture(scope="module")
def official() -> Path:
    folder = REAL / "shapes"
    if not folder.is_dir():
        pytest.skip(f"the official shapes of DCAT-AP are not here: {folder} (set DISTRETTO_SPECIMENS)")
    return folder


@pytest.mark.parametrize("files", [["shapes.ttl"], ["shapes.ttl", "range.ttl"]])
def test_the_catalogue_passes_the_official_shapes_of_dcat_ap_3(catalogue, official: Path, files: list[str]):
    assert violations(catalogue, *(official / file for file in files)) == []


def test_the_catalogue_has_what_dcat_ap_3_recommends_but_for_what_the_docs_name(catalogue, official: Path):
    lacking = violations(catalogue, official / "shapes_recommended.ttl")
    unexpected = [
        (path, focus)
        for path, focus in lacking
        if not any(path.endswith(p.split(":")[1]) and focus.endswith(f) for p, f in ACCEPTED)
    ]
    assert unexpected == []


def test_the_catalogue_fits_dcat_ap_it(bundle: Path, catalogue):
    from rdflib import DCAT, DCTERMS, Graph

    shapes = SPECIMENS / "dcat-shapes.ttl"
    assert violations(catalogue, shapes) == []
    addresses = {str(o).removeprefix(BASE) for o in catalogue.objects(None, DCAT.downloadURL)}
    assert {
        "indicators.csv",
        "indicators.parquet",
        "indicators.it.csv",
        "history.parquet",
        "distretto.duckdb",
    } <= addresses
    assert all((bundle / address).exists() for address in addresses)
    # a catalogue that lacks what is mandatory is refused: the shapes say something
    for lost in (DCTERMS.publisher, DCTERMS.rightsHolder, DCTERMS.license, DCTERMS.accrualPeriodicity):
        less = Graph()
        less += (triple for triple in catalogue if triple[1] != lost)
        assert violations(less, shapes), lost


def test_harvesters_find_a_handful_of_datasets_in_two_languages(bundle: Path, catalogue):
    from rdflib import DCAT, DCTERMS, FOAF, RDF

    datasets = set(catalogue.subjects(RDF.type, DCAT.Dataset))
    assert {str(d).split("#")[1] for d in datasets} == {
        "enterprise_births",
        "patents",
        "employment",
        "indicators",
        "targets",
        "revisions",
    }
    for dataset in datasets:
        for term in (DCTERMS.title, DCTERMS.description, DCAT.keyword):
            assert {text.language for text in catalogue.objects(dataset, term)} == {"it", "en"}, (
                dataset,
                term,
            )
        for term in (DCAT.landingPage, FOAF.page):
            for page in catalogue.objects(dataset, term):
                assert (bundle / str(page).removeprefix(BASE)).exists(), page
        assert list(catalogue.objects(dataset, DCTERMS.accessRights))
        for distribution in catalogue.objects(dataset, DCAT.distribution):
            assert len(list(catalogue.objects(distribution, DCTERMS.license))) == 1
    (service,) = catalogue.subjects(RDF.type, DCAT.DataService)
    assert set(catalogue.objects(service, DCAT.servesDataset)) == datasets


def test_a_dataset_has_the_licence_of_the_sources_that_have_rows(bundle: Path, catalogue):
    from rdflib import DCAT, DCTERMS, URIRef

    births = catalogue.objects(URIRef(f"{BASE}catalog.ttl#enterprise_births"), DCAT.distribution)
    found = {str(licence) for node in births for licence in catalogue.objects(node, DCTERMS.license)}
    with duckdb.connect(str(bundle / "distretto.duckdb"), read_only=True) as con:
        ((address,),) = con.execute(
            "select licence_url from catalogue where dataset in (select dataset from enterprise_births)"
        ).fetchall()
        licences = con.execute(
            "select distinct licence from catalogue where dataset in (select dataset from observations) order by 1"
        ).fetchall()
    assert found == {address}
    assert sorted(licence["title"] for licence in package(bundle)["licenses"]) == [
        text for (text,) in licences
    ]


def test_a_public_address_makes_addresses_absolute(bundle: Path, monkeypatch: pytest.MonkeyPatch):
    from rdflib import DCAT, Graph

    from sources.data_folder import file_sha256
    from warehouse.publishing.exports import dcat, feeds, release_metadata
    from warehouse.reference.territory import territory

    with duckdb.connect(str(bundle / "distretto.duckdb"), read_only=True) as con:
        facts = release_metadata.read(con)
    facts.publisher = release_metadata.Publisher.model_validate(
        facts.publisher.model_dump() | {"address": "https://data.example.org/etna"}
    )
    digests = {path.name: file_sha256(path) for path in bundle.iterdir() if path.is_file()}
    graph = Graph().parse(
        data=dcat.describe(bundle, facts, territory().model_dump(), digests), format="turtle"
    )
    addresses = {str(o) for o in graph.objects(None, DCAT.downloadURL)}
    assert all(address.startswith("https://data.example.org/etna/current/") for address in addresses)
    assert feeds.json_feed(facts, [])["feed_url"] == "https://data.example.org/etna/current/feed.json"
