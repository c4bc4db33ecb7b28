"""Names as people type them: what a mistyped one may mean.

Belongs here: comparing names as text. Does not belong here: which names exist.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable


def fold(name: str) -> str:
    """`name` without case, accents, signs and repeated blanks: "Valle d'Aosta/Vallée d'Aoste" and what people type agree."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(c if c.isalnum() else " " for c in letters if not unicodedata.combining(c))
    return " ".join(plain.split())


def similar(name: str, known: Iterable[str], most: int = 4) -> list[str]:
    """Up to `most` of the names `known` that look like `name` or contain it, the most similar first."""
    wanted = fold(name)
    folded: dict[str, str] = {}
    for one in known:
        folded.setdefault(fold(one), one)
    near = difflib.get_close_matches(wanted, folded, n=most)
    holding = sorted((one for one in folded if wanted and wanted in one and one not in near), key=len)
    return [folded[one] for one in [*near, *holding][:most]]
