"""The pages of a release: the rules behind their words, and the pages themselves in a real browser.

The pages are those of a release of the figures that ship, opened from disk as a reader would. The browser is the
system's Chromium; where there is none, its tests skip and say so.
"""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urldefrag, urljoin, urlparse
from urllib.request import url2pathname

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.site import board, draw, findings
from assets.site.build import Pages, render
from assets.site.facts import Point, read, since
from assets.site.language import LANGUAGES, MINUS, Language, decimals, translations, words
from sources.catalogue import load_catalogue
from tests.conftest import ENTRY, ROOT
from warehouse.publishing.release import Release, reading
from warehouse.publishing.tables import contract
from warehouse.statistics.indicators import load_indicators
from warehouse.statistics.peers import shown

TEMPLATES = ROOT / "assets" / "site" / "templates"
IT, EN = Language("it"), Language("en")
VIEWPORTS = {"phone": (390, 844), "desk": (1280, 900), "projector": (1920, 1080)}
# one page of each template; all the others are drawn by the same ones
EACH = (
    "index indicators indicator-enterprise_birth_rate indicator-enterprise_births indicator-epo_applications territories "
    "territory-ITG17 territory-ITC4 targets changes quality calendar downloads reading"
).split()


def point(
    period: str,
    value: float | None,
    flag: str | None = "",
    grade: str = "A",
    broken: bool = False,
    interval: tuple[float | None, float | None] = (None, None),
) -> Point:
    return Point(
        period, value, flag, grade, broken, None, None, *interval, False, False, "made_up", "made_up-1"
    )


# -- rules


def test_a_change_is_said_between_neighbouring_reliable_periods_only():
    steady = [point("2018", 100.0), point("2019", 110.0)]
    assert findings.change(steady, "NR") == findings.Change("up", "2018", pytest.approx(10.0), "PC")
    assert findings.change([*steady, point("2020", 99.0)], "NR").kind == "down"
    assert findings.change([*steady, point("2020", 110.2)], "NR").kind == "stable"
    assert findings.change([*steady, point("2020", 99.0, broken=True)], "NR").kind == "broken"
    assert findings.change([*steady, point("2021", 99.0)], "NR").kind == "unknown"
    assert findings.change([*steady, point("2020", 99.0, "u", "C")], "NR").kind == "unknown"
    assert findings.change([point("2018", 0.0), point("2019", 5.0)], "NR").kind == "unknown"
    assert findings.change([point("2019", 5.0)], "NR").kind == "unknown"
    # intervals that share a value leave nothing to say
    apart = [point("2018", 10.0, interval=(8, 12)), point("2019", 20.0, interval=(12.5, 27))]
    assert findings.change(apart, "NR").kind == "up"
    close = [apart[0], point("2019", 12.0, interval=(9, 15))]
    assert findings.change(close, "NR") == findings.Change("chance", "2018")
    # a value that is missing with a reason is no neighbour
    assert findings.change([steady[0], point("2019", None, "c", "suppressed")], "NR").kind == "unknown"


def test_percentages_change_by_points():
    found = findings.change([point("2018", 8.0), point("2019", 8.6)], "PC")
    assert (found.kind, found.unit, found.amount) == ("up", "PP", pytest.approx(0.6))
    assert findings.change([point("2018", 8.0), point("2019", 8.05)], "PC").kind == "stable"


def test_runs_are_cut_at_breaks_gaps_and_missing_values():
    points = [
        point("2018", 1.0),
        point("2019", 2.0),
        point("2020", None, "c", "suppressed"),
        point("2021", 3.0),
        point("2022", 4.0, broken=True),
        point("2024", 5.0),
    ]
    assert [[p.period for p in run] for run in findings.segments(points)] == [
        ["2018", "2019"],
        ["2021"],
        ["2022"],
        ["2024"],
    ]


@pytest.mark.parametrize(
    ("earlier", "later", "follow"),
    [
        ("2019", "2020", True),
        ("2019", "2021", False),
        ("2019-Q4", "2020-Q1", True),
        ("2019-Q3", "2020-Q1", False),
        ("2019-11", "2019-12", True),
        ("2019-12", "2020-01", True),
    ],
)
def test_which_period_follows(earlier: str, later: str, follow: bool):
    assert findings.follows(earlier, later) is follow


def test_ranks_share_a_place_and_leave_the_unreliable_out():
    series = {
        "A": [point("2020", 3.0)],
        "B": [point("2020", 5.0)],
        "C": [point("2020", 3.0)],
        "D": [point("2020", 9.0, "u", "C")],
        "E": [point("2019", 7.0)],
    }
    ranked = {r.geo: (r.place, r.among) for r in findings.ranking(series, list(series), "2020")}
    assert ranked == {"A": (2, 3), "B": (1, 3), "C": (2, 3), "D": (None, 3), "E": (None, 3)}
    assert [r.geo for r in findings.ranking(series, list(series), "2020")][-1] == "E"


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_map_classes_are_few_round_and_in_order(values: list[float]):
    values = [round(v, 3) for v in values]
    breaks = findings.class_breaks(values)
    assert len(breaks) <= 4
    assert breaks == sorted(set(breaks))
    assert all(min(values) < edge <= max(values) for edge in breaks)


@given(st.lists(st.floats(0, 1e7), min_size=2, max_size=40), st.booleans())
def test_a_scale_holds_its_values_and_ends_at_ticks(values: list[float], zero: bool):
    axis = draw.scale([round(v, 3) for v in values], zero=zero)
    assert axis.ticks[0] == pytest.approx(axis.low) and axis.ticks[-1] == pytest.approx(axis.high)
    assert all(-1 <= axis.at(round(v, 3)) <= 1001 for v in values)
    assert not zero or axis.low == 0


@given(
    st.dictionaries(
        st.sampled_from("BCDEFGHIJKLM"), st.lists(st.floats(1, 1e4), min_size=3, max_size=3), max_size=12
    )
)
def test_labels_at_the_lines_ends_never_touch(others: dict[str, list[float]]):
    series = {
        geo: [point(str(2018 + i), value) for i, value in enumerate(values)]
        for geo, values in {"A": [5.0, 6.0, 7.0], "Z": [5.0, 6.0, 7.01], **others}.items()
    }
    roles = {"A": "region", "Z": "seat"} | dict.fromkeys(others, "peer")
    plot = draw.lines_plot(series, roles, None)
    places = sorted(line.label_y for line in plot.lines if line.label_y is not None)
    assert {line.geo for line in plot.lines if line.label_y is not None} >= {"A", "Z"}
    assert all(b - a >= draw.LABEL_GAP for a, b in zip(places, places[1:], strict=False))


def test_a_provinces_label_stands_where_it_has_room():
    """The centre of gravity of a hook lies beside it, on its neighbour."""
    x, y = draw.roomiest(((0, 0), (10, 0), (10, 4), (1, 4), (1, 10), (0, 10)))
    assert 1 < x < 9 and y == pytest.approx(2, abs=0.8)


def test_an_index_begins_anew_after_a_break():
    series = {
        "A": [point(str(y), 100.0 + y - 2010) for y in range(2010, 2021)]
        + [point("2021", 500.0, broken=True), point("2022", 550.0)],
        "B": [point("2021", 10.0, broken=True), point("2022", 20.0)],
    }
    plot = draw.lines_plot(series, {"A": "region", "B": "peer"}, None, indexed=True)
    assert plot.based == ["2012", "2021"]
    assert {(line.geo, dot.point.period): dot.value for line in plot.lines for dot in line.dots} | {
        ("A", "2012"): 100.0,
        ("A", "2022"): pytest.approx(110.0),
        ("B", "2022"): 200.0,
    } == {(line.geo, dot.point.period): dot.value for line in plot.lines for dot in line.dots}
    assert [period for _, period, _ in plot.breaks] == ["2021"]


def test_the_words_of_two_breaks_that_are_close_do_not_touch():
    series = {"A": [point(str(year), 100.0, broken=year in (2004, 2005, 2018)) for year in range(2000, 2021)]}
    plot = draw.lines_plot(series, {"A": "region"}, None)
    assert [(period, named) for _, period, named in plot.breaks] == [
        ("2004", True),
        ("2005", False),
        ("2018", True),
    ]
    bars = draw.columns_plot(series["A"])
    assert [named for _, _, named in bars.breaks] == [True, False, True]


def test_a_value_without_neighbours_has_a_mark_of_its_own():
    steady = [point(str(year), 5.0) for year in range(2010, 2020)]
    spike = [
        point(p.period, 9.0 if p.period == "2014" else 5.0, broken=p.period in ("2014", "2015"))
        for p in steady
    ]
    plot = draw.lines_plot({"A": steady, "B": spike}, {"A": "region", "B": "peer"}, None)
    lone = {line.geo: line.lone for line in plot.lines}
    assert lone["A"] == "" and lone["B"].startswith("M444 ") and lone["B"].endswith("h0")


def test_a_peers_break_parts_nobody_elses_line():
    whole = [point(str(year), 5.0 + year % 3) for year in range(2010, 2020)]
    broken = [point(p.period, p.value, broken=p.period == "2015") for p in whole]
    roles = {"A": "region", "B": "peer"}
    assert draw.lines_plot({"A": whole, "B": broken}, roles, None).breaks == []
    assert [period for _, period, _ in draw.lines_plot({"A": broken, "B": whole}, roles, None).breaks] == [
        "2015"
    ]


# -- languages


def test_every_string_is_in_both_languages_with_the_same_gaps():
    for group, entries in words().items():
        for key, pair in entries.items():
            assert set(pair) == set(LANGUAGES), f"{group}.{key}"
            gaps = [sorted(re.findall(r"{(\w+)}", text)) for text in pair.values()]
            assert gaps[0] == gaps[1] and all(text.strip() for text in pair.values()), f"{group}.{key}"


def test_every_string_is_used_and_every_string_used_is_there():
    code = "".join(
        path.read_text()
        for path in (ROOT / "assets" / "site").rglob("*")
        if path.suffix in (".py", ".html", ".typ")
    )
    asked = set(re.findall(r"""say\(\s*f?["']([a-z_]+\.[\w]+)["']""", code))
    known = {f"{group}.{key}" for group, entries in words().items() for key in entries}
    assert asked <= known
    # groups of which the figures name the key, such as a state or a directive
    by_data = set(re.findall(r"""["'](\w+)\.["'] ~""", code)) | set(re.findall(r"""f"(\w+)\.{""", code))
    by_data |= {"month", "sign"}
    unused = {
        key
        for key in known - asked
        if key.split(".")[0] not in by_data and not re.search(rf"[\"']{key}[\"']", code)
    }
    assert unused == set()


def test_nearly_every_sentence_of_the_data_has_its_italian():
    """What has none is shown in English and marked so; its place is assets/site/translations.yml."""
    said = {
        *(text for d in load_catalogue().values() for text in (d.calendar.expected, *d.warnings)),
        *(i.header[key] for i in load_indicators() for key in ("formula", "pitfalls")),
        *(table["description"] for table in contract()["tables"].values()),
        *(reason.partition(": ")[2] for reason in shown().values()),
    }
    missing = said - set(translations())
    assert len(missing) < len(said) / 10, missing


def test_a_sentence_without_italian_is_marked_as_english():
    assert IT.text("Nobody <translated> this.") == '<span lang="en">Nobody &lt;translated&gt; this.</span>'
    assert EN.text("Nobody <translated> this.") == "Nobody &lt;translated&gt; this."
    assert "&lt;b&gt;" not in IT.say("target.because", because=IT.text("births"))
    assert "<span lang" in IT.say("target.because", because=IT.text("Nobody translated this."))


@pytest.mark.parametrize(
    ("value", "unit", "italian", "english"),
    [
        (22993.0, "NR", "22.993", "22,993"),
        (49.75, "NR", "49,8", "49.8"),
        (8.341, "PC", "8,34%", "8.34%"),
        (0.0461, "PC", "0,046%", "0.046%"),
        (1635.92, "NR", "1.636", "1,636"),
        (-5.24, "PC", f"{MINUS}5,24%", f"{MINUS}5.24%"),
        (0.0, "NR", "0", "0"),
        (19400.0, "EUR_HAB", "19.400 €", "19,400 €"),
        (None, "PC", "n.d.", "n/a"),
    ],
)
def test_numbers_are_written_as_each_language_does(value, unit, italian, english):
    assert IT.number(value, unit) == italian
    assert EN.number(value, unit) == english


@given(st.floats(1e-3, 1e9))
def test_no_number_shows_more_than_three_significant_digits_or_loses_its_size(value: float):
    shown = float(EN.number(value).replace(",", ""))
    assert decimals(value) <= 3
    assert math.isclose(shown, value, rel_tol=0.51 if value < 0.01 else 0.051 if value < 0.1 else 0.0051)


def test_dates_and_periods_are_written_as_each_language_does():
    assert (IT.day("2026-11-03"), EN.day("2026-11-03")) == (
        "3\u00a0novembre\u00a02026",
        "3\u00a0November\u00a02026",
    )
    assert IT.dated("da valutare il 2031-03-31; poi") == "da valutare il 31\u00a0marzo\u00a02031; poi"
    assert (EN.size(512), IT.size(11_546_624), EN.size(12_400)) == (
        "512\u00a0B",
        "11,5\u00a0MB",
        "12\u00a0kB",
    )
    assert (IT.period("2019-Q2"), EN.period("2019-Q2")) == ("2º trim. 2019", "Q2 2019")
    assert (IT.period("2019-07"), EN.period("2019")) == ("luglio 2019", "2019")
    assert [EN.ordinal(n) for n in (1, 2, 3, 4, 11, 22)] == ["1st", "2nd", "3rd", "4th", "11th", "22nd"]


# -- pages


@pytest.fixture(scope="module")
def release(home: Path) -> Path:
    """The release of a run on the figures that ship."""
    return (home / "current").resolve()


@pytest.fixture(scope="module")
def pages(release: Path) -> list[Path]:
    return sorted((release / "site").rglob("*.html"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    executable = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if executable is None:
        pytest.skip("no Chromium here: install the package chromium to test the pages in a browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=executable,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"],
        )
        yield opened
        opened.close()


def test_both_languages_have_the_same_pages(release: Path, pages: list[Path]):
    found = {code: {path.name for path in (release / "site" / code).glob("*.html")} for code in LANGUAGES}
    assert found["it"] == found["en"] and len(found["it"]) > 40
    assert {f"{name}.html" for name in EACH} <= found["it"]
    assert {path.parent.name for path in pages} == {"site", "it", "en"}


def test_every_link_resolves_inside_the_release(release: Path, pages: list[Path]):
    outside = set()
    for path in pages:
        text = path.read_text(encoding="utf-8")
        anchors = set(re.findall(r'\bid="([^"]+)"', text))
        for address in re.findall(r'(?:href|src)="([^"]+)"', text):
            url, anchor = urldefrag(address)
            if urlparse(url).scheme:
                outside.add(urlparse(url).netloc)
            elif url:
                target = Path(url2pathname(urlparse(urljoin(path.as_uri(), url)).path))
                assert target.is_file() and release in target.parents, f"{path.name}: {address}"
            else:
                assert anchor in anchors, f"{path.name}: {address}"
    assert outside - {""} <= {"ec.europa.eu", "eur-lex.europa.eu", "creativecommons.org"}


def test_pages_are_light(pages: list[Path]):
    assert {path.name: path.stat().st_size for path in pages if path.stat().st_size > 200_000} == {}


def test_no_page_says_what_is_not_a_word(pages: list[Path]):
    for path in pages:
        text = re.sub(r"<script.*?</script>|<[^>]+>", " ", path.read_text(encoding="utf-8"), flags=re.S)
        assert not re.search(r"\bNone\b|\bnan\b|\binf\b|Undefined|\{\{|\bTrue\b|\bFalse\b", text), path.name


def test_each_page_csv_is_the_table_in_the_file(release: Path):
    with duckdb.connect(str(release / "distretto.duckdb"), read_only=True) as con:
        types = {name: type_ for name, type_, *_ in con.execute("describe indicators").fetchall()}
        files = sorted((release / "site" / "data").glob("*.csv"))
        assert files
        for file in files:
            copy = f"read_csv('{file}', header = true, columns = {types}, allow_quoted_nulls = false)"
            rows = f"indicators where indicator = '{file.stem}' and geo in (select geo from {copy})"
            assert con.execute(f"from {rows} except all from {copy}").fetchall() == [], file.name
            assert con.execute(f"from {copy} except all from {rows}").fetchall() == [], file.name
            kept = f"select distinct geo from {copy} where geo like 'ITG1%'"
            all_ = f"select distinct geo from indicators where indicator = '{file.stem}' and geo like 'ITG1%'"
            assert set(con.execute(kept).fetchall()) == set(con.execute(all_).fetchall()), file.name


def test_what_is_downloaded_is_what_the_release_has(release: Path):
    """The files behind the links of the download page, against the tables in the DuckDB file."""
    text = (release / "site" / "en" / "downloads.html").read_text(encoding="utf-8")
    linked = set(re.findall(r'href="\.\./\.\./([\w.-]+)"', text))
    assert linked == {path.name for path in release.iterdir() if path.is_file()}
    with duckdb.connect(str(release / "distretto.duckdb"), read_only=True) as con:
        tables = {name for (name,) in con.execute("select table_name from duckdb_tables()").fetchall()}
        assert {f"{table}.csv" for table in tables} | {f"{table}.parquet" for table in tables} <= linked
        for table in tables:
            types = {name: type_ for name, type_, *_ in con.execute(f"describe {table}").fetchall()}
            copy = f"read_csv('{release}/{table}.csv', header = true, columns = {types}, allow_quoted_nulls = false)"
            assert con.execute(f"from {table} except all from {copy}").fetchall() == [], table


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_boards_sheet_has_two_pages_whatever_it_has_to_say(release: Path, language: str):
    """Also with more revisions than it lists and with the longest words: everything here is made up from long titles."""
    with reading(Release(release.name, release)) as con:
        facts = read(con, release)
        pages = Pages(facts, Language(language))
        new = since(con, facts.places, date(2000, 1, 1))
    assert {row["kind"] for row in new} == {"added"} and len(new) > 2000
    revised = [
        {**row, "kind": "reflagged", "old_value": 1234567.0, "indicator": "epo_applications_per_million"}
        for row in new
    ]
    for changed in ([], new, revised):
        assert len(board.sheet(pages, date(2026, 10, 31), changed, form="png")) == 2
    assert (release / "site" / language / "board.pdf").read_bytes()[:5] == b"%PDF-"


AWKWARD = {
    "holes": "update indicators set value = null, reliability = 'suppressed' where hash(geo || period) % 3 = 0",
    "below zero": "update indicators set value = -value",
    "all alike": "update indicators set value = 0",
    "huge and tiny": "update indicators set value = value * if(hash(geo) % 2 = 0, 1e12, 1e-9)",
    "no region": "delete from indicators where geo = 'ITG1'",
    "no provinces": "delete from indicators where geo like 'ITG1_'",
    "only ours": "delete from indicators where geo not like 'ITG1%'",
    "targets alone": "delete from indicators where indicator in (select indicator from targets)",
    "one period": "delete from indicators where period <> '2010'",
    "quarters": "update indicators set period = period || '-Q' || (1 + hash(geo || period) % 4)",
    "broken every year": "update indicators set break_before = true",
    "nothing": "delete from indicators; delete from headlines; delete from target_results; delete from targets",
    "unknown flags, wide intervals": "update indicators set flag = 'zqp', reliability = 'C', "
    "ci_low = value - 1e6, ci_high = value + 1e6",
    "unfinished": "update indicators set truncated = true, provisional = true",
    "nobody answers, own figures": "update catalogue set provider_updated_at = null, failing_since = now(), "
    "failure = '<b>&', state = 'stale'; "
    "insert into district (figure, geo, period, value, unit) values ('members', 'DISTRICT', '2026', 41, 'NR')",
}


@pytest.mark.parametrize("case", AWKWARD)
def test_awkward_figures_stop_no_page(release: Path, tmp_path: Path, case: str):
    """What a provider may serve one night: a page that cannot be drawn would hold the release back."""
    for path in release.glob("*.*"):
        shutil.copy(path, tmp_path)
    (tmp_path / "distretto.duckdb").chmod(0o644)
    with duckdb.connect(str(tmp_path / "distretto.duckdb")) as con:
        con.execute(AWKWARD[case])
    render(Release(release.name, tmp_path))
    found = sorted((tmp_path / "site").rglob("*.html"))
    assert len(found) > 40
    for path in found:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\bNone\b|\bnan\b|\binf\b", re.sub(r"<[^>]+>", " ", text)), path.name
        assert "<b>&" not in text
        assert not re.search(r"<h[23]>(<a [^>]+>)?[a-z]+_[a-z]", text), "a code in place of a title"


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


# -- in a browser


def opened(browser: Any, width: int = 1280, height: int = 900, **more: Any) -> tuple[Any, list[str]]:
    """A page, and the list that fills with what must not happen: errors, and requests that are not for our files."""
    context = browser.new_context(viewport={"width": width, "height": height}, **more)
    page, wrong = context.new_page(), []
    page.on(
        "console",
        lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda failure: wrong.append(str(failure)))
    page.on("requestfailed", lambda request: wrong.append(f"failed {request.url}"))
    page.on(
        "request", lambda request: None if request.url.startswith("file:///") else wrong.append(request.url)
    )
    return page, wrong


def complaints(page: Any, path: Path, **options: Any) -> list[str]:
    """What axe finds on the page, already open or opened here."""
    from axe_playwright_python.sync_playwright import Axe

    if page.url != path.as_uri():
        page.goto(path.as_uri())
    # preloading would fetch the style sheet anew, which no browser allows from disk
    asked = {"preload": False, "resultTypes": ["violations"], **options}
    page.evaluate(Axe().axe_script)
    # what passed is as long as the page and would cross over for nothing
    found = page.evaluate("asked => axe.run(document, asked).then(told => told.violations)", asked)
    return [
        f"{path.parent.name}/{path.stem} {v['id']}: {node['html'][:120]}"
        for v in found
        for node in v["nodes"][:3]
    ]


@dataclass
class Visit:
    """What the browser saw of a page."""

    title: str
    headings: int
    milliseconds: float
    complaints: list[str]
    maps: list[list[dict[str, Any]]]


MAPS = """() => [...document.querySelectorAll('.map')].map(map => {
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


def test_axe_finds_nothing_on_any_page(visits):
    assert [complaint for visit in visits[0].values() for complaint in visit.complaints] == []


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
    """L'Aquila's births of 2011 fit neither neighbour; the newest period stands at the left."""
    page, _ = opened(browser)
    page.goto((release / "site" / "en" / "indicator-enterprise_birth_rate.html").as_uri())
    parted = page.evaluate("""() => [...document.querySelectorAll('td.broken')].map(cell => {
        const rule = getComputedStyle(cell, '::after'), head = cell.closest('table').tHead.rows[0].cells;
        return [cell.parentElement.cells[0].innerText, head[cell.cellIndex].innerText,
                head[cell.cellIndex + 1].innerText, parseFloat(rule.right) < 0 && rule.borderRightStyle];
    })""")
    assert parted == [["L'Aquila", "2012", "2011", "dashed"], ["L'Aquila", "2011", "2010", "dashed"]]
    note = page.locator(".scroll:has(.figures) + .note").inner_text()
    assert "p: provisional." in note and "the series breaks" in note
    page.context.close()


def test_every_map_has_the_nine_provinces(visits):
    maps = [(path, drawn) for path, visit in visits[0].items() for drawn in visit.maps]
    for path, drawn in maps:
        assert len({shape["geo"] for shape in drawn}) == len(drawn) == 9, path
        assert all(shape["width"] > 20 and shape["height"] > 20 for shape in drawn), path
        assert sorted(drawn[0]["names"]) == "AG CL CT EN ME PA RG SR TP".split(), path
    assert {path.parent.name for path, _ in maps} == set(LANGUAGES) and len(maps) >= 16


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
    page.get_by_role("searchbox").fill("patent million inhabitants")
    assert page.locator(".row:visible h3").all_inner_texts() == [
        "EPO patent applications per million inhabitants"
    ]
    page.goto((release / "site" / "en" / "territories.html").as_uri())
    page.get_by_role("combobox").select_option(label="Enna")
    page.get_by_role("button", name="Open").click()
    page.wait_for_url("**/territory-ITG16.html")
    assert wrong == []
    page.context.close()


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


@pytest.mark.parametrize(("language", "births"), [("it", "22.993"), ("en", "22,993")])
def test_the_headline_is_in_the_language_of_the_page(browser, release: Path, language: str, births: str):
    page, _ = opened(browser)
    page.goto((release / "site" / language / "index.html").as_uri())
    assert page.locator("html").get_attribute("lang") == language
    assert births in page.locator("h1").inner_text()
    page.context.close()
