"""The examples run on the figures that ship, and the dashboard shows a new release without a restart."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import pytest

from sources.data_folder import DataFolder
from tests.conftest import ROOT
from warehouse.publishing.release import current, find, releases, show


@pytest.fixture
def home(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataFolder:
    home = DataFolder(shutil.copytree(home, tmp_path / "data", symlinks=True))
    monkeypatch.setenv("DISTRETTO_HOME", str(home.root))
    return home


def test_the_dashboard_shows_the_new_release_without_a_restart(home: DataFolder):
    testing = pytest.importorskip(
        "streamlit.testing.v1", reason="streamlit is an extra: pip install '.[dashboard]'"
    )
    app = testing.AppTest.from_file(str(ROOT / "examples" / "dashboard.py"), default_timeout=3600).run()
    first = current(home)
    assert not app.exception and app.caption[0].value == f"Rilascio {first.id}"
    app.radio[0].set_value("English").run()
    assert not app.exception and app.caption[0].value == f"Release {first.id}"
    app.selectbox[0].set_value("enterprise_births").run()
    assert not app.exception and app.multiselect[0].value == ["ITG1", "ITG17"]
    later = home.releases / "20991231T000000Z"
    shutil.copytree(first.folder, later)
    assert [r.id for r in releases(home)] == [first.id, later.name]
    show(home, find(home, later.name))
    app.run()
    assert not app.exception and app.caption[0].value == f"Release {later.name}"


def test_the_notebook_runs(home: DataFolder):
    pytest.importorskip("marimo", reason="marimo is in the group docs")
    app = runpy.run_path(str(ROOT / "examples" / "notebook.py"))["app"]
    _, found = app.run()
    assert len(found["rates"]) == 9 and found["rates"]["province"][0] == "Palermo"
