"""Cited addresses over many nights, with pruning, rollback, rebuild and restore: whether each still answers the same.

Belongs here: the simulation, in any length. Does not belong here: what a figure's address answers (`test_two_vintages.py`).
"""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from assets import observations
from assets.run import RunContext
from pipelines.http_server import application
from tests.figures.nights import BIRTHS, Cells, Nights, table
from warehouse.publishing import release, restore, verification
from warehouse.publishing.citation import stamp

GEOS, YEARS = ("IT", "ITG1", "ITG17", "ITG19"), ("2015", "2016", "2017", "2018")
NAMES = ("enterprise_births", "enterprise_birth_rate", BIRTHS)


@dataclass
class Simulation:
    """A data folder, its server, and what each cited address answered when it was cited."""

    nights: Nights
    chance: random.Random
    cited: dict[str, Any] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)
    releases: list[str] = field(default_factory=list)

    def ask(self, client: TestClient, address: str) -> Any:
        """What was known then: all that a citation rests on; the status where there is no answer."""
        answer = client.get(address, headers={"accept": "application/json"})
        if answer.status_code != 200:
            return answer.status_code
        return [
            (
                figure["dimensions"],
                figure["then"],
                figure["origin"]["snapshot_id"],
                figure["citation"]["bibtex"],
            )
            for figure in answer.json()["figures"]
        ]

    def cite(self, client: TestClient, count: int) -> None:
        """Cite figures of the release that is shown: at its moment, by the id of an earlier one, on a day that is over."""
        for _ in range(count):
            moment = self.chance.choice(
                (
                    self.releases[-1],
                    self.chance.choice(self.releases),
                    stamp(self.nights.now - timedelta(days=1)),
                )
            )
            if (
                moment.endswith("Z")
                and "-" in moment
                and self.chance.random() < 0.5
                and len(self.releases) > 1
            ):
                moment = moment[:10]
            place = "/".join((self.chance.choice(GEOS), self.chance.choice(NAMES), self.chance.choice(YEARS)))
            address = f"/figure/{place}?asOf={moment}"
            self.cited.setdefault(address, self.ask(client, address))
            if self.cited[address] in (400, 404, 410, 500):
                self.found.append(f"{address}: {self.cited[address]} when it was cited")
        for file in ("distretto.duckdb", "site/index.html", "release.json", ""):
            self.files[f"/releases/{self.releases[-1]}/{file}"] = 0

    def look(self, client: TestClient, when: str, share: float = 1.0) -> None:
        """Ask cited addresses again, and note each that is dead or changed."""
        for address in self._some(self.cited, share):
            now = self.ask(client, address)
            if now != self.cited[address]:
                what = f"dead ({now})" if isinstance(now, int) else "changed"
                self.found.append(f"{when}: {address} is {what}")
        for address in self._some(self.files, share):
            answer = client.head(address, follow_redirects=False)
            kept = address.endswith("release.json")
            if answer.status_code == 404 and not address.endswith("site/index.html"):
                self.found.append(f"{when}: {address} is a bare 404")
            if kept and answer.status_code != 200:
                self.found.append(f"{when}: {address} is {answer.status_code}")
            if answer.status_code == 410 and "release.json" not in answer.headers.get("link", ""):
                self.found.append(f"{when}: {address} names no release.json")

    def _some(self, addresses: dict[str, Any], share: float) -> list[str]:
        return self.chance.sample(sorted(addresses), max(1, round(share * len(addresses))))


def simulate(
    folder: Path,
    patch: pytest.MonkeyPatch,
    nights: int,
    addresses: int,
    seed: int,
    every: int = 5,
    rounds: int = 2,
) -> Simulation:
    """`nights` nights of which one in `every` brings other figures, and each event `rounds` times.

    Some cited addresses are asked again after each event, and all of them at the end.
    """
    chance = random.Random(seed)
    world = Nights(folder, patch)
    # the figures are sound, and a check of them costs more than the rest of a night
    patch.setattr(observations, "run_checks", lambda *_: [])
    patch.setattr(restore, "verify", lambda _: [])
    done = Simulation(world, chance)
    cells = table({geo: {year: f"{50 + 10 * at} p" for year in YEARS} for at, geo in enumerate(GEOS)})
    planned = EVENTS * rounds
    events = {round(nights * (n + 1) / (len(planned) + 1)): event for n, event in enumerate(planned)}
    each = -(-addresses * every // nights)
    for night in range(nights):
        published = None
        if night % every == 0:
            cells = _revised(cells, chance)
            published = world.night(cells)
        else:
            # nothing changed: no release
            world.now += timedelta(days=1)
        with TestClient(application(world.home)) as client:
            if published:
                done.releases.append(published)
                done.cite(client, each)
        if event := events.get(night):
            event(done)
            with TestClient(application(world.home)) as client:
                done.look(client, f"after night {night}, {event.__name__}", share=0.3)
    with TestClient(application(world.home)) as client:
        done.look(client, "at the end")
    return done


def _revised(cells: Cells, chance: random.Random) -> Cells:
    """Some births are revised or lose their mark; now and then a figure is withdrawn, or comes back."""
    after = dict(cells)
    for key in chance.sample(sorted(cells), 3):
        if key[0] == BIRTHS and key[2] != YEARS[0] and chance.random() < 0.2:
            del after[key]
        elif key[0] == BIRTHS:
            after[key] = f"{chance.randint(40, 99)}{chance.choice(('', ' p'))}"
    for geo in GEOS:
        after.setdefault((BIRTHS, geo, chance.choice(YEARS)), "60 e")
    return after


def _roll_back(done: Simulation) -> None:
    """Show an earlier release, ask, and show the newest again."""
    home = done.nights.home
    release.roll_back(home, release.releases(home)[0])
    with TestClient(application(home)) as client:
        done.look(client, "rolled back", share=0.3)
    release.roll_back(home, release.newest(home))


def _rebuild_warehouse(done: Simulation) -> None:
    """The warehouse is lost: the next night builds it from the snapshots."""
    home = done.nights.home
    home.warehouse.unlink()
    for folder in ("baselines", "staged"):
        shutil.rmtree(home.root / folder, ignore_errors=True)
    done.nights.night(None)


def _rebuild_release(done: Simulation) -> None:
    """`distretto release rebuild` of the newest release gives the same rows."""
    home = done.nights.home
    with home.writing():
        run = RunContext(home)
        differing = verification.rebuild(home, release.newest(home), run.catalogue, run.store, run.stage)
    if any(differing.values()):
        done.found.append(f"rebuilds differently: {differing}")


def _restore(done: Simulation) -> None:
    """The data folder is lost and comes back from a backup of the same day."""
    home = done.nights.home
    backup = home.root.with_name("backup")
    shutil.rmtree(backup, ignore_errors=True)
    shutil.copytree(home.root, backup, symlinks=True)
    shutil.rmtree(home.root)
    home.root.mkdir()
    restore.restore(home, backup)


EVENTS = (_roll_back, _rebuild_warehouse, _rebuild_release, _restore)
