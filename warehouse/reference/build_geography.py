"""Builds geography.csv and territorial_changes.csv from the official lists. Run it by hand when a list changes:

    python warehouse/reference/build_geography.py FOLDER

FOLDER holds nuts/ (Eurostat's list of NUTS 2024, the JRC's change matrices), geometry/ (GISCO's NUTS 2021),
istat/ (ISTAT's territorial units), constraints/ (the codes that Eurostat's tables use) and eurostat/ (whole
tables). Belongs here: names, levels, parents, the first and the last version of NUTS that lists a code, and how units
changed from version to version. The matrices end with NUTS 2021. What is in no list stays empty.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import duckdb

HERE = Path(__file__).parent
CATALOGUE = HERE.parent.parent / "sources" / "catalogue"
SOURCE = (
    "# source: NUTS 2024 list, GISCO NUTS 2021 and codes in use (Eurostat), change matrices (JRC), "
    "territorial units (ISTAT); built by build_geography.py"
)

COUNTRIES = {
    "AL": ("Albania", "Albania"),
    "AT": ("Austria", "Austria"),
    "BA": ("Bosnia-Erzegovina", "Bosnia and Herzegovina"),
    "BE": ("Belgio", "Belgium"),
    "BG": ("Bulgaria", "Bulgaria"),
    "CH": ("Svizzera", "Switzerland"),
    "CN_X_HK": ("Cina, esclusa Hong Kong", "China except Hong Kong"),
    "CY": ("Cipro", "Cyprus"),
    "CZ": ("Cechia", "Czechia"),
    "DE": ("Germania", "Germany"),
    "DK": ("Danimarca", "Denmark"),
    "EE": ("Estonia", "Estonia"),
    "EL": ("Grecia", "Greece"),
    "ES": ("Spagna", "Spain"),
    "FI": ("Finlandia", "Finland"),
    "FR": ("Francia", "France"),
    "HR": ("Croazia", "Croatia"),
    "HU": ("Ungheria", "Hungary"),
    "IE": ("Irlanda", "Ireland"),
    "IS": ("Islanda", "Iceland"),
    "IT": ("Italia", "Italy"),
    "JP": ("Giappone", "Japan"),
    "KR": ("Corea del Sud", "South Korea"),
    "LI": ("Liechtenstein", "Liechtenstein"),
    "LT": ("Lituania", "Lithuania"),
    "LU": ("Lussemburgo", "Luxembourg"),
    "LV": ("Lettonia", "Latvia"),
    "ME": ("Montenegro", "Montenegro"),
    "MK": ("Macedonia del Nord", "North Macedonia"),
    "MT": ("Malta", "Malta"),
    "NL": ("Paesi Bassi", "Netherlands"),
    "NO": ("Norvegia", "Norway"),
    "PL": ("Polonia", "Poland"),
    "PT": ("Portogallo", "Portugal"),
    "RO": ("Romania", "Romania"),
    "RS": ("Serbia", "Serbia"),
    "RU": ("Russia", "Russia"),
    "SE": ("Svezia", "Sweden"),
    "SI": ("Slovenia", "Slovenia"),
    "SK": ("Slovacchia", "Slovakia"),
    "TR": ("Turchia", "Türkiye"),
    "UK": ("Regno Unito", "United Kingdom"),
    "UA": ("Ucraina", "Ukraine"),
    "US": ("Stati Uniti", "United States"),
    "XK": ("Kosovo", "Kosovo"),
}
AGGREGATES = {
    "DE_TOT": ("Germania, inclusa l'ex RDT", "Germany including former GDR"),
    "EA13": ("Area dell'euro - 13 paesi", "Euro area - 13 countries"),
    "EA17": ("Area dell'euro - 17 paesi", "Euro area - 17 countries"),
    "EA18": ("Area dell'euro - 18 paesi", "Euro area - 18 countries"),
    "EA19": ("Area dell'euro - 19 paesi", "Euro area - 19 countries"),
    "EA20": ("Area dell'euro - 20 paesi", "Euro area - 20 countries"),
    "EA21": ("Area dell'euro - 21 paesi", "Euro area - 21 countries"),
    "EFTA": ("Associazione europea di libero scambio", "European Free Trade Association"),
    "EU15": ("Unione europea - 15 paesi", "European Union - 15 countries"),
    "EU27": ("Unione europea - 27 paesi (2007-2013)", "European Union - 27 countries (2007-2013)"),
    "EU27_2007": ("Unione europea - 27 paesi (2007-2013)", "European Union - 27 countries (2007-2013)"),
    "EU27_2020": ("Unione europea - 27 paesi (dal 2020)", "European Union - 27 countries (from 2020)"),
    "EU28": ("Unione europea - 28 paesi (2013-2020)", "European Union - 28 countries (2013-2020)"),
    # ISTAT's own, which NUTS has not
    "ITCD": ("Nord", "North"),
    "ITCDE": ("Centro-Nord", "Centre and North"),
    "ITDA": ("Trentino-Alto Adige/Südtirol", "Trentino-Alto Adige/Südtirol"),
    "ITFG": ("Mezzogiorno", "South and Islands"),
    # of counts that belong to no territory
    "WORLD": ("Ovunque, senza territorio", "Anywhere, no territory"),
}
# Sardinia's provinces of NUTS 2010 to 2016: no list of the folder names them.
SARDINIA = {
    "ITG25": "Sassari",
    "ITG26": "Nuoro",
    "ITG27": "Cagliari",
    "ITG28": "Oristano",
    "ITG29": "Olbia-Tempio",
    "ITG2A": "Ogliastra",
    "ITG2B": "Medio Campidano",
    "ITG2C": "Carbonia-Iglesias",
}
ENGLISH = {
    "ITC": "North-West",
    "ITC1": "Piedmont",
    "ITC2": "Aosta Valley",
    "ITC4": "Lombardy",
    "ITF": "South",
    "ITF4": "Apulia",
    "ITG": "Islands",
    "ITG1": "Sicily",
    "ITG2": "Sardinia",
    "ITH": "North-East",
    "ITI": "Centre",
    "ITI1": "Tuscany",
}

# no territory: whose figures are the district's own
DISTRICT = {"DISTRICT": ("Il distretto", "The district")}

# in the order in which a successor is looked for: the nearest version first
MATRICES = [(2013, 2016), (2016, 2021), (2010, 2021)]
CHANGES_SOURCE = "# source: NUTS 3 change matrices by population of 2018 (JRC), levels 1 and 2 added up; by build_geography.py"
# the matrices are drawn by grid cells: less than this moved is the same territory
SAME = 0.999


def main(folder: Path) -> None:
    """Write geography.csv and territorial_changes.csv from the official lists in `folder`."""
    nuts_2024 = {
        row["NUTS Code"]: row["NUTS label"]
        for row in rows(folder / "nuts" / "NUTS2021-NUTS2024.csv", ";")
        if row["NUTS Code"]
    }
    gisco_2021 = gisco(folder / "geometry" / "NUTS_RG_03M_2021_4326_LEVL_3.geojson.gz")
    labels = {**gisco_2021, **nuts_2024, **SARDINIA}
    named = {**COUNTRIES, **AGGREGATES, **DISTRICT}
    istat = one_to_one(folder / "istat" / "unita_territoriali.csv")

    versions: defaultdict[str, set[int]] = defaultdict(set)
    for geo in nuts_2024:
        versions[geo].add(2024)
    nuts_3 = [(geo, 2021) for geo in gisco_2021]
    moved: dict[tuple[int, int], defaultdict[tuple[str, str], float]] = {}
    for years in MATRICES:
        moved[years] = defaultdict(float)
        for row in rows(folder / "nuts" / "jrc_n3_cm_v{}_v{}.csv".format(*years)):
            before, after = (row[f"code_v{year}"] for year in years)
            nuts_3 += zip((before, after), years, strict=True)
            for length in (3, 4, 5):
                moved[years][before[:length], after[:length]] += float(row["pop18"])
    changed = list(changes(moved))
    for geo, year in nuts_3:
        for length in (3, 4, 5):  # a unit of level 3 proves those it lies in
            versions[geo[:length]].add(year)

    successors: dict[str, str] = {}
    for first, last, geo, to_geo, share_out, share_in in changed:
        if (
            geo != to_geo
            and last not in versions[geo]
            and min(share_out, share_in) >= SAME
            and first in versions[geo]
        ):
            successors.setdefault(geo, to_geo)

    table: list[list[object]] = []
    geos = {*named, *versions, *in_use(folder)}
    for geo in sorted(geos):
        # a unit that has another code now has today's name
        name, code = istat.get(geo, (label(geo, labels) or label(successors.get(geo, geo), labels), ""))
        name_it, name_en = named.get(geo) or outside(geo) or (name, ENGLISH.get(geo, name))
        parent = geo[:-1] if geo not in named and geo[:-1] in geos else ""
        valid = (min(versions[geo]), max(versions[geo])) if geo in versions else ("", "")
        table.append([geo, level(geo), name_it, name_en, parent, code, *valid, successors.get(geo, "")])
    columns = "geo,level,name_it,name_en,parent,istat_code,valid_from,valid_to,successor"
    write("geography.csv", SOURCE, columns, table)
    rounded = [(*row[:4], *(f"{share:.6f}" for share in row[4:])) for row in changed]
    write(
        "territorial_changes.csv",
        CHANGES_SOURCE,
        "from_version,to_version,geo,to_geo,share_out,share_in",
        rounded,
    )


def changes(
    moved: Mapping[tuple[int, int], Mapping[tuple[str, str], float]],
) -> Iterator[tuple[int, int, str, str, float, float]]:
    """`(first, last version, geo, to_geo, share of geo's population, share of to_geo's)`, where a border or code changed."""
    for (first, last), people in moved.items():
        out: defaultdict[str, float] = defaultdict(float)
        into: defaultdict[str, float] = defaultdict(float)
        for (geo, to_geo), number in people.items():
            out[geo] += number
            into[to_geo] += number
        for (geo, to_geo), number in sorted(people.items()):
            if number and (geo != to_geo or number < out[geo] or number < into[to_geo]):
                yield first, last, geo, to_geo, number / out[geo], number / into[to_geo]


def write(name: str, source: str, columns: str, table: Iterable[Sequence[object]]) -> None:
    """Write a CSV file of this folder, with its source in the first line."""
    with open(HERE / name, "w", encoding="utf-8", newline="") as file:
        file.write(f"{source}\n{columns}\n")
        csv.writer(file, lineterminator="\n").writerows(table)


def rows(path: Path, delimiter: str = ",") -> Iterator[dict[str, str]]:
    """The rows of a CSV file in UTF-8, with or without byte order mark."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file, delimiter=delimiter)


def gisco(path: Path) -> dict[str, str]:
    """Names by NUTS code in a gzipped GeoJSON file of GISCO."""
    with gzip.open(path) as file:
        units = [feature["properties"] for feature in json.load(file)["features"]]
    return {unit["NUTS_ID"]: unit["NAME_LATN"] for unit in units}


def one_to_one(path: Path) -> dict[str, tuple[str, str]]:
    """ISTAT's name and code by NUTS code, where one unit of ISTAT is one of NUTS.

    Sardinia's provinces of 2025 cut across NUTS 3; Trentino-Alto Adige is two units of NUTS 2.
    """
    levels = [
        ("Codice NUTS1 2024", "Ripartizione geografica", "Codice Ripartizione geografica"),
        ("Codice NUTS2 2024", "Regione", "Codice Regione"),
        ("Codice NUTS3 2024", "Provincia/Uts", "Codice Provincia (Storico)"),
    ]
    found: dict[str, tuple[str, str]] = {}
    for columns in levels:
        units = {tuple(row[column] for column in columns) for row in rows(path, ";")}
        geos, codes = [unit[0] for unit in units], [unit[2] for unit in units]
        found |= {geo: (name, code) for geo, name, code in units if geos.count(geo) == codes.count(code) == 1}
    return found


def in_use(folder: Path) -> set[str]:
    """Every territory of the catalogue's tables, and of the whole tables in the folder."""
    codes = [path.stem.upper() for path in CATALOGUE.glob("*.yml")]
    found = duckdb.execute(
        """
        select distinct code_id from read_parquet($list) where dimension_id = 'geo' and df_id in $codes""",
        {"list": str(folder / "constraints" / "eurostat.parquet"), "codes": codes},
    ).fetchall()
    geos = {geo for (geo,) in found}
    for path in (folder / "eurostat").glob("*.tsv.gz"):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            next(file)
            geos |= {line.split("\t", 1)[0].rsplit(",", 1)[-1] for line in file}
    return geos


def level(geo: str) -> str:
    """The level that `geography.csv` gives the code."""
    if geo in COUNTRIES:
        return "country"
    if geo in AGGREGATES:
        return "aggregate"
    if geo in DISTRICT:
        return "district"
    return "extra_regio" if outside(geo) else f"nuts{len(geo) - 2}"


def outside(geo: str) -> tuple[str, str] | None:
    """Names of what belongs to a country and to none of its regions."""
    nuts = f"NUTS {len(geo) - 2}"
    if re.fullmatch("..Z+", geo):
        return f"Extra-regio, livello {nuts}", f"Extra-Regio {nuts}"
    if re.fullmatch("..X+", geo):
        return f"Non regionalizzato o {nuts} ignoto", f"Not regionalised/Unknown {nuts}"
    return None


def label(geo: str, labels: dict[str, str]) -> str:
    """The official label; a unit's only child, whose code adds a 0, is the same territory."""
    while geo not in labels and len(geo) < 5:
        geo += "0"
    return " ".join(labels.get(geo, "").split())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
