"""The command line: exit codes, what goes to stdout and what to stderr, and what a person is told."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer

from tests.conftest import ROOT, TOY, Outcome, World

LATER = datetime(2026, 9, 10, 11, tzinfo=UTC)
REVISED = {**TOY, ("A", "V11920", "ITG1"): {"2018": "40", "2019": "45"}}


def one_line(text: str) -> str:
    return " ".join(text.split())


def commands() -> Iterator[tuple[str, typer.core.TyperCommand]]:
    """Every command with its words, without groups."""
    from pipelines.cli import app

    def walk(command, words: str):
        for name, child in getattr(command, "commands", {}).items():
            if hasattr(child, "commands"):
                yield from walk(child, f"{words}{name} ")
            else:
                yield words + name, child

    yield from walk(typer.main.get_command(app), "")


COMMANDS = dict(commands())


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a release of what ships of one dataset."""
    home = tmp_path_factory.mktemp("cli") / "data"
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("DISTRETTO_", "DAGSTER_"))
    }
    subprocess.run(
        [
            sys.executable,
            "-c",
            "from pipelines.cli import main; main()",
            "refresh",
            "--offline",
            "--only",
            "pat_ep_rtot",
        ],
        cwd=ROOT,
        check=True,
        timeout=120,
        capture_output=True,
        env={**environment, "DISTRETTO_HOME": str(home)},
    )
    return home


# -- usage


def test_every_command_of_the_design_is_there():
    assert set(COMMANDS) >= {
        "refresh",
        "status",
        "datasets",
        "validate",
        "accept",
        "pin",
        "unpin",
        "query",
        "why",
        "release list",
        "release verify",
        "release diff",
        "release rebuild",
        "release rollback",
    }


@pytest.mark.parametrize("words", sorted(COMMANDS))
def test_help_says_what_a_command_does_and_what_each_of_its_words_means(words):
    command = COMMANDS[words]
    assert len(command.help or "") > 20 and command.help.strip()[0].isupper()
    assert "as_json" in {parameter.name for parameter in command.params}
    assert [parameter.name for parameter in command.params if not getattr(parameter, "help", None)] == []


@pytest.mark.parametrize(
    "words",
    [
        "refresh --only nonsense",
        "validate --only nonsense",
        "accept nonsense x --because y",
        "pin nonsense x --because y",
        "unpin nonsense --because y",
        "unpin toy --because=",
        "why nonsense",
        "why ITG17/V11920",
        "why ITG17/V11920/2019/more",
        "why //",
        "board --since 2999-01-01",
        "board --since 2026-01-01 --output nowhere/board.pdf",
        "export toy --output nowhere/toy.csv",
        "why",
        "query",
        "nonsense",
        "release nonsense",
        "release diff",
        "release rollback",
        "refresh --nonsense",
        "status nonsense",
    ],
)
def test_wrong_usage_is_exit_code_2_with_a_word_on_stderr_alone(world: World, words):
    outcome = world.run(*words.split(), *(["--json"] if words.split()[0] in COMMANDS else []))
    assert (outcome.code, outcome.out) == (2, "")
    assert "Usage:" in outcome.err
    assert not world.home.exists()


def test_an_unknown_dataset_is_told_the_known_ones(world: World):
    outcome = world.run("refresh", "--only", "toy", "--only", "nonsense")
    assert outcome.code == 2
    assert "no dataset nonsense" in outcome.err and "bd_size_r3" in outcome.err and "toy" in outcome.err
    near = world.run("refresh", "--only", "bd_size_r").err
    assert "names like it" in near and "bd_size_r3" in near and "toy" not in near


def test_a_reason_is_asked_for_without_a_word_on_stdout(world: World):
    process = subprocess.Popen(
        [sys.executable, "-c", "from pipelines.cli import main; main()", "unpin", "toy", "--json"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    out, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert out == ""


# -- before the first run


def test_status_before_the_first_run(world: World):
    outcome = world.run("status")
    assert outcome.code == 0
    assert "No release yet: run `distretto refresh`." in outcome.out and "missing" in outcome.out
    told = world.run("status", "--json").json
    assert (told["current"], told["run"]) == (None, {})
    assert {entry["state"] for entry in told["datasets"].values()} == {"missing"}
    assert world.run("release", "list", "--json").json == []
    assert not world.home.exists(), "reading leaves no trace"


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


# -- stdout and stderr


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
    assert all(row["passed"] and row["snapshot_id"] == snapshot for row in checked)
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


def test_messages_and_progress_go_to_stderr(world: World):
    outcome = world.refresh()
    assert "toy: asking Eurostat" in outcome.err and "checking the release" in outcome.err
    for_people = world.run("release", "verify")
    assert (for_people.code, for_people.out) == (0, "")
    assert "is as it was published" in for_people.err


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
        timeout=60,
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


# -- query


@pytest.fixture
def query(
    published: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> Callable[..., Outcome]:
    """`distretto query WORDS` on the release of `published`."""
    from pipelines.cli import main

    def asked(*words: str) -> Outcome:
        monkeypatch.setenv("DISTRETTO_HOME", str(published))
        monkeypatch.setattr(sys, "argv", ["distretto", "query", *words])
        with pytest.raises(SystemExit) as end:
            main()
        told = capsys.readouterr()
        return Outcome(int(end.value.code or 0), told.out, told.err)

    return asked


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("selec 1", "syntax error"),
        ("from nowhere", "nowhere does not exist"),
        ("select nothing from release", "nothing"),
        ("create table mine (i integer)", "read-only"),
        ("delete from observations", "read-only"),
        ("", ""),
        ("--", ""),
    ],
)
def test_a_query_that_fails_is_explained(query, sql, told):
    outcome = query("--json", "--", sql)
    assert (outcome.code, outcome.out) == (1, "")
    assert told in one_line(outcome.err) and "show tables" in outcome.err


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        (
            "select date '2019-12-31' as day, null as nothing, 'è' as text",
            [{"day": "2019-12-31", "nothing": None, "text": "è"}],
        ),
        ("select 1 as a where false", []),
        ("select ['a', 'b'] as list", [{"list": ["a", "b"]}]),
        ("select 'nan'::double as nan, 'infinity'::double as infinity", [{"nan": None, "infinity": None}]),
    ],
)
def test_a_query_gives_json_that_any_program_reads(query, sql, rows):
    outcome = query(sql, "--json")
    assert outcome.code == 0
    assert json.loads(outcome.out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON")) == rows


def test_a_query_shows_both_of_two_columns_of_one_name(query):
    sql = "select a.value, b.value from (select 11 as value) a, (select 22 as value) b"
    assert sorted(query(sql, "--json").json[0].values()) == [11, 22]
    assert query(sql).out.split()[-2:] == ["11", "22"]


# -- failures


def test_validate_fails_where_a_check_does(world: World):
    world.first_night()
    world.entry(
        "toy", checks={"min_rows": 4, "geos": ["IT"], "flags": "cp", "ranges": [{"min": 0, "max": 100}]}
    )
    outcome = world.run("validate", "--only", "toy", "--json")
    assert outcome.code == 1
    failed = [row for row in outcome.json if not row["passed"]]
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


def test_the_doctor_tells_who_answers_who_does_not_and_who_must_not_be_asked(world: World):
    def eurostat(*words: str) -> dict:
        return {row["provider"]: row for row in world.run("doctor", "--json", *words).json}["eurostat"]

    assert eurostat("--offline")["answers"] is None and world.server.requests == []
    assert eurostat()["answers"] is True
    assert len(world.server.requests) == 1
    world.server.behave("toy", "rate_limited", argument=3600)
    world.night()
    asked = len(world.server.requests)
    banned = eurostat()
    assert banned["answers"] is None
    assert [row["dataset"] for row in banned["datasets"] if row["failing"]] == ["toy"]
    assert banned["may_be_asked_at"] == banned["not_before"] > banned["last_asked"]
    assert len(world.server.requests) == asked
    world.server.stop()
    (world.folder / "state").rename(world.folder / "state-before")
    down = eurostat()
    assert down["answers"] is False and down["next"]
    outcome = world.run("doctor")
    assert "NO" in outcome.out and "firewall" in outcome.err


def test_the_doctor_tells_what_the_pace_leaves_and_when_figures_are_due(world: World):
    world.server.table(
        "toy", ["freq", "indic_sb", "geo"], TOY, last_change=datetime(2026, 5, 13, 9, tzinfo=UTC)
    )
    world.entry("toy", calendar={"frequency": "A", "expected": "in May", "late_after_days": 30})
    world.night()
    world.set_provider(min_interval_s=900, host_budget_s=3600)
    rows = {row["provider"]: row for row in world.run("doctor", "--offline", "--json").json}
    eurostat, folder = rows["eurostat"], rows["district"]
    assert eurostat["requests_a_run"] == 4
    asked, allowed = (datetime.fromisoformat(eurostat[key]) for key in ("last_asked", "may_be_asked_at"))
    assert allowed - asked == timedelta(seconds=900)
    (toy,) = [row for row in eurostat["datasets"] if row["dataset"] == "toy"]
    assert (toy["updated"][:10], toy["expected"], toy["late_after"]) == ("2026-05-13", "in May", "2026-06-12")
    (births,) = [row for row in eurostat["datasets"] if row["dataset"] == "bd_hgnace_r"]
    assert (births["updated"], births["late_after"]) == (None, None)
    assert (folder["may_be_asked_at"], folder["requests_a_run"]) == (None, None)
    printed = world.run("doctor", "--offline")
    assert "4 requests a run" in printed.out and "a folder" in printed.out and "LATE" in printed.out
    assert "distretto probe toy" in printed.err


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


def test_an_interrupt_is_one_sentence_and_no_trace(published: Path):
    sql = "select count(*) from range(10000000000) a, range(100000) b"
    process = subprocess.Popen(
        [sys.executable, "-c", "from pipelines.cli import main; main()", "query", sql],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "DISTRETTO_HOME": str(published)},
    )
    with pytest.raises(subprocess.TimeoutExpired):
        process.communicate(timeout=3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out.strip()) == (130, "")
    assert err.startswith("Interrupted: the published release stays") and err.count("\n") == 1


def test_a_provider_without_its_credentials_is_not_asked_and_that_is_no_failure(world: World):
    world.set_provider(credentials=["TEST_KEY", "TEST_SECRET"])
    world.monkeypatch.setenv("TEST_KEY", "here")
    outcome = world.refresh()
    assert outcome.code == 0 and world.server.requests == []
    state = outcome.json["datasets"]["toy"]
    assert (state["state"], state["outcome"], state["trouble"]) == ("not configured", "not configured", 0)
    assert state["unset"] == ["TEST_SECRET"] and "failure" not in state and outcome.json["worse"] == []
    assert world.query("select state, failure from catalogue where dataset = 'toy'") == [
        ("not configured", None)
    ]
    printed = world.run("status")
    assert "needs TEST_SECRET" in printed.out and "no failure" in printed.out

    def told() -> str:
        rows = world.run("doctor", "--offline", "--json").json
        return {row["provider"]: row["credentials"] for row in rows}["eurostat"]

    assert told() == "not configured"
    assert "set TEST_SECRET in the environment" in world.run("doctor", "--offline").err
    world.monkeypatch.setenv("TEST_SECRET", "here")
    assert told() == "configured"
    assert world.refresh().json["datasets"]["toy"]["state"] == "live"
    world.monkeypatch.delenv("TEST_KEY")
    outcome = world.refresh()
    assert (outcome.code, outcome.json["datasets"]["toy"]["state"]) == (0, "not configured")
    assert world.query("select count(*) from observations where dataset = 'toy'") == [(8,)], "figures stay"
