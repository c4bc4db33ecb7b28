"""Telling people: one digest a night, by webhook and mail, and a heartbeat whose absence is noticed elsewhere.

All are off unless their settings are there. What cannot be delivered never fails a run, and no address, which
may hold a secret, comes into the log. Does not belong here: deciding what is worse (`warehouse/history/dataset_state.py`).
"""

from __future__ import annotations

import logging
import os
import smtplib
import ssl
from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import dagster as dg
import requests

from sources.common.numbers import format_number
from sources.common.units import unit_or_unknown
from sources.data_folder import DataFolder, utc_now
from sources.errors import Trouble
from warehouse.history.dataset_state import Status, read_status
from warehouse.publishing import release
from warehouse.targets import assessment

TIMEOUT_S = 10
# of a dataset's observations: a revision of more than this is told
LARGE = 0.05
log = logging.getLogger("distretto")


def send(text: str) -> None:
    """Log `text`, post it to the webhook and mail it, as far as they are set."""
    log.error(text)
    if url := os.environ.get("DISTRETTO_WEBHOOK"):
        _deliver(
            "webhook", lambda: requests.post(url, json={"text": text}, timeout=TIMEOUT_S).raise_for_status()
        )
    if server := os.environ.get("DISTRETTO_SMTP"):
        _deliver("mail", lambda: _mail(server, text))


def beat() -> None:
    """Ask the heartbeat's address, so that whoever expects it every night notices a night without."""
    if url := os.environ.get("DISTRETTO_HEARTBEAT"):
        _deliver("heartbeat", lambda: requests.get(url, timeout=TIMEOUT_S).raise_for_status())


def _deliver(what: str, attempt: Callable[[], None]) -> None:
    try:
        attempt()
    except KeyError as missing:
        log.error("the %s was not delivered: %s is not set", what, missing.args[0])
    except (requests.RequestException, smtplib.SMTPException, OSError, ValueError) as failure:
        log.error("the %s was not delivered: %s", what, type(failure).__name__)


def _mail(server: str, text: str) -> None:
    """`smtp://host:25`, with STARTTLS where there is a user or the server offers it, or `smtps://user@host:465`."""
    address = urlsplit(server)
    message = EmailMessage()
    message["Subject"] = text.splitlines()[0][:120]
    message["To"] = os.environ["DISTRETTO_MAIL_TO"]
    # by default an address that surely is of the recipients' own domain, which their server takes
    message["From"] = os.environ.get("DISTRETTO_MAIL_FROM") or message["To"].partition(",")[0]
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
    tell_failure(f"step {context.op.name}", context.op_exception)


def tell_failure(what: str, failure: BaseException) -> None:
    send(f"Distretto: {what} failed, the old release stays\n- {failure}")


@dg.success_hook
def on_release(context: dg.HookContext) -> None:
    """After the release step: the night in one message, where there is something to tell; the heartbeat always."""
    if context.op.name != "release":
        return
    home = DataFolder.from_env()
    status = read_status(home)
    lines = worse_lines(status, utc_now())
    if status.run.undrawn:
        pages = ", ".join(status.run.undrawn)
        lines.append(f"pages that could not be drawn, and say so: {pages}. The figures are published")
    if status.run.published:
        lines += release_lines(home)
    if lines:
        send("\n".join(["Distretto: what the night brought", *(f"- {line}" for line in lines)]))
    beat()


def worse_lines(status: Status, now: datetime) -> list[str]:
    """A line for each dataset that got worse in this run: silent for how long, in another form, refused, late."""
    lines = []
    for dataset in status.run.worse:
        entry, found = status.datasets[dataset], status.run.datasets[dataset]
        if (failure := entry.failure) and (since := entry.failing_since):
            nights = (now - since).days + 1
            for_long = "" if nights == 1 else f", for {nights} nights (since {since:%Y-%m-%d})"
            what = (
                ": the provider changed the form of its table"
                if failure.trouble == Trouble.TABLE_CHANGED
                else ""
            )
            lines.append(f"{dataset} got worse{for_long}{what}: {failure.message}")
        if found.late and (stamp := found.provider_updated_at):
            lines.append(
                f"{dataset} is late: its provider's last release is of {stamp:%Y-%m-%d}, {(now - stamp).days} days ago"
            )
    return lines


def release_lines(home: DataFolder) -> list[str]:
    """What the release just shown has beyond the one before: large revisions, withdrawn figures, targets off track."""
    shown, earlier = release.current(home), release.releases(home)[:-1]
    if shown is None or not earlier:
        return []
    before = earlier[-1]
    since = before.record["known_until"]
    lines = []
    with release.reading(shown) as con:
        for dataset, changed, deleted, held in con.execute(
            """
            select dataset, sum(changed), sum(deleted), any_value(held) from vintages
            join (select dataset, count(*) as held from observations group by all) using (dataset)
            where kind <> 'baseline' and known_from > ?::timestamptz group by all order by all""",
            [since],
        ).fetchall():
            if changed > LARGE * held:
                lines.append(
                    f"{dataset}: a large revision, {changed:,} of {held:,} figures have another value"
                )
            if deleted:
                lines.append(f"{dataset}: figures withdrawn by the provider: {deleted:,}")
        short = assessment.falling_short(con)
    try:
        with release.reading(before) as con:
            told = {
                (t["target_id"], t["version"], t["point"], t["period"]) for t in assessment.falling_short(con)
            }
    except release.OtherVersion:
        # what it told of targets is not known: told once more rather than never
        told = set()
    for t in short:
        if (t["target_id"], t["version"], t["point"], t["period"]) not in told:
            what = f"missed its {t['point']}" if t["missed"] else "is at risk"
            about = ", ".join(part for part in (t["title_en"], t["name_en"]) if part)
            unit = unit_or_unknown(t["unit"])
            value, expected = (format_number(t[key], unit, "en") for key in ("value", "expected"))
            lines.append(
                f"target {t['target_id']} ({about}) {what}: {value} in {t['period']}, expected {expected}"
            )
    return lines
