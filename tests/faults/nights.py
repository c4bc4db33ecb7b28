"""Whole nights over random small bodies of every format: what one dataset brings in costs that dataset alone, and one night.

Each number is ten nights in one data folder. In each night one dataset brings an odd body and every other a sound one that
differs from the night before, the dataset that was odd the night before among them. After each, every sound dataset has
exactly its figures.
"""

from __future__ import annotations

import logging
import os
import random
import sys
import traceback
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import duckdb
import yaml

from tests.conftest import ROOT
from tests.faults.bodies import SOURCES, UPLOADS_LAYOUT
from tests.faults.ground import HANGS_S, UPLOADS, Case, Ground, Prepared
from tests.faults.judge import POISONED, UNCLEAR, Found, words

LENGTH = 10
# their figures are counts and sums of the rows of a body
COUNTED = ("regpat", "cordis_horizon")
VALUES = """
    select value from (select * from history join series using (series) where dataset = ?
        qualify row_number() over (partition by series, period order by vintage desc) = 1)
    where not deleted order by value"""
_processes = get_context("forkserver")


def settle(folder: Path) -> dict[str, str]:
    """Catalogue and providers for the sources, every one in a folder of files; the environment for it."""
    entries = folder / "night-catalogue"
    entries.mkdir(exist_ok=True)
    providers: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "sources" / "providers.yml").read_text())
    for name, source in SOURCES.items():
        if name == "uploads":
            entry: dict[str, Any] = {**UPLOADS, "accumulates": False, "layout": UPLOADS_LAYOUT}
        else:
            entry = yaml.safe_load((ROOT / "sources" / "catalogue" / f"{name}.yml").read_text())
        checks = {"min_rows": 1, "max_revised_share": 1.0, "min_size_ratio": 0.01}
        if flags := entry["checks"].get("flags"):
            checks["flags"] = flags
        entry |= {"checks": checks, **source.entry}
        entry.pop("query", None)
        (entries / f"{name}.yml").write_text(yaml.safe_dump(entry, allow_unicode=True))
    dropped = {name: {"protocol": "drop", "base_url": "drop", "decision": None} for name in providers}
    path = folder / "night-providers.yml"
    path.write_text(yaml.safe_dump(dropped))
    return {"DISTRETTO_CATALOGUE": str(entries), "DISTRETTO_PROVIDERS": str(path)}


def lay(home: Path, name: str, body: bytes) -> None:
    """Put a file where its dataset looks for it."""
    path = home / "drop" / SOURCES[name].file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)


def chain(ground: Ground, prepared: Prepared, n: int, chance: random.Random, found: Found) -> None:
    """Ten nights in one process: collect, checks, history and release checks, without Dagster, exports and pages."""
    found.runs = LENGTH
    with ground.case(None) as case:
        environment = {
            **settle(case.folder),
            "DISTRETTO_HOME": str(case.home),
            "DISTRETTO_STATE": str(case.state),
        }
        said = case.folder / "said"
        seed = chance.random()
        process = _processes.Process(target=_chain, args=(environment, said, n, seed))
        process.start()
        process.join(6 * HANGS_S)
        if process.is_alive():
            process.kill()
            found.add(POISONED, "a night hung")
        elif process.exitcode:
            found.add(POISONED, f"the process ended with {process.exitcode}: {said.read_text()[-600:]}")
        for line in said.read_text().splitlines():
            if line.startswith(("poisoned", "unclear")):
                trouble, _, note = line.partition(" ")
                found.add(POISONED if trouble == "poisoned" else UNCLEAR, note)
    del prepared


def _chain(environment: dict[str, str], said: Path, n: int, seed: float) -> None:
    os.environ.update(environment)
    with open(said, "w", buffering=1) as out:
        try:
            _nights(Path(environment["DISTRETTO_HOME"]), n, random.Random(seed), out)
        except BaseException:
            out.write(f"poisoned {traceback.format_exc()[-1500:]!r}\n")
            sys.exit(0)


def _nights(home: Path, n: int, chance: random.Random, out: Any) -> None:
    from types import SimpleNamespace

    import assets.release
    from warehouse.publishing import release

    logging.getLogger("distretto").setLevel(logging.CRITICAL)
    assets.release.render = lambda built: []
    release.exports = SimpleNamespace(write=lambda *_: {})
    names, odd = list(SOURCES), ""
    laid: dict[str, list[float]] = {}
    been_odd: set[str] = set()
    # before the first oddity, sound figures of all
    for number in range(LENGTH + 1):
        before, odd = odd, "" if number == 0 else names[(n * LENGTH + number) % len(names)]
        # another one is revised too; the rest stays as it was
        revised = {before, *chance.sample(names, 1)} - {odd, ""} if number else set(names)
        for name in revised:
            good = SOURCES[name].good(number)
            laid[name] = sorted(float(cell) for *_, cell in good.cells)
            lay(home, name, SOURCES[name].write(good))
        if odd:
            been_odd.add(odd)
            lay(home, odd, SOURCES[odd].odd(number, chance))
        _night(home, names)
        for trouble, note in _look(home, names, odd, been_odd, laid):
            out.write(f"{trouble} night {number}, odd {odd}: {note}\n")


def _night(home: Path, names: list[str]) -> None:
    import assets.release
    from assets import observations
    from assets.run import RunContext
    from assets.soundness import prepare
    from sources.data_folder import DataFolder

    folder = DataFolder(home.resolve())
    with folder.writing():
        run = RunContext(folder)
        prepare(run)
        observations.collect(run, names)
        with run.warehouse() as con:
            for name in names:
                observations.judge(run, con, name)
        assets.release.publish(run, {})


def _look(
    home: Path, names: list[str], odd: str, been_odd: set[str], laid: dict[str, list[float]]
) -> list[tuple[str, str]]:
    from sources.data_folder import DataFolder
    from warehouse.history.dataset_state import read_status

    found, status = [], read_status(DataFolder(home.resolve()))
    for name in names:
        check = status.datasets[name]
        if check.failing and not (check.failure and check.failure.message and check.failure.hint):
            found.append(("unclear", f"{name}: {check.failure}"))
        if name == odd:
            continue
        if check.failing and name in been_odd and _doubted(check.failure):
            continue
        if check.failing:
            found.append(("poisoned", f"{name}: {check.failure!r}"))
        elif name in laid and name not in COUNTED and (values := _values(home, name)) != laid[name]:
            found.append(("poisoned", f"{name}: history has {values[:3]}, not {laid[name][:3]}"))
    return found


def _values(home: Path, name: str) -> list[float]:
    """What history holds now of a dataset, in order of size."""
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as con:
        return [value for (value,) in con.execute(VALUES, [name]).fetchall()]


def _doubted(failure: Any) -> bool:
    """Whether sound figures are held back because odd ones that were accepted differ much from them: a person decides."""
    return (
        failure is not None
        and failure.trouble in ("checks failed", "held back")
        and "n_rows" not in failure.message
    )


def drawn(ground: Ground, prepared: Prepared, n: int, chance: random.Random, found: Found) -> None:
    """A night with an odd body through the command, with Dagster and pages, and a sound one after it."""
    names = list(SOURCES)
    odd = names[n % len(names)]
    with ground.case(None) as case:
        environment = {**settle(case.folder)}
        for name in names:
            lay(case.home, name, SOURCES[name].write(SOURCES[name].good(0)))
        for number in range(2):
            if number:
                lay(case.home, odd, SOURCES[odd].write(SOURCES[odd].good(2)))
            else:
                lay(case.home, odd, SOURCES[odd].odd(1, chance))
            ending = _command(case, environment, names, draws=number == 0)
            words(ending, found)
            if ending.code not in (0, 3):
                found.add(
                    POISONED, f"night {number}, odd {odd}: exit code {ending.code}: {ending.text[-400:]}"
                )
                return
            for trouble, note in _look(case.home, names, odd if number == 0 else "", {odd}, {}):
                found.add(
                    POISONED if trouble == "poisoned" else UNCLEAR, f"night {number}, odd {odd}: {note}"
                )
    del prepared


def _command(case: Case, environment: dict[str, str], names: list[str], draws: bool) -> Any:
    from dataclasses import replace

    from tests.faults.ground import Running

    order = case.order(
        "refresh", *(word for name in names for word in ("--only", name)), draws=draws, exports=draws
    )
    return Running(replace(order, environment={**order.environment, **environment})).ending()
