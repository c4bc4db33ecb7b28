"""Writes `site/` into a release's folder: every page in both languages, the pages' CSV files, the board sheet.

Belongs here: rendering, and what happens to a page that cannot be drawn. Does not belong here: what a page shows
(`pages/`), queries (`queries.py`) and words (`messages.yml`).
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import Any

import duckdb
import jinja2

from assets.site import ages, board, embed, linked_data, preview, spreads
from assets.site.language import LANGUAGES, Code, Language
from assets.site.pages import PAGES, navigation
from assets.site.pages.page import Page
from assets.site.queries import Facts, read, since
from assets.site.view import View, last_month_end
from sources.common.sql import literal
from warehouse.publishing.release import Release, reading
from warehouse.reference.territory import territory

HERE = Path(__file__).parent
LOG = logging.getLogger(__name__)
# the origin of each figure is half of a row's bytes; the table `indicators` has it, and the page names the source
_CSV_COLUMNS = "* exclude (ci_method, known_from, provider_updated_at, snapshot_id, method_version)"


def render(release: Release) -> list[str]:
    """Write the site of `release`, whose tables are built but which is not sealed yet, into its folder.

    A page that cannot be drawn is replaced by a page that says so. Returns the paths of such pages below `site/`, in
    order; empty if every page was drawn.
    """
    target = release.folder / "site"
    with reading(release) as con:
        facts = read(con, release.folder)
        (target / "data").mkdir(parents=True)
        for name in ("style.css", "site.js", "chart.js"):
            shutil.copy(HERE / "templates" / name, target / name)
        _write_csv(con, facts, target / "data")
        day = last_month_end(facts.release["built_at"].date())
        changed = since(con, facts.places, day)
    failed = []
    for code in LANGUAGES:
        (target / code).mkdir()
        failed += [f"{code}/{name}" for name in _render_language(facts, code, target / code, day, changed)]
    failed += _render_embeds(facts, release.folder / embed.FOLDER)
    (target / "index.html").write_text(_environment().get_template("door.html").render(), encoding="utf-8")
    if linked_data.public_site():
        view = View(facts, Language(LANGUAGES[0]))
        names = [name for page in PAGES for name, _ in page.names(view)]
        text = linked_data.site_map(names, view.today.isoformat())
        (target / "sitemap.xml").write_text(text, encoding="utf-8")
    return failed


def board_sheet(release: Release, day: date, language: Code) -> tuple[bytes, list[dict[str, Any]]]:
    """The board sheet of a published release since `day` as PDF, and the rows that changed since."""
    with reading(release) as con:
        facts = read(con, release.folder)
        changed = since(con, facts.places, day)
    return board.sheet(View(facts, Language(language)), day, changed), changed


def _render_language(
    facts: Facts, code: Code, folder: Path, day: date, changed: list[dict[str, Any]]
) -> list[str]:
    """Write the pages of one language; returns the names of the files that could not be drawn."""
    view = View(facts, Language(code))
    variables = _variables(view)
    failed = _write_pages(PAGES, view, variables, folder)
    try:
        sheet = board.sheet(view, day, changed)
    except Exception:
        LOG.exception("The board sheet in %s could not be drawn", code)
        failed.append("board.pdf")
        sheet = board.failed_sheet(view.language)
    (folder / "board.pdf").write_bytes(sheet)
    if linked_data.public_site():
        (folder / linked_data.PREVIEW).write_bytes(preview.picture(view))
    return failed


def _write_pages(pages: Iterable[Page], view: View, variables: dict[str, Any], folder: Path) -> list[str]:
    """Write `pages` and their scripts into `folder`; returns the names of the files that could not be drawn."""
    failed = []
    for page in pages:
        for name, key in page.names(view):
            script = None
            try:
                html = _draw(page, name, view, key, variables)
                script = page.script(view, key) if page.script else None
            except Exception:
                LOG.exception("Page %s/%s could not be drawn", folder.name, name)
                failed.append(f"{name}.html")
                html = _failed(page, name, variables)
            (folder / f"{name}.html").write_text(html, encoding="utf-8")
            if script is not None:
                (folder / f"{name}.js").write_text(script, encoding="utf-8")
    return failed


def _render_embeds(facts: Facts, folder: Path) -> list[str]:
    """Write the charts for other sites into the new `folder`; returns the paths, from `site/`, of those not drawn."""
    failed = []
    for code in LANGUAGES:
        view = View(facts, Language(code))
        (folder / code).mkdir(parents=True)
        names = _write_pages([embed.PAGE], view, _variables(view), folder / code)
        failed += [f"../{folder.name}/{code}/{name}" for name in names]
    for name in embed.FILES:
        shutil.copy(HERE / "templates" / name, folder / name)
    return failed


def _draw(page: Page, name: str, view: View, key: str, variables: dict[str, Any]) -> str:
    template = _environment().get_template(page.template)
    return template.render(
        variables, page=name, section=page.section, script=bool(page.script), **page.data(view, key)
    )


def _failed(page: Page, name: str, variables: dict[str, Any]) -> str:
    """A page in place of one that could not be drawn."""
    return (
        _environment()
        .get_template("failed.html")
        .render(variables, page=name, section=page.section, script=False)
    )


def _variables(view: View) -> dict[str, Any]:
    """What every template may use."""
    made = {name for page in PAGES for name, _ in page.names(view)}
    return {
        "L": view.language,
        "say": view.language.say,
        "facts": view.facts,
        "navigation": [page for page in navigation("top") if page.name in made],
        "more": navigation("foot"),
        "place_name": view.place_name,
        "names": view.place_names,
        "value": view.value,
        "unit_name": view.unit_name,
        "measured": view.measured,
        "rank_name": view.rank,
        "is_unproven": view.unproven,
        "territory": territory().model_dump(exclude_unset=True),
        "other": view.other,
        "address": linked_data.public_site(),
        "web_page": partial(linked_data.web_page, view),
        # what a page is about, for machines: given by the page where it is more than a page
        "about": None,
        "live": ages.has_live_data(view.facts),
        "theme_ages": ages.theme_ages(view),
        "ended": partial(ages.ended, view.facts),
        "period_age": partial(ages.period_age, view),
    }


def _write_csv(con: duckdb.DuckDBPyConnection, facts: Facts, folder: Path) -> None:
    """The rows behind each indicator's page, and those behind its strips of all European regions, without their provenance."""
    drawn = ", ".join(literal(geo) for geo in [*facts.places, *facts.other_names])
    queries = {
        measure: f"from indicators where indicator = {literal(measure)} and geo in ({drawn}) order by geo, period"
        for measure in facts.measures
    } | {
        f"{measure}-europe": spreads.spread_sql(f"and indicator = {literal(measure)}")
        + " order by geo_level, value desc, geo"
        for measure, _ in facts.spreads
    }
    for name, query in queries.items():
        con.execute(
            f"copy (select {_CSV_COLUMNS} {query}) to {literal(folder / f'{name}.csv')} (format csv, header true)"
        )


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
