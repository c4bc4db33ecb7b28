"""Units: every unit in use is registered, and a file that names another one is refused with its line."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from sources.catalogue import load_catalogue
from sources.common import units as registry
from sources.common.units import codes, unit, unit_or_unknown, units
from sources.errors import SpecError, UnknownUnit
from tests.conftest import ROOT
from tests.test_spec import ENTRY
from warehouse.statistics import indicators


def test_every_unit_has_a_label_in_both_languages_and_a_sign_in_both_or_none():
    for code, one in units().items():
        assert one.code == code and one.label.it and one.label.en, code
        assert bool(one.sign.it) == bool(one.sign.en), code


def test_every_unit_in_use_is_registered():
    with open(ROOT / "tests" / "specimens" / "eurostat_codes.csv", encoding="utf-8", newline="") as file:
        next(file)
        used = {row["code"] for row in csv.DictReader(file) if row["dimension"] == "unit"}
    for dataset in load_catalogue().values():
        if isinstance(dataset.unit, dict):
            used |= {code for named in dataset.unit.values() for code in named.values()}
    used |= {indicator.header["unit"] for indicator in indicators.load_indicators()}
    assert used <= set(units())


def test_the_kind_says_how_a_unit_is_treated():
    assert {unit(code).kind for code in ("NR", "PER", "THS", "THS_PER", "FTE")} == {"count"}
    assert unit("MIO_EUR").adds_up and unit("NR").adds_up
    assert not any(unit(code).adds_up for code in ("PC", "EUR_HAB", "P_MHAB", "RATIO", "AVG"))
    assert all(unit(code).changes_in_points for code in ("PC", "PC_ACT", "PC_EMP", "PC_POP", "PC_GDP"))
    assert not any(unit(code).changes_in_points for code in ("PER_1000", "NR", "RATIO", "EUR_HAB"))
    assert (unit("PC").scale, unit("PER_10THS_HAB").scale, unit("THS").scale) == (100, 10_000, 0.001)
    assert unit("EUR_HAB").sign.it == " €" and unit("NR").sign.en == ""
    assert set(codes("count", "money")) == {code for code, one in units().items() if one.adds_up}


def test_an_unknown_code_is_refused_with_the_nearest_one():
    with pytest.raises(UnknownUnit, match="'PER_10TH_HAB' is unknown; did you mean PER_10THS_HAB"):
        unit("PER_10TH_HAB")


def test_a_code_that_only_a_provider_knows_is_shown_by_itself():
    one = unit_or_unknown("KG_HAB")
    assert (one.kind, one.label.it, one.sign.it, one.scale) == ("unknown", "KG_HAB", "", None)
    assert unit_or_unknown("PC") is unit("PC")


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("indic_sb: {V11920: NR}", "indic_sb: {V11920: NUMBER}", 8),
        ("unit:\n  indic_sb: {V11920: NR}", "unit: PCT", 7),
        ("unit:\n  indic_sb: {V11920: NR}", "unit:\n  indic_sb:\n    V11920: NR\n    V11910: nr", 10),
    ],
)
def test_an_entry_that_names_an_unknown_unit_is_refused_with_its_line(tmp_path, monkeypatch, old, new, line):
    folder = tmp_path / "catalogue"
    folder.mkdir()
    monkeypatch.setenv("DISTRETTO_CATALOGUE", str(folder))
    assert ENTRY.count(old) == 1
    (folder / "toy.yml").write_text(ENTRY.replace(old, new))
    with pytest.raises(SpecError, match=rf"toy\.yml:{line}: unit.* is unknown"):
        load_catalogue()


def test_an_indicator_header_that_names_an_unknown_unit_is_refused_with_its_line(tmp_path):
    good = ROOT / "warehouse" / "statistics" / "indicators" / "gdp.sql"
    text = good.read_text(encoding="utf-8")
    assert text.count("-- unit: EUR_HAB\n") == 1
    line = text[: text.index("-- unit: EUR_HAB")].count("\n") + 1
    path = Path(tmp_path / "gdp.sql")
    path.write_text(text.replace("-- unit: EUR_HAB\n", "-- unit: EUR_HEAD\n"), encoding="utf-8")
    with pytest.raises(
        SpecError, match=rf"gdp\.sql:{line}: unit: 'EUR_HEAD' is unknown; did you mean EUR_HAB"
    ):
        indicators._family(path)


def test_the_registry_itself_is_checked(tmp_path, monkeypatch):
    path = tmp_path / "units.yml"
    path.write_text(
        "NR: {kind: count, label: {it: Numero, en: Number}}\nPC: {kind: share, label: {it: a, en: b}}\n"
    )
    monkeypatch.setattr(registry, "_FILE", path)
    units.cache_clear()
    try:
        with pytest.raises(SpecError, match=r"units\.yml:2: PC\.kind"):
            units()
    finally:
        units.cache_clear()
