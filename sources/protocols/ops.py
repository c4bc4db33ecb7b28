"""Ask EPO's Open Patent Services 3.2 how many documents named applicants published, week by week.

Belongs here: the token, sending searches, what statuses and headers mean, the tally. Does not belong here: transport and
rate limits (`sources/http/`), the wording of searches and their split (`ops_searches.py`).
Only the number of hits is asked for (range 1-1), unless a search had to be split. A week is asked for when it is over
and once more when it has settled; the tally keeps what was answered, and the body of a night is the whole tally as
SDMX-CSV, in the project's codes.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import logging
import os
import re
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sources.catalogue import Dataset
from sources.common.periods import Period
from sources.data_folder import utc_now, write_atomic
from sources.errors import BadRequest, Forbidden, NotData, NotFound, RateLimited, SourceError
from sources.http.client import Body, Client
from sources.http.rate_limit import HOUR_S, until_monday
from sources.protocols.interface import Fetched, PlannedRequest, Structure
from sources.protocols.ops_searches import (
    FIRST_WEEK,
    SETTLED_AFTER,
    TOTAL,
    Searches,
    read_tally,
    weeks_due,
)
from sources.protocols.responses import page

ANYWHERE = "WORLD"
WEEKS_A_NIGHT = 12
MOST_HITS = 2000  # the most hits that a query can return; a week with more needs a narrower search
A_PAGE = 100  # documents that one response lists at most
COLUMNS = "freq applicant technology geo TIME_PERIOD OBS_VALUE OBS_STATUS ASKED_ON SEARCH".split()
COUNTED = re.compile(r'<(?:\w+:)?biblio-search\b[^>]*\btotal-result-count="(\d{1,9})"')
REFERENCE = re.compile(r"<(?:\w+:)?publication-reference\b.*?</(?:\w+:)?publication-reference>", re.S)
IDENTITY = re.compile(r"<(?:\w+:)?(country|doc-number|kind)>\s*([^<\s]+)\s*</")
WAITS = {"PerMinute": 60.0, "PerHour": HOUR_S, "PerDay": 24 * HOUR_S}
TOMORROW = "nothing: the first run after that continues; weeks already answered are kept."
log = logging.getLogger("distretto")


class NoHits(NotFound):
    """A search found nothing."""


class TokenRefused(Forbidden):
    """The token has expired or is not valid."""


@dataclass(frozen=True)
class Sent:
    """Headers of a search, which are never stored: the token, and the range of hits."""

    token: str = field(repr=False)
    hits: str = "1-1"

    def __call__(self, request: Any) -> Any:
        request.headers.update({"Authorization": f"Bearer {self.token}", "X-OPS-Range": self.hits})
        return request


class Ops:
    """Requests to OPS in one run. The token is held in memory alone."""

    def __init__(self, client: Client, workdir: Path) -> None:
        self.client, self.workdir = client, workdir
        self._token = ""

    def fetch(self, dataset: Dataset, known: datetime | None) -> list[Fetched]:
        """The tally with the weeks that were due tonight. Raises a SourceError if none of them was answered."""
        searches = Searches.of(dataset)
        tally = self._tally(dataset)
        due = weeks_due(tally, searches.digest, utc_now().date(), FIRST_WEEK)[:WEEKS_A_NIGHT]
        asked = 0
        try:
            if due:
                self._refuse_silence(dataset, searches, due[0])
            for week in due:
                tally[week.text] = self._week(dataset, searches, week)
                write_atomic(self._kept(dataset), json.dumps(tally, sort_keys=True).encode())
                asked += 1
        except SourceError as failure:
            if not asked:
                raise
            log.warning("%s: %s of %s weeks, then: %s", dataset.id, asked, len(due), failure.message)
        # the stamp of a tally: the last day of its newest week, in UTC
        stamp = datetime.combine(Period.parse(max(tally)).end, time(), UTC)
        return [Fetched(self._body(dataset, tally), dataset.format, stamp)]

    def plan(self, dataset: Dataset) -> list[PlannedRequest]:
        """The token, the check for silence, and every search of the weeks that are due; a group without hits costs fewer."""
        searches = Searches.of(dataset)
        due = weeks_due(self._tally(dataset), searches.digest, utc_now().date(), FIRST_WEEK)[:WEEKS_A_NIGHT]
        if not due:
            return []
        silence = self._url(self._silence(searches, due[0]))
        pieces = [
            self._url(piece)
            for applicant in searches.applicants
            for technology in searches.technologies
            for piece in searches.pieces(applicant, technology, due[0])
        ]
        return [
            PlannedRequest(f"{self.client.provider.base_url}/auth/accesstoken", "token", shared=True),
            PlannedRequest(silence, "check for silence"),
            *(PlannedRequest(url, "search", times=len(due)) for url in pieces),
        ]

    def structure(self, dataset: Dataset) -> Structure:
        """What the searches ask for, since OPS has no tables: after one search of a year was answered; nothing is stored."""
        searches = Searches.of(dataset)
        newest = weeks_due({}, searches.digest, utc_now().date(), FIRST_WEEK)[0]
        self._refuse_silence(dataset, searches, newest)
        codes = {
            "freq": {"W"},
            "applicant": set(searches.applicants),
            "technology": set(searches.technologies),
            "geo": {ANYWHERE},
        }
        return Structure(list(codes), codes, set())

    def _kept(self, dataset: Dataset) -> Path:
        return self.client.kept / f"{dataset.id}.tally.json"

    def _tally(self, dataset: Dataset) -> dict[str, Any]:
        try:
            return read_tally(self._kept(dataset).read_text(encoding="utf-8", errors="replace"))
        except OSError:
            return {}

    def _week(self, dataset: Dataset, searches: Searches, week: Period) -> dict[str, Any]:
        """The counts of one week. If an applicant has no hit at all, its classes count 0 without a request."""
        counts: dict[str, dict[str, int]] = {}
        for applicant in searches.applicants:
            total = self._hits(dataset, searches.pieces(applicant, TOTAL, week))
            counts[applicant] = {
                code: total
                if code == TOTAL
                else self._hits(dataset, searches.pieces(applicant, code, week))
                if total
                else 0
                for code in searches.technologies
            }
        return {"asked": utc_now().date().isoformat(), "search": searches.digest, "counts": counts}

    def _silence(self, searches: Searches, newest: Period) -> str:
        """A search that must have hits: the first names of the first applicant, in all classes, over a year."""
        first = next(iter(searches.applicants))
        return searches.pieces(first, TOTAL, newest.shift(-52), weeks=52)[0]

    def _refuse_silence(self, dataset: Dataset, searches: Searches, newest: Period) -> None:
        """Raise NotData if the first applicant has nothing in a year.

        A search that OPS does not understand is answered like one without hits, so its zeros would look like figures.
        """
        if not self._count(dataset, self._silence(searches, newest), most=None):
            raise NotData(
                f"No hit for {next(iter(searches.applicants))} in a year: the service does not understand the search, "
                "and its zeros mean nothing.",
                hint="try the search of sources/protocols/ops_searches.py by hand, and correct names and classes in "
                "sources/applicants.yml; its first applicant must be one that publishes every year.",
            )

    def _hits(self, dataset: Dataset, pieces: list[str]) -> int:
        """The documents that the pieces of a search find, each counted once."""
        if len(pieces) == 1:
            return self._count(dataset, pieces[0])
        return len(set().union(*(self._documents(dataset, piece) for piece in pieces)))

    def _count(self, dataset: Dataset, cql: str, most: int | None = MOST_HITS) -> int:
        """The number of hits of one search."""
        text = self._search(dataset, cql, "1-1")
        return self._total(dataset, cql, text, most) if text else 0

    def _documents(self, dataset: Dataset, cql: str) -> set[tuple[str, ...]]:
        """Country, number and kind of every document that one search finds."""
        found: set[tuple[str, ...]] = set()
        first, total = 1, 1
        while first <= total:
            text = self._search(dataset, cql, f"{first}-{first + A_PAGE - 1}")
            if not text:
                break
            total = self._total(dataset, cql, text, MOST_HITS)
            found |= {_identity(reference) for reference in REFERENCE.findall(text)}
            first += A_PAGE
        if first > 1 and len(found) != total:
            raise NotData(
                f"{len(found)} documents listed of {total} found: the list is incomplete.",
                hint="the next run asks again.",
                dataset=dataset.id,
                url=self._url(cql),
            )
        return found

    def _total(self, dataset: Dataset, cql: str, text: str, most: int | None) -> int:
        """The number of hits in the result `text`. Raises NotData."""
        found = COUNTED.search(text)
        if found is None or not text.rstrip().endswith("world-patent-data>"):
            raise NotData(
                "The response is not a complete search result.", dataset=dataset.id, url=self._url(cql)
            )
        hits = int(found[1])
        if most is not None and hits > most:
            raise NotData(
                f"{hits:,} hits in a week, more than the {most:,} that a search returns: it is too wide.",
                hint="narrow names and classes in sources/applicants.yml.",
                dataset=dataset.id,
                url=self._url(cql),
            )
        return hits

    def _url(self, cql: str) -> str:
        return f"{self.client.provider.base_url}/rest-services/published-data/search?{urlencode({'q': cql})}"

    def _search(self, dataset: Dataset, cql: str, hits: str) -> str:
        """The result of a search as text; empty if it finds nothing. An expired token is renewed once."""
        for last in (False, True):
            self._token = self._token or self._new_token(dataset)
            into = self.workdir / f"{dataset.id}.{uuid.uuid4().hex[:8]}"
            try:
                body = self.client.get(
                    self._url(cql),
                    into,
                    dataset=dataset.id,
                    accept="application/xml",
                    classify=self._classify_response,
                    auth=Sent(self._token, hits),
                )
            except NoHits:
                return ""
            except TokenRefused:
                self._token = ""
                if last:
                    raise
            else:
                text = body.text()
                into.unlink()
                return text
        raise AssertionError("unreachable")

    def _new_token(self, dataset: Dataset) -> str:
        into = self.workdir / f"{dataset.id}.{uuid.uuid4().hex[:8]}"
        key, secret = (os.environ[name] for name in self.client.provider.credentials)
        url = f"{self.client.provider.base_url}/auth/accesstoken"
        try:
            body = self.client.get(
                url,
                into,
                dataset=dataset.id,
                accept="application/json",
                classify=self._classify_token,
                auth=(key, secret),
                form={"grant_type": "client_credentials"},
            )
            return str(json.loads(body.text())["access_token"])
        except (ValueError, KeyError, TypeError):
            # without its cause, which would quote the answer
            raise NotData(
                "The answer to the credentials has no token.", dataset=dataset.id, url=url
            ) from None
        finally:
            into.unlink(missing_ok=True)

    def _classify_token(self, status: int, body: Body) -> SourceError | None:
        """The failure of a token request. Messages quote nothing of the response, which holds the token."""
        self._follow_pace(body)
        if status == 200:
            return page(body)
        if status in (408, 429) or status >= 500:
            return None
        return Forbidden(
            f"HTTP {status}: the credentials were refused.",
            hint=f"check {' and '.join(self.client.provider.credentials)}, and the application at developers.epo.org.",
        )

    def _classify_response(self, status: int, body: Body) -> SourceError | None:
        """The failure of a search. Messages quote only the fault code of the response."""
        self._follow_pace(body)
        text = body.head.decode("utf-8", errors="replace")
        found = re.search(r"<(?:\w+:)?code>\s*([A-Za-z.]{1,60})\s*</", text)
        said = f"HTTP {status}" + (f" ({found[1]})" if found else "")
        if status == 404:
            empty = found and found[1] == "SERVER.EntityNotFound"
            return NoHits(f"{said}.") if empty else NotFound(f"{said}.")
        if status == 401 or (status == 400 and re.search(r"access.?token", text, re.I)):
            return TokenRefused(f"{said}: the token was refused.")
        if status == 403:
            return self._rejected(body, said)
        if status == 200:
            if not body.decoded_size:
                return NotData("The answer is empty.")
            return page(body) or self._quota(body)
        if status in (408, 429) or status >= 500:
            return None
        return BadRequest(
            f"{said}.", hint="try the search by hand; names and classes are in sources/applicants.yml."
        )

    def _rejected(self, body: Body, said: str) -> SourceError:
        """A 403: throttled, a quota spent, or no right at all."""
        reason = re.sub(r"[^A-Za-z]", "", body.response_headers.get("x-rejection-reason", ""))[:60]
        if reason:
            waits = (wait for ending, wait in WAITS.items() if ending in reason)
            wait = until_monday() if "PerWeek" in reason else next(waits, None)
            if wait:
                return RateLimited(f"{said}: {reason} is spent.", retry_after=wait, hint=TOMORROW)
        if "search=black" in body.response_headers.get("x-throttling-control", ""):
            # this provider gives Retry-After in milliseconds
            wait = float(body.response_headers.get("retry-after", 60_000)) / 1000
            return RateLimited(f"{said}: searches are black.", retry_after=wait, hint=TOMORROW)
        return Forbidden(f"{said}{': ' + reason if reason else ''}.")

    def _quota(self, body: Body) -> SourceError | None:
        used = body.response_headers.get("x-registeredquotaperweek-used", "")
        most = self.client.provider.max_bytes_a_week
        if most and used.isdigit() and int(used) >= most:
            return RateLimited(
                f"{int(used):,} bytes this week by the provider's count, of {most:,} that it is to be asked for.",
                retry_after=until_monday(),
                hint=TOMORROW,
            )
        return None

    def _follow_pace(self, body: Body) -> None:
        """Set the interval that the service asks for: `idle (..., search=green:30)` is thirty searches a minute."""
        found = re.search(r"\bsearch=[a-z]+:(\d{1,6})", body.response_headers.get("x-throttling-control", ""))
        if found:
            apart = 60 / max(int(found[1]), 1)
            self.client.limiter.interval = max(apart, self.client.provider.min_interval_s)

    def _body(self, dataset: Dataset, tally: dict[str, Any]) -> Body:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        for week, entry in sorted(tally.items()):
            status = (
                "A" if date.fromisoformat(entry["asked"]) >= Period.parse(week).end + SETTLED_AFTER else "P"
            )
            for applicant, counts in sorted(entry["counts"].items()):
                for technology, hits in sorted(counts.items()):
                    key = ("W", applicant, technology, ANYWHERE, week)
                    writer.writerow((*key, hits, status, entry["asked"], entry["search"]))
        data = text.getvalue().encode()
        path = self.workdir / f"{dataset.id}.csv"
        path.write_bytes(data)
        url = f"{self.client.provider.base_url}/rest-services/published-data/search"
        digest, size = hashlib.sha256(data).hexdigest(), len(data)
        headers = {"content-type": "text/csv"}
        return Body(path, url, 200, {}, headers, utc_now(), size, size, digest, False, data[:64])


def _identity(reference: str) -> tuple[str, ...]:
    """Country, number and kind of a publication, from its first document id."""
    first: dict[str, str] = {}
    for name, value in IDENTITY.findall(reference):
        first.setdefault(name, value)
    return tuple(first.get(name, "") for name in ("country", "doc-number", "kind"))
