"""Indicators: one `.sql` file each in `indicators/`, a header of `-- key: value` lines and one query.

The query reads `observations` (latest figures) and yields `geo, period, value, numerator, denominator, inputs`,
where `inputs` lists the `input` of every observation used. Everything else a published row carries (unit, flag,
snapshot, method version) follows here. Does not belong here: any one indicator's arithmetic.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import duckdb

from sources.errors import SpecError
from sources.formats.staged import quoted

FOLDER = Path(__file__).parent / "indicators"
KEYS = (
    "title_it",
    "title_en",
    "definition_it",
    "definition_en",
    "unit",
    "formula",
    "theme",
    "directive",
    "direction",
    "sources",
    "counts",
)


@dataclass(frozen=True)
class Indicator:
    """One published indicator. `counts`: numerator, denominator or none holds the register count reliability rests on."""

    id: str
    header: dict[str, str]
    sql: str
    method_version: str


def load_indicators() -> list[Indicator]:
    """Every indicator, in the order of the ids. Raises SpecError for a header with a missing or an unknown key."""
    return [_parse(path) for path in sorted(FOLDER.glob("*.sql"))]


def _parse(path: Path) -> Indicator:
    text = path.read_text(encoding="utf-8")
    header: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("-- "):
            break
        key, colon, value = line[3:].partition(": ")
        if not colon or key not in KEYS:
            raise SpecError(
                f"{path}:{number}: {key}: unknown key.", hint=f"the header has {', '.join(KEYS)}."
            )
        header[key] = value.strip()
    if missing := [key for key in KEYS if key not in header]:
        raise SpecError(
            f"{path}:1: the header lacks {', '.join(missing)}.", hint="add a line `-- key: value` for each."
        )
    return Indicator(path.stem, header, text, hashlib.sha256(text.encode()).hexdigest()[:12])


def build(con: duckdb.DuckDBPyConnection, latest: str, schema: str) -> None:
    """Create `indicators` and `indicator_inputs` in `schema`; `latest` is SQL for its observations with their `series`."""
    con.execute(f"""
        create or replace temp view observations as
        select *, {{'dataset': dataset, 'indicator': indicator, 'geo': geo, 'period': period, 'value': value, 'unit': unit,
                   'flag': flag, 'series': series, 'snapshot_id': snapshot_id, 'known_from': known_from}} as input
        from ({latest})""")
    parts = [
        f"""
        select {quoted(indicator.id)} as indicator, geo, period, value, {quoted(indicator.header["unit"])} as unit,
               numerator::double as numerator, denominator::double as denominator,
               {quoted(indicator.header["counts"])} as counts, {quoted(indicator.method_version)} as method_version, inputs
        from ({indicator.sql.rstrip().rstrip(";")})"""
        for indicator in load_indicators()
    ]
    con.execute("create or replace temp table computed as " + " union all ".join(parts))
    con.execute(f"""
        create or replace table {schema}.indicators as
        with marked as (
            select *,
                   -- NULL where the mark of any input is unknown and none is known
                   case when len(list_filter(inputs, x -> x.flag is not null)) > 0 then
                       array_to_string(list_sort(list_distinct(flatten(list_transform(inputs,
                           x -> regexp_extract_all(coalesce(x.flag, ''), '[a-zA-Z]'))))), '') end as flag,
                   list_reduce(list_transform(inputs, x -> {{'at': x.known_from, 'id': x.snapshot_id, 'dataset': x.dataset}}),
                               (a, b) -> if(b.at > a.at, b, a)) as newest,
                   case counts when 'numerator' then numerator when 'denominator' then denominator end as n
            from computed
        )
        select inputs[1].dataset as dataset, indicator, geo, coalesce(g.level, 'unknown') as geo_level, period, value, unit, flag,
               numerator, denominator,
               case when value is null or contains(flag, 'c') then 'suppressed'
                    when contains(flag, 'u') or n < 5 then 'C'
                    when flag is null or regexp_matches(flag, '[bped]') or n < 20 then 'B'
                    else 'A' end as reliability,
               -- the provider's flag, or the first period of another table
               contains(coalesce(flag, ''), 'b')
               or coalesce(lag(inputs[1].dataset) over (partition by indicator, geo order by period) <> inputs[1].dataset, false)
                   as break_before,
               newest.id as snapshot_id, newest.at as known_from, method_version
        from marked left join {schema}.geography g using (geo)
        order by indicator, geo, period""")
    con.execute(f"""
        create or replace table {schema}.indicator_inputs as
        select indicator, geo, period, number, i.dataset as input_dataset, i.indicator as input_indicator, i.geo as input_geo,
               i.period as input_period, i.value as input_value, i.unit as input_unit, i.flag as input_flag,
               i.series as input_series, i.snapshot_id as input_snapshot_id
        from (select indicator, geo, period, unnest(inputs) as i, generate_subscripts(inputs, 1) as number from computed)
        order by indicator, geo, period, number""")
    con.execute("drop view observations; drop table computed")
