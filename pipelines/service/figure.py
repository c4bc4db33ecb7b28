"""`/figure/GEO/INDICATOR/PERIOD`: one figure as it was known, as page, JSON or plain text, at an address that stays.

Belongs here: parameters and the form of the answer. Does not belong here: looking the figure up
(`warehouse/publishing/figures.py`), its texts (`warehouse/publishing/citation.py`) and its page (`assets/site/figure_page.py`).

The answer is independent of which release is shown: it is read from the newest one, whose history has that of all earlier
ones, also after a rollback.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Literal
from urllib.parse import urlencode

import duckdb
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from assets.site.figure_page import figure_page
from pipelines.service.parameters import AsOf, read
from pipelines.service.problems import Refused, shown
from sources.common.periods import Language
from sources.data_folder import DataFolder
from warehouse.publishing import citation
from warehouse.publishing.figures import look_up
from warehouse.publishing.release_pool import Reading, reading_beside
from warehouse.publishing.releases import newest
from warehouse.publishing.resolve import Known

Form = Literal["html", "json", "text"]
MEDIA_TYPES: dict[Form, str] = {"html": "text/html", "json": "application/json", "text": "text/plain"}
SUFFIXES: dict[str, Form] = {".html": "html", ".json": "json", ".txt": "text"}
# names of territories and indicators are shorter
LONGEST = 200


class FigureParameters(BaseModel):
    """The parameters of `/figure/GEO/INDICATOR/PERIOD`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    asOf: AsOf | None = Field(
        None,
        description="The figure as it was known then: a day, which means its end, or a moment with its offset from UTC. "
        "A + is written %2B. Without it: what is known now.",
        examples=["2026-09-30"],
    )
    format: Form | None = Field(
        None,
        description="The form of the answer. Without it: by the header Accept, JSON where it names none.",
    )
    lang: Language | None = Field(
        None, description="The language of page and text. Without it: by Accept-Language."
    )


def figure(request: Request, reading: Reading) -> Response:
    """The figure that the path names, as it was known at `asOf`."""
    asked = read(request, FigureParameters)
    geo, indicator, period = (str(request.path_params[name]) for name in ("geo", "indicator", "period"))
    suffix = next((one for one in SUFFIXES if period.endswith(one)), "")
    period = period.removesuffix(suffix)
    for name, text in (("geo", geo), ("indicator", indicator), ("period", period)):
        if len(text) > LONGEST or not text.isprintable():
            raise Refused(
                400, f"invalid-{name}", f"{name}: {shown(text)!r} is no name or code.", parameter=name
            )
    form = SUFFIXES[suffix] if suffix else asked.format or accepted_form(request)
    language = asked.lang or accepted_language(request)
    with history(reading) as (con, known, today):
        answer = look_up(con, known, geo, indicator, period, asked.asOf, today)
    if form == "json":
        body = json.dumps(citation.as_json(answer), ensure_ascii=False, indent=1)
    elif form == "text":
        body = citation.plain_text(answer, language)
    else:
        words = [("asOf", citation.stamp(answer.as_of))] + ([("lang", asked.lang)] if asked.lang else [])
        here = f"{request.url.path.rsplit('/', 1)[1].removesuffix(suffix)}?{urlencode(words)}"
        body = figure_page(answer, language, here, "../../../")
    headers = {"link": f'<{citation.address(answer)}>; rel="canonical"', "content-language": language}
    return Response(body, 200, headers, MEDIA_TYPES[form])


@contextmanager
def history(reading: Reading) -> Iterator[tuple[duckdb.DuckDBPyConnection, Known, datetime]]:
    """A connection to the newest release, the names that it knows, and the moment of the release that is shown."""
    latest = newest(DataFolder(reading.release.folder.parent.parent))
    if latest.id == reading.release.id:
        yield reading.con, _known(latest.id, reading.con), latest.moment
    else:
        with reading_beside(latest) as con:
            yield con, _known(latest.id, con), reading.release.moment


def _known(release_id: str, con: duckdb.DuckDBPyConnection) -> Known:
    kept = _names.get(release_id)
    if kept is None:
        kept = Known.read(con)
        _names.clear()
        _names[release_id] = kept
    return kept


_names: dict[str, Known] = {}


def accepted_form(request: Request) -> Form:
    """The form that the header Accept prefers; JSON if it accepts anything, and for a program that sends none."""
    wanted = [
        (kind, form)
        for kind, form in (
            (part.partition(";")[0].strip().lower(), part)
            for part in request.headers.get("accept", "*/*").split(",")
        )
        if not form.replace(" ", "").endswith(";q=0")
    ]
    for kind, _ in sorted(wanted, key=lambda one: -_quality(one[1])):
        for form, media_type in MEDIA_TYPES.items():
            if kind == media_type:
                return form
        if kind in ("*/*", "application/*"):
            return "json"
        if kind == "text/*":
            return "text"
    return "json"


def accepted_language(request: Request) -> Language:
    """Italian or English, whichever Accept-Language prefers; Italian without it."""
    parts = [part.strip() for part in request.headers.get("accept-language", "").split(",")]
    for part in sorted(parts, key=lambda one: -_quality(one)):
        for language in ("it", "en"):
            if part.lower().startswith(language):
                return language
    return "it"


def _quality(part: str) -> float:
    """The weight of one entry of an Accept header; 0 for one that is no number."""
    for word in part.split(";")[1:]:
        name, _, weight = word.strip().partition("=")
        if name.lower() == "q":
            try:
                return float(weight)
            except ValueError:
                return 0.0
    return 1.0
