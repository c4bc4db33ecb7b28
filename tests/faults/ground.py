"""Where faults happen: a test provider, a small catalogue, and data folders copied from a prepared one.

Belongs here: the good day before and after a fault. Does not belong here: faults, and judging what they left.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ENTRY, TOY, changed, settings
from tests.faults import child
from tests.provider import EurostatServer

DATASETS = ("toy", "toy2", "own_figures", "uploads")
OWN = "figure,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG\nmembers,DISTRICT,2023,30,\nmembers,DISTRICT,2024,33,p\n"
# a table for people, a file a year, added up
UPLOADS = {
    **{key: ENTRY[key] for key in ("title", "theme", "status", "citation", "calendar")},
    "provider": "infocamere",
    "code": "uploads",
    "format": "tabular",
    "accumulates": True,
    "redistribution": "allowed",
    "layout": {
        "decimal": ",",
        "period": [{"place": "name", "pattern": r"(?P<year>20\d\d)"}],
        "columns": {"geo": "Provincia"},
        "measure": "indic_reg",
        "values": {"Attive": "ACT_NR"},
    },
    "dimensions": ["freq", "geo", "indic_reg"],
    "indicator": "indic_reg",
    "unit": {"indic_reg": {"ACT_NR": "NR"}},
    "checks": {"min_rows": 1, "max_revised_share": 1.0},
    "feeds": {"enterprise_births": {}},
}
# a night of these few figures takes seconds; what is not done by then hangs
HANGS_S = 300

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.faults.child"])


@dataclass(frozen=True)
class Ending:
    """How a command ended: its exit code (a signal's number below 0, None where it hung) and its words."""

    code: int | None
    text: str
    changes: int = 0
    cpu_s: float = 0.0


class Running:
    """A command under way."""

    def __init__(self, order: child.Order) -> None:
        self.order = order
        self.process: ForkServerProcess = _processes.Process(target=child.run, args=(order,))
        self.process.start()

    def ending(self, within: float = HANGS_S) -> Ending:
        """Wait for its end; what takes longer than `within` is killed."""
        self.process.join(within)
        code = self.process.exitcode
        if code is None:
            self.process.kill()
            self.process.join()
        text = self.order.said.read_text(errors="replace") if self.order.said.exists() else ""
        spent = self.order.said.with_suffix(".json")
        about = json.loads(spent.read_text()) if spent.exists() else {}
        spent.unlink(missing_ok=True)
        return Ending(code, text, **about)


class Case:
    """A data folder of its own, in which one fault happens."""

    def __init__(self, ground: Ground, folder: Path) -> None:
        self.ground, self.folder, self.home, self.state = ground, folder, folder / "data", folder / "state"
        self._said = 0

    def order(self, *words: str, home: Path | None = None, **how: Any) -> child.Order:
        """`distretto WORDS` on this folder."""
        self._said += 1
        environment = {**self.ground.environment, "DISTRETTO_STATE": str(self.state)}
        environment["DISTRETTO_HOME"] = str(home or self.home)
        environment["DAGSTER_DISABLE_TELEMETRY"] = "yes"
        # not on a disk that is made full
        said = self.ground.folder / f"said-{self.folder.name}-{self._said}"
        return child.Order(
            words,
            environment,
            said,
            watched=[str(self.folder / "data"), str(self.folder / ".data"), str(self.state)],
            **how,
        )

    def start(self, *words: str, **how: Any) -> Running:
        return Running(self.order(*words, **how))

    def run(self, *words: str, **how: Any) -> Ending:
        return self.start(*words, **how).ending()

    def night(self, *options: str, **how: Any) -> Ending:
        """`distretto refresh` of the ground's datasets."""
        return self.run(*self.refresh, *options, **how)

    @property
    def refresh(self) -> list[str]:
        return ["refresh", *(word for name in self.ground.datasets for word in ("--only", name))]

    def forget_rate_limits(self) -> None:
        """As if the time had passed that a provider asked for."""
        shutil.rmtree(self.state, ignore_errors=True)


class Ground:
    """A provider on loopback, settings and catalogue; one a worker. Use inside `with`."""

    def __init__(self, datasets: tuple[str, ...] = DATASETS) -> None:
        self.datasets = datasets
        self.folder = Path(tempfile.mkdtemp(prefix="faults-"))
        self.entries = self.folder / "catalogue"
        self.entries.mkdir()
        self.server = EurostatServer()
        self.server.start()
        self._cases = 0
        self.set_provider()
        for name in ("toy", "toy2"):
            self._entry(name, {**ENTRY, "code": name})
        self._entry("uploads", UPLOADS)

    def __enter__(self) -> Ground:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _entry(self, name: str, entry: dict[str, Any]) -> None:
        (self.entries / f"{name}.yml").write_text(yaml.safe_dump(entry, allow_unicode=True))

    def set_provider(self, **more: Any) -> None:
        settings(self.folder, self.server.base_url, **more)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "DISTRETTO_CATALOGUE": str(self.entries),
            "DISTRETTO_PROVIDERS": str(self.folder / "providers.yml"),
        }

    def serve(self, night: int, home: Path | None = None) -> None:
        """The good figures of a night: those of the first (0) or of a later one."""
        self.server.behave_well()
        tables = {"toy": TOY, "toy2": TOY} if night == 0 else {
            "toy": changed(ITG1_2019="45"),
            "toy2": changed(IT_2018="101", ITG17_2019="12"),
        }  # fmt: skip
        for code, cells in tables.items():
            self.server.table(code, ["freq", "indic_sb", "geo"], cells)
        if home:
            drop = home / "drop"
            (drop / "uploads").mkdir(parents=True, exist_ok=True)
            more = "" if night == 0 else "members,DISTRICT,2025,36,\n"
            (drop / "own_figures.csv").write_text(OWN + more)
            for year in range(2023, 2025 + night):
                place = drop / "uploads" / f"attive-{year}.csv"
                if not place.exists():
                    place.write_text(f"Provincia;Attive\r\nCATANIA;{10 * year}\r\nENNA;{year}\r\n")

    @contextmanager
    def case(self, base: Path | None, into: Path | None = None) -> Iterator[Case]:
        """A case in a copy of the data folder `base`, or in an empty one; `into` names its folder."""
        self._cases += 1
        folder = into or self.folder / f"case-{self._cases}"
        folder.mkdir(exist_ok=True)
        if base:
            copy(base, folder / "data", linked=into is None)
        try:
            yield Case(self, folder)
        finally:
            self.server.behave_well()
            if not into:
                shutil.rmtree(folder, ignore_errors=True)


def copy(base: Path, target: Path, linked: bool = True) -> None:
    """Copy a data folder; files that are never written twice are hard links."""
    frozen = [base / "releases", base / "snapshots" / "objects"] if linked else []

    def duplicate(source: str, to: str) -> str:
        if any(Path(source).is_relative_to(folder) for folder in frozen):
            os.link(source, to)
            return to
        return shutil.copy2(source, to)

    shutil.copytree(base, target, symlinks=True, copy_function=duplicate)


def unlink_from_base(path: Path) -> None:
    """Give `path` bytes of its own, before it is damaged."""
    kept = path.read_bytes()
    path.unlink()
    path.write_bytes(kept)


@dataclass(frozen=True)
class Prepared:
    """Data folders that faults begin with, what a night without a fault makes of them, and what it takes."""

    first: Path  # after the first night
    expected: Any  # rows after the second night, and its revisions
    night: Ending  # the second night
    drawn: Ending  # the second night with Dagster and pages


def prepare(ground: Ground, folder: Path, draws: bool = True) -> Prepared:
    """Make the prepared folders by nights that must go through. Raises RuntimeError where one does not."""
    from tests.faults.judge import figures

    first = folder / "first"
    with ground.case(None) as case:
        ground.serve(0, case.home)
        _went_through(case.night(draws=draws))
        shutil.copytree(case.home, first, symlinks=True)
    with ground.case(first) as case:
        ground.serve(1, case.home)
        drawn = _went_through(case.night(draws=True)) if draws else None
    with ground.case(first) as case:
        ground.serve(1, case.home)
        night = _went_through(case.night())
        expected = figures(case.home)
    return Prepared(first, expected, night, drawn or replace(night))


def _went_through(ending: Ending) -> Ending:
    if ending.code != 0:
        raise RuntimeError(f"a night without a fault ended with {ending.code}: {ending.text}")
    return ending
