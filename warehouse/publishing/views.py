"""The published views: one figure per territory and period, the indicators behind provider codes, and SDMX's names.

Belongs here: other forms of published tables, stored as queries. Does not belong here: new figures.
Names are qualified with the database, `distretto`, so that a reader may attach the file beside others under that name.
"""

from __future__ import annotations

import duckdb

from sources.common.sql import identifier, literal
from warehouse.publishing.contract import contract
from warehouse.publishing.exports.sdmx import status_sql

TOTAL_COLUMNS = (
    "indicator, geo, period, value, unit, flag, reliability, "
    "break_before, truncated, provisional, dataset, snapshot_id"
)
# column of `observations` -> SDMX concept
CONCEPTS = {
    "dataset": "DATAFLOW",
    "indicator": "MEASURED",
    "geo": "REF_AREA",
    "period": "TIME_PERIOD",
    "value": "OBS_VALUE",
    "unit": "UNIT_MEASURE",
    "flag": "OBS_FLAG",
    "conf": "CONF_STATUS",
}


def build(con: duckdb.DuckDBPyConnection, target: str) -> None:
    """Create every view of `published.yml` in the attached database `target`, which has the tables."""
    for view, words in contract().views.items():
        con.execute(f"create view {target}.{view} as {_sql(con, view, words.total_of, target)}")


def _sql(con: duckdb.DuckDBPyConnection, view: str, total_of: str | None, target: str) -> str:
    if total_of:
        return f"select {TOTAL_COLUMNS} from {target}.indicators where indicator = {literal(total_of)}"
    if view == "indicator_codes":
        return (
            "select distinct indicator, input_dataset as dataset, input_indicator as code "
            f"from {target}.indicator_inputs"
        )
    if view == "observations_sdmx":
        columns = [row[0] for row in con.execute(f"describe {target}.observations").fetchall()]
        parts = [f"{identifier(c)} as {identifier(CONCEPTS.get(c, c))}" for c in columns]
        place = columns.index("value") + 1
        parts.insert(place, f'{status_sql("flag", "value")} as "OBS_STATUS"')
        return f"select {', '.join(parts)} from {target}.observations"
    raise KeyError(view)
