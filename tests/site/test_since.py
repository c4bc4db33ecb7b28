"""What changed since a day, on the page, without a script and in the sheet."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import duckdb
import pytest

from assets.site.build import render
from assets.site.language import LANGUAGES, Language
from tests.conftest import ENTRY
from tests.site.browsing import EN, IT, complaints, opened
from warehouse.publishing.release import Release


@pytest.mark.long
def test_the_changes_since_a_day_are_those_that_as_of_tells(world):
    """A value revised after the day, one withdrawn and one new: on the page, in the sheet, and for any date."""
    rates = {
        ("A", "V11920", "TOTAL", "ITG1"): {"2018": "40", "2019": "44"},
        ("A", "V11910", "TOTAL", "ITG1"): {"2018": "400", "2019": "410"},
    }
    world.entry(
        "bd_size_r3",
        dimensions=["freq", "indic_sb", "sizeclas", "geo"],
        checks=ENTRY["checks"] | {"geos": ["ITG1"]},
    )

    def serve(cells):
        world.server.table("bd_size_r3", ["freq", "indic_sb", "sizeclas", "geo"], cells)

    serve(rates)
    assert world.run("refresh", "--only", "bd_size_r3", "--json").code == 0
    rates[("A", "V11920", "TOTAL", "ITG1")] = {"2018": "42", "2019": "44", "2020": "50"}
    serve(rates)
    assert world.run("refresh", "--only", "bd_size_r3", "--json").code in (0, 3)
    told = world.run("board", "--since", "2000-01-01", "--json", "--output", str(world.folder / "b.pdf"))
    assert told.code == 0, told.err
    assert (world.folder / "b.pdf").read_bytes()[:5] == b"%PDF-"
    page = (world.home / "current" / "site" / "en" / "changes.html").read_text()
    assert (
        "value revised" in page
        and re.search(r'class="num"[^>]*>40<', page)
        and re.search(r'class="num"[^>]*>42<', page)
    )
    assert world.run("board", "--since", "yesterday").code == 2
    # a release that only a citation sets apart from the one before shares its indicators' pages with it
    old = (world.home / "current" / "site").resolve()
    world.entry(
        "bd_size_r3",
        dimensions=["freq", "indic_sb", "sizeclas", "geo"],
        checks=ENTRY["checks"] | {"geos": ["ITG1"]},
        calendar=ENTRY["calendar"] | {"expected": "Changed."},
    )
    assert world.run("refresh", "--only", "bd_size_r3", "--json").code in (0, 3)
    new = (world.home / "current" / "site").resolve()
    assert new != old and "Changed." in (new / "en" / "calendar.html").read_text()
    for place in ("it/indicator-enterprise_births.html", "style.css", "data/enterprise_births.csv"):
        assert (new / place).stat().st_ino == (old / place).stat().st_ino, place


# versions made up on figures that ship: a revision that half an hour before midnight in Rome belongs to the day, a part of
# it taken back, a withdrawal, and a period that came on the last minutes of a month
HISTORY = """
update indicator_history set known_from = timestamptz '2026-01-10 06:00:00+01';
create temp table first as from indicator_history where geo like 'ITG1%';
insert into indicator_history select * replace (value * 1.1 as value, timestamptz '2026-02-20 23:30:00+01' as known_from)
    from first where indicator = 'enterprise_births' and period >= '2015';
insert into indicator_history select * replace (timestamptz '2026-03-15 06:00:00+01' as known_from)
    from first where indicator = 'enterprise_births' and period = '2016';
insert into indicator_history select * replace ('p' as flag, timestamptz '2026-04-10 06:00:00+02' as known_from)
    from first where indicator = 'gdp_per_head' and geo = 'ITG17' and period = '2019';
insert into indicator_history select * replace (true as deleted, timestamptz '2026-04-02 06:00:00+02' as known_from)
    from first where indicator = 'enterprise_birth_rate' and geo = 'ITG17' and period = '2018';
insert into indicator_history select * replace ('2031' as period, timestamptz '2026-03-31 23:59:00+02' as known_from)
    from first where indicator = 'enterprise_birth_rate' and period = '2019';
update release set built_at = timestamptz '2026-05-20 06:00:00+02'
"""


MONTH_ENDS = ("2026-04-30", "2026-03-31", "2026-02-28", "2026-01-31")


@pytest.fixture(scope="module")
def moved(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site over five made-up months."""
    folder = tmp_path_factory.mktemp("moved")
    for path in release.glob("*.*"):
        shutil.copy(path, folder)
    (folder / "distretto.duckdb").chmod(0o644)
    with duckdb.connect(str(folder / "distretto.duckdb")) as con:
        con.execute(HISTORY)
    render(Release(release.name, folder))
    return folder


def as_of_tells(
    folder: Path, day: str, language: Language
) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """The rows that the page should have, by `indicators_as_of`."""

    def shown(value: float | None, flag: str | None, unit: str) -> str:
        return f"{language.number(value, unit)} {flag or ''}".strip()

    title, place = f"title_{language.code}", f"name_{language.code}"
    with duckdb.connect(str(folder / "distretto.duckdb"), read_only=True) as con:
        found = con.execute(f"""
            select c.{title}, g.{place}, period, o.value, o.flag, n.value, n.flag, coalesce(n.unit, o.unit),
                   o.indicator is null as entered, n.indicator is null as withdrawn
            from indicators_as_of(date '{day}') o full join indicators_as_of(date '2026-05-20') n using (indicator, geo, period)
            join indicator_catalogue c using (indicator) join geography g using (geo)
            where o.indicator is null or n.indicator is null or (o.value, o.flag) is distinct from (n.value, n.flag)
            order by indicator, geo, period""").fetchall()
    revised = [
        (
            name,
            where,
            period,
            shown(*old, unit),
            language.say("changes.withdrawn") if gone else shown(*new, unit),
        )
        for name, where, period, *values, unit, entered, gone in found
        for old, new in [(values[:2], values[2:])]
        if not entered
    ]
    came: dict[str, list[str]] = {}
    for name, _, period, *_, entered, _gone in found:
        if entered:
            came.setdefault(name, []).append(period)
    return revised, [(name, language.digits(len(ps)), min(ps)) for name, ps in came.items()]


TABLES = """() => ['revised', 'entered'].map(id => [...document.querySelectorAll(`#${id} tbody tr`)].map(
    row => [...row.cells].map(cell => cell.textContent.trim())))"""


@pytest.mark.parametrize("language", [IT, EN], ids=LANGUAGES)
def test_since_any_day_the_page_tells_what_as_of_tells(browser, moved: Path, language: Language):
    page, wrong = opened(browser)
    page.goto((moved / "site" / language.code / "changes.html").as_uri())
    rows = {}
    for day in ("2026-01-10", "2026-02-19", "2026-02-20", "2026-03-20", *MONTH_ENDS):
        page.get_by_label(language.say("changes.since")).fill(day)
        rows[day] = [list(map(tuple, table)) for table in page.evaluate(TABLES)]
        assert rows[day] == list(as_of_tells(moved, day, language)), day
    assert (len(rows["2026-02-19"][0]), len(rows["2026-02-20"][0])) == (52, 12)
    assert rows["2026-03-20"][1] and not rows["2026-03-31"][1]
    assert complaints(page, moved / "site" / language.code / "changes.html") == []
    page.context.close()
    # the ends of the months without a script
    page, _ = opened(browser, java_script_enabled=False)
    page.goto((moved / "site" / language.code / "changes.html").as_uri())
    links = page.locator("a[href^='changes-2']")
    assert links.all_inner_texts() == [language.day(day) for day in MONTH_ENDS]
    for number, day in enumerate(MONTH_ENDS):
        links.nth(number).click()
        assert language.day(day) in page.get_by_role("heading", level=1).inner_text()
        assert [list(map(tuple, table)) for table in page.evaluate(TABLES)] == list(
            as_of_tells(moved, day, language)
        )
        page.go_back()
    page.context.close()
    assert wrong == []
