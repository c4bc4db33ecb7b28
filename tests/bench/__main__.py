"""`make bench`: how fast and how lean, beside other tools, in one run. `python -m tests.bench [PART ...]`.

Every load is a whole process, measured from outside; five counted runs after one warm-up, the tools in turn so that
a machine's drift meets all alike; medians. Parts: real, synthetic, scaling, night, indicators, serve. `--quick` runs each
command once on small input: it shows that a part works and measures nothing.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.conftest import ROOT, SPECIMENS
from tests.provider import EurostatServer

QUICK = "--quick" in sys.argv
RUNS, WARM_UPS = (1, 0) if QUICK else (5, 1)
OTHERS = os.environ.get("BENCH_PYTHON")
REAL = SPECIMENS / "eurostat" / "bd_size_r3.tsv.gz"
Figure = tuple[float, float]
# as `distretto refresh` begins: what it imports, and Dagster's own beginning
START = (
    "import atexit, gc; gc.set_threshold(50_000); atexit.register(gc.freeze); import pipelines.run; "
    "from dagster import DagsterInstance; DagsterInstance.ephemeral()"
)


def run(words: list[str], environment: dict[str, str] | None = None) -> Figure:
    """Wall seconds and peak MB of one process. Raises where it fails."""
    os.sync()  # what the tool before left unwritten would be written on this one's time
    started = time.perf_counter()
    pid = os.posix_spawn(
        words[0],
        words,
        {**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ],
    )
    _, status, usage = os.wait4(pid, 0)
    if code := os.waitstatus_to_exitcode(status):
        raise RuntimeError(f"{' '.join(words)} ended with {code}")
    return time.perf_counter() - started, usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1 << 20)


def load(how: str, file: Path) -> Figure:
    with tempfile.TemporaryDirectory() as folder:
        python = sys.executable if how in ("ours", "ours_table", "touch") else os.path.abspath(OTHERS or "")
        return run([python, "-m", "tests.bench.load", how, str(file), f"{folder}/rows.duckdb"])


def medians(measures: dict[str, Callable[[], Figure]]) -> dict[str, Figure]:
    """Medians of RUNS runs of each, in turn, after one warm-up; printed with least and greatest."""
    found: dict[str, list[Figure]] = {name: [] for name in measures}
    for turn in range(WARM_UPS + RUNS):
        for name, measure in measures.items():
            figure = measure()
            if turn >= WARM_UPS:
                found[name].append(figure)
    result = {}
    for name, figures in found.items():
        wall, peak = zip(*figures, strict=True)
        result[name] = statistics.median(wall), statistics.median(peak)
        print(
            f"{name:<28}{result[name][0]:8.2f} s ({min(wall):.2f} to {max(wall):.2f}){result[name][1]:10,.0f} MB"
        )
    return result


def compare(title: str, file: Path) -> dict[str, Figure]:
    print(f"\n{title}, {file.stat().st_size / 1e6:.1f} MB gzipped")
    tools = ["ours", "ours_table", "touch", *(["eurostat", "pandas", "polars"] if OTHERS else [])]
    return medians({tool: lambda tool=tool: load(tool, file) for tool in tools})


def number(told: str, reached: bool) -> None:
    print(f"{'reached' if reached else 'NOT REACHED':<12} {told}")


def real() -> None:
    if not REAL.exists():
        print(f"left out: {REAL} is not here")
        return
    found = compare("bd_size_r3, from file to rows in DuckDB", REAL)
    ours, touch = found["ours"], found["touch"]
    number(f"within 8 times of touching every cell: {ours[0] / touch[0]:.1f}", ours[0] <= 8 * touch[0])
    if OTHERS:
        other, polars = found["eurostat"], found["polars"]
        number(f"8 times as fast as eurostat: {other[0] / ours[0]:.1f}", other[0] >= 8 * ours[0])
        number(f"a third of its memory: {ours[1] / other[1]:.2f}", ours[1] <= other[1] / 3)
        number(f"no slower than polars: {ours[0] / polars[0]:.2f} of its time", ours[0] <= polars[0])


def table(folder: Path, megabytes: int) -> Path:
    """A made-up bulk TSV of about that size: 35 years, 18 % empty, in the dimensions of bd_size_r3."""
    path = folder / f"{megabytes}.tsv.gz"
    draw = random.Random(1)
    years = [str(1986 + i) for i in range(35)]
    with gzip.open(path, "wt", newline="", compresslevel=1) as handle:
        handle.write(
            "freq,indic_sb,sizeclas,nace_r2,geo\\TIME_PERIOD\t" + "\t".join(f"{y} " for y in years) + "\r\n"
        )
        written, i = 0, 0
        while written < megabytes * 1_000_000:
            cells = [
                ": "
                if draw.random() < 0.18
                else f"{draw.randrange(1_000_000) / 10} {draw.choice(['', '', '', 'p'])}"
                for _ in years
            ]
            line = (
                f"A,V{i % 40},S{i // 40 % 10},N{i // 400 % 50},G{i // 20_000}\t" + "\t".join(cells) + "\r\n"
            )
            handle.write(line)
            written, i = written + len(line), i + 1
    return path


def synthetic() -> None:
    with tempfile.TemporaryDirectory() as folder:
        size = 1 if QUICK else 40
        found = compare(f"made-up table of {size} MB", table(Path(folder), size))
    if OTHERS:
        share = found["ours"][1] / found["eurostat"][1]
        number(f"a fifth of the memory of eurostat on 40 MB: {share:.2f}", share <= 0.2)


def scaling() -> None:
    print("\nours alone, by size")
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for size in (1, 2) if QUICK else (1, 10, 40, 100, 400):
            file = table(Path(folder), size)
            found[size] = medians({f"{size} MB": lambda file=file: load("ours", file)})[f"{size} MB"]
    if QUICK:
        return
    per = {size: figure[0] / size for size, figure in found.items() if size >= 40}
    number(
        f"linear: {per[400] / per[40]:.2f} times the time a MB at 400 MB as at 40", per[400] <= 1.5 * per[40]
    )
    number(f"under 1 GiB at 400 MB: {found[400][1]:,.0f} MB", found[400][1] < 1024)


def night() -> None:
    if not REAL.exists():
        print(f"left out: {REAL} is not here")
        return
    print("\na night, with bd_size_r3, pat_ep_rtot and nama_10r_3gdp whole")
    python = sys.executable
    command = [python, "-c", "from pipelines.cli import main; main()"]
    with EurostatServer() as server, tempfile.TemporaryDirectory() as folder:
        codes = ("nama_10r_3gdp",) if QUICK else ("bd_size_r3", "pat_ep_rtot", "nama_10r_3gdp")
        for code in codes:
            server.serve_file(code, REAL.parent / f"{code}.tsv.gz")
        settings = Path(folder) / "providers.yml"
        settings.write_text(json.dumps({"eurostat": {"base_url": server.base_url, "min_interval_s": 0}}))
        environment = {"DISTRETTO_PROVIDERS": str(settings), "DISTRETTO_HOME": f"{folder}/data"}
        only = [word for code in codes for word in ("--only", code)]

        def first(words: list[str]) -> Figure:
            shutil.rmtree(f"{folder}/data", ignore_errors=True)
            return run([*command, "refresh", *words], environment)

        found = medians(
            {
                "start-up of a first run": lambda: run(
                    [python, "-c", f"{START}; import great_expectations, rdflib, xlsxwriter"], environment
                ),
                "start-up of an unchanged run": lambda: run([python, "-c", START], environment),
                **({} if QUICK else {"first, bd_size_r3": lambda: first(["--only", "bd_size_r3"])}),
                "first, all three": lambda: first(only),
                "unchanged, all three": lambda: run([*command, "refresh", *only], environment),
                "status": lambda: run([*command, "status"], environment),
            }
        )
    wall = {name: figure[0] for name, figure in found.items()}
    if QUICK:
        return
    alone = wall["first, bd_size_r3"] - wall["start-up of a first run"]
    number(f"bd_size_r3 from file to release in 10 s beyond start-up: {alone:.1f} s", alone <= 10)
    share = (wall["unchanged, all three"] - wall["start-up of an unchanged run"]) / (
        wall["first, all three"] - wall["start-up of a first run"]
    )
    number(f"an unchanged refresh at most a tenth of a first: {share:.2f}", share <= 0.1)
    number(f"status under 0.5 s: {wall['status']:.2f} s", wall["status"] < 0.5)


def indicators() -> None:
    """Best of three turns: the other work of a machine only ever adds to a time."""
    from sources.catalogue import load_catalogue
    from sources.data_folder import DataFolder
    from tests.bench import europe
    from warehouse.history.store import warehouse

    if not REAL.exists() or not (SPECIMENS / "constraints").exists():
        print(f"left out: {SPECIMENS} is not here")
        return
    catalogue = load_catalogue()
    with (
        tempfile.TemporaryDirectory() as folder,
        warehouse(DataFolder(Path(folder)), catalogue.dimensions, []) as con,
    ):
        con.execute("set threads = 2")
        filled = [d for d in catalogue.values() if not QUICK or d.id in europe.REAL]
        rows = europe.fill(con, DataFolder(Path(folder)), filled)
        print(f"\nindicators of every European table, {rows / 1e6:.1f} million observations, two threads")
        turns = europe.build(con, catalogue, DataFolder(Path(folder)), 1 if QUICK else 3)
    best = {
        name: (min(turn[name][0] for turn in turns), min(turn[name][1] for turn in turns))
        for name in turns[0]
    }
    for name, (wall, processor) in sorted(best.items(), key=lambda one: -one[1][0]):
        if wall >= 0.05:
            print(f"{name:<52}{wall:6.2f} s {processor:6.2f} s of processor")
    if QUICK:
        return
    queries = europe.queries()
    slowest = max(queries, key=lambda name: best[name][0])
    number(f"the slowest query, {slowest}, under a second: {best[slowest][0]:.2f} s", best[slowest][0] < 1)
    whole, busy = (min(sum(figure[at] for figure in turn.values()) for turn in turns) for at in (0, 1))
    number(
        f"all indicators of a release, with peers and history, under ten: {whole:.1f} s, {busy:.1f} s of processor",
        whole < 10,
    )


def serve() -> None:
    """Figures and filtered queries of a warm server, beside a static file of the same size."""
    from tests.bench.serve import measure

    measure(*((1, 0) if QUICK else (200, 20)))


PARTS = {
    "real": real,
    "synthetic": synthetic,
    "scaling": scaling,
    "night": night,
    "indicators": indicators,
    "serve": serve,
}

if __name__ == "__main__":
    print(
        f"Python {sys.version.split()[0]}, {os.cpu_count()} cores; medians of {RUNS} runs (least to greatest)"
    )
    if not OTHERS:
        print("BENCH_PYTHON is not set: other tools are left out")
    for part in [word for word in sys.argv[1:] if word in PARTS] or PARTS:
        PARTS[part]()
