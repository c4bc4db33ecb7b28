"""The checks that an entry's own rules give: rows, keys, territories, flags, units, ranges, size, share of revised figures.

DuckDB computes what is judged: the rows of the territory and its peers in full, of the whole table a profile
(counts, codes, flags, ranges, duplicates), so that memory stays bounded. Does not belong here: how far figures are from the
last ones (`plausibility.py`).
"""

from __future__ import annotations

from typing import Any

import duckdb

from assets.checks.cells import watched
from assets.checks.expectations import Rule
from sources.catalogue import Dataset, Range
from sources.common.sql import identifier, literal
from sources.formats.staged import Staged
from sources.snapshots import Snapshot
from warehouse.history import vintages
from warehouse.reference.territory import geography

NAMES = (
    "min_rows",
    "unique_keys",
    "no_empty_keys",
    "geos",
    "known_geos",
    "flags",
    "units",
    "ranges",
    "size_ratio",
    "revised_share",
)


def frames(
    con: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    snapshot: Snapshot,
    staged: Staged,
    before: Staged | None,
) -> dict[str, Any]:
    """The frames that are judged, of the views `staged_series` and `staged_rows`: `table` (one row of counts), `geos`, `flags`,
    `units`, `range_N`, `rows` (ours and peers), and, if there are figures to compare with, `size` and `revised`."""
    keys = ", ".join(identifier(dimension) for dimension in dataset.dimensions)
    empty = " or ".join(f"trim(coalesce({identifier(d)}, '')) = ''" for d in dataset.dimensions)
    one = con.execute(f"""
        select (select count(*) from staged_rows) as n_rows,
               (select count(*) from (select {keys} from staged_series group by all having count(*) > 1))
               + (select count(*) from (select series, period from staged_rows group by all having count(*) > 1)) as duplicates,
               (select count(*) from staged_series where {empty})
               + (select count(*) from staged_rows where trim(coalesce(period, '')) = '' or series is null)
               + (select count(*) from staged_rows anti join staged_series using (series)) as empty_keys
        """).df()
    size, revised = one[[]][:0], one[[]][:0]
    if before:
        (rows_before,) = con.execute(
            f"select count(*) from read_parquet({literal(before.observations)})"
        ).fetchall()[0]
        size = (one[["n_rows"]] / max(rows_before, 1)).rename(columns={"n_rows": "size_ratio"})
        if not one["duplicates"].iloc[0]:
            vintages.match_series(con, dataset, staged)
            (changed,) = con.execute(
                f"select count(*) filter (kind = 'changed') from "
                f"({vintages.differences_sql(dataset, snapshot, staged)})"
            ).fetchall()[0]
            revised = size.rename(columns={"size_ratio": "revised_share"})
            revised["revised_share"] = changed / max(rows_before, 1)
    near = ", ".join(map(literal, watched()))
    made = {
        "table": one,
        "size": size,
        "revised": revised,
        "geos": con.execute("select distinct geo from staged_series").df(),
        "flags": con.execute(
            "select distinct unnest(regexp_extract_all(flag, '.')) as flag from (select distinct flag from staged_rows)"
        ).df(),
        "rows": con.execute(
            f"select s.*, o.period, o.value from staged_rows o join staged_series s using (series) "
            f"where geo in ({near})"
        ).df(),
    }
    if isinstance(dataset.unit, dict):
        (dimension,) = dataset.unit
        made["units"] = con.execute(
            f"select distinct {identifier(dimension)} as code from staged_series"
        ).df()
    for number, rule in enumerate(dataset.checks.ranges):
        made[f"range_{number}"] = _extremes(con, rule)
    # Great Expectations copies a set of values some twenty times: with all known codes 0.2 s a dataset
    geos = made["geos"]["geo"]
    made["geos"]["unknown_geo"] = geos.where(~geos.isin(geography().keys()))
    return made


def _extremes(con: duckdb.DuckDBPyConnection, rule: Range) -> Any:
    """Least and greatest value of the rows that `rule` selects, over the whole table."""
    chosen = (
        " and ".join(
            f"{identifier(d)} in ({', '.join(literal(c) for c in codes)})" for d, codes in rule.where.items()
        )
        or "true"
    )
    return con.execute(
        f"select min(value) as least, max(value) as greatest from staged_rows o "
        f"join staged_series s using (series) where {chosen}"
    ).df()


def rules(
    dataset: Dataset, made: dict[str, Any], shipped_rows: int | None, covered: list[str] | None
) -> list[Rule]:
    """The expectations of the entry on the frames `made`, in the order of NAMES."""
    import great_expectations.expectations as gxe

    checks = dataset.checks
    least = shipped_rows or checks.min_rows
    keys = [*dataset.dimensions, "period"]
    amount, most = gxe.ExpectColumnMinToBeBetween, gxe.ExpectColumnMaxToBeBetween
    among, between = gxe.ExpectColumnValuesToBeInSet, gxe.ExpectColumnValuesToBeBetween
    found = [
        Rule("min_rows", "table", amount(column="n_rows", min_value=least, max_value=shipped_rows)),
        Rule("unique_keys", "table", most(column="duplicates", min_value=0, max_value=0)),
        Rule("no_empty_keys", "table", most(column="empty_keys", min_value=0, max_value=0)),
        Rule("unique_keys", "rows", gxe.ExpectCompoundColumnsToBeUnique(column_list=keys)),
        Rule("known_geos", "geos", gxe.ExpectColumnValuesToBeNull(column="unknown_geo")),
        Rule("flags", "flags", among(column="flag", value_set=sorted(checks.flags or ""))),
        Rule("size_ratio", "size", amount(column="size_ratio", min_value=checks.min_size_ratio)),
        Rule("revised_share", "revised", most(column="revised_share", max_value=checks.max_revised_share)),
    ]
    if geos := [geo for geo in checks.geos if covered is None or geo in covered]:
        held = gxe.ExpectColumnDistinctValuesToContainSet(column="geo", value_set=geos)
        found.append(Rule("geos", "geos", held))
    if isinstance(dataset.unit, dict):
        (codes,) = dataset.unit.values()
        found.append(Rule("units", "units", among(column="code", value_set=sorted(codes))))
    for number, rule in enumerate(checks.ranges):
        for column in ("least", "greatest"):
            bounds = between(column=column, min_value=rule.min, max_value=rule.max)
            found.append(Rule("ranges", f"range_{number}", bounds))
    return sorted(found, key=lambda rule: NAMES.index(rule.check))
