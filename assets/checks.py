"""The checks of a catalogue entry as Great Expectations, run on staged figures before they enter history.

DuckDB computes what is judged: the rows of the territory and its peers in full, of the whole table a profile
(counts, codes, flags, ranges, duplicates), so that memory stays bounded. Does not belong here: the gate of a
release (`warehouse/publishing/checks/`). Great Expectations is imported only when there is something to judge.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from numbers import Real
from typing import Any

import duckdb

from sources.catalogue import Dataset, Range
from sources.common.sql import identifier, literal, scalar
from sources.formats.staged import Staged
from sources.snapshots import Snapshot
from warehouse.history import vintages
from warehouse.reference.territory import geography, territory
from warehouse.statistics import peers

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


@dataclass(frozen=True)
class Result:
    """One check's outcome. `observed` and `expected` are text for people."""

    name: str
    passed: bool
    observed: str
    expected: str


def check(
    con: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    snapshot: Snapshot,
    staged: Staged,
    before: Staged | None,
    shipped_rows: int | None = None,
) -> list[Result]:
    """Judge `staged` by the entry's checks, against `before` where figures of the same kind stand.

    `con` is the open warehouse. Of figures that ship, which are an extract, exactly `shipped_rows` are expected.
    """
    # a bundled extract holds the territories that it was cut to
    covered = snapshot.coverage.get("geo") if snapshot.origin == "shipped" else None
    profile = _profile(con, dataset, snapshot, staged, before)
    results = _judge(profile, _expectations(dataset, profile, shipped_rows, covered))
    # what was left out is said by the check of territories, and by those that miss it
    about = ("known_geos", *(r.name for r in results if r.name in ("min_rows", "geos") and not r.passed))
    return [_with_notes(result, staged.notes) if result.name in about else result for result in results]


def _with_notes(result: Result, notes: list[str]) -> Result:
    """The result with what the decoder left out, such as unknown territories."""
    return replace(result, observed="; ".join([result.observed, *notes]))


def _profile(
    con: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    snapshot: Snapshot,
    staged: Staged,
    before: Staged | None,
) -> dict[str, Any]:
    """The frames that are judged: `table` (one row of counts), `geos`, `flags`, `units`, `range_N`, `rows` (ours and peers)."""
    keys = ", ".join(identifier(dimension) for dimension in dataset.dimensions)
    con.execute(f"create or replace temp view staged_series as from read_parquet({literal(staged.series)})")
    con.execute(
        f"create or replace temp view staged_rows as from read_parquet({literal(staged.observations)})"
    )
    empty = " or ".join(f"trim(coalesce({identifier(d)}, '')) = ''" for d in dataset.dimensions)
    one = con.execute(f"""
        select (select count(*) from staged_rows) as n_rows,
               (select count(*) from (select {keys} from staged_series group by all having count(*) > 1))
               + (select count(*) from (select series, period from staged_rows group by all having count(*) > 1)) as duplicates,
               (select count(*) from staged_series where {empty})
               + (select count(*) from staged_rows where trim(coalesce(period, '')) = '' or series is null)
               + (select count(*) from staged_rows anti join staged_series using (series)) as empty_keys
        """).df()
    one["size_ratio"], one["revised_share"] = 1.0, 0.0
    if before:
        rows_before = scalar(con, f"select count(*) from read_parquet({literal(before.observations)})")
        one["size_ratio"] = one["n_rows"] / max(rows_before, 1)
        if not one["duplicates"].iloc[0]:
            vintages.match_series(con, dataset, staged)
            changed = scalar(
                con,
                f"select count(*) filter (kind = 'changed') from "
                f"({vintages.differences_sql(dataset, snapshot, staged)})",
            )
            one["revised_share"] = changed / max(rows_before, 1)
    ours = territory()
    near = ", ".join(literal(geo) for geo in (ours.country, ours.region, *ours.provinces, *peers.shown()))
    frames = {
        "table": one,
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
        frames["units"] = con.execute(
            f"select distinct {identifier(dimension)} as code from staged_series"
        ).df()
    for number, rule in enumerate(dataset.checks.ranges):
        frames[f"range_{number}"] = _extremes(con, rule)
    # Great Expectations copies a set of values some twenty times: with all known codes 0.2 s a dataset
    geos = frames["geos"]["geo"]
    frames["geos"]["unknown_geo"] = geos.where(~geos.isin(geography().keys()))
    con.execute("drop view staged_rows; drop view staged_series")
    return frames


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


def _expectations(
    dataset: Dataset, profile: dict[str, Any], shipped_rows: int | None, covered: list[str] | None
) -> list[tuple[str, str, Any]]:
    """`(check, name of the frame in `profile`, expectation)` in the order of NAMES."""
    import great_expectations.expectations as gxe

    rules = dataset.checks
    least = shipped_rows or rules.min_rows
    keys = [*dataset.dimensions, "period"]
    amount, most = gxe.ExpectColumnMinToBeBetween, gxe.ExpectColumnMaxToBeBetween
    among, between = gxe.ExpectColumnValuesToBeInSet, gxe.ExpectColumnValuesToBeBetween
    found: list[tuple[str, str, Any]] = [
        ("min_rows", "table", amount(column="n_rows", min_value=least, max_value=shipped_rows)),
        ("unique_keys", "table", most(column="duplicates", min_value=0, max_value=0)),
        ("no_empty_keys", "table", most(column="empty_keys", min_value=0, max_value=0)),
        ("unique_keys", "rows", gxe.ExpectCompoundColumnsToBeUnique(column_list=keys)),
        ("known_geos", "geos", gxe.ExpectColumnValuesToBeNull(column="unknown_geo")),
        ("flags", "flags", among(column="flag", value_set=sorted(rules.flags or ""))),
        ("size_ratio", "table", amount(column="size_ratio", min_value=rules.min_size_ratio)),
        ("revised_share", "table", most(column="revised_share", max_value=rules.max_revised_share)),
    ]
    if geos := [geo for geo in rules.geos if covered is None or geo in covered]:
        held = gxe.ExpectColumnDistinctValuesToContainSet(column="geo", value_set=geos)
        found.append(("geos", "geos", held))
    if "units" in profile and isinstance(dataset.unit, dict):
        (codes,) = dataset.unit.values()
        found.append(("units", "units", among(column="code", value_set=sorted(codes))))
    for number, rule in enumerate(rules.ranges):
        for column in ("least", "greatest"):
            bounds = between(column=column, min_value=rule.min, max_value=rule.max)
            found.append(("ranges", f"range_{number}", bounds))
    return sorted(found, key=lambda item: NAMES.index(item[0]))


def _judge(profile: dict[str, Any], expectations: list[tuple[str, str, Any]]) -> list[Result]:
    """Run the expectations; results of one name are joined into one."""
    batches: dict[str, Any] = {}
    joined: dict[str, list[Result]] = {}
    for check_name, frame_name, expectation in expectations:
        frame = profile[frame_name]
        if frame_name not in batches:
            batches[frame_name] = _whole_frame(frame_name).get_batch({"dataframe": frame})
        batch = batches[frame_name]
        # of unknown territories every one: somebody has to look each up
        listed = {"result_format": "SUMMARY", "partial_unexpected_count": 500 if frame_name == "geos" else 20}
        outcome = batch.validate(expectation, result_format=listed)
        joined.setdefault(check_name, []).append(
            Result(check_name, bool(outcome.success), _observed(outcome, frame), _expected(expectation))
        )
    return [_joined(results) for results in joined.values()]


@cache
def _source() -> Any:
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context.data_sources.add_pandas("staged")


@cache
def _whole_frame(frame_name: str) -> Any:
    """Great Expectations' definition of a batch: one a name and process, since making it costs more than its use."""
    return _source().add_dataframe_asset(frame_name).add_batch_definition_whole_dataframe("all")


def _joined(results: list[Result]) -> Result:
    told = [r for r in results if not r.passed] or results
    return Result(
        told[0].name,
        all(r.passed for r in results),
        "; ".join(dict.fromkeys(r.observed for r in told)),
        "; ".join(dict.fromkeys(r.expected for r in told)),
    )


def _observed(outcome: Any, frame: Any) -> str:
    """What the expectation saw, short enough to read."""
    if error := (outcome.exception_info or {}).get("exception_message"):
        return str(error).splitlines()[0]
    if "least" in frame:
        return (
            f"{frame['least'][0]:,.10g} to {frame['greatest'][0]:,.10g}"
            if frame["least"].notna().all()
            else "no row"
        )
    result = outcome.result
    if result.get("unexpected_count"):
        wrong = dict.fromkeys(sorted(map(str, result["partial_unexpected_list"])))
        some = len(wrong) < result["unexpected_count"]
        return f"{result['unexpected_count']:,} unexpected{', such as' if some else ':'} {', '.join(wrong)}"
    if missing := (result.get("details") or {}).get("missing"):
        return f"missing: {', '.join(missing)}"
    value = result.get("observed_value")
    return f"{value:,.10g}" if isinstance(value, Real) else f"{len(frame):,} as expected"


def _expected(expectation: Any) -> str:
    given = expectation.configuration.kwargs
    if "value_set" in given:
        values = [str(v) for v in given["value_set"]]
        return f"{given['column']} among {', '.join(values) if len(values) <= 30 else f'{len(values)} codes'}"
    if "column_list" in given:
        return f"{', '.join(given['column_list'])} unique"
    low, high = given.get("min_value"), given.get("max_value")
    if low is None and high is None:
        return f"no {given['column']}"
    bounds = " and ".join(
        text
        for text in (
            f"at least {low:,.10g}" if low is not None else "",
            f"at most {high:,.10g}" if high is not None else "",
        )
        if text
    )
    return f"{given['column']} {bounds}"
