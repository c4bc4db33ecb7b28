"""From a provider's concepts to the project's: names of dimensions, codes of territories, the latest edition.

Belongs here: what `renames` and `territories` of a provider and `latest` of a dataset mean, in both directions. Does not
belong here: the correspondences themselves (`providers.yml`, `territories.csv`), wire formats.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sources.catalogue import Dataset, Filter
from sources.common.sql import identifier, literal
from sources.errors import UnreadableBody
from sources.formats.staged import Staged, decoding
from sources.providers import Provider

TERRITORIES = Path(__file__).parent / "territories.csv"


@dataclass(frozen=True)
class Territory:
    """`code` of `scheme` means `geo` for periods of the years `first_year` to `last_year`; None is no bound."""

    scheme: str
    code: str
    geo: str
    first_year: int | None
    last_year: int | None


@cache
def territories() -> list[Territory]:
    with open(TERRITORIES, encoding="utf-8", newline="") as handle:
        rows = csv.DictReader(line for line in handle if not line.startswith("#"))
        return [
            Territory(
                row["scheme"],
                row["code"],
                row["geo"],
                int(row["first_year"]) if row["first_year"] else None,
                int(row["last_year"]) if row["last_year"] else None,
            )
            for row in rows
        ]


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
                {t.code for t in territories() if t.scheme == provider.territories and t.geo in codes}
            )
        asked[theirs.get(dimension, dimension)] = codes
    return asked


def harmonise(staged: Staged, dataset: Dataset, provider: Provider, folder: Path) -> Staged:
    """`staged`, written into `folder` in the project's concepts; as it is where nothing differs.

    Raises UnreadableBody with every code that `territories.csv` does not know.
    """
    if not (provider.renames or provider.territories or dataset.keep_latest or dataset.collect_rest):
        return staged
    named = provider_dimensions(dataset, provider)
    theirs = dict(zip((d for d in dataset.dimensions if d != dataset.collect_rest), named, strict=False))
    code = {d: f"s.{identifier(given)}" for d, given in theirs.items()}
    joined, chosen = "", "true"
    ours = Staged(folder, staged.provider_updated_at)
    with decoding(folder) as con:
        con.execute(f"create temp table s as from read_parquet({literal(staged.series)})")
        con.execute(f"create temp table o as from read_parquet({literal(staged.observations)})")
        if dataset.collect_rest:
            others = [c for (c, *_) in con.execute("describe s").fetchall() if c not in (*named, "series")]
            each = [f"{literal(c.upper() + '=')} || s.{identifier(c)}" for c in others]
            code[dataset.collect_rest] = f"concat_ws(';', {', '.join(each)})" if each else "''"
            code = {d: code[d] for d in dataset.dimensions}
        if provider.territories:
            con.execute(
                "create temp table t (code varchar, geo varchar, first_year integer, last_year integer)"
            )
            con.executemany(
                "insert into t values (?, ?, ?, ?)",
                [
                    (t.code, t.geo, t.first_year, t.last_year)
                    for t in territories()
                    if t.scheme == provider.territories
                ],
            )
            joined = (
                f"left join t on t.code = {code['geo']} and left(o.period, 4)::integer "
                "between coalesce(t.first_year, 0) and coalesce(t.last_year, 9999)"
            )
            unknown = con.execute(
                f"select {code['geo']} || ' (' || min(o.period) || ')' from o join s using (series) {joined} "
                f"where t.geo is null group by {code['geo']} order by all"
            ).fetchall()
            if unknown:
                raise UnreadableBody(
                    f"Unknown territories: {', '.join(code for (code,) in unknown)}.",
                    hint=f"find out what they are, then add them to sources/{TERRITORIES.name}.",
                )
            code["geo"] = "t.geo"
        if dataset.keep_latest:
            chosen = f"s.{identifier(dataset.keep_latest)} = (select max({identifier(dataset.keep_latest)}) from s)"
        columns = ", ".join(f"{sql} as {identifier(d)}" for d, sql in code.items())
        keys = ", ".join(map(identifier, dataset.dimensions))
        con.execute(
            f"create temp table flat as select {columns}, o.* exclude (series) "
            f"from o join s using (series) {joined} where {chosen}"
        )
        con.execute(
            f"create temp table numbered as select row_number() over (order by {keys})::integer as series, {keys} "
            f"from (select distinct {keys} from flat)"
        )
        con.execute(
            f"copy (from numbered order by series) to {literal(ours.series)} (format parquet, compression zstd)"
        )
        con.execute(
            f"copy (select series, period, value, flag, conf from flat join numbered using ({keys}) "
            f"order by series, period) to {literal(ours.part())} (format parquet, compression zstd)"
        )
    return ours
