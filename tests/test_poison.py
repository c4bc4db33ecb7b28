"""What one dataset brings in costs that dataset alone, and only until it is replaced. All figures are made up."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
import yaml

from assets import decisions, observations
from assets.run import RunContext
from sources.data_folder import DataFolder
from sources.errors import DistrettoError
from tests.conftest import ROOT, TOY, World
from warehouse.history.dataset_state import read_status

HEADER = "figure,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG"
GOOD = ["members,DISTRICT,2023,30,", "members,DISTRICT,2024,33,p"]
# inputs that ended every later night of the first version
POISONS = {
    "an empty key": [*GOOD, "joint_projects,,2025,5,"],
    "a week": [*GOOD, "members,DISTRICT,2026-W10,30,"],
}


def lay(world: World, rows: list[str]) -> Path:
    path = world.home / "drop" / "own_figures.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return path


def night(*datasets: str) -> RunContext:
    """The steps of a night before its release, for `datasets`."""
    run = RunContext(DataFolder.from_env())
    with run.home.writing():
        observations.collect(run, datasets)
        with run.warehouse() as con:
            for name in datasets:
                observations.admit(run, con, name)
    return run


def figures(world: World, dataset: str) -> dict[str, float]:
    with duckdb.connect(str(world.home / "warehouse.duckdb"), read_only=True) as con:
        return dict(
            con.execute(
                """select period, value from (
                    select * from history join series using (series) where dataset = ?
                    qualify row_number() over (partition by series, period order by vintage desc) = 1)
                where not deleted""",
                [dataset],
            ).fetchall()
        )


@pytest.mark.parametrize("rows", POISONS.values(), ids=POISONS)
def test_a_file_that_poisoned_history_costs_its_dataset_one_night(world: World, rows: list[str]):
    lay(world, GOOD)
    first = world.run("refresh", "--only", "own_figures", "--only", "toy", "--json")
    assert first.code == 0, first.err
    lay(world, rows)
    world.serve({**TOY, ("A", "V11920", "ITG17"): {"2018": "11", "2019": ": c"}})
    second = world.run("refresh", "--only", "own_figures", "--only", "toy", "--json")
    assert second.code == 3 and second.json["worse"] == ["own_figures"], second.err
    assert second.json["published"] and "row" in second.json["datasets"]["own_figures"]["failure"]["message"]
    assert world.query("select value from observations where geo = 'ITG17' and period = '2018'") == [(11.0,)]
    assert world.query("select period, value from district order by all") == [("2023", 30.0), ("2024", 33.0)]
    lay(world, [*GOOD, "joint_projects,DISTRICT,2025,5,"])
    third = world.run("refresh", "--only", "own_figures", "--json")
    assert third.code == 0, third.err
    assert world.query("select count(*) from district") == [(3,)]


@pytest.fixture
def poisoned(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A folder as the first version left it: the manifest accepts figures that do not fit into history."""
    lay(world, GOOD)
    night("own_figures")
    lay(world, POISONS["an empty key"])
    run = RunContext(DataFolder.from_env())
    with run.home.writing():
        observations.collect(run, ["own_figures"])
        newest = run.store.newest("own_figures", "live")
        assert newest is not None
        run.store.accept(newest, by="checks")
    return world


def test_a_poisoned_folder_heals_by_itself_and_says_so(poisoned: World):
    store = night("own_figures", "toy").store
    assert figures(poisoned, "own_figures") == {"2023": 30.0, "2024": 33.0}
    assert read_status(DataFolder(poisoned.home)).datasets["toy"].outcome == "updated"
    entry = read_status(DataFolder(poisoned.home)).datasets["own_figures"]
    assert entry.outcome == "quarantined" and "cannot enter history" in entry.failure.message
    assert store.current("own_figures") == list(store.snapshots.values())[0]
    # a second night neither tries nor records it again
    lines = (poisoned.home / "snapshots" / "manifest.jsonl").read_text()
    night("own_figures", "toy")
    assert (poisoned.home / "snapshots" / "manifest.jsonl").read_text() == lines


def test_a_corrected_file_leads_out_of_a_poisoned_folder(poisoned: World):
    lay(poisoned, [*GOOD, "joint_projects,DISTRICT,2025,5,"])
    night("own_figures")
    assert figures(poisoned, "own_figures") == {"2023": 30.0, "2024": 33.0, "2025": 5.0}
    assert read_status(DataFolder(poisoned.home)).datasets["own_figures"].outcome == "updated"


@pytest.mark.parametrize("decide", ["accept", "pin", "withdraw"])
def test_a_person_leads_out_of_a_poisoned_folder(poisoned: World, decide: str):
    run = RunContext(DataFolder.from_env())
    good, bad = run.store.snapshots
    with run.home.writing(), run.warehouse() as con:
        if decide == "withdraw":
            with pytest.raises(DistrettoError, match="is one table"):
                decisions.withdraw(run, con, "own_figures", bad, "somebody", "a mistake")
        else:
            with pytest.raises(DistrettoError):
                getattr(decisions, decide)(run, con, "own_figures", bad, "somebody", "for a test")
            if decide == "pin":
                decisions.pin(run, con, "own_figures", good, "somebody", "for a test")
    night("toy", "own_figures")
    assert figures(poisoned, "own_figures") == {"2023": 30.0, "2024": 33.0}


def test_a_lost_warehouse_is_built_again_from_a_folder_that_was_poisoned(poisoned: World):
    night("own_figures", "toy")
    before = figures(poisoned, "own_figures"), poisoned.history("toy")
    (poisoned.home / "warehouse.duckdb").unlink()
    night("own_figures", "toy")
    assert (figures(poisoned, "own_figures"), poisoned.history("toy")) == before


def test_figures_whose_acceptance_was_never_written_are_judged_again(world: World):
    """A kill between the steps of a night and its release."""
    home = DataFolder.from_env()
    run = RunContext(home)
    with home.writing():
        observations.collect(run, ["toy"])
        with run.warehouse() as con:
            observations.judge(run, con, "toy")
    assert '"accepted"' not in home.manifest.read_text() and world.history() != []
    again = RunContext(home)
    with home.writing(), again.warehouse() as con:
        again.replay(con)
    assert world.history() == []
    night("toy")
    events = [json.loads(line)["event"] for line in home.manifest.read_text().splitlines()]
    assert events == ["snapshot", "accepted"] and len(world.history()) == 8


@pytest.mark.long
def test_figures_that_an_older_version_accepted_and_no_release_can_hold_are_undone(world: World):
    """The manifest has them already; the release goes back to the figures before, and says so."""
    dimensions = ["freq", "indic_sb", "sizeclas", "nace_r2", "geo"]
    key = ("TOTAL", "B-S_X_K642", "ITG1")

    def serve(rate: str) -> None:
        cells = {"V11920": "10", "V11910": "100", "V97020": rate}
        table = {("A", indicator, *key): {"2019": value} for indicator, value in cells.items()}
        world.server.table("bd_size_r3", dimensions, table)

    unit = {"indic_sb": {"V11920": "NR", "V11910": "NR", "V97020": "PC"}}
    world.entry(
        "bd_size_r3", dimensions=dimensions, unit=unit, checks={"min_rows": 1, "max_revised_share": 1.0}
    )
    serve("10")
    assert world.run("refresh", "--only", "bd_size_r3", "--json").code == 0
    serve("30")
    night("bd_size_r3")
    outcome = world.run("refresh", "--only", "bd_size_r3", "--offline", "--json")
    assert outcome.code == 3 and outcome.json["published"], outcome.err
    assert "published 30.0" in outcome.json["datasets"]["bd_size_r3"]["failure"]["message"]
    rows = world.query("select value from observations where indicator = 'V97020'")
    assert rows == [(10.0,)]


def test_a_release_is_built_from_what_the_steps_of_its_run_ended_with(world: World):
    from assets.release import publish
    from sources.errors import OtherFolder

    run = night("toy")
    current = run.store.current("toy")
    assert current is not None
    with run.home.writing(), pytest.raises(OtherFolder, match=f"toy .an-other-one, here {current.id}"):
        publish(run, {"toy": "an-other-one"})
    assert world.releases == []


def test_withdraw_leads_out_of_a_poisoned_dataset_of_files_that_add_up(world: World):
    """The bad file is withdrawn, the figures of the others stay, and later files are added to them."""
    entry = yaml.safe_load((ROOT / "sources" / "catalogue" / "own_figures.yml").read_text(encoding="utf-8"))
    (world.entries / "diary.yml").write_text(yaml.safe_dump(entry | {"code": "diary", "accumulates": True}))

    def hand(name: str, *rows: str) -> None:
        path = world.home / "drop" / "diary" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")

    hand("2023.csv", "members,DISTRICT,2023,30,")
    night("diary")
    hand("2024.csv", "members,DISTRICT,2024,33,", "joint_projects,,2024,5,")
    # as the first version accepted it
    run = RunContext(DataFolder.from_env())
    with run.home.writing():
        observations.collect(run, ["diary"])
        bad = run.store.newest("diary", "live")
        assert bad is not None
        run.store.accept(bad, by="checks")
    (world.home / "drop" / "diary" / "2024.csv").unlink()
    outcome = world.run("withdraw", "diary", bad.id, "--because", "a row without a territory", "--json")
    assert outcome.code == 0 and outcome.json["withdrawn"] == bad.id, outcome.err
    assert figures(world, "diary") == {"2023": 30.0}
    hand("2025.csv", "members,DISTRICT,2025,35,")
    night("diary")
    assert figures(world, "diary") == {"2023": 30.0, "2025": 35.0}
    assert read_status(DataFolder(world.home)).datasets["diary"].outcome == "updated"
    # a rebuilt warehouse holds the same
    (world.home / "warehouse.duckdb").unlink()
    night("diary")
    assert figures(world, "diary") == {"2023": 30.0, "2025": 35.0}
