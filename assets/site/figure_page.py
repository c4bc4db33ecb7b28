"""The page of one permanent figure, drawn when it is asked for.

Belongs here: what the page shows and its words. Does not belong here: the pages of a release (`pages/`), texts that are shared
with JSON and plain text (`warehouse/publishing/citation.py`).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import jinja2

from sources.common.periods import Language
from warehouse.publishing import citation
from warehouse.publishing.figures import Answer

_WORDS: dict[str, dict[Language, str]] = {
    "permanent": {"it": "Dato citabile", "en": "Permanent figure"},
    "known": {"it": "Come noto il", "en": "As known on"},
    "open": {
        "it": "Un rilascio successivo può ancora cambiare che cosa era noto allora; la citazione usa il momento del rilascio",
        "en": "A later release may still change what was known then; the citation uses the moment of the release",
    },
    "today": {"it": "Oggi", "en": "Today"},
    "versions": {"it": "Tutte le versioni", "en": "Every version"},
    "from": {"it": "Noto dal", "en": "Known from"},
    "value": {"it": "Valore", "en": "Value"},
    "flag": {"it": "Segno", "en": "Flag"},
    "cite": {"it": "Citare questo dato", "en": "Cite this figure"},
    "text": {"it": "Testo", "en": "Plain text"},
    "other": {"it": "English", "en": "Italiano"},
    "site": {"it": "Osservatorio", "en": "Observatory"},
    "gone": {"it": "nessun valore", "en": "no value"},
    "unknown": {"it": "ignoto", "en": "unknown"},
    "source": {"it": "Fonte", "en": "Source"},
    "licence": {"it": "Licenza", "en": "Licence"},
    "snapshot": {"it": "Copia", "en": "Snapshot"},
    "since": {"it": "La storia comincia il", "en": "History begins on"},
}


def figure_page(answer: Answer, language: Language, here: str, root: str) -> str:
    """The page as HTML. `here`: its own address with a query; `root`: the way from it to the server's root."""
    say = {name: words[language] for name, words in _WORDS.items()}
    figures = []
    for figure in answer.figures:
        origin = figure.origin
        source = " / ".join(
            filter(None, (origin.provider_title, origin.title_it if language == "it" else origin.title_en))
        )
        figures.append(
            {
                "dimensions": figure.dimensions,
                "value": citation.value_text(figure.then, language),
                "status": citation.status_text(figure, language),
                "expected": citation.expected_texts(figure.expected, language),
                "details": [
                    *(citation.details(figure.then, language) if figure.then else []),
                    (say["source"], source or origin.dataset),
                    (say["snapshot"], origin.snapshot_id or say["unknown"]),
                    (say["licence"], origin.licence or say["unknown"]),
                    (say["since"], citation.stamp(answer.history_since)),
                ],
                "versions": [
                    {
                        "from": citation.stamp(version.known_from),
                        "value": say["gone"] if version.deleted else citation.value_text(version, language),
                        "flag": version.flag or "",
                    }
                    for version in reversed(figure.versions)
                ],
                "apa": citation.cited(answer, figure).apa(language),
                "bibtex": citation.cited(answer, figure).bibtex(),
            }
        )
    return (
        _environment()
        .get_template("figure.html")
        .render(
            language=language,
            other="en" if language == "it" else "it",
            heading=citation.title(answer, language),
            as_of=citation.stamp(answer.as_of),
            final=answer.final,
            address=citation.address(answer),
            here=here,
            site=f"{root}current/site/",
            say=say,
            figures=figures,
        )
    )


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
