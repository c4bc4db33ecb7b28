"""The tables of a release and their files: described, complete, sealed."""

from __future__ import annotations

import gzip
import hashlib
import json

import duckdb
import pytest

from tests.conftest import ROOT
from tests.published.figures import LONG, dimensions, unlabelled
from warehouse.publishing.contract import contract


def test_only_the_published_tables_exist_and_every_column_is_described(con):
    tables = con.execute("select table_name, comment from duckdb_tables() where not internal").fetchall()
    columns = con.execute(
        "select table_name, column_name, comment from duckdb_columns() where not internal"
    ).fetchall()
    views = con.execute("select view_name, comment from duckdb_views() where not internal").fetchall()
    described = contract()
    assert {table for table, _ in tables} == set(described.tables)
    assert {view for view, _ in views} == set(described.views)
    assert set(described.tables) >= {
        "observations",
        "enterprise_births",
        "patents",
        "employment",
        "indicators",
        "revisions",
        "catalogue",
        "snapshots",
        "check_results",
        "release",
    }
    assert [table for table, comment in tables + views if not comment] == []
    assert [(table, column) for table, column, comment in columns if not comment] == []
    assert set(described.columns) == {column for _, column, _ in columns}


@pytest.mark.parametrize("table", [*LONG, "indicators"])
def test_long_tables_have_the_columns_that_were_promised(con, table):
    columns = [row[0] for row in con.execute(f"describe {table}").fetchall()]
    assert {"dataset", "indicator", "geo", "period", "value", "unit", "flag", "snapshot_id"} <= set(columns)
    assert con.execute(f"select count(*) > 0 from {table}").fetchone() == (True,)


def test_every_snapshot_named_anywhere_is_known_with_its_address_and_the_hash_of_its_stored_body(home, con):
    named = con.execute(
        "select table_name, column_name from duckdb_columns() "
        "where column_name like '%snapshot_id' and not internal"
    ).fetchall()
    assert {"observations", "indicators", "indicator_inputs", "vintages", "check_results"} <= {
        table for table, _ in named
    }
    for table, column in named:
        assert (
            con.execute(f"""select distinct {column} from {table} t anti join snapshots s on s.snapshot_id = t.{column}
                               where {column} is not null""").fetchall()
            == []
        ), (table, column)
    for url, sha256 in con.execute("select url, sha256 from snapshots").fetchall():
        (stored,) = (home / "snapshots" / "objects").rglob(f"{sha256}*")
        body = stored.read_bytes()
        assert (
            url
            and hashlib.sha256(gzip.decompress(body) if stored.suffix == ".gz" else body).hexdigest()
            == sha256
        )


def test_every_code_has_a_label_in_italian_and_english_and_every_territory_is_known(con):
    assert {"freq", "indic_sb", "sizeclas", "nace_r2", "sex", "age", "unit"} <= set(dimensions(con))
    assert unlabelled(con) == []


def _people(con: duckdb.DuckDBPyConnection, table: str) -> str:
    """The rows of `table` that its CSV file has."""
    columns = {name for name, *_ in con.execute(f"describe {table}").fetchall()}
    foreign = (
        "geo in (select geo from geography where level <> 'district') and geo not like 'IT%' "
        "and geo not in (select geo from peers)"
    )
    return f"(from {table} where not ({foreign}))" if {"geo", "period"} <= columns else table


def test_parquet_holds_the_rows_of_the_tables_and_csv_those_that_people_here_compare(home, con):
    folder = home / "current"
    for (table,) in con.execute("select table_name from duckdb_tables() where not internal").fetchall():
        types = {name: type_ for name, type_, *_ in con.execute(f"describe {table}").fetchall()}
        parquet = f"'{folder}/{table}.parquet'"
        assert con.execute(f"from {table} except all from {parquet}").fetchall() == [], parquet
        assert con.execute(f"from {parquet} except all from {table}").fetchall() == [], parquet
        assert {r[0]: r[1] for r in con.execute(f"describe from {parquet}").fetchall()} == types
        if contract().tables[table].parquet_only:
            assert not (folder / f"{table}.csv").exists()
            continue
        # an empty text is written "" and NULL as nothing; a reader must not take both for NULL. Lists and maps are JSON
        nested = {
            name: type_ for name, type_ in types.items() if type_.endswith("[]") or type_.startswith("MAP")
        }
        plain = types | {name: "VARCHAR" for name in nested}
        parsed = ", ".join(f"{name}::json::{type_} as {name}" for name, type_ in nested.items())
        file = next(path for ending in ("csv", "csv.gz") if (path := folder / f"{table}.{ending}").exists())
        csv = (
            f"(select *{f' replace ({parsed})' if parsed else ''} from read_csv('{file}', header = true, "
            f"delim = ',', quote = '\"', escape = '\"', columns = {plain}, allow_quoted_nulls = false))"
        )
        expected = _people(con, table)
        assert con.execute(f"from {expected} except all from {csv}").fetchall() == [], csv
        assert con.execute(f"from {csv} except all from {expected}").fetchall() == [], csv
    patents = f"read_csv('{folder}/patents.csv', all_varchar = true, allow_quoted_nulls = false)"
    assert con.execute(f"select distinct flag from {patents} order by flag").fetchall() == [
        ("",),
        ("p",),
        (None,),
    ]
    foreign = f"select count(*) from read_csv('{folder}/enterprise_births.csv') where geo like 'NL%'"
    assert con.execute(foreign).fetchone()[0] > 0, "peers are among the rows"


def test_checksums_and_row_counts_are_those_of_the_files(home, con):
    folder = home / "current"
    listed = dict(reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines())
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert set(listed) == files - {"SHA256SUMS"}
    for name, digest in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name
    record = json.loads((folder / "release.json").read_text())
    assert record["tables"] == {
        table: con.execute(f"select count(*) from {table}").fetchone()[0]
        for (table,) in con.execute("select table_name from duckdb_tables()").fetchall()
    }
    assert all(check["passed"] is not False for check in record["checks"])
    assert {check["check"] for check in record["checks"]} == {
        path.stem for path in (ROOT / "warehouse" / "publishing" / "checks").glob("*.sql")
    }
    assert con.execute("select release_id from release").fetchall() == [(record["release_id"],)]


def test_the_figures_themselves_suggest_the_breaks_that_are_registered(con):
    """Persons employed in births of Italy in 2011, births of L'Aquila in 2011: no provider flagged them."""
    found = con.execute(
        "select indicator, geo, period, kind, evidence from break_proposals where registered order by all"
    ).fetchall()
    assert ("enterprise_births", "ITF11", "2011", "spike", "3463 in 2011, between 1897 and 1900") in found
    assert ("persons_employed_births", "IT*", "2011", "level") in {row[:4] for row in found}
    registered = con.execute("select dataset, indicator, geo, period, kind from breaks").fetchall()
    assert ("bd_size_r3", "V16920", "IT*", "2011", "level") in registered
    assert ("bd_size_r3", "V11920", "ITF11", "2011", "spike") in registered


def test_a_long_table_is_one_compressed_file_the_same_for_the_same_rows(home, tmp_path):
    from warehouse.publishing.exports.tables import SPREADSHEET_ROWS, _compress

    folder = home / "current"
    long = folder / "observations.csv.gz"
    assert not (folder / "observations.csv").exists() and not (folder / "observations.it.csv").exists()
    with gzip.open(long) as packed:
        text = packed.read()
    assert text.count(b"\n") > SPREADSHEET_ROWS
    (tmp_path / "observations.csv").write_bytes(text)
    assert (tmp_path / _compress(tmp_path / "observations.csv")).read_bytes() == long.read_bytes()
