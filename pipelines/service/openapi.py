"""The OpenAPI document of the addresses, `/api/v1/openapi.json`, from the models that validate their parameters.

Belongs here: the document. Does not belong here: the parameters (`parameters.py`), SDMX's addresses, which a standard describes.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipelines.service.data import FORMATS, MEDIA_TYPES
from pipelines.service.parameters import DataParameters, described
from pipelines.service.problems import MEDIA_TYPE
from sources.common.version import version
from warehouse.publishing.release_pool import Reading
from warehouse.publishing.selection import COLUMNS

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


def contents() -> dict[str, Any]:
    """The document of OpenAPI 3.1."""
    row = {
        "type": "object",
        "required": list(COLUMNS),
        "properties": {
            column: {"type": TYPES.get(column, ["string", "null"]), "description": words}
            for column, words in COLUMNS.items()
        },
    }
    page = {
        "type": "object",
        "required": ["release", "asOf", "total", "offset", "next", "data"],
        "properties": {
            "release": {"type": "string", "description": "Id of the release that the rows are read from."},
            "asOf": {"type": ["string", "null"], "description": "The moment asked for, in UTC."},
            "total": {"type": "integer", "description": "Rows of the whole selection."},
            "offset": {"type": "integer", "description": "Rows left out before this page."},
            "next": {"type": ["string", "null"], "description": "Address of the next page."},
            "data": {"type": "array", "items": {"$ref": "#/components/schemas/Row"}},
        },
    }
    problem = {
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
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Distretto",
            "version": version(),
            "description": "Territorial indicators with their history. Read-only; every answer comes from one release, named in "
            "the header x-distretto-release.",
        },
        "paths": {
            f"/api/v1/data.{form}": {
                "get": {
                    "operationId": f"data_{form}",
                    "summary": f"Figures by indicator, territory and period, as {form}",
                    "description": f"At most {most:,} rows an answer. Rows are ordered by indicator, territory and period.",
                    "parameters": described(DataParameters),
                    "responses": {
                        "200": {
                            "description": "The rows",
                            "headers": {
                                "ETag": {"schema": {"type": "string"}},
                                "x-distretto-release": {"schema": {"type": "string"}},
                                "x-total-count": {"schema": {"type": "integer"}},
                                "Link": {
                                    "description": "The next page",
                                    "schema": {"type": "string"},
                                },
                            },
                            "content": {
                                MEDIA_TYPES[form]: {"schema": {"$ref": "#/components/schemas/Page"}}
                                if form == "json"
                                else {}
                            },
                        },
                        "304": {"description": "The answer with this ETag is still the same"},
                        **{
                            status: {
                                "description": words,
                                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
                            }
                            for status, words in {
                                "400": "A parameter is unknown or not valid",
                                "404": "The release has no such indicator or territory",
                                "413": "Too many rows",
                                "503": "No release can be read",
                            }.items()
                        },
                    },
                }
            }
            for form, most in FORMATS.items()
        },
        "components": {"schemas": {"Row": row, "Page": page, "Problem": problem}},
    }
