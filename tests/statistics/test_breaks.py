"""Breaks that figures suggest, and the registered ones."""

from __future__ import annotations

import pytest

from sources.errors import SpecError
from tests.statistics.figures import Figures, old
from warehouse.statistics import breaks


def test_a_jump_that_a_country_shares_and_a_spike_are_proposed_with_their_evidence():
    figures = Figures()
    years = [str(year) for year in range(2008, 2020)]
    for place in range(1, 8):
        level = {year: (1000 if year < "2014" else 1500) + int(year) % 3 + place for year in years}
        old(figures, "V11910", f"ITF{place}", level)
    old(figures, "V11930", "ITG17", {year: 500 for year in years} | {"2012": 900})
    found = (
        figures.build()
        .con.execute(
            "select indicator, geo, period, kind, registered, evidence from break_proposals where indicator <> 'x'"
        )
        .fetchall()
    )
    assert ("enterprise_deaths", "ITG17", "2012", "spike", False, "900 in 2012, between 500 and 500") in found


def test_the_registered_breaks_are_read_and_an_odd_one_is_refused(tmp_path, monkeypatch):
    assert {(entry.dataset, entry.kind) for entry in breaks.load()} >= {
        ("bd_size_r3", "level"),
        ("bd_size_r3", "spike"),
        ("bd_hgnace_r", "perimeter"),
    }
    file = tmp_path / "breaks.yml"
    file.write_text("- {dataset: a, period: '2011'}\n")
    monkeypatch.setattr(breaks, "FILE", file)
    with pytest.raises(SpecError, match=r"breaks.yml:1: 0.indicators: missing"):
        breaks.load()
