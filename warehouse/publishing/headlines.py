"""Rule-based bilingual headline sentences, with the rows that support them.

Belongs here: the words of each rule and the table `headlines`. Does not belong here: which indicators are headlines
(`reference/territory.yml`), what may be said of a change (`statistics/comparison.py`) and of a rank (`statistics/ranking.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from sources.common import sql
from sources.common.numbers import Language, format_change, format_number, ordinal
from sources.common.periods import Period
from sources.common.sql import literal
from sources.common.units import unit_or_unknown
from warehouse.database import write_table
from warehouse.reference.territory import Headline, Territory
from warehouse.statistics import ranking, series_changes
from warehouse.statistics.comparison import SIZED, Change, Rules
from warehouse.statistics.ranking import Rank
from warehouse.statistics.reliability import is_reliable
from warehouse.statistics.series_changes import SeriesChanges
from warehouse.targets.assessment import Figure
from warehouse.targets.figures import figures
from warehouse.targets.schema import STATUS_WORDS

# the fewest territories among which a rank is given
RANKED = 5
LANGUAGES: tuple[Language, ...] = ("it", "en")


@dataclass(frozen=True)
class Sentence:
    """One headline: the `rule` that made it, both texts, and the figures it rests on as GEO/INDICATOR/PERIOD."""

    rule: str
    it: str
    en: str
    rests_on: list[str]


# -- words

_CHANGES: dict[str, dict[str, str]] = {
    "up": {"it": "{size} in più rispetto al {then}", "en": "up {size} from {then}"},
    "down": {"it": "{size} in meno rispetto al {then}", "en": "down {size} from {then}"},
    "stable": {"it": "stabile rispetto al {then}", "en": "stable from {then}"},
    "within_counting_variation": {
        "it": "rispetto al {then} nessuna variazione oltre la variabilità del conteggio",
        "en": "no change from {then} beyond counting variation",
    },
    "nominal": {
        "it": "{signed} a prezzi correnti rispetto al {then}, inflazione compresa",
        "en": "{signed} at current prices from {then}, inflation included",
    },
    "break": {"it": "non confrontabile con il {then}", "en": "not comparable with {then}"},
    "break_proposed": {
        "it": "possibile interruzione della serie dopo il {then}, da verificare",
        "en": "possible break of the series after {then}, to be verified",
    },
    "gap": {"it": "nessun dato tra il {then} e il {now}", "en": "no figure between {then} and {now}"},
    "missing_earlier": {
        "it": "nessun dato del {then} con cui confrontarlo",
        "en": "no figure of {then} to compare with",
    },
    "unequal_maturity": {
        "it": "non ancora confrontabile con il {then}: sono attese revisioni",
        "en": "not yet comparable with {then}: revisions are due",
    },
    "unreliable": {"it": "dato troppo incerto per un confronto", "en": "too uncertain to compare"},
    "unreliable_earlier": {
        "it": "il dato del {then} è troppo incerto per un confronto",
        "en": "the figure of {then} is too uncertain to compare",
    },
    "new": {"it": "nessun dato precedente", "en": "no figure before it"},
}
_SAMPLING = {
    "it": "; errore campionario non pubblicato qui",
    "en": "; sampling error not published here",
}


def change_words(change: Change, period: str, language: Language) -> str:
    """What the change to the figure of `period` says, as the part of a sentence that follows it; empty of the kind `none`."""
    if change.kind == "none":
        return ""
    key = (
        "unreliable_earlier"
        if change.unreliable_earlier
        else "missing_earlier"
        if change.missing_earlier
        else change.kind
    )
    size = ""
    if change.amount is not None:
        size = _size(abs(change.amount), change.amount_unit, language)
    text = _CHANGES[key][language].format(
        size=size,
        signed=f"{'+' if (change.amount or 0) >= 0 else '−'}{size}",
        then=Period.parse(change.since).words(language) if change.since else "",
        now=Period.parse(period).words(language),
    )
    return text + (_SAMPLING[language] if change.direction and change.sampling_error_unknown else "")


def _size(amount: float, unit: str, language: Language) -> str:
    if unit in ("PC", "PP"):
        return format_change(amount, unit, language)
    return format_number(amount, unit_or_unknown(unit), language)


def rank_words(rank: Rank, direction: str, language: Language) -> str:
    """A rank among regions: `2nd highest value of 21 regions`, or a range where tests cannot tell places apart."""
    low, high = rank.low or rank.place, rank.high or rank.place
    lowest = direction == "down"
    if language == "it":
        end = "dal più basso" if lowest else "dal più alto"
        place = (
            f"{ordinal(low, 'it')} valore"
            if low == high
            else f"tra il {ordinal(low, 'it')} e il {ordinal(high, 'it')} posto"
        )
        return f"{place} {end} su {rank.among} regioni e province autonome"
    end = "lowest" if lowest else "highest"
    if low == high:
        return f"{ordinal(low, 'en')} {end} value of {rank.among} regions"
    return f"{ordinal(low, 'en')} to {ordinal(high, 'en')} {end} of {rank.among} regions"


# -- rules


def level(
    names: dict[str, str],
    words: dict[str, str],
    geo: str,
    indicator: str,
    series: Sequence[Figure],
    changes: SeriesChanges,
    until: str | None = None,
) -> Sentence:
    """The newest figure and its change; `until` is the last period that is complete."""
    valued = _valued(series, until)
    if not valued:
        return _none(names, words)
    figure = valued[-1]
    change = changes.change(indicator, geo, valued, unit_or_unknown(figure.unit))
    rests_on = [f"{geo}/{indicator}/{figure.period}"]
    if change.kind in SIZED:
        rests_on.append(f"{geo}/{indicator}/{change.since}")
    return Sentence(
        change.kind,
        f"{names['it']}, {figure.period}: {_with_unit(figure, 'it')} {words['it']}, {change_words(change, figure.period, 'it')}"
        f" ({_source(figure, 'segno')})",
        f"{names['en']}, {figure.period}: {_with_unit(figure, 'en')} {words['en']}, {change_words(change, figure.period, 'en')}"
        f" ({_source(figure, 'flag')})",
        rests_on,
    )


def comparison(
    names: dict[str, str],
    words: dict[str, str],
    geo: str,
    indicator: str,
    same_level: dict[str, Figure],
    country: tuple[str, dict[str, str], Figure | None],
    rules: Rules,
    direction: ranking.Direction = "none",
) -> Sentence:
    """Our figure beside the country's, and its rank among the country's territories of the same level.

    `same_level`: figures by territory, ours among them, of one period and table. `country`: code, names and figure.
    A figure that is not reliable is not compared.
    """
    figure = same_level.get(geo)
    if figure is None:
        return _none(names, words)
    code, country_names, whole = country
    rule, it, en, rests_on = "level", "", "", [f"{geo}/{indicator}/{figure.period}"]
    rank = ranking.rank(same_level, geo, rules, direction)
    if not is_reliable(figure):
        rule, it, en = "uncertain", "; dato troppo incerto per un confronto", "; too uncertain to compare"
    else:
        if whole is not None and is_reliable(whole):
            rule = "compared"
            it, en = (f"; {country_names[lang]} {_with_unit(whole, lang)}" for lang in LANGUAGES)
            rests_on.append(f"{code}/{indicator}/{figure.period}")
        if rank is not None and rank.among >= RANKED:
            rule = "ranked"
            it += f"; {rank_words(rank, direction, 'it')}"
            en += f"; {rank_words(rank, direction, 'en')}"
            rests_on += [
                f"{place}/{indicator}/{figure.period}"
                for place, other in sorted(same_level.items())
                if place != geo and ranking.may_be_ranked(other)
            ]
    return Sentence(
        rule,
        f"{names['it']}, {figure.period}: {words['it']} {_with_unit(figure, 'it')}{it} ({_source(figure, 'segno')})",
        f"{names['en']}, {figure.period}: {words['en']} {_with_unit(figure, 'en')}{en} ({_source(figure, 'flag')})",
        rests_on,
    )


def target_counts(standing: Sequence[dict[str, Any]]) -> Sentence:
    """How many current targets have which status; of proposals only where none is adopted.

    `standing`: `target_id, stage, geo, indicator, period, status` of the latest result of each current version.
    """
    adopted = [row for row in standing if row["stage"] == "adopted"]
    counted = adopted or list(standing)
    if not counted:
        return Sentence("none", "Nessun obiettivo adottato.", "No target adopted.", [])
    it = f"Obiettivi: {len(counted)} {'adottati' if adopted else 'proposti, nessuno adottato'}"
    en = f"Targets: {len(counted)} {'adopted' if adopted else 'proposed, none adopted'}"
    for status, words in STATUS_WORDS.items():
        if count := sum(row["status"] == status for row in counted):
            it += f"; {count} {words['it_one'] if count == 1 else words['it']}"
            en += f"; {count} {words['en']}"
    rests_on = [f"{row['geo']}/{row['indicator']}/{row['period']}" for row in counted if row["period"]]
    return Sentence("counted", f"{it}.", f"{en}.", rests_on)


def _none(names: dict[str, str], words: dict[str, str]) -> Sentence:
    it, en = f"{names['it']}: {words['it']}, nessun dato", f"{names['en']}: {words['en']}, no figure yet"
    return Sentence("none", it, en, [])


def _source(figure: Figure, mark: str) -> str:
    return f"{figure.dataset}, {mark} {figure.flag}" if figure.flag else figure.dataset


def _with_unit(figure: Figure, language: Language) -> str:
    # the words of the headline name every unit but the percentage
    unit = unit_or_unknown(figure.unit)
    return format_number(figure.value or 0, unit, language, sign=unit.changes_in_points)


def _valued(series: Sequence[Figure], until: str | None) -> list[Figure]:
    """The figures with a value up to the period `until`, oldest first."""
    last = Period.parse(until) if until else None
    kept = [f for f in series if f.value is not None and (last is None or Period.parse(f.period) <= last)]
    return sorted(kept, key=lambda figure: Period.parse(figure.period))


# -- the table of a release


def build(con: duckdb.DuckDBPyConnection, ours: Territory, schema: str) -> None:
    """Create `headlines` in `schema`, from its `indicators`, `targets` and `target_results`; `ours` is the territory's file."""
    changes = series_changes.read(con, schema)
    rows = []
    for headline in ours.headlines:
        rows.append(_level_row(con, ours, headline, changes, schema))
        rows.append(_comparison_row(con, ours, headline, changes, schema))
    standing = sql.rows(
        con,
        f"""
        select target_id, stage, indicator, geo, period, status
        from {schema}.target_results r join {schema}.targets t using (target_id, version)
        where point = 'latest' and superseded_by is null order by target_id""",
    )
    sentence = target_counts(standing)
    rows.append(("targets", "targets", None, ours.region, sentence, None))
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


def _level_row(
    con: duckdb.DuckDBPyConnection,
    ours: Territory,
    headline: Headline,
    changes: SeriesChanges,
    schema: str,
) -> tuple[Any, ...]:
    """Of the indicators of a headline the first that has a value, else the last."""
    for choice in headline.indicators:
        until = choice.until
        pair = (choice.id, ours.region)
        series = figures(con, schema, [pair])[pair]
        if valued := _valued(series, until):
            break
    sentence = level(
        ours.names.model_dump(), choice.words.model_dump(), ours.region, choice.id, series, changes, until
    )
    newest = valued[-1] if valued else None
    return "level", headline.theme, choice.id, ours.region, sentence, newest


def _comparison_row(
    con: duckdb.DuckDBPyConnection,
    ours: Territory,
    headline: Headline,
    changes: SeriesChanges,
    schema: str,
) -> tuple[Any, ...]:
    choice, region, country = headline.compared, ours.region, ours.country
    names = con.execute(
        f"select name_it, name_en from {schema}.geography where geo = {literal(country)}"
    ).fetchone()
    if names is None:
        raise KeyError(f"{country} is not in geography")
    places = [
        geo
        for (geo,) in con.execute(f"""
            select geo from {schema}.geography where starts_with(geo, {literal(country)})
            and level = (select level from {schema}.geography where geo = {literal(region)}) order by geo""").fetchall()
    ]
    found = figures(con, schema, [(choice.id, geo) for geo in (country, *places)])
    valued = _valued(found[choice.id, region], choice.until)
    newest = valued[-1] if valued else None

    def like_ours(geo: str) -> Figure | None:
        return next(
            (
                f
                for f in found[choice.id, geo]
                if newest and f.value is not None and (f.period, f.dataset) == (newest.period, newest.dataset)
            ),
            None,
        )

    same_level = {geo: figure for geo in places if (figure := like_ours(geo))}
    whole = (country, {"it": names[0], "en": names[1]}, like_ours(country))
    sentence = comparison(
        ours.names.model_dump(),
        choice.words.model_dump(),
        region,
        choice.id,
        same_level,
        whole,
        changes.rules[choice.id],
        changes.directions[choice.id],
    )
    return "comparison", headline.theme, choice.id, region, sentence, newest
