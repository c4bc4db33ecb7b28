"""A figure before and after its revision: the same answers by core, JSON, text, address, command and SQL."""

from __future__ import annotations

from datetime import timedelta

import duckdb
import pytest
import requests

from sources.data_folder import DataFolder
from tests.conftest import distretto
from tests.figures.conftest import Vintages
from tests.test_serve import LONGEST, served
from warehouse.publishing import citation, figures
from warehouse.publishing.release import roll_back
from warehouse.publishing.releases import find, newest, reading
from warehouse.publishing.resolve import Known
from warehouse.publishing.verdicts import verify

NAMED = ("ITG17", "enterprise_births", "2019")


@pytest.fixture(scope="module")
def opened(vintages: Vintages):
    with reading(newest(DataFolder(vintages.home))) as con:
        yield con, Known.read(con)


def sql(con: duckdb.DuckDBPyConnection, moment: str) -> float:
    (row,) = con.execute(
        f"select value from indicators_as_of(timestamptz '{moment}') where (geo, indicator, period) = {NAMED}"
    ).fetchall()
    return float(row[0])


def test_every_way_to_ask_gives_the_same_two_answers(vintages: Vintages, opened):
    con, known = opened
    before, after = (
        look.built_at if at else look.figures[0].known_since
        for at, look in enumerate([figures.look_up(con, known, *NAMED)] * 2)
    )
    assert f"{before:%Y%m%dT%H%M%SZ}" == vintages.first and f"{after:%Y%m%dT%H%M%SZ}" == vintages.second
    with served(DataFolder(vintages.home)) as address:
        for moment, expected in ((before, 90.0), (after - timedelta(seconds=1), 90.0), (after, 93.0)):
            at = citation.stamp(moment)
            asked = f"{address}/figure/{'/'.join(NAMED)}?asOf={at}"
            answer = figures.look_up(con, known, *NAMED, moment)
            by_core = answer.figures[0].then.value
            by_json = requests.get(asked, timeout=LONGEST).json()["figures"][0]["then"]["value"]
            by_text = requests.get(asked, headers={"accept": "text/plain"}, timeout=LONGEST).text
            page = requests.get(asked, headers={"accept": "text/html"}, timeout=LONGEST)
            assert by_core == by_json == sql(con, moment.isoformat()) == expected
            assert citation.as_json(answer)["figures"][0]["then"]["value"] == expected
            assert f"\n{expected:g}\n" in by_text and f'<p class="finding">{expected:g}</p>' in page.text
            said = distretto(
                vintages.home,
                "verify-figure",
                f"Catania enterprise_births 2019 {expected:g}",
                "--as-of",
                at,
                "--json",
            )
            assert (said.code, said.json["outcome"], said.json["value"]) == (0, "right", expected), said.err
            claim = {"claim": f"Catania enterprise_births 2019 {expected:g}", "asOf": at}
            by_address = requests.get(f"{address}/verify-figure", claim, timeout=LONGEST).json()
            assert by_address == said.json


def test_what_was_right_when_published_is_told_from_what_is_wrong(vintages: Vintages, opened):
    con, known = opened
    old = verify(con, known, "Catania enterprise_births 2019 90")
    assert old.outcome == "revised" and "93" in old.sentence["en"] and "90" in old.sentence["en"]
    assert "2 January 2026" in old.sentence["en"].replace("\xa0", " ")
    assert verify(con, known, "Catania enterprise_births 2019 91").outcome == "wrong"
    said = distretto(vintages.home, "verify-figure", "nascite d'impresa Catania 2019 90")
    assert said.code == 1 and said.out.startswith("Right when published, revised since")
    assert distretto(vintages.home, "verify-figure", "x", "--as-of", "someday").code == 2


def test_the_figure_says_that_it_was_revised_and_when(opened):
    con, known = opened
    first = figures.look_up(con, known, *NAMED).figures[0].known_since
    (figure,) = figures.look_up(con, known, *NAMED, first).figures
    assert (figure.status, figure.then.value, figure.today.value) == ("revised", 90.0, 93.0)
    assert figure.then.flag == "p" and figure.then.provisional and not figure.today.provisional
    assert figure.revised_at == figure.versions[-1].known_from
    assert "93" in citation.plain_text(figures.look_up(con, known, *NAMED, first), "it").splitlines()[-5]


def test_a_citation_names_its_moment_and_what_it_was_computed_from(opened, monkeypatch):
    con, known = opened
    answer = figures.look_up(con, known, *NAMED)
    cited = citation.cited(answer, answer.figures[0])
    assert cited.address == f"/figure/ITG17/enterprise_births/2019?asOf={citation.stamp(answer.built_at)}"
    assert "93" in cited.apa("it") and "http" not in cited.apa("it").replace("https://ec.europa.eu", "")
    named = citation.publisher().model_copy(update={"address": "https://data.example.org"})
    monkeypatch.setattr(citation, "publisher", lambda: named)
    assert cited.apa("en").endswith(
        f" https://data.example.org{'/'.join(['', 'figure', *NAMED])}?asOf={citation.stamp(answer.built_at)}"
    )
    assert "url = {https://data.example.org/figure/" in cited.bibtex() and r"bd\_size\_r3" in cited.bibtex()


def test_after_a_rollback_nothing_cited_changes(vintages: Vintages):
    home = DataFolder(vintages.home)
    place = f"/figure/{'/'.join(NAMED)}"
    with served(home) as address:
        before = requests.get(f"{address}{place}?asOf={vintages.second}", timeout=LONGEST).json()
        roll_back(home, find(home, vintages.first))
        try:
            today = requests.get(f"{address}{place}", timeout=LONGEST).json()["figures"][0]
            after = requests.get(f"{address}{place}?asOf={vintages.second}", timeout=LONGEST).json()
        finally:
            roll_back(home, find(home, vintages.second))
    assert today["then"]["value"] == today["today"]["value"] == 90.0
    assert after["address"] == before["address"] and after["final"]
    assert (
        after["figures"][0]["then"] == before["figures"][0]["then"]
        and after["figures"][0]["then"]["value"] == 93.0
    )
    assert after["figures"][0]["citation"] == before["figures"][0]["citation"]
