"""How EPO's Open Patent Services 3.2 are asked: how many documents named applicants published, week by week.

Belongs here: the token, the searches, what its statuses and headers mean, the weeks asked so far. Does not belong here:
transport, pace and budgets (`http.py`), whom and what is searched for (`applicants.yml`).
Only the number of hits is asked for (range 1-1). A week is asked when it is over and once more when it has settled; what was
answered is kept in a tally beside the pace, and the body of a night is the whole tally as SDMX-CSV, in our words.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import logging
import os
import re
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from sources.catalogue import Dataset
from sources.common.config import YamlLoader
from sources.data_folder import utc_now, write_atomic
from sources.errors import (
    BadRequest,
    Forbidden,
    NotData,
    NotFound,
    RateLimited,
    SourceError,
    Unavailable,
)
from sources.http.client import HOUR_S, Body, Client, until_monday
from sources.protocols import Fetched, Structure

APPLICANTS = Path(__file__).parent.parent / "applicants.yml"
TOTAL = "TOTAL"
ANYWHERE = "WORLD"
OFFICE = "EP"
FIRST_WEEK = date(2021, 1, 4)
WEEKS_A_NIGHT = 12
OVER_AFTER = timedelta(days=4)  # the week's documents reach the service within days
SETTLED_AFTER = timedelta(days=63)  # classes are assigned and names standardised for weeks after publication
MOST_HITS = 2000  # what a query can return; a week with more has been asked too widely
COLUMNS = (
    "freq",
    "applicant",
    "technology",
    "geo",
    "TIME_PERIOD",
    "OBS_VALUE",
    "OBS_STATUS",
    "ASKED_ON",
    "SEARCH",
)
COUNTED = re.compile(r'<(?:\w+:)?biblio-search\b[^>]*\btotal-result-count="(\d{1,9})"')
WAITS = {"PerMinute": 60.0, "PerHour": HOUR_S, "PerDay": 24 * HOUR_S}
log = logging.getLogger("distretto")


class NoHits(NotFound):
    """The service's word for a search that finds nothing."""


class TokenRefused(Forbidden):
    """The token has expired, or was never good."""


@dataclass(frozen=True)
class Sent:
    """What goes with a search and is kept nowhere: the token, and that one hit is enough."""

    token: str = field(repr=False)

    def __call__(self, request: Any) -> Any:
        request.headers.update({"Authorization": f"Bearer {self.token}", "X-OPS-Range": "1-1"})
        return request


@dataclass
class Ops:
    """One run's conversation with OPS. The token is held in memory alone."""

    client: Client
    workdir: Path
    _token: str = field(default="", init=False, repr=False)
    _apart: float = field(default=0, init=False)

    def fetch(self, dataset: Dataset, known: datetime | None) -> Fetched:
        """The tally with the weeks that were due tonight. Raises a SourceError where not one of them was answered."""
        searches = Searches.of(dataset)
        kept = self.client.pace / f"{dataset.id}.tally.json"
        tally = _read(kept)
        due = weeks_due(tally, searches.digest, utc_now().date())[:WEEKS_A_NIGHT]
        asked = 0
        try:
            if due:
                self._refuse_silence(dataset, searches, due[0])
            for monday in due:
                tally[_name(monday)] = self._week(dataset, searches, monday)
                write_atomic(kept, json.dumps(tally, sort_keys=True).encode())
                asked += 1
        except SourceError as failure:
            if not asked:
                raise
            log.warning("%s: %s of %s weeks, then: %s", dataset.id, asked, len(due), failure.message)
        return Fetched(self._body(dataset, tally), dataset.format, _end(max(tally)))

    def structure(self, dataset: Dataset) -> Structure:
        """What the searches ask for, since OPS has no tables: shown once one search of a year was answered, and kept nowhere."""
        searches = Searches.of(dataset)
        self._refuse_silence(dataset, searches, weeks_due({}, searches.digest, utc_now().date())[0])
        codes = {
            "freq": {"W"},
            "applicant": set(searches.applicants),
            "technology": set(searches.technologies),
            "geo": {ANYWHERE},
        }
        return Structure(list(codes), codes, set())

    def _week(self, dataset: Dataset, searches: Searches, monday: date) -> dict[str, Any]:
        """The counts of one week. Where an applicant has no hit at all its classes are none, and are not asked."""
        counts: dict[str, dict[str, int]] = {}
        for applicant in searches.applicants:
            total = self._count(dataset, searches.cql([applicant], TOTAL, monday))
            counts[applicant] = {
                code: total
                if code == TOTAL
                else self._count(dataset, searches.cql([applicant], code, monday))
                if total
                else 0
                for code in searches.technologies
            }
        return {"asked": utc_now().date().isoformat(), "search": searches.digest, "counts": counts}

    def _refuse_silence(self, dataset: Dataset, searches: Searches, newest: date) -> None:
        """Raise NotData where all applicants together have nothing in a year.

        A search that OPS does not understand is answered like one without hits: zeros would be believed.
        """
        cql = searches.cql(list(searches.applicants), TOTAL, newest - timedelta(weeks=52), weeks=52)
        if not self._count(dataset, cql, most=None):
            raise NotData(
                "No hit for all applicants in a year: the search is not understood, and its zeros mean nothing.",
                hint="try the search of sources/protocols/ops.py by hand, and mend names and classes in sources/applicants.yml.",
            )

    def _count(self, dataset: Dataset, cql: str, most: int | None = MOST_HITS) -> int:
        """The number of hits of one search."""
        url = f"{self.client.provider.base_url}/rest-services/published-data/search?{urlencode({'q': cql})}"
        for last in (False, True):
            if not self._token:
                self._token = self._new_token(dataset)
            into = self.workdir / f"{dataset.id}.{uuid.uuid4().hex[:8]}"
            time.sleep(self._apart)
            try:
                body = self.client.get(
                    url,
                    into,
                    dataset=dataset.id,
                    accept="application/xml",
                    judge=self._judge,
                    auth=Sent(self._token),
                )
                break
            except NoHits:
                return 0
            except TokenRefused:
                self._token = ""
                if last:
                    raise
        text = body.text()
        into.unlink()
        found = COUNTED.search(text)
        if found is None or not text.rstrip().endswith("world-patent-data>"):
            raise NotData("The answer is no whole result of a search.", dataset=dataset.id, url=url)
        hits = int(found[1])
        if most is not None and hits > most:
            raise NotData(
                f"{hits:,} hits in a week, more than the {most:,} that a search returns: it has been asked too widely.",
                hint="narrow names and classes in sources/applicants.yml.",
                dataset=dataset.id,
                url=url,
            )
        return hits

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
                judge=self._judge_token,
                auth=(key, secret),
                form={"grant_type": "client_credentials"},
            )
            return str(json.loads(body.text())["access_token"])
        except (ValueError, KeyError, TypeError):
            raise NotData(
                "The answer to the credentials has no token.", dataset=dataset.id, url=url
            ) from None
        finally:
            into.unlink(missing_ok=True)

    def _judge_token(self, status: int, body: Body) -> SourceError | None:
        """Of these answers nothing is quoted: they hold the token."""
        self._heed(body)
        if status == 200 or status in (408, 429) or status >= 500:
            return None
        return Forbidden(
            f"HTTP {status}: the credentials were refused.",
            hint=f"check {' and '.join(self.client.provider.credentials)}, and the application at developers.epo.org.",
        )

    def _judge(self, status: int, body: Body) -> SourceError | None:
        """What an answer to a search means; nothing of it is quoted but the code of its fault."""
        self._heed(body)
        text = body.head.decode("utf-8", errors="replace")
        told = re.search(r"<(?:\w+:)?code>\s*([A-Za-z.]{1,60})\s*</", text)
        said = f"HTTP {status}" + (f" ({told[1]})" if told else "")
        if status == 404:
            empty = told and told[1] == "SERVER.EntityNotFound"
            return NoHits(f"{said}.") if empty else NotFound(f"{said}.")
        if status == 401 or (status == 400 and re.search(r"access.?token", text, re.I)):
            return TokenRefused(f"{said}: the token was refused.")
        if status == 403:
            return self._rejected(body, said)
        if status == 200:
            if not body.decoded_size:
                return NotData("The answer is empty.")
            if re.match(r"\s*(<!doctype html|<html)", text, re.I):
                return Unavailable("A web page instead of a result.")
            return self._quota(body)
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

    def _heed(self, body: Body) -> None:
        """Keep as far apart as the service says: `idle (..., search=green:30)` is thirty searches a minute."""
        told = re.search(r"\bsearch=[a-z]+:(\d{1,6})", body.response_headers.get("x-throttling-control", ""))
        if told:
            self._apart = 60 / max(int(told[1]), 1)

    def _body(self, dataset: Dataset, tally: dict[str, Any]) -> Body:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        for week, entry in sorted(tally.items()):
            status = "A" if date.fromisoformat(entry["asked"]) >= _sunday(week) + SETTLED_AFTER else "P"
            for applicant, counts in sorted(entry["counts"].items()):
                for technology, hits in sorted(counts.items()):
                    row = (
                        "W",
                        applicant,
                        technology,
                        ANYWHERE,
                        week,
                        hits,
                        status,
                        entry["asked"],
                        entry["search"],
                    )
                    writer.writerow(row)
        data = text.getvalue().encode()
        path = self.workdir / f"{dataset.id}.csv"
        path.write_bytes(data)
        url = f"{self.client.provider.base_url}/rest-services/published-data/search"
        digest, size = hashlib.sha256(data).hexdigest(), len(data)
        about = {"content-type": "text/csv"}
        return Body(path, url, 200, {}, about, utc_now(), size, size, digest, False, data[:64])


TOMORROW = "nothing: the first run after that goes on; weeks already answered are kept."


@dataclass(frozen=True)
class Searches:
    """The applicants' names and the technologies' classes that a dataset asks for, and the CQL they make."""

    applicants: dict[str, list[str]]
    technologies: dict[str, list[str]]

    @classmethod
    def of(cls, dataset: Dataset) -> Searches:
        """Raises BadRequest with the codes that `applicants.yml` does not have."""
        given = yaml.load(APPLICANTS.read_text(encoding="utf-8"), Loader=YamlLoader)
        names = {code: entry["names"] for code, entry in given["applicants"].items()}
        classes = given["technologies"] | {
            TOTAL: [one for listed in given["technologies"].values() for one in listed]
        }
        asked = dataset.query.get("applicant", list(names)), dataset.query.get("technology", list(classes))
        if unknown := [
            c for codes, has in zip(asked, (names, classes), strict=True) for c in codes if c not in has
        ]:
            raise BadRequest(f"Not in sources/{APPLICANTS.name}: {', '.join(unknown)}.")
        return cls(
            {c: names[c] for c in asked[0]}, {c: classes[c] for c in asked[1]} | {TOTAL: classes[TOTAL]}
        )

    @property
    def digest(self) -> str:
        """Of the wording: where it changes, every week is asked anew."""
        return hashlib.sha256(json.dumps(vars(self), sort_keys=True).encode()).hexdigest()[:8]

    def cql(self, applicants: list[str], technology: str, monday: date, weeks: int = 1) -> str:
        """Documents of EPO's by `applicants` in the classes of `technology`, published in the weeks from `monday` on."""
        names = " or ".join(f'pa="{name}"' for code in applicants for name in self.applicants[code])
        classes = " or ".join(f"cpc={one}" for one in self.technologies[technology])
        sunday = monday + timedelta(weeks=weeks, days=-1)
        # `>=` and `<=` are answered by a fault: a range is always `within`
        return f'pn={OFFICE} and ({names}) and ({classes}) and pd within "{monday:%Y%m%d} {sunday:%Y%m%d}"'


def weeks_due(tally: dict[str, Any], digest: str, today: date) -> list[date]:
    """The Mondays of the weeks to ask for, newest first: never asked, asked in other words, or settled since."""
    monday = today - timedelta(days=today.weekday())
    due = []
    while monday > FIRST_WEEK:
        monday -= timedelta(weeks=1)
        entry, sunday = tally.get(_name(monday)), monday + timedelta(days=6)
        settled = sunday + SETTLED_AFTER
        again = entry and date.fromisoformat(entry["asked"]) < settled <= today
        if today >= sunday + OVER_AFTER and (entry is None or entry["search"] != digest or again):
            due.append(monday)
    return due


def _name(monday: date) -> str:
    return f"{monday:%G-W%V}"


def _sunday(week: str) -> date:
    return datetime.strptime(f"{week}-7", "%G-W%V-%u").date()


def _end(week: str) -> datetime:
    return datetime.combine(_sunday(week), datetime.min.time(), UTC)


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
