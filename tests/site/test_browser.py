"""The pages in a real browser: axe, widths, keyboard, with and without JavaScript."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from threading import Thread
from typing import Any

import duckdb
import pytest

from assets.site.language import LANGUAGES
from tests.site.browsing import EACH, VIEWPORTS, complaints, opened


@dataclass
class Visit:
    """What the browser saw of a page."""

    title: str
    headings: int
    milliseconds: float
    complaints: list[str]
    maps: list[list[dict[str, Any]]]


MAPS = """() => [...document.querySelectorAll('.map:not(.country)')].map(map => {
    const names = [...map.querySelectorAll('.name')].map(name => name.firstChild.textContent.trim());
    return [...map.querySelectorAll('path[data-geo]')].map(path => {
        const {width, height} = path.getBoundingClientRect();
        return {geo: path.dataset.geo, classes: [...path.classList], width, height, names};
    });
})"""


@pytest.fixture(scope="module")
def visits(browser: Any, pages: list[Path]) -> tuple[dict[Path, Visit], list[str]]:
    """Every page opened once, and what went wrong meanwhile.

    Colours are judged on the English pages, light, and on one page of each template in the dark: they are most of what
    axe costs, and the two languages share them.
    """
    page, wrong = opened(browser)
    seen = {}
    for path in pages:
        page.goto(path.as_uri())
        colours = {} if path.parent.name == "en" else {"rules": {"color-contrast": {"enabled": False}}}
        seen[path] = Visit(
            page.title(),
            page.locator("h1").count(),
            page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"),
            complaints(page, path, **colours),
            page.evaluate(MAPS),
        )
    page.context.close()
    return seen, wrong


@pytest.mark.long
def test_axe_finds_nothing_on_any_page(visits):
    assert [complaint for visit in visits[0].values() for complaint in visit.complaints] == []


@pytest.mark.long
def test_axe_finds_no_weak_contrast_in_the_dark(browser, release: Path):
    page, _ = opened(browser, color_scheme="dark")
    for name in EACH:
        path = release / "site" / "it" / f"{name}.html"
        assert complaints(page, path, runOnly=["color-contrast"]) == []
    page.context.close()


def test_over_http_no_request_leaves_the_origin_or_fails(browser, release: Path):
    handler = partial(SimpleHTTPRequestHandler, directory=str(release))
    handler.log_message = lambda *_: None
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        origin = f"http://127.0.0.1:{server.server_port}/"
        page = browser.new_page()
        answers = []
        page.on("response", lambda answer: answers.append((answer.url, answer.status)))
        for name in EACH:
            page.goto(f"{origin}site/en/{name}.html")
        page.wait_for_load_state("networkidle")
        page.close()
        server.shutdown()
    assert len(answers) > len(EACH)
    assert [a for a in answers if not a[0].startswith((origin, "data:")) or a[1] not in (200, 304)] == []


@pytest.mark.long
def test_every_page_opens_quickly_alone_and_without_a_complaint(visits):
    seen, wrong = visits
    assert wrong == []
    assert [path.name for path, visit in seen.items() if not visit.title or visit.headings != 1] == []
    assert {path.name: v.milliseconds for path, v in seen.items() if v.milliseconds >= 1000} == {}


def test_no_page_is_wider_than_the_screen(browser, release: Path):
    page, _ = opened(browser)
    for language, name in product(LANGUAGES, EACH):
        page.goto((release / "site" / language / f"{name}.html").as_uri())
        for width, height in VIEWPORTS.values():
            page.set_viewport_size({"width": width, "height": height})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
                language,
                name,
                width,
            )
            cut = page.evaluate(
                "[...document.querySelectorAll('.scroll:has(.stacked)')].filter(e => e.scrollWidth > e.clientWidth).length"
            )
            assert not cut or width > 390, f"{language}/{name}: a table of words is cut off on a phone"
    page.context.close()


def test_a_break_in_a_table_stands_between_the_values_it_parts(browser, release: Path):
    """L'Aquila's births of 2011 fit neither neighbour; the newest period is at the left."""
    page, _ = opened(browser)
    page.goto((release / "site" / "en" / "indicator-enterprise_birth_rate.html").as_uri())
    parted = page.evaluate("""() => [...document.querySelectorAll('td.broken')].map(cell => {
        const rule = getComputedStyle(cell, '::after'), head = cell.closest('table').tHead.rows[0].cells;
        return [cell.parentElement.cells[0].innerText, head[cell.cellIndex].innerText,
                head[cell.cellIndex + 1].innerText, parseFloat(rule.right) < 0 && rule.borderRightStyle];
    })""")
    assert parted == [["L'Aquila", "2012", "2011", "dashed"], ["L'Aquila", "2011", "2010", "dashed"]]
    note = page.locator(".scroll:has(.figures) + .note").inner_text()
    assert "p: provisional." in note and "a break in the series" in note
    page.context.close()


@pytest.mark.long
def test_every_map_has_the_nine_provinces(visits):
    maps = [(path, drawn) for path, visit in visits[0].items() for drawn in visit.maps]
    for path, drawn in maps:
        assert len({shape["geo"] for shape in drawn}) == len(drawn) == 9, path
        assert all(shape["width"] > 20 and shape["height"] > 20 for shape in drawn), path
        assert sorted(drawn[0]["names"]) == "AG CL CT EN ME PA RG SR TP".split(), path
    assert {path.parent.name for path, _ in maps} == set(LANGUAGES) and len(maps) >= 16


@pytest.mark.long
def test_a_province_without_a_value_is_grey_and_named(visits, release: Path):
    """Caltanissetta and Ragusa had fractions of a patent in some years; the one without a figure says so."""
    with duckdb.connect(str(release / "distretto.duckdb"), read_only=True) as con:
        valued = {
            geo
            for (geo,) in con.execute(
                "select geo from indicators where indicator = 'epo_applications' and period = '2010' and value is not null"
            ).fetchall()
        }
    seen = visits[0][release / "site" / "it" / "indicator-epo_applications.html"]
    grey = {shape["geo"] for shape in seen.maps[0] if "none" in shape["classes"]}
    assert grey == {shape["geo"] for shape in seen.maps[0]} - valued


def test_the_pages_work_without_javascript(browser, release: Path):
    page, _ = opened(browser, java_script_enabled=False)
    page.goto((release / "site" / "it" / "index.html").as_uri())
    page.get_by_role("link", name="Indicatori", exact=True).click()
    page.get_by_role("link", name="Nascite d'impresa", exact=True).click()
    assert page.get_by_role("heading", level=1).inner_text() == "Nascite d'impresa"
    assert page.locator("table.figures").get_by_role("row").count() > 20
    assert page.locator(".tool:visible").count() == 0
    page.get_by_role("link", name="English").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Enterprise births"
    # bringing a peer out needs no script either
    label = page.locator(".end[data-geo=ITC4]")
    before = label.evaluate("e => getComputedStyle(e).color")
    page.get_by_label("Lombardy").check()
    assert label.is_visible() and label.evaluate("e => getComputedStyle(e).color") != before
    page.context.close()


def test_javascript_sorts_filters_and_goes_to_a_territory(browser, release: Path):
    page, wrong = opened(browser)
    page.goto((release / "site" / "en" / "indicator-enterprise_births.html").as_uri())
    head = page.locator("table.figures thead th").nth(1)
    head.get_by_role("button").click()
    rows = page.locator("table.figures tbody tr")
    assert head.get_attribute("aria-sort") == "descending"
    assert rows.first.locator("th").inner_text() == "Italy"
    head.get_by_role("button").press("Enter")
    assert rows.first.locator("th").inner_text() == "Enna"
    page.goto((release / "site" / "en" / "indicators.html").as_uri())
    page.get_by_label("Filter the indicators").fill("patent million inhabitants")
    assert page.locator(".row:visible h3").all_inner_texts() == [
        "EPO patent applications per million inhabitants"
    ]
    page.goto((release / "site" / "en" / "territories.html").as_uri())
    page.get_by_role("combobox").select_option(label="Enna")
    page.get_by_role("button", name="Open").click()
    page.wait_for_url("**/territory-ITG16.html")
    assert wrong == []
    page.context.close()


def test_the_keyboard_reaches_everything_in_the_order_of_the_page(browser, release: Path):
    page, _ = opened(browser)
    page.goto((release / "site" / "en" / "index.html").as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")
    page.goto((release / "site" / "en" / "index.html").as_uri())
    reached = []
    for _ in range(page.locator("a[href], button, input, select, [tabindex='0']").count()):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
    assert reached == sorted(set(reached)) and len(reached) > 20
    page.context.close()


@pytest.mark.parametrize(("language", "births"), [("it", "5.496"), ("en", "5,496")])
def test_the_headline_is_in_the_language_of_the_page(browser, release: Path, language: str, births: str):
    page, _ = opened(browser)
    page.goto((release / "site" / language / "index.html").as_uri())
    assert page.locator("html").get_attribute("lang") == language
    assert births in page.locator(".sentences").inner_text()
    page.context.close()
