"""`/api/v1/data.FORM`: figures by indicator, territory and period, now or as known at a moment.

Belongs here: checking what is asked for against the release, limits, paging and forms. Does not belong here: the query
(`warehouse/publishing/selection.py`), the parameters (`parameters.py`).
"""

from __future__ import annotations

import json
from functools import lru_cache
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from pipelines.service.answers import written
from pipelines.service.parameters import ROWS, DataParameters, read
from pipelines.service.problems import Refused, shown
from sources.common.names import similar
from sources.common.periods import Period
from sources.errors import InvalidPeriod
from warehouse.publishing.exports.forms import FORMS
from warehouse.publishing.release_pool import Reading
from warehouse.publishing.selection import PeriodRange, Selection, Vocabulary

# writing a workbook takes far longer than the query
XLSX_ROWS = 20_000
FORMATS = {"csv": ROWS, "json": ROWS, "xlsx": XLSX_ROWS, "parquet": ROWS}
MEDIA_TYPES = {"json": "application/json"} | {
    form: FORMS[form].media_type for form in ("csv", "xlsx", "parquet")
}
_LONGEST_NAME = 100


def data(request: Request, reading: Reading) -> Response:
    """The selection as a file of the form at the end of the address."""
    form = request.path_params["form"]
    if form not in FORMATS:
        raise Refused(
            404,
            "unknown-format",
            f"There is no {shown(form)}; there are {', '.join(FORMATS)}.",
            near=list(FORMATS),
        )
    asked = read(request, DataParameters)
    names = reading.once(Vocabulary.read)
    selection = Selection(
        _known("indicator", asked.indicator, names.indicators | names.codes, reading),
        _known("geo", asked.geo, names.geos, reading),
        _periods(asked.period, names),
        asked.asOf,
    )
    total = selection.count(reading.con, names)
    rows = max(0, min(asked.limit or total, total - asked.offset))
    if rows > FORMATS[form]:
        raise _too_large(reading, selection, names, form, rows)
    following = _next_page(request, asked, total)
    headers = {"x-total-count": str(total)} | ({"link": f'<{following}>; rel="next"'} if following else {})
    if form in ("xlsx", "parquet"):
        headers["content-disposition"] = f'attachment; filename="distretto-{reading.release.id}.{form}"'
    before, after = b"", b""
    if form == "json":
        envelope = {
            "release": reading.release.id,
            "asOf": asked.asOf.isoformat() if asked.asOf else None,
            "total": total,
            "offset": asked.offset,
            "next": following,
        }
        before, after = json.dumps(envelope)[:-1].encode() + b', "data": ', b"}\n"
    return written(
        reading.spool,
        lambda path: selection.write(reading.con, names, path, form, asked.limit, asked.offset),
        MEDIA_TYPES[form],
        headers,
        before,
        after,
    )


def _known(parameter: str, asked: list[str], known: frozenset[str], reading: Reading) -> tuple[str, ...]:
    for code in asked:
        if code not in known:
            near = near_codes(parameter, code, reading)
            raise Refused(
                404,
                f"unknown-{parameter}",
                f"Release {reading.release.id} has no {parameter} {shown(code)!r}."
                + (f" Similar: {', '.join(near)}." if near else ""),
                parameter=parameter,
                near=near,
            )
    return tuple(dict.fromkeys(asked))


def near_codes(parameter: str, text: str, reading: Reading) -> list[str]:
    """Codes that look like `text`, or whose Italian or English names do."""
    table = {
        "indicator": "select indicator, title_it, title_en from indicator_catalogue "
        "union all select code, label_it, label_en from codelists where dimension = 'indicator'",
        "geo": "select geo, name_it, name_en from geography",
    }[parameter]
    codes: dict[str, str] = {}
    for code, *labels in reading.con.execute(table).fetchall():
        for name in (code, *labels):
            codes.setdefault(name or code, code)
    return list(dict.fromkeys(codes[name] for name in similar(text[:_LONGEST_NAME], codes)))


def _periods(asked: list[str], names: Vocabulary) -> tuple[str, ...] | None:
    if not asked:
        return None
    ranges = [_range(text) for text in asked]
    return tuple(period.text for period in names.periods if any(period in chosen for chosen in ranges))


@lru_cache(maxsize=1024)
def _range(text: str) -> PeriodRange:
    first, colon, last = text.partition(":")
    try:
        if len(text) > 30 or not (first or last):
            raise InvalidPeriod("")
        begin = Period.parse(first) if first else None
        end = (Period.parse(last) if last else None) if colon else begin
    except InvalidPeriod:
        raise Refused(
            400,
            "invalid-period",
            f"period: {shown(text)!r} is neither a period nor a range. Write 2019, 2019-Q1, 2019-01, 2015:2020, 2015: or :2020.",
            parameter="period",
        ) from None
    if begin and end and begin.start > end.end:
        raise Refused(
            400, "invalid-period", f"period: {shown(text)} ends before it begins.", parameter="period"
        )
    return PeriodRange(begin, end)


def _too_large(reading: Reading, selection: Selection, names: Vocabulary, form: str, rows: int) -> Refused:
    theirs = any(code in names.codes for code in selection.indicators)
    tables = ["indicators"] if selection.moment is None else ["indicator_history"]
    if theirs:
        tables.append("observations" if selection.moment is None else "history")
    files = [f"/releases/{reading.release.id}/{table}.parquet" for table in tables]
    return Refused(
        413,
        "too-many-rows",
        f"{rows:,} rows were selected, and one {form} answer has at most {FORMATS[form]:,}. Choose fewer indicators, "
        f"territories or periods, ask for pages with limit and offset, or read {' and '.join(files)}, which has every row.",
        rows=rows,
        most=FORMATS[form],
        files=files,
    )


def _next_page(request: Request, asked: DataParameters, total: int) -> str | None:
    if asked.limit is None or asked.offset + asked.limit >= total:
        return None
    words = [(name, text) for name, text in request.query_params.multi_items() if name != "offset"]
    return f"{request.url.path}?{urlencode([*words, ('offset', asked.offset + asked.limit)])}"
