"""Where one published number comes from: questions asked of a release.

Belongs here: queries over a release's tables. Does not belong here: printing.
"""

from __future__ import annotations

from typing import Any

import duckdb

from sources.common.sql import rows
from sources.errors import DistrettoError
from warehouse.statistics.indicators import load_indicators

# columns of `indicators` that a reader of the value must know of
MARKS = ("break_before", "truncated", "provisional", "derived")


def trail(con: duckdb.DuckDBPyConnection, geo: str, indicator: str, period: str) -> dict[str, Any]:
    """Every figure that GEO/INDICATOR/PERIOD names, with its definition, inputs, origin, checks and earlier values.

    `indicator` is an indicator's id or a code of a dataset. Raises DistrettoError where the release has no such figure.
    """
    answers = _indicator(con, geo, indicator, period) or _observations(con, geo, indicator, period)
    if not answers:
        near = [
            row[0]
            for row in con.execute(
                "select indicator from (select indicator from indicators union select indicator from observations) "
                "order by jaro_winkler_similarity(lower(indicator), lower(?)) desc limit 4",
                [indicator],
            ).fetchall()
        ]
        periods = con.execute(
            "select min(period), max(period) from observations where geo = ?", [geo]
        ).fetchone()
        raise DistrettoError(
            f"The release has no {indicator} of {geo} for {period}.",
            hint=f"names like it: {', '.join(near)}; "
            + (
                f"{geo} has figures from {periods[0]} to {periods[1]}."
                if periods[0]
                else f"{geo} is no territory with figures."
            ),
        )
    return {"geo": geo, "indicator": indicator, "period": period, "answers": answers}


def _indicator(con: duckdb.DuckDBPyConnection, geo: str, indicator: str, period: str) -> list[dict[str, Any]]:
    found = rows(
        con,
        "select * from indicators where geo = ? and indicator = ? and period = ?",
        [geo, indicator, period],
    )
    if not found:
        return []
    definition = next(i for i in load_indicators() if i.id == indicator)
    keys = [name for name, *_ in con.execute("describe series").fetchall() if name != "series"]
    same = " and ".join(f'o."{name}" is not distinct from s."{name}"' for name in keys)
    answers = []
    for row in found:
        inputs = rows(
            con,
            f"""
            select o.* from indicator_inputs i
            join series s on s.series = i.input_series
            join observations o on o.period = i.input_period and {same}
            where i.indicator = ? and i.geo = ? and i.period = ? order by number""",
            [indicator, geo, period],
        )
        answers.append(
            {
                "title": f"{definition.header['title_en']}, {_place(con, geo)}, {period}: {_number(row['value'])} {row['unit']}",
                "facts": {
                    "definition": definition.header["definition_en"],
                    "formula": definition.header["formula"],
                    "computed from": f"{_number(row['numerator'])} / {_number(row['denominator'])}"
                    if row["denominator"]
                    else None,
                    "interval": f"{_number(row['ci_low'])} to {_number(row['ci_high'])} (95 %, {row['ci_method']})"
                    if row["ci_method"]
                    else None,
                    "reliability": row["reliability"],
                    "notes": ", ".join(mark for mark in MARKS if row[mark]).replace("_", " "),
                    "flags": row["flag"],
                    "method": f"warehouse/statistics/indicators/{definition.family}.sql, version {row['method_version']}",
                    "earlier": _earlier(con, geo, indicator, period),
                    "release": _release(con),
                    "targets": _targets(con, indicator, geo),
                    "headlines": _headlines(con, f"{geo}/{indicator}/{period}"),
                },
                "value": row["value"],
                "unit": row["unit"],
                "inputs": [_origin(con, one) for one in inputs],
            }
        )
    return answers


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
    """One observation: what it measures, its snapshot, address, licence, checks, and what it was before."""
    (snapshot,) = rows(con, "select * from snapshots where snapshot_id = ?", [row["snapshot_id"]])
    (entry,) = rows(con, "select * from catalogue where dataset = ?", [row["dataset"]])
    judged = con.execute(
        "select check_name, passed from check_results where snapshot_id = ? order by all",
        [row["snapshot_id"]],
    ).fetchall()
    live = snapshot["origin"] == "live"
    known = {
        "dataset",
        "indicator",
        "geo",
        "period",
        "value",
        "unit",
        "flag",
        "conf",
        "known_from",
        "snapshot_id",
    }
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
        f"{_number(row['value'])} {row['unit']}",
        "facts": {
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
            else snapshot["note"] or "with the project",
            "updated": f"{snapshot['provider_updated_at']:%Y-%m-%d} by the provider"
            if snapshot["provider_updated_at"]
            else "by the provider at a time not known",
            "licence": entry["licence"],
            "cite as": entry["citation"],
            "checks": _checks(judged),
            "earlier": "; ".join(
                f"{_number(value)}{f' {flag}' if flag else ''} until {moment:%Y-%m-%d %H:%M} UTC"
                for moment, value, flag in earlier
            )
            or None,
        },
    }


def _checks(judged: list[tuple[str, bool]]) -> str:
    """`8 of 9 passed: ...; failed: ...`, with the names."""
    passed = [name for name, good in judged if good]
    failed = [name for name, good in judged if not good]
    if not judged:
        return "none recorded"
    return f"{len(passed)} of {len(judged)} passed: {', '.join(passed)}" + (
        f"; failed: {', '.join(failed)}" if failed else ""
    )


def _earlier(con: duckdb.DuckDBPyConnection, geo: str, indicator: str, period: str) -> str:
    """What the indicator was in earlier releases, newest first."""
    found = con.execute(
        "select old_value, revised_at, cause from indicator_revisions "
        "where geo = ? and indicator = ? and period = ? order by revised_at desc",
        [geo, indicator, period],
    ).fetchall()
    return "; ".join(
        f"{_number(value)} until {moment:%Y-%m-%d %H:%M} UTC ({cause})" for value, moment, cause in found
    )


def _release(con: duckdb.DuckDBPyConnection) -> str:
    """The release, the commit it was built by, and the checks it went out with."""
    ((name, commit),) = con.execute("select release_id, code_commit from release").fetchall()
    judged = con.execute("select check_name, passed from check_results where scope = 'release' order by all")
    by = f", commit {commit[:12]}" if commit else ""
    return f"{name}{by}, checks {_checks(judged.fetchall())}"


def _targets(con: duckdb.DuckDBPyConnection, indicator: str, geo: str) -> str:
    """The targets that stand on this indicator and territory."""
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


def _number(value: float | None) -> str:
    if value is None:
        return "no value"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.4f}".rstrip("0")
