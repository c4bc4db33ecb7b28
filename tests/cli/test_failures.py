"""Failures that a command explains: what happened and what to do next."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, World


def one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(
    "words",
    [
        "query x",
        "why ITG17/V11920/2019",
        "release verify",
        "release rebuild",
        "release diff x",
        "release rollback x",
    ],
)
def test_what_needs_a_release_says_how_to_get_one(world: World, words):
    outcome = world.run(*words.split(), "--json")
    assert (outcome.code, outcome.out) == (1, "")
    assert "run `distretto refresh`" in one_line(outcome.err)


def test_validate_fails_where_a_check_does(world: World):
    world.first_night()
    world.entry(
        "toy", checks={"min_rows": 4, "geos": ["IT"], "flags": "cp", "ranges": [{"min": 0, "max": 100}]}
    )
    outcome = world.run("validate", "--only", "toy", "--json")
    assert outcome.code == 1
    failed = [row for row in outcome.json if row["passed"] is False]
    assert [(row["dataset"], row["check"]) for row in failed] == [("toy", "ranges")]
    assert failed[0]["observed"] and "100" in failed[0]["expected"]


@pytest.mark.parametrize("words", ["validate", "status", "datasets", "refresh --only toy"])
def test_a_wrong_catalogue_file_is_named_with_its_line(world: World, words):
    (world.entries / "toy.yml").write_text("title: {it: Prova, en: Trial}\ncolour: red\n")
    outcome = world.run(*words.split(), "--json")
    assert (outcome.code, outcome.out) == (1, "")
    # without blanks: how lines are broken is another test's
    assert "toy.yml:2:colour:unknownkey" in "".join(outcome.err.split())
    assert "Next: " in outcome.err


def test_unpinning_what_is_not_pinned_is_a_failure(world: World):
    outcome = world.run("unpin", "toy", "--because", "test")
    assert outcome.code == 1
    assert "toy is not pinned" in outcome.err


def test_a_data_folder_that_cannot_be_made_is_explained(world: World):
    (world.folder / "file").write_text("")
    world.monkeypatch.setenv("DISTRETTO_HOME", str(world.folder / "file" / "data"))
    outcome = world.refresh()
    assert (outcome.code, outcome.out) == (1, "")
    assert "Not a directory" in outcome.err and "Traceback" not in outcome.err
    assert "DISTRETTO_HOME" in outcome.err


@pytest.mark.parametrize("content", ["{", "[]", '{"run": {}}'])
def test_a_damaged_status_is_named_and_can_be_deleted(world: World, content):
    world.home.mkdir()
    (world.home / "status.json").write_text(content)
    for words in (["status"], ["doctor", "--offline"]):
        outcome = world.run(*words)
        assert (outcome.code, outcome.out) == (1, "")
        assert "status.json is damaged" in outcome.err and "delete it" in outcome.err


def test_a_reader_that_has_enough_is_no_failure_to_explain(published: Path):
    with subprocess.Popen(
        [sys.executable, "-c", "from pipelines.cli import main; main()", "export", "pat_ep_rtot"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "DISTRETTO_HOME": str(published)},
    ) as process:
        assert process.stdout.readline().startswith("STRUCTURE,")
        process.stdout.close()
        assert process.stderr.read() == ""
