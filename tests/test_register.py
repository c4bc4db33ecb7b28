"""Registrations and workforce of the business register: indicators from tables that are unproven. Figures are made up."""

from __future__ import annotations

import pytest
import yaml

from tests.conftest import ROOT, World
from tests.statistics.figures import Figures
from warehouse.statistics import series_changes
from warehouse.statistics.comparison import Change
from warehouse.targets.figures import figures

DATASET = "camcom_registrations"


def months(first_year: int, values: list[float | None]) -> dict[str, float | None]:
    """Values by month from January of `first_year`."""
    return {f"{first_year + n // 12}-{n % 12 + 1:02}": value for n, value in enumerate(values)}


def registered(values: dict[str, float | None], geo: str = "ITG17") -> Figures:
    made = Figures()
    made.add(DATASET, geo, values, freq="M", ateco2025="TOTAL", indic_reg="IN_NR")
    made.add(DATASET, geo, values, freq="M", ateco2025="C", indic_reg="IN_NR")
    return made.build()


def change(made: Figures, indicator: str, geo: str = "ITG17", until: str = "9999") -> Change:
    """The change that a page would show; `figures` is not asked, since it leaves unproven figures out."""
    columns = "period, value, flag, reliability, break_before, truncated, dataset, numerator, denominator"
    rows = made.con.execute(
        f"select {columns} from indicators where (indicator, geo) = (?, ?) and period <= ? order by period",
        [indicator, geo, until],
    ).fetchall()
    return series_changes.read(made.con, "distretto").change(indicator, geo, [Row(*row) for row in rows])


class Row:
    """A published row as the rule of change reads it."""

    def __init__(self, *values):
        (
            self.period, self.value, self.flag, self.reliability, self.break_before,
            self.truncated, self.dataset, self.numerator, self.denominator,
        ) = values  # fmt: skip


def test_twelve_months_and_quarters_are_sums_of_months_that_are_all_there():
    made = registered(months(2025, [100 + n for n in range(17)]))
    assert made.values("registrations_3m") == {
        ("ITG17", "2025-Q1"): 303,
        ("ITG17", "2025-Q2"): 312,
        ("ITG17", "2025-Q3"): 321,
        ("ITG17", "2025-Q4"): 330,
        ("ITG17", "2026-Q1"): 339,
    }
    sums = made.values("registrations_12m")
    assert list(sums) == [
        ("ITG17", f"{y}-{m:02}") for y, m in [(2025, 12), *((2026, m) for m in range(1, 6))]
    ]
    assert sums["ITG17", "2025-12"] == sum(range(100, 112)) and sums["ITG17", "2026-05"] == sum(
        range(105, 117)
    )


def test_a_missing_month_is_in_no_sum():
    made = registered(months(2025, [100.0] * 7 + [None] + [100.0] * 16))
    assert ("ITG17", "2025-Q3") not in made.values("registrations_3m")
    assert set(made.values("registrations_12m")) == {("ITG17", f"2026-{m:02}") for m in range(8, 13)}


def test_a_quarter_is_compared_with_the_same_quarter_a_year_earlier():
    """The quarter before has a third of the registrations: a comparison with it would say `up`."""
    season = [900.0] * 3 + [300.0] * 3 + [600.0] * 3 + [300.0] * 3
    made = registered(months(2024, season + [800.0] * 3))
    found = change(made, "registrations_3m")
    assert (found.kind, found.since, round(found.amount or 0, 1)) == ("down", "2024-Q1", -11.1)


def test_twelve_months_are_not_compared_with_twelve_that_share_eleven_of_them():
    made = registered(months(2024, [1000.0] * 12 + [1000.0] * 11 + [2000.0]))
    found = change(made, "registrations_12m")
    assert (found.kind, found.since, round(found.amount or 0, 1)) == ("up", "2024-12", 8.3)


@pytest.mark.parametrize(
    ("indicator", "since"), [("registrations_3m", "2025-Q1"), ("registrations_12m", "2025-05")]
)
def test_without_the_figure_of_a_year_earlier_nothing_is_said(indicator, since):
    made = registered(months(2025, [100.0] * 17))
    if indicator == "registrations_3m":
        made = registered(months(2025, [None] * 3 + [100.0] * 12))
    found = change(made, indicator)
    assert (found.kind, found.since, found.missing_earlier) == ("gap", since, True)


def test_a_break_between_the_two_quarters_forbids_the_comparison():
    made = Figures()
    codes = {"freq": "M", "ateco2025": "TOTAL", "indic_reg": "IN_NR"}
    made.add(DATASET, "ITG17", months(2024, [900.0] * 18), **codes)
    made.build()
    made.con.execute("update indicators set break_before = true where period = '2024-Q4'")
    assert change(made, "registrations_3m").kind == "break"
    made.con.execute("update indicators set break_before = period = '2024-Q2'")
    assert change(made, "registrations_3m").kind == "within_counting_variation"


def test_the_workforce_of_division_26_is_compared_with_a_year_earlier():
    made = Figures()
    for code, factor in (("26", 1), ("27", 10)):
        quarters = {
            "2025-Q2": 5000 * factor,
            "2025-Q3": 5100 * factor,
            "2026-Q1": 5200 * factor,
            "2026-Q2": 5500 * factor,
        }
        made.add("camcom_workforce", "ITG17", quarters, freq="Q", ateco2025=code, indic_reg="WF_NR")
        made.add("camcom_workforce", "ITG17", {"2026-Q2": 7}, freq="Q", ateco2025=code, indic_reg="LOC_NR")
    made.build()
    assert made.values("workforce_26")["ITG17", "2026-Q2"] == 5500
    found = change(made, "workforce_26")
    assert (found.kind, found.since, round(found.amount or 0)) == ("up", "2025-Q2", 10)


def test_headlines_watches_and_targets_get_no_unproven_figure():
    made = registered(months(2025, [100.0] * 17))
    made.con.execute("create table district as select * from indicators limit 0")
    pair = ("registrations_3m", "ITG17")
    assert figures(made.con, "distretto", [pair]) == {pair: []}
    made.con.execute("update catalogue set status = 'live'")
    assert len(figures(made.con, "distretto", [pair])[pair]) == 5


def test_status_names_the_tables_that_nobody_has_seen_until_an_operator_confirms_them(world: World):
    told = " ".join(world.run("status").out.split())
    assert told.count("Unproven, ") == 1 and "camcom_active, camcom_cancellations" in told
    states = world.run("status", "--json").json["datasets"]
    assert states["camcom_workforce"]["unproven"] is True and states["toy"]["unproven"] is False
    shipped = yaml.safe_load((ROOT / "sources" / "catalogue" / "camcom_workforce.yml").read_text())
    (world.entries / "camcom_workforce.yml").write_text(yaml.safe_dump(shipped | {"status": "live"}))
    assert world.run("status", "--json").json["datasets"]["camcom_workforce"]["unproven"] is False
    assert "missing, unproven" in " ".join(world.run("status", "--all").out.split())
