"""What may be said of a figure, on everything a release shows of the figures that ship: pages, sheet, headlines, feeds."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

from assets.site import board, build, statements
from assets.site.language import LANGUAGES, Language
from assets.site.pages import PAGES
from assets.site.queries import Facts, read
from assets.site.view import View
from warehouse.publishing.release import Release, reading
from warehouse.reference.period_notes import period_notes

# what rests on the deaths of 2019, whose reactivations are not known yet
UNFINISHED = ("enterprise_deaths", "enterprise_death_rate", "enterprise_churn", "enterprise_net_turnover")
DIRECTION = re.compile(r"trend-(?:up|down)|\bup\b|\bdown\b|in (?:più|meno) rispetto")


@pytest.fixture(scope="module")
def facts(release: Path) -> Facts:
    with reading(Release(release.name, release)) as con:
        return read(con, release)


def test_no_page_gives_a_direction_to_what_rests_on_the_deaths_of_2019(pages: list[Path]):
    shown = 0
    for path in pages:
        text = path.read_text(encoding="utf-8")
        # every card, row and statement that links to one of them
        parts = re.findall(
            r'<article class="row">.*?</article>|<a class="head".*?</a>|<li>.*?</li>', text, re.S
        )
        if path.stem in {f"indicator-{measure}" for measure in UNFINISHED}:
            parts.append(text[text.index("<h1>") : text.index("<figure>")])
        for part in parts:
            if any(f"indicator-{measure}.html" in part for measure in UNFINISHED) or "<h1>" in part:
                shown += 1
                assert not DIRECTION.search(part), (path.name, part)
    assert shown > 50


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sheet_headline_or_feed_gives_them_a_direction(facts: Facts, release: Path, language: str):
    view = View(facts, Language(language))
    titles = [facts.measures[measure].title(language) for measure in UNFINISHED]
    content = board.content(view, date(2026, 10, 31), [])
    rows = [f"{row['title']} {row['trend']}" for row in content["figures"]]
    told = [*rows, *content["statements"], *(row[f"text_{language}"] for row in facts.headlines)]
    told += re.findall(r"<entry>.*?</entry>", (release / "feed.xml").read_text(encoding="utf-8"), re.S)
    for text in told:
        if any(title.lower() in text.lower() for title in titles):
            assert not DIRECTION.search(text), text


@pytest.mark.parametrize(
    ("indicator", "period", "value", "beside"),
    [
        ("enterprise_births", "2020", 5496, {"ITG1": 22993}),
        ("jobs", "2022", 352.1, {}),
        ("patent_propensity", "2020", 26.7, {"ITG1": 14.5}),
        ("employment_rate_15_89_provinces", "2025", 37.4, {}),
    ],
)
def test_the_seat_s_figures_are_of_complete_periods_beside_the_same_table(
    facts: Facts, indicator, period, value, beside
):
    """Patents of 2021 and 2022 are incomplete; Sicily's 51.4 % is of another age than Catania's 37.4 % and stays away."""
    found = {f.summary.measure.id: f for f in statements.figures(View(facts, Language("it")))}[indicator]
    last = found.summary.last
    assert (found.summary.geo, last.period, round(last.value, 1)) == ("ITG17", period, value)
    others = dict(found.beside)
    assert set(others) <= {"ITG1", "IT"} and others
    assert {(point.period, point.dataset) for point in others.values()} == {(period, last.dataset)}
    for geo, expected in beside.items():
        assert round(others[geo].value, 1) == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pandemic_is_noted_on_home_page_and_sheet_and_proxies_are_named(
    facts: Facts, release: Path, language: str
):
    view = View(facts, Language(language))
    (note,) = (view.language.of(note) for note in period_notes("enterprise_births", ["2020"]))
    folder = release / "site" / language
    for name in ("index", "indicator-enterprise_births"):
        assert note in (folder / f"{name}.html").read_text(encoding="utf-8").replace("&#39;", "'"), name
    content = board.content(view, date(2026, 10, 31), [])
    assert note in content["figures_note"]
    proxy = view.language.say("card.proxy")
    named = [m for m in facts.measures.values() if m.header["proxy_for"]]
    assert named
    for figure in statements.figures(view):
        if figure.summary.measure.header["proxy_for"]:
            title = figure.summary.title
            assert any(title in row["title"] and proxy in row["title"] for row in content["figures"])


def test_money_at_current_prices_has_no_arrow(release: Path):
    text = (release / "site" / "en" / "indicator-gdp_per_head.html").read_text(encoding="utf-8")
    head = text[text.index("<h1>") : text.index("<figure>")]
    assert "at current prices" in head and not re.search(r"trend-(up|down)", head)


def test_a_survey_s_change_has_no_arrow(release: Path):
    text = (release / "site" / "en" / "indicator-employment_rate.html").read_text(encoding="utf-8")
    head = text[text.index("<h1>") : text.index("<figure>")]
    assert "sampling error not published here" in head and not re.search(r"trend-(up|down)", head)


def test_zeros_that_a_total_proves_say_what_they_leave(facts: Facts):
    pitfalls = facts.measures["epo_applications"].header["pitfalls"]
    assert "of 7,574 such zeros 846 leave a residual of up to 0.04" in pitfalls


def test_checks_of_shipped_files_and_checks_without_rows_are_not_passed_checks(facts: Facts, release: Path):
    for code in LANGUAGES:
        text = (release / "site" / code / "quality.html").read_text(encoding="utf-8")
        assert Language(code).say("quality.none_judged").replace("'", "&#39;") in text
    with duckdb.connect(str(release / "distretto.duckdb"), read_only=True) as con:
        empty = con.execute(
            "select distinct passed from check_results where observed like 'not run%'"
        ).fetchall()
    assert empty == [(None,)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_quality_report_has_each_of_its_parts(release: Path, language: str):
    text = (release / "site" / language / "quality.html").read_text(encoding="utf-8")
    report = text[text.index('id="report"') :].replace("&#39;", "'")
    say = Language(language).say
    for part in ("disagreements", "provisional", "triangle", "coverage"):
        assert say(f"report.{part}") in report, part


def test_a_table_without_a_first_body_wears_a_badge(facts: Facts, release: Path):
    unproven = [name for name, entry in facts.catalogue.items() if entry["status"] == "unproven"]
    assert unproven
    text = (release / "site" / "it" / "quality.html").read_text(encoding="utf-8")
    for name in unproven:
        row = text[text.index(f'<tr id="{name}">') :]
        assert "non ancora verificato" in row[: row.index("</th>")], name


def test_an_indicator_of_such_a_table_wears_it_too_and_leads_nowhere(facts: Facts):
    entry = facts.catalogue["bd_size_r3"] | {"status": "unproven"}
    view = View(replace(facts, catalogue=facts.catalogue | {"bd_size_r3": entry}), Language("en"))
    shown = {found.summary.measure.id for found in statements.figures(view)}
    assert "enterprise_births" not in shown and "jobs" in shown
    page = next(page for page in PAGES if page.name == "indicator-{key}")
    name = "indicator-enterprise_births"
    text = build._draw(page, name, view, "enterprise_births", build._variables(view))
    assert "not proven yet" in text[: text.index("<figure>")]
