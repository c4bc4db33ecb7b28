"""`make fuzz`: damaged bodies through every decoder, with the figures printed.

Each body either decodes or raises a SourceError. What would be a defect: any other exception, a hang (the
process is ended after HANG_S, its body stays), or a staged value that is no number of the body. Belongs here: damage and
counting. Does not belong here: what a sound body decodes to (`test_formats.py`).
"""

from __future__ import annotations

import argparse
import faulthandler
import io
import math
import multiprocessing
import random
import re
import resource
import shutil
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import duckdb

from sources.errors import SourceError
from sources.formats import FORMATS, REGISTRY, BodyFile, TableSpec
from sources.formats.layout import TableLayout
from tests.provider import Table
from tests.provider_istat import archive, generic
from tests.provider_oecd import Flow

HANG_S = 30
BATCH = 250
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
DIMENSIONS = ["freq", "unit", "geo"]
# made-up figures, no two alike and none that a period or a code could be taken for
TABLE = Table(
    DIMENSIONS,
    {
        ("A", "NR", "ITG1"): {"2010": "65.5", "2011": "60.25 b", "2012": ": c"},
        ("A", "NR", "ITG17"): {"2010": "0.125", "2012": "12.75 ep@C"},
        ("A", "P_MHAB", "ITG1"): {"2010": ":", "2011": "-7.5e3", "2012": ": @C"},
    },
)
CHANGED = datetime(2026, 5, 13, 11, tzinfo=UTC)
GENERIC = generic(
    ["FREQ", "UNIT", "GEO"], {("A", "NR", "ITG1"): {"2010": "65.5", "2011": "60.25 b", "2012": " c"}}
)
OECD = Flow(["FREQ", "UNIT_MEASURE", "REF_AREA"], {}).sdmx_csv(
    "FUZZ",
    {("A", "NR", "ITG1"): {"2010": "65.5 A 0", "2011": "60.25 B 3"}, ("A", "NR", "ITA"): {"2010": " M"}},
)
ARCHIVE = archive(
    [("054", "percentuale", "Sicilia", "2018", "17,5"), ("054", "percentuale", "Italia", "2018", "0,125")]
)


def zipped(text: bytes) -> bytes:
    """A new archive around `text`: damage to a zip itself seldom gets past its checksum."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr(zipfile.ZipInfo("archive.csv"), text)
    return packed.getvalue()


# a table for people and a list of which rows are counted; made up as well
PERIOD = [{"place": "above", "pattern": r"(?P<quarter>IV|III|II|I) trimestre (?P<year>20\d\d)"}]
QUARTER = (
    "Titolo, II trimestre 2026\r\n\r\nProvincia;Registrate;Attive\r\nForlì-Cesena;1.065,5;-60,25\r\n"
    "CATANIA;12;\r\nEnna;:;7.001\r\n"
).encode("cp1252")
FIGURES = {"columns": {"geo": "Provincia"}, "measure": "of", "values": {"Registrate": "R", "Attive": "A"}}
HEADINGS = [{"place": "heading", "pattern": r"^(?P<year>20\d\d)-(?P<month>\d\d)$"}]
WIDE = {"columns": {"geo": "territorio", "nace": "ateco"}, "measure": "of", "cells": "N"}
LIST = b'Al II trimestre 2026\nnome,pv,classe\nUno srl,CT,A\nDue srl,CT,\n"Tre, srl",EN,B\n'
ROWS = {
    "columns": {"geo": "pv", "class": "classe"},
    "codes": {"class": {"": "UNK", "A": "A", "B": "B"}},
    "measure": "of",
    "counted": "N",
    "totals": ["class"],
}


def members(files: dict[str, bytes]) -> bytes:
    """A zip of these files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for called, text in files.items():
            file.writestr(zipfile.ZipInfo(called), text)
    return packed.getvalue()


@dataclass(frozen=True)
class Seed:
    """A sound body, its dimensions, and what is put around it after the damage; of a table for people its layout."""

    body: bytes
    dimensions: list[str] = field(default_factory=lambda: DIMENSIONS)
    around: Callable[[bytes], bytes] = bytes
    layout: TableLayout | None = None


SEEDS = {
    "tsv": Seed(TABLE.tsv()),
    "sdmx-csv": Seed(TABLE.sdmx_csv("fuzz", CHANGED)),
    # of one format there may be several forms: format/form
    "sdmx-csv/oecd": Seed(OECD, ["freq", "unit_measure", "ref_area"]),
    "json-stat": Seed(TABLE.json_stat("fuzz", CHANGED)),
    "sdmx-ml": Seed(GENERIC),
    "regional-archive": Seed(
        zipfile.ZipFile(io.BytesIO(ARCHIVE)).read("Archivio_unico_indicatori_regionali.csv"),
        ["freq", "cod_indicatore", "unita_misura", "descrizione_ripartizione"],
        zipped,
    ),
    "tabular": Seed(
        QUARTER,
        ["freq", "geo", "of"],
        layout=TableLayout.model_validate({"decimal": ",", "period": PERIOD, **FIGURES}),
    ),
    "tabular/list": Seed(
        LIST,
        ["freq", "geo", "class", "of"],
        layout=TableLayout.model_validate({"decimal": ",", "period": PERIOD, **ROWS}),
    ),
    "tabular/wide": Seed(
        b"territorio;ateco;2025-04;2025-05\r\nCatania;C;65,5;-7\r\nSICILIA;TOTAL;;1.234\r\n",
        ["freq", "geo", "nace", "of"],
        layout=TableLayout.model_validate({"decimal": ",", "period": HEADINGS, **WIDE}),
    ),
    "regpat": Seed(
        b"appln_id|reg_code|ctry_code|reg_share|inv_share\r\n1|ITG17|IT|1|0.5\r\n1|ITG19|IT|0.5|0.5\r\n2||IT|1|0.25\r\n",
        ["freq", "office", "technology", "geo"],
        lambda text: members(
            {
                "202602_EPO_Inv_reg.txt": text,
                "202602_EPO_IPC.txt": b"appln_id|prio_year|IPC\n1|2021|H01L021/02\n2|2020|B81B 7/00\n",
                "202602_PCT_Inv_reg.txt": b"pct_nbr|reg_code|ctry_code|reg_share|inv_share\n",
                "202602_PCT_IPC.txt": b"pct_nbr|prio_year|IPC\n",
            }
        ),
    ),
    "cordis": Seed(
        b'"projectID";"name";"country";"nutsCode";"ecContribution"\n"1";"A ""b""";"IT";"ITG17";"1000.5"\n"2";"C";"IT";"";""\n',
        ["freq", "horizon", "geo"],
        lambda text: members(
            {
                "organization.csv": text,
                "project.csv": b'"id";"startDate"\n"1";"2023-01-01"\n"2";"2024-09-01"\n',
            }
        ),
    ),
}
SUMMED = ("regpat", "cordis")
TOKENS = [b"\t", b",", b'"', b"\r\n", b"\n", b"\0", b"\xff", b"\xef\xbb\xbf", b":", b": c", b"-", b"1_000", b"nan",
          b"inf", b"1e999", b"99999999999999999999", b"{", b"}", b"[", b"]", b"<", b">", b"null", b"A" * 3000]  # fmt: skip


def damaged(body: bytes, chance: random.Random) -> bytes:
    """`body` after one to four small injuries."""
    found = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, len(found))
        to = min(len(found), at + chance.choice((1, 2, 8, 40)))
        match chance.randrange(6):
            case 0:
                found[at:to] = bytes(chance.randrange(256) for _ in range(to - at))
            case 1:
                del found[at:to]
            case 2:
                found[at:at] = found[at:to] * chance.choice((1, 2, 30))
            case 3:
                found[at:at] = chance.choice(TOKENS)
            case 4:
                found[at:to] = chance.choice(TOKENS)
            case 5 if chance.random() < 0.3:
                del found[at:]
    return bytes(found)


def values_in(body: bytes) -> set[float]:
    """Every number that a run of digits in `body` can be read as, with a decimal comma and points that group too."""
    text = body.decode("utf-8", errors="replace")
    read = (text.replace(",", "\n"), text.replace(",", "."), text.replace(".", "").replace(",", "."))
    return {float(found) for found in NUMBER.findall("\n".join(read))}


def invented(body: bytes, observations: Path, format_: str) -> list[float]:
    """Values that are no number of `body`; where rows are counted or summed, more than there can be."""
    rows = duckdb.execute(
        f"select distinct value from read_parquet('{observations}') where value is not null"
    ).fetchall()
    known = values_in(body)
    if b"UNIT_MULT" in body:
        known |= {value * 10.0**power for value in known for power in range(-9, 16)}
    if format_ in SUMMED:
        most = sum(map(abs, known)) * body.count(b"\n") + body.count(b"\n")
        return [value for (value,) in rows if not math.isfinite(value) or abs(value) > most]
    if SEEDS[format_].layout and SEEDS[format_].layout.counted:
        known |= set(map(float, range(len(body.splitlines()) + 1)))
    return [value for (value,) in rows if not math.isfinite(value) or value not in known]


def one_duckdb() -> None:
    """Let the decoders of this process share a DuckDB: opening one takes longer than decoding a small body."""
    opened, uses, held = duckdb.connect, 0, None

    def connect(*_: object, **settings: object) -> duckdb.DuckDBPyConnection:
        nonlocal uses, held
        uses += 1
        try:
            if held and uses % BATCH:
                return held.cursor().execute("select 1")
            if held:
                # from time to time a new one: the old one keeps more and more memory
                held.close()
        except duckdb.Error:  # an assertion of its own has ended it
            pass
        held = opened(**settings)
        return held.cursor()

    duckdb.connect = connect


def peak() -> float:
    """Most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


def run(format_: str, numbers: range, seed: int, kept: Path) -> tuple[Counter[str], float]:
    """Outcomes of the damaged bodies of these `numbers`, and the peak memory in MB; defects leave their bodies in `kept`."""
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        body = Path(folder) / "body"
        for number in numbers:
            # a path of its own: DuckDB may read from its cache what a path held before
            staged = Path(folder) / str(number)
            content = damaged(SEEDS[format_].body, random.Random(f"{seed}/{format_}/{number}"))
            body.write_bytes(SEEDS[format_].around(content))
            faulthandler.dump_traceback_later(HANG_S, exit=True)
            try:
                table = TableSpec(SEEDS[format_].dimensions, layout=SEEDS[format_].layout)
                done = REGISTRY[format_.partition("/")[0]](BodyFile(body), table, staged)
                outcome = "invented" if invented(content, done.observations, format_) else "decoded"
            except SourceError:
                outcome = "refused"
            except Exception as failure:  # the very thing looked for
                outcome = f"crash: {type(failure).__name__}"
            faulthandler.cancel_dump_traceback_later()
            outcomes[outcome] += 1
            if outcome not in ("decoded", "refused"):
                (kept / f"{format_.replace('/', '-')}-{seed}-{number}").write_bytes(content)
            shutil.rmtree(staged, ignore_errors=True)
    return outcomes, peak()


def main() -> None:
    parser = argparse.ArgumentParser(
        "python -m tests.fuzz", description="Damaged bodies through every decoder."
    )
    parser.add_argument("--bodies", type=int, default=100_000, help="in all, shared among the decoders")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    tried = list(SEEDS)
    kept = Path(tempfile.mkdtemp(prefix="fuzz-"))
    sound = True
    print("| decoder | bodies | refused | decoded | invented values | crashes | s | peak MB |")
    print("|---|---|---|---|---|---|---|---|")
    count = -(-arguments.bodies // len(tried))
    for name in tried:
        begun, outcomes, memory = time.monotonic(), Counter(), 0.0
        batches = [range(at, min(at + BATCH, count)) for at in range(0, count, BATCH)]
        # new processes for each decoder, so that the peak is its own
        with ProcessPoolExecutor(2, multiprocessing.get_context("spawn"), one_duckdb) as pool:
            for found, megabytes in pool.map(partial(run, name, seed=arguments.seed, kept=kept), batches):
                outcomes, memory = outcomes + found, max(memory, megabytes)
        crashes = sum(n for outcome, n in outcomes.items() if outcome.startswith("crash"))
        print(
            f"| {name} | {outcomes.total():,} | {outcomes['refused']:,} | {outcomes['decoded']:,} | "
            f"{outcomes['invented']:,} | {crashes:,} | {time.monotonic() - begun:.0f} | {memory:.0f} |",
            flush=True,
        )
        for outcome in sorted(set(outcomes) - {"refused", "decoded"}):
            sound = False
            print(f"{name}: {outcomes[outcome]:,} x {outcome}; bodies in {kept}", file=sys.stderr)
    for name in sorted(set(FORMATS) - {name.partition("/")[0] for name in SEEDS}):
        print(f"{name}: not tried, tests/fuzz.py has no sound body of it to damage", file=sys.stderr)
        sound = False
    if not any(kept.iterdir()):
        kept.rmdir()
    sys.exit(0 if sound else 1)


if __name__ == "__main__":
    main()
