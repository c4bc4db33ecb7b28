"""Checks shared by all providers' responses: web pages in place of data, notices of limits, stamps.

Belongs here: tests of a body or a stamp that hold for all providers. Does not belong here: one provider's statuses and
faults (its own module).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from sources.errors import RateLimited, Unavailable
from sources.http.client import Body

# what may precede the first element of a page: declarations and processing instructions, comments
PROLOGUE = re.compile(r"(?:\s+|<\?.*?\?>|<!--.*?-->)*", re.S)
PAGE = re.compile(r"<!doctype\s+html\b|<(?:html|head|body)\b", re.I)
LIMIT = re.compile(
    r"too many (?:requests|calls|downloads|queries)|rate.?limit|throttl|quota"
    r"|(?:number|limit) of (?:\w+ )?(?:requests|calls|downloads|queries)"
    r"|(?:requests|calls|downloads|queries)\b.{0,80}\b(?:exceed|limit|permitted|allowed|too often)"
    r"|(?:exceed|reached|over)\w*\b.{0,80}\b(?:requests|calls|downloads|queries|limit)",
    re.I | re.S,
)
# no service asked here published under its present address before 2005; a stamp may run ahead by a time zone
EARLIEST = datetime(2005, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)


def first_text(body: Body) -> str:
    """The beginning of a body as text, without byte order mark and blanks."""
    return body.head.decode("utf-8-sig", errors="replace").lstrip("\ufeff \r\n\t")


def page(body: Body) -> Unavailable | None:
    """The failure that a web page with status 200 means: maintenance, an overload, a renamed file."""
    text = first_text(body)
    prologue = PROLOGUE.match(text)
    start = text[prologue.end() :] if prologue else text
    # a comment longer than what is looked at: the media type decides
    open_comment = start.startswith("<!--") and "html" in body.response_headers.get("content-type", "")
    if PAGE.match(start) or open_comment:
        return Unavailable(f"A web page instead of data (HTTP {body.status}).")
    return None


def asks_for_pause(status: int, body: Body) -> RateLimited | None:
    """The failure if a provider says that it was asked too often, by its status or its text; its own Retry-After,
    where it gave one, is the pause."""
    if status not in (403, 429, 503):
        return None
    pause = body.response_headers.get("retry-after")
    if status == 429 or pause or LIMIT.search(said(body)):
        return RateLimited(
            f"HTTP {status}, asked too often: {said(body)}".rstrip(": ") + ".",
            retry_after=float(pause) if pause else None,
            hint="nothing: the first run after the pause asks again.",
        )
    return None


def said(body: Body) -> str:
    """The first words of a body, without its tags."""
    return " ".join(re.sub(r"<[^>]*>", " ", first_text(body)).split())[:200].rstrip(".")


def credible(stamp: datetime | None) -> datetime | None:
    """`stamp`, or None if it is implausible: before 2005 or in the future. The table is taken anyway."""
    if stamp is None or not EARLIEST <= stamp <= datetime.now(UTC) + AHEAD:
        return None
    return stamp
