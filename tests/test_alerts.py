"""Alerts by a real mail server and a real web server on loopback: one digest, and a heartbeat."""

from __future__ import annotations

import json
import re
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_string, policy

import pytest
import yaml

import pipelines.alerts
from assets.run import RunContext
from assets.site import build
from assets.site.language import Language
from assets.site.view import View
from pipelines.alerts import News, send
from sources.data_folder import DataFolder
from sources.errors import Trouble
from tests.conftest import ENTRY, TOY, World
from tests.target_examples import KNOWN, NOW, target
from tests.test_dagster import Listener
from warehouse.history.dataset_state import Run, describe, read_status, remember, write_status
from warehouse.targets import evidence, ledger
from warehouse.targets.rules import Known


class Mailbox(socketserver.ThreadingTCPServer):
    """As much of SMTP (RFC 5321) as a client without login needs; keeps what it is sent."""

    daemon_threads = True

    def __init__(self) -> None:
        self.received: list[str] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        super().__init__(("127.0.0.1", 0), Session)


class Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        def say(line: str) -> None:
            self.wfile.write(line.encode() + b"\r\n")

        sender, recipients = "", []
        say("220 test")
        while line := self.rfile.readline().decode().strip():
            verb = line.split()[0].upper()
            if address := re.search("<(.*)>", line):
                if verb == "MAIL":
                    sender, recipients = address.group(1), []
                else:
                    recipients.append(address.group(1))
            if verb == "DATA":
                say("354 go on")
                lines = []
                while (text := self.rfile.readline().decode()) != ".\r\n":
                    lines.append(text)
                self.server.received.append("".join(lines))
                self.server.envelopes.append((sender, recipients))
            say("221 bye" if verb == "QUIT" else "250 ok")
            if verb == "QUIT":
                return


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    with Mailbox() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("DISTRETTO_SMTP", f"smtp://127.0.0.1:{server.server_address[1]}")
        monkeypatch.setenv("DISTRETTO_MAIL_TO", "ufficio@example.org")
        yield server
        server.shutdown()


@pytest.fixture
def web() -> Iterator[Listener]:
    found = Listener()
    yield found
    found.server.shutdown()
    found.server.server_close()


def digest(mailbox: Mailbox, web: Listener) -> str:
    """The one message since the last call, with the same text by mail and webhook."""
    (mail,) = mailbox.received
    parsed = message_from_string(mail, policy=policy.default)
    text = parsed.get_content().replace("\r\n", "\n").strip()
    (posted,) = web.received
    assert posted == {"text": text} and parsed["Subject"] == text.splitlines()[0]
    mailbox.received.clear()
    web.received.clear()
    return text


def silent(mailbox: Mailbox, web: Listener) -> bool:
    return mailbox.received == [] == web.received


def test_one_digest_a_night_by_mail_and_webhook(world: World, mailbox: Mailbox, web: Listener, monkeypatch):
    """A large revision and a withdrawal; then a column has another name, and the old table is back; then a refused revision."""
    monkeypatch.setenv("DISTRETTO_WEBHOOK", web.url)
    world.first_night()
    assert silent(mailbox, web)
    revised = {
        key: {period: cell.replace("1", "2") for period, cell in cells.items()} for key, cells in TOY.items()
    }
    revised["A", "V11920", "ITG1"] = {"2018": "41"}
    world.entry("toy", checks={**ENTRY["checks"], "max_revised_share": 1.0})
    world.serve(revised)
    world.refresh()
    assert digest(mailbox, web).splitlines() == [
        "Distretto: nothing to do; distretto status shows more",
        "- toy: figures withdrawn by the provider: 1",
        "- toy: a large revision, 5 of 7 figures have another value",
    ]
    world.server.table("toy", ["freq", "unexpected", "geo"], TOY)
    world.refresh()
    told = digest(mailbox, web)
    assert told.startswith("Distretto: please act: distretto probe toy\n")
    assert "- toy got worse: the provider changed the form of its table: " in told
    world.refresh()
    assert silent(mailbox, web)
    world.serve(revised)
    assert world.refresh().code == 0 and silent(mailbox, web)
    assert world.state()["state"] == "unchanged"
    assert world.refresh().code == 0 and world.state()["state"] == "unchanged"
    world.entry("toy")
    world.serve(
        {
            key: {period: cell.replace("2", "9") for period, cell in cells.items()}
            for key, cells in revised.items()
        }
    )
    world.refresh()
    assert "- toy got worse: " in (told := digest(mailbox, web)) and "revis" in told
    assert told.startswith("Distretto: please act: distretto status\n")


@pytest.mark.long
def test_a_provider_that_stays_away_is_told_on_the_first_night_and_when_its_allowed_absence_is_over(
    world: World, mailbox: Mailbox, web: Listener, monkeypatch
):
    monkeypatch.setenv("DISTRETTO_WEBHOOK", web.url)
    world.set_provider(allowed_absence_days=7)
    world.first_night()
    world.server.behave("toy", 500)
    world.server.behave("inventory", 500)
    assert world.refresh().code == 3
    assert re.search(r"^- toy got worse: .*500", digest(mailbox, web), re.M)
    assert world.refresh().code == 0 and silent(mailbox, web)
    # as if eight days had gone by
    status = json.loads((world.home / "status.json").read_text())
    entry = status["datasets"]["toy"]
    first = datetime.fromisoformat(entry["failing_since"]) - timedelta(days=8)
    entry["failing_since"] = first.isoformat()
    (world.home / "status.json").write_text(json.dumps(status))
    assert world.refresh().code == 3
    assert f"- toy got worse, for 9 nights (since {first:%Y-%m-%d}): " in digest(mailbox, web)
    assert world.refresh().code == 0 and silent(mailbox, web)


def test_a_page_that_cannot_be_drawn_is_told_and_ends_with_3(
    world: World, mailbox: Mailbox, web: Listener, monkeypatch
):
    """The figures are published; the page says that it could not be drawn."""
    monkeypatch.setenv("DISTRETTO_WEBHOOK", web.url)

    def broken(view: View, key: str) -> dict[str, object]:
        raise ZeroDivisionError(key)

    pages = [replace(page, data=broken) if page.name == "territories" else page for page in build.PAGES]
    monkeypatch.setattr(build, "PAGES", pages)
    outcome = world.refresh()
    assert outcome.code == 3 and outcome.json["published"] == world.releases[-1], outcome.err
    assert outcome.json["undrawn"] == ["it/territories.html", "en/territories.html"]
    assert "it/territories.html, en/territories.html" in digest(mailbox, web)
    assert len(world.query("from observations where dataset = 'toy'")) == 8
    page = world.home / "current" / "site" / "en" / "territories.html"
    assert Language("en").say("failed.title") in page.read_text(encoding="utf-8")


@pytest.mark.long
def test_what_got_worse_in_a_night_without_release_is_told_the_night_after(
    world: World, mailbox: Mailbox, web: Listener, monkeypatch
):
    monkeypatch.setenv("DISTRETTO_WEBHOOK", web.url)
    world.first_night()
    world.server.behave("*", 404)
    ledger_file = world.home / "targets.yml"
    good = ledger_file.read_text()
    empty = ledger.load(DataFolder(world.home))
    ledger.append(DataFolder(world.home), empty, ledger.sealed(empty, target(), KNOWN, NOW))
    sealed = ledger_file.read_text()
    ledger_file.write_text(sealed.replace("value: ", "value: 1", 1))
    assert ledger_file.read_text() != sealed
    assert world.refresh().code == 1
    assert "the old release stays" in digest(mailbox, web)
    ledger_file.write_text(good)
    assert world.refresh().code == 3
    assert "toy got worse" in digest(mailbox, web)


@pytest.mark.long
def test_a_release_that_is_late_is_told_once(world: World, mailbox: Mailbox, web: Listener, monkeypatch):
    monkeypatch.setenv("DISTRETTO_WEBHOOK", web.url)
    stamp = datetime.now(UTC) - timedelta(days=30)
    world.serve(last_change=stamp)
    world.refresh()
    assert silent(mailbox, web)
    world.entry("toy", calendar=ENTRY["calendar"] | {"late_after_days": 20})
    assert world.refresh().code == 3
    assert digest(mailbox, web).splitlines()[1:] == [
        f"- toy is late: its provider's last release is of {stamp:%Y-%m-%d}, 30 days ago"
    ]
    assert world.refresh().code == 0 and silent(mailbox, web)


@pytest.mark.long
def test_a_target_at_risk_or_missed_is_told_once(
    world: World, mailbox: Mailbox, web: Listener, monkeypatch, tmp_path
):
    """Two made-up targets on Sicily's births: the milestone of one was due in 2019, that of the other is not due yet."""
    monkeypatch.setenv("DISTRETTO_WEBHOOK", web.url)
    dimensions = ["freq", "indic_sb", "sizeclas", "geo"]
    world.entry("bd_size_r3", dimensions=dimensions, checks=ENTRY["checks"] | {"geos": ["ITG1"]})
    births = {"2015": "98", "2016": "100", "2017": "100"}
    births_of = ("A", "V11920", "TOTAL", "ITG1")
    fixed = datetime(2017, 6, 30, 12, tzinfo=UTC)
    path = tmp_path / "ledger.yml"
    path.write_text("")
    for name, due in (("due", date(2019, 12, 31)), ("not-due", date(2099, 12, 31))):
        plan = target(
            id=name,
            baseline={"period": "2016"},
            milestones=[{"period": "2018", "value": 120.0, "assess_on": due}],
            target={"period": "2098", "value": 200.0, "assess_on": date(2099, 12, 31)},
            thresholds={"on_track": 0.9, "delayed": 0.75, "max_age_days": 100_000},
            fixed_on=fixed.date(),
        )
        standing = ledger.load(DataFolder(world.home)) if world.home.exists() else ledger.Ledger(path, [])
        world.home.mkdir(exist_ok=True)
        known = Known({"2015": 98.0, "2016": 100.0}, "NR", "up")
        ledger.append(DataFolder(world.home), standing, ledger.sealed(standing, plan, known, fixed))
    # as a ledger that a version of the project shipped: no folder of today has figures of 2017 to judge it on
    seals = [entry.seal for entry in ledger.load(DataFolder(world.home)).entries]
    path.write_text(yaml.safe_dump({"made-up": seals}))
    monkeypatch.setattr(evidence, "SHIPPED", path)
    nights = [births, births | {"2018": "95"}, births | {"2018": "95", "2019": "96"}]
    heard = []
    for cells in nights:
        active = dict.fromkeys(births, "1000")
        world.server.table(
            "bd_size_r3", dimensions, {births_of: cells, ("A", "V11910", "TOTAL", "ITG1"): active}
        )
        outcome = world.run("refresh", "--only", "bd_size_r3", "--json")
        assert outcome.code == 0, outcome.err
        heard.append(silent(mailbox, web) or digest(mailbox, web).splitlines()[1:])
    about = "(Enterprise births, Sicily)"
    at_risk = f"{about} is at risk: 95 in 2018, expected 120"
    assert heard[0] is True
    assert heard[1] == [
        f"- target due {about} missed its milestone: 95 in 2018, expected 120",
        f"- target due {at_risk}",
        f"- target not-due {at_risk}",
    ]
    # a newer figure is judged again; what was missed stays reported
    assert [line.partition(":")[0] for line in heard[2]] == [
        f"- target due {about} is at risk",
        f"- target not-due {about} is at risk",
    ]
    feed = json.loads((world.home / "current" / "feed.json").read_text())
    assert [item["content_text"].splitlines()[1] for item in feed["items"] if "target" in item["tags"]][
        -1:
    ] == [f"Target due {about} missed: 95 in 2018, expected 120."]


def test_the_sender_can_be_set_and_a_mail_without_recipient_fails_nothing(
    mailbox: Mailbox, monkeypatch, caplog
):
    monkeypatch.setenv("DISTRETTO_MAIL_TO", "uno@example.org, due@example.org")
    send("One.")
    monkeypatch.setenv("DISTRETTO_MAIL_FROM", "Distretto <distretto@example.org>")
    send("Two.")
    monkeypatch.delenv("DISTRETTO_MAIL_TO")
    send("Three.")
    senders = [message_from_string(mail)["From"] for mail in mailbox.received]
    assert senders == ["uno@example.org", "Distretto <distretto@example.org>"]
    assert mailbox.envelopes == [
        ("uno@example.org", ["uno@example.org", "due@example.org"]),
        ("distretto@example.org", ["uno@example.org", "due@example.org"]),
    ]
    assert "the mail was not delivered: DISTRETTO_MAIL_TO is not set" in caplog.text


def test_a_mail_server_that_is_away_fails_nothing(world: World, monkeypatch):
    monkeypatch.setenv("DISTRETTO_SMTP", "smtp://user@127.0.0.1:9")
    monkeypatch.setenv("DISTRETTO_MAIL_TO", "ufficio@example.org")
    world.first_night()
    world.server.behave("toy", 500)
    world.server.behave("inventory", 500)
    assert world.refresh().code == 3


def test_the_heart_beats_after_every_whole_night_and_not_after_a_failed_one(
    world: World, web: Listener, monkeypatch
):
    from warehouse.publishing import release

    monkeypatch.setenv("DISTRETTO_HEARTBEAT", web.url)
    asked: list[str] = []
    import pipelines.alerts

    real = pipelines.alerts.requests.get
    monkeypatch.setattr(
        pipelines.alerts.requests, "get", lambda url, **k: (asked.append(url), real(url, **k))[1]
    )
    world.refresh()
    world.refresh()
    assert asked == [web.url] * 2

    def broken(*_):
        raise OSError(28, "No space left on device", "releases")

    with monkeypatch.context() as patch:
        patch.setattr(release.exports, "write", broken)
        world.entry("toy", warnings=["something changed"])
        assert world.refresh().code == 1
    assert asked == [web.url] * 2


def test_what_is_late_and_then_fails_is_news_again(
    world: World, mailbox: Mailbox, web: Listener, monkeypatch
):
    """Each kind of trouble once: late, not found, cut off; and none of them a second time."""
    monkeypatch.setenv("DISTRETTO_WEBHOOK", web.url)
    world.entry("toy", calendar=ENTRY["calendar"] | {"late_after_days": 20})
    home = DataFolder(world.home)
    stamps = (datetime.now(UTC) - timedelta(days=30, hours=-n) for n in range(20))

    def night(behaviour: str | int | None) -> list[str]:
        world.server.behave_well()
        world.serve(last_change=next(stamps))
        if behaviour:
            world.server.behave("*", behaviour)
        world.night()
        store = RunContext(home)
        states = describe(home, store.catalogue, store.providers, store.store, datetime.now(UTC))
        status = read_status(home)
        remembered, worse = remember(status.run.datasets, states)
        status.run = Run(at=datetime.now(UTC), worse=worse, datasets=remembered)
        write_status(home, status)
        return [line.text for line in pipelines.alerts.worse(read_status(home), datetime.now(UTC))]

    assert night(None) == []
    status = read_status(home)
    status.run.datasets["toy"].reported = []
    write_status(home, status)
    assert [line[:12] for line in night(None)] == ["toy is late:"]
    assert night(None) == []
    for behaviour in (404, "truncated_gzip"):
        (first, late) = night(behaviour)
        assert first.startswith("toy got worse: ") and late.startswith("toy is late: ")
        assert night(behaviour) == []
    assert night(404) == []
    assert night(None) == []


def test_a_digest_has_twenty_lines_at_most_and_says_what_to_do_first():
    news = [News(f"d{n:02} got worse", f"d{n:02}", (Trouble.NO_ANSWER,)) for n in range(40)]
    told = pipelines.alerts.digest(
        [*news, News("toy got worse", "toy", (Trouble.TABLE_CHANGED,))]
    ).splitlines()
    assert len(told) == 20 and told[0] == "Distretto: please act: distretto probe toy"
    assert told[1] == "- d00 got worse" and told[-1] == "- and 23 more: distretto status"
    assert (
        pipelines.alerts.digest(news[:1]).splitlines()[0]
        == "Distretto: nothing to do; distretto status shows more"
    )


def test_doubts_go_to_the_analyst_where_one_is_named(mailbox: Mailbox, monkeypatch):
    assert not pipelines.alerts.send_to_analyst("Distretto: figures to look at")
    monkeypatch.setenv("DISTRETTO_MAIL_ANALYST", "analista@example.org")
    assert pipelines.alerts.send_to_analyst("Distretto: figures to look at")
    assert [to for _, to in mailbox.envelopes] == [["analista@example.org"]]


def test_a_folder_that_is_locked_twice_in_a_row_is_told(
    world: World, mailbox: Mailbox, web: Listener, monkeypatch
):
    monkeypatch.setenv("DISTRETTO_WEBHOOK", web.url)
    with DataFolder(world.home).writing():
        assert world.refresh().code == 1 and silent(mailbox, web)
        assert world.refresh().code == 1 and "Another process is writing" in digest(mailbox, web)
    assert world.refresh().code == 0 and not (world.home / ".busy").exists()
