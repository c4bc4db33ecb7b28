"""Pages of awkward figures."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from assets.site import build
from assets.site.build import render
from assets.site.view import View
from tests.site.browsing import EN, IT, opened
from warehouse.publishing.release import Release

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
    """What a provider may serve one night: every page is still drawn."""
    for path in release.glob("*.*"):
        shutil.copy(path, tmp_path)
    (tmp_path / "distretto.duckdb").chmod(0o644)
    with duckdb.connect(str(tmp_path / "distretto.duckdb")) as con:
        con.execute(AWKWARD[case])
    assert render(Release(release.name, tmp_path)) == []
    found = sorted((tmp_path / "site").rglob("*.html"))
    assert len(found) > 40
    for path in found:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\bNone\b|\bnan\b|\binf\b", re.sub(r"<[^>]+>", " ", text)), path.name
        assert "<b>&" not in text
        assert not re.search(r"<h[23]>(<a [^>]+>)?[a-z]+_[a-z]", text), "a code in place of a title"


def test_a_page_that_cannot_be_drawn_becomes_a_page_that_says_so(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The figures are right and the release must not wait for a page: the others are drawn, and the failure is returned."""

    def broken(view: View, key: str) -> dict[str, object]:
        raise ZeroDivisionError(key)

    pages = [replace(page, data=broken) if page.name == "territories" else page for page in build.PAGES]
    monkeypatch.setattr(build, "PAGES", pages)
    for path in release.glob("*.*"):
        shutil.copy(path, tmp_path)
    assert render(Release(release.name, tmp_path)) == ["it/territories.html", "en/territories.html"]
    site = tmp_path / "site"
    assert EN.say("failed.title") in (site / "en" / "territories.html").read_text(encoding="utf-8")
    assert IT.say("failed.title") in (site / "it" / "territories.html").read_text(encoding="utf-8")
    assert {path.name for path in (site / "en").iterdir()} == {
        path.name for path in (release / "site" / "en").iterdir()
    }


def test_a_board_sheet_that_cannot_be_drawn_says_so(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(build.board, "content", lambda *_: {}["no content"])
    for path in release.glob("*.*"):
        shutil.copy(path, tmp_path)
    assert render(Release(release.name, tmp_path)) == ["it/board.pdf", "en/board.pdf"]
    assert (tmp_path / "site" / "it" / "board.pdf").read_bytes()[:5] == b"%PDF-"


# text of a provider or a person in every place that a page or the sheet shows
HOSTILE = {
    "html": "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">",
    "javascript": "'};document.title='owned';//\u2028</script><a href=\"javascript:document.title='owned'\">x</a>",
    "typst": '#panic("owned") $ x #import "/etc/passwd" ] ) } \\',
    "markdown": "[x](javascript:alert(1)) `code` **bold** {{ 7 * 7 }} {% raw %}",
}


@pytest.mark.long
@pytest.mark.parametrize("kind", HOSTILE)
def test_text_of_others_is_harmless_on_every_page_and_in_the_sheet(
    browser, release: Path, tmp_path: Path, kind: str
):
    text = HOSTILE[kind]
    for path in release.glob("*.*"):
        shutil.copy(path, tmp_path)
    (tmp_path / "distretto.duckdb").chmod(0o644)
    columns = {
        "catalogue": "title_it title_en provider_title provider_code failure expected licence citation",
        "indicator_catalogue": "title_it title_en definition_it definition_en formula pitfalls sources",
        "geography": "name_it name_en",
        "codelists": "label_it label_en",
        "targets": "fixed_by document because",
        "target_results": "reason_it reason_en",
        "snapshots": "note",
        "check_results": "observed",
        "breaks": "reason evidence",
    }
    with duckdb.connect(str(tmp_path / "distretto.duckdb")) as con:
        for table, names in columns.items():
            changes = ", ".join(f"{name} = $text" for name in names.split())
            con.execute(f"update {table} set {changes}", {"text": text})
        con.execute(
            "update catalogue set warnings = [$text], licence_url = 'javascript:document.title=1'",
            {"text": text},
        )
        con.execute(
            "insert into district (figure, geo, period, value, unit) values ($text, 'DISTRICT', '2026', 41, 'NR')",
            {"text": text},
        )
    assert render(Release(release.name, tmp_path)) == []
    page, wrong = opened(browser)
    for language, name in (
        ("it", "index"),
        ("en", "indicator-enterprise_births"),
        ("en", "indicators"),
        ("it", "quality"),
        ("en", "targets"),
        ("it", "sector"),
        ("it", "search"),
        ("en", "territory-ITG17"),
        ("en", "downloads"),
        ("it", "changes"),
        ("it", "calendar"),
    ):
        page.goto((tmp_path / "site" / language / f"{name}.html").as_uri())
        assert "owned" not in page.title() or text in page.title(), name
        assert page.locator("img, main script, [onerror]").count() == 0, name
        assert page.locator("a[href^='javascript' i]").count() == 0, name
        assert "49" not in page.title()
    assert wrong == []
    page.context.close()
    assert (tmp_path / "site" / "it" / "board.pdf").read_bytes()[:5] == b"%PDF-"
