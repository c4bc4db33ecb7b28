"""Query parameters: one model per address both validates a request and is written into the OpenAPI document.

Belongs here: reading a query string into a model, and the refusals of what does not fit. Does not belong here: which codes a
release has (`data.py`), SDMX's own parameters (`sdmx_parameters.py`).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, TypeVar, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError
from starlette.requests import Request

from pipelines.service.problems import Refused, shown
from sources.common.moments import parse_as_of
from sources.common.names import similar
from sources.data_folder import utc_now
from sources.errors import InvalidMoment
from warehouse.reference.territory import timezone

# a + that was not encoded in an address arrives as a blank
_LOST_PLUS = re.compile(r"T[0-9:.]+ [0-9]{2}:?[0-9]{2}$", re.IGNORECASE)
ROWS = 100_000


def as_of(text: str, name: str = "asOf") -> datetime:
    """The moment in the parameter `name`, in UTC: of a day its end. Raises Refused."""
    if _LOST_PLUS.search(text):
        raise Refused(
            400,
            "lost-plus",
            f"{name}: the offset of {shown(text)!r} has no sign, since a + in an address means a blank. Write it as %2B.",
            parameter=name,
        )
    try:
        return parse_as_of(text, timezone(), utc_now())
    except InvalidMoment as failure:
        raise Refused(
            400, "invalid-moment", f"{name}: {failure.message}", parameter=name, hint=failure.hint
        ) from None


AsOf = Annotated[
    datetime,
    BeforeValidator(lambda text: as_of(text) if isinstance(text, str) else text),
    PlainSerializer(datetime.isoformat),
]


class DataParameters(BaseModel):
    """The parameters of `/api/v1/data`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    indicator: list[str] = Field(
        [],
        description="Ids of indicators, or codes of providers' tables. Without it: every indicator.",
        examples=["enterprise_birth_rate"],
    )
    geo: list[str] = Field(
        [], description="Codes of territories (NUTS). Without it: every territory.", examples=["ITG1,ITG17"]
    )
    period: list[str] = Field(
        [],
        description="Periods in SDMX form, or ranges FIRST:LAST, FIRST: and :LAST, both ends included.",
        examples=["2015:2020"],
    )
    asOf: AsOf | None = Field(
        None,
        description="The figures as they were known then: a day, which means its end, or a moment with its offset from UTC. "
        "A + is written %2B. Without it: what is known now.",
        examples=["2026-09-30"],
    )
    limit: int | None = Field(
        None,
        ge=1,
        le=ROWS,
        description=f"Rows of a page. Without it the whole selection, which has at most {ROWS:,} rows.",
    )
    offset: int = Field(0, ge=0, le=1_000_000_000, description="Rows to leave out before the page.")


Model = TypeVar("Model", bound=BaseModel)


def read(request: Request, model: type[Model]) -> Model:
    """The parameters of `request`: lists by repetition or with commas, everything else once. Raises Refused."""
    given: dict[str, Any] = {}
    for name, text in request.query_params.multi_items():
        field = model.model_fields.get(name)
        if field is None:
            known = list(model.model_fields)
            raise Refused(
                400,
                "unknown-parameter",
                f"There is no parameter {shown(name)!r}; there are {', '.join(known)}.",
                parameter=shown(name),
                near=similar(name[:100], known),
            )
        if get_origin(field.annotation) is list:
            codes = [code.strip() for code in text.split(",")]
            if not all(codes):
                raise Refused(400, "empty-parameter", f"{name} has an empty entry.", parameter=name)
            given.setdefault(name, []).extend(codes)
        elif name in given:
            raise Refused(400, "repeated-parameter", f"{name} is given more than once.", parameter=name)
        else:
            given[name] = text
    try:
        return model.model_validate(given)
    except ValidationError as failure:
        problem = failure.errors()[0]
        name = str(problem["loc"][0])
        raise Refused(
            400,
            "invalid-parameter",
            f"{name}: {shown(str(problem['input']))!r} is not valid: {problem['msg']}.",
            parameter=name,
        ) from None


def described(model: type[BaseModel]) -> list[dict[str, Any]]:
    """The parameters of `model` as OpenAPI parameter objects."""
    schema = model.model_json_schema()
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", []),
            "description": field.description,
            "schema": _plain(schema["properties"][name]),
            # repeated or with commas
            **({"style": "form", "explode": False} if get_origin(field.annotation) is list else {}),
            **({"example": field.examples[0]} if field.examples else {}),
        }
        for name, field in model.model_fields.items()
    ]


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON schema without `null`, which no query string has, and without what the parameter object says itself."""
    (kind,) = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    found = {
        key: value for key, value in (schema | kind).items() if key not in ("anyOf", "title", "examples")
    }
    found.pop("description", None)
    if found.get("default", 0) is None:
        del found["default"]
    if "format" in found:
        # a day is no RFC 3339 date-time
        del found["format"]
    return found
