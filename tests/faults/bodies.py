"""Random small bodies in every format: sound ones that differ from night to night, and odd ones.

Belongs here: making bytes. Does not belong here: what is expected of them (`nights.py`).
"""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.provider import Table
from tests.provider_istat import archive, generic

CHANGED = datetime(2026, 5, 13, 11, tzinfo=UTC)
ODD_PERIODS = (
    "2026-W10",
    "2019-13",
    "",
    "2019-Q5",
    "2019S1",
    "abcd",
    "20190",
    "2019-00",
    "1e3",
    "٢٠١٩",
    "2019-Q1",
    "0000",
)
ODD_PLACES = ("ZZ99", "", "it", "ITG17 ", "IT;DROP", "Ξ", "<b>IT</b>", "EU27_2020", "ITG999999", "NULL")
ODD_NUMBERS = ("1e308", "-1e300", "1e-320", "nan", "inf", "-inf", "1e999", "99999999999999999999", "-0.0", "1,5", "1.234,5",
               "", ":", "n/a", "0x10", "1_000", "٣", "=1+1", "0", "-5")  # fmt: skip
ODD_FLAGS = (" b", " p", " c", " zz", " é", "  ", " p p")


@dataclass(frozen=True)
class Rows:
    """Cells by codes, place and period, in a list since a key may stand twice."""

    cells: tuple[tuple[tuple[str, ...], str, str, str], ...]  # other codes, place, period, cell

    def series(self, place_at: int) -> list[tuple[tuple[str, ...], dict[str, str]]]:
        """By series, a key that stands twice in two of them."""
        found: list[tuple[tuple[str, ...], dict[str, str]]] = []
        for codes, place, period, cell in self.cells:
            key = (*codes[:place_at], place, *codes[place_at:])
            for known, row in found:
                if known == key and period not in row:
                    row[period] = cell
                    break
            else:
                found.append((key, {period: cell}))
        return found


@dataclass(frozen=True)
class Source:
    """A dataset of the trial: how its body is written, and what is changed in its catalogue entry."""

    file: str
    codes: list[tuple[str, ...]]  # of the other dimensions, a series each
    write: Callable[[Rows], bytes]
    entry: dict[str, object] = field(default_factory=dict)
    places: tuple[str, ...] = ("IT", "ITG1", "ITG17", "ITC4", "ITF3")
    periods: tuple[str, ...] = ("2018", "2019", "2020")
    level: float = 50.0
    step: float = 1.0

    def good(self, night: int) -> Rows:
        """Figures that no check doubts and that are different every night."""
        return Rows(
            tuple(
                (
                    codes,
                    place,
                    period,
                    f"{self.level + self.step * (3 * a + 2 * b + c) + night % 7 * self.step / 10:g}",
                )
                for a, codes in enumerate(self.codes)
                for b, place in enumerate(self.places)
                for c, period in enumerate(self.periods)
            )
        )

    def odd(self, night: int, chance: random.Random) -> bytes:
        """Figures with one to four oddities; rarely bytes that are cut or flipped."""
        cells = list(self.good(night).cells)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(cells))
            codes, place, period, cell = cells[at]
            match chance.randrange(7):
                case 0:
                    cells[at] = (codes, chance.choice(ODD_PLACES), period, cell)
                case 1:
                    cells[at] = (codes, place, chance.choice(ODD_PERIODS), cell)
                case 2:
                    cells[at] = (codes, place, period, chance.choice(ODD_NUMBERS))
                case 3:
                    cells.append((codes, place, period, chance.choice((cell, "7"))))
                case 4:
                    where = chance.randrange(len(codes))
                    cells[at] = (
                        tuple("" if i == where else code for i, code in enumerate(codes)),
                        place,
                        period,
                        cell,
                    )
                case 5:
                    cells[at] = (codes, place, period, cell + chance.choice(ODD_FLAGS))
                case 6:
                    del cells[at : at + chance.randint(1, len(cells))]
                    cells = cells or [(codes, place, period, cell)]
        body = self.write(Rows(tuple(cells)))
        if chance.random() < 0.15 and body:
            cut = chance.randrange(len(body))
            body = (
                body[:cut] if chance.random() < 0.5 else body[:cut] + bytes([body[cut] ^ 4]) + body[cut + 1 :]
            )
        return body


def _table(dimensions: list[str], rows: Rows) -> Table:
    return Table(dimensions, rows.series(dimensions.index("geo")))


def _tsv(dimensions: list[str]) -> Callable[[Rows], bytes]:
    return lambda rows: _table(dimensions, rows).tsv()


def _sdmx_csv(dimensions: list[str]) -> Callable[[Rows], bytes]:
    return lambda rows: _table(dimensions, rows).sdmx_csv("trial", CHANGED)


def _json_stat(dimensions: list[str]) -> Callable[[Rows], bytes]:
    return lambda rows: _table(dimensions, rows).json_stat("trial", CHANGED)


def _sdmx_ml(dimensions: list[str]) -> Callable[[Rows], bytes]:
    names = [{"freq": "FREQ", "geo": "REF_AREA"}.get(name, name.upper()) for name in dimensions]
    # a key that stands twice in two messages' series, as a list of pairs would say
    return lambda rows: generic(names, _Pairs(rows.series(dimensions.index("geo"))))  # type: ignore[arg-type]


class _Pairs(list):  # type: ignore[type-arg]
    """Pairs where a mapping is asked for its items."""

    def items(self) -> list[tuple[tuple[str, ...], dict[str, str]]]:
        return list(self)


def _archive(rows: Rows) -> bytes:
    return archive(
        [
            (codes[1], codes[2], place, period, cell.split(" ")[0].replace(".", ","))
            for codes, place, period, cell in rows.cells
        ]
    )


def _own(rows: Rows) -> bytes:
    lines = ["figure,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG"]
    for codes, place, period, cell in rows.cells:
        value, _, flag = cell.partition(" ")
        lines.append(",".join([codes[0], place, period, value, flag]))
    return "\n".join([*lines, ""]).encode()


def _tabular(rows: Rows) -> bytes:
    """Quarters do not fit above a table of many years: the period is a column."""
    lines = ["Provincia;Anno;Attive"]
    lines += [
        f"{place};{period};{cell.split(' ')[0].replace('.', ',')}" for _, place, period, cell in rows.cells
    ]
    return "\r\n".join([*lines, ""]).encode()


def _zip(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, text in files.items():
            file.writestr(zipfile.ZipInfo(name), text)
    return packed.getvalue()


def _cordis(rows: Rows) -> bytes:
    people = ['"projectID";"name";"country";"nutsCode";"ecContribution"']
    projects = ['"id";"startDate"']
    for number, (_, place, period, cell) in enumerate(rows.cells, 1):
        people.append(f'"{number}";"A";"IT";"{place}";"{cell.split(" ")[0]}"')
        projects.append(f'"{number}";"{period}-01-01"')
    return _zip({"organization.csv": "\n".join([*people, ""]), "project.csv": "\n".join([*projects, ""])})


def _regpat(rows: Rows) -> bytes:
    regions, classes = ["appln_id|reg_code|ctry_code|reg_share|inv_share"], ["appln_id|prio_year|IPC"]
    for number, (_, place, period, cell) in enumerate(rows.cells, 1):
        regions.append(f"{number}|{place}|IT|1|{cell.split(' ')[0]}")
        classes.append(f"{number}|{period}|H01L021/02")
    empty = {
        "202602_PCT_Inv_reg.txt": "pct_nbr|reg_code|ctry_code|reg_share|inv_share\n",
        "202602_PCT_IPC.txt": "pct_nbr|prio_year|IPC\n",
    }
    return _zip(
        {
            "202602_EPO_Inv_reg.txt": "\n".join([*regions, ""]),
            "202602_EPO_IPC.txt": "\n".join([*classes, ""]),
            **empty,
        }
    )


BIRTHS = ["freq", "indic_sb", "sizeclas", "nace_r2", "geo"]
PROVINCES = ("ITG17", "ITG19", "ITG12")
SOURCES = {
    "bd_size_r3": Source("bd_size_r3.csv", [("A", c, "TOTAL", "B-S_X_K642") for c in ("V11910", "V16910")], _tsv(BIRTHS),
                         level=900),
    "nama_10r_3gdp": Source(
        "nama_10r_3gdp.csv", [("A", "MIO_EUR")], _sdmx_csv(["freq", "unit", "geo"]), {"format": "sdmx-csv"}, level=9000, step=9
    ),
    "demo_r_pjanaggr3": Source(
        "demo_r_pjanaggr3.csv", [("A", "NR", "T", "TOTAL")], _json_stat(["freq", "unit", "sex", "age", "geo"]),
        {"format": "json-stat"}, level=90000, step=90,
    ),
    "istat_bes_territ_11": Source(
        "DF_BES_TERRIT_11.csv", [("A", "11INNO", "11RIC002", "9", "2026")],
        _sdmx_ml(["freq", "geo", "domain", "data_type", "sex", "edition"]),
    ),
    "istat_bdti": Source(
        "Archivio_unico_indicatori_regionali.zip", [("A", "054", "percentuale")], _archive,
        places=("Sicilia", "Lombardia", "Campania", "Italia"),
    ),
    "own_figures": Source("own_figures.csv", [("members",), ("hires",)], _own, places=("DISTRICT",)),
    "uploads": Source("uploads.csv", [("A", "ACT_NR")], _tabular, places=("CATANIA", "ENNA", "RAGUSA")),
    "cordis_horizon": Source("cordis-HORIZONprojects-csv.zip", [("EC",)], _cordis, places=PROVINCES, level=90000, step=90),
    "regpat": Source("regpat.zip", [("EPO",)], _regpat, places=PROVINCES, step=0.001, level=0.5),
}  # fmt: skip
UPLOADS_LAYOUT = {
    "decimal": ",",
    "period": [{"place": "column", "column": "Anno", "pattern": r"^(?P<year>\d\d\d\d)$"}],
    "columns": {"geo": "Provincia"},
    "measure": "indic_reg",
    "values": {"Attive": "ACT_NR"},
}
