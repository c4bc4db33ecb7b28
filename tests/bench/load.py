"""One load of a bulk TSV, from file on disk to rows in a DuckDB file: `python -m tests.bench.load HOW FILE DATABASE`.

A process of its own each time, so that start-up, imports and peak memory count. Belongs here: our way and that of
other tools. Does not belong here: measuring (`__main__.py`).
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import duckdb


def ours(file: Path, database: Path, table: bool = False) -> None:
    """Staged as for any body, then into history: what a night does with it, less the checks in between.

    History's rows are counted by DuckDB from the staged Parquet that the warehouse kept; `table` copies them into a
    table of the warehouse's file as well.
    """
    from datetime import UTC, datetime
    from types import SimpleNamespace

    from sources.data_folder import DataFolder
    from sources.formats import BodyFile, TableSpec, tsv
    from sources.snapshots import Acceptance
    from warehouse.history import vintages
    from warehouse.history.store import warehouse

    # of the catalogue and the snapshot only what a load reads
    dataset = SimpleNamespace(id="bd_size_r3", dimensions=["freq", "indic_sb", "sizeclas", "nace_r2", "geo"])
    acceptance = Acceptance(dataset.id, "s", datetime.now(UTC), "update", "bench", sequence=1)
    home = DataFolder(database.parent)
    staged = tsv.decode(BodyFile(file, gzipped=True), TableSpec(dataset.dimensions), home.staged / "s")
    with warehouse(home, dataset.dimensions, []) as con:
        vintages.append(con, dataset, SimpleNamespace(id="s"), acceptance, staged)
        if table:
            con.execute("set preserve_insertion_order = false; create table copied as from history")
        assert con.execute("select count(*), sum(value) from history").fetchone()[0] > 0


def ours_table(file: Path, database: Path) -> None:
    ours(file, database, table=True)


def touch(file: Path, database: Path) -> None:
    """DuckDB merely touching every cell."""
    columns = _columns(file)
    lengths = ", ".join(f'sum(len("{name}"))' for name in columns)
    duckdb.sql(f"select {lengths} from {_csv(file, columns)}").fetchall()


def eurostat(file: Path, database: Path) -> None:
    """The package's own conversion, fed from disk, then long."""
    import eurostat.eurostat as package
    import pandas as pd

    class Response:
        content = file.read_bytes()

    package.__dict__["__get_resp__"] = lambda *_, **__: Response
    package.__dict__["__get_dims_info__"] = lambda *_, **__: (None, "EUROSTAT", [])
    wide = package.get_data_df("TABLE", flags=True)
    keys = [c for c in wide.columns if not c.endswith(("_value", "_flag"))]
    years = [c[:-6] for c in wide.columns if c.endswith("_value")]
    long = wide.melt(keys, [f"{y}_value" for y in years], "period", "value")
    long["flag"] = wide.melt(keys, [f"{y}_flag" for y in years], "period", "flag")["flag"]
    long["value"] = pd.to_numeric(long["value"], errors="coerce")
    _store(database, long.dropna(subset=["value"]))


def pandas(file: Path, database: Path) -> None:
    import pandas as pd

    wide = pd.read_csv(file, sep="\t", dtype=str, compression="gzip")
    key = wide.columns[0]
    wide[key.split("\\")[0].split(",")] = wide[key].str.split(",", expand=True)
    long = wide.drop(columns=key).melt(key.split("\\")[0].split(","), var_name="period", value_name="cell")
    parts = long.pop("cell").str.strip().str.split(" ", n=1, expand=True).reindex(columns=[0, 1])
    long["value"], long["flag"] = pd.to_numeric(parts[0], errors="coerce"), parts[1]
    _store(database, long.dropna(subset=["value"]))


def polars(file: Path, database: Path) -> None:
    import polars as pl

    wide = pl.read_csv(file, separator="\t", infer_schema=False, quote_char=None)
    key = wide.columns[0]
    names = key.split("\\")[0].split(",")
    codes = pl.col(key).str.split_exact(",", len(names) - 1).struct.rename_fields(names)
    long = wide.with_columns(codes.alias("codes")).drop(key).unnest("codes")
    long = long.unpivot(index=names, variable_name="period", value_name="cell")
    cell = pl.col("cell").str.strip_chars().str.splitn(" ", 2)
    long = long.with_columns(
        cell.struct.field("field_0").cast(pl.Float64, strict=False).alias("value"),
        cell.struct.field("field_1").alias("flag"),
    )
    # DuckDB takes a polars frame only by way of pyarrow, which is not here
    between = database.with_suffix(".parquet")
    long.drop("cell").filter(pl.col("value").is_not_null()).write_parquet(between)
    with duckdb.connect(str(database)) as con:
        con.execute(f"create table observations as from '{between}'")


def _columns(file: Path) -> list[str]:
    with gzip.open(file, "rt") as handle:
        first, *periods = handle.readline().rstrip("\r\n").split("\t")
    return ["key", *(period.strip() for period in periods)]


def _csv(file: Path, columns: list[str]) -> str:
    types = dict.fromkeys(columns, "VARCHAR")
    return (
        f"read_csv('{file}', compression='gzip', auto_detect=false, header=false, skip=1, delim='\t', quote='', "
        f"escape='', columns={types})"
    )


def _store(database: Path, rows: object) -> None:
    """`rows` is a frame that DuckDB finds by this name."""
    with duckdb.connect(str(database)) as con:
        con.execute("create table observations as from rows")


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
