"""The documents: their queries run, their links and commands exist, their settings are those the code reads."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from tests.conftest import ROOT, World

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"```sql\n(.*?)```", re.S)


def test_every_query_of_the_documents_runs_on_the_figures_that_ship(world: World):
    assert world.run("refresh", "--offline").code == 0
    found = 0
    with duckdb.connect(str(world.home / "current" / "distretto.duckdb"), read_only=True) as con:
        for document in DOCUMENTS:
            for query in BLOCK.findall(document.read_text(encoding="utf-8")):
                con.execute(query).fetchall()
                found += 1
    assert found >= 8


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path):
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_exist(document: Path):
    import typer.main

    from pipelines.cli import app

    known = set(typer.main.get_command(app).commands)
    for word in re.findall(r"`(?:\.venv/bin/)?distretto ([a-z]+)", document.read_text(encoding="utf-8")):
        assert word in known, word


def test_the_settings_are_those_the_code_reads():
    read = set()
    for package in ("sources", "warehouse", "assets", "pipelines"):
        for path in (ROOT / package).rglob("*.py"):
            read |= set(
                re.findall(r'environ(?:\.get)?[\[(]"((?:DISTRETTO|DAGSTER_HOME)[A-Z_]*)"', path.read_text())
            )
    told = set(re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "README.md").read_text(), re.M))
    example = set(re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M))
    assert told == example == read
