"""`query`: its results, and that it reaches the release and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.conftest import Outcome


@pytest.fixture
def query(
    published: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> Callable[..., Outcome]:
    """`distretto query WORDS` on the release of `published`."""
    from pipelines.cli import main

    def asked(*words: str) -> Outcome:
        monkeypatch.setenv("DISTRETTO_HOME", str(published))
        monkeypatch.setattr(sys, "argv", ["distretto", "query", *words])
        with pytest.raises(SystemExit) as end:
            main()
        told = capsys.readouterr()
        return Outcome(int(end.value.code or 0), told.out, told.err)

    return asked


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("selec 1", "syntax error"),
        ("from nowhere", "nowhere does not exist"),
        ("select nothing from release", "nothing"),
        ("create table mine (i integer)", "read-only"),
        ("delete from observations", "read-only"),
        ("", ""),
        ("--", ""),
    ],
)
def test_a_query_that_fails_is_explained(query, sql, told):
    outcome = query("--json", "--", sql)
    assert (outcome.code, outcome.out) == (1, "")
    assert told in " ".join(outcome.err.split()) and "show tables" in outcome.err


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        (
            "select date '2019-12-31' as day, null as nothing, 'è' as text",
            [{"day": "2019-12-31", "nothing": None, "text": "è"}],
        ),
        ("select 1 as a where false", []),
        ("select ['a', 'b'] as list", [{"list": ["a", "b"]}]),
        ("select 'nan'::double as nan, 'infinity'::double as infinity", [{"nan": None, "infinity": None}]),
    ],
)
def test_a_query_gives_json_that_any_program_reads(query, sql, rows):
    outcome = query(sql, "--json")
    assert outcome.code == 0
    assert json.loads(outcome.out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON")) == rows


def test_a_query_shows_both_of_two_columns_of_one_name(query):
    sql = "select a.value, b.value from (select 11 as value) a, (select 22 as value) b"
    assert sorted(query(sql, "--json").json[0].values()) == [11, 22]
    assert query(sql).out.split()[-2:] == ["11", "22"]


def test_every_statement_has_its_result(query):
    assert query("select 11 as a; select 22 as b").out.split() == ["a", "11", "b", "22"]
    assert query("select 11 as a; select 22 as b", "--json").json == [[{"a": 11}], [{"b": 22}]]
    assert query("set variable x = 3; select getvariable('x') as x", "--json").json == [{"x": 3}]
    pivot = "pivot (select 'k' as k, 1 as v) on k using sum(v)"
    assert query(pivot, "--json").json == [{"k": 1}]
    assert "nowhere does not exist" in query("select 1; from nowhere").err


def test_an_empty_result_is_said(query):
    empty = query("from observations where false")
    assert empty.code == 0 and "dataset" in empty.out and "No rows." in empty.err
    assert "no result" in query("set variable x = 1").err


@pytest.mark.parametrize(
    "sql",
    [
        "copy observations to '{there}/out.csv'",
        "copy (select 1) to '{there}/out.parquet' (format parquet)",
        "export database '{there}/out'",
        "import database '{there}'",
        "attach '{there}/other.duckdb' as other",
        "attach '{there}/new.duckdb'",
        "attach ':memory:' as other",
        "from read_text('{there}/secret.csv')",
        "from read_blob('{there}/secret.csv')",
        "from read_csv('{there}/secret.csv')",
        "from read_json('{there}/secret.csv')",
        "from sniff_csv('{there}/secret.csv')",
        "from '{there}/secret.csv'",
        "from glob('{there}/*')",
        "select 1; from glob('{there}/*')",
        "from read_csv('http://127.0.0.1:9/x.csv')",
        "install httpfs",
        "load httpfs",
        "load '{there}/secret.csv'",
        "create persistent secret s (type http, bearer_token 'x')",
        "set enable_external_access = true",
        "reset enable_external_access",
        "set lock_configuration = false",
        "set disabled_filesystems = ''",
        "set temp_directory = '{there}'",
        "set secret_directory = '{there}'",
        "pragma profiling_output = '{there}/out'",
        "call enable_profiling(save_location = '{there}/out.txt')",
        "call enable_logging(storage = 'file', storage_path = '{there}')",
        "from enable_logging(storage = 'file', storage_path = '{there}')",
    ],
)
def test_a_query_reaches_the_release_and_nothing_else(query, tmp_path: Path, sql: str):
    there = tmp_path / "elsewhere"
    there.mkdir()
    (there / "secret.csv").write_text("secret\n1\n")
    duckdb.connect(str(there / "other.duckdb")).close()
    before = sorted(path.name for path in there.iterdir())
    outcome = query(sql.format(there=there))
    assert outcome.code == 1 and "Failed: " in outcome.err and "Traceback" not in outcome.err
    assert sorted(path.name for path in there.iterdir()) == before
    assert "secret" not in outcome.out


def test_the_release_folder_is_as_before_a_query_that_needs_much_memory(query, published: Path):
    before = sorted(path.name for path in (published / "current").iterdir())
    query("select count(*) from (select distinct period, value, geo from observations order by random())")
    assert sorted(path.name for path in (published / "current").iterdir()) == before


def test_the_help_of_query_says_what_it_can_reach():
    command = [sys.executable, "-c", "from pipelines.cli import main; main()", "query", "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "cannot open files" in " ".join(said.split())
