"""Builds the bundled sample data and starter.yml. Run it by hand when the choice changes; no pipeline does:

    python -m sources.starter.build FOLDER

FOLDER holds the provider files that `TABLES` names, as archived. Belongs here: which figures are bundled, where they come
from, and their layout (SDMX-CSV as the provider serves it). Does not belong here: how they are read.
The same input gives the same bytes; a gzip file may differ under another zlib, its decoded body does not.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import yaml

from sources.concepts import Territory, territories

Row = tuple[str | None, ...]  # the dimensions' codes, period, value, flag, confidentiality

HERE = Path(__file__).parent
PLAIN_BYTES = 300_000  # a longer file ships gzipped
UNKNOWN_FLAG = "_U"  # SDMX's code for unknown

# Italy, its NUTS 1 and NUTS 2 with what is in no region, and below: as far as the table has them.
ITALY = "IT.{0,2}"
GEOS = [
    "ITG11",
    "ITG12",
    "ITG13",
    "ITG14",
    "ITG15",
    "ITG16",
    "ITG17",
    "ITG18",
    "ITG19",
    "ITXXX",  # Italian patents of no known region
    "ITF11",
    "ITC4C",  # L'Aquila, Milano
    "FRK2",
    "FRK24",
    "FR71",
    "FR714",  # Rhône-Alpes, Isère; FR71, FR714 before NUTS 2016
    "FRJ2",
    "FRJ23",
    "FR62",
    "FR623",  # Midi-Pyrénées, Haute-Garonne; FR62, FR623 before NUTS 2016
    "DED2",
    "DED21",  # Dresden, region and city
    "BE24",
    "BE242",  # Vlaams-Brabant, Leuven
    "NL41",
    "NL414",  # Noord-Brabant, Zuidoost-Noord-Brabant
    "AT21",
    "AT211",
    "AT22",
    "AT221",  # Kärnten, Klagenfurt-Villach; Steiermark, Graz
]

EUROSTAT = "Source: Eurostat. Reuse with acknowledgement of the source (Commission Decision 2011/833/EU)"
ISTAT = "Source: ISTAT, CC BY 4.0"


@dataclass(frozen=True)
class Table:
    """One bundled extract. `last_update`: the provider's stamp as its SDMX-CSV gives it (Luxembourg time), or empty."""

    table: str
    provider: str
    file: str
    read: Callable[[Path, Table], tuple[list[str], list[Row]]]
    note: str
    archived_by: str
    last_update: str = ""
    provider_updated_at: str | None = None
    flags_from: str | None = None
    where: str = "true"
    italy: str = ITALY


# A bare ':' is no observation; ': c' is one without a value.
OBSERVATIONS = r"""
    create table observations as
    select {codes}, trim(period) as time_period,
           if(regexp_full_match(cell, '{form}'), nullif(regexp_extract(cell, '{form}', 1), ':'),
              error('cell holds ' || cell)) as obs_value,
           nullif(regexp_extract(cell, '{form}', 2), '') as obs_flag,
           nullif(regexp_extract(cell, '{form}', 3), '') as conf_status
    from (select split({key}, ',') as code, period, trim(cell, ' \r') as cell from
          (unpivot (from read_csv($bulk, delim='\t', header=true, all_varchar=true, quote=''))
           on columns('^[0-9]') into name period value cell))
    where cell <> ':' and (regexp_full_match(geo, $italy) or geo in $geos)"""
FORM = r"(:|-?[0-9][0-9.]*)(?: ([a-z]*)(?:@([A-Z]))?)?"


def bulk_tsv(folder: Path, table: Table) -> tuple[list[str], list[Row]]:
    """The dimensions of a bulk TSV, gzipped or not, and its rows of the chosen territories in order; texts as served."""
    file = folder / table.file
    opened = gzip.open if file.suffix == ".gz" else open
    with opened(file, "rt", encoding="utf-8") as lines:
        key = lines.readline().split("\t", 1)[0]
    dimensions = key.split("\\")[0].split(",")
    codes = ", ".join(f"code[{place}] as {dimension}" for place, dimension in enumerate(dimensions, 1))
    with duckdb.connect() as con:
        con.execute(
            OBSERVATIONS.format(codes=codes, form=FORM, key=f'"{key}"'),
            {"bulk": str(file), "italy": table.italy, "geos": GEOS},
        )
        if table.flags_from:
            _take_flags(con, folder / table.flags_from, [*dimensions, "time_period"])
        return dimensions, con.execute(f"from observations where {table.where} order by all").fetchall()


def eurostat_csv(folder: Path, table: Table) -> tuple[list[str], list[Row]]:
    """The dimensions and rows of an SDMX-CSV as Eurostat serves it."""
    with open(folder / table.file, encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))
    dimensions = rows[0][2 : rows[0].index("TIME_PERIOD")]
    return dimensions, sorted(tuple(row[2:]) for row in rows[1:])


def istat_csv(folder: Path, table: Table) -> tuple[list[str], list[Row]]:
    """The dimensions and rows of an SDMX-CSV as ISTAT serves it, without its edition, in the project's territories."""
    with open(folder / table.file, encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return _in_our_territories(["FREQ", "REF_AREA", "DOMAIN", "DATA_TYPE", "SEX"], (), "OBS_VALUE", rows)


def istat_data_browser(folder: Path, table: Table) -> tuple[list[str], list[Row]]:
    """An export of ISTAT's data browser, which leaves out the dimensions it holds at their totals."""
    with open(folder / table.file, encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    totals = (("edu_lev_highest", "99"), ("citizenship", "TOTAL"))
    return _in_our_territories(["FREQ", "REF_AREA", "DATA_TYPE", "SEX", "AGE"], totals, "Observation", rows)


def _in_our_territories(
    names: list[str], totals: tuple[tuple[str, str], ...], value: str, rows: list[dict[str, str]]
) -> tuple[list[str], list[Row]]:
    """Rows of ISTAT with our codes of territories; those of a territory that NUTS does not have are left out."""
    scheme: dict[str, list[Territory]] = {}
    for territory in territories():
        if territory.scheme == "ref_area":
            scheme.setdefault(territory.code, []).append(territory)
    found: list[Row] = []
    for row in rows:
        year = int(row["TIME_PERIOD"][:4])
        geo = next(
            (
                t.geo
                for t in scheme.get(row["REF_AREA"], ())
                if (t.first_year or 0) <= year <= (t.last_year or 9999)
            ),
            "" if row["REF_AREA"] in scheme else row["REF_AREA"],
        )
        if geo:
            codes = [geo if name == "REF_AREA" else row[name] for name in names]
            cells = (row["TIME_PERIOD"], row[value], row["OBS_STATUS"].lower(), "")
            found.append((*codes, *(code for _, code in totals), *cells))
    dimensions = ["geo" if name == "REF_AREA" else name.lower() for name in names]
    return [*dimensions, *(name for name, _ in totals)], sorted(found)


TABLES = [
    Table("bd_size_r3", "eurostat", "eurostat/bd_size_r3.tsv.gz", bulk_tsv, "flags as served", "2024-01-12"),
    Table(
        "pat_ep_rtot",
        "eurostat",
        "eurostat/pat_ep_rtot.tsv.gz",
        bulk_tsv,
        "the archived copy had lost its flags: those of NR of ITG1 (from 1980), ITG11 to ITG19 and "
        "ITXXX (from 2008) are from an excerpt of the same table, all others are unknown (_U)",
        "2024-01-26",
        last_update="29/04/16 23:00:00",
        provider_updated_at="2016-04-29T21:00:00+00:00",
        flags_from="eurostat/pat_ep_rtot_excerpt.sdmx.csv",
    ),
    Table(
        "nama_10r_3gdp",
        "eurostat",
        "eurostat/nama_10r_3gdp.tsv.gz",
        bulk_tsv,
        "flags as served",
        "2024-05-24",
    ),
    Table(
        "demo_r_pjanaggr3",
        "eurostat",
        "eurostat/demo_r_pjanaggr3.2026-04.tsv.gz",
        bulk_tsv,
        "both sexes together; flags as served",
        "2026-04-09",
        where="sex = 'T'",
    ),
    Table(
        "nama_10r_3empers",
        "eurostat",
        "eurostat/nama_10r_3empers.IT_EMP_TOTAL.2014-2023.tsv",
        bulk_tsv,
        "Italy only, employed persons in all activities; from the data browser's spreadsheet, extracted by 2025-12-23, "
        "that says last update 13/03/2024 23:00; flags as served",
        "2025-12-23",
        last_update="13/03/24 23:00:00",
        provider_updated_at="2024-03-13T22:00:00+00:00",
        italy="IT.*",
    ),
    Table(
        "lfst_r_lfe2emprt",
        "eurostat",
        "eurostat/lfst_r_lfe2emprt.ITG1_Y20-64.2026-04-17.sdmx.csv",
        eurostat_csv,
        "Sicily only, both sexes, ages 20 to 64; a client had written the periods as days, here they are years again",
        "2026-04-17",
        last_update="17/04/26 11:00:00",
        provider_updated_at="2026-04-17T09:00:00+00:00",
    ),
    Table(
        "lfst_r_lfu3rt",
        "eurostat",
        "eurostat/lfst_r_lfu3rt.ITG1_Y15-74.2026-04-17.sdmx.csv",
        eurostat_csv,
        "Sicily only, both sexes, ages 15 to 74; a client had written the periods as days, here they are years again",
        "2026-04-17",
        last_update="17/04/26 11:00:00",
        provider_updated_at="2026-04-17T09:00:00+00:00",
    ),
    Table(
        "istat_taxoccu1",
        "istat",
        "istat/150_915_DF_DCCV_TAXOCCU1_5.data_browser.2023-2025.csv",
        istat_data_browser,
        "export of the data browser, ages 15 to 89; it names neither education nor citizenship, which are their totals",
        "2026-04-14",
    ),
    Table(
        "istat_bes_territ_11",
        "istat",
        "istat/DF_BES_TERRIT_11.11RIC002.2004-2022.sdmx.csv",
        istat_csv,
        "patents per million inhabitants only, of Italy, Sicily and its provinces and territories to compare with; "
        "edition 2025, acquired on 2026-09-17",
        "2026-09-17",
    ),
]


def main(folder: Path) -> None:
    """Write the bundled extracts and `starter.yml` from the archived tables in `folder`."""
    starter = {}
    for table in TABLES:
        dimensions, rows = table.read(folder, table)
        body = sdmx_csv(table, dimensions, rows)
        geo = dimensions.index("geo")
        dated = f"last updated {table.provider_updated_at[:10]}, " if table.provider_updated_at else ""
        address = (
            f"Eurostat, {table.table}, https://ec.europa.eu/eurostat/databrowser/view/{table.table}"
            if table.provider == "eurostat"
            else f"ISTAT, {table.table}, https://esploradati.istat.it"
        )
        starter[table.table] = {
            "file": write(table.table, body),
            "rows": len(rows),
            "sha256": hashlib.sha256(body).hexdigest(),
            "provider": table.provider,
            "table": table.table,
            "provider_updated_at": table.provider_updated_at,
            "archived_by": table.archived_by,
            "retrieved_at": None,
            "retrieved_at_unknown": "the archived copy does not say when it was retrieved from the provider",
            "licence": EUROSTAT if table.provider == "eurostat" else ISTAT,
            "citation": f"{address}, {dated}as archived by {table.archived_by}",
            "note": f"extract as archived by {table.archived_by}, date of retrieval not known; {table.note}",
            "coverage": {"geo": sorted({str(row[geo]) for row in rows})},
        }
    text = yaml.safe_dump(starter, sort_keys=False, default_flow_style=None, allow_unicode=True, width=110)
    (HERE / "starter.yml").write_text(
        "# The bundled sample data: real figures, as SDMX-CSV. Written by build.py, which says what is chosen.\n"
        "# rows: data rows; sha256: of the decoded body.\n" + text,
        encoding="utf-8",
        newline="\n",
    )


def _take_flags(con: duckdb.DuckDBPyConnection, excerpt: Path, key: list[str]) -> None:
    """Flags are unknown but where the excerpt has the observation, which must then agree in value."""
    same = " and ".join(f"o.{column} = e.{column}" for column in key)
    con.execute("update observations set obs_flag = $unknown", {"unknown": UNKNOWN_FLAG})
    con.execute(
        "create table excerpt as from read_csv($file, delim=',', header=true, all_varchar=true)",
        {"file": str(excerpt)},
    )
    found = con.execute(f"""select count(*) from excerpt e left join observations o on {same}
                               where o.obs_value is distinct from e.obs_value""").fetchone()
    if apart := found and found[0]:
        raise SystemExit(f"{excerpt.name}: {apart} of its values are not those of the whole table.")
    con.execute(f"update observations o set obs_flag = e.obs_flag from excerpt e where {same}")


def sdmx_csv(table: Table, dimensions: list[str], rows: list[Row]) -> bytes:
    """The `rows` of `table` (dimensions, period, value, flag, confidentiality) as SDMX-CSV, the form of bundled figures."""
    flow = f"ESTAT:{table.table.upper()}(1.0)" if table.provider == "eurostat" else ""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["DATAFLOW", "LAST UPDATE", *dimensions, "TIME_PERIOD", "OBS_VALUE", "OBS_FLAG", "CONF_STATUS"]
    )
    writer.writerows([flow, table.last_update, *row] for row in rows)
    return text.getvalue().encode()


def write(table: str, body: bytes) -> str:
    """Write the extract, gzipped without name and time if it is long; its file name."""
    path = HERE / (f"{table}.csv.gz" if len(body) > PLAIN_BYTES else f"{table}.csv")
    with open(path, "wb") as file:
        if path.suffix == ".gz":
            with gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
                packed.write(body)
        else:
            file.write(body)
    return path.name


if __name__ == "__main__":
    main(Path(sys.argv[1]))
