"""The pages of a release: one module and one template each, registered in `PAGES`.

Belongs here: the list, and the order of the navigation. Does not belong here: what a page shows (its module).
"""

from __future__ import annotations

from assets.site.pages import (
    calendar,
    changes,
    downloads,
    home,
    indicator,
    indicators,
    quality,
    reading,
    search,
    sector,
    since,
    targets,
    territories,
    territory,
)
from assets.site.pages.page import Page

PAGES: tuple[Page, ...] = (
    home.PAGE,
    sector.PAGE,
    indicators.PAGE,
    indicator.PAGE,
    territories.PAGE,
    territory.PAGE,
    targets.PAGE,
    changes.PAGE,
    since.PAGE,
    quality.PAGE,
    calendar.PAGE,
    downloads.PAGE,
    reading.PAGE,
    search.PAGE,
)
# entries of the navigation at the top and at the foot, each the name of a page
NAVIGATION = ("sector", "indicators", "territories", "targets", "changes", "quality", "downloads")
MORE = ("index", "calendar", "reading", "search")
