"""Alerts: one digest a night, by webhook and mail, and a heartbeat whose absence is noticed elsewhere.

All are off unless they are set. An alert that cannot be delivered never fails a run, and no address, which may hold a
secret, comes into the log. Does not belong here: deciding what got worse (`warehouse/history/dataset_state.py`).
"""

from __future__ import annotations

import logging
import os
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote, urlsplit

import dagster as dg
import requests

from sources.common.numbers import format_number
from sources.common.units import unit_or_unknown
from sources.data_folder import DataFolder, utc_now
from sources.errors import Trouble
from warehouse.history.dataset_state import Outcome, Status, read_status
from warehouse.publishing import release
from warehouse.targets.tables import falling_short

TIMEOUT_S = 10
# of a dataset's observations: a revision of more than this is reported
LARGE = 0.05
# lines of a digest, its first one included
LINES = 20
# what an operator can do about a kind of trouble, the most pressing first; other kinds pass by themselves or are not ours
COMMANDS = {
    Trouble.DAMAGED: "distretto status",
    Trouble.HELD_BACK: "distretto status",
    Trouble.CHECKS_FAILED: "distretto status",
    Trouble.TABLE_CHANGED: "distretto probe {dataset}",
    Trouble.REFUSED: "distretto doctor",
    Trouble.NOT_DATA: "distretto doctor",
    Trouble.ABSENT: "distretto doctor",
    Trouble.OTHER: "distretto status",
}
log = logging.getLogger("distretto")


@dataclass(frozen=True)
class News:
    """A line of the digest: what it is about, and the troubles that an operator may have to act on."""

    text: str
    dataset: str = ""
    troubles: tuple[Trouble, ...] = ()


def send(text: str) -> None:
    """Log `text`, post it to the webhook and mail it, as far as they are set."""
    log.error(text)
    if url := os.environ.get("DISTRETTO_WEBHOOK"):
        _deliver(
            "webhook", lambda: requests.post(url, json={"text": text}, timeout=TIMEOUT_S).raise_for_status()
        )
    if server := os.environ.get("DISTRETTO_SMTP"):
        _deliver("mail", lambda: _mail(server, text, os.environ["DISTRETTO_MAIL_TO"]))


def send_to_analyst(text: str) -> bool:
    """Mail `text` to the analyst; False where no such address is set."""
    server, to = os.environ.get("DISTRETTO_SMTP"), os.environ.get("DISTRETTO_MAIL_ANALYST")
    if not (server and to):
        return False
    log.warning(text)
    _deliver("mail", lambda: _mail(server, text, to))
    return True


def beat() -> None:
    """Ask the heartbeat's address, so that a service that expects it every night notices a night without."""
    if url := os.environ.get("DISTRETTO_HEARTBEAT"):
        _deliver("heartbeat", lambda: requests.get(url, timeout=TIMEOUT_S).raise_for_status())


def _deliver(what: str, attempt: Callable[[], None]) -> None:
    try:
        attempt()
    except KeyError as missing:
        log.error("the %s was not delivered: %s is not set", what, missing.args[0])
    except (requests.RequestException, smtplib.SMTPException, OSError, ValueError) as failure:
        log.error("the %s was not delivered: %s", what, type(failure).__name__)


def _mail(server: str, text: str, to: str) -> None:
    """`smtp://host:25`, with STARTTLS where there is a user or the server offers it, or `smtps://user@host:465`."""
    address = urlsplit(server)
    message = EmailMessage()
    message["Subject"] = text.splitlines()[0][:120]
    message["To"] = to
    # the default sender is one of the recipients, whose domain their mail server accepts
    message["From"] = os.environ.get("DISTRETTO_MAIL_FROM") or to.partition(",")[0]
    message.set_content(text)
    secure = ssl.create_default_context()
    host, port = address.hostname or "localhost", address.port or (465 if address.scheme == "smtps" else 25)
    with (
        smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=secure)
        if address.scheme == "smtps"
        else smtplib.SMTP(host, port, timeout=TIMEOUT_S)
    ) as smtp:
        if address.scheme != "smtps":
            smtp.ehlo()
            if address.username or smtp.has_extn("starttls"):
                smtp.starttls(context=secure)
        if address.username:
            smtp.login(unquote(address.username), os.environ["DISTRETTO_SMTP_PASSWORD"])
        smtp.send_message(message)


@dg.failure_hook
def on_failure(context: dg.HookContext) -> None:
    """A step raised: nothing was published by it."""
    report_failure(f"step {context.op.name}", context.op_exception)


def report_failure(what: str, failure: BaseException | None) -> None:
    """Send the alert that `what` failed and published nothing."""
    send(f"Distretto: please act: {what} failed, the old release stays; distretto status\n- {failure}")


@dg.success_hook
def on_release(context: dg.HookContext) -> None:
    """After the release step: send one message about the night if there is news, and always the heartbeat."""
    if context.op.name != "release":
        return
    home = DataFolder.from_env()
    status = read_status(home)
    news = worse(status, utc_now())
    doubts = doubtful(status)
    if status.run.undrawn:
        pages = ", ".join(status.run.undrawn)
        news.append(News(f"pages that could not be drawn: {pages}", troubles=(Trouble.OTHER,)))
    if status.run.published:
        published, revised = published_news(home)
        news += published
        doubts += revised
    if doubts and not send_to_analyst(digest(doubts, "figures to look at")):
        news += doubts
    if news:
        send(digest(news))
    beat()


def digest(news: list[News], subject: str = "") -> str:
    """The message: whether to act and by which command, then a line for each of `news`, by dataset."""
    lines = [f"- {one.text}" for one in sorted(news, key=lambda one: (not one.dataset, one.dataset))]
    if len(lines) > LINES - 1:
        left = len(lines) - (LINES - 2)
        lines = [*lines[: LINES - 2], f"- and {left} more: distretto status"]
    return "\n".join([f"Distretto: {subject or _what_to_do(news)}", *lines])


def _what_to_do(news: list[News]) -> str:
    for trouble, command in COMMANDS.items():
        for one in news:
            if trouble in one.troubles:
                return f"please act: {command.format(dataset=one.dataset)}"
    return "nothing to do; distretto status shows more"


def worse(status: Status, now: datetime) -> list[News]:
    """News of each dataset that got worse in this run: silent for how long, in another form, refused, late."""
    found = []
    for dataset in status.run.worse:
        entry, remembered = status.datasets[dataset], status.run.datasets[dataset]
        if (failure := entry.failure) and (since := entry.failing_since):
            nights = (now - since).days + 1
            for_long = "" if nights == 1 else f", for {nights} nights (since {since:%Y-%m-%d})"
            changed = failure.trouble == Trouble.TABLE_CHANGED
            what = ": the provider changed the form of its table" if changed else ""
            absent = (Trouble.ABSENT,) if Trouble.ABSENT in (remembered.reported or ()) else ()
            text = f"{dataset} got worse{for_long}{what}: {failure.message}"
            found.append(News(text, dataset, (failure.trouble, *absent)))
        if remembered.late and (stamp := remembered.provider_updated_at):
            days = (now - stamp).days
            text = f"{dataset} is late: its provider's last release is of {stamp:%Y-%m-%d}, {days} days ago"
            found.append(News(text, dataset, (Trouble.LATE,)))
    return found


def doubtful(status: Status) -> list[News]:
    """What plausibility checks found in figures that were let in tonight."""
    return [
        News(f"{dataset}: {doubt}", dataset)
        for dataset, entry in status.datasets.items()
        if entry.outcome == Outcome.UPDATED
        for doubt in entry.doubts or ()
    ]


def published_news(home: DataFolder) -> tuple[list[News], list[News]]:
    """What the new release has beyond the one before: first live figures, withdrawn ones, targets off track; and, for the
    analyst, large revisions."""
    shown, earlier = release.current(home), release.releases(home)[:-1]
    if shown is None or not earlier:
        return [], []
    before = earlier[-1]
    news, revised = [], []
    with release.reading(shown) as con:
        live = [
            dataset
            for (dataset,) in con.execute(
                """
                select distinct v.dataset from vintages v join snapshots s using (snapshot_id)
                where v.kind = 'baseline' and v.known_from > ?::timestamptz and s.origin = 'live'
                    and v.dataset in (select dataset from vintages w where w.known_from < v.known_from) order by 1""",
                [before.known_until],
            ).fetchall()
        ]
        if live:
            news.append(News(f"first live figures replace bundled ones: {', '.join(live)}"))
        for dataset, changed, deleted, held in con.execute(
            """
            select dataset, sum(changed), sum(deleted), any_value(held) from vintages
            join (select dataset, count(*) as held from observations group by all) using (dataset)
            where kind <> 'baseline' and known_from > ?::timestamptz group by all order by all""",
            [before.known_until],
        ).fetchall():
            if changed > LARGE * held:
                text = f"{dataset}: a large revision, {changed:,} of {held:,} figures have another value"
                revised.append(News(text, dataset))
            if deleted:
                news.append(News(f"{dataset}: figures withdrawn by the provider: {deleted:,}", dataset))
        short = falling_short(con)
    return [*news, *_targets_off_track(short, before)], revised


def _targets_off_track(short: list[dict[str, Any]], before: release.Release) -> list[News]:
    """News of targets that fall short, except those that the release `before` already showed."""
    try:
        with release.reading(before) as con:
            shown = {(t["target_id"], t["version"], t["point"], t["period"]) for t in falling_short(con)}
    except release.OtherVersion:
        # it is not known which targets it showed: better to report them twice than never
        shown = set()
    news = []
    for t in short:
        if (t["target_id"], t["version"], t["point"], t["period"]) not in shown:
            what = f"missed its {t['point']}" if t["missed"] else "is at risk"
            about = ", ".join(part for part in (t["title_en"], t["name_en"]) if part)
            unit = unit_or_unknown(t["unit"])
            value, expected = (format_number(t[key], unit, "en") for key in ("value", "expected"))
            text = f"target {t['target_id']} ({about}) {what}: {value} in {t['period']}, expected {expected}"
            news.append(News(text))
    return news
