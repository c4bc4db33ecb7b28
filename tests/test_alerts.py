"""Alerts by a real mail server and a real web server on loopback: one digest, and a heartbeat."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from email import message_from_string

import pytest

from tests.conftest import TOY, World
from tests.test_dagster import Listener


class Mailbox(socketserver.ThreadingTCPServer):
    """As much of SMTP (RFC 5321) as a client without login needs; keeps what it is sent."""

    daemon_threads = True

    def __init__(self) -> None:
        self.received: list[str] = []
        super().__init__(("127.0.0.1", 0), Session)


class Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        def say(line: str) -> None:
            self.wfile.write(line.encode() + b"\r\n")

        say("220 test")
        while line := self.rfile.readline().decode().strip():
            verb = line.split()[0].upper()
            if verb == "DATA":
                say("354 go on")
                lines = []
                while (text := self.rfile.readline().decode()) != ".\r\n":
                    lines.append(text)
                self.server.received.append("".join(lines))
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


def test_one_digest_a_night_by_mail_and_webhook(world: World, mailbox: Mailbox, web: Listener, monkeypatch):
    """A toy table with a large revision and a withdrawal; then it comes without a column; then the provider is down."""
    monkeypatch.setenv("DISTRETTO_WEBHOOK", web.url)
    world.refresh()
    assert mailbox.received == [] == web.received
    revised = {
        key: {period: cell.replace("1", "2") for period, cell in cells.items()} for key, cells in TOY.items()
    }
    revised["A", "V11920", "ITG1"] = {"2018": "41"}
    world.entry("toy", checks={**world_checks(), "max_revised_share": 1.0})
    world.serve(revised)
    world.refresh()
    (mail,) = mailbox.received
    parsed = message_from_string(mail)
    assert parsed["To"] == "ufficio@example.org" and "Distretto" in parsed["Subject"]
    assert "toy: a large revision, 3 of" in mail.replace("=\r\n", "") or "toy: a large revision" in mail
    assert "toy: 1 figures were withdrawn" in mail
    assert [told["text"].splitlines()[0] for told in web.received] == ["Distretto: what the night brought"]
    world.server.table("toy", ["freq", "unexpected", "geo"], TOY)
    world.refresh()
    assert len(mailbox.received) == 2 and "changed the form of its table" in mailbox.received[1].replace(
        "=\r\n", ""
    )
    world.refresh()
    assert len(mailbox.received) == 2


def world_checks() -> dict:
    from tests.conftest import ENTRY

    return ENTRY["checks"]


def test_nights_of_silence_are_counted():
    from datetime import UTC, datetime

    from pipelines.alerts import worse_lines

    entry = {
        "failing_since": "2026-01-01T05:15:00+00:00",
        "failure": {"kind": "Unreachable", "message": "No connection."},
    }
    status = {"run": {"worse": ["toy", "old"]}, "datasets": {"toy": entry, "old": {}}}
    silent, late = worse_lines(status, datetime(2026, 1, 9, 5, 16, tzinfo=UTC))
    assert "for 9 nights (since 2026-01-01)" in silent
    assert "released nothing for too long" in late


def test_a_mail_server_that_is_away_fails_nothing(world: World, monkeypatch):
    monkeypatch.setenv("DISTRETTO_SMTP", "smtp://user@127.0.0.1:9")
    monkeypatch.setenv("DISTRETTO_MAIL_TO", "ufficio@example.org")
    world.refresh()
    world.server.behave("toy", 500)
    world.server.behave("inventory", 500)
    assert world.refresh().code == 3


def test_the_heart_beats_after_every_whole_night_and_not_after_a_failed_one(
    world: World, web: Listener, monkeypatch
):
    from warehouse import release

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
        patch.setattr(release.files, "export", broken)
        world.entry("toy", warnings=["something changed"])
        assert world.refresh().code == 1
    assert asked == [web.url] * 2
