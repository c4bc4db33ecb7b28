"""What a person means by the name or code of a territory or an indicator, among those of one release.

Belongs here: the names that a release knows, and errors with similar ones. Does not belong here: comparing names as text
(`sources/common/names.py`), and looking up figures (`figures.py`, `provenance.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from sources.common.names import fold, similar
from sources.errors import UnknownIndicator, UnknownTerritory


@dataclass(frozen=True)
class Known:
    """Codes and names of one release, folded (`fold`): read once, asked often.

    `territories`: the codes a name may mean, since a region and its only province can share one. `indicators`: ids and
    titles of indicators, and codes of providers' tables; an id or a title outranks a code. `titles`: the titles alone, by id.
    """

    territories: dict[str, tuple[str, ...]]
    indicators: dict[str, str]
    titles: dict[str, tuple[str, ...]]
    _territory_names: tuple[str, ...]
    _indicator_names: tuple[str, ...]

    @staticmethod
    def read(con: duckdb.DuckDBPyConnection) -> Known:
        """The names of the release that `con` reads, with those that only its history has."""
        named: dict[str, list[str]] = {}
        written: list[str] = []
        for geo, *names in con.execute("""
            select geo, name_it, name_en from geography order by length(geo), geo""").fetchall():
            written += [geo, *filter(None, names)]
            # a bilingual name, Bolzano/Bozen, is known by each of its parts
            parts = [part for name in filter(None, names) for part in (name, *name.split("/"))]
            for alias in {fold(alias) for alias in (geo, *parts)}:
                named.setdefault(alias, []).append(geo)
        # territories of figures that have no entry among the regions, such as a district
        for (geo,) in con.execute(
            "select geo from series union select geo from indicator_history order by 1"
        ).fetchall():
            if geo not in named.setdefault(fold(geo), []):
                named[fold(geo)].append(geo)
        codes = [
            code
            for (code,) in con.execute("""
                select indicator from series union select indicator from indicator_history order by 1""").fetchall()
        ]
        indicators = {fold(code): code for code in codes}
        titles = {
            code: tuple(filter(None, names))
            for code, *names in con.execute(
                "select indicator, title_it, title_en from indicator_catalogue order by indicator"
            ).fetchall()
        }
        for code, written_titles in titles.items():
            indicators |= {fold(name): code for name in (*written_titles, code)}
        return Known(
            {alias: tuple(geos) for alias, geos in named.items()},
            indicators,
            titles,
            tuple(dict.fromkeys(written)),
            tuple(dict.fromkeys([*titles, *codes, *(name for names in titles.values() for name in names)])),
        )

    def geos(self, territory: str) -> tuple[str, ...]:
        """The codes that `territory` may mean, a region before its province. Raises UnknownTerritory."""
        if found := self.territories.get(fold(territory)):
            return found
        near = self.similar_territories(territory)
        raise UnknownTerritory(
            f"The release has no territory {territory}.",
            hint=f"similar names: {', '.join(near)}."
            if near
            else '`distretto query "select geo, name_it, name_en from geography"` lists them.',
            near=near,
        )

    def similar_territories(self, name: str) -> list[str]:
        """Names and codes of territories that look like `name`, the most similar first."""
        return similar(name, self._territory_names)

    def indicator(self, indicator: str) -> str:
        """The id of the indicator, or the code of a provider, that `indicator` means. Raises UnknownIndicator."""
        if code := self.indicators.get(fold(indicator)):
            return code
        near = similar(indicator, self._indicator_names)
        raise UnknownIndicator(
            f"The release has no indicator {indicator}.",
            hint=f"similar names: {', '.join(near)}."
            if near
            else '`distretto query "select indicator, title_it, title_en from indicator_catalogue"` lists them.',
            near=near,
        )
