"""Commands, their help, and wrong usage."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator

import pytest
import typer

from tests.conftest import ROOT, World


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


def test_version_is_that_of_the_package(world: World):
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    outcome = world.run("--version")
    assert (outcome.code, outcome.out, outcome.err) == (0, f"distretto {declared}\n", "")


def test_an_unknown_dataset_is_answered_with_similar_names(world: World):
    outcome = world.run("refresh", "--only", "toy", "--only", "nonsense")
    assert outcome.code == 2
    assert "no dataset nonsense" in outcome.err and "distretto datasets" in outcome.err
    near = world.run("refresh", "--only", "bd_size_r2").err
    assert "Similar names" in near and "bd_size_r3" in near and "toy" not in near
    assert "bd_size_r3" in world.run("pin", "BD-SIZE-R3", "x", "--because", "y").err


def test_a_reason_is_asked_for_without_a_word_on_stdout(world: World):
    process = subprocess.Popen(
        [sys.executable, "-c", "from pipelines.cli import main; main()", "unpin", "toy", "--json"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    out, _ = process.communicate()
    assert process.returncode != 0
    assert out == ""
