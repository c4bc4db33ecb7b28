"""Every string, number and date in both languages."""

from __future__ import annotations

import math
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from assets.site.language import LANGUAGES, Language, words
from assets.site.translations import italian
from sources.catalogue import load_catalogue
from sources.common.numbers import MINUS, decimals
from tests.conftest import ENTRY, ROOT
from tests.site.browsing import EN, IT
from warehouse.publishing.contract import contract
from warehouse.statistics import breaks
from warehouse.statistics.indicators import load_indicators
from warehouse.statistics.peers import benchmarks, shown


def test_every_string_is_in_both_languages_with_the_same_gaps():
    for group, entries in words().items():
        for key, pair in entries.items():
            texts = [Language(code).of(pair) for code in LANGUAGES]
            gaps = [sorted(re.findall(r"{(\w+)}", text)) for text in texts]
            assert gaps[0] == gaps[1] and all(text.strip() for text in texts), f"{group}.{key}"


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
    unused = {
        key
        for key in known - asked
        if key.split(".")[0] not in by_data and not re.search(rf"[\"']{key}[\"']", code)
    }
    assert unused == set()


def test_every_sentence_of_the_data_has_its_italian_beside_it():
    said = {
        *(text.en for d in load_catalogue().values() for text in (d.calendar.expected, *d.warnings)),
        *(i.header[key] for i in load_indicators() for key in ("formula", "pitfalls")),
        *(table.description for table in contract().tables.values()),
        *(group.reason.en for group in benchmarks().groups),
        *(text.en.partition(": ")[2] for text in shown().values()),
        *(text.en for entry in breaks.load() for text in (entry.reason, entry.evidence)),
    }
    assert said - set(italian()) == set()


def test_a_users_own_entry_may_be_in_english_only(monkeypatch, tmp_path):
    entry = ENTRY | {
        "warnings": ["A trial.", {"it": "Solo per prova.", "en": "For trial only."}],
    }
    folder = tmp_path / "entries"
    folder.mkdir()
    (folder / "toy.yml").write_text(yaml.safe_dump(entry), encoding="utf-8")
    monkeypatch.setenv("DISTRETTO_CATALOGUE", str(folder))
    italian.cache_clear()
    try:
        assert IT.text("A trial.") == '<span lang="en">A trial.</span>'
        assert IT.text("For trial only.") == "Solo per prova."
    finally:
        italian.cache_clear()


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
