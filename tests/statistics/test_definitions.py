"""Indicator definitions: headers, families, and what an empty history gives."""

from __future__ import annotations

import pytest

from sources.errors import SpecError
from tests.statistics.figures import Figures
from warehouse.statistics import indicators
from warehouse.statistics.indicators import load_families, load_indicators


def test_every_indicator_says_everything_in_both_languages():
    found = load_indicators()
    assert len({indicator.id for indicator in found}) == len(found) >= 35
    for indicator in found:
        header = indicator.header
        assert header["title_it"] != header["title_en"] and header["definition_it"] != header["definition_en"]
        assert header["theme"] in ("enterprise_births", "patents", "employment", "context")
        assert header.get("pooled") in (None, *(other.id for other in found))
        # an interval is of a register count: surveys and accounts have no number of cases
        if header["interval"] != "none":
            assert header["theme"] in ("enterprise_births", "patents"), indicator.id


def test_the_families_cover_the_themes_and_every_relevance():
    assert {family.id for family in load_families()} >= {
        "business_demography",
        "patents",
        "labour",
        "jobs",
        "research",
    }
    assert {i.header["relevance"] for i in load_indicators()} == {"whole_economy", "sector", "district_core"}
    assert {i.header["proxy_for"] for i in load_indicators() if "proxy_for" in i.header} == {
        "sustainability",
        "aggregation",
        "dexterity",
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("-- id: a\n-- colour: red\nselect 1\n", "colour: unknown key"),
        ("-- id: a\n-- title_it: A\nselect 1\n", "the header lacks title_en"),
    ],
)
def test_a_header_that_does_not_fit_is_refused_with_its_line(tmp_path, text, told):
    (tmp_path / "family.sql").write_text(text)
    with pytest.raises(SpecError, match=told):
        indicators._family(tmp_path / "family.sql")


def test_an_empty_history_gives_no_row_and_no_error():
    empty = Figures().build()
    assert empty.con.execute("select count(*) from indicators").fetchone() == (0,)
    assert empty.con.execute("select count(*) from indicator_catalogue").fetchone() == (
        len(load_indicators()),
    )
