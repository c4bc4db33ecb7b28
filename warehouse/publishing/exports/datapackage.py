"""datapackage.json: every file of a release as a Data Package, version 2.

Belongs here: https://datapackage.org/standard/. Does not belong here: the facts themselves (`release_metadata.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from warehouse.publishing.exports.forms import FORMS, data_type, files_of
from warehouse.publishing.exports.release_metadata import Facts, Table
from warehouse.publishing.exports.workbook import HEADS, SHEETS, WORKBOOK

ITALIAN = (
    "The same for Italian Excel: semicolons, decimal commas, local time with its offset, byte order mark. "
)
PEOPLE = "Our country, the peers and the district; the Parquet file has every territory. "
# how cells of an Italian CSV file are written, by type of Table Schema
ITALIAN_CELLS: dict[str, dict[str, Any]] = {
    "number": {"decimalChar": ","},
    "boolean": {"trueValues": ["VERO"], "falseValues": ["FALSO"]},
    "date": {"format": "%d/%m/%Y"},
    "datetime": {"format": "%d/%m/%Y %H:%M:%S.%f %z"},
}
LABELS = {
    "indicatore": "Name of the indicator in Italian.",
    "territorio": "Name of the territory in Italian.",
    "indicator_en": "Name of the indicator in English.",
    "territory": "Name of the territory in English.",
    "indicator": "Identifier of the indicator, see indicator_catalogue.",
    "geo": "NUTS code of the territory, see geography.",
    "level": "Level of the territory.",
    "unit": "Unit of the values, in English.",
}


def describe(
    folder: Path, facts: Facts, digests: dict[str, str], rows: dict[str, int], periods: list[str]
) -> dict[str, Any]:
    """The package; row counts are a property of ours.

    `digests`: SHA-256 of the files in `folder`, `rows`: their rows, both by name; `periods`: those of the workbook.
    """
    who = facts.publisher
    resources = [
        resource
        for table in facts.tables.values()
        for resource in _resources(folder, facts, table, digests, rows)
    ]
    resources += _workbook(folder, digests, rows, periods)
    resources.append(
        {
            "name": "distretto-duckdb",
            "description": "All tables, described, with the macros as_of and indicators_as_of; any DuckDB 1.x.",
            **_file(folder, "distretto.duckdb", "duckdb", digests),
        }
    )
    return {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": "distretto",
        "id": f"urn:distretto:release:{facts.release['release_id']}",
        "title": who.title.en,
        "description": who.description.en,
        "version": facts.release["release_id"],
        "created": f"{facts.release['built_at']:%Y-%m-%dT%H:%M:%SZ}",
        "contributors": [
            {"title": who.name.en, "roles": ["publisher"]} | ({"email": who.email} if who.email else {})
        ],
        "licenses": [
            {"title": title} | ({"path": url} if url else {"name": "other"}) for title, url in facts.licences
        ],
        "sources": [
            {
                "title": f"{d['provider_title']}, {d['provider_code']}: {d['title_en']}",
                "version": d["snapshot_id"],
            }
            for d in facts.sources
            if d["snapshot_id"]
        ],
        "keywords": ["enterprise births", "patents", "employment", "regional statistics", "NUTS"],
        "resources": resources,
    } | ({"homepage": who.base} if who.base else {})


def _file(folder: Path, filename: str, ending: str, digests: dict[str, str]) -> dict[str, Any]:
    form = FORMS[ending]
    return {
        "path": filename,
        "format": form.name,
        "mediatype": form.media_type,
        **({"compression": "gz"} if form.compression else {}),
        "bytes": (folder / filename).stat().st_size,
        "hash": f"sha256:{digests[filename]}",
    }


def _resources(
    folder: Path, facts: Facts, table: Table, digests: dict[str, str], rows: dict[str, int]
) -> list[dict[str, Any]]:
    found = []
    for number, (filename, ending) in enumerate(files_of(folder, table.name)):
        resource: dict[str, Any] = {
            "name": table.name if number == 0 else f"{table.name}-{ending.replace('.', '-')}",
            "type": "table",
            "title": table.name.replace("_", " "),
            "description": (PEOPLE if rows[filename] < table.rows else "") + table.description,
            **_file(folder, filename, ending, digests),
            "rowCount": rows[filename],
        }
        if ending == "parquet":
            # frictionless reads Parquet by itself, counts no bytes, and takes that for another size; `hash` says the same
            del resource["bytes"]
        if ending == "it.csv":
            resource["description"] = ITALIAN + resource["description"]
            # the first is the form of version 2, the second the one that frictionless 5 reads
            resource |= {
                "encoding": "utf-8",
                "dialect": {"delimiter": ";", "csv": {"delimiter": ";"}},
                "schema": _italian_schema(table),
            }
        else:
            resource["schema"] = _schema(facts, table, ending)
            if ending in ("csv", "csv.gz"):
                resource["encoding"] = "utf-8"
        found.append(resource)
    return found


def _schema(facts: Facts, table: Table, ending: str) -> dict[str, Any]:
    """The Table Schema of a table with its keys.

    Of a Parquet file, which has types of its own, it says only what readers by way of pandas see as well: an integer that may
    be missing as a number, a list as any value.
    """
    fields = _fields(table)
    if ending == "parquet":
        for field in fields:
            if field["type"] in ("array", "object"):
                field["type"] = "any"
            elif field["type"] == "integer" and field["name"] not in table.primary:
                field["type"] = "number"
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


def _fields(table: Table) -> list[dict[str, Any]]:
    fields = []
    for column, kind, words in table.columns:
        field: dict[str, Any] = {
            "name": column,
            "type": data_type(kind).table_schema,
            "description": words,
            "duckdbType": kind,
        }
        if column in table.primary:
            field["constraints"] = {"required": True}
        fields.append(field)
    return fields


def _italian_schema(table: Table) -> dict[str, Any]:
    """Without keys: what Excel would take for a date or a formula has a guard, and is another text."""
    fields = [field | ITALIAN_CELLS.get(field["type"], {}) for field in _fields(table)]
    return {"fields": fields, "missingValues": [""]}


def _unique(facts: Facts, table: Table) -> list[str]:
    """The key of the long tables, whose dimensions may be NULL: what makes a series, and the period."""
    heads = [column for column, _, _ in table.columns]
    key = [column for column, _, _ in facts.tables["series"].columns if column != "series"] + ["period"]
    return key if set(key) <= set(heads) and "kind" not in heads else []


def _workbook(
    folder: Path, digests: dict[str, str], rows: dict[str, int], periods: list[str]
) -> list[dict[str, Any]]:
    """A resource for each sheet with figures."""
    return [
        {
            "name": f"indicators-xlsx-{sheet}",
            "type": "table",
            "title": f"Workbook, sheet {sheet}",
            "description": "Indicators with labels, a column a period, for Excel and Power Query.",
            **_file(folder, WORKBOOK, "xlsx", digests),
            "rowCount": rows[WORKBOOK],
            "dialect": {"sheetName": sheet, "excel": {"sheet": sheet}},
            "schema": {
                "fields": [{"name": head, "type": "string", "description": LABELS[head]} for head in HEADS]
                + [
                    {"name": period, "type": kind, "description": f"{sheet} in {period}"}
                    for period in periods
                ],
                "missingValues": [""],
            },
        }
        for sheet, kind in SHEETS.items()
    ]
