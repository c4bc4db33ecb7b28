"""Indicators: one `.sql` file a family in `indicators/`, and what all their rows share.

A file starts with `-- key: value` lines for the whole family and, where useful, statements that prepare temp tables.
Each `-- id: NAME` then opens one indicator: its own header lines and one query. The query reads `observations`
(latest figures, see `_observations`) and yields `geo, period, value, numerator, denominator, inputs` and, where a
value was inferred, `derived`; `inputs` lists the `input` of every observation used. Everything else a published row
carries (unit, flag, interval, reliability, breaks, snapshot, method version) follows here.
Does not belong here: any one indicator's arithmetic.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from statistics import NormalDist

import duckdb

from sources.catalogue import Catalogue
from sources.common.config import choice
from sources.common.sql import identifier, literal
from sources.common.units import unit, units
from sources.errors import SpecError, UnknownUnit
from warehouse.database import write_table
from warehouse.history.columns import observation_columns
from warehouse.history.vintages import as_of_sql
from warehouse.statistics import breaks
from warehouse.statistics.reliability import INDICATOR_CLASS

FOLDER = Path(__file__).parent / "indicators"
# required header keys
NEEDED = (
    "title_it",
    "title_en",
    "definition_it",
    "definition_en",
    "unit",
    "formula",
    "direction",
    "theme",
    "directive",
    "relevance",
    "sources",
    "pitfalls",
    "counts",
    "interval",
)
# optional header keys: the directive that has only this proxy, the indicator that pools small counts, the last complete
# period, the number of last periods that are provisional, where the figures come from, the prices of money, the
# indicator (or `population`) that gives the count of a rate published without one, the number of last periods that are
# incomplete in every edition, and the figure that one is compared with
ALLOWED = (
    *NEEDED,
    "proxy_for",
    "pooled",
    "complete_until",
    "provisional_periods",
    "source_kind",
    "prices",
    "count_from",
    "incomplete_periods",
    "compared_with",
)
CHOICES = {
    "direction": ("up", "down", "none"),
    "relevance": ("whole_economy", "sector", "district_core"),
    "counts": ("numerator", "denominator", "none"),
    "interval": ("poisson", "gamma", "wilson", "none"),
    "source_kind": ("register", "survey", "accounts"),
    "prices": ("current", "constant"),
    "compared_with": ("preceding", "year_earlier"),
}
# the Italian of English words of the header; of the family's only where the words themselves are the family's
ITALIAN = ("formula_it", "sources_it", "pitfalls_it")
# the header keys that change the figures; other words may be improved freely
METHOD = ("unit", "formula", "counts", "interval", "complete_until", "provisional_periods")
# dimensions the queries name, which a catalogue without their tables lacks
DIMENSIONS = (
    "age ateco2025 category indic_reg indic_sb indic_sbs ipc isced11 na_item "
    "nace_r2 prof_pos sectperf sex sizeclas unit wstatus"
).split()
Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Indicator:
    """One published indicator. `counts`: numerator, denominator or none holds the register count reliability rests on."""

    id: str
    family: str
    header: dict[str, str]
    sql: str
    method_version: str


@dataclass(frozen=True)
class Family:
    """The indicators of one file; `prepare` are the statements that run before their queries."""

    id: str
    prepare: str
    indicators: tuple[Indicator, ...]


# -- reading the files


def load_indicators() -> list[Indicator]:
    """Every indicator, in the order of the ids. Raises SpecError for a header with a missing or an unknown key."""
    return sorted(
        (indicator for family in load_families() for indicator in family.indicators), key=lambda i: i.id
    )


@cache
def load_families() -> tuple[Family, ...]:
    """Every family of indicators, in the order of the file names. Raises SpecError."""
    return tuple(_family(path) for path in sorted(FOLDER.glob("*.sql")))


def _family(path: Path) -> Family:
    first, *sections = list(_sections(path.read_text(encoding="utf-8")))
    shared, prepare = _header(path, *first)
    found = []
    for start, lines in sections:
        own, sql = _header(path, start, lines)
        replaced = {key for key in ITALIAN if key.removesuffix("_it") in own}
        header = {**{key: words for key, words in shared.items() if key not in replaced}, **own}
        where = f"{path}:{start}"
        if missing := [key for key in ("id", *NEEDED) if key not in header]:
            raise SpecError(
                f"{where}: the header lacks {', '.join(missing)}.",
                hint="add a line `-- key: value` for each.",
            )
        for key, choices in CHOICES.items():
            if key in header and header[key] not in choices:
                raise SpecError(
                    f"{where}: {key}: {header[key]} is not known.", hint=f"one of {', '.join(choices)}."
                )
        method = "\0".join([prepare, sql, *(header.get(key, "") for key in METHOD)])
        version = hashlib.sha256(method.encode()).hexdigest()[:12]
        found.append(Indicator(header.pop("id"), path.stem, header, sql, version))
    return Family(path.stem, prepare, tuple(found))


def _sections(text: str) -> Iterator[tuple[int, list[str]]]:
    """The family's own lines, then those of each indicator, each with the number of its first line."""
    start: int = 1
    lines: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("-- id: "):
            yield start, lines
            start, lines = number, []
        lines.append(line)
    yield start, lines


def _header(path: Path, start: int, lines: list[str]) -> tuple[dict[str, str], str]:
    header: dict[str, str] = {}
    for number, line in enumerate(lines):
        if not line.startswith("-- "):
            break
        key, colon, value = line[3:].partition(": ")
        if not colon or key not in ("id", *ALLOWED, *ITALIAN):
            raise SpecError(
                f"{path}:{start + number}: {key}: unknown key.",
                hint=f"the header has {', '.join((*ALLOWED, *ITALIAN))}.",
            )
        header[key] = value.strip()
        if key == "unit" and (problem := choice(header[key], units())):
            raise SpecError(f"{path}:{start + number}: unit: {problem}.", hint=UnknownUnit.hint)
    else:
        number = len(lines)
    return header, "\n".join(lines[number:]).strip().rstrip(";")


# -- building the tables


def build(
    con: duckdb.DuckDBPyConnection,
    catalogue: Catalogue,
    updated: dict[str, datetime | None],
    schema: str,
) -> None:
    """Create `indicators`, `indicator_inputs`, `indicator_catalogue`, `breaks`, `break_proposals` from the history in `schema`.

    `updated`: the provider's own stamp of each snapshot, None where unknown.
    """
    _catalogue(con, schema)
    breaks.build(con, schema)
    columns = [*observation_columns(catalogue), "s.series", "h.rowid as input"]
    latest = as_of_sql(columns, "timestamptz 'infinity'", schema)
    _observations(con, catalogue, latest)
    _compute(con)
    _trace(con, schema)
    _bounds(con)
    con.execute("create or replace temp table updated (snapshot_id varchar, provider_updated_at timestamptz)")
    if updated:
        con.executemany("insert into updated values (?, ?)", list(updated.items()))
    con.execute(f"create table {schema}.indicators as {_rows_sql(schema)}")
    con.execute(f"""
        create table {schema}.indicator_inputs as
        select c.indicator, c.geo, c.period, u.number, f.dataset as input_dataset, f.indicator as input_indicator,
               f.geo as input_geo, f.period as input_period, f.value as input_value, f.unit as input_unit, f.flag as input_flag,
               f.series as input_series, f.snapshot_id as input_snapshot_id
        from used u join computed c on c.rowid = u.row join facts f using (input) order by u.row, u.number""")
    breaks.propose(con, schema)
    con.execute(
        "drop view observations; drop table computed; drop table used; drop table facts; drop table updated; "
        "drop table poisson; drop table series_breaks"
    )


def _catalogue(con: duckdb.DuckDBPyConnection, schema: str) -> None:
    """`indicator_catalogue`, and every indicator's titles in `codelists`."""
    write_table(
        con,
        f"{schema}.indicator_catalogue",
        {
            "indicator": "varchar",
            "family": "varchar",
            **dict.fromkeys(NEEDED, "varchar"),
            "proxy_for": "varchar",
            "pooled": "varchar",
            "complete_until": "varchar",
            "provisional_periods": "integer",
            "source_kind": "varchar",
            "prices": "varchar",
            "count_from": "varchar",
            "incomplete_periods": "integer",
            "compared_with": "varchar",
            "method_version": "varchar",
        },
        [
            (i.id, i.family, *(i.header.get(key) for key in ALLOWED), i.method_version)
            for i in load_indicators()
        ],
    )
    # if a dataset's own indicator has the same name, the code list has it already
    con.execute(f"""
        insert into {schema}.codelists (dimension, code, label_it, label_en)
        select 'indicator', indicator, title_it, title_en from {schema}.indicator_catalogue
        where indicator not in (select code from {schema}.codelists where dimension = 'indicator')""")


def _observations(con: duckdb.DuckDBPyConnection, catalogue: Catalogue, latest: str) -> None:
    """Temp view `observations`: latest figures with `series`, `input` (their row of `history`), and `segment`.

    `segment` counts the registered breaks of the figure's series until its period: figures of two segments must not
    be compared. Flags `b` are added where a query needs them, since they ask for the whole series.
    """
    lacking = [dimension for dimension in DIMENSIONS if dimension not in ("unit", *catalogue.dimensions)]
    con.execute(f"""
        create or replace temp view observations as
        select o.*, {"".join(f"null::varchar as {identifier(dimension)}, " for dimension in lacking)}
               coalesce(len(list_filter(b.periods, x -> x <= o.period)), 0) as segment
        from ({latest}) o left join series_breaks b using (series)""")


def _compute(con: duckdb.DuckDBPyConnection) -> None:
    """Temp table `computed`: what the queries yield, in the order of indicator, geo and period."""
    con.execute("""
        create or replace temp table computed (indicator varchar, geo varchar, period varchar, value double, numerator double,
            denominator double, inputs bigint[], derived boolean)""")
    for family in load_families():
        if family.prepare:
            con.execute(family.prepare)
    # sorted one by one: rows are numbered by their place, and sorting all at once is slow
    for indicator in load_indicators():
        con.execute(
            f"insert into computed by name "
            f"select {literal(indicator.id)} as indicator, * from ({_counted_sql(indicator)}) order by geo, period"
        )


def _counted_sql(indicator: Indicator) -> str:
    """The indicator's query; a rate published without its count takes it from where `count_from` says.

    The count is that of another indicator, or rate x population. The denominator is what the rate makes of the count, so that
    reliability, interval and tests of the rate are those of its count.
    """
    source = indicator.header.get("count_from")
    if source is None:
        return indicator.sql
    scale = unit(indicator.header["unit"]).scale
    others = {other.id: other.sql for other in load_indicators()}
    count = others.get(
        source, "select null::varchar as geo, null::varchar as period, null::double as numerator"
    )
    return f"""
        select r.* replace (
                   coalesce(k.numerator, r.value * p.residents / {scale})::double as numerator,
                   coalesce(k.numerator / nullif(r.value, 0) * {scale}, p.residents)::double as denominator)
        from ({indicator.sql}) r
        left join (select geo, period, numerator from ({count})) k using (geo, period)
        left join (
            select geo, period, any_value(value) as residents from observations
            where dataset = 'demo_r_pjanaggr3' and sex = 'T' and age = 'TOTAL' and value > 0 group by all
        ) p using (geo, period)"""


def _trace(con: duckdb.DuckDBPyConnection, schema: str) -> None:
    """Temp tables `used (row, number, input)`, each computed row's inputs, and `facts`, what is known of each input.

    `row` is the place in `computed`. A figure serves many indicators, so what is known of it is looked up once.
    """
    con.execute("""
        create or replace temp table used as
        select rowid as row, generate_subscripts(inputs, 1)::integer as number, unnest(inputs) as input from computed""")
    con.execute(f"""
        create or replace temp table facts as
        select h.input, s.dataset, s.indicator, s.geo, h.period, h.value, s.unit, h.flag, h.series, v.snapshot_id,
               v.known_from, coalesce(len(list_filter(b.periods, x -> x <= h.period)), 0) as segment,
               -- a bit a letter, so that the flags of many inputs are joined by `bit_or`
               case when h.flag <> '' then list_sum([1::bigint << (ascii(x) - 65) for x in
                    list_distinct(regexp_extract_all(h.flag, '[a-zA-Z]'))])::bigint end as letters
        -- rowid as in `latest`: within one build nothing is added to or deleted from `history` in between
        from (select rowid as input, * from {schema}.history where rowid in (select input from used)) h
        join {schema}.series s using (series) join {schema}.vintages v using (vintage)
        left join series_breaks b using (series)""")


def _bounds(con: duckdb.DuckDBPyConnection) -> None:
    """Temp table `poisson (n, low, high)`: the exact 95 % interval of each count whose indicator wants one.

    low = chi2(0.025; 2n) / 2, high = chi2(0.975; 2n + 2) / 2, which are gamma quantiles; of a fractional n the same
    formula is an approximation, labelled `gamma`.
    """
    wanted = [
        i.id
        for i in load_indicators()
        if i.header["interval"] in ("poisson", "gamma") or "count_from" in i.header
    ]
    counts = con.execute(
        "select distinct numerator from computed where numerator >= 0 and indicator in (select unnest(?)) order by 1",
        [wanted],
    ).fetchnumpy()["numerator"]
    con.execute("create or replace temp table poisson (n double, low double, high double)")
    if len(counts):
        from scipy.special import gammaincinv

        counts = counts.filled() if hasattr(counts, "filled") else counts
        low = gammaincinv(counts, 0.025)
        low[counts == 0] = 0
        con.execute(
            "insert into poisson select unnest($1::double[]), unnest($2::double[]), unnest($3::double[])",
            [counts.tolist(), low.tolist(), gammaincinv(counts + 1, 0.975).tolist()],
        )


def _rows_sql(schema: str) -> str:
    """The published rows: `computed` with all that follows from the inputs and the header."""
    scale = " ".join(
        f"when {literal(one.code)} then {one.scale}" for one in units().values() if one.scale is not None
    )
    share = "(r.numerator / r.denominator)"
    spread = (
        f"{Z} * sqrt({share} * (1 - {share}) / r.denominator + {Z * Z} / (4 * r.denominator * r.denominator))"
    )
    wilson = f"({share} + {Z * Z} / (2 * r.denominator) {{}} {spread}) / (1 + {Z * Z} / r.denominator) * 100"
    return f"""
        with traced as (
            select u.row, any_value(f.dataset) filter (u.number = 1) as dataset, max(f.known_from) as known_from,
                   max(f.segment) as segment,
                   -- NULL where the mark of any input is unknown and none is known
                   case when count(f.flag) > 0 then coalesce(bit_or(f.letters), 0) end as letters
            from used u join facts f using (input) group by u.row
        ), flags as (
            select letters,
                   array_to_string([chr((65 + bit)::integer) for bit in range(58) if (letters >> bit) & 1 = 1], '') as flag
            from (select distinct letters from traced where letters is not null)
        ), headers as (
            -- a rate that takes its count from elsewhere is as reliable as that count
            select * replace (if(count_from is null, counts, 'numerator') as counts,
                              if(count_from is null, interval, 'gamma') as interval)
            from {schema}.indicator_catalogue
        ), rows as materialized (
            select c.* exclude (inputs), t.*, fl.flag, v.snapshot_id, h.* exclude (indicator),
                   case counts when 'numerator' then numerator when 'denominator' then denominator end as n,
                   case when interval in ('poisson', 'gamma') then numerator end as poisson_n
            from traced t join computed c on c.rowid = t.row join headers h using (indicator)
            -- no two vintages are of one moment
            join {schema}.vintages v using (known_from) left join flags fl using (letters)
        ), last_periods as (
            select indicator, dataset, list_reverse_sort(list(distinct period)) as periods
            from rows where coalesce(provisional_periods, incomplete_periods) is not null group by all
        ), marked as (
            select r.row, r.dataset, r.indicator, r.geo, coalesce(g.level, 'unknown') as geo_level, r.period, r.value, r.unit,
                   r.flag, r.numerator, r.denominator, r.n, r.interval, coalesce(r.derived, false) as derived,
                   case when r.value is null or contains(coalesce(r.flag, ''), 'c') then null
                        when r.count_from is not null and r.denominator is null then null
                        when r.interval in ('poisson', 'gamma') then p.low / coalesce(r.denominator, 1) * case r.unit {scale} end
                        when r.interval = 'wilson' and r.numerator between 0 and r.denominator
                            then greatest({wilson.format("-")}, 0) end as ci_low,
                   case when r.value is null or contains(coalesce(r.flag, ''), 'c') then null
                        when r.count_from is not null and r.denominator is null then null
                        when r.interval in ('poisson', 'gamma') then p.high / coalesce(r.denominator, 1) * case r.unit {scale} end
                        when r.interval = 'wilson' and r.numerator between 0 and r.denominator
                            then least({wilson.format("+")}, 100) end as ci_high,
                   -- a flag b, the first period of another table, or a registered break since the row before
                   contains(coalesce(r.flag, ''), 'b')
                   or coalesce(r.dataset <> b.dataset or r.segment > b.segment, false) as break_before,
                   coalesce(r.period > r.complete_until, false)
                   or coalesce(list_contains(l.periods[:r.incomplete_periods], r.period), false) as truncated,
                   contains(coalesce(r.flag, ''), 'p')
                   or coalesce(list_contains(l.periods[:r.provisional_periods], r.period), false) as provisional,
                   r.known_from, u.provider_updated_at, r.snapshot_id, r.method_version
            from rows r
            left join {schema}.geography g using (geo)
            left join poisson p on p.n = r.poisson_n
            left join updated u using (snapshot_id)
            left join last_periods l using (indicator, dataset)
            left join rows b on b.row = r.row - 1 and b.indicator = r.indicator and b.geo = r.geo
        )
        select dataset, indicator, geo, geo_level, period, value, unit, flag, numerator, denominator,
               {INDICATOR_CLASS} as reliability,
               ci_low, ci_high, case when ci_low is not null then interval end as ci_method, break_before, truncated, provisional,
               derived, known_from, provider_updated_at, snapshot_id, method_version
        from marked order by row"""
