"""Every DuckDB 1.x reads a release to its last column and runs every documented query.

The wheels come from the package index: opt in with DISTRETTO_DUCKDB_CLIENTS=1 (several minutes, 40 MB a version). What they
rest on is tested always: no CTE in a macro, and no row group of a list without its element column.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.conftest import ROOT
from warehouse.publishing.client_compatibility import keep_lists_readable

# every minor, the releases of 1.4 that bind macros otherwise, and the newest 1.x of the index
VERSIONS = ("==1.0.0", "==1.1.3", "==1.2.2", "==1.3.2", "==1.4.0", "==1.4.1", "==1.4.2", "==1.5.0", "<2")
FENCE = re.compile(r"^```sql\n(.*?)^```$", re.M | re.S)
CLIENT = """
import json, sys
sys.path.insert(0, sys.argv[1])
import duckdb
failed = []
def attempt(con, sql):
    try:
        con.execute(sql).fetchall()
    except Exception as failure:
        failed.append((sql, str(failure)[:300]))
con = duckdb.connect("data/current/distretto.duckdb", read_only=True)
for table, column in con.execute(
    "select table_name, column_name from duckdb_columns() where not internal").fetchall():
    attempt(con, f'select "{column}" from {table}')
con.close()
for sql in json.load(open(sys.argv[2])):
    file = ":memory:" if "data/current" in sql else "data/current/distretto.duckdb"
    with duckdb.connect(file, read_only=file != ":memory:") as con:
        attempt(con, sql)
print(json.dumps({"version": duckdb.__version__, "failed": failed}))
"""


def documented() -> list[str]:
    """Every SQL block of the documentation for people who query a release."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [sql for page in pages for sql in FENCE.findall(page.read_text(encoding="utf-8"))]


@pytest.mark.skipif(
    not os.environ.get("DISTRETTO_DUCKDB_CLIENTS"), reason="opt in with DISTRETTO_DUCKDB_CLIENTS=1"
)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_client_reads_every_column_and_runs_every_documented_query(
    home: Path, tmp_path: Path, version: str
):
    wheel = tmp_path / "wheel"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(wheel)]
    installed = subprocess.run([*pip, f"duckdb{version}"], capture_output=True, text=True)
    if installed.returncode:
        pytest.skip(f"no wheel of DuckDB {version} could be had: {installed.stderr.strip()[-200:]}")
    (tmp_path / "queries.json").write_text(json.dumps(documented()))
    (tmp_path / "client.py").write_text(CLIENT)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "client.py"), str(wheel), str(tmp_path / "queries.json")],
        cwd=home.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    client = json.loads(done.stdout)
    assert client["failed"] == []
    assert client["version"] == version.removeprefix("==") or version == "<2" and client["version"][0] == "1"


def test_no_macro_has_a_cte(con):
    """DuckDB 1.4.0 and 1.4.1 cannot bind one (duckdb#19489)."""
    macros = con.execute(
        "select function_name, macro_definition from duckdb_functions() where database_name = 'distretto'"
    ).fetchall()
    assert {name for name, _ in macros} == {"as_of", "indicators_as_of"}
    assert not [name for name, text in macros if re.match(r"\s*with\b", text, re.I)]


def without_elements(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """The lists and maps of which a row group on disk has no element column, which DuckDB 1.0 cannot read."""
    found = []
    for table, column in con.execute(
        "select table_name, column_name from duckdb_columns() where not internal "
        "and (data_type like '%[]' or data_type like 'MAP(%') order by all"
    ).fetchall():
        segments = con.execute(
            f"select row_group_id, count(*) filter (segment_type <> 'VALIDITY' and column_path like '[%, %]') "
            f"from pragma_storage_info('{table}') where column_name = ? group by all",
            [column],
        ).fetchall()
        found += [(table, column)] * any(not elements for _, elements in segments)
    return found


def test_every_list_has_its_element_column_on_disk(con):
    assert without_elements(con) == []


@pytest.mark.parametrize("rows", [0, 1, 59_999, 60_000, 150_000, 300_001])
def test_lists_without_any_element_become_readable_and_stay_the_same(tmp_path: Path, rows: int):
    with duckdb.connect() as con:
        con.execute(f"attach '{tmp_path}/file.duckdb' as file (storage_version 'v1.0.0')")
        con.execute(f"""
            create table file.lists as
            select i as number, null::varchar[] as nothing, [] ::varchar[] as empty, map()::map(varchar, double) as map,
                   case when i = 7 then ['one'] else [] end as few
            from range({rows}) t(i)""")
        before = con.execute("from file.lists").fetchall()
        keep_lists_readable(con, "file")
        assert con.execute("from file.lists").fetchall() == before
        con.execute("checkpoint file; detach file")
    with duckdb.connect(str(tmp_path / "file.duckdb"), read_only=True) as con:
        assert con.execute("from lists").fetchall() == before
        assert without_elements(con) == []
