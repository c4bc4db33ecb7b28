"""The forms in which a table lies in a release, and their names in each standard.

Belongs here: what the machine-readable descriptions share. Does not belong here: a standard's own document.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Form:
    """A kind of file: its Data Package format, IANA media type and code of the EU's file types.

    `compression`: the IANA media type of the packing, where the file is packed.
    """

    name: str
    media_type: str
    file_type: str
    compression: str | None = None

    @property
    def media_type_uri(self) -> str:
        return media_type_uri(self.media_type)


@dataclass(frozen=True)
class DataType:
    """A DuckDB type in Table Schema and in XML Schema (CSV on the Web)."""

    table_schema: str
    xml_schema: str


FORMS = {
    "csv": Form("csv", "text/csv", "CSV"),
    "csv.gz": Form("csv", "text/csv", "CSV", "application/gzip"),
    "it.csv": Form("csv", "text/csv", "CSV"),
    "parquet": Form("parquet", "application/vnd.apache.parquet", "PARQUET"),
    "duckdb": Form("duckdb", "application/octet-stream", "BIN"),
    "xlsx": Form("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "XLSX"),
}
TYPES = {
    "VARCHAR": DataType("string", "string"),
    "DOUBLE": DataType("number", "double"),
    "INTEGER": DataType("integer", "integer"),
    "BIGINT": DataType("integer", "integer"),
    "BOOLEAN": DataType("boolean", "boolean"),
    "DATE": DataType("date", "date"),
    "TIMESTAMP WITH TIME ZONE": DataType("datetime", "dateTimeStamp"),
}
# in CSV files both are JSON
LIST, MAP = DataType("array", "json"), DataType("object", "json")


# the main form first
TABLE_FORMS = ("csv", "csv.gz", "parquet", "it.csv")


def media_type_uri(media_type: str) -> str:
    """The address of an IANA media type."""
    return f"https://www.iana.org/assignments/media-types/{media_type}"


def data_type(kind: str) -> DataType:
    """The standards' names of a DuckDB type. Raises KeyError for a type that no published column has."""
    if kind.endswith("[]"):
        return LIST
    return MAP if kind.startswith("MAP(") else TYPES[kind]


def files_of(folder: Path, table: str) -> list[tuple[str, str]]:
    """`(filename, ending)` of the forms in which `table` lies in `folder`, the first one its main form."""
    return [
        (f"{table}.{ending}", ending) for ending in TABLE_FORMS if (folder / f"{table}.{ending}").exists()
    ]
