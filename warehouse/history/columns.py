"""The columns of an observation as it is read from history.

Belongs here: their names and order, for every table of observations. Does not belong here: the warehouse's own tables
(`schema.sql`), and what the columns mean (`warehouse/publishing/published.yml`).
"""

from __future__ import annotations

from sources.catalogue import Catalogue
from sources.common.sql import identifier

# before and after the further dimensions of the catalogue
FIGURE = ("dataset", "indicator", "geo", "period", "value", "unit", "flag", "conf")
ORIGIN = ("known_from", "snapshot_id")


def observation_columns(catalogue: Catalogue) -> list[str]:
    """The columns of `observations` and of `as_of`, in order; `s` is the table `series`."""
    dimensions = [identifier(name) for name in catalogue.dimensions if name not in ("geo", "unit")]
    return ["s.dataset", *FIGURE[1:], *dimensions, *ORIGIN]
