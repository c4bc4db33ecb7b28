"""Maps provider dimension names, territory codes and editions to the project's.

Belongs here: the meaning of a provider's `renames` and `territories` and a dataset's `keep_latest`, in both directions. Does not
belong here: the correspondences themselves (`providers.yml`, `territories.csv`), wire formats.
"""

from __future__ import annotations

import csv
import difflib
import os
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb

from sources.catalogue import Dataset, Filter
from sources.common.sql import identifier, literal
from sources.errors import SpecError, UnreadableBody
from sources.formats.staged import Staged, decoding
from sources.formats.write import write_series
from sources.providers import Provider

TERRITORIES = Path(__file__).parent / "territories.csv"
COLUMNS = ["scheme", "code", "geo", "first_year", "last_year", "since", "note"]
# codes of EDITION of ISTAT's tables: 2026M9G12 is of 12 September 2026, 2026M9 of that month, 2026M10_1 one of several of a
# month, 2025 of the year
EDITION = re.compile(r"(\d{4})(?:M(\d{1,2})(?:G(\d{1,2})|_(\d{1,2}))?)?")
# a code that resembles the name of one of our territories as much as this is taken for a misspelling of it
ALIKE = 0.85


@dataclass(frozen=True)
class Territory:
    """`code` of `scheme` means `geo` for periods of the years `first_year` to `last_year`; None is no bound.

    An empty `geo` is a territory that NUTS does not have, or a row of the table that is none: its figures are left out.
    """

    scheme: str
    code: str
    geo: str
    first_year: int | None
    last_year: int | None


@dataclass(frozen=True)
class KnownTerritories:
    """What the warehouse knows of territories: every code with a name, and those whose figures must not be left out.

    `watched` are ours and our peers'; `country` is that of our territory. Without any `codes` none is unknown.
    """

    codes: Collection[str] = ()
    watched: Collection[str] = ()
    country: str = "IT"


ANY_TERRITORY = KnownTerritories()


def territories() -> list[Territory]:
    """The rows of `territories.csv`, overlaid with those of the file that `DISTRETTO_TERRITORIES` names.

    A scheme and code that is in that file has the rows of that file alone. Raises SpecError with file and line.
    """
    over = os.environ.get("DISTRETTO_TERRITORIES")
    if not over:
        return _read(TERRITORIES)
    overlay = _read(Path(over))
    replaced = {(t.scheme, t.code) for t in overlay}
    return [t for t in _read(TERRITORIES) if (t.scheme, t.code) not in replaced] + overlay


def _read(path: Path) -> list[Territory]:
    try:
        return _parsed(path, path.stat().st_mtime_ns)
    except OSError as failure:
        raise SpecError(
            f"{path}: {failure.strerror}.", hint="correct DISTRETTO_TERRITORIES, or unset it."
        ) from None


@cache
def _parsed(path: Path, _changed: int) -> list[Territory]:
    def wrong(line: int, problem: str) -> SpecError:
        return SpecError(
            f"{path}:{line}: {problem}.",
            hint="correct the line; its columns are those of sources/territories.csv.",
        )

    found: list[Territory] = []
    columns: list[str] = []
    with open(path, encoding="utf-8-sig", newline="") as handle:
        for line, text in enumerate(handle, 1):
            if text.startswith("#") or not text.strip():
                continue
            cells = [cell.strip() for cell in next(csv.reader([text]))]
            if not columns:
                columns = cells
                if missing := [column for column in COLUMNS[:5] if column not in columns]:
                    raise wrong(line, f"the columns {', '.join(missing)} are missing")
                continue
            row = dict(zip(columns, cells, strict=False))
            first, last = row.get("first_year", ""), row.get("last_year", "")
            if not row.get("scheme") or not row.get("code") or len(cells) != len(columns):
                raise wrong(
                    line, f"{len(cells)} cells, and a scheme and a code among {len(columns)} are expected"
                )
            if not all(re.fullmatch(r"(\d{4})?", year) for year in (first, last)):
                raise wrong(line, "first_year and last_year are years or empty")
            found.append(
                Territory(
                    row["scheme"],
                    row["code"],
                    row["geo"],
                    int(first) if first else None,
                    int(last) if last else None,
                )
            )
    return found


def provider_dimensions(dataset: Dataset, provider: Provider) -> list[str]:
    """The dimensions as the provider's bodies name them, in lower case."""
    theirs = {ours: given.lower() for given, ours in provider.renames.items()}
    named = [d for d in dataset.dimensions if d != dataset.collect_rest]
    return [theirs.get(d, d) for d in (*named, *([dataset.keep_latest] if dataset.keep_latest else []))]


def provider_query(query: Filter, provider: Provider) -> Filter:
    """`query` in the provider's own names and codes, names in lower case."""
    theirs = {ours: given.lower() for given, ours in provider.renames.items()}
    asked = {}
    for dimension, codes in query.items():
        if dimension == "geo" and provider.territories:
            codes = sorted(
                {
                    t.code
                    for t in territories()
                    if t.scheme == provider.territories and t.geo and t.geo in codes
                }
            )
        asked[theirs.get(dimension, dimension)] = codes
    return asked


def edition_order(code: str) -> tuple[int, ...]:
    """The date of an edition as numbers to compare: year, month, day or 0, number within the month or 0.

    Raises UnreadableBody for a form that is not known.
    """
    match = EDITION.fullmatch(code.strip())
    year, month, day, number = (int(part or 0) for part in match.groups()) if match else (0, 0, 0, 0)
    if not match or not 1900 <= year <= 2199 or month > 12 or day > 31 or (match[2] and not month):
        raise UnreadableBody(
            f"The edition {code[:40]!r} is no date of the form 2026M9G12, 2026M9 or 2026.",
            hint="ask the provider which edition is the latest; then add its form to sources/concepts.py.",
        )
    return year, month, day, number


def latest_edition(codes: Collection[str]) -> str:
    """The latest of the editions `codes`, compared as dates.

    Raises UnreadableBody for an unknown form, and where two of them cannot be ordered: the year 2026 and the month 2026M9.
    """
    dated = {code: edition_order(code) for code in codes}
    latest = max(dated, key=dated.__getitem__)
    for code, order in dated.items():
        # equal up to the precision of the coarser one, so the codes do not say which is later
        precision = next((i for i, (a, b) in enumerate(zip(order, dated[latest], strict=True)) if a != b), 4)
        if code != latest and (precision == 4 or 0 in (order[precision], dated[latest][precision])):
            raise UnreadableBody(
                f"Of the editions {code} and {latest} it cannot be said which is later.",
                hint="name the edition under `query` in the catalogue entry, or ask the provider.",
            )
    return latest


def harmonise(
    staged: Staged,
    dataset: Dataset,
    provider: Provider,
    folder: Path,
    known: KnownTerritories = ANY_TERRITORY,
) -> Staged:
    """`staged`, written into `folder` in the project's concepts; as it is if nothing differs.

    Figures of unknown territories are left out and noted, unless they look like ours or our peers'. Raises UnreadableBody
    with every code that does, and for editions that cannot be compared.
    """
    differs = provider.renames or provider.territories or dataset.keep_latest or dataset.collect_rest
    # a code that a person typed has to be corrected, not left out
    typed = provider.protocol == "drop" and not provider.territories
    if not differs and (typed or not known.codes):
        return staged
    named = provider_dimensions(dataset, provider)
    theirs = dict(zip((d for d in dataset.dimensions if d != dataset.collect_rest), named, strict=False))
    code = {d: f"s.{identifier(given)}" for d, given in theirs.items()}
    ours = Staged(folder, staged.provider_updated_at)
    with decoding(folder) as con:
        con.execute(f"create temp view s as from read_parquet({literal(staged.series)})")
        con.execute(f"create temp view o as from read_parquet({literal(staged.observations)})")
        chosen = "true"
        if dataset.collect_rest:
            others = [c for (c, *_) in con.execute("describe s").fetchall() if c not in (*named, "series")]
            each = [f"{literal(c.upper() + '=')} || s.{identifier(c)}" for c in others]
            code[dataset.collect_rest] = f"concat_ws(';', {', '.join(each)})" if each else "''"
            code = {d: code[d] for d in dataset.dimensions}
        if dataset.keep_latest:
            given = con.execute(f"select distinct {identifier(dataset.keep_latest)} from s").fetchall()
            if given:
                chosen = (
                    f"s.{identifier(dataset.keep_latest)} = {literal(latest_edition([c for (c,) in given]))}"
                )
        if not differs and not _unknown(con, known):
            return staged
        _load_territories(con, provider, ANY_TERRITORY if typed else known, theirs["geo"])
        means = (
            f"left join t on t.code = {code['geo']} and left(o.period, 4)::integer "
            "between coalesce(t.first_year, 0) and coalesce(t.last_year, 9999)"
        )
        notes = _left_out(con, code["geo"], means, chosen, bool(provider.territories), known)
        code["geo"] = "t.geo"
        columns = ", ".join(f"{sql} as {identifier(d)}" for d, sql in code.items())
        con.execute(
            f"create temp view flat as select {columns}, o.* exclude (series) "
            f"from o join s using (series) {means} where {chosen} and t.geo <> ''"
        )
        rows = "flat"
        if dataset.layout and dataset.layout.counted:
            # a province can have two codes, as FC and FO: what is counted under both adds up
            con.execute(
                "create temp view counted as select * exclude (value, flag, conf), sum(value) as value, "
                "any_value(flag) as flag, any_value(conf) as conf from flat group by all"
            )
            rows = "counted"
        write_series(con, rows, dataset.dimensions, ours)
    ours.add_notes([*staged.notes, *notes])
    return ours


def _unknown(con: duckdb.DuckDBPyConnection, known: KnownTerritories, geo: str = "geo") -> set[str]:
    """Unknown codes of the view `s`; one that looks like ours is left to the checks, which quarantine the table."""
    if not known.codes:
        return set()
    codes = {code for (code,) in con.execute(f"select distinct {identifier(geo)} from s").fetchall()}
    return {code for code in codes - set(known.codes) if not resembles(code, known.watched)}


def _load_territories(
    con: duckdb.DuckDBPyConnection, provider: Provider, known: KnownTerritories, geo: str
) -> None:
    """The temp table `t (code, geo, first_year, last_year)`: what each code of the provider means.

    Codes of a provider without a scheme are taken unchanged, unless they are unknown.
    """
    con.execute("create temp table t (code varchar, geo varchar, first_year integer, last_year integer)")
    if provider.territories:
        rows = [
            (t.code, t.geo, t.first_year, t.last_year)
            for t in territories()
            if t.scheme == provider.territories
        ]
    else:
        codes = con.execute(f"select distinct {identifier(geo)} from s").fetchall()
        unknown = _unknown(con, known, geo)
        rows = [(code, code, None, None) for (code,) in codes if code not in unknown]
    if rows:
        con.executemany("insert into t values (?, ?, ?, ?)", rows)


def _left_out(
    con: duckdb.DuckDBPyConnection,
    geo: str,
    means: str,
    chosen: str,
    scheme: bool,
    known: KnownTerritories,
) -> list[str]:
    """A sentence on the figures of territories that `t` does not have or leaves out. Raises UnreadableBody."""
    found = con.execute(
        f"select {geo}, count(*), min(o.period), max(o.period), bool_or(t.geo is null) "
        f"from o join s using (series) {means} where {chosen} and coalesce(t.geo, '') = '' group by {geo} order by 1"
    ).fetchall()
    if not found:
        return []
    if scheme:
        names = con.execute(
            "select distinct code from t where geo in (from (select unnest(?)))", [_ours(con, known)]
        )
        watched = {*known.watched, *(name for (name,) in names.fetchall())}
        if refused := [code for code, *_, unknown in found if unknown and resembles(code, watched)]:
            raise UnreadableBody(
                f"Unknown territories that may be ours or our peers': {', '.join(refused)}.",
                hint=f"find out what they are, then add them to sources/{TERRITORIES.name}, or to the file that "
                "DISTRETTO_TERRITORIES names; an empty geo leaves them out.",
            )
    listed = ", ".join(
        f"{code} ({number:,}, {first} to {last})" for code, number, first, last, _ in found[:20]
    )
    more = f" and {len(found) - 20:,} more" if len(found) > 20 else ""
    return [f"Figures of territories without one of our codes are left out: {listed}{more}."]


def _ours(con: duckdb.DuckDBPyConnection, known: KnownTerritories) -> list[str]:
    """The territories of `t` that are watched, or parts of one that is no whole country."""
    every = [geo for (geo,) in con.execute("select distinct geo from t where geo <> ''").fetchall()]
    return [geo for geo in every if geo in known.watched or _within(geo, known.watched)]


def resembles(code: str, watched: Collection[str]) -> bool:
    """Whether an unknown `code` looks like one of the codes or names `watched`, or like a part of it.

    So do a longer code that begins with a region's, a name that contains a territory's name, and a name misspelt.
    """
    if code in watched or _within(code, watched):
        return True
    words = f"_{_words(code)}_"
    names = [name for given in watched if len(name := _words(given)) > 4 and not re.search(r"\d", name)]
    return any(f"_{name}_" in words for name in names) or bool(
        difflib.get_close_matches(_words(code), names, 1, cutoff=ALIKE)
    )


def _within(code: str, regions: Collection[str]) -> bool:
    """Whether the code begins with that of a region, which has two letters and something behind them."""
    return bool(re.fullmatch(r"[A-Z]{2}[0-9A-Z_]+", code)) and any(
        len(region) > 2 and re.fullmatch(r"[A-Z]{2}[A-Z0-9]{1,3}", region) and code.startswith(region)
        for region in regions
    )


def _words(text: str) -> str:
    """Words in capitals with `_` between them, as `formats/tabular.py` makes codes of names."""
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "_".join(re.findall(r"[A-Z0-9]+", bare.upper()))
