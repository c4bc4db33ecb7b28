"""Whether a claimed number is right: now, when it was published, up to its unit or its rounding, or not at all.

Belongs here: comparing a claim with a figure and its versions, and the sentence that says the outcome. Does not belong here:
reading the claim (`claims.py`), looking the figure up (`figures.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import duckdb

from sources.common.numbers import decimals, format_decimals
from sources.common.periods import Language, day_words
from sources.common.units import Unit, unit_or_unknown
from sources.errors import NoSuchFigure, UnclearClaim
from warehouse.publishing import citation
from warehouse.publishing.claims import Claim, Number, read_claim
from warehouse.publishing.figures import Answer, Figure, Version, look_up
from warehouse.publishing.resolve import Known
from warehouse.reference.territory import local_day

Outcome = Literal[
    "right", "revised", "share_for_percent", "percent_for_share", "other_scale", "rounding", "wrong", "not_verifiable"
]  # fmt: skip
_SENTENCES: dict[Outcome, dict[Language, str]] = {
    "right": {"it": "Giusto: {what} è {true}.", "en": "Right: {what} is {true}."},
    "revised": {
        "it": "Giusto quando fu pubblicato, poi rivisto: {what} era {was} dal {since} al {until}; ora è {true}.",
        "en": "Right when published, revised since: {what} was {was} from {since} to {until}; it is now {true}.",
    },
    "share_for_percent": {
        "it": "Una quota al posto di una percentuale: {what} è {true}, non {claimed}%.",
        "en": "A share in place of a percentage: {what} is {true}, not {claimed}%.",
    },
    "percent_for_share": {
        "it": "Una percentuale al posto di una quota: {what} è {true}, cioè {claimed} diviso per cento.",
        "en": "A percentage in place of a share: {what} is {true}, which is {claimed} divided by a hundred.",
    },
    "other_scale": {
        "it": "Un altro ordine di grandezza: {what} è {true} ({unit}).",
        "en": "Another order of magnitude: {what} is {true} ({unit}).",
    },
    "rounding": {
        "it": "Giusto salvo l'arrotondamento: {what} è {true}, non {claimed}.",
        "en": "Off by rounding: {what} is {true}, not {claimed}.",
    },
    "wrong": {
        "it": "Sbagliato: {what} è {true}, non {claimed}.",
        "en": "Wrong: {what} is {true}, not {claimed}.",
    },
    "not_verifiable": {"it": "Non verificabile: {why}", "en": "Cannot be verified: {why}"},
}
_WHY: dict[str, dict[Language, str]] = {
    "no_value": {
        "it": "{what} non ha un valore pubblicato.",
        "en": "{what} has no published value.",
    },
    "several": {
        "it": "{what} indica {count} valori di dimensioni diverse, nessuno pari a {claimed}.",
        "en": "{what} names {count} figures of different dimensions, none of which is {claimed}.",
    },
}
# a claim must say at least this much of the value before another unit is found in it
_PRECISION = 0.1


@dataclass(frozen=True)
class Verdict:
    """What came of a claim. `version` is the one that the claim agrees with, or should; None if nothing can be said.

    `near`: names that may be meant, if a name was unclear.
    """

    outcome: Outcome
    text: str
    sentence: dict[Language, str]
    claim: Claim | None = None
    answer: Answer | None = None
    figure: Figure | None = None
    version: Version | None = None
    near: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        """Whether the claim is right now, or at the moment that was asked for."""
        return self.outcome == "right"


def verify(
    con: duckdb.DuckDBPyConnection,
    known: Known,
    text: str,
    as_of: datetime | None = None,
    shown: datetime | None = None,
) -> Verdict:
    """Check the claim `text` against what is known today, or was at `as_of`; arguments as for `figures.look_up`.

    Never raises for a claim: what cannot be read or looked up is `not_verifiable`.
    """
    try:
        claim = read_claim(text, known)
    except UnclearClaim as failure:
        return _unverifiable(text, {"it": failure.message_it, "en": failure.message}, near=failure.near)
    try:
        answer = look_up(con, known, claim.territory, claim.indicator, claim.period, as_of, shown)
    except NoSuchFigure as failure:
        period: dict[Language, str] = {
            "it": f"il rilascio non ha {claim.indicator} di {claim.territory} per {claim.period}.",
            "en": failure.message,
        }
        return _unverifiable(text, period, claim, near=failure.near)
    judged = [(figure, *judge(claim, figure)) for figure in answer.figures]
    for outcome in ("right", "revised") if len(judged) > 1 else ():
        for figure, found, version in judged:
            if found == outcome:
                return _verdict(found, claim, answer, figure, version)
    if len(judged) > 1:
        why = _filled(_WHY["several"], claim, answer, count=len(judged))
        return _unverifiable(text, why, claim, answer)
    figure, outcome, version = judged[0]
    if outcome == "not_verifiable":
        return _unverifiable(text, _filled(_WHY["no_value"], claim, answer), claim, answer)
    return _verdict(outcome, claim, answer, figure, version)


def as_json(verdict: Verdict) -> dict[str, Any]:
    """The verdict as JSON types."""
    claim, answer, figure, version = verdict.claim, verdict.answer, verdict.figure, verdict.version
    in_force = figure.then if figure else None
    measured = version or in_force
    return {
        "claim": verdict.text,
        "outcome": verdict.outcome,
        "right": verdict.right,
        "sentence": verdict.sentence,
        "near": list(verdict.near),
        "read_as": {
            "geo": answer.geo if answer else None,
            "territory": claim.territory,
            "indicator": claim.indicator,
            "period": claim.period,
            "numbers": [number.value for number in claim.numbers],
            "percent": claim.percent,
            "factor": claim.factor,
        }
        if claim
        else None,
        "value": in_force.value if in_force else None,
        "unit": measured.unit if measured else None,
        "agrees_with": {"value": version.value, "known_from": citation.stamp(version.known_from)}
        if version and verdict.outcome != "wrong"
        else None,
        "dimensions": figure.dimensions if figure else {},
        "as_of": citation.stamp(answer.as_of) if answer else None,
        "release": answer.release_id if answer else None,
        "address": citation.address(answer) if answer else None,
    }


def judge(claim: Claim, figure: Figure) -> tuple[Outcome, Version | None]:
    """The outcome for one figure, and the version that the claim agrees with, or else the one in force."""
    now = figure.then
    if now and _agrees(claim, now, "right"):
        return "right", now
    for version in reversed(figure.versions):
        if version is not now and not version.deleted and _agrees(claim, version, "right"):
            return "revised", version
    if now is None or now.value is None:
        return "not_verifiable", None
    ways: tuple[Outcome, ...] = ("share_for_percent", "percent_for_share", "other_scale", "rounding")
    for way in ways:
        if _agrees(claim, now, way):
            return way, now
    return "wrong", now


def _agrees(claim: Claim, version: Version, way: Outcome) -> bool:
    """Whether the claimed number, in one of its readings, agrees with the version in this way."""
    value = version.value
    if value is None:
        return False
    unit = unit_or_unknown(version.unit)
    for number in _in_unit(claim, unit):
        if way == "right":
            found = _equal(value, number.value, number.step)
        elif way == "rounding":
            # a digit cut off, or zeros that round; an exact count that differs is no rounding
            inexact = abs(value / number.step - round(value / number.step)) > 1e-9
            found = (inexact and abs(value - number.value) <= number.step) or (
                number.round_step > number.step and _equal(value, number.value, number.round_step)
            )
        else:
            factors = {
                "share_for_percent": [100.0] if unit.kind == "percentage" else [],
                "percent_for_share": [0.01] if unit.kind == "ratio" else [],
                "other_scale": [1e3, 1e-3, 1e6, 1e-6] if unit.adds_up else [],
            }[way]
            precise = number.value != 0 and number.step / 2 <= _PRECISION * abs(number.value)
            found = precise and any(
                _equal(value, number.value * factor, number.step * factor) for factor in factors
            )
        if found:
            return True
    return False


def _in_unit(claim: Claim, unit: Unit) -> Iterator[Number]:
    """The readings of the claimed number in the unit of the figure; none where its own unit does not fit."""
    if claim.factor is not None and not (unit.adds_up and unit.scale):
        return
    if claim.percent and unit.kind not in ("percentage", "percentage_points", "ratio", "unknown"):
        return
    by = claim.factor * float(unit.scale or 1) if claim.factor is not None else 1.0
    if claim.percent and unit.kind == "ratio":
        by = 0.01
    for number in claim.numbers:
        yield Number(number.value * by, number.step * by, number.round_step * by)


def _equal(value: float, claimed: float, step: float) -> bool:
    """Whether `claimed` is `value` rounded to whole `step`s, half a step either way."""
    return abs(value - claimed) <= step / 2 + 1e-9 * step + 1e-12 * abs(value)


def _verdict(
    outcome: Outcome, claim: Claim, answer: Answer, figure: Figure, version: Version | None
) -> Verdict:
    sentences: dict[Language, str] = {}
    for language in citation.LANGUAGES:
        other_unit = outcome in ("share_for_percent", "percent_for_share", "other_scale")
        words: dict[str, str] = {
            "true": citation.value_text(figure.then, language)
            if other_unit
            else _shown(figure.then, claim, language)
        }
        if figure.then:
            words["unit"] = str(getattr(unit_or_unknown(figure.then.unit).label, language)).lower()
        if outcome == "revised" and version:
            following = [one for one in figure.versions if one.known_from > version.known_from]
            words |= {
                "was": _shown(version, claim, language),
                "since": day_words(local_day(version.known_from), language),
                "until": day_words(local_day((following[0] if following else version).known_from), language),
            }
        sentences[language] = _filled(_SENTENCES[outcome], claim, answer, **words)[language]
    return Verdict(outcome, claim.text, sentences, claim, answer, figure, version)


def _shown(version: Version | None, claim: Claim, language: Language) -> str:
    """A true value with at least the digits that were claimed."""
    if version is None or version.value is None:
        return citation.value_text(version, language)
    unit = unit_or_unknown(version.unit)
    digits = max(len(f"{number.step:.15f}".rstrip("0").partition(".")[2]) for number in claim.numbers)
    places = min(max(decimals(version.value), digits if version.value != int(version.value) else 0), 12)
    return format_decimals(version.value, places, language) + str(getattr(unit.sign, language))


def _filled(texts: dict[Language, str], claim: Claim, answer: Answer, **words: object) -> dict[Language, str]:
    return {
        language: text.format(what=citation.title(answer, language), claimed=claim.number, **words)
        for language, text in texts.items()
    }


def _unverifiable(
    text: str,
    why: dict[Language, str],
    claim: Claim | None = None,
    answer: Answer | None = None,
    near: tuple[str, ...] = (),
) -> Verdict:
    sentences: dict[Language, str] = {
        language: form.format(why=why[language]) for language, form in _SENTENCES["not_verifiable"].items()
    }
    return Verdict("not_verifiable", text, sentences, claim, answer, None, None, near)
