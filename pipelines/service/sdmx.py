"""SDMX-REST 2.2 below `/sdmx/v2`: data as SDMX-CSV 2.0, dataflows, data structures, code lists and concepts.

Belongs here: the addresses of the standard, and which of them are refused with 501. Does not belong here: the syntax of data
queries (`sdmx_parameters.py`), structure messages (`warehouse/publishing/exports/sdmx_structures.py`).
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from pipelines.service.answers import written
from pipelines.service.media_types import negotiate
from pipelines.service.parameters import ROWS
from pipelines.service.problems import Refused, shown
from pipelines.service.sdmx_parameters import (
    ALL,
    check_agency_and_version,
    data_query,
    not_served,
    pairs,
)
from sources.common.names import similar
from warehouse.publishing.exports.sdmx import INDICATORS, Flow, flow, flows
from warehouse.publishing.exports.sdmx_structures import FORMATS, TYPES, Artefacts, message
from warehouse.publishing.release_pool import Reading
from warehouse.publishing.sdmx_query import codes

CSV = "application/vnd.sdmx.data+csv;version=2.0.0"
XML, JSON = (
    "application/vnd.sdmx.structure+xml;version=2.1",
    "application/vnd.sdmx.structure+json;version=2.0.0",
)
# SDMX-ML 2.1 first: every client reads it
STRUCTURE_TYPES = [XML, *(one for one in FORMATS if one != XML)]
CONTEXTS = ("dataflow", "datastructure", "provisionagreement", ALL)
OTHER_TYPES = (
    "structure metadatastructure categoryscheme hierarchicalcodelist hierarchy hierarchyassociation organisationscheme "
    "agencyscheme dataproviderscheme dataconsumerscheme organisationunitscheme metadataflow reportingtaxonomy "
    "provisionagreement structureset process categorisation contentconstraint dataconstraint metadataconstraint "
    "actualconstraint allowedconstraint attachmentconstraint transformationscheme rulesetscheme "
    "userdefinedoperatorscheme customtypescheme namepersonalisationscheme vtlmappingscheme valuelist structuremap "
    "representationmap conceptschememap categoryschememap organisationschememap reportingtaxonomymap "
    "metadataproviderscheme metadataprovisionagreement"
).split()
REFERENCES = ("none", "children", "descendants", "all", "parents", "parentsandsiblings", "ancestors")


def data(request: Request, reading: Reading) -> Response:
    """`/data/{context}/{agency}/{id}/{version}/{key}`."""
    context, agency, id, version, key = _path(request, 5)
    if context not in CONTEXTS:
        raise Refused(404, "unknown-context", f"There is no context {shown(context)}: write dataflow.")
    if context == "provisionagreement":
        not_served("data by provision agreement")
    check_agency_and_version(agency, version)
    if id == ALL or "," in id:
        not_served("several dataflows in one query")
    chosen = _flow(reading, id)
    query = data_query(request, chosen, key, codes(reading.con, chosen))
    media_type = negotiate(request.headers.get("accept", ""), [CSV], {"text/csv": CSV, "text/*": CSV})
    total = query.count(reading.con)
    if total == 0:
        raise Refused(404, "no-results", f"No observation of {chosen.id} fits the query.")
    rows = max(0, min(query.limit or total, total - query.offset))
    if rows > ROWS:
        table = INDICATORS if chosen.id == INDICATORS else "observations"
        file = f"/releases/{reading.release.id}/{'history' if query.history else table}.parquet"
        raise Refused(
            413,
            "too-many-rows",
            f"{rows:,} observations were selected, and one answer has at most {ROWS:,}. Narrow the key, ask for pages with "
            f"limit and offset, or read {file}, which has every row.",
            rows=rows,
            most=ROWS,
            files=[file],
        )
    return written(reading.spool, lambda path: query.write(reading.con, path), media_type)


def structure(request: Request, reading: Reading) -> Response:
    """`/structure/{type}/{agency}/{id}/{version}`."""
    kind, agency, id, version = _path(request, 4)
    if kind not in TYPES:
        if kind in (ALL, *OTHER_TYPES):
            not_served(f"structures of type {kind}: it has {', '.join(TYPES)}")
        raise Refused(
            404, "unknown-type", f"There is no type {shown(kind)}.", near=similar(kind[:100], TYPES)
        )
    check_agency_and_version(agency, version)
    references = "none"
    for name, text in pairs(request.url.query):
        if name == "references" and text in ("none", "children", "descendants", "all"):
            references = text
        elif name == "references" and text in (*REFERENCES, *TYPES, *OTHER_TYPES):
            not_served(f"references={text}")
        elif name == "detail" and text in (
            "allstubs",
            "referencestubs",
            "allcompletestubs",
            "referencecompletestubs",
            "referencepartial",
            "raw",
        ):
            not_served(f"detail={text}")
        elif (name, text) != ("detail", "full"):
            raise Refused(
                400,
                "invalid-parameter",
                f"A structure query has no parameter {shown(name)}={shown(text)}.",
                parameter=shown(name),
            )
    media_type = negotiate(
        request.headers.get("accept", ""),
        STRUCTURE_TYPES,
        {"application/xml": XML, "text/xml": XML, "application/json": JSON},
    )
    artefacts = reading.once(Artefacts.read)
    known = getattr(artefacts, kind)
    wanted = list(known) if id == ALL else id.split(",")
    for one in wanted:
        if one not in known:
            near = similar(one[:100], known)
            raise Refused(404, f"unknown-{kind}", f"There is no {kind} {shown(one)!r}.", near=near)
    chosen = {(type(known[one]), one): known[one] for one in wanted}
    level = list(chosen.values())
    while level and references != "none":
        level = [used for artefact in level for used in artefacts.used_by(artefact)]
        chosen |= {(type(used), used.id): used for used in level}
        if references == "children":
            break
    body = message(chosen.values(), media_type, reading.release.built_at)
    return Response(body, media_type=media_type)


def other(request: Request, reading: Reading) -> Response:
    """Every other resource of the standard."""
    resource = request.path_params["resource"].partition("/")[0]
    if resource in ("availability", "schema", "metadata", "registration"):
        not_served(f"the resource {resource}")
    raise Refused(
        404,
        "unknown-resource",
        f"There is no resource {shown(resource)}: write data or structure.",
        near=similar(resource[:100], ["data", "structure"]),
    )


def _path(request: Request, length: int) -> list[str]:
    """The parts of the address after the resource; those left out, or empty at its end, are *."""
    parts = request.path_params["path"].rstrip("/").split("/")
    if len(parts) > length or not all(parts):
        raise Refused(
            404,
            "unknown-address",
            f"The address has {len(parts)} parts; it has at most {length}, none empty.",
        )
    return [*parts, *[ALL] * (length - len(parts))]


def _flow(reading: Reading, id: str) -> Flow:
    try:
        return flow(reading.con, id)
    except LookupError:
        known = reading.once(flows)
        near = similar(id[:100], known)
        raise Refused(
            404,
            "unknown-dataflow",
            f"Release {reading.release.id} has no dataflow {shown(id)!r}; it has {', '.join(known)}.",
            near=near,
        ) from None
