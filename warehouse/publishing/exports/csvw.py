"""csv-metadata.json: the CSV files described as CSV on the Web.

Belongs here: https://www.w3.org/TR/tabular-metadata/. Does not belong here: Italian CSV, whose cells are for Excel.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from warehouse.publishing.exports.forms import data_type
from warehouse.publishing.exports.release_metadata import Facts, Table

# what the CSV files are in, and readers of the standard assume
DIALECT = {"delimiter": ",", "encoding": "utf-8", "header": True, "quoteChar": '"', "doubleQuote": True}


def describe(folder: Path, facts: Facts) -> dict[str, Any]:
    """One group for all CSV tables in `folder`, under the name where readers look for it."""
    present = [table for table in facts.tables.values() if (folder / f"{table.name}.csv").exists()]
    names = {table.name for table in present}
    return {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": "en"}],
        "dc:title": facts.publisher.title.en,
        "dc:publisher": facts.publisher.name.en,
        "dc:license": [url for _, url in facts.licences if url],
        "dialect": DIALECT,
        "tables": [
            {
                "url": f"{table.name}.csv",
                "dc:description": table.description,
                "tableSchema": _schema(table, names),
            }
            for table in present
        ],
    }


def _schema(table: Table, names: set[str]) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "columns": [
            {
                "name": column,
                "titles": column,
                "dc:description": words,
                "datatype": data_type(kind).xml_schema,
                "null": "",
                "required": column in table.primary,
            }
            for column, kind, words in table.columns
        ]
    }
    if table.primary:
        schema["primaryKey"] = table.primary
    foreign = [
        {
            "columnReference": [column],
            "reference": {"resource": f"{other}.csv", "columnReference": [key]},
        }
        for column, (other, key) in table.foreign.items()
        # the standard has no reference of a row to nothing
        if other in names and column not in table.sparse
    ]
    if foreign:
        schema["foreignKeys"] = foreign
    return schema
