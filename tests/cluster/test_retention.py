"""Releases past their time leave the lake's list and its store, but for their record; what was put away can come back."""

from __future__ import annotations

from datetime import timedelta

from sources.data_folder import DataFolder
from tests.conftest import changed
from warehouse.publishing import release


def test_retention_leaves_the_record_and_can_be_undone(world, lake, tmp_path, monkeypatch):
    assert world.refresh().code == 0
    world.serve(changed(ITG1_2019="45"))
    assert world.refresh().code == 0
    home = DataFolder(world.home, lake)
    assert home.lake
    first, second = home.lake.releases()
    later = release.utc_now() + timedelta(days=40)
    monkeypatch.setattr(release, "utc_now", lambda: later)
    release.retain(home)
    assert home.lake.releases() == [second]
    assert home.lake.objects.has(f"releases/{first}/release.json")
    assert not home.lake.objects.has(f"releases/{first}/distretto.duckdb")

    assert release.restore_trash(home) == [first]
    assert home.lake.releases() == [first, second]
    monkeypatch.setenv("DISTRETTO_HOME", str(tmp_path / "reader"))
    assert world.run("release", "verify", first).code == 0
