"""Replaying the published revisions from any night gives the next night's figures, over fifty random nights."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from sources.catalogue import Catalogue, load_catalogue
from sources.common.sql import literal
from sources.data_folder import DataFolder
from sources.formats.staged import Staged
from sources.snapshots import Acceptance, Snapshot
from tests.conftest import ENTRY
from warehouse.history import store, vintages
from warehouse.publishing import indicator_history, revisions, tables
from warehouse.targets.ledger import Ledger

NIGHTS = 50
FIRST = datetime(2026, 1, 1, 4, tzinfo=UTC)
GEOS, CODES, YEARS = ("IT", "ITG1", "ITG17"), ("V11920", "V11910"), ("2017", "2018", "2019", "2020")
FLAGS, CONFS = ("", "p", "b", "bp", None), (None, None, None, "C")


def moment(night: int) -> datetime:
    return FIRST + timedelta(days=night)


def snapshot(night: int) -> Snapshot:
    return Snapshot(
        f"toy-{night}",
        "toy",
        "eurostat",
        "toy",
        "tsv",
        "live",
        "",
        "",
        0,
        0,
        False,
        "",
        moment(night),
        None,
        "",
    )


def values(rows: list[tuple]) -> str:
    """Rows as SQL: `null` for None, numbers as doubles but the whole ones, texts quoted."""

    def cell(value: object) -> str:
        if value is None:
            return "null"
        return (
            f"{value!r}::double"
            if isinstance(value, float)
            else str(value)
            if isinstance(value, int)
            else literal(value)
        )

    return ", ".join(f"({', '.join(map(cell, row))})" for row in rows)


def staged(con: duckdb.DuckDBPyConnection, folder: Path, figures: dict[Any, tuple]) -> Staged:
    """The staged files of one body: value, flag and confidentiality by code, territory and year."""
    folder.mkdir()
    series = sorted({key[:2] for key in figures})
    numbered = [(number, "A", code, geo) for number, (code, geo) in enumerate(series, 1)]
    seen = [
        (series.index((code, geo)) + 1, year, *figure)
        for (code, geo, year), figure in sorted(figures.items())
    ]
    copy = "copy (from (values {rows}) t({columns})) to {file} (format parquet)"
    con.execute(
        copy.format(
            rows=values(numbered),
            columns="series, freq, indic_sb, geo",
            file=literal(folder / "series.parquet"),
        )
    )
    con.execute(
        copy.format(
            rows=values(seen),
            columns="series, period, value, flag, conf",
            file=literal(folder / "observations.parquet"),
        )
    )
    return Staged(folder)


def changed(figures: dict[Any, tuple], keys: list[Any], fresh, chance: random.Random) -> dict[Any, tuple]:
    """`figures` after a night: some are revised, marked otherwise, gone, back or new."""
    after = dict(figures)
    for key in chance.sample(keys, chance.randint(0, 6)):
        if key in after and chance.random() < 0.3:
            del after[key]
        else:
            after[key] = fresh(chance)
    return after or {keys[0]: fresh(chance)}


def observation(chance: random.Random) -> tuple:
    value = chance.choice((None, 0.0, round(chance.uniform(-1e6, 1e6), chance.randint(0, 9))))
    return value, chance.choice(FLAGS), chance.choice(CONFS)


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A release's history after fifty nights of random figures, of which some nights changed nothing."""
    folder, chance = tmp_path_factory.mktemp("replay"), random.Random(7)
    entries = folder / "catalogue"
    entries.mkdir()
    (entries / "toy.yml").write_text(yaml.safe_dump({**ENTRY, "code": "toy"}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISTRETTO_CATALOGUE", str(entries))
        entry = load_catalogue()["toy"]
    catalogue = Catalogue({"toy": entry})
    keys = [(code, geo, year) for code in CODES for geo in GEOS for year in YEARS]
    figures = {key: observation(chance) for key in keys if key[2] < "2019" and key[1] != "ITG17"}
    with store.warehouse(DataFolder(folder / "data"), entry.dimensions, []) as con:
        for night in range(1, NIGHTS + 1):
            kind = "baseline" if night == 1 else "update"
            acceptance = Acceptance("toy", f"toy-{night}", moment(night), kind, "checks", sequence=night)
            vintages.append(
                con, entry, snapshot(night), acceptance, staged(con, folder / f"{night}", figures)
            )
            figures = changed(figures, keys, observation, chance)
        con.execute(f"attach {literal(folder / 'release.duckdb')} as distretto")
        tables.build_history(con, catalogue, "warehouse", "distretto")
        con.execute("create table distretto.snapshots (snapshot_id varchar)")
        tables.build_figures(con, catalogue, "distretto")
        yield con


def known(con: duckdb.DuckDBPyConnection, night: int) -> dict[tuple, tuple]:
    rows = con.execute(
        f"select indicator, geo, period, value, flag, conf from distretto.as_of(timestamptz {literal(moment(night))})"
    )
    return {row[:3]: row[3:] for row in rows.fetchall()}


def test_the_revisions_of_a_night_turn_its_observations_into_the_next_ones(observed):
    listed = 0
    for night in range(1, NIGHTS):
        figures = known(observed, night)
        at = literal(moment(night + 1))
        rows = observed.execute(f"""
            select indicator, geo, period, kind, old_value, old_flag, old_conf, value, flag, conf
            from distretto.revisions where known_from = timestamptz {at}""").fetchall()
        for indicator, geo, period, kind, *values in rows:
            key, old, new = (indicator, geo, period), tuple(values[:3]), tuple(values[3:])
            if kind in ("changed", "reflagged", "deleted"):
                assert figures.pop(key) == old
            if kind != "deleted":
                assert key not in figures
                figures[key] = new
        listed += len(rows)
        # a series' first figures are no revision; `vintages` counts them
        first = observed.execute(f"""
            select indicator, geo, period, value, flag, conf
            from distretto.history join distretto.series using (series) join distretto.vintages using (vintage)
            where known_from = timestamptz {at} and series // {vintages.SERIES_PER_VINTAGE} = vintage""").fetchall()
        figures |= {row[:3]: row[3:] for row in first}
        assert figures == known(observed, night + 1), f"night {night + 1}"
    assert listed > 100


INDICATORS, UNITS = ("enterprise_births", "enterprise_birth_rate"), ("NR", "PC")


def indicator(chance: random.Random) -> tuple:
    value = chance.choice((None, 0.0, chance.uniform(0.001, 1e6)))
    reliability = "suppressed" if value is None else chance.choice(("A", "B", "C"))
    return value, chance.choice(("", "p", "b")), reliability


def publish(con: duckdb.DuckDBPyConnection, folder: Path, night: int, figures: dict[tuple, tuple]) -> None:
    """The tables of indicators of one release, with history and revisions after those of the night before."""
    schema, last = f"night{night}", folder / f"{night - 1}.duckdb"
    con.execute(f"attach {literal(folder / f'{night}.duckdb')} as {schema}")
    con.execute(f"""
        create table {schema}.indicators (indicator varchar, geo varchar, geo_level varchar, period varchar, value double,
            unit varchar, numerator double, denominator double, flag varchar, reliability varchar, ci_low double,
            ci_high double, ci_method varchar, break_before boolean, truncated boolean, provisional boolean,
            derived boolean, dataset varchar, snapshot_id varchar, method_version varchar, known_from timestamptz);
        create table {schema}.district (indicator varchar, geo varchar, period varchar, value double, unit varchar, flag varchar,
            dataset varchar, snapshot_id varchar, known_from timestamptz);
        create table {schema}.snapshots as select 's' as snapshot_id, 'live' as origin;
        create table {schema}.indicator_catalogue as select unnest({list(INDICATORS)}) as indicator, 'up' as direction""")
    rows = [(*key, UNITS[INDICATORS.index(key[0])], *figure) for key, figure in sorted(figures.items())]
    con.execute(f"""
        insert into {schema}.indicators by name
        select indicator, geo, period, unit, value, flag, reliability, 'nuts2' as geo_level, 'toy' as dataset,
               's' as snapshot_id, 'm' as method_version, false as break_before, false as truncated, false as provisional,
               false as derived, timestamptz {literal(moment(night))} as known_from
        from (values {values(rows)}) t(indicator, geo, period, unit, value, flag, reliability)""")
    release = {"release_id": f"{moment(night):%Y%m%dT%H%M%SZ}", "built_at": moment(night)}
    before = last if last.exists() else None
    if before:
        con.execute(f"detach night{night - 1}")
    indicator_history.build(con, before, release, schema)
    revisions.build(con, before, Ledger(folder / "targets.yml", []), release, schema)


def test_the_revisions_of_a_release_turn_its_indicators_into_the_next_ones(tmp_path):
    chance = random.Random(11)
    keys = [(name, geo, year) for name in INDICATORS for geo in GEOS for year in YEARS]
    figures = {key: indicator(chance) for key in keys if key[2] < "2019"}
    published, listed = [], 0
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        for night in range(1, NIGHTS + 1):
            publish(con, tmp_path, night, figures)
            published.append(figures)
            figures = changed(figures, keys, indicator, chance)
            if night % 17 == 0:
                # every figure of an indicator is withdrawn
                figures = {key: figure for key, figure in figures.items() if key[0] != INDICATORS[0]}
        schema = f"night{NIGHTS}"
        for night in range(1, NIGHTS):
            state = {key: figure for key, figure in published[night - 1].items() if figure[0] is not None}
            at = literal(moment(night + 1))
            rows = con.execute(f"""
                select indicator, geo, period, kind, old_value, value, flag, reliability from {schema}.indicator_revisions
                where revised_at = timestamptz {at}""").fetchall()
            for name, geo, period, kind, old, *new in rows:
                key = (name, geo, period)
                if kind in ("changed", "withdrawn") or (kind == "reflagged" and old is not None):
                    assert state.pop(key)[0] == old
                if new[0] is not None:
                    state[key] = tuple(new)
            listed += len(rows)
            first = con.execute(f"""
                select indicator, geo, period, value, flag, reliability from {schema}.indicator_history
                where value is not null
                qualify row_number() over (partition by indicator, geo, period order by known_from) = 1
                    and known_from = timestamptz {at}""").fetchall()
            state |= {row[:3]: row[3:] for row in first if row[:3] not in state}
            expected = {key: figure for key, figure in published[night].items() if figure[0] is not None}
            assert state == expected, f"night {night + 1}"
    assert listed > 100
