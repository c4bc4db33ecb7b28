"""SDMX: the status code of a figure, dataflows with their dimensions and attributes, and SDMX-CSV 2.0 files.

Belongs here: SDMX's names and codes for what a release publishes. Does not belong here: structures as messages
(`sdmx_structures.py`), answers to queries (`publishing/sdmx_query.py`), reading providers' SDMX (`sources/formats`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from sources.common.sql import identifier, literal, scalar

# letter of a provider's flag -> code of SDMX's CL_OBS_STATUS, the most important first; z and r have no code in it
STATUS = {
    "m": "M",
    "z": "M",
    "l": "L",
    "h": "H",
    "q": "Q",
    "o": "O",
    "b": "B",
    "u": "U",
    "n": "N",
    "d": "D",
    "f": "F",
    "e": "E",
    "s": "E",
    "i": "I",
    "p": "P",
    "v": "V",
    "g": "G",
    "j": "J",
    "k": "K",
    "w": "W",
}


def status_sql(flag: str, value: str) -> str:
    """SQL for the one code of CL_OBS_STATUS that says most of a figure with these columns.

    A is a normal value; NULL if the flags are unknown; Q a confidential value that is missing, O one missing without
    another reason. What is confidential and published is in CONF_STATUS.
    """
    letters = " ".join(
        f"when contains({flag}, {literal(letter)}) then {literal(code)}" for letter, code in STATUS.items()
    )
    missing = (
        f"when {value} is null and contains({flag}, 'c') then 'Q' {letters} when {value} is null then 'O'"
    )
    return f"case when {flag} is null then null {missing} else 'A' end"


AGENCY, VERSION = "DISTRETTO", "1.0"
INDICATORS = "indicators"
MEASURE, TIME = "OBS_VALUE", "TIME_PERIOD"
# columns of `series` that are no dimension of a flow; the unit is the last one
_NO_DIMENSION = ("series", "dataset", "indicator", "unit")


@dataclass(frozen=True)
class Flow:
    """A dataflow of the release: a dataset, or the `indicators`.

    `dimensions`: the columns that identify a series, in the order of the key; SDMX has their names in capitals.
    `attributes`: the SQL of each attribute, by its SDMX name.
    """

    id: str
    dimensions: tuple[str, ...]
    attributes: dict[str, str]

    @property
    def urn(self) -> str:
        """`AGENCY:ID(VERSION)`."""
        return f"{AGENCY}:{self.id}({VERSION})"

    def columns_sql(self, action: str = "'I'") -> str:
        """The select list of SDMX-CSV 2.0 for a table with the columns of this flow; `action` is SQL."""
        return ", ".join(
            [
                "'dataflow' as \"STRUCTURE\"",
                f'{literal(self.urn)} as "STRUCTURE_ID"',
                f'{action} as "ACTION"',
                *(f'{identifier(d)} as "{d.upper()}"' for d in self.dimensions),
                f'period as "{TIME}"',
                f'value as "{MEASURE}"',
                *(f'{sql} as "{attribute}"' for attribute, sql in self.attributes.items()),
            ]
        )


def flows(con: duckdb.DuckDBPyConnection) -> list[str]:
    """The ids of every dataflow of the release that `con` reads: `indicators`, and each dataset that has series."""
    held = con.execute("select distinct dataset from series order by 1").fetchall()
    return [INDICATORS, *(dataset for (dataset,) in held)]


def flow(con: duckdb.DuckDBPyConnection, dataset: str) -> Flow:
    """The dataflow of `dataset`, or of the `indicators`. Raises LookupError if the release has no such dataset.

    The structure is named after us, since rows carry our unit and indicator; the dimensions keep the provider's codes.
    OBS_STATUS is one code of SDMX's list, A for a normal value; OBS_FLAG has all of the provider's flags.
    """
    common = {"OBS_STATUS": status_sql("flag", "value"), "OBS_FLAG": "flag"}
    if dataset == INDICATORS:
        return Flow(
            dataset, ("indicator", "geo"), common | {"UNIT_MEASURE": "unit", "RELIABILITY": "reliability"}
        )
    every = [
        column for (column, *_) in con.execute("describe series").fetchall() if column not in _NO_DIMENSION
    ]
    used = con.execute(
        f"select {', '.join(f'count({identifier(c)})' for c in every)} from series "
        f"where dataset = {literal(dataset)} having count(*) > 0"
    ).fetchone()
    if used is None:
        raise LookupError(dataset)
    dimensions = [column for column, count in zip(every, used, strict=True) if count]
    return Flow(dataset, (*dimensions, "unit"), common | {"CONF_STATUS": "conf"})


def sdmx_csv(con: duckdb.DuckDBPyConnection, dataset: str, path: Path) -> int:
    """The observations of `dataset`, or the `indicators`, as SDMX-CSV 2.0 in `path`; `con` reads the release.

    Returns the rows written; raises LookupError if the release has no such dataset.
    """
    chosen = flow(con, dataset)
    source = (
        INDICATORS if dataset == INDICATORS else f"(from observations where dataset = {literal(dataset)})"
    )
    order = ", ".join(identifier(d) for d in chosen.dimensions)
    return scalar(
        con,
        f"copy (select {chosen.columns_sql()} from {source} order by {order}, period) "
        f"to {literal(path)} (format csv, header true)",
    )
