"""The syntax of SDMX-REST 2.2: paths, keys, component filters and query parameters of data queries.

Belongs here: reading them, and the refusals of what is wrong or not served. Does not belong here: the queries.
Whatever the standard has and this server does not is refused with 501: it is never left out silently.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import NoReturn
from urllib.parse import unquote

from starlette.requests import Request

from pipelines.service.parameters import ROWS, as_of
from pipelines.service.problems import Refused, shown
from sources.common.names import similar
from sources.common.periods import Period
from sources.errors import InvalidPeriod
from warehouse.publishing.exports.sdmx import AGENCY, MEASURE, TIME, VERSION, Flow
from warehouse.publishing.sdmx_query import OPERATORS, TIME_OPERATORS, Condition, DataQuery

ALL = "*"
LATEST = (ALL, "~", "+", "latest")
# parameters of a data query that the standard has and this server does not serve
NOT_SERVED = ("sort", "reportingYearStartDay")
# parameters of which only these values are served
ONLY = {
    "dimensionAtObservation": ("AllDimensions", TIME),
    "attributes": ("dsd", "all", ALL),
    "measures": ("all", ALL),
}
_FILTER = re.compile(r"c\[([^\]]*)\]")


def data_query(request: Request, flow: Flow, key: str, known: dict[str, frozenset[str]]) -> DataQuery:
    """The query of a request on `flow`; `known`: the codes of each dimension. Raises Refused."""
    found: dict[str, str] = {}
    conditions: list[Condition] = []
    for name, text in pairs(request.url.query):
        if component := _FILTER.fullmatch(name):
            conditions += _conditions(flow, component[1], text)
        elif name in NOT_SERVED:
            not_served(name)
        elif name in found:
            raise Refused(400, "repeated-parameter", f"{name} is given more than once.", parameter=name)
        else:
            found[name] = text
    query = DataQuery(
        flow,
        _keys(flow, key, known),
        tuple(conditions),
        _moment(found, "asOf"),
        _flag(found, "includeHistory"),
        _moment(found, "updatedAfter"),
        _number(found, "firstNObservations", 1, ROWS),
        _number(found, "lastNObservations", 1, ROWS),
        _number(found, "limit", 1, ROWS),
        _number(found, "offset", 0, 1_000_000_000) or 0,
    )
    for name, values in ONLY.items():
        if found.pop(name, values[0]) not in values:
            not_served(f"{name} other than {' or '.join(values)}")
    for name in found:
        known_names = ["c[COMPONENT]", "asOf", "includeHistory", "updatedAfter", "firstNObservations"]
        known_names += ["lastNObservations", "limit", "offset", *ONLY, *NOT_SERVED]
        raise Refused(
            400,
            "unknown-parameter",
            f"A data query has no parameter {shown(name)!r}.",
            parameter=shown(name),
            near=similar(name[:100], known_names),
        )
    return query


def pairs(query: str) -> Iterator[tuple[str, str]]:
    """The parameters of a query string by RFC 3986, as SDMX clients write it: a + is a plus and not a blank."""
    for part in query.split("&"):
        if part:
            name, _, text = part.partition("=")
            yield unquote(name), unquote(text)


def check_agency_and_version(agency: str, version: str) -> None:
    """Raises Refused unless they are ours, or any."""
    if agency not in (ALL, AGENCY):
        raise Refused(
            404, "unknown-agency", f"{shown(agency)} maintains nothing here: write {AGENCY} or {ALL}."
        )
    if version not in (*LATEST, VERSION):
        raise Refused(
            404, "unknown-version", f"There is no version {shown(version)}: write {VERSION} or {ALL}."
        )


def not_served(what: str) -> NoReturn:
    """Refuse a part of the standard that this server does not serve."""
    raise Refused(501, "not-served", f"This server does not serve {what}; docs/api.md lists what it serves.")


def _keys(
    flow: Flow, key: str, known: dict[str, frozenset[str]]
) -> tuple[tuple[tuple[str, ...] | None, ...], ...]:
    if key in ("", ALL, "all"):
        return ()
    keys = []
    for one in key.split(","):
        positions = one.split(".")
        if len(positions) != len(flow.dimensions):
            order = ".".join(d.upper() for d in flow.dimensions)
            raise Refused(
                400,
                "invalid-key",
                f"The key {shown(one)} has {len(positions)} positions; a key of {flow.id} has {len(flow.dimensions)}: {order}.",
            )
        keys.append(
            tuple(
                None if text in ("", ALL) else _codes(dimension, text, known[dimension])
                for dimension, text in zip(flow.dimensions, positions, strict=True)
            )
        )
    return tuple(keys)


def _codes(dimension: str, text: str, known: frozenset[str]) -> tuple[str, ...]:
    codes = tuple(text.split("+"))
    for code in codes:
        if code not in known:
            near = similar(code[:100], sorted(known))
            raise Refused(
                404,
                "unknown-code",
                f"{dimension.upper()} has no code {shown(code)!r}."
                + (f" Similar: {', '.join(near)}." if near else ""),
                parameter=dimension.upper(),
                near=near,
            )
    return codes


def _conditions(flow: Flow, component: str, text: str) -> Iterator[Condition]:
    """The conditions of one filter: alternatives are separated by commas, conditions that all hold by +."""
    if component in flow.attributes or component == MEASURE:
        not_served("filters of attributes and measures")
    columns = {d.upper(): d for d in flow.dimensions} | {TIME: "period"}
    if component not in columns:
        raise Refused(
            400,
            "unknown-component",
            f"{flow.id} has no component {shown(component)!r}; it has {', '.join(columns)}.",
            near=similar(component[:100], columns),
        )
    column = columns[component]
    served = TIME_OPERATORS if column == "period" else tuple(OPERATORS)
    for part in text.split("+"):
        values, operators = [], set()
        for alternative in part.split(","):
            operator, colon, value = alternative.partition(":")
            if not colon:
                operator, value = "eq", alternative
            if operator not in ("eq", "ne", "lt", "le", "gt", "ge", "co", "nc", "sw", "ew"):
                raise Refused(
                    400, "invalid-filter", f"c[{component}]: there is no operator {shown(operator)!r}."
                )
            if operator not in served:
                not_served(f"the operator {operator} for {component}")
            if not value:
                raise Refused(400, "invalid-filter", f"c[{component}] has an empty value.")
            operators.add(operator)
            values.append(value)
        if len(operators) > 1 or (len(values) > 1 and operators & {"ne", "nc"}):
            not_served("alternatives with different operators, or of exclusions: separate exclusions by +")
        if column == "period":
            for value in values:
                _check_period(component, value)
        yield Condition(column, operators.pop(), tuple(values))


def _check_period(component: str, value: str) -> None:
    try:
        if len(value) > 12:
            raise InvalidPeriod("")
        Period.parse(value)
    except InvalidPeriod:
        raise Refused(
            400,
            "invalid-period",
            f"c[{component}]: {shown(value)!r} is not a period, such as 2019 or 2019-Q1.",
        ) from None


def _moment(found: dict[str, str], name: str) -> datetime | None:
    text = found.pop(name, None)
    return None if text is None else as_of(text, name)


def _flag(found: dict[str, str], name: str) -> bool:
    text = found.pop(name, "false")
    if text not in ("true", "false"):
        raise Refused(400, "invalid-parameter", f"{name}: write true or false.", parameter=name)
    return text == "true"


def _number(found: dict[str, str], name: str, least: int, most: int) -> int | None:
    text = found.pop(name, None)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,10}", text, re.ASCII) or not least <= int(text) <= most:
        raise Refused(
            400,
            "invalid-parameter",
            f"{name}: write a whole number from {least} to {most:,}.",
            parameter=name,
        )
    return int(text)
