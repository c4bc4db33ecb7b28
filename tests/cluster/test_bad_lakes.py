"""A lake that is away, wrong, newer or damaged: a clear message, nothing lost, and the last release stays readable."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta

import pytest

from tests.cluster.parts import BUCKET, Parts, free_port
from tests.conftest import ROOT, VALUES, World, changed

READ = "select count(*) as n from observations where dataset = 'toy'"


@pytest.fixture
def night(world: World, lake: str) -> World:
    assert world.refresh().code == 0
    return world


def refused(world: World, *said: str) -> None:
    """A run fails with a message that has all of `said` and a next step; what is published stays."""
    done = world.refresh()
    assert done.code == 1
    assert all(words in done.err for words in said), done.err
    assert "Next:" in done.err and "Traceback" not in done.err
    assert "of-the-tests" not in done.err + done.out and "not-a-secret" not in done.err + done.out


def lines(parts: Parts, lake: str) -> list[tuple]:
    database = lake.split()[0].rsplit("/", 1)[1]
    return parts.postgres.sql("select line from distretto.manifest order by sequence", database)


@pytest.mark.parametrize(
    ("addresses", "said"),
    [
        ("postgresql://127.0.0.1/lake", "not two addresses"),
        ("mysql://127.0.0.1/lake s3://lake", "not two addresses"),
        ("postgresql://me:secret@127.0.0.1/lake s3://lake", "contains a user or a password"),
    ],
)
def test_an_address_that_cannot_be_right_is_refused(world, monkeypatch, addresses, said):
    monkeypatch.setenv("DISTRETTO_LAKE", addresses)
    done = world.refresh()
    assert done.code == 1 and said in done.err and "secret" not in done.err.replace("SECRET", "")


def test_a_database_that_does_not_answer_leaves_the_last_release_readable(night, parts, lake, monkeypatch):
    monkeypatch.setenv("DISTRETTO_LAKE", f"postgresql://127.0.0.1:{free_port()}/lake {lake.split()[1]}")
    refused(night, "cannot be used", "127.0.0.1")
    assert night.run("query", "--json", READ).json == [{"n": 8}]


def test_a_store_that_does_not_answer_leaves_the_last_release_readable(night, monkeypatch):
    night.serve(changed(ITG1_2019="45"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    refused(night, "cannot be used", "s3://")
    assert night.run("query", "--json", READ).json == [{"n": 8}]


def test_wrong_credentials_are_told(night, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "wrong")
    refused(night, "cannot be used")
    monkeypatch.setenv("PGPASSWORD", "of-the-tests")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    night.serve(changed(ITG1_2019="45"))
    refused(night, "AWS_SECRET_ACCESS_KEY")


def test_a_lake_of_a_newer_version_is_not_touched(night, parts, lake):
    before = lines(parts, lake)
    database = lake.split()[0].rsplit("/", 1)[1]
    parts.postgres.sql("insert into distretto.version values (99)", database)
    refused(night, "version 99")
    assert lines(parts, lake) == before


def test_series_and_history_of_a_newer_version_are_not_touched(night, parts, lake):
    database = lake.split()[0].rsplit("/", 1)[1]
    parts.postgres.sql("update history.ducklake_metadata set value = '99.0' where key = 'version'", database)
    night.serve(changed(ITG1_2019="45"))
    refused(night, "cannot be opened", "99.0")
    assert night.run("query", "--json", READ).json == [{"n": 8}]


def test_the_manifest_in_the_database_can_only_grow(night, parts, lake):
    database = lake.split()[0].rsplit("/", 1)[1]
    for statement in ("delete from distretto.manifest", "update distretto.manifest set line = ''"):
        with pytest.raises(Exception, match="append-only"):
            parts.postgres.sql(statement, database)


@pytest.mark.parametrize("damage", ["lost", "another body"])
def test_an_object_that_is_lost_or_altered_is_told_and_comes_back_from_the_provider(
    night, parts, lake, tmp_path, monkeypatch, damage
):
    prefix = lake.split()[1].removeprefix(f"s3://{BUCKET}/")
    snapshot = json.loads(lines(parts, lake)[0][0])
    place = f"{prefix}/objects/{snapshot['sha256'][:2]}/{snapshot['sha256']}" + (
        ".gz" if snapshot["gzipped"] else ""
    )
    if damage == "lost":
        parts.store.objects.delete(place)
    else:
        parts.store.objects.put(place, b"another body")
    monkeypatch.setenv("DISTRETTO_HOME", str(tmp_path / "other"))
    done = night.run("release", "rebuild")
    assert done.code == 1 and snapshot["id"] in done.err
    # a run asks for the body again, and the last release stays
    night.serve()
    assert night.refresh().code == 0
    assert night.run("release", "rebuild").code == 0
    assert len(night.run("query", "--json", VALUES).json) == 8


def test_a_clock_that_is_wrong_stops_a_worker_before_it_writes(night, parts, lake, monkeypatch):
    from sources.lake import database

    class Ahead(database.datetime):
        @classmethod
        def now(cls, zone=None):
            return super().now(zone) + timedelta(hours=3)

    before = lines(parts, lake)
    monkeypatch.setattr(database, "datetime", Ahead)
    night.serve(changed(ITG1_2019="45"))
    refused(night, "180 minutes ahead of")
    assert lines(parts, lake) == before


def test_two_runs_at_once_publish_one_after_the_other(night, lake, tmp_path):
    night.serve(changed(ITG1_2019="45"))
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", "from pipelines.cli import main; main()", "refresh", "--only", "toy"],
            cwd=ROOT,
            env={**os.environ, "DISTRETTO_HOME": str(tmp_path / name)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two")
    ]
    ended = [(run.communicate()[1], run.returncode)[::-1] for run in runs]
    assert [code for code, _ in ended] == [0, 0], ended
    assert night.run("query", "--json", "select count(*) as n from vintages where dataset = 'toy'").json == [
        {"n": 2}
    ]
