"""What a page is: its file names, template, section of the navigation, and data.

Belongs here: the types. Does not belong here: any page (one module each beside this one), finding them (`__init__.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from assets.site.view import View
from sources.common.config import Names

Place = Literal["top", "foot"]


def _one(_view: View) -> Iterable[str]:
    return ("",)


@dataclass(frozen=True)
class Entry:
    """An entry of the navigation, at the top or at the foot of every page; `position` orders the entries of a place."""

    place: Place
    position: int
    label: Names


@dataclass(frozen=True)
class Page:
    """A page, or a family of pages that share a template, one for each of `keys`.

    `name` is the file name without `.html`, with `{key}` where there are several. `section` is the entry of the
    navigation that is marked as current. `data` returns the template's variables. `script` returns the text of a script
    beside the page, `NAME.js`, with figures that the page loads from there: `fetch` does not work from a file. `entry` puts
    the page into the navigation.
    """

    name: str
    section: str
    template: str
    data: Callable[[View, str], dict[str, Any]]
    keys: Callable[[View], Iterable[str]] = _one
    script: Callable[[View, str], str] | None = None
    entry: Entry | None = None

    def names(self, view: View) -> list[tuple[str, str]]:
        """`(file name without ending, key)` of every page of the family."""
        return [(self.name.format(key=key), key) for key in self.keys(view)]
