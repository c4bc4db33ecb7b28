"""The tools for assistants, through the reference client: a hundred questions, and no number where there is none."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import duckdb
import pytest

from tests.conftest import ROOT
from tests.service.conftest import Revised

pytest.importorskip("mcp", reason="needs the extra mcp")
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

QUESTIONS, NULL_PROBES = 100, 10
Ask = Callable[..., Awaitable[dict[str, Any]]]


def with_client(home: Path, questions: Callable[[ClientSession, Ask], Awaitable[None]]) -> None:
    """Run `questions` with a session of the reference client on `distretto mcp`, and a function that calls a tool."""
    server = StdioServerParameters(
        command=sys.executable,
        args=["-c", "from pipelines.cli import main; main()", "mcp"],
        env={"DISTRETTO_HOME": str(home)},
        cwd=ROOT,
    )

    async def run() -> None:
        async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
            await session.initialize()

            async def ask(tool: str, **arguments: Any) -> dict[str, Any]:
                result = await session.call_tool(tool, arguments)
                assert not result.isError, result.content
                return json.loads(result.content[0].text)

            await questions(session, ask)

    anyio.run(run)


def numbers(answer: Any) -> list[float]:
    """Every number in an answer, at any depth."""
    if isinstance(answer, dict):
        return [number for value in answer.values() for number in numbers(value)]
    if isinstance(answer, list):
        return [number for value in answer for number in numbers(value)]
    return [answer] if isinstance(answer, int | float) and not isinstance(answer, bool) else []


def test_there_are_three_tools_that_only_read_and_none_takes_sql(one_shipped: Path):
    async def questions(session: ClientSession, _: Ask) -> None:
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        assert sorted(tools) == ["check_claim", "figure", "find_indicator"]
        for tool in tools.values():
            assert tool.annotations and tool.annotations.readOnlyHint
            assert "sql" not in json.dumps(tool.inputSchema).lower()
        assert sorted(tools["figure"].inputSchema["properties"]) == [
            "as_of",
            "indicator",
            "period",
            "territory",
        ]
        assert not (await session.list_resources()).resources and not (await session.list_prompts()).prompts

    with_client(one_shipped, questions)


def test_a_hundred_questions_are_answered_as_the_release_has_it(
    one_shipped: Path, con: duckdb.DuckDBPyConnection
):
    """Drawn from the release by a fixed seed; what is right is asked of it by SQL. Ten ask for what it does not have."""
    draw = random.Random(15)
    figures = con.execute("""
        select geo, indicator, period, value, reliability, break_before, flag, dataset from indicators
        where value is not null order by all""").fetchall()
    chosen = draw.sample(figures, QUESTIONS - NULL_PROBES)
    years = sorted({period for _, _, period, *_ in figures})
    absent = [
        (geo, indicator, period)
        for geo, indicator, period in (
            (draw.choice(figures)[0], draw.choice(figures)[1], draw.choice([*years, "1901", "2060"]))
            for _ in range(5000)
        )
        if not con.execute(
            "select 1 from indicator_history where (geo, indicator, period) = (?, ?, ?)",
            [geo, indicator, period],
        ).fetchone()
    ]
    probes = [*absent[: NULL_PROBES - 4], ("ITG99", "jobs", "2019"), ("Atlantis", "jobs", "2019")]
    probes += [("ITG17", "happiness_index", "2019"), ("ITG17", "jobs", "2019-Q9")]
    assert len(probes) == NULL_PROBES
    right = 0

    async def questions(_: ClientSession, ask: Ask) -> None:
        nonlocal right
        for number, (geo, indicator, period, value, reliability, broken, flag, dataset) in enumerate(chosen):
            if number % 3:
                answer = await ask("figure", territory=geo, indicator=indicator, period=period)
                (figure,) = answer["figures"]
                then = figure["then"]
                assert answer["found"] and answer["as_of"] and "release" in answer
                found = (
                    then["value"],
                    then["reliability"],
                    then["break_before"],
                    then["flag"],
                    then["dataset"],
                )
                right += found == (value, reliability, broken, flag, dataset)
                assert figure["citation"]
            elif number % 2:
                answer = await ask("check_claim", claim=f"{geo} {indicator} {period} {value!r}")
                right += answer["outcome"] == "right" and bool(answer["figure"]["figures"][0]["citation"])
            else:
                answer = await ask("check_claim", claim=f"{geo} {indicator} {period} {value * 3 + 7:.6f}")
                right += answer["outcome"] == "wrong" and answer["value"] == value
        for number, (geo, indicator, period) in enumerate(probes):
            if number % 2:
                answer = await ask("check_claim", claim=f"{geo} {indicator} {period} 12.5")
                assert answer.pop("outcome") == "not_verifiable"
                answer.pop("read_as", None)  # repeats the claim
            else:
                answer = await ask("figure", territory=geo, indicator=indicator, period=period)
                assert answer["found"] is False and answer["message"]
            right += numbers(answer) == []

    with_client(one_shipped, questions)
    assert right == QUESTIONS


def test_an_indicator_is_found_by_its_words_in_both_languages(one_shipped: Path):
    async def questions(_: ClientSession, ask: Ask) -> None:
        for words in ("enterprise birth rate", "tasso di natalità delle imprese", "enterprise_birth_rate"):
            found = await ask("find_indicator", name=words)
            assert found["indicators"][0]["indicator"] == "enterprise_birth_rate"
            assert {"unit", "title_it", "first_period", "last_period", "pitfalls"} <= found["indicators"][
                0
            ].keys()
        nothing = await ask("find_indicator", name="'; drop table indicators; --")
        assert nothing["found"] is False and nothing["indicators"] == []

    with_client(one_shipped, questions)


def test_a_figure_is_the_one_known_at_the_moment_asked_for(revised: Revised):
    async def questions(_: ClientSession, ask: Ask) -> None:
        asked = {"territory": "Sicilia", "indicator": "V11920", "period": "2019"}
        now = await ask("figure", **asked)
        then = await ask("figure", **asked, as_of=f"{revised.between:%Y-%m-%dT%H:%M:%SZ}")
        assert [answer["figures"][0]["then"]["value"] for answer in (now, then)] == [45.0, 44.0]
        assert then["figures"][0]["status"] == "revised" and then["figures"][0]["today"]["value"] == 45.0
        assert (await ask("check_claim", claim="Sicilia V11920 2019 44"))["outcome"] == "revised"
        before = await ask("figure", **asked, as_of=f"{datetime.now(UTC) - timedelta(days=400):%Y-%m-%d}")
        assert before["figures"][0]["then"] is None
        wrong = await ask("figure", **asked, as_of="soon")
        assert wrong["found"] is False and numbers(wrong) == []

    with_client(revised.home, questions)
