"""The bundle described for machines: Data Package v2, CSV on the Web, DCAT-AP 3 and DCAT-AP_IT.

Belongs here: standards' forms. Does not belong here: sentences (`papers.py`). Addresses are relative, so that a
bundle describes itself wherever it lies.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from warehouse.publishing.exports.release_metadata import Facts, Table
from warehouse.publishing.exports.tables import CSV_ROWS, WORKBOOK

# DuckDB type -> (Table Schema type, XML Schema type)
TYPES = {
    "VARCHAR": ("string", "string"),
    "DOUBLE": ("number", "double"),
    "INTEGER": ("integer", "integer"),
    "BIGINT": ("integer", "integer"),
    "BOOLEAN": ("boolean", "boolean"),
    "DATE": ("date", "date"),
    "TIMESTAMP WITH TIME ZONE": ("datetime", "dateTimeStamp"),
}
AUTHORITY = "http://publications.europa.eu/resource/authority/"
# ending -> (Data Package format, media type, EU file type)
FORMATS = {
    "csv": ("csv", "text/csv", "CSV"),
    "it.csv": ("csv", "text/csv", "CSV"),
    "parquet": ("parquet", "application/vnd.apache.parquet", "PARQUET"),
    "duckdb": ("duckdb", "application/octet-stream", "BIN"),
    "xlsx": ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "XLSX"),
}
FREQUENCIES = {"A": "ANNUAL", "S": "ANNUAL_2", "Q": "QUARTERLY", "M": "MONTHLY", "W": "WEEKLY", "D": "DAILY"}
THEMES = {"patents": "TECH"}


def files_of(folder: Path, table: str) -> list[tuple[str, str]]:
    """`(filename, ending)` of the forms in which `table` lies in `folder`, the first one its main form."""
    return [
        (f"{table}.{ending}", ending)
        for ending in ("csv", "parquet", "it.csv")
        if (folder / f"{table}.{ending}").exists()
    ]


# -- Data Package


def datapackage(folder: Path, facts: Facts, digests: dict[str, str]) -> dict[str, Any]:
    """https://datapackage.org/standard/data-package/, version 2; row counts are a property of ours.

    `digests`: SHA-256 of the files in `folder`, by name.
    """
    resources: list[dict[str, Any]] = []
    for table in facts.tables.values():
        for filename, ending in files_of(folder, table.name):
            form, media_type, _ = FORMATS[ending]
            main = ending == files_of(folder, table.name)[0][1]
            resource = {
                "name": table.name if main else f"{table.name}-{ending.replace('.', '-')}",
                "path": filename,
                "title": table.name.replace("_", " "),
                "description": table.description,
                "format": form,
                "mediatype": media_type,
                "bytes": (folder / filename).stat().st_size,
                "hash": f"sha256:{digests[filename]}",
                "rowCount": table.rows,
            }
            if ending == "it.csv":
                resource |= {
                    "encoding": "utf-8",
                    "description": "The same for Italian Excel: semicolons, decimal commas, byte order mark. "
                    + table.description,
                    "dialect": {"delimiter": ";"},
                }
            else:
                resource |= {"type": "table", "schema": table_schema(facts, table)}
                if ending == "csv":
                    resource["encoding"] = "utf-8"
            resources.append(resource)
    for filename, description in (
        ("distretto.duckdb", "All tables, described, with the macro as_of; DuckDB 1.x."),
        (WORKBOOK, "Indicators with labels, a column a period, for Excel and Power Query."),
    ):
        form, media_type, _ = FORMATS[filename.rpartition(".")[2]]
        resources.append(
            {
                "name": filename.replace(".", "-"),
                "path": filename,
                "description": description,
                "format": form,
                "mediatype": media_type,
                "bytes": (folder / filename).stat().st_size,
                "hash": f"sha256:{digests[filename]}",
            }
        )
    who = facts.publisher
    return {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": "distretto",
        "id": f"urn:distretto:release:{facts.release['release_id']}",
        "title": who["title"]["en"],
        "description": who["description"]["en"],
        "version": facts.release["release_id"],
        "created": f"{facts.release['built_at']:%Y-%m-%dT%H:%M:%SZ}",
        "contributors": [
            {"title": who["name"]["en"], "roles": ["publisher"]}
            | ({"email": who["email"]} if who["email"] else {})
        ],
        "licenses": [
            {"title": title} | ({"path": url} if url else {"name": "other"}) for title, url in facts.licences
        ],
        "sources": [
            {
                "title": f"{d['provider_title']}, {d['provider_code']}: {d['title_en']}",
                "version": d["snapshot_id"],
            }
            for d in facts.catalogue
            if d["snapshot_id"]
        ],
        "keywords": ["enterprise births", "patents", "employment", "regional statistics", "NUTS"],
        "resources": resources,
    }


def table_schema(facts: Facts, table: Table) -> dict[str, Any]:
    fields = []
    for column, kind, words in table.columns:
        form = {"name": column, "type": TYPES.get(kind, ("string", ""))[0], "description": words}
        if column in table.primary:
            form["constraints"] = {"required": True}
        fields.append(form)
    schema: dict[str, Any] = {"fields": fields, "missingValues": [""]}
    if table.primary:
        schema["primaryKey"] = table.primary
    elif unique := _unique(facts, table):
        schema["uniqueKeys"] = [unique]
    if table.foreign:
        schema["foreignKeys"] = [
            {"fields": [column], "reference": {"resource": other, "fields": [key]}}
            for column, (other, key) in table.foreign.items()
        ]
    return schema


def _unique(facts: Facts, table: Table) -> list[str]:
    """The key of the long tables, whose dimensions may be NULL: what makes a series, and the period."""
    heads = [column for column, _, _ in table.columns]
    key = [column for column, _, _ in facts.tables["series"].columns if column != "series"] + ["period"]
    return key if set(key) <= set(heads) and "kind" not in heads else []


# -- CSV on the Web


def csvw(folder: Path, facts: Facts) -> dict[str, Any]:
    """https://www.w3.org/TR/tabular-metadata/: one group for all CSV tables, where readers look for it."""
    return {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": "en"}],
        "dc:title": facts.publisher["title"]["en"],
        "tables": [
            {
                "url": f"{table.name}.csv",
                "dc:description": table.description,
                "tableSchema": {
                    "columns": [
                        {
                            "name": column,
                            "titles": column,
                            "dc:description": words,
                            "datatype": TYPES.get(kind, ("", "string"))[1],
                        }
                        for column, kind, words in table.columns
                    ],
                    **({"primaryKey": table.primary} if table.primary else {}),
                },
            }
            for table in facts.tables.values()
            if table.rows < CSV_ROWS and (folder / f"{table.name}.csv").exists()
        ],
    }


# -- DCAT


def catalog(folder: Path, facts: Facts, territory: dict[str, Any], digests: dict[str, str]) -> str:
    """Turtle for DCAT-AP 3 and DCAT-AP_IT at once: a catalogue, a dataset a table, a distribution a file.

    No blank nodes, whose order would change from run to run.
    """
    from rdflib import DCAT, DCTERMS, FOAF, RDF, XSD, Graph, Literal, Namespace, URIRef

    it = Namespace("http://dati.gov.it/onto/dcatapit#")
    vcard = Namespace("http://www.w3.org/2006/vcard/ns#")
    spdx = Namespace("http://spdx.org/rdf/terms#")
    graph = Graph()
    for prefix, space in (
        ("dcatapit", it),
        ("vcard", vcard),
        ("spdx", spdx),
        ("dcat", DCAT),
        ("dct", DCTERMS),
    ):
        graph.bind(prefix, space)

    def say(node: URIRef, kinds: list[Any], **links: Any) -> URIRef:
        for kind in kinds:
            graph.add((node, RDF.type, kind))
        for key, values in links.items():
            for value in values if isinstance(values, list) else [values]:
                graph.add((node, _term(key), value))
        return node

    def _term(key: str) -> URIRef:
        prefix, _, term = key.partition("_")
        return {"dct": DCTERMS, "dcat": DCAT, "foaf": FOAF, "vcard": vcard, "spdx": spdx}[prefix][term]

    def both(words: dict[str, str]) -> list[Literal]:
        return [Literal(words["it"], lang="it"), Literal(words["en"], lang="en")]

    def authority(table: str, code: str) -> URIRef:
        return URIRef(f"{AUTHORITY}{table}/{code}")

    who = facts.publisher
    day = Literal(f"{facts.release['built_at']:%Y-%m-%d}", datatype=XSD.date)
    agent = say(
        URIRef("#publisher"),
        [FOAF.Agent, it.Agent],
        foaf_name=both(who["name"]),
        dct_identifier=Literal(str(who["identifier"])),
    )
    contact = say(
        URIRef("#contact"), [vcard.Organization, it.Organization], vcard_fn=Literal(who["name"]["it"])
    )
    if who["email"]:
        graph.add((contact, vcard.hasEmail, URIRef(f"mailto:{who['email']}")))
    licences = []
    for number, (title, url) in enumerate(facts.licences, 1):
        node = URIRef(url or f"#licence-{number}")
        licences.append(
            say(
                node,
                [DCTERMS.LicenseDocument, it.LicenseDocument],
                foaf_name=Literal(title),
                dct_title=Literal(title),
            )
        )
    place = say(
        URIRef(f"http://data.europa.eu/nuts/code/{territory['region']}"),
        [DCTERMS.Location],
        dct_identifier=Literal(territory["region"]),
    )
    say(
        URIRef("#catalog"),
        [DCAT.Catalog, it.Catalog],
        dct_title=both(who["title"]),
        dct_description=both(who["description"]),
        dct_publisher=agent,
        dct_issued=day,
        dct_modified=day,
        dct_language=[authority("language", "ITA"), authority("language", "ENG")],
        dcat_themeTaxonomy=URIRef(f"{AUTHORITY}data-theme"),
        dct_spatial=place,
    )
    if who["homepage"]:
        graph.add((URIRef("#catalog"), FOAF.homepage, URIRef(who["homepage"])))
    frequencies = {d["frequency"] for d in facts.catalogue}
    for table in facts.tables.values():
        dataset = URIRef(f"#{table.name}")
        graph.add((URIRef("#catalog"), DCAT.dataset, dataset))
        say(
            dataset,
            [DCAT.Dataset, it.Dataset],
            dct_identifier=Literal(f"distretto:{table.name}"),
            dct_title=Literal(table.name.replace("_", " "), lang="en"),
            dct_description=Literal(table.description, lang="en"),
            dct_modified=day,
            dcat_theme=authority("data-theme", THEMES.get(table.name, "ECON")),
            dct_publisher=agent,
            dct_rightsHolder=agent,
            dct_accrualPeriodicity=authority(
                "frequency",
                FREQUENCIES.get(next(iter(frequencies)), "UNKNOWN") if len(frequencies) == 1 else "IRREG",
            ),
            dcat_contactPoint=contact,
            dct_language=authority("language", "ENG"),
            dct_spatial=place,
        )
        if table.years:
            first, last = table.years
            span = say(
                URIRef(f"#period-{table.name}"),
                [DCTERMS.PeriodOfTime],
                dcat_startDate=Literal(f"{first}-01-01", datatype=XSD.date),
                dcat_endDate=Literal(f"{last}-12-31", datatype=XSD.date),
            )
            graph.add((dataset, DCTERMS.temporal, span))
        for filename, ending in [*files_of(folder, table.name), ("distretto.duckdb", "duckdb")]:
            node = URIRef(f"#{table.name}.{ending}")
            graph.add((dataset, DCAT.distribution, node))
            say(
                node,
                [DCAT.Distribution, it.Distribution],
                dct_title=Literal(filename),
                dct_format=authority("file-type", FORMATS[ending][2]),
                dcat_mediaType=URIRef(f"https://www.iana.org/assignments/media-types/{FORMATS[ending][1]}"),
                dcat_accessURL=URIRef(filename),
                dcat_downloadURL=URIRef(filename),
                dct_license=licences,
            )
            if ending != "duckdb":
                size = (folder / filename).stat().st_size
                graph.add((node, DCAT.byteSize, Literal(size, datatype=XSD.nonNegativeInteger)))
                checksum = say(
                    URIRef(f"#checksum-{filename}"),
                    [spdx.Checksum],
                    spdx_algorithm=spdx.checksumAlgorithm_sha256,
                    spdx_checksumValue=Literal(digests[filename], datatype=XSD.hexBinary),
                )
                graph.add((node, spdx.checksum, checksum))
    return graph.serialize(format="turtle")
