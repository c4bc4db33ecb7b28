"""Three tools for assistants over the Model Context Protocol (stdio): find an indicator, a figure, check a claim.

Belongs here: the tools and the form of their answers. Does not belong here: figures (`warehouse/publishing/figures.py`), claims
(`warehouse/publishing/verdicts.py`). Needs the extra `mcp`. No tool takes SQL, and what is not in the release is answered
without a number.
"""

from __future__ import annotations

from typing import Annotated, Any

from mcp.server.fastmcp import FastMCP
from mcp.types import ToolAnnotations
from pydantic import Field

from pipelines.service.figure import history
from sources.common.moments import parse_as_of
from sources.common.names import similar
from sources.common.sql import rows
from sources.data_folder import DataFolder, utc_now
from sources.errors import DistrettoError, NoSuchFigure
from warehouse.publishing import citation, verdicts
from warehouse.publishing.figures import look_up
from warehouse.publishing.release_pool import ReleasePool
from warehouse.reference.territory import timezone

INSTRUCTIONS = (
    "Territorial indicators of the Etna Valley with their history. Quote a value only as a tool gave it, with its period, its "
    "as_of, its reliability, its marks such as a break in series, and its citation. If found is false, or the outcome is "
    "not_verifiable, there is no such figure: say so and give no number."
)
READ_ONLY = ToolAnnotations(readOnlyHint=True, idempotentHint=True, openWorldHint=False)
MOST = 10
AsOf = Annotated[
    str | None,
    Field(
        description="As known then: a day, 2026-09-30, which means its end, or a moment with its offset. Default: today."
    ),
]


def server(home: DataFolder) -> FastMCP:
    """The server on the releases of `home`; `run()` serves stdin and stdout until they are closed."""
    pool = ReleasePool(home)
    tools = FastMCP("distretto", instructions=INSTRUCTIONS, log_level="WARNING")

    @tools.tool(annotations=READ_ONLY)
    def find_indicator(
        name: Annotated[
            str, Field(description="Words of its title in Italian or English, or its id.", max_length=200)
        ],
    ) -> dict[str, Any]:
        """Indicators whose id or title looks like `name`, the most similar first, with unit, definition and periods."""
        with pool.reading() as reading:
            catalogue = rows(
                reading.con,
                """
                select c.indicator, c.title_it, c.title_en, c.definition_it, c.definition_en, c.unit, c.pitfalls,
                       min(i.period) as first_period, max(i.period) as last_period
                from indicator_catalogue c join indicators i using (indicator) group by all order by c.indicator""",
            )
            names: dict[str, str] = {}
            for row in catalogue:
                for one in (row["indicator"], row["title_it"], row["title_en"]):
                    names.setdefault(one, row["indicator"])
            found = list(dict.fromkeys(names[one] for one in similar(name, names, MOST)))
            by_id = {row["indicator"]: row for row in catalogue}
            return {
                "release": reading.release.id,
                "found": bool(found),
                "indicators": [by_id[one] for one in found],
            }

    @tools.tool(annotations=READ_ONLY)
    def figure(
        territory: Annotated[
            str, Field(description="A NUTS code or a name, such as ITG17 or Catania.", max_length=200)
        ],
        indicator: Annotated[
            str, Field(description="The id or title of an indicator, or a provider's code.", max_length=200)
        ],
        period: Annotated[str, Field(description="Such as 2019, 2019-Q1 or 2019-01.", max_length=20)],
        as_of: AsOf = None,
    ) -> dict[str, Any]:
        """One figure as it was known: value, unit, flag, reliability, break, interval, origin, citation, today's value."""
        try:
            moment = parse_as_of(as_of, timezone(), utc_now()) if as_of else None
            with pool.reading() as reading, history(reading) as (con, known, shown):
                answer = look_up(con, known, territory, indicator, period, moment, shown)
        except DistrettoError as failure:
            return _not_found(failure)
        return {"found": True} | citation.as_json(answer)

    @tools.tool(annotations=READ_ONLY)
    def check_claim(
        claim: Annotated[
            str,
            Field(
                description='Territory, indicator, period and number, such as "Catania enterprise birth rate 2019 9.38".',
                max_length=500,
            ),
        ],
        as_of: AsOf = None,
    ) -> dict[str, Any]:
        """Whether a quoted number is right: right, revised since, another unit, off by rounding, wrong, or not verifiable."""
        try:
            moment = parse_as_of(as_of, timezone(), utc_now()) if as_of else None
            with pool.reading() as reading, history(reading) as (con, known, shown):
                verdict = verdicts.verify(con, known, claim, moment, shown)
        except DistrettoError as failure:
            return _not_found(failure)
        told = verdicts.as_json(verdict)
        if verdict.answer and verdict.outcome != "not_verifiable":
            told["figure"] = citation.as_json(verdict.answer)
        return told

    return tools


def _not_found(failure: DistrettoError) -> dict[str, Any]:
    """What an assistant is told where there is no figure: why, what to do, and no number of any figure."""
    near = list(failure.near) if isinstance(failure, NoSuchFigure) else []
    return {"found": False, "message": failure.message, "hint": failure.hint, "near": near}
