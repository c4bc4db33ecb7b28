"""Headlines: each rule says what the figures carry and no more. Figures here are made up, but for those that ship."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import distretto
from tests.test_targets import figure
from warehouse.publishing import headlines

NAMES = {"it": "Sicilia", "en": "Sicily"}
WORDS = {"it": "nascite", "en": "births"}
ITALY = {"it": "Italia", "en": "Italy"}
some = st.one_of(st.none(), st.floats(-1e7, 1e7))


def said(*series, until="9999"):
    return headlines.level(NAMES, WORDS, "ITG1", "births", series, until)


@pytest.mark.parametrize(
    ("before", "now", "rule", "en", "it"),
    [
        ({}, {"value": 1100.0}, "change", "up 10.0 % from 2019", "10,0 % in più rispetto al 2019"),
        ({}, {"value": 987.6}, "change", "down 1.2 % from 2019", "1,2 % in meno rispetto al 2019"),
        ({}, {"value": 1000.0}, "change", "as in 2019", "come nel 2019"),
        ({"value": 0.0}, {"value": 5.0}, "change", "up 5.00 from 2019", "5,00 in più"),
        (
            {"value": 8.0, "unit": "PC"},
            {"value": 7.5, "unit": "PC"},
            "change",
            "down 0.50 points",
            "0,50 punti in meno",
        ),
        ({}, {"break_before": True}, "break", "not comparable with 2019", "non confrontabile con il 2019"),
        ({}, {"dataset": "b"}, "break", "not comparable with 2019", "non confrontabile con il 2019"),
        ({}, {"reliability": "C"}, "uncertain", "too uncertain to compare", "troppo incerto"),
        (
            {"reliability": "C"},
            {},
            "uncertain",
            "the figure of 2019 is too uncertain",
            "il dato del 2019 è troppo incerto",
        ),
        (
            {"period": "2017"},
            {},
            "gap",
            "no figure between 2017 and 2020",
            "nessun dato tra il 2017 e il 2020",
        ),
        (
            {"ci_low": 950.0, "ci_high": 1050.0},
            {"value": 1040.0, "ci_low": 990.0, "ci_high": 1090.0},
            "chance",
            "no change from 2019 beyond chance",
            "nessuna variazione oltre il caso",
        ),
        (
            {"ci_low": 950.0, "ci_high": 1000.0},
            {"value": 1100.0, "ci_low": 1050.0, "ci_high": 1150.0},
            "change",
            "up 10.0 %",
            "10,0 % in più",
        ),
    ],
)
def test_a_change_is_told_only_where_the_figures_carry_it(before, now, rule, en, it):
    sentence = said(replace(figure("2019", 1000.0), **before), replace(figure("2020", 1200.0), **now))
    assert sentence.rule == rule
    assert en in sentence.en and it in sentence.it
    told_of_both = rule in ("change", "chance")
    assert sentence.rests_on == ["ITG1/births/2020", "ITG1/births/2019"][: 2 if told_of_both else 1]


def test_without_figures_the_sentence_is_neutral():
    assert said().en == "Sicily: births, no figure yet"
    assert said(figure("2020", None)).rule == "none"
    alone = said(figure("2020", 1234.0))
    assert (alone.rule, alone.en) == ("alone", "Sicily, 2020: 1,234 births, no figure before it (a)")
    assert alone.it == "Sicilia, 2020: 1.234 nascite, nessun dato precedente (a)"


def test_an_incomplete_period_is_left_out():
    assert said(figure("2010", 50.0), figure("2011", 20.0), until="2010").rests_on == ["ITG1/births/2010"]


@given(
    st.lists(
        st.tuples(
            some,
            st.booleans(),
            st.sampled_from(["A", "B", "C", "suppressed"]),
            st.sampled_from(["", "p", None]),
        ),
        max_size=6,
    )
)
def test_every_sentence_is_whole_and_says_the_same_in_both_languages(rows):
    series = [
        figure(str(2015 + i), value, break_before=broken, reliability=reliability, flag=flag)
        for i, (value, broken, reliability, flag) in enumerate(rows)
    ]
    sentence = said(*series)
    for text in (sentence.it, sentence.en):
        assert "None" not in text and "nan" not in text and "inf" not in text
    down, up = "down " in sentence.en, "up " in sentence.en
    assert down == (" in meno " in sentence.it) and up == (" in più " in sentence.it)
    if down or up:
        last, before = [f for f in series if f.value is not None][-1:-3:-1]
        assert up == (last.value > before.value)
        assert not last.break_before and {last.reliability, before.reliability} <= {"A", "B"}
    assert len(sentence.rests_on) == len(set(sentence.rests_on))


def places(*values):
    return {f"IT{i}": figure("2020", value, unit="PC") for i, value in enumerate(values)}


def compared(ours, others, whole):
    return headlines.comparison(
        NAMES, WORDS, "ITG1", "births", {"ITG1": ours, **others}, ("IT", ITALY, whole)
    )


def test_a_rank_counts_reliable_figures_only():
    ours = figure("2020", 8.0, unit="PC")
    others = places(9.0, 7.0, 6.0, 5.0)
    sentence = compared(ours, others, figure("2020", 7.5, unit="PC"))
    assert sentence.en == "Sicily, 2020: births 8.00 %; Italy 7.50 %; 2nd highest value of 5 regions (a)"
    assert sentence.it == "Sicilia, 2020: nascite 8,00 %; Italia 7,50 %; 2º valore più alto di 5 regioni (a)"
    assert sentence.rests_on[:2] == ["ITG1/births/2020", "IT/births/2020"] and len(sentence.rests_on) == 6
    others["IT0"] = replace(others["IT0"], reliability="C")
    fewer = compared(ours, others, None)
    assert (fewer.rule, fewer.en) == ("level", "Sicily, 2020: births 8.00 % (a)")


def test_an_uncertain_figure_is_not_compared():
    sentence = compared(figure("2020", 8.0, reliability="C"), places(1, 2, 3, 4, 5), figure("2020", 7.5))
    assert sentence.rule == "uncertain" and "Italy" not in sentence.en and "regions" not in sentence.en
    assert compared(None, {}, None).rule == "none"


@pytest.mark.parametrize(
    ("rank", "word"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (11, "11th"),
        (12, "12th"),
        (21, "21st"),
        (111, "111th"),
    ],
)
def test_english_ordinals(rank, word):
    assert headlines._ordinal(rank) == word


def test_targets_are_counted_and_proposals_only_where_none_is_adopted():
    row = {"stage": "proposal", "geo": "ITG1", "indicator": "births", "period": "2020", "status": "met"}
    assert headlines.targets_stand([]).en == "No target is fixed."
    proposed = headlines.targets_stand([row, {**row, "status": "off_track", "period": None}])
    assert proposed.en == "Targets: 2 proposed, none adopted; met 1; off track 1."
    assert proposed.rests_on == ["ITG1/births/2020"]
    adopted = headlines.targets_stand([row, {**row, "stage": "adopted", "status": "not_assessable"}])
    assert adopted.it == "Obiettivi: 1 adottati; non valutabili 1."


def test_the_headlines_of_a_release_rest_on_its_rows(home: Path):
    report = distretto(home, "refresh", "--offline", "--json")
    assert report.code == 0, report.err
    with duckdb.connect(str(home / "current" / "distretto.duckdb"), read_only=True) as con:
        rows = con.execute(
            "select kind, rule, text_en, text_it, rests_on from headlines order by number"
        ).fetchall()
        for *_, rests_on in rows:
            for geo, indicator, period in (figure.split("/") for figure in rests_on):
                found = con.execute(
                    "select count(value) from indicators where (geo, indicator, period) = (?, ?, ?)",
                    [geo, indicator, period],
                )
                assert found.fetchone() == (1,)
    assert [row[0] for row in rows] == ["level", "comparison"] * 3 + ["targets"]
    births = next(row for row in rows if row[2].startswith("Sicily, 2020: enterprise birth rate"))
    # 8.34 and 6.84 recomputed from bd_size_r3's counts; the three regions above: Calabria, Lazio and Campania
    assert "8.34 %; Italy 6.84 %; 4th highest value of 21 regions" in births[2]
    assert any(row[1] == "none" and "employment rate" in row[2] for row in rows)
    assert [h["text_en"] for h in report.json["headlines"]] == [row[2] for row in rows if row[0] == "level"]
