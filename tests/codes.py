"""`python -m tests.codes [FOLDER]`: writes what tests compare the catalogue with, so that a new entry needs no other edit.

Belongs here: the codes in use (`specimens/*_codes.csv`), from the providers' constraint lists (`constraints/*.parquet` of
FOLDER, by default the folder of DISTRETTO_SPECIMENS), and the rows of docs/datasets.md that are missing. Rows of tables
that those lists do not have are kept as they are. Does not belong here: comparing (`test_catalogue.py`, `test_docs.py`).
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import duckdb

from sources.catalogue import Dataset, load_catalogue
from sources.concepts import territories
from sources.providers import load_providers
from warehouse.reference.territory import territory
from warehouse.statistics.peers import shown

HERE = Path(__file__).parent
DATASETS = HERE.parent / "docs" / "datasets.md"
Row = tuple[str, str, str]
SOURCES = {
    "eurostat": "Eurostat contentconstraint service, codes in use by each table, of queries only what is asked and of geo "
    "only what the project names",
    "istat": "ISTAT availableconstraint service, in the project's names and codes, of queries only what is asked and of geo "
    "only what the project names",
}
# said of the rows that are kept
OTHERS = {"istat": ". istat_bdti: titles in a third party's list of July 2026"}


def write_codes(folder: Path) -> None:
    """Rewrite the specimens from the lists in `folder`."""
    for provider, said in SOURCES.items():
        file = HERE / "specimens" / f"{provider}_codes.csv"
        with open(file, encoding="utf-8", newline="") as handle:
            handle.readline()
            known = [(row["dataset"], row["dimension"], row["code"]) for row in csv.DictReader(handle)]
        rows: set[Row] = set()
        days: list[str] = []
        for dataset in load_catalogue().values():
            if dataset.provider == provider:
                found, checked = _in_use(folder / f"{provider}.parquet", dataset)
                rows |= found
                days += checked
        mine = {dataset for dataset, *_ in rows}
        rows |= {row for row in known if row[0] not in mine and row[0] in load_catalogue()}
        with open(file, "w", encoding="utf-8", newline="") as handle:
            handle.write(f"# source: {said}; checked {min(days)} to {max(days)}{OTHERS.get(provider, '')}\n")
            writer = csv.writer(handle, lineterminator="\n")
            writer.writerow(("dataset", "dimension", "code"))
            writer.writerows(sorted(rows))


def list_datasets() -> None:
    """Add a row to docs/datasets.md for every entry without one: its title, and the level of the territories it must have."""
    text = DATASETS.read_text(encoding="utf-8")
    for dataset in load_catalogue().values():
        if f"| `{dataset.id}` |" not in text:
            finest = max((len(geo) for geo in dataset.checks.geos), default=0)
            level = f"NUTS {finest - 2}" if finest > 2 else "countries" if finest else "none"
            *rows, rest = text.rpartition("\n| `own_figures` |")
            text = "".join((rows[0], f"\n| `{dataset.id}` | {dataset.title.en} | {level} | |", rows[1], rest))
    DATASETS.write_text(text, encoding="utf-8")


def _in_use(file: Path, dataset: Dataset) -> tuple[set[Row], list[str]]:
    """The codes of a table in the project's names, and the days on which the provider listed them."""
    # the copy of ISTAT's lists lacks dimensions of a flow that the flow of its whole structure has
    whole = dataset.code.split("_DF_")[0]
    listed = duckdb.execute(
        "select df_id, dimension_id, code_id, left(checked_at::varchar, 10) from read_parquet(?) where upper(df_id) in (?, ?)",
        [str(file), dataset.code.upper(), whole.upper()],
    ).fetchall()
    own = {dimension for flow, dimension, *_ in listed if flow.upper() == dataset.code.upper()}
    provider, ours = load_providers()[dataset.provider], territory()
    named = {ours.country, ours.region, *ours.provinces, *shown(), *dataset.checks.geos}
    named |= {*dataset.query.get("geo", [])}
    geos: dict[str, set[str]] = {}
    for one in territories():
        if one.scheme == provider.territories:
            geos.setdefault(one.code, set()).add(one.geo)
    # of ISTAT's tables the lists have no periods
    wanted = {*dataset.dimensions, *(["TIME_PERIOD"] if dataset.provider == "eurostat" else [])}
    rows: set[Row] = set()
    days: list[str] = []
    for flow, dimension, code, checked in listed:
        if flow.upper() != dataset.code.upper() and dimension in own:
            continue
        name = provider.renames.get(dimension, dimension if dimension in wanted else dimension.lower())
        if name == "geo":
            codes = (geos.get(code, set()) if provider.territories else {code}) & named
        else:
            asked = dataset.query.get(name)
            codes = {code} if name in wanted and (asked is None or code in asked) else set()
        rows |= {(dataset.id, name, one) for one in codes}
        days += [checked] if codes else []
    return rows, days


if __name__ == "__main__":
    from tests.conftest import SPECIMENS

    lists = (Path(sys.argv[1]) if len(sys.argv) > 1 else SPECIMENS) / "constraints"
    list_datasets()
    if lists.is_dir():
        write_codes(lists)
    else:
        sys.exit(f"{lists} does not exist: codes in use were not written.")
