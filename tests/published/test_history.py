"""What was known when, and where a number comes from."""

from __future__ import annotations

from datetime import timedelta

import duckdb
import pytest

from tests.conftest import distretto
from tests.published.figures import LONG

AS_OF = "select count(*) from (from {db}as_of({moment}) except all from {db}observations)"


def test_as_of_now_is_observations(con):
    assert con.execute(AS_OF.format(db="", moment="now()")).fetchone() == (0,)
    assert (
        con.execute("select count(*) from as_of(now())").fetchone()
        == con.execute("select count(*) from observations").fetchone()
    )
    assert (
        con.execute("describe from as_of(now())").fetchall()
        == con.execute("describe observations").fetchall()
    )


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Los_Angeles"])
def test_as_of_means_the_same_moment_in_every_session(home, zone):
    with duckdb.connect() as session:
        session.execute(f"attach '{home}/current/distretto.duckdb' (read_only); set timezone = '{zone}'")
        first, last = session.execute(
            "select min(known_from at time zone 'Europe/Rome'), max(known_from at time zone 'Europe/Rome') "
            "from distretto.vintages"
        ).fetchone()
        after = f"date '{last.date()}'"
        assert session.execute(AS_OF.format(db="distretto.", moment=after)).fetchone() == (0,)
        assert session.execute(AS_OF.format(db="distretto.", moment=f"'{last.date()}'")).fetchone() == (0,)
        counted = {
            moment: session.execute(f"select count(*) from distretto.as_of({moment})").fetchone()[0]
            for moment in (
                after,
                f"date '{first.date() - timedelta(days=1)}'",
                f"timestamp '{first}'",
                f"timestamptz '{first} Europe/Rome'",
            )
        }
        everything, first_vintage = session.execute(
            "select count(*), count(*) filter (vintage = 1) from distretto.history"
        ).fetchone()
    assert list(counted.values()) == [everything, 0, first_vintage, first_vintage]


def test_the_release_rebuilds_to_identical_rows(home):
    outcome = distretto(home, "release", "rebuild", "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["differing_rows"].keys() >= {
        *LONG,
        "indicators",
        "indicator_inputs",
        "revisions",
        "history",
    }
    assert set(outcome.json["differing_rows"].values()) == {0}
    assert not (home / ".rebuild").exists()


def test_why_shows_the_inputs_of_an_indicator_and_where_they_come_from(home, con):
    outcome = distretto(home, "why", "ITG17/enterprise_birth_rate/2019", "--json")
    assert outcome.code == 0
    (answer,) = outcome.json["answers"]
    assert answer["value"] == pytest.approx(5905 / 62960 * 100)
    assert answer["facts"]["computed from"] == "5,905 / 62,960"
    ((sha256, url),) = con.execute(
        "select sha256, url from snapshots where dataset = 'bd_size_r3'"
    ).fetchall()
    for step, number in zip(answer["inputs"], ("5,905 NR", "62,960 NR"), strict=True):
        assert step["title"].endswith(number)
        assert (step["facts"]["sha256"], step["facts"]["address"]) == (sha256, url)
        assert "2011/833/EU" in step["facts"]["licence"]
        assert "2024-01-12" in step["facts"]["retrieved"]


def test_why_names_the_checks_and_the_headlines_of_a_number(home):
    (answer,) = distretto(home, "why", "ITG1/enterprise_birth_rate/2020", "--json").json["answers"]
    facts = answer["facts"]
    assert "every_row_has_a_unit" in facts["release"] and "failed" not in facts["release"]
    assert "enterprise birth rate 8.34%" in facts["headlines"]
    assert "unique_keys" in answer["inputs"][0]["facts"]["checks"]


def test_why_answers_for_a_code_of_a_dataset(home):
    outcome = distretto(home, "why", "ITG17/V11920/2019", "--json")
    assert sorted(answer["value"] for answer in outcome.json["answers"]) == [42, 1279, 4584, 5905]
    for_people = distretto(home, "why", "ITG17/V11920/2019")
    assert for_people.code == 0
    assert "Catania (ITG17), 2019: 5,905 NR" in for_people.out


@pytest.mark.parametrize(
    ("number", "told"),
    [
        ("ITG17/enterprise_birth_rat/2019", "enterprise_birth_rate"),
        ("ITG17/V1192/2019", "V11920"),
        ("ITG17/V11920/1999", "2008 to 2020, 13 in all"),
        ("QQ/V11920/2019", "no territory QQ"),
    ],
)
def test_why_of_an_unknown_number_tells_near_ones(home, number, told):
    outcome = distretto(home, "why", number, "--json")
    assert (outcome.code, outcome.out) == (1, "")
    assert told in " ".join(outcome.err.split())
