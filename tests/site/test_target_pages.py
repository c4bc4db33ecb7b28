"""How the targets' page and the board sheet show proof, what is watched, and the difference of no target and no judgement.

The targets are made up and put into the facts of the release of the figures that ship.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from markupsafe import escape

from assets.site import board, build
from assets.site.language import Language
from assets.site.pages import targets
from assets.site.queries import Facts, read
from assets.site.view import View
from tests.target_examples import entry
from warehouse.publishing.release import Release, reading
from warehouse.targets import drafts
from warehouse.targets.tables import ResultRow, _target_row
from warehouse.targets.timestamp import TimeStamp
from warehouse.targets.verification import Verdict

STAMPED = datetime(2025, 7, 1, 8, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def facts(release: Path) -> Facts:
    with reading(Release(release.name, release)) as con:
        return read(con, release)


def _view(
    facts: Facts,
    verdict: Verdict | None,
    status: str,
    language: str = "en",
    because: str = "made up for a test",
) -> View:
    """The facts with one adopted target, of births in Sicily, that watches the unemployment rate."""
    sealed = entry(watch="unemployment_rate", because=because)
    result = ResultRow(
        target_id=sealed.id,
        version=1,
        point="latest",
        period="2020",
        goal=200.0,
        judged_on=date(2026, 11, 27),
        value=None,
        unit="NR",
        flag=None,
        reliability=None,
        expected=None,
        gap=None,
        progress=None,
        change=None,
        peers_change=None,
        peers=None,
        status=status,
        reason_it="dato vecchio",
        reason_en="the figure is old",
        probability=None,
        probability_basis=None,
        value_then=None,
        status_then=None,
        dataset=None,
        snapshot_id=None,
        watch="unemployment_rate",
        watch_period="2025",
        watch_value=13.9,
        watch_unit="PC",
        watch_known_from=datetime(2026, 4, 17, tzinfo=UTC),
    )
    goal = replace(result, point="target", period="2028", status="not_assessable", watch=None)
    row = asdict(_target_row(sealed, False, {sealed.number: verdict} if verdict else {}))
    anchor = {
        "number": 2,
        "recorded_at": STAMPED,
        "protocol": None,
        "stamped_at": STAMPED,
        "authority": "Example TSA",
        "verification": "unverifiable",
        "verification_it": "nessun certificato",
        "verification_en": "no certificate",
    }
    given = replace(facts, targets=[row | {"results": [asdict(result), asdict(goal)]}], anchors=[anchor])
    return View(given, Language(language))


def _page(view: View) -> str:
    return build._draw(targets.PAGE, "targets", view, "", build._variables(view)).replace("\u00a0", " ")


def test_the_time_stamp_its_authority_and_the_verification_are_shown_beside_a_target(facts: Facts):
    verdict = Verdict(1, "a-target", "sound", stamp=TimeStamp(STAMPED, "Example TSA"))
    view = _view(facts, verdict, "on_track")
    text = _page(view)
    assert "Ledger verified: the entry is sound." in text
    assert "Time stamp of 1 July 2025, 10:30, Example TSA." in text
    # what dates the ledger has an outcome of its own
    assert "Cannot be checked: no certificate." in text
    row = next(
        row for row in board.content(view, date(2026, 10, 31), [])["rows"] if row["target"].startswith("200")
    )
    assert "sound" in row["proof"] and "Example TSA" in row["proof"]


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("contradicted", "The ledger contradicts this entry: the baseline was another."),
        ("unverifiable", "Cannot be checked: the baseline was another."),
        (None, "Not verified in this release."),
    ],
)
def test_each_outcome_of_the_verification_has_its_words(facts: Facts, outcome, words):
    verdict = Verdict(1, "a-target", outcome, "the baseline was another") if outcome else None
    text = _page(_view(facts, verdict, "on_track"))
    assert words in text and "No time stamp." in text


def test_a_watched_indicator_stands_beside_the_status_with_its_date(facts: Facts):
    view = _view(facts, None, "on_track")
    text = _page(view)
    assert "13.9% in 2025 (known from 17 April 2026); it does not change the status." in text
    assert text.index("status-on_track") < text.index("13.9% in 2025")
    rows = board.content(view, date(2026, 10, 31), [])["rows"]
    assert [row["status"] for row in rows if "13.9% in 2025" in row["watch"]] == ["on track"]


def test_no_target_and_not_assessable_are_two_things(facts: Facts):
    view = _view(facts, None, "not_assessable", "it")
    text = _page(view)
    assert "nessun obiettivo: 5 direttive su 6" in text and "non valutabile: 1" in text
    rows = board.content(view, date(2026, 10, 31), [])["rows"]
    assert sum(row["target"] == "nessun obiettivo" for row in rows) == 5
    assert [row["status"] for row in rows if row["status"]] == ["non valutabile"]


def test_only_a_draft_that_can_be_adopted_shows_the_command(release: Path):
    text = (release / "site" / "en" / "targets.html").read_text(encoding="utf-8")
    assert "--from-draft employment-rate-sicily" in text
    assert "Not assessable as it is" in text and "--from-draft births-catania" not in text


@pytest.mark.parametrize("sealed_in", ["it", "en"])
def test_an_adopted_draft_is_explained_in_the_language_of_the_page(facts: Facts, sealed_in: str):
    """A draft is sealed in English; an earlier version sealed it in Italian."""
    draft = drafts.find("gdp-per-head-sicily")
    because = getattr(draft.because, sealed_in)
    for language in ("it", "en"):
        text = _page(_view(facts, None, "on_track", language, because))
        section = text[: text.index('id="drafts"')]
        assert str(escape(getattr(draft.because, language))) in section


def test_a_draft_is_sealed_in_english():
    draft = drafts.find("gdp-per-head-sicily")
    assert draft.as_target(date(2026, 11, 27), None, None).because == draft.because.en
