"""The files of the site: the same pages in both languages, links, downloads, the board sheet."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from urllib.parse import urldefrag, urljoin, urlparse
from urllib.request import url2pathname

import duckdb
import pytest

from assets.site import board
from assets.site.language import LANGUAGES, Language
from assets.site.queries import read, since
from assets.site.view import View
from tests.site.browsing import EACH
from warehouse.publishing.contract import contract
from warehouse.publishing.release import Release, reading


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
    assert outside - {""} <= {
        "ec.europa.eu",
        "eur-lex.europa.eu",
        "creativecommons.org",
        "www.istat.it",
        "esploradati.istat.it",
    }


def test_pages_are_light(pages: list[Path]):
    assert {path.name: path.stat().st_size for path in pages if path.stat().st_size > 200_000} == {}


def test_no_page_says_what_is_not_a_word(pages: list[Path]):
    for path in pages:
        text = re.sub(r"<script.*?</script>|<[^>]+>", " ", path.read_text(encoding="utf-8"), flags=re.S)
        assert not re.search(r"\bNone\b|\bnan\b|\binf\b|Undefined|\{\{|\bTrue\b|\bFalse\b", text), path.name


def test_each_page_csv_is_the_table_in_the_file_without_its_provenance(release: Path):
    with duckdb.connect(str(release / "distretto.duckdb"), read_only=True) as con:
        provenance = ("ci_method", "known_from", "provider_updated_at", "snapshot_id", "method_version")
        types = {
            name: type_
            for name, type_, *_ in con.execute("describe indicators").fetchall()
            if name not in provenance
        }
        files = [
            f for f in sorted((release / "site" / "data").glob("*.csv")) if not f.stem.endswith("-europe")
        ]
        assert files
        for file in files:
            copy = f"read_csv('{file}', header = true, columns = {types}, allow_quoted_nulls = false)"
            table = f"(from indicators select {', '.join(types)})"
            rows = f"{table} where indicator = '{file.stem}' and geo in (select geo from {copy})"
            assert con.execute(f"from {rows} except all from {copy}").fetchall() == [], file.name
            assert con.execute(f"from {copy} except all from {rows}").fetchall() == [], file.name
            kept = f"select distinct geo from {copy} where geo like 'ITG1%'"
            all_ = f"select distinct geo from indicators where indicator = '{file.stem}' and geo like 'ITG1%'"
            assert set(con.execute(kept).fetchall()) == set(con.execute(all_).fetchall()), file.name


def test_what_is_downloaded_is_what_the_release_has(release: Path):
    """The files behind the links of the download page, against the tables in the DuckDB file."""
    text = (release / "site" / "en" / "downloads.html").read_text(encoding="utf-8")
    linked = set(re.findall(r'href="\.\./\.\./([\w.-]+)"', text))
    territories = set(re.findall(r'href="\.\./\.\./(territories/[\w.-]+)"', text))
    assert (
        territories == {f"territories/{path.name}" for path in (release / "territories").iterdir()} != set()
    )
    embeds = set(re.findall(r'href="\.\./\.\./(embed/en/[\w.-]+)"', text))
    assert embeds == {f"embed/en/{path.name}" for path in (release / "embed" / "en").iterdir()} != set()
    assert linked == {path.name for path in release.iterdir() if path.is_file()}
    with duckdb.connect(str(release / "distretto.duckdb"), read_only=True) as con:
        tables = {name for (name,) in con.execute("select table_name from duckdb_tables()").fetchall()}
        small = {table for table in tables if not contract().tables[table].parquet_only}
        assert {f"{table}.parquet" for table in tables} <= linked
        assert all({f"{table}.csv", f"{table}.csv.gz"} & linked for table in small)
        for table in tables:
            copy = f"'{release}/{table}.parquet'"
            assert con.execute(f"from {table} except all from {copy}").fetchall() == [], table


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_boards_sheet_has_two_pages_whatever_it_has_to_say(release: Path, language: str):
    """Also with more revisions than it lists and with the longest words: everything here is made up from long titles."""
    with reading(Release(release.name, release)) as con:
        facts = read(con, release)
        pages = View(facts, Language(language))
        new = since(con, facts.places, date(2000, 1, 1))
    assert {row["kind"] for row in new} == {"added"} and len(new) > 2000
    revised = [
        {**row, "kind": "reflagged", "old_value": 1234567.0, "indicator": "epo_applications_per_million"}
        for row in new
    ]
    for changed in ([], new, revised):
        assert len(board.sheet(pages, date(2026, 10, 31), changed, form="png")) == 2
    assert (release / "site" / language / "board.pdf").read_bytes()[:5] == b"%PDF-"
