"""Plausible lies in two whole real tables are refused or said, and genuine revisions of the same tables pass.

The bodies are made of the real ones by SQL on staged files and judged by the entry's checks beside a warehouse that holds the
real figures. Belongs here: one body after another. Whole nights are in `test_job_plausibility.py`, the budget of false alarms in
`false_alarms.py`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bodies import LAST, Bench, bench
from tests.conftest import SPECIMENS

TABLES = ("nama_10r_3gdp", "bd_size_r3")
# codes of a kind that are told apart: the first is made wrong, the second is exchanged with it
CODE = {"nama_10r_3gdp": ("unit", "MIO_EUR", "EUR_HAB"), "bd_size_r3": ("indic_sb", "V11920", "V11910")}
PROVINCES = "case geo when 'ITG17' then 'ITG12' when 'ITG12' then 'ITG17' else geo end"


def lies(table: str) -> dict[str, dict[str, str]]:
    """SQL for what is wrong in each lie, by its name."""
    dimension, code, other = CODE[table]
    last = f"max(period) filter (value is not null and geo = 'ITG17') over (partition by {dimension})"
    return {
        "all x1000": {"value": "value * 1000"},
        "one unit x1000": {"value": f"if({dimension} = '{code}', value * 1000, value)"},
        "one country x2": {"value": "if(geo like 'IT%', value * 2, value)"},
        "one province x10": {"value": "if(geo = 'ITG17', value * 10, value)"},
        "one province x10 in the last year": {
            "value": f"if(geo = 'ITG17' and period = {last}, value * 10, value)"
        },
        "one province x10 in one unit": {
            "value": f"if(geo = 'ITG17' and {dimension} = '{other}', value * 10, value)"
        },
        "duplicated keys": {
            "also": "select series, period, value, flag, conf from figures where hash(series, period) % 5000 = 0"
        },
        "two provinces swapped": {"geo": PROVINCES},
        "two provinces swapped and revised by 2 %": {"geo": PROVINCES, "value": "value * 1.02"},
        "years shifted by one": {"period": "(period::int + 1)::varchar"},
        "all zeros": {"value": "0.0"},
        "51 % of the rows": {"where": "hash(series, period) % 100 < 51"},
        "a unit swapped": {
            dimension: f"case {dimension} when '{code}' then '{other}' when '{other}' then '{code}' else {dimension} end"
        },
        "a decimal comma lost in 5 %": {"value": "if(hash(series, period) % 20 = 0, value * 10, value)"},
        "a decimal comma lost in 0.5 %": {"value": "if(hash(series, period) % 200 = 0, value * 1000, value)"},
    }


GENUINE = {
    "the real body again": {},
    "3 % in all years": {"value": "value * 1.03"},
    "between 2 and 4 %": {"value": "value * (1.02 + hash(series, period) % 1000 / 50000)"},
    "10 % in one country": {"value": "if(geo like 'DE%' or geo like 'FR%', value * 1.1, value)"},
    "10 % in our country": {"value": "if(geo like 'IT%', value * 1.1, value)"},
    # where the table has both codes, the earlier ones are the territories that are renamed
    "new NUTS codes": {
        "geo": "case geo when 'FRB01' then 'FR241' when 'FRB02' then 'FR242' else geo end",
        "where": "geo not in ('FR241', 'FR242')",
    },
}


@pytest.fixture(scope="session", params=TABLES)
def real(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """A warehouse that holds the whole real table."""
    if not SPECIMENS.is_dir():
        pytest.skip(f"real provider files are not here: {SPECIMENS} (set DISTRETTO_SPECIMENS)")
    with bench(request.param, tmp_path_factory.mktemp(request.param)) as made:
        yield made


def refused(table: Bench, **changes: str) -> dict[str, str]:
    """What each check that refuses the changed body says."""
    return {r.name: r.observed for r in table.judge(table.made(**changes)) if r.refuses}


@pytest.mark.long
@pytest.mark.parametrize("lie", lies(TABLES[0]))
def test_a_plausible_lie_is_refused(real: Bench, lie: str):
    assert refused(real, **lies(real.dataset.id)[lie])


@pytest.mark.long
@pytest.mark.parametrize("revision", GENUINE)
def test_a_genuine_revision_passes(real: Bench, revision: str):
    if revision.startswith(("3", "10", "between")):
        # a rate that is multiplied may pass 100 %; this is about how far figures move
        found = refused(real, **GENUINE[revision])
        found.pop("ranges", None)
        assert found == {}
    else:
        assert refused(real, **GENUINE[revision]) == {}


@pytest.mark.long
def test_two_added_years_pass(real: Bench):
    """Amounts grow; rates stay, since one of 99 % cannot grow by 4."""
    amounts = "true"
    if isinstance(real.dataset.unit, dict):
        ((dimension, named),) = real.dataset.unit.items()
        rates = ", ".join(f"'{code}'" for code, unit in named.items() if unit == "PC")
        amounts = f"{dimension} not in ({rates})"
    added = real.made(
        also=f"select series, (period::int + 2)::varchar as period, if({amounts}, value * 1.04, value) as value, flag, conf "
        f"from figures join s using (series) where period::int > {LAST[real.dataset.id]} - 2"
    )
    assert {r.name: r.observed for r in real.judge(added) if r.refuses} == {}


def test_per_head_figures_that_contradict_total_and_population_are_refused(tmp_path: Path):
    if not SPECIMENS.is_dir():
        pytest.skip(f"real provider files are not here: {SPECIMENS} (set DISTRETTO_SPECIMENS)")
    with bench("nama_10r_3gdp", tmp_path) as gdp:
        wrong = {"value": "if(unit like '%HAB' and geo = 'ITG17', value * 1.3, value)"}
        said = refused(gdp, **wrong)["per_head"]
        assert "ITG17 EUR_HAB" in said or "ITG17 PPS_EU27_2020_HAB" in said
        # a first body has no past: whose parts do not add up to it is refused all the same
        first = {"value": "if(unit = 'EUR_HAB' and geo = 'ITG1', value * 3, value)"}
        with bench("nama_10r_3gdp", tmp_path / "empty", hold=False) as nothing:
            assert list(refused(nothing, **first)) == ["per_head"]
            assert refused(nothing) == {}


@pytest.mark.long
def test_a_message_names_territory_indicator_period_and_both_values(real: Bench):
    dimension, code, _ = CODE[real.dataset.id]
    said = refused(real, value=f"if(geo = 'ITG17' and {dimension} = '{code}', value * 10, value)")
    place = said["revisions"]
    assert f"ITG17, {code}" in place and "factor 10" in place
    assert " before, now " in place
