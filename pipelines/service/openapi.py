"""The OpenAPI document of the addresses, `/api/v1/openapi.json`, from the models that validate their parameters.

Belongs here: the document. Does not belong here: the parameters (`parameters.py`), SDMX's addresses, which a standard describes.
"""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipelines.service import data, figure
from pipelines.service.claim import ClaimParameters
from pipelines.service.figure import FigureParameters
from pipelines.service.parameters import DataParameters, described
from pipelines.service.problems import MEDIA_TYPE
from sources.common.version import version
from warehouse.publishing.release_pool import Reading
from warehouse.publishing.selection import COLUMNS
from warehouse.publishing.verdicts import Outcome

# column -> JSON types, where it is not a text or null
TYPES: dict[str, list[str]] = {
    "value": ["number", "null"],
    "ci_low": ["number", "null"],
    "ci_high": ["number", "null"],
    "break_before": ["boolean", "null"],
    "truncated": ["boolean", "null"],
    "provisional": ["boolean", "null"],
    "dimensions": ["object", "null"],
}


def document(request: Request, reading: Reading) -> Response:
    """The document."""
    return JSONResponse(contents())


_BOTH_LANGUAGES = {
    "type": "object",
    "required": ["it", "en"],
    "properties": {"it": {"type": ["string", "null"]}, "en": {"type": ["string", "null"]}},
}
_PATH = {
    "geo": ("Code of a territory (NUTS), or its name in Italian or English.", "ITG17"),
    "indicator": ("Id of an indicator, code of a provider's table, or title.", "enterprise_birth_rate"),
    "period": (
        "A period in SDMX form; `.html`, `.json` or `.txt` after it chooses the form of the answer.",
        "2019",
    ),
}
_RELEASE = {"x-distretto-release": {"schema": {"type": "string"}}}
_REFUSALS = {
    "400": "A parameter is unknown or not valid",
    "404": "The release has no such indicator, territory or period",
    "413": "Too many rows",
    "503": "No release can be read",
}


def contents() -> dict[str, Any]:
    """The document of OpenAPI 3.1."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Distretto",
            "version": version(),
            "description": "Territorial indicators with their history. Read-only; every answer comes from one release, named in "
            "the header x-distretto-release.",
        },
        "paths": {
            **{f"/api/v1/data.{form}": {"get": _data(form, most)} for form, most in data.FORMATS.items()},
            "/figure/{geo}/{indicator}/{period}": {"get": _figure()},
            "/verify-figure": {"get": _claim()},
        },
        "components": {
            "schemas": {
                "Row": _row(),
                "Page": _page(),
                "Figure": _figure_schema(),
                "Verdict": _verdict_schema(),
                "Problem": _problem(),
            }
        },
    }


def _data(form: str, most: int) -> dict[str, Any]:
    schema = {"schema": _reference("Page")} if form == "json" else {}
    found = _operation(
        f"data_{form}",
        f"Figures by indicator, territory and period, as {form}",
        f"At most {most:,} rows an answer. Rows are ordered by indicator, territory and period.",
        DataParameters,
        {data.MEDIA_TYPES[form]: schema},
        ("400", "404", "413", "503"),
    )
    found["responses"]["200"]["headers"] |= {
        "ETag": {"schema": {"type": "string"}},
        "x-total-count": {"schema": {"type": "integer"}},
        "Link": {"description": "The next page", "schema": {"type": "string"}},
    }
    found["responses"]["304"] = {"description": "The answer with this ETag is still the same"}
    return found


def _figure() -> dict[str, Any]:
    found = _operation(
        "figure",
        "One figure as it was known at a moment",
        "The address of a citation: what it answers for a past moment never changes.",
        FigureParameters,
        {
            media_type: {"schema": _reference("Figure")} if form == "json" else {}
            for form, media_type in figure.MEDIA_TYPES.items()
        },
        ("400", "404", "503"),
    )
    found["parameters"] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": words,
            "schema": {"type": "string", "maxLength": figure.LONGEST},
            "example": example,
        }
        for name, (words, example) in _PATH.items()
    ] + found["parameters"]
    return found


def _claim() -> dict[str, Any]:
    return _operation(
        "verify_figure",
        "Whether a quoted number is right",
        "The answer is 200 whatever the verdict is. A name that is not known is `not_verifiable`, with near names.",
        ClaimParameters,
        {"application/json": {"schema": _reference("Verdict")}, "text/plain": {}},
        ("400", "503"),
    )


def _operation(
    name: str,
    summary: str,
    description: str,
    parameters: type[BaseModel],
    content: dict[str, Any],
    refusals: tuple[str, ...],
) -> dict[str, Any]:
    problem = {MEDIA_TYPE: {"schema": _reference("Problem")}}
    return {
        "operationId": name,
        "summary": summary,
        "description": description,
        "parameters": described(parameters),
        "responses": {
            "200": {"description": "The answer", "headers": dict(_RELEASE), "content": content},
            **{status: {"description": _REFUSALS[status], "content": problem} for status in refusals},
        },
    }


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _row() -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(COLUMNS),
        "properties": {
            column: {"type": TYPES.get(column, ["string", "null"]), "description": words}
            for column, words in COLUMNS.items()
        },
    }


def _page() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["release", "asOf", "total", "offset", "next", "data"],
        "properties": {
            "release": {"type": "string", "description": "Id of the release that the rows are read from."},
            "asOf": {"type": ["string", "null"], "description": "The moment asked for, in UTC."},
            "total": {"type": "integer", "description": "Rows of the whole selection."},
            "offset": {"type": "integer", "description": "Rows left out before this page."},
            "next": {"type": ["string", "null"], "description": "Address of the next page."},
            "data": {"type": "array", "items": _reference("Row")},
        },
    }


def _figure_schema() -> dict[str, Any]:
    version_ = {
        "type": ["object", "null"],
        "required": ["known_from", "value", "unit", "flag", "reliability", "interval"],
        "properties": {
            "known_from": {"type": "string", "description": "Since when this value was known, in UTC."},
            "value": {"type": ["number", "null"]},
            "unit": {"type": "string"},
            "flag": {"type": ["string", "null"], "description": "The provider's flags, as in its table."},
            "reliability": {"type": ["string", "null"]},
            "interval": {"type": ["object", "null"], "description": "Confidence interval, with its method."},
        },
    }
    one = {
        "type": "object",
        "required": ["kind", "dimensions", "status", "then", "today", "origin", "versions", "citation"],
        "properties": {
            "kind": {"enum": ["indicator", "observation"]},
            "dimensions": {"type": "object"},
            "status": {"type": "string", "description": "Whether the figure was revised after the moment."},
            "revised_at": {"type": ["string", "null"]},
            "known_since": {"type": "string", "description": "When the history first had the figure."},
            "then": version_,
            "today": version_,
            "origin": {"type": "object", "description": "Dataset, provider, snapshot, licence, citation."},
            "versions": {"type": "array", "items": {"type": "object"}, "description": "All, oldest first."},
            "citation": {"type": "object", "required": ["apa", "bibtex"]},
        },
    }
    return {
        "type": "object",
        "required": ["address", "indicator", "geo", "period", "as_of", "final", "release", "figures"],
        "properties": {
            "address": {"type": "string", "description": "The address to cite, with its moment."},
            "indicator": {"type": "string"},
            "title": _BOTH_LANGUAGES,
            "geo": {"type": "string"},
            "name": _BOTH_LANGUAGES,
            "period": {"type": "string"},
            "as_of": {"type": "string", "description": "The moment, in UTC."},
            "final": {
                "type": "boolean",
                "description": "Whether the moment is past, so that the answer stays.",
            },
            "release": {"type": "string"},
            "history_since": {"type": "string"},
            "figures": {"type": "array", "minItems": 1, "items": one},
        },
    }


def _verdict_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["claim", "outcome", "right", "sentence", "near", "value", "unit", "address"],
        "properties": {
            "claim": {"type": "string"},
            "outcome": {"enum": list(get_args(Outcome))},
            "right": {"type": "boolean"},
            "sentence": _BOTH_LANGUAGES,
            "near": {
                "type": "array",
                "items": {"type": "string"},
                "description": "What may have been meant.",
            },
            "read_as": {"type": ["object", "null"], "description": "How the claim was read."},
            "value": {"type": ["number", "null"], "description": "The true value."},
            "unit": {"type": ["string", "null"]},
            "agrees_with": {"type": ["object", "null"], "description": "The version that the claim quotes."},
            "address": {"type": ["string", "null"], "description": "The address of the figure."},
        },
    }


def _problem() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "A problem document, RFC 9457.",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "parameter": {"type": "string", "description": "The parameter that is refused."},
            "near": {
                "type": "array",
                "items": {"type": "string"},
                "description": "What may have been meant.",
            },
        },
    }
