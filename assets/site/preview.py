"""The picture that other sites show beside a link to ours: the seat's first figures on a card.

Belongs here: the card's content. Does not belong here: its layout (`templates/preview.typ`). It is made only where
`publisher.yml` names a public address, since such pictures need an absolute address.
"""

from __future__ import annotations

import json
from pathlib import Path

from assets.site import statements
from assets.site.view import View

LAYOUT = Path(__file__).parent / "templates" / "preview.typ"
FIGURES = 3


def picture(view: View) -> bytes:
    """The card as a PNG picture of 1200 by 630 pixels."""
    import typst

    language = view.language
    figures = [
        {
            "title": found.summary.title,
            "value": view.value(found.summary.last, found.summary.measure.unit),
            "where": f"{view.place_name(found.summary.geo)}, {found.summary.when}",
        }
        for found in statements.figures(view)[:FIGURES]
    ]
    content = {
        "name": language.say("site.name"),
        "place": language.of(view.names),
        "figures": figures,
        "language": language.code,
    }
    made = typst.compile(
        LAYOUT,
        format="png",
        ppi=72,
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(content, ensure_ascii=False)},
    )
    return bytes(made)
