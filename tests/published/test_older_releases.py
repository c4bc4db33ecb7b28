"""Releases that another version of the project built."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pytest

from tests.conftest import distretto


@pytest.fixture(scope="module")
def older(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same folder, its release as if built before there were indicators, by another commit."""
    folder = tmp_path_factory.mktemp("older") / "data"
    shutil.copytree(home, folder, symlinks=True)
    release_folder = (folder / "current").resolve()
    for name in ("distretto.duckdb", "release.json"):
        (release_folder / name).chmod(0o644)
    with duckdb.connect(str(release_folder / "distretto.duckdb")) as con:
        con.execute(
            "drop table indicators; drop table indicator_revisions; drop table headlines; drop macro table as_of"
        )
    record = json.loads((release_folder / "release.json").read_text())
    record |= {"code_sha256": "0" * 64, "code_commit": "abcdef0123456789"}
    (release_folder / "release.json").write_text(json.dumps(record))
    return folder


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["why", "ITG17/enterprise_births/2019"], "Table with name indicators does not exist"),
        (["board", "--since", "2026-01-01"], "does not exist"),
        (["query", "from as_of(now())"], "Function with name as_of does not exist"),
    ],
)
def test_what_an_older_release_lacks_is_explained(older, tmp_path, words, told):
    more = ["--output", str(tmp_path / "sheet.pdf")] if words[0] == "board" else []
    outcome = distretto(older, *words, *more)
    said = " ".join(outcome.err.split())
    assert outcome.code == 1 and told in said and "another version of the project" in said
    assert "Traceback" not in outcome.err and ("abcdef012345" in said or words[0] == "query")


def test_an_older_release_is_compared_by_what_both_have(home, older):
    shutil.copytree((home / "current").resolve(), older / "releases" / "20990101T000000Z")
    names = [(older / "current").resolve().name, "20990101T000000Z"]
    outcome = distretto(older, "release", "diff", *names, "--json")
    assert outcome.code == 0, outcome.err
    assert {row["table"]: row.get("only_in") for row in outcome.json}["indicators"] == "new"
