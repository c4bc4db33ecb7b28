"""Where one published number comes from: questions asked of a release.

Belongs here: queries over a release's tables, from a figure to its origin. Does not belong here: which code a name means
(`resolve.py`), a figure as it was known at a moment (`figures.py`), printing.
"""

from __future__ import annotations

from typing import Any

import duckdb

from sources.common.numbers import format_number
from sources.common.periods import Period
from sources.common.sql import rows
from sources.common.units import unit_or_unknown
from sources.errors import InvalidPeriod
from warehouse.history.columns import FIGURE, ORIGIN
from warehouse.publishing import citation
from warehouse.publishing.figures import look_up, no_such_period
from warehouse.publishing.resolve import Known

# columns of `indicators` that a reader of the value must know of
MARKS = ("break_before", "truncated", "provisional", "derived")


def trail(con: duckdb.DuckDBPyConnection, territory: str, indicator: str, period: str) -> dict[str, Any]:
    """Every figure that TERRITORY/INDICATOR/PERIOD names, with its definition, inputs, origin, checks and earlier values.

    `territory`: a code, or a name in Italian or English without regard to case and accents; `indicator`: the id or title
    of an indicator, or a code of a dataset; `period`: any form that `Period.parse` takes. Raises NoSuchFigure.
    """
    known = Known.read(con)
    geos = known.geos(territory)
    indicator = known.indicator(indicator)
    try:
        period = Period.parse(period).text
    except InvalidPeriod:
        # the message lists the periods that there are
        pass
    for geo in geos:
        answers = _indicator(con, geo, indicator, period) or _observations(con, geo, indicator, period)
        if answers:
            answer = look_up(con, known, geo, indicator, period)
            answers[0]["facts"] |= {
                "cite this figure": citation.cited(answer, answer.figures[0]).apa("en")
                if len(answer.figures) == 1
                else None,
                "permanent address": citation.address(answer),
            }
            return {"geo": geo, "indicator": indicator, "period": period, "answers": answers}
    raise no_such_period(con, geos, indicator, period)


def _indicator(con: duckdb.DuckDBPyConnection, geo: str, indicator: str, period: str) -> list[dict[str, Any]]:
    found = rows(
        con,
        "select * from indicators where geo = ? and indicator = ? and period = ?",
        [geo, indicator, period],
    )
    if not found:
        return []
    (definition,) = rows(con, "select * from indicator_catalogue where indicator = ?", [indicator])
    keys = [name for name, *_ in con.execute("describe series").fetchall() if name != "series"]
    same = " and ".join(f'o."{name}" is not distinct from s."{name}"' for name in keys)
    inputs = rows(
        con,
        f"""
        select o.* from indicator_inputs i
        join series s on s.series = i.input_series
        join observations o on o.period = i.input_period and {same}
        where i.indicator = ? and i.geo = ? and i.period = ? order by number""",
        [indicator, geo, period],
    )
    return [
        {
            "title": f"{definition['title_en']}, {_place(con, geo)}, {period}: {_value(row['value'], row['unit'])}",
            "facts": {
                "definition": definition["definition_en"],
                "formula": definition["formula"],
                "exact value": _exact(row["value"], row["unit"]),
                "computed from": f"{_number(row['numerator'])} / {_number(row['denominator'])}"
                if row["denominator"]
                else None,
                "interval": f"{_rounded(row['ci_low'], row['unit'])} to {_rounded(row['ci_high'], row['unit'])} "
                f"(95 %, {row['ci_method']})"
                if row["ci_method"]
                else None,
                "reliability": row["reliability"],
                "notes": ", ".join(mark for mark in MARKS if row[mark]).replace("_", " "),
                "flags": row["flag"],
                "method": f"warehouse/statistics/indicators/{definition['family']}.sql, version {row['method_version']}",
                "earlier": _earlier(con, geo, indicator, period),
                "release": _release(con),
                "targets": _targets(con, indicator, geo),
                "headlines": _headlines(con, f"{geo}/{indicator}/{period}"),
            },
            "value": row["value"],
            "unit": row["unit"],
            "inputs": [_origin(con, one) for one in inputs],
        }
        for row in found
    ]


def _observations(
    con: duckdb.DuckDBPyConnection, geo: str, indicator: str, period: str
) -> list[dict[str, Any]]:
    found = rows(
        con,
        "select * from observations where geo = ? and indicator = ? and period = ? order by all",
        [geo, indicator, period],
    )
    return [{**_origin(con, row), "inputs": [], "value": row["value"], "unit": row["unit"]} for row in found]


def _origin(con: duckdb.DuckDBPyConnection, row: dict[str, Any]) -> dict[str, Any]:
    """One observation: what it measures, its snapshot, address, licence, checks, and its earlier values."""
    (snapshot,) = rows(con, "select * from snapshots where snapshot_id = ?", [row["snapshot_id"]])
    (entry,) = rows(con, "select * from catalogue where dataset = ?", [row["dataset"]])
    results = con.execute(
        "select check_name, passed from check_results where snapshot_id = ? order by all",
        [row["snapshot_id"]],
    ).fetchall()
    live = snapshot["origin"] == "live"
    known = {*FIGURE, *ORIGIN}
    dimensions = {name: code for name, code in row.items() if name not in known and code is not None}
    same = " and ".join(f'"{name}" = ?' for name in dimensions)
    earlier = con.execute(
        f"""
        select known_from, old_value, old_flag from revisions
        where dataset = ? and geo = ? and period = ? and indicator = ? and {same} and kind <> 'added' order by known_from desc""",
        [row["dataset"], row["geo"], row["period"], row["indicator"], *dimensions.values()],
    ).fetchall()
    label = con.execute(
        "select label_en from codelists where code = ? order by dimension limit 1", [row["indicator"]]
    ).fetchone()
    return {
        "title": f"{row['dataset']} {row['indicator']}, {_place(con, row['geo'])}, {row['period']}: "
        f"{_value(row['value'], row['unit'])}",
        "facts": {
            "exact value": _exact(row["value"], row["unit"]),
            "measures": label[0] if label else entry["title_en"],
            "dimensions": ", ".join(f"{name} {code}" for name, code in dimensions.items()),
            "flags": "unknown" if row["flag"] is None else row["flag"] or "none",
            "known here": f"since {row['known_from']:%Y-%m-%d %H:%M} UTC",
            "snapshot": f"{snapshot['snapshot_id']} ({snapshot['origin']})",
            "sha256": snapshot["sha256"],
            "address": snapshot["url"],
            "asked in": snapshot["note"] if live else None,
            "retrieved": f"{snapshot['fetched_at']:%Y-%m-%d %H:%M} UTC"
            if live
            else snapshot["note"] or "bundled with the project",
            "updated": f"{snapshot['provider_updated_at']:%Y-%m-%d} by the provider"
            if snapshot["provider_updated_at"]
            else "by the provider at an unknown time",
            "licence": entry["licence"],
            "cite as": entry["citation"],
            "checks": _checks(results),
            "earlier": "; ".join(
                f"{_number(value)}{f' {flag}' if flag else ''} until {moment:%Y-%m-%d %H:%M} UTC"
                for moment, value, flag in earlier
            )
            or None,
        },
    }


def _checks(results: list[tuple[str, bool | None]]) -> str:
    """`8 of 9 passed: ...; failed: ...`, with the names; checks that had nothing to judge do not count."""
    passed = [name for name, good in results if good]
    failed = [name for name, good in results if good is False]
    if not passed and not failed:
        return "none recorded"
    return f"{len(passed)} of {len(passed) + len(failed)} passed: {', '.join(passed)}" + (
        f"; failed: {', '.join(failed)}" if failed else ""
    )


def _earlier(con: duckdb.DuckDBPyConnection, geo: str, indicator: str, period: str) -> str:
    """The indicator's value in earlier releases, newest first."""
    found = con.execute(
        "select old_value, revised_at, cause from indicator_revisions "
        "where geo = ? and indicator = ? and period = ? order by revised_at desc",
        [geo, indicator, period],
    ).fetchall()
    return "; ".join(
        f"{_number(value)} until {moment:%Y-%m-%d %H:%M} UTC ({cause})" for value, moment, cause in found
    )


def _release(con: duckdb.DuckDBPyConnection) -> str:
    """The release, the commit that built it, and its checks."""
    ((name, commit),) = con.execute("select release_id, code_commit from release").fetchall()
    results = con.execute("select check_name, passed from check_results where scope = 'release' order by all")
    by = f", commit {commit[:12]}" if commit else ""
    return f"{name}{by}, checks {_checks(results.fetchall())}"


def _targets(con: duckdb.DuckDBPyConnection, indicator: str, geo: str) -> str:
    """The current targets for this indicator and territory."""
    found = con.execute(
        "select target_id, version, target_value, target_period, stage from targets "
        "where indicator = ? and geo = ? and superseded_by is null order by target_id",
        [indicator, geo],
    ).fetchall()
    return "; ".join(
        f"{name}, version {version}: {_number(value)} in {period} ({stage})"
        for name, version, value, period, stage in found
    )


def _headlines(con: duckdb.DuckDBPyConnection, number: str) -> str:
    found = con.execute(
        "select text_en from headlines where list_contains(rests_on, ?) order by number", [number]
    )
    return "; ".join(text for (text,) in found.fetchall())


def _place(con: duckdb.DuckDBPyConnection, geo: str) -> str:
    row = con.execute("select name_en from geography where geo = ?", [geo]).fetchone()
    return f"{row[0]} ({geo})" if row and row[0] else geo


def _value(value: float | None, unit: str) -> str:
    """A value as pages show it, with its unit."""
    if value is None:
        return "no value"
    known = unit_or_unknown(unit)
    shown = format_number(value, known, "en")
    return shown if known.sign.en else f"{shown} {unit}"


def _exact(value: float | None, unit: str) -> str | None:
    """The published value, where the shown one is rounded."""
    if value is None:
        return None
    exact = _number(value)
    return None if exact == _rounded(value, unit) else exact


def _rounded(value: float, unit: str) -> str:
    """A value as pages show it, without its unit."""
    return format_number(value, unit_or_unknown(unit), "en", sign=False)


def _number(value: float | None) -> str:
    if value is None:
        return "no value"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.6f}".rstrip("0")
