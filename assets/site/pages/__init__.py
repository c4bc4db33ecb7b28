"""The pages of a release: one module and one template each.

Belongs here: finding the pages, and the order of the navigation. A module of this package that defines `PAGE` is a page;
nothing else has to name it. Does not belong here: what a page shows (its module).
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from assets.site.pages.page import Page, Place

_modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
PAGES: tuple[Page, ...] = tuple(module.PAGE for module in _modules if hasattr(module, "PAGE"))


def navigation(place: Place) -> list[Page]:
    """The pages with an entry at the top or at the foot of every page, in order."""
    entries = [(page.entry, page) for page in PAGES if page.entry and page.entry.place == place]
    return [page for _, page in sorted(entries, key=lambda found: found[0].position)]
