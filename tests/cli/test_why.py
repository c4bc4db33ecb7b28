"""`why`: names of territories in both languages, and messages that name what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import distretto


@pytest.mark.long
@pytest.mark.parametrize(
    ("territory", "geo"),
    [
        ("ITG17", "ITG17"),
        ("itg17", "ITG17"),
        ("Catania", "ITG17"),
        ("SICILIA", "ITG1"),
        ("Sicily", "ITG1"),
        ("Italia", "IT"),
        ("Valle d'Aosta", "ITC2"),
        ("vallee d aoste", "ITC2"),
        ("provincia autonoma di Bolzano", "ITH1"),
    ],
)
def test_a_territory_is_found_by_code_and_by_name(home: Path, territory: str, geo: str):
    outcome = distretto(home, "why", f"{territory}/enterprise_births/2019", "--json")
    assert outcome.code == 0, outcome.err
    assert (outcome.json["geo"], outcome.json["period"]) == (geo, "2019") and outcome.json["answers"]


def test_an_indicator_is_found_by_its_title_too(home: Path):
    by_id = distretto(home, "why", "Catania/enterprise_births/2019", "--json").json
    assert distretto(home, "why", "Catania/Enterprise births/2019", "--json").json == by_id


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("catana/enterprise_births/2019", ("no territory catana", "similar names: Catania")),
        (
            "Catania/enterprise_birts/2019",
            ("no indicator enterprise_birts", "similar names: enterprise_births"),
        ),
        ("Catania/enterprise_births/2031", ("enterprise_births of Catania (ITG17) for 2031", "2008 to 2020")),
        ("Catania/enterprise_births/last", ("for last", "2008 to 2020")),
        ("Catania/enterprise_births/2019-Q1", ("for 2019-Q1", "2008 to 2020")),
        ("France/enterprise_births/2019", ("France (FR) for any period", "there are figures of ")),
    ],
)
def test_what_is_missing_is_named_with_what_there_is(home: Path, number: str, said: tuple[str, ...]):
    outcome = distretto(home, "why", number)
    assert (outcome.code, outcome.out) == (1, "")
    assert all(words in outcome.err for words in said), outcome.err


def test_counts_have_no_decimals_and_a_rounded_value_is_given_exactly_too(home: Path):
    count = distretto(home, "why", "Catania/enterprise_births/2019").out
    assert "2019: 5,905 NR" in count and "exact value" not in count.split("from bd_size_r3")[0]
    births = distretto(home, "why", "Sicily/enterprise_births/2020").out
    assert "22,697 to 23,292 (95 %, poisson)" in births
    rate = distretto(home, "why", "Sicily/enterprise_birth_rate/2019").out
    assert "2019: 9.14%" in rate and "9.137656" in rate


def test_an_unknown_dataset_of_export_is_answered_with_similar_names(home: Path):
    outcome = distretto(home, "export", "bd_size_r")
    assert outcome.code == 1 and "bd_size_r3" in outcome.err
