"""What was cited stays: the short form of `make faults` kind `citations`."""

from __future__ import annotations

from starlette.testclient import TestClient

from pipelines.http_server import application
from tests.figures.permanence import simulate
from warehouse.publishing import release


def test_cited_addresses_answer_the_same_after_pruning_rollback_rebuild_and_restore(tmp_path, monkeypatch):
    done = simulate(tmp_path, monkeypatch, nights=45, addresses=100, seed=1, every=12, rounds=1)
    assert not done.found, done.found
    assert len(done.cited) > 50 and len(done.releases) == 4
    # some of the releases that were cited are gone
    kept = {one.id for one in release.releases(done.nights.home)}
    assert set(done.releases) - kept


def test_the_simulation_sees_an_answer_that_changed_and_one_that_is_dead(tmp_path, monkeypatch):
    done = simulate(tmp_path, monkeypatch, nights=1, addresses=4, seed=1, rounds=0)
    changed, dead = next(iter(done.cited)), "/figure/ITG17/enterprise_births/1999"
    done.cited = {changed: ["another answer"], dead: []}
    with TestClient(application(done.nights.home)) as client:
        done.look(client, "now")
    assert sorted(done.found) == sorted([f"now: {changed} is changed", f"now: {dead} is dead (404)"])
