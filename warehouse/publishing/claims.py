"""A claim about one figure, as people write it in minutes and articles: which figure, and which number is claimed of it.

Belongs here: reading the text, in Italian and English, with decimal commas or points. Nothing is guessed: every word of the
claim must be accounted for, and a name must mean one thing. Does not belong here: whether the number is right (`verdicts.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sources.common.names import fold, similar
from sources.common.periods import Period
from sources.errors import InvalidPeriod, UnclearClaim
from warehouse.publishing.resolve import Known

LONGEST = 400
_LONGEST_NUMBER = 40
# words that say nothing of which figure is meant
_FILLING = frozenset(
    """a ad al alla alle allo anno c ca circa citta con consorzio comunale d dato da del dei degli della delle dello di e ed era
    erano gli ha ho i il in l la le libero lo metropolitana n nel nella nelle nell nello numero pari per provincia province
    regione regioni sono stata stato state stati sul tra un una uno valore vale
    about an and approximately at by equal figure for from had has is of on region regions the to value was were with year
    """.split()
)
_MAGNITUDES = {
    "mila": 1e3, "migliaia": 1e3, "thousand": 1e3, "thousands": 1e3, "milione": 1e6, "milioni": 1e6, "mln": 1e6,
    "million": 1e6, "millions": 1e6, "miliardo": 1e9, "miliardi": 1e9, "mld": 1e9, "billion": 1e9, "billions": 1e9,
}  # fmt: skip
_PERCENT = {"%", "percento", "percent", "percentuale", "pct", "pc"}
_UNIT_WORDS = {"€", "eur", "euro", "euros", "cento", "punti", "points"}
_SEPARATORS = re.compile(r"[\s/;=()\"“”«»?!]+")
_NUMBER = re.compile(r"(?P<sign>[+\-−–]?)(?P<digits>[0-9]+(?:[.,'’][0-9]+)*)(?P<unit>%|€)?")
# groups of thousands divided by blanks, also by those at which a line does not break
_GROUPS = re.compile(
    r"(?<![\w.,'’-])([0-9]{1,3}(?:[ \u00a0\u202f\u2009][0-9]{3})+)(?![0-9])|(?<=[0-9])[\u00a0\u202f\u2009](?=%|€)"
)


@dataclass(frozen=True)
class Number:
    """One way to read a written number. `step`: the size of its last digit; `round_step`: that of its last digit but zeros."""

    value: float
    step: float
    round_step: float


@dataclass(frozen=True)
class Claim:
    """What is claimed of which figure. `territory` is a name that the release knows.

    `numbers`: the ways to read the number; 1.234 has two. `percent`: it bears a percent sign. `factor`: 1000 after
    "thousand", None without such a word.
    """

    text: str
    territory: str
    indicator: str
    period: str
    number: str
    numbers: tuple[Number, ...]
    percent: bool
    factor: float | None


def read_claim(text: str, known: Known) -> Claim:
    """The claim that `text` makes. Raises UnclearClaim, which says what is missing, unknown or ambiguous."""
    if len(text) > LONGEST or not text.replace("\n", " ").replace("\t", " ").isprintable():
        raise UnclearClaim(
            f"A claim is one line of up to {LONGEST} characters.",
            f"Un'affermazione è una riga di {LONGEST} caratteri al massimo.",
        )
    grouped = _GROUPS.sub(lambda found: re.sub(r"\s", "'", found[1]) if found[1] else "", text)
    tokens = [token for part in _SEPARATORS.split(grouped) if (token := part.strip(",.:"))]
    failures: list[UnclearClaim] = []
    for period, number in _places(tokens):
        try:
            return _claim(text, tokens, period, number, known)
        except UnclearClaim as failure:
            failures.append(failure)
    if failures:
        raise failures[0]
    if not any(_period(token) for token in tokens):
        raise UnclearClaim(
            "The claim names no period, such as 2019.", "L'affermazione non indica un periodo, come 2019."
        )
    raise UnclearClaim(
        "The claim has no number to check.", "L'affermazione non contiene un numero da verificare."
    )


def read_number(token: str) -> tuple[Number, ...]:
    """Every way to read `token` as a number with thousands and decimals, in Italian or English; empty if it is none.

    A single point or comma before three digits can be either. Groups of thousands have three digits.
    """
    found = _NUMBER.fullmatch(token)
    if not found or len(token) > _LONGEST_NUMBER:
        return ()
    digits = found["digits"].replace("’", "'")
    sign = -1 if found["sign"] in ("-", "−", "–") else 1
    marks = [mark for mark in digits if mark in ".,'"]
    ways: list[tuple[str, str]] = []
    if not marks:
        ways = [(digits, "")]
    else:
        last = marks[-1]
        whole, _, decimals = digits.rpartition(last)
        if last != "'" and marks.count(last) == 1 and _grouped(whole, set(marks) - {last}):
            ways.append((whole, decimals))
        if len(set(marks)) == 1 and _grouped(digits, {last}) and not digits.startswith("0"):
            ways.append((digits, ""))
    numbers = []
    for whole, decimals in ways:
        plain = re.sub(r"[.,']", "", whole)
        step = 10.0 ** -len(decimals)
        zeros = len(plain) - len(plain.rstrip("0")) if not decimals and plain.strip("0") else 0
        numbers.append(Number(sign * float(f"{plain}.{decimals or 0}"), step, step * 10**zeros))
    return tuple(numbers)


def _grouped(digits: str, marks: set[str]) -> bool:
    """Whether `digits` is whole, or has groups of three divided by the one mark in `marks`."""
    if not re.search(r"[.,']", digits):
        return True
    if len(marks) != 1:
        return False
    first, *groups = digits.split(next(iter(marks)))
    return 1 <= len(first) <= 3 and first.isdigit() and all(len(g) == 3 and g.isdigit() for g in groups)


def _period(token: str) -> str | None:
    try:
        return Period.parse(token).text
    except InvalidPeriod:
        return None


def _places(tokens: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Places of period and number that are possible, the likely ones first: the number last, the period before it."""
    periods = [at for at, token in enumerate(tokens) if _period(token)]
    numbers = [at for at, token in enumerate(tokens) if read_number(token)]
    # a year is a number only if nothing else is
    plain = [at for at in numbers if at not in periods] or numbers
    for number in reversed(plain):
        for period in sorted(periods, key=lambda at: (at > number, at)):
            if period != number:
                yield period, number


def _claim(text: str, tokens: Sequence[str], period: int, number: int, known: Known) -> Claim:
    percent, factor, end = "%" in tokens[number], None, number
    while end + 1 < len(tokens) and end + 1 != period and (word := fold(tokens[end + 1]) or tokens[end + 1]):
        if word in _PERCENT:
            percent = True
        elif word == "cento" and fold(tokens[end]) == "per":
            percent = True
        elif word in _MAGNITUDES:
            factor = (factor or 1) * _MAGNITUDES[word]
        elif word not in _UNIT_WORDS and not (word == "per" and tokens[end + 2 : end + 3] == ["cento"]):
            break
        end += 1
    used = {period, *range(number, end + 1)}
    # each word with the token that it stands in
    words = [
        (word, token) for at, token in enumerate(tokens) if at not in used for word in fold(token).split()
    ]
    territory, rest = _territory(words, known)
    return Claim(
        text,
        territory,
        _indicator([word for word, _ in rest], known),
        _period(tokens[period]) or "",
        " ".join(tokens[number : end + 1]),
        read_number(tokens[number]),
        percent,
        factor,
    )


def _territory(words: list[tuple[str, str]], known: Known) -> tuple[str, list[tuple[str, str]]]:
    """The territory that is named, and the other words. Raises UnclearClaim for none and for several."""
    found: list[tuple[int, int, str]] = []
    at = 0
    while at < len(words):
        for end in range(min(len(words), at + 10), at, -1):
            alias = " ".join(word for word, _ in words[at:end])
            if alias in known.territories and _is_name(alias, [token for _, token in words[at:end]]):
                found.append((at, end, alias))
                at = end - 1
                break
        at += 1
    named = {known.territories[alias] for _, _, alias in found}
    if len(named) > 1:
        names = [alias for _, _, alias in found]
        raise UnclearClaim(
            f"The claim names several territories: {', '.join(names)}.",
            f"L'affermazione indica più territori: {', '.join(names)}.",
            near=names,
        )
    if not found:
        near = [name for word, _ in words if len(word) > 3 for name in known.similar_territories(word)[:1]]
        raise UnclearClaim(
            "The claim names no territory of the release.",
            "L'affermazione non indica un territorio del rilascio.",
            near=list(dict.fromkeys(near))[:4],
        )
    taken = {place for begin, end, _ in found for place in range(begin, end)}
    return found[0][2], [pair for place, pair in enumerate(words) if place not in taken]


def _is_name(alias: str, tokens: Sequence[str]) -> bool:
    """Whether a territory is meant: a code of two letters only in capitals, since `al` and `is` are words too."""
    return len(alias) > 2 or (len(tokens) == 1 and tokens[0].isupper())


def _indicator(words: list[str], known: Known) -> str:
    """The indicator that `words` name: its id, title or code, or a part of one title alone. Raises UnclearClaim."""
    whole = " ".join(words)
    if code := known.indicators.get(whole):
        return code
    trimmed = list(words)
    while trimmed and trimmed[0] in _FILLING:
        trimmed.pop(0)
    while trimmed and trimmed[-1] in _FILLING:
        trimmed.pop()
    phrase = " ".join(trimmed)
    if code := known.indicators.get(phrase):
        return code
    if not phrase:
        raise UnclearClaim("The claim names no indicator.", "L'affermazione non indica un indicatore.")
    containing = {
        code: names
        for code, names in known.titles.items()
        if len(trimmed) > 1 and any(f" {phrase} " in f" {fold(name)} " for name in names)
    }
    if len(containing) == 1:
        return next(iter(containing))
    if containing:
        near = sorted(containing)
        raise UnclearClaim(
            f"{phrase!r} may mean several indicators.", f"{phrase!r} può indicare più indicatori.", near=near
        )
    near = list(dict.fromkeys(known.indicators[fold(name)] for name in similar(phrase, known.indicators)))
    telling = set(trimmed) - _FILLING

    def shared(code: str) -> int:
        return max((len(telling & set(fold(name).split())) for name in known.titles[code]), default=0)

    near = near or sorted((code for code in known.titles if shared(code)), key=shared, reverse=True)[:4]
    raise UnclearClaim(
        f"The release has no indicator {phrase!r}.", f"Il rilascio non ha l'indicatore {phrase!r}.", near=near
    )
