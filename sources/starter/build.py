"""Builds the figures that ship, and starter.yml; a person runs it when they change, no pipeline does:

    python sources/starter/build.py FOLDER

FOLDER holds whole tables as archived from Eurostat's bulk download (<table>.tsv.gz) and, for a copy that had
lost its flags, an SDMX-CSV excerpt that has them. Belongs here: which figures ship, where they come from, and
their layout (SDMX-CSV as Eurostat serves it). Does not belong here: how they are read.
The same input gives the same bytes; a gzip file may differ under another zlib, its decoded body does not.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import sys
from pathlib import Path

import duckdb
import yaml

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

LICENCE = "Source: Eurostat. Reuse with acknowledgement of the source (Commission Decision 2011/833/EU)"
# last_update: the provider's stamp as its SDMX-CSV gives it (Luxembourg time), empty where not known.
TABLES = {
    "bd_size_r3": {
        "archived_by": "2024-01-12",
        "last_update": "",
        "provider_updated_at": None,
        "flags_from": None,
        "flags": "flags as served",
    },
    "pat_ep_rtot": {
        "archived_by": "2024-01-26",
        "last_update": "29/04/16 23:00:00",
        "provider_updated_at": "2016-04-29T21:00:00+00:00",
        "flags_from": "pat_ep_rtot_excerpt.sdmx.csv",
        "flags": "the archived copy had lost its flags: those of NR of ITG1 (from 1980), ITG11 to ITG19 and "
        "ITXXX (from 2008) are from an excerpt of the same table, all others are unknown (_U)",
    },
    "nama_10r_3gdp": {
        "archived_by": "2024-05-24",
        "last_update": "",
        "provider_updated_at": None,
        "flags_from": None,
        "flags": "flags as served",
    },
}

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


def main(folder: Path) -> None:
    starter = {}
    for table, facts in TABLES.items():
        dimensions, rows = extract(folder, table, facts["flags_from"])
        body = sdmx_csv(table, facts["last_update"], dimensions, rows)
        starter[table] = {
            "file": write(table, body),
            "rows": len(rows),
            "sha256": hashlib.sha256(body).hexdigest(),
            "provider": "eurostat",
            "table": table,
            "provider_updated_at": facts["provider_updated_at"],
            "archived_by": facts["archived_by"],
            "retrieved_at": None,
            "retrieved_at_unknown": "the archived copy does not say when it was retrieved from the provider",
            "licence": LICENCE,
            "citation": f"Eurostat, {table}, https://ec.europa.eu/eurostat/databrowser/view/{table}, "
            f"as archived by {facts['archived_by']}",
            "note": f"extract as archived by {facts['archived_by']}, date of retrieval not known; "
            f"{facts['flags']}",
            "coverage": {"geo": sorted({row[dimensions.index("geo")] for row in rows})},
        }
    text = yaml.safe_dump(starter, sort_keys=False, default_flow_style=None, allow_unicode=True, width=110)
    (HERE / "starter.yml").write_text(
        "# The figures that ship: real ones, as SDMX-CSV. Written by build.py, which says what is chosen.\n"
        "# rows: data rows; sha256: of the decoded body.\n" + text,
        encoding="utf-8",
        newline="\n",
    )


def extract(folder: Path, table: str, flags_from: str | None) -> tuple[list[str], list[Row]]:
    """The table's dimensions, and its rows of the chosen territories in their order; texts as served."""
    bulk = folder / f"{table}.tsv.gz"
    with gzip.open(bulk, "rt", encoding="utf-8") as file:
        key = file.readline().split("\t", 1)[0]
    dimensions = key.split("\\")[0].split(",")
    codes = ", ".join(f"code[{place}] as {dimension}" for place, dimension in enumerate(dimensions, 1))
    with duckdb.connect() as con:
        con.execute(
            OBSERVATIONS.format(codes=codes, form=FORM, key=f'"{key}"'),
            {"bulk": str(bulk), "italy": ITALY, "geos": GEOS},
        )
        if flags_from:
            take_flags(con, folder / flags_from, [*dimensions, "time_period"])
        return dimensions, con.execute("from observations order by all").fetchall()


def take_flags(con: duckdb.DuckDBPyConnection, excerpt: Path, key: list[str]) -> None:
    """Flags are unknown but where the excerpt has the observation, which must then agree in value."""
    same = " and ".join(f"o.{column} = e.{column}" for column in key)
    con.execute("update observations set obs_flag = $unknown", {"unknown": UNKNOWN_FLAG})
    con.execute(
        "create table excerpt as from read_csv($file, delim=',', header=true, all_varchar=true)",
        {"file": str(excerpt)},
    )
    (apart,) = con.execute(f"""select count(*) from excerpt e left join observations o on {same}
                               where o.obs_value is distinct from e.obs_value""").fetchone()
    if apart:
        raise SystemExit(f"{excerpt.name}: {apart} of its values are not those of the whole table.")
    con.execute(f"update observations o set obs_flag = e.obs_flag from excerpt e where {same}")


def sdmx_csv(table: str, last_update: str, dimensions: list[str], rows: list[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["DATAFLOW", "LAST UPDATE", *dimensions, "TIME_PERIOD", "OBS_VALUE", "OBS_FLAG", "CONF_STATUS"]
    )
    writer.writerows([f"ESTAT:{table.upper()}(1.0)", last_update, *row] for row in rows)
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
