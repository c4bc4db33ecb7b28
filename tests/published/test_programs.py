"""Programs that analysts use read a release right: each gives the same rows and values as DuckDB.

A program that is not installed is skipped, and the test says so. `docs/connect.md` says how each was tried.
"""

from __future__ import annotations

import csv
import json
import math
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

# what a program says of births_total: geo, period and value of each row
Rows = list[tuple[str, str, float]]
VIEW = "births_total"


@pytest.fixture(scope="module")
def release(home: Path) -> Path:
    return (home / "current").resolve()


def program(*names: str) -> str:
    """The path of the first of these programs that is installed; skips where there is none."""
    found = next((path for name in names if (path := shutil.which(name))), None)
    return found or pytest.skip(f"{names[0]} is not installed")


def run(*command: str | Path) -> str:
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, env=os.environ | {"LC_ALL": "C.UTF-8"}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def with_pandas_csv(release: Path, _: Path) -> Rows:
    import pandas as pd

    frame = pd.read_csv(release / f"{VIEW}.csv", dtype={"period": "string"})
    return list(frame[["geo", "period", "value"]].itertuples(index=False, name=None))


def with_pandas_italian_csv(release: Path, _: Path) -> Rows:
    import pandas as pd

    frame = pd.read_csv(release / f"{VIEW}.it.csv", sep=";", decimal=",", dtype={"period": "string"})
    return list(frame[["geo", "period", "value"]].itertuples(index=False, name=None))


def with_pandas_parquet(release: Path, _: Path) -> Rows:
    pytest.importorskip("pyarrow", reason="pandas reads Parquet by way of pyarrow, which is not installed")
    import pandas as pd

    frame = pd.read_parquet(release / f"{VIEW}.parquet", columns=["geo", "period", "value"])
    return list(frame.itertuples(index=False, name=None))


def with_polars_parquet(release: Path, _: Path) -> Rows:
    polars = pytest.importorskip("polars", reason="polars is in the group bench")
    return polars.read_parquet(release / f"{VIEW}.parquet", columns=["geo", "period", "value"]).rows()


def with_sqlalchemy(release: Path, _: Path) -> Rows:
    """The URI and connection parameters that the documentation gives for Superset."""
    sqlalchemy = pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")
    pytest.importorskip("duckdb_engine", reason="duckdb-engine is not installed")
    engine = sqlalchemy.create_engine(
        f"duckdb:///{release / 'distretto.duckdb'}", connect_args={"read_only": True}
    )
    assert VIEW in sqlalchemy.inspect(engine).get_view_names()
    with engine.connect() as connection:
        found = connection.execute(sqlalchemy.text(f"select geo, period, value from {VIEW}"))
        return [tuple(row) for row in found]


def _with_r(release: Path, folder: Path, read: str) -> Rows:
    script = f'd <- {read}; write.table(d[c("geo", "period", "value")], sep = "\\t", quote = FALSE, row.names = FALSE)'
    lines = run(
        program("Rscript"), "--vanilla", "-e", f"setwd('{release}'); options(digits = 17); {script}"
    ).splitlines()
    return [(geo, period, float(value)) for geo, period, value in (line.split("\t") for line in lines[1:])]


def with_r(release: Path, folder: Path) -> Rows:
    return _with_r(release, folder, f'read.csv("{VIEW}.csv", encoding = "UTF-8")')


def with_r_italian_csv(release: Path, folder: Path) -> Rows:
    return _with_r(release, folder, f'read.csv2("{VIEW}.it.csv", fileEncoding = "UTF-8-BOM")')


def libreoffice(source: Path, folder: Path, *reading: str) -> None:
    """Every sheet of `source` as LibreOffice reads it, as CSV files with decimal points in `folder`."""
    run(
        program("soffice", "libreoffice"),
        f"-env:UserInstallation=file://{folder / 'profile'}",
        "--headless",
        *reading,
        "--convert-to",
        # comma, double quote, UTF-8, from the first line; cell values as they are, not as shown; every sheet
        "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,false,false,false,-1",
        "--outdir",
        folder,
        source,
    )


def with_libreoffice_italian_csv(release: Path, folder: Path) -> Rows:
    # semicolon, double quote, UTF-8, from the first line, Italian numbers and dates
    libreoffice(release / f"{VIEW}.it.csv", folder, "--infilter=CSV:59,34,76,1,,1040,false,true")
    (made,) = folder.glob("*.csv")
    with open(made, encoding="utf-8-sig", newline="") as handle:
        return [(r["geo"], r["period"], float(r["value"])) for r in csv.DictReader(handle)]


READERS: list[Callable[[Path, Path], Rows]] = [
    with_pandas_csv,
    with_pandas_italian_csv,
    with_pandas_parquet,
    with_polars_parquet,
    with_sqlalchemy,
    with_r,
    with_r_italian_csv,
    with_libreoffice_italian_csv,
]


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__.removeprefix("with_"))
def test_a_program_reads_the_same_figures_as_duckdb(
    release: Path, tmp_path: Path, reader: Callable[[Path, Path], Rows]
):
    expected = duckdb.sql(f"select geo, period, value from '{release}/{VIEW}.csv'").fetchall()
    found = reader(release, tmp_path)
    assert len(expected) > 100 and ("ITG17", "2019", 5905.0) in {(g, str(p), v) for g, p, v in expected}
    assert sorted((g, str(p), v) for g, p, v in found) == sorted((g, str(p), v) for g, p, v in expected)


def test_libreoffice_opens_the_workbook_with_the_figures_of_the_table(release: Path, tmp_path: Path):
    libreoffice(release / "indicators.xlsx", tmp_path)
    with open(tmp_path / "indicators-value.csv", encoding="utf-8-sig", newline="") as handle:
        sheet = list(csv.DictReader(handle))
    found = {
        (row["indicator"], row["geo"], period): float(cell)
        for row in sheet
        for period, cell in row.items()
        if period[:4].isdigit() and cell
    }
    expected = {
        (indicator, geo, period): value
        for indicator, geo, period, value in duckdb.sql(
            f"select indicator, geo, period, value from '{release}/indicators.parquet' where value is not null"
        ).fetchall()
    }
    assert len(found) > 1000 and set(found) <= set(expected)
    assert not [key for key, value in found.items() if not math.isclose(value, expected[key], rel_tol=1e-12)]


def test_r_reads_every_csv_file_and_all_its_rows(release: Path):
    """Base R alone, with the rows that the Data Package counts."""
    package = json.loads((release / "datapackage.json").read_text(encoding="utf-8"))
    counted = {
        r["path"]: r["rowCount"] for r in package["resources"] if r["path"].endswith((".csv", ".csv.gz"))
    }
    plain = [path for path in counted if not path.endswith(".it.csv")]
    script = "; ".join(
        f'cat("{path}", nrow(read.csv("{path}", encoding = "UTF-8")), "\\n")' for path in plain
    )
    said = dict(
        line.split()
        for line in run(program("Rscript"), "--vanilla", "-e", f"setwd('{release}'); {script}").splitlines()
    )
    assert {path: int(rows) for path, rows in said.items()} == {path: counted[path] for path in plain}
