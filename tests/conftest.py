"""What all tests share: a data folder of their own, a test provider, a small dataset, and the real job.

Nothing here reaches further than loopback. Tests that read whole provider files look for them through
DISTRETTO_SPECIMENS (default ../shared/data) and skip, saying so, where they are absent.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from hypothesis import settings as hypothesis_settings

from sources.data_folder import DataFolder
from tests.provider import EurostatServer
from warehouse.history.dataset_state import read_status

ROOT = Path(__file__).parent.parent
SPECIMENS = Path(os.environ.get("DISTRETTO_SPECIMENS", ROOT.parent / "shared" / "data"))

# a shell starts what it runs in the background with SIGINT ignored, which every process of a test would inherit
signal.signal(signal.SIGINT, signal.default_int_handler)

# processes that tests start with settings of their own keep their rate limits here, not in the user's folder
_USER_STATE = tempfile.mkdtemp(prefix="distretto-tests-")
os.environ["XDG_STATE_HOME"] = _USER_STATE


def pytest_unconfigure() -> None:
    """Leave nothing in the folder of temporary files."""
    shutil.rmtree(_USER_STATE, ignore_errors=True)


# a loaded machine is no mistake of the code
hypothesis_settings.register_profile("unhurried", deadline=None)
hypothesis_settings.load_profile("unhurried")

# geo and V11920/V11910 by year: three territories that geography.csv knows
TOY = {
    ("A", "V11920", "IT"): {"2018": "100", "2019": "110 p"},
    ("A", "V11920", "ITG1"): {"2018": "40", "2019": "44"},
    ("A", "V11920", "ITG17"): {"2018": "10", "2019": ": c"},
    ("A", "V11910", "ITG1"): {"2018": "400", "2019": "410"},
}
ENTRY = {
    "title": {"it": "Prova", "en": "Trial"},
    "theme": "enterprise_births",
    "provider": "eurostat",
    "code": "toy",
    "dimensions": ["freq", "indic_sb", "geo"],
    "indicator": "indic_sb",
    "unit": {"indic_sb": {"V11920": "NR", "V11910": "NR"}},
    "status": "live",
    "citation": "test",
    "calendar": {"frequency": "A", "expected": "in tests", "late_after_days": 100_000},
    "checks": {
        "min_rows": 4,
        "geos": ["IT"],
        "flags": "cp",
        "max_revised_share": 0.5,
        "min_size_ratio": 0.6,
        "ranges": [{"min": 0, "max": 1000}],
    },
    "feeds": {"enterprise_births": {}},
}

LATER = datetime(2026, 9, 10, 11, tzinfo=UTC)
# as `World.history` tells the first night's TOY
HISTORY = [
    ("IT", "V11920", "2018", 100.0),
    ("IT", "V11920", "2019", 110.0),
    ("ITG1", "V11910", "2018", 400.0),
    ("ITG1", "V11910", "2019", 410.0),
    ("ITG1", "V11920", "2018", 40.0),
    ("ITG1", "V11920", "2019", 44.0),
    ("ITG17", "V11920", "2018", 10.0),
    ("ITG17", "V11920", "2019", None),
]
VALUES = "select geo, indicator, period, value, flag from observations where dataset = 'toy' order by all"


def changed(**cells: str) -> dict:
    """TOY with V11920 of ITG1 in 2019 (or other cells, as GEO_YEAR=cell) replaced."""
    table = {key: dict(row) for key, row in TOY.items()}
    for place, cell in cells.items():
        geo, year = place.split("_")
        table[("A", "V11920", geo)][year] = cell
    return table


@pytest.fixture
def specimens() -> Path:
    """The folder of real provider files."""
    if not SPECIMENS.is_dir():
        pytest.skip(f"real provider files are not here: {SPECIMENS} (set DISTRETTO_SPECIMENS)")
    return SPECIMENS


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the settings of the person who runs it, or asks a live provider."""
    for name in [
        name for name in os.environ if name.startswith("DISTRETTO_") and name != "DISTRETTO_SPECIMENS"
    ]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("DISTRETTO_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("DISTRETTO_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("DISTRETTO_PROVIDERS", str(settings(tmp_path, "http://127.0.0.1:9")))


# a provider on loopback that need not be spared, with limits that load on the machine does not reach
QUICK: dict[str, float] = {
    "min_interval_s": 0,
    "backoff_s": 0,
    "attempts": 2,
    "connect_timeout_s": 60,
    "read_timeout_s": 60,
    "max_seconds": 120,
}


def settings(folder: Path, base_url: str, **more: Any) -> Path:
    """A file for DISTRETTO_PROVIDERS: Eurostat's on loopback."""
    path = folder / "providers.yml"
    quick = QUICK | {"async_poll_s": 0.1, "async_budget_s": 120}
    nobody = yaml.safe_load((ROOT / "tests" / "specimens" / "nobody.yml").read_text())
    path.write_text(yaml.safe_dump(nobody | {"eurostat": quick | {"base_url": base_url} | more}))
    return path


@dataclass
class Outcome:
    """What a call of the command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class World:
    """A data folder, a test provider that serves the dataset `toy`, and the command line."""

    def __init__(
        self,
        folder: Path,
        server: EurostatServer,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture,
    ):
        self.folder, self.server, self.monkeypatch, self.capsys = folder, server, monkeypatch, capsys
        self.home = folder / "data"
        self.entries = folder / "catalogue"
        self.entries.mkdir()
        monkeypatch.setenv("DISTRETTO_CATALOGUE", str(self.entries))
        self.set_provider()
        self.entry("toy")
        self.serve()

    def set_provider(self, **more: Any) -> None:
        path = settings(self.folder, self.server.base_url, **more)
        self.monkeypatch.setenv("DISTRETTO_PROVIDERS", str(path))

    def entry(self, dataset: str, **changes: Any) -> None:
        (self.entries / f"{dataset}.yml").write_text(yaml.safe_dump({**ENTRY, "code": dataset, **changes}))

    def serve(self, cells: dict | None = None, code: str = "toy", **keys: Any) -> None:
        self.server.table(code, ["freq", "indic_sb", "geo"], cells or TOY, **keys)

    def run(self, *words: str) -> Outcome:
        """`distretto WORDS` in this process."""
        from pipelines.cli import main

        self.monkeypatch.setattr(sys, "argv", ["distretto", *words])
        self.capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        told = self.capsys.readouterr()
        return Outcome(code, told.out, told.err)

    def refresh(self, *words: str) -> Outcome:
        """The nightly job for `toy` alone."""
        return self.run("refresh", "--only", "toy", "--json", *words)

    def night(self, dataset: str = "toy") -> dict[str, Any]:
        """A night of one dataset without its release, quicker by far: what status.json then says of it."""
        from assets.observations import admit, collect
        from assets.run import RunContext

        home = DataFolder.from_env()
        run = RunContext(home)
        with home.writing():
            collect(run, [dataset])
            with run.warehouse() as con:
                admit(run, con, dataset)
        return read_status(home).datasets[dataset].to_dict()

    def rate_limits(self, host: str = "127.0.0.1") -> dict[str, Any]:
        """What is kept on disk of the requests to `host`."""
        return json.loads((self.folder / "state" / "pace" / f"{host}.json").read_text())

    def history(self, dataset: str = "toy") -> list[tuple]:
        """Geo, indicator, period and value of every version that the warehouse holds of a toy dataset."""
        with duckdb.connect(str(self.home / "warehouse.duckdb"), read_only=True) as con:
            return con.execute(
                "select geo, indic_sb, period, value from history join series using (series) "
                "where dataset = ? order by all",
                [dataset],
            ).fetchall()

    def first_night(self) -> None:
        """The job for `toy` on an empty folder: run once a process, then copied, since most tests begin with it."""
        kept = self.folder.parent / "first-night"
        if kept.exists():
            shutil.copytree(kept, self.home, symlinks=True)
        else:
            assert self.refresh().code == 0
            shutil.copytree(self.home, kept, symlinks=True)

    def start(self, *words: str, preexec: Callable[[], None] | None = None) -> subprocess.Popen:
        """`distretto WORDS` in a process of its own, in which `preexec` is called first."""
        return subprocess.Popen(
            [sys.executable, "-c", "from pipelines.cli import main; main()", *words],
            cwd=ROOT,
            text=True,
            preexec_fn=preexec,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def start_python(self, code: str) -> subprocess.Popen:
        """A Python process that runs `code`, with pipes."""
        return subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def query(self, sql: str) -> list[tuple]:
        """Rows of the published release, in UTC."""
        with duckdb.connect(str(self.home / "current" / "distretto.duckdb"), read_only=True) as con:
            con.execute("set timezone = 'UTC'")
            return con.execute(sql).fetchall()

    def state(self, dataset: str = "toy") -> dict[str, Any]:
        return self.run("status", "--json").json["datasets"][dataset]

    @property
    def releases(self) -> list[str]:
        return sorted(path.name for path in (self.home / "releases").glob("[0-9]*"))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Iterator[World]:
    with EurostatServer() as server:
        yield World(tmp_path, server, monkeypatch, capsys)


def distretto(home: Path, *words: str, cwd: Path = ROOT, **environment: str) -> Outcome:
    """`distretto WORDS` of the code in `cwd`, in a process of its own, on the data folder `home` and the project's own
    settings."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("DISTRETTO_", "DAGSTER_"))
    }
    done = subprocess.run(
        [sys.executable, "-c", "from pipelines.cli import main; main()", *words],
        cwd=cwd,
        text=True,
        capture_output=True,
        env={**inherited, "DISTRETTO_HOME": str(home), **environment},
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def one_shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shipped") / "data"
    outcome = distretto(folder, "refresh", "--offline", "--json")
    assert outcome.code == 0, outcome.err
    return folder


@pytest.fixture(scope="module")
def home(one_shipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The module's own data folder named `data`, after one run with nothing but the figures that ship."""
    return shutil.copytree(one_shipped, tmp_path_factory.mktemp("own") / "data", symlinks=True)
