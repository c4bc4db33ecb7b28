"""`/verify-figure?claim=`: whether a quoted number is right.

Belongs here: parameters and the form of the answer. Does not belong here: reading and judging a claim
(`warehouse/publishing/claims.py`, `verdicts.py`).
"""

from __future__ import annotations

import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from pipelines.service.figure import accepted_language, history
from pipelines.service.parameters import AsOf, read
from sources.common.periods import Language
from warehouse.publishing.claims import LONGEST
from warehouse.publishing.release_pool import Reading
from warehouse.publishing.verdicts import as_json, verify


class ClaimParameters(BaseModel):
    """The parameters of `/verify-figure`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    claim: str = Field(
        min_length=1,
        max_length=LONGEST,
        description="Territory, indicator, period and value, in Italian or English, with decimal comma or point.",
        examples=["ITG17 enterprise_birth_rate 2019 9.38"],
    )
    asOf: AsOf | None = Field(
        None,
        description="Check what was known then: a day, which means its end, or a moment with its offset from UTC.",
        examples=["2026-09-30"],
    )
    format: Literal["json", "text"] = Field("json", description="The whole verdict, or its sentence alone.")
    lang: Language | None = Field(
        None, description="The language of the sentence. Without it: by Accept-Language."
    )


def claim(request: Request, reading: Reading) -> Response:
    """The verdict on the claim; 200 whatever it is, since the question was answered."""
    asked = read(request, ClaimParameters)
    with history(reading) as (con, known, today):
        verdict = verify(con, known, asked.claim, asked.asOf, today)
    if asked.format == "text":
        language = asked.lang or accepted_language(request)
        return Response(verdict.sentence[language] + "\n", 200, {"content-language": language}, "text/plain")
    return Response(json.dumps(as_json(verdict), ensure_ascii=False, indent=1), 200, None, "application/json")
