"""`/figure/GEO/INDICATOR/PERIOD` and `/verify-figure`: forms, languages, and what is refused in words."""

from __future__ import annotations

import pytest

from tests.service.test_data import get, refusal

PLACE = "/figure/ITG17/enterprise_birth_rate/2019"


@pytest.mark.parametrize(
    ("address_", "accept", "media_type"),
    [
        (PLACE, "", "application/json"),
        (PLACE, "application/json", "application/json"),
        (PLACE, "text/plain", "text/plain"),
        (PLACE, "text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        (f"{PLACE}.json", "text/html", "application/json"),
        (f"{PLACE}.txt", "", "text/plain"),
        (f"{PLACE}?format=html", "", "text/html"),
    ],
)
def test_a_figure_comes_as_page_json_or_text(address: str, address_: str, accept: str, media_type: str):
    answer = get(address + address_, **({"accept": accept} if accept else {}))
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, media_type)
    assert "9.378970775095299" in answer.text and "Eurostat" in answer.text
    assert 'rel="canonical"' in answer.headers["link"]


def test_the_json_has_the_figure_its_origin_and_its_citation(address: str, con):
    found = get(address + PLACE).json()
    (figure,) = found["figures"]
    value, release = con.execute(
        "select value, (select release_id from release) from indicators "
        "where (geo, indicator, period) = ('ITG17', 'enterprise_birth_rate', '2019')"
    ).fetchone()
    assert figure["then"]["value"] == figure["today"]["value"] == value and found["release"] == release
    assert figure["then"]["interval"]["level"] == 0.95 and figure["then"]["reliability"] == "A"
    assert figure["origin"]["licence"] and figure["origin"]["sha256"] and figure["status"] == "current"
    assert found["address"] in get(address + found["address"]).json()["address"]
    assert figure["citation"]["bibtex"].startswith("@misc{ITG17-enterprise_birth_rate-2019-")


def test_names_lead_to_the_address_of_the_codes(address: str):
    answer = get(f"{address}/figure/Catania/Tasso di natalità delle imprese/2019A?lang=en&format=text")
    assert answer.text.startswith("Enterprise birth rate, Catania (ITG17), 2019\n")
    assert f"<{PLACE}?asOf=" in answer.headers["link"]


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        ("/figure/Catana/enterprise_births/2019", 404, "Catania"),
        ("/figure/ITG17/enterprise_birts/2019", 404, "enterprise_births"),
        ("/figure/ITG17/enterprise_births/2031", 404, "2008 to 2020"),
        ("/figure/ITG17/enterprise_births/last", 404, "2008 to 2020"),
        (f"{PLACE}?asOf=30/11/2026", 400, "asOf"),
        (f"{PLACE}?asOf=2026-02-30", 400, "calendar"),
        (f"{PLACE}?asOf=2999-01-01", 400, "future"),
        (f"{PLACE}?asOf=2026-11-30T12:00:00+01:00", 400, "%2B"),
        (f"{PLACE}?asof=2026-01-01", 400, "asOf"),
        (f"{PLACE}?format=xml", 400, "format"),
        (f"{PLACE}?lang=de", 400, "lang"),
        ("/figure/ITG17/'; drop table release; --/2019", 404, "no indicator"),
        (f"/figure/{'x' * 5000}/enterprise_births/2019", 400, "geo"),
        ("/figure/ITG17/enterprise%00_births/2019", 400, "indicator"),
        ("/figure/ITG17/enterprise_births", 404, "Nothing is published"),
        ("/figure/../../etc/passwd", 404, ""),
        ("/verify-figure", 400, "claim"),
        ("/verify-figure?claim=", 400, "claim"),
        (f"/verify-figure?claim={'x' * 1000}", 400, "claim"),
        ("/verify-figure?claim=x&asOf=never", 400, "asOf"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_words(address: str, asked: str, status: int, words: str):
    answer = get(address + asked)
    assert answer.status_code == status and words in str(refusal(answer))


def test_a_claim_has_its_verdict_as_json_and_its_sentence_as_text(address: str):
    asked = f"{address}/verify-figure?claim=tasso di natalita' Catania 2019 9,5"
    found = get(asked).json()
    assert (found["outcome"], found["right"], found["read_as"]["geo"]) == ("wrong", False, "ITG17")
    assert get(f"{asked}&format=text&lang=it").text.startswith("Sbagliato: ")
    assert get(f"{asked}&format=text", **{"accept-language": "en-GB"}).text.startswith("Wrong: ")
    unknown = get(f"{address}/verify-figure?claim=tasso di felicita' Catania 2019 9").json()
    assert (unknown["outcome"], unknown["value"]) == ("not_verifiable", None) and unknown["near"]
