"""What goes to stdout and what to stderr, as JSON, off a terminal and on a narrow one."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.conftest import ROOT, TOY, World

LATER = datetime(2026, 9, 10, 11, tzinfo=UTC)
REVISED = {**TOY, ("A", "V11920", "ITG1"): {"2018": "40", "2019": "45"}}


@pytest.mark.long
def test_with_json_stdout_is_json_and_nothing_else(world: World):
    def said(*words: str):
        outcome = world.run(*words, "--json")
        assert outcome.code == 0, (words, outcome.err)
        assert "\x1b" not in outcome.out + outcome.err, words
        return json.loads(outcome.out)

    first = said("refresh", "--only", "toy")
    assert first["published"] == first["current"] == world.releases[0]
    assert first["datasets"]["toy"]["state"] == "live"
    snapshot = said("status")["datasets"]["toy"]["snapshot_id"]
    assert [entry["file"] for entry in said("datasets") if entry["dataset"] == "toy"] == [
        str(world.entries / "toy.yml")
    ]
    checked = said("validate", "--only", "toy")
    assert {"min_rows", "geos", "flags", "units", "ranges"} <= {row["check"] for row in checked}
    assert all(row["passed"] is not False and row["snapshot_id"] == snapshot for row in checked)
    world.serve(REVISED, last_change=LATER)
    second = said("refresh", "--only", "toy")["published"]
    assert said(
        "query",
        "select geo, value from enterprise_births where period = '2019' and indicator = 'V11920' order by geo",
    ) == [{"geo": "IT", "value": 110.0}, {"geo": "ITG1", "value": 45.0}, {"geo": "ITG17", "value": None}]
    assert said(
        "query",
        "--release",
        first["published"],
        "select value from observations where geo = 'ITG1' and period = '2019' and indicator = 'V11920'",
    ) == [{"value": 44.0}]
    (answer,) = said("why", "ITG1/V11920/2019")["answers"]
    assert (answer["value"], answer["unit"], answer["facts"]["earlier"][:2]) == (45.0, "NR", "44")
    assert [row["release"] for row in said("release", "list")] == [first["published"], second]
    assert said("release", "verify") == {"release": second, "problems": []}
    assert {row["table"] for row in said("release", "diff", first["published"])} >= {
        "observations",
        "revisions",
    }
    assert set(said("release", "rebuild")["differing_rows"].values()) == {0}
    assert said("release", "rollback", first["published"]) == {"current": first["published"]}
    assert said("pin", "toy", snapshot, "--because", "test") == {"dataset": "toy", "pinned": snapshot}
    assert said("unpin", "toy", "--because", "test") == {"dataset": "toy", "pinned": None}


@pytest.mark.long
def test_messages_and_progress_go_to_stderr(world: World):
    outcome = world.refresh()
    assert "[1/7] toy: asking Eurostat" in outcome.err and "(1 of 1)" in outcome.err
    assert "[4/7] checking the release" in outcome.err
    phases = [line.split()[0] for line in outcome.err.splitlines()]
    assert list(dict.fromkeys(phases)) == [f"[{phase}/7]" for phase in range(1, 8)], "counted, in order"
    for_people = world.run("release", "verify")
    assert (for_people.code, for_people.out) == (0, "")
    assert "is intact" in for_people.err


@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["datasets"],
        ["release", "list"],
        ["why", "ITG1/V11920/2019"],
        ["why", "ITG1/V1/2019"],
        ["query", "from release"],
        ["query", "nonsense"],
        ["release", "--help"],
        ["nonsense"],
    ],
    ids=" ".join,
)
def test_no_colour_off_a_terminal(published: Path, words):
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("DISTRETTO_") and name not in ("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS")
    }
    done = subprocess.run(
        [sys.executable, "-c", "from pipelines.cli import main; main()", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**environment, "TERM": "xterm-256color", "DISTRETTO_HOME": str(published)},
    )
    assert done.stdout + done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_tables_are_whole_off_a_terminal(world: World):
    world.first_night()
    listed = world.run("datasets").out
    assert "Business demography and high-growth enterprises by economic activity, NUTS 3 regions" in listed
    assert "…" not in listed
    shown = world.run("query", "select snapshot_id, url, sha256 from snapshots").out
    ((snapshot_id, url, sha256),) = world.query("select snapshot_id, url, sha256 from snapshots")
    assert snapshot_id in shown and url in shown and sha256 in shown


@pytest.fixture
def narrow(published: Path) -> Callable[..., str]:
    """What `distretto WORDS` writes to a terminal of 60 columns, without colours."""

    def shown(*words: str) -> str:
        leader, follower = pty.openpty()
        with subprocess.Popen(
            [sys.executable, "-c", "from pipelines.cli import main; main()", *words],
            cwd=ROOT,
            stdout=follower,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "DISTRETTO_HOME": str(published), "COLUMNS": "60", "TERM": "dumb"},
        ):
            os.close(follower)
            told = b""
            # a terminal whose program has ended is an error of reading on Linux, an empty answer elsewhere
            with contextlib.suppress(OSError):
                while piece := os.read(leader, 65536):
                    told += piece
        os.close(leader)
        return told.decode()

    return shown


def test_on_a_narrow_terminal_nothing_is_cut_and_many_columns_stand_below_each_other(narrow):
    wide = narrow("query", "from patents limit 2")
    assert "…" not in wide
    assert [line.split()[0] for line in wide.splitlines()][:3] == ["1", "dataset", "indicator"]
    assert "   geo          " in wide and max(map(len, wide.splitlines())) <= 60
    trail = narrow("why", "ITG1/epo_applications/2004")
    assert "…" not in trail and "licence" in trail


def test_a_path_in_a_message_stays_whole_off_a_terminal(world: World):
    folder = world.folder / ("a-long-name-" * 8)
    world.monkeypatch.setenv("DISTRETTO_CATALOGUE", str(folder))
    assert str(folder) in world.run("status").err
