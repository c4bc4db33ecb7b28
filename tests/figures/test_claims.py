"""Claims about figures as people write them: what each is understood as, and what came of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from warehouse.publishing.claims import Claim, read_number
from warehouse.publishing.figures import Figure, Origin, Version
from warehouse.publishing.verdicts import as_json, judge, verify

# Catania 2019: birth rate 9.378970775 %, births 5,905; Sicily 2019: birth rate 9.137655607 %, jobs 1,518.4 thousand
CLAIMS = {
    "ITG17 enterprise_birth_rate 2019 9.38": "right",
    "tasso di natalita' Catania 2019 9,38": "right",
    "tasso di natalità delle imprese, Catania, 2019: 9,4 %": "right",
    "Nel 2019 il tasso di natalità delle imprese a Catania era pari al 9,38 per cento.": "right",
    "9.38 percent was the birth rate of Catania in 2019": "right",
    "Sicily/enterprise_birth_rate/2019 9.1377": "right",
    "ITG17 enterprise_birth_rate 2019 9.378970775095299": "right",
    "nascite d'impresa Catania 2019 5.905": "right",
    "Enterprise births, Catania, 2019: 5,905": "right",
    "a Catania nel 2019 5,9 mila nascite d'impresa": "right",
    "enterprise births Catania 2019 5 905": "right",
    "ITG17 V11920 2019 5905": "right",
    "jobs ITG1 2019 1518,4": "right",
    "jobs ITG1 2019 1,5184 million": "right",
    "ITG17 enterprise_birth_rate 2019 9.37": "rounding",
    "nascite d'impresa Catania 2019 5900": "rounding",
    "ITG17 enterprise_birth_rate 2019 0.0938": "share_for_percent",
    "jobs ITG1 2019 1518400": "other_scale",
    "ITG17 enterprise_birth_rate 2019 9.5": "wrong",
    "ITG17 enterprise_birth_rate 2019 -9.38": "wrong",
    "nascite d'impresa Catania 2019 5.904": "wrong",
    "ITG17 enterprise_births 2019 5905 %": "wrong",
    "ITG17 enterprise_births 2019 0": "wrong",
    "tasso di felicità Catania 2019 9,38": "not_verifiable",
    "tasso di natalità femminile Catania 2019 9,38": "not_verifiable",
    "tasso di occupazione Sicilia 2019 47,1": "not_verifiable",
    "tasso di natalità Catana 2019 9,38": "not_verifiable",
    "tasso di natalità Catania e Messina 2019 9,38": "not_verifiable",
    "tasso di natalità Catania 1950 9,38": "not_verifiable",
    "tasso di natalità Catania 9,38": "not_verifiable",
    "tasso di natalità Catania 2019": "not_verifiable",
    "tasso di natalità Catania 2019 12.34.5": "not_verifiable",
    "ITG17 V11920 2019 5": "not_verifiable",
    f"ITG17 enterprise_births 2019 0.{'0' * 380}1": "not_verifiable",
    f"ITG17 enterprise_births 2019 {'9' * 380}": "not_verifiable",
    "Catania 2019 9,38": "not_verifiable",
    "al enterprise_births 2019 5": "not_verifiable",
    "'; drop table release; -- 2019 9": "not_verifiable",
    "\x00": "not_verifiable",
    "x" * 5000: "not_verifiable",
    "": "not_verifiable",
}  # fmt: skip


@pytest.mark.parametrize("text", CLAIMS)
def test_a_claim_comes_to_one_outcome(con, known, text: str):
    verdict = verify(con, known, text)
    assert verdict.outcome == CLAIMS[text], verdict.sentence
    assert verdict.right == (verdict.outcome == "right")
    for sentence in verdict.sentence.values():
        assert sentence.endswith(".") and "None" not in sentence and "{" not in sentence


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("tasso di natalita' Catana 2019 9,38", "Catania"),
        ("enterprise_birth_rat Catania 2019 9,38", "enterprise_birth_rate"),
        ("tasso di occupazione Sicilia 2019 47,1", "employment_rate"),
        ("tasso di felicita' Catania 2019 9,38", "enterprise_birth_rate"),
    ],
)
def test_an_unclear_name_is_answered_with_near_ones_and_no_number(con, known, text: str, near: str):
    found = as_json(verify(con, known, text))
    assert near in found["near"]
    assert (found["value"], found["agrees_with"], found["address"]) == (None, None, None)


def test_a_wrong_claim_is_answered_with_the_true_value(con, known):
    verdict = verify(con, known, "tasso di natalita' Catania 2019 9,5")
    assert "9,38%" in verdict.sentence["it"] and "9.38%" in verdict.sentence["en"]
    found = as_json(verdict)
    assert found["value"] == pytest.approx(9.378970775) and found["address"].startswith("/figure/ITG17/")


@pytest.mark.parametrize(
    ("token", "values"),
    [
        ("9,38", [9.38]), ("9.38", [9.38]), ("1.234", [1.234, 1234]), ("1,234", [1.234, 1234]), ("0,938", [0.938]),
        ("1.234,5", [1234.5]), ("1,234.5", [1234.5]), ("1.234.567", [1234567]), ("22'993", [22993]), ("−1,5", [-1.5]),
        ("+2", [2]), ("7%", [7]), ("1.23.4", []), ("1,2,3", []), ("٣", []), ("1e5", []), ("", []), ("9..3", []),
    ],
)  # fmt: skip
def test_a_number_has_every_reading_that_its_marks_allow(token: str, values: list[float]):
    assert sorted(number.value for number in read_number(token)) == pytest.approx(values)


NOW = datetime(2026, 1, 1, tzinfo=UTC)


def judged(value: float | None, unit: str, number: str, percent: bool = False) -> str:
    version = Version(NOW, False, value, unit, "", "trial", None, False)
    origin = Origin("trial", *(None,) * 13)
    figure = Figure(
        "x", "ITG1", "2019", "indicator", {}, "current", version, version, None, (version,), origin, ()
    )
    claim = Claim("", "sicilia", "x", "2019", number, read_number(number), percent, None)
    return judge(claim, figure)[0]


def test_a_percentage_of_a_share_is_right_and_without_its_sign_it_is_not():
    assert judged(0.4321, "RATIO", "0,43") == "right"
    assert judged(0.4321, "RATIO", "43,2", percent=True) == "right"
    assert judged(0.4321, "RATIO", "43,2") == "percent_for_share"
    assert judged(43.21, "PC", "0,432") == "share_for_percent"
    # one digit says too little to find another unit in it
    assert judged(43.21, "PC", "0,4") == "wrong"


def test_a_figure_without_a_value_cannot_confirm_or_refute():
    assert judged(None, "PC", "9,38") == "not_verifiable"
