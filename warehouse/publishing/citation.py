"""A figure as it was known, written down: for programs (JSON), as plain text, and as a citation with its permanent address.

Belongs here: the address of a figure, and every text of an `Answer`. Does not belong here: looking it up (`figures.py`), the
page (`assets/site`), HTTP (`pipelines/service`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from sources.common.numbers import format_change, format_number, ordinal
from sources.common.periods import Language, day_words
from sources.common.units import unit_or_unknown
from warehouse.publishing.exports.release_metadata import publisher
from warehouse.publishing.figures import Answer, Expected, Figure, Version
from warehouse.reference.territory import local_day

LANGUAGES: tuple[Language, ...] = ("it", "en")
# marks of a figure that a reader of its value must know of
MARKS = {
    "break_before": {
        "it": "interruzione di serie rispetto al periodo precedente",
        "en": "break in series since the period before",
    },
    "truncated": {"it": "periodo incompleto", "en": "period incomplete"},
    "provisional": {"it": "dato provvisorio", "en": "provisional"},
    "derived": {"it": "dato dedotto", "en": "inferred"},
}
STATUS = {
    "current": {"it": "non rivisto da allora", "en": "not revised since"},
    "revised": {"it": "rivisto il {at}: oggi {now}", "en": "revised on {at}: today {now}"},
    "replaced": {
        "it": "dati inclusi nel progetto, sostituiti il {at} da quelli del fornitore: oggi {now}",
        "en": "bundled figures, replaced on {at} by the provider's own: today {now}",
    },
    "reflagged": {
        "it": "stesso valore, altri segni o affidabilità dal {at}",
        "en": "same value, other flag or reliability since {at}",
    },
    "withdrawn": {"it": "ritirato il {at}", "en": "withdrawn on {at}"},
    "not_yet_known": {"it": "non ancora noto allora: oggi {now}", "en": "not known yet then: today {now}"},
}
_WORDS = {
    "known": {"it": "Come noto il", "en": "As known on"},
    "no_value": {"it": "nessun valore", "en": "no value"},
    "exactly": {"it": "esattamente", "en": "exactly"},
    "interval": {"it": "intervallo al 95 %", "en": "95 % interval"},
    "unit": {"it": "unità", "en": "unit"},
    "flag": {"it": "segno del fornitore", "en": "provider's flag"},
    "none": {"it": "nessuno", "en": "none"},
    "unknown": {"it": "ignoto", "en": "unknown"},
    "reliability": {"it": "affidabilità", "en": "reliability"},
    "notes": {"it": "note", "en": "notes"},
    "today": {"it": "oggi", "en": "today"},
    "source": {"it": "fonte", "en": "source"},
    "snapshot": {"it": "copia", "en": "snapshot"},
    "licence": {"it": "licenza", "en": "licence"},
    "since": {"it": "la storia di questo dato comincia il", "en": "the history of this figure begins on"},
    "cite": {"it": "citazione", "en": "cite as"},
    "dataset": {"it": "Insieme di dati", "en": "Data set"},
    "release": {"it": "rilascio", "en": "release"},
    "computed": {"it": "Elaborazione su dati", "en": "Computed from"},
    "provider": {"it": "Fonte:", "en": "Source:"},
    "retrieved": {"it": "come noto il", "en": "as known on"},
}
_EXPECTED = {
    "it": "I dati di questa tavola cambiano di solito del {usual} nel loro {year} anno ({periods} periodi osservati; nove su "
    "dieci di meno del {high}).",
    "en": "Figures of this table usually move by {usual} in their {year} year ({periods} periods seen; nine in ten by less than "
    "{high}).",
}
_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "%": r"\%", "&": r"\&", "#": r"\#", "_": r"\_", "$": r"\$",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip


def address(answer: Answer) -> str:
    """The permanent address of the figures as they were known.

    Its moment is never later than the release, so that no later release changes what it answers.
    """
    return cited(answer, answer.figures[0]).address


def stamp(moment: datetime) -> str:
    """`moment` in UTC as ISO 8601 writes it, without fractions that are zero: 2026-11-27T05:50:08Z."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def as_json(answer: Answer) -> dict[str, Any]:
    """The answer as JSON types; what is unknown is null. Names of columns are those of the published tables."""
    return {
        "address": address(answer),
        "indicator": answer.indicator,
        "title": {"it": answer.title_it, "en": answer.title_en},
        "geo": answer.geo,
        "name": {"it": answer.name_it, "en": answer.name_en},
        "period": answer.period,
        "as_of": stamp(answer.as_of),
        "final": answer.final,
        "release": answer.release_id,
        "history_since": stamp(answer.history_since),
        "figures": [_figure_json(answer, figure) for figure in answer.figures],
    }


def _figure_json(answer: Answer, figure: Figure) -> dict[str, Any]:
    citation = cited(answer, figure)
    origin = {
        name: stamp(value) if isinstance(value, datetime) else value
        for name, value in asdict(figure.origin).items()
    }
    return {
        "kind": figure.kind,
        "dimensions": figure.dimensions,
        "status": figure.status,
        "revised_at": stamp(figure.revised_at) if figure.revised_at else None,
        "known_since": stamp(figure.known_since),
        "then": _version_json(figure.then),
        "today": _version_json(figure.today),
        "origin": origin,
        "expected_revisions": [asdict(one) for one in figure.expected],
        "versions": [
            {
                "known_from": stamp(version.known_from),
                "value": version.value,
                "flag": version.flag,
                "reliability": version.reliability,
                "deleted": version.deleted,
                "release": version.release_id,
            }
            for version in figure.versions
        ],
        "citation": {
            "apa": {language: citation.apa(language) for language in LANGUAGES},
            "bibtex": citation.bibtex(),
        },
    }


def _version_json(version: Version | None) -> dict[str, Any] | None:
    if version is None:
        return None
    found = asdict(version)
    del found["deleted"]
    low, high, method = (found.pop(name) for name in ("ci_low", "ci_high", "ci_method"))
    return found | {
        "known_from": stamp(version.known_from),
        "interval": {"low": low, "high": high, "level": 0.95, "method": method} if method else None,
    }


def title(answer: Answer, language: Language) -> str:
    """Indicator, territory and period in words."""
    names = (answer.title_it, answer.name_it) if language == "it" else (answer.title_en, answer.name_en)
    return titled(names[0], names[1], answer.geo, answer.period)


def titled(title: str, name: str, geo: str, period: str) -> str:
    """The title of a figure: that of its indicator, the name and code of its territory, its period."""
    return f"{title}, {name} ({geo}), {period}"


def value_text(version: Version | None, language: Language) -> str:
    """The value of a version as `number_text`; `no value` if there is none."""
    if version is None or version.value is None:
        return _WORDS["no_value"][language]
    return number_text(version.value, version.unit, language)


def number_text(value: float, unit: str, language: Language) -> str:
    """A value as pages show it, with its unit where the number has no sign of its own."""
    known = unit_or_unknown(unit)
    shown = format_number(value, known, language)
    label = getattr(known.label, language)
    return shown if getattr(known.sign, language) or known.kind == "count" else f"{shown} ({label.lower()})"


def status_text(figure: Figure, language: Language) -> str:
    """What became of the figure until today, in words."""
    at = day_words(local_day(figure.revised_at), language) if figure.revised_at else ""
    return STATUS[figure.status][language].format(at=at, now=value_text(figure.today, language))


def expected_texts(expected: Iterable[Expected], language: Language) -> list[str]:
    """What revisions a provisional figure has still to expect, a sentence for each year of its life."""
    return [
        _EXPECTED[language].format(
            usual=format_change(one.usual_pct, "PC", language),
            high=format_change(one.high_pct, "PC", language),
            year=ordinal(one.year_of_life, language),
            periods=one.periods,
        )
        for one in expected
    ]


def marks(version: Version, language: Language) -> list[str]:
    """The notes that a reader of the value must know of, in words."""
    return [words[language] for mark, words in MARKS.items() if getattr(version, mark)]


def plain_text(answer: Answer, language: Language) -> str:
    """The answer as lines of text, a paragraph for each figure."""
    say = {name: words[language] for name, words in _WORDS.items()}
    lines = [title(answer, language), f"{say['known']} {stamp(answer.as_of)}"]
    for figure in answer.figures:
        lines.append("")
        if figure.dimensions:
            lines.append(", ".join(f"{name}={code}" for name, code in figure.dimensions.items()))
        lines.append(value_text(figure.then, language))
        if figure.then:
            lines += [f"{name}: {text}" for name, text in details(figure.then, language)]
        origin = figure.origin
        source = " / ".join(filter(None, (origin.provider_title, origin.dataset)))
        lines += [
            f"{say['today']}: {status_text(figure, language)}",
            *expected_texts(figure.expected, language),
            f"{say['source']}: {source}; {say['snapshot']} {origin.snapshot_id or say['unknown']}",
            f"{say['licence']}: {origin.licence or say['unknown']}",
            f"{say['since']} {stamp(figure.known_since)}",
            f"{say['cite']}: {cited(answer, figure).apa(language)}",
        ]
    return "\n".join(lines) + "\n"


def details(version: Version, language: Language) -> list[tuple[str, str]]:
    """What belongs to a value, as names and texts: exact value, unit, interval, flag, reliability, notes."""
    say = {name: words[language] for name, words in _WORDS.items()}
    unit = unit_or_unknown(version.unit)
    found = []
    if version.value is not None:
        found.append((say["exactly"], repr(version.value)))
    found.append((say["unit"], f"{getattr(unit.label, language)} ({version.unit})"))
    if version.ci_method and version.ci_low is not None and version.ci_high is not None:
        low, high = (
            format_number(end, unit, language, sign=False) for end in (version.ci_low, version.ci_high)
        )
        found.append((say["interval"], f"{low} - {high} ({version.ci_method})"))
    flag = say["unknown"] if version.flag is None else version.flag or say["none"]
    found.append((say["flag"], flag))
    if version.reliability:
        found.append((say["reliability"], version.reliability))
    if notes := marks(version, language):
        found.append((say["notes"], "; ".join(notes)))
    return found


@dataclass(frozen=True)
class Cited:
    """What a citation says of one figure. `at`: the moment in its address; `edition`: the release that published it, or
    the provider's snapshot that brought it, by id.

    `computed`: from the figures of `source`, not taken over as they are. `codes`: those that tell it from its siblings.
    """

    geo: str
    indicator: str
    period: str
    title: dict[Language, str]
    value: dict[Language, str]
    at: datetime
    edition: str
    source: str
    computed: bool
    codes: dict[str, str]

    @property
    def address(self) -> str:
        """The permanent address: absolute if `publisher.yml` names the server, else a path."""
        path = "/".join(quote(part, safe="") for part in (self.geo, self.indicator, self.period))
        return f"{publisher().root or '/'}figure/{path}?asOf={stamp(self.at)}"

    def apa(self, language: Language) -> str:
        """In the style of the APA (7th edition, data sets), with the permanent address if there is a public one."""
        say = {name: words[language] for name, words in _WORDS.items()}
        codes = "".join(f", {name} {code}" for name, code in self.codes.items())
        edition = f"{say['dataset']}, {say['release' if self.computed else 'snapshot']} {self.edition}"
        text = (
            f"{getattr(publisher().name, language)}. ({self.at.year}). {self.title[language]}{codes}: {self.value[language]} "
            f"[{edition}, {say['retrieved']} {stamp(self.at)}]. "
            f"{say['computed' if self.computed else 'provider']} {self.source.rstrip('.')}."
        )
        return f"{text} {self.address}" if publisher().root else text

    def bibtex(self) -> str:
        """An entry for BibTeX, in English."""
        moment = f"{self.at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        key = "-".join(filter(None, (self.geo, self.indicator, *self.codes.values(), self.period, moment)))
        used = _WORDS["computed" if self.computed else "provider"]["en"]
        edition = f"{'Release' if self.computed else 'Snapshot'} {self.edition}"
        # in braces, so that no name is taken apart and no capital is lost
        fields = {
            "author": f'"{{{_latex(publisher().name.en)}}}"',
            "title": f'"{{{_latex(self.title["en"] + ": " + self.value["en"])}}}"',
            "year": str(self.at.year),
            "note": _braced(f"{edition}, as known on {stamp(self.at)}. {used} {self.source}"),
        }
        if publisher().root:
            fields["url"] = f"{{{self.address}}}"
        lines = ",\n".join(f"  {name} = {text}" for name, text in fields.items())
        return f"@misc{{{re.sub(r'[^A-Za-z0-9_.:-]', '_', key)},\n{lines}\n}}"


def cited(answer: Answer, figure: Figure) -> Cited:
    """The citation of one figure of an answer, as it was known then."""
    edition = (figure.then and figure.then.release_id) or figure.origin.snapshot_id or answer.release_id
    return Cited(
        answer.geo,
        answer.indicator,
        answer.period,
        {language: title(answer, language) for language in LANGUAGES},
        {language: value_text(figure.then, language) for language in LANGUAGES},
        _cited_at(answer),
        edition,
        figure.origin.citation or figure.origin.dataset,
        figure.kind == "indicator",
        {name: code for name, code in figure.dimensions.items() if name != "freq"},
    )


def _cited_at(answer: Answer) -> datetime:
    """The moment in the permanent address: asked for, or that of the newest release where this is earlier."""
    return min(answer.as_of, answer.built_at)


def _braced(text: str) -> str:
    return f"{{{_latex(text)}}}"


def _latex(text: str) -> str:
    """`text` without what LaTeX reads as a command."""
    return "".join(_LATEX.get(letter, letter) for letter in text)
