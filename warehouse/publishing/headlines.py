"""Headlines: sentences in Italian and English made by rules from the figures, with the rows they rest on.

Belongs here: when figures carry a statement, its words, and the table `headlines`. Does not belong here: which
indicators are headlines (`reference/territory.yml`). Where the figures do not carry a statement the sentence says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from sources.common.sql import literal
from warehouse.publishing.tables import write_table
from warehouse.targets.assessment import Figure, figures
from warehouse.targets.ledger import ordinal

UNSURE = ("C", "suppressed")
# the fewest territories among which a rank is told
RANKED = 5


@dataclass(frozen=True)
class Sentence:
    """One headline: the `rule` that made it, both texts, and the figures it rests on as GEO/INDICATOR/PERIOD."""

    rule: str
    it: str
    en: str
    rests_on: list[str]


# -- rules


def change(figure: Figure, before: Figure | None) -> tuple[str, str, str]:
    """What can be said of `figure` against `before`, the newest figure until then: the rule, Italian, English.

    A change is told only of two reliable figures of neighbouring periods without a break between them, and, where
    both have a 95 % interval, only if the intervals do not share a value.
    """
    if figure.reliability in UNSURE:
        return "uncertain", "dato troppo incerto per un confronto", "too uncertain to compare"
    if before is None:
        return "alone", "nessun dato precedente", "no figure before it"
    then = before.period
    if figure.break_before or figure.dataset != before.dataset or figure.unit != before.unit:
        return "break", f"non confrontabile con il {then}", f"not comparable with {then}"
    if ordinal(figure.period) - ordinal(then) != 1:
        return (
            "gap",
            f"nessun dato tra il {then} e il {figure.period}",
            f"no figure between {then} and {figure.period}",
        )
    if before.reliability in UNSURE:
        return (
            "uncertain",
            f"il dato del {then} è troppo incerto per un confronto",
            f"the figure of {then} is too uncertain to compare",
        )
    if _overlap(figure, before):
        return (
            "chance",
            f"nessuna variazione oltre il caso rispetto al {then}",
            f"no change from {then} beyond chance",
        )
    moved = figure.value - before.value
    if moved == 0:
        return "change", f"come nel {then}", f"as in {then}"
    if figure.unit == "PC":
        size_it, size_en = f"{number(abs(moved), 'it')} punti", f"{number(abs(moved), 'en')} points"
    elif before.value > 0:
        percent = abs(moved) / before.value * 100
        size_it, size_en = f"{number(percent, 'it', 1)} %", f"{number(percent, 'en', 1)} %"
    else:
        size_it, size_en = number(abs(moved), "it"), number(abs(moved), "en")
    up = moved > 0
    return (
        "change",
        f"{size_it} in {'più' if up else 'meno'} rispetto al {then}",
        f"{'up' if up else 'down'} {size_en} from {then}",
    )


def level(
    names: dict[str, str],
    words: dict[str, str],
    geo: str,
    indicator: str,
    series: Sequence[Figure],
    until: str = "9999",
) -> Sentence:
    """The newest figure and its change; `until` is the last period that is complete."""
    told = sorted(
        (f for f in series if f.value is not None and f.period <= until), key=lambda f: ordinal(f.period)
    )
    if not told:
        return _none(names, words)
    figure, before = told[-1], told[-2] if len(told) > 1 else None
    rule, change_it, change_en = change(figure, before)
    rests_on = [f"{geo}/{indicator}/{figure.period}"]
    if rule in ("change", "chance"):
        rests_on.append(f"{geo}/{indicator}/{before.period}")
    return Sentence(
        rule,
        f"{names['it']}, {figure.period}: {_with_unit(figure, 'it')} {words['it']}, {change_it} ({_source(figure, 'segno')})",
        f"{names['en']}, {figure.period}: {_with_unit(figure, 'en')} {words['en']}, {change_en} ({_source(figure, 'flag')})",
        rests_on,
    )


def comparison(
    names: dict[str, str],
    words: dict[str, str],
    geo: str,
    indicator: str,
    same_level: dict[str, Figure],
    country: tuple[str, dict[str, str], Figure | None],
) -> Sentence:
    """Our figure beside the country's, and its place among the country's territories of the same level.

    `same_level`: figures by territory, ours among them, of one period and table. `country`: code, names and figure.
    What is not reliable is not compared. The first place is the highest value.
    """
    figure = same_level.get(geo)
    if figure is None:
        return _none(names, words)
    code, country_names, whole = country
    rule, it, en, rests_on = "level", "", "", [f"{geo}/{indicator}/{figure.period}"]
    reliable = {place: one for place, one in same_level.items() if one.reliability not in UNSURE}
    if figure.reliability in UNSURE:
        rule, it, en = "uncertain", "; dato troppo incerto per un confronto", "; too uncertain to compare"
    else:
        if whole is not None and whole.reliability not in UNSURE:
            rule = "compared"
            it, en = (f"; {country_names[lang]} {_with_unit(whole, lang)}" for lang in ("it", "en"))
            rests_on.append(f"{code}/{indicator}/{figure.period}")
        if len(reliable) >= RANKED:
            rule = "ranked"
            rank = 1 + sum(other.value > figure.value for other in reliable.values())
            it += f"; {rank}º valore più alto di {len(reliable)} regioni"
            en += f"; {_ordinal(rank)} highest value of {len(reliable)} regions"
            rests_on += [f"{place}/{indicator}/{figure.period}" for place in sorted(reliable) if place != geo]
    return Sentence(
        rule,
        f"{names['it']}, {figure.period}: {words['it']} {_with_unit(figure, 'it')}{it} ({_source(figure, 'segno')})",
        f"{names['en']}, {figure.period}: {words['en']} {_with_unit(figure, 'en')}{en} ({_source(figure, 'flag')})",
        rests_on,
    )


def targets_stand(standing: Sequence[dict[str, Any]]) -> Sentence:
    """How many of the targets that stand are where; of proposals only where none is adopted.

    `standing`: `target_id, stage, geo, indicator, period, status` of the latest result of each version that stands.
    """
    adopted = [row for row in standing if row["stage"] == "adopted"]
    told = adopted or list(standing)
    if not told:
        return Sentence("none", "Nessun obiettivo è fissato.", "No target is fixed.", [])
    counts = [(words, sum(row["status"] == status for row in told)) for status, words in STATUSES.items()]
    it = f"Obiettivi: {len(told)} {'adottati' if adopted else 'proposti, nessuno adottato'}"
    en = f"Targets: {len(told)} {'adopted' if adopted else 'proposed, none adopted'}"
    it += "".join(f"; {words['it']} {count}" for words, count in counts if count)
    en += "".join(f"; {words['en']} {count}" for words, count in counts if count)
    rests_on = [f"{row['geo']}/{row['indicator']}/{row['period']}" for row in told if row["period"]]
    return Sentence("counted", f"{it}.", f"{en}.", rests_on)


STATUSES = {
    "met": {"it": "raggiunti", "en": "met"},
    "on_track": {"it": "in linea", "en": "on track"},
    "delayed": {"it": "in ritardo", "en": "delayed"},
    "off_track": {"it": "fuori rotta", "en": "off track"},
    "not_assessable": {"it": "non valutabili", "en": "not assessable"},
    "not_comparable": {"it": "non confrontabili", "en": "not comparable"},
}


def _overlap(a: Figure, b: Figure) -> bool:
    if None in (a.ci_low, a.ci_high, b.ci_low, b.ci_high):
        return False
    return a.ci_low <= b.ci_high and b.ci_low <= a.ci_high


def _none(names: dict[str, str], words: dict[str, str]) -> Sentence:
    it, en = f"{names['it']}: {words['it']}, nessun dato", f"{names['en']}: {words['en']}, no figure yet"
    return Sentence("none", it, en, [])


def _source(figure: Figure, mark: str) -> str:
    return f"{figure.dataset}, {mark} {figure.flag}" if figure.flag else figure.dataset


def _with_unit(figure: Figure, language: str) -> str:
    return number(figure.value, language) + (" %" if figure.unit == "PC" else "")


def number(value: float, language: str, digits: int | None = None) -> str:
    """`value` as a reader of `language` writes it: whole from a thousand on, else with two decimals."""
    text = f"{value:,.{(0 if abs(value) >= 1000 else 2) if digits is None else digits}f}"
    return text.translate(str.maketrans(",.", ".,")) if language == "it" else text


def short(value: float, unit: str, language: str) -> str:
    """`value` with its unit and without the zeros at its end; a count needs no unit."""
    text = f"{value:,.2f}".rstrip("0").rstrip(".")
    text = text.translate(str.maketrans(",.", ".,")) if language == "it" else text
    return text + {"NR": "", "PC": " %"}.get(unit, f" {unit}")


def _ordinal(rank: int) -> str:
    ending = "th" if rank % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(rank % 10, "th")
    return f"{rank}{ending}"


# -- the table of a release


def build(con: duckdb.DuckDBPyConnection, ours: dict[str, Any], schema: str) -> None:
    """Create `headlines` in `schema`, from its `indicators`, `targets` and `target_results`; `ours` is the territory's file."""
    rows = []
    for headline in ours["headlines"]:
        rows += [_level_row(con, ours, headline, schema), _comparison_row(con, ours, headline, schema)]
    found = con.execute(f"""
        select target_id, stage, indicator, geo, period, status
        from {schema}.target_results r join {schema}.targets t using (target_id, version)
        where point = 'latest' and superseded_by is null order by target_id""")
    names = [column[0] for column in found.description]
    sentence = targets_stand([dict(zip(names, row, strict=True)) for row in found.fetchall()])
    rows.append(("targets", "targets", None, ours["region"], sentence, None))
    write_table(
        con,
        f"{schema}.headlines",
        {
            "number": "integer",
            "kind": "varchar",
            "theme": "varchar",
            "rule": "varchar",
            "text_it": "varchar",
            "text_en": "varchar",
            "indicator": "varchar",
            "geo": "varchar",
            "period": "varchar",
            "value": "double",
            "unit": "varchar",
            "flag": "varchar",
            "dataset": "varchar",
            "snapshot_id": "varchar",
            "rests_on": "varchar[]",
        },
        [
            (
                place,
                kind,
                theme,
                sentence.rule,
                sentence.it,
                sentence.en,
                indicator,
                geo,
                *(
                    (f.period, f.value, f.unit, f.flag, f.dataset, f.snapshot_id)
                    if (f := figure)
                    else (None,) * 6
                ),
                sentence.rests_on,
            )
            for place, (kind, theme, indicator, geo, sentence, figure) in enumerate(rows, 1)
        ],
    )


def read(con: duckdb.DuckDBPyConnection, kind: str) -> list[dict[str, Any]]:
    """The headlines of a `kind` (level, comparison, targets) in the release `con` reads."""
    found = con.execute("select * from headlines where kind = ? order by number", [kind])
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _level_row(con: Any, ours: dict[str, Any], headline: dict[str, Any], schema: str) -> tuple[Any, ...]:
    """Of the indicators of a headline the first that has a value, else the last."""
    for choice in headline["indicators"]:
        until = choice.get("until", "9999")
        pair = (choice["id"], ours["region"])
        series = figures(con, schema, [pair])[pair]
        if newest := _newest(series, until):
            break
    sentence = level(ours["names"], choice["words"], ours["region"], choice["id"], series, until)
    return "level", headline["theme"], choice["id"], ours["region"], sentence, newest


def _comparison_row(con: Any, ours: dict[str, Any], headline: dict[str, Any], schema: str) -> tuple[Any, ...]:
    choice, region, country = headline["compared"], ours["region"], ours["country"]
    names = con.execute(
        f"select name_it, name_en from {schema}.geography where geo = {literal(country)}"
    ).fetchone()
    places = [
        geo
        for (geo,) in con.execute(f"""
            select geo from {schema}.geography where starts_with(geo, {literal(country)})
            and level = (select level from {schema}.geography where geo = {literal(region)}) order by geo""").fetchall()
    ]
    found = figures(con, schema, [(choice["id"], geo) for geo in (country, *places)])
    newest = _newest(found[choice["id"], region], choice.get("until", "9999"))

    def like_ours(geo: str) -> Figure | None:
        return next(
            (
                f
                for f in found[choice["id"], geo]
                if newest and f.value is not None and (f.period, f.dataset) == (newest.period, newest.dataset)
            ),
            None,
        )

    same_level = {geo: figure for geo in places if (figure := like_ours(geo))}
    about = (country, {"it": names[0], "en": names[1]}, like_ours(country))
    sentence = comparison(ours["names"], choice["words"], region, choice["id"], same_level, about)
    return "comparison", headline["theme"], choice["id"], region, sentence, newest


def _newest(series: Sequence[Figure], until: str) -> Figure | None:
    told = [f for f in series if f.value is not None and f.period <= until]
    return max(told, key=lambda f: ordinal(f.period), default=None)
