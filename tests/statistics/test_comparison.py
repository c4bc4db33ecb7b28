"""What may be said of a change: the rule on made-up figures, and on the real business demography of Italy."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.common.units import unit
from tests.statistics.real import business_demography
from tests.target_examples import figure
from warehouse.statistics import series_changes
from warehouse.statistics.comparison import SIZED, Change, Rules, compare
from warehouse.statistics.ranking import rank
from warehouse.targets.assessment import Figure
from warehouse.targets.figures import figures

COUNT = Rules(unit("NR"), "counts")
SHARE = Rules(unit("PC"), "shares")
SURVEY = Rules(unit("PC"), "none", "survey")


def count(period: str, number: float, **more: object) -> Figure:
    return replace(figure(period, number), numerator=number, **more)


def share(period: str, number: float, of: float, **more: object) -> Figure:
    return replace(figure(period, 100 * number / of, unit="PC"), numerator=number, denominator=of, **more)


@pytest.mark.parametrize(
    ("now", "before", "rules", "kind"),
    [
        (count("2020", 22993), count("2019", 24825), COUNT, "down"),
        (count("2020", 24825), count("2019", 22993), COUNT, "up"),
        (count("2020", 3366), count("2019", 3336), COUNT, "within_counting_variation"),
        (count("2020", 624), count("2019", 638), COUNT, "within_counting_variation"),
        # one test rejects at 5 %, yet the change is below 1 %
        (count("2020", 1_005_000), count("2019", 1_000_000), COUNT, "stable"),
        (share("2020", 384, 620), share("2019", 300, 600), SHARE, "up"),
        (share("2020", 384, 620), share("2019", 360, 600), SHARE, "within_counting_variation"),
        (figure("2020", 10.4), figure("2019", 10.0), SURVEY, "up"),
        (figure("2020", 10.04), figure("2019", 10.0), SURVEY, "stable"),
        (figure("2020", 1003.0), figure("2019", 1000.0), Rules(unit("PER")), "stable"),
        (
            figure("2020", 20100.0),
            figure("2019", 19000.0),
            Rules(unit("EUR_HAB"), current_prices=True),
            "nominal",
        ),
        (count("2020", 9, break_before=True), count("2019", 900), COUNT, "break"),
        (count("2020", 9, dataset="b"), count("2019", 900), COUNT, "break"),
        (count("2020", 900), count("2017", 90), COUNT, "gap"),
        (count("2020", 4, reliability="C"), count("2019", 90), COUNT, "unreliable"),
        (count("2020", 90), count("2019", 4, reliability="C"), COUNT, "unreliable"),
        (count("2020", 900, flag="p"), count("2019", 90), COUNT, "unequal_maturity"),
        (count("2020", 900, flag="p"), count("2019", 90, flag="p"), COUNT, "unequal_maturity"),
        (count("2020", 900, truncated=True), count("2019", 90), COUNT, "unequal_maturity"),
        (count("2020", 900), None, COUNT, "new"),
        (None, None, COUNT, "none"),
    ],
)
def test_each_kind_of_change(now, before, rules, kind):
    change = compare(now, before, rules)
    assert change.kind == kind
    assert (change.amount is not None) == (kind in SIZED)


def test_a_flagged_figure_is_compared_once_the_triangle_shows_neutral_revisions():
    now, before = count("2020", 900, flag="p"), count("2019", 1200)
    assert compare(now, before, COUNT, revisions_neutral=True).kind == "down"
    assert compare(now, before, COUNT, revisions_neutral=True, break_proposed=True).kind == "break_proposed"


def test_figures_with_different_numbers_of_revisions_due_have_no_direction():
    now, before = count("2020", 900), count("2019", 1200)
    assert compare(now, before, COUNT, revisions_due=(2, 1)).kind == "unequal_maturity"
    assert compare(now, before, COUNT, revisions_due=(1, 1)).kind == "down"


def test_a_survey_s_change_is_said_without_certainty():
    change = compare(figure("2020", 10.4), figure("2019", 10.0), SURVEY)
    assert change.sampling_error_unknown and not change.tested and change.amount_unit == "PP"


@given(st.floats(1e-300, 1e12), st.floats(0, 1e-9))
def test_a_change_from_nearly_nothing_is_said_in_the_figure_s_own_unit(now, before):
    change = compare(figure("2020", now), figure("2019", before), Rules(unit("NR")))
    assert change.amount is not None and math.isfinite(change.amount)
    assert change.amount_unit == "NR" or abs(change.amount) <= 1000


def test_unusual_is_said_from_eight_comparable_changes_on_and_silences_nothing():
    earlier = [count(str(2010 + i), 1000 + 10 * (i % 3)) for i in range(9)]
    now, before = count("2019", 1500), earlier[-1]
    assert compare(now, before, COUNT, earlier=earlier[1:]).unusual is True
    assert compare(now, before, COUNT, earlier=earlier[2:]).unusual is None
    noisy = [count(str(2010 + i), 1000 * (1 + i % 2)) for i in range(9)]
    change = compare(now, noisy[-1], COUNT, earlier=noisy)
    assert (change.kind, change.unusual) == ("up", False)


# -- the real figures


def _change(indicator: str, geo: str) -> Change:
    con = business_demography("IT").con
    series = figures(con, "distretto", [(indicator, geo)])[indicator, geo]
    return series_changes.read(con, "distretto").change(indicator, geo, series)


@pytest.mark.parametrize(
    ("geo", "kind", "percent"),
    [
        ("ITG1", "down", -7.4),
        ("ITG17", "down", -6.9),
        ("ITG13", "within_counting_variation", 0.9),
        ("ITG16", "within_counting_variation", -2.2),
    ],
)
def test_births_of_2020_fall_in_sicily_and_catania_and_do_not_change_in_messina_and_enna(geo, kind, percent):
    change = _change("enterprise_births", geo)
    assert (change.kind, change.since, round(change.amount or 0, 1)) == (kind, "2019", percent)


@pytest.mark.parametrize("geo", ["IT", "ITG1", "ITG17"])
@pytest.mark.parametrize(
    "indicator",
    ["enterprise_deaths", "enterprise_death_rate", "enterprise_churn", "enterprise_net_turnover"],
)
def test_what_rests_on_the_deaths_of_2019_has_no_direction(indicator, geo):
    change = _change(indicator, geo)
    assert (change.kind, change.direction, change.amount) == ("unequal_maturity", None, None)


def test_net_growth_rests_on_final_stocks_and_has_a_direction():
    assert _change("enterprise_net_growth", "ITG1").kind == "up"


def test_an_open_break_proposal_leaves_no_direction():
    assert _change("persons_employed_births", "ITG1").kind == "break_proposed"


def test_enna_s_survival_is_first_to_fourth_of_nine():
    con = business_demography("IT").con
    provinces = [f"ITG1{number}" for number in range(1, 10)]
    found = figures(con, "distretto", [("enterprise_survival_3y", geo) for geo in provinces])
    of_2020 = {geo: series[-1] for (_, geo), series in found.items()}
    rules = series_changes.read(con, "distretto").rules["enterprise_survival_3y"]
    enna = rank(of_2020, "ITG16", rules, "up")
    assert enna is not None
    assert (enna.place, enna.low, enna.high, enna.among) == (1, 1, 4, 9)
