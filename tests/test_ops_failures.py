"""EPO's Open Patent Services on bad nights: throttling, quotas, answers that are no counts. Documents are made up."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.conftest import World
from tests.provider import Answer
from tests.provider_faults import LIMITS
from tests.provider_ops import SEARCH, TOKEN, OpsServer
from tests.test_ops import DOCUMENTS, GOOD, TODAY, Epo


@pytest.fixture
def epo(world: World) -> Iterator[Epo]:
    with OpsServer() as server:
        yield Epo(world, server)


def test_a_token_that_is_never_good_is_asked_for_twice(epo: Epo):
    epo.server.good_for = 0
    state = epo.admit()
    assert state["failure"]["kind"] == "TokenRefused" and epo.server.tokens == 2


def test_wrong_credentials_are_told(epo: Epo):
    epo.world.monkeypatch.setenv("EPO_OPS_SECRET", "wrong")
    state = epo.admit()
    assert state["failure"]["kind"] == "Forbidden" and "EPO_OPS_KEY and EPO_OPS_SECRET" in str(state)
    assert len(epo.server.requests) == 1


def test_a_search_that_is_not_understood_is_no_zero(epo: Epo):
    epo.server.documents = []
    state = epo.admit()
    assert "zeros mean nothing" in str(state) and epo.current is None
    assert not list((epo.world.home / "pace").glob("*.tally.json"))


def test_more_hits_than_a_search_returns_are_refused(epo: Epo):
    epo.server.documents += [DOCUMENTS[3]] * 2001
    assert epo.admit()["outcome"] == "updated", "with the week before it"
    state = epo.admit()
    assert state["outcome"] == "failed" and "2,003 hits in a week" in str(state)
    tally = json.loads((epo.world.home / "pace" / "groups.tally.json").read_text())
    assert list(tally) == ["2026-W46"]


def test_what_was_answered_before_a_failure_is_kept(epo: Epo, caplog: pytest.LogCaptureFixture):
    answered = len(["over a year", "ST in week 46", "UNICT in week 46", "ST in week 45"])
    logging.getLogger("distretto").propagate = True
    epo.set_provider(attempts=1)

    def fail(request) -> None:
        if len(epo.server.searches) == answered:
            epo.server.behave(SEARCH, "503")

    epo.server.after = fail
    with caplog.at_level(logging.WARNING, "distretto"):
        assert epo.admit()["outcome"] == "updated"
    assert "1 of 3 weeks" in caplog.text
    epo.server.after = lambda request: None
    epo.server.behave_well()
    assert epo.refresh()["state"] == "live"
    assert epo.rows() == GOOD


@pytest.mark.long
def test_down_changes_nothing_but_the_staleness_shown(epo: Epo):
    epo.refresh()
    epo.server.stop()
    epo.set_day(TODAY + timedelta(days=14))
    state = epo.refresh()
    assert state["state"] == "stale" and state["failure"]["kind"] == "Unreachable"
    assert epo.rows() == GOOD


@pytest.mark.parametrize(
    ("reason", "least", "most"),
    [
        ("IndividualQuotaPerHour", 3590, 3600),
        ("RegisteredQuotaPerWeek", 0, 7 * 86_400),
        ("AnonymousQuotaPerDay", 86_390, 86_400),
    ],
)
def test_a_spent_quota_is_waited_for(epo: Epo, reason, least, most):
    epo.server.answer_of[SEARCH] = Answer(403, b"<error/>", headers={"X-Rejection-Reason": reason})
    state = epo.admit()
    assert state["failure"]["kind"] == "RateLimited" and f"{reason} is spent" in str(state)
    assert least < epo.pace["not_before"] - time.time() <= most
    asked = len(epo.server.requests)
    assert epo.admit()["outcome"] == "failed" and len(epo.server.requests) == asked, "not asked before that"


@pytest.mark.long
def test_black_is_waited_out_in_milliseconds(epo: Epo):
    headers = {"X-Throttling-Control": "overloaded (images=green:50, search=black:0)", "Retry-After": "400"}
    epo.server.answer_of[SEARCH] = Answer(403, b"<error/>", headers=headers)

    def relent(request) -> None:
        if request.path == SEARCH:
            epo.server.answer_of.clear()

    epo.server.after = relent
    began = time.monotonic()
    assert epo.admit()["outcome"] == "updated"
    assert time.monotonic() - began >= 0.4


def test_black_for_long_is_remembered(epo: Epo):
    headers = {"X-Throttling-Control": "overloaded (search=black:0)", "Retry-After": "1800000"}
    epo.server.answer_of[SEARCH] = Answer(403, b"<error/>", headers=headers)
    assert epo.admit()["failure"]["kind"] == "RateLimited"
    assert 1790 < epo.pace["not_before"] - time.time() <= 1800


def test_searches_are_as_far_apart_as_the_service_says(epo: Epo):
    epo.server.quota.throttling = "busy (images=green:100, search=yellow:300)"
    epo.admit()
    times = [request.time for request in epo.server.requests if request.path == SEARCH]
    gaps = [later - sooner for sooner, later in zip(times, times[1:], strict=False)]
    # requests are 0.2 s apart where they are sent; the way to the server may stretch one gap at the cost of the next
    assert len(gaps) > 2 and sum(gaps) > 0.2 * len(gaps) - 0.1 and min(gaps) > 0.1


def test_the_week_has_a_budget_of_bytes_that_is_kept_on_disk(epo: Epo):
    epo.set_provider(max_bytes_a_week=2000)
    epo.server.quota.week_used = 0
    epo.admit()
    assert epo.pace["week_bytes"] >= 2000 and epo.pace["not_before"] > time.time()
    assert epo.server.searches, "a few were answered before"
    asked = len(epo.server.requests)
    assert epo.admit()["outcome"] == "failed" and len(epo.server.requests) == asked


def test_the_providers_own_count_of_the_week_is_obeyed(epo: Epo):
    epo.set_provider(max_bytes_a_week=2_000_000_000)
    epo.server.quota.week_used = 2_100_000_000
    assert "2,100,000,000 bytes this week by the provider's count" in str(epo.admit())


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (200, b"<!DOCTYPE html><html>Maintenance</html>", "web page"),
        (200, b"", "empty"),
        (200, b'<x total-result-count="5"/>', "not a complete search result"),
        (
            200,
            b'<ops:world-patent-data><ops:biblio-search total-result-count="5">',
            "not a complete search result",
        ),
        (
            200,
            b'<biblio-search total-result-count="-5"/></world-patent-data>',
            "not a complete search result",
        ),
        (200, b"\x1f\x8b damaged", "gzip"),
        (404, b"<html>not here</html>", "HTTP 404"),
        (404, b"<fault><code>CLIENT.NotFound</code></fault>", "CLIENT.NotFound"),
        (400, b"<fault><code>CLIENT.CQL</code></fault>", "CLIENT.CQL"),
        (418, b"tea", "HTTP 418"),
        (500, b"", "HTTP 500"),
    ],
)
def test_what_is_no_count_never_enters(epo: Epo, status, body, told):
    epo.server.answer_of[SEARCH] = Answer(status, body)
    state = epo.admit()
    assert told in str(state), state
    assert state["outcome"] == "failed" and epo.current is None


@pytest.mark.parametrize("behaviour", ["drop_connection", "reset_connection", "hang", "slow_drip", "503"])
def test_a_broken_or_slow_answer_never_enters(epo: Epo, behaviour):
    epo.set_provider(attempts=1, **LIMITS.get(behaviour, {}))
    epo.server.behave(SEARCH, behaviour)
    assert epo.admit()["outcome"] == "failed" and epo.current is None


@pytest.mark.parametrize(
    ("body", "kind"),
    [(body, "NotData") for body in (b"", b"[]", b"null", b"{}", b'{"access_token"')]
    + [(b"<html></html>", "Unavailable"), (b"<!-- x --><!DOCTYPE html><html></html>", "Unavailable")],
)
def test_a_body_that_is_no_token_is_refused_and_a_web_page_is_trouble_of_the_service(epo: Epo, body, kind):
    epo.server.answer_of[TOKEN] = Answer(200, body)
    assert epo.admit()["failure"]["kind"] == kind and epo.server.searches == []
