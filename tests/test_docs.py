"""What the documentation says is tried: SQL runs, results are those printed, links resolve, names exist.

Belongs here: what would make README.md or docs/ untrue. Does not belong here: how good the words are.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import duckdb
import pytest
import typer
import yaml
from pydantic import BaseModel

from sources.catalogue import Dataset
from sources.providers import load_providers
from tests.conftest import ROOT, distretto
from warehouse.history.dataset_state import STATES

PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
TEXTS = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in PAGES}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
ANSWERED = re.compile(r"^```sql\n([^`]*?)^```\n+^```text\n([^`]*?)^```$", re.M)
SQL = [
    pytest.param(body, id=f"{page}:{text[: block.start()].count(chr(10)) + 1}")
    for page, text in TEXTS.items()
    for block in FENCE.finditer(text)
    for language, body in [block.groups()]
    if language == "sql"
]


def commands(command: Any, words: str = "distretto") -> Iterator[tuple[str, Any]]:
    """Every command and group of the command line, with its words."""
    yield words, command
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, f"{words} {name}")


def table(page: str, first: str) -> list[list[str]]:
    """The rows of the table in `page` whose first heading is `first`, code marks taken off."""
    lines = iter(TEXTS[page].splitlines())
    next(line for line in lines if line.startswith(f"| {first} |"))
    next(lines)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return rows


def named(cell: str) -> list[str]:
    """The names between code marks."""
    return re.findall(r"`([^`]+)`", cell)


# -- what runs


@pytest.mark.parametrize("sql", SQL)
def test_sql_runs_on_the_figures_that_ship(home: Path, sql: str, monkeypatch: pytest.MonkeyPatch):
    """In the folder that holds `data`; a block that attaches or reads files starts from an empty session."""
    monkeypatch.chdir(home.parent)
    file = ":memory:" if "data/current" in sql else "data/current/distretto.duckdb"
    with duckdb.connect(file, read_only=file != ":memory:") as con:
        con.execute(sql).fetchall()


@pytest.mark.parametrize(
    ("sql", "answer"), [found.groups() for text in TEXTS.values() for found in ANSWERED.finditer(text)]
)
def test_an_answer_is_the_one_that_is_printed(home: Path, sql: str, answer: str):
    outcome = distretto(home, "query", sql)
    assert outcome.code == 0, outcome.err
    assert outcome.out.split() == answer.split()


def test_readme_shows_the_headlines_that_a_run_ends_with(home: Path):
    headlines = distretto(home, "refresh", "--offline", "--json").json["headlines"]
    assert len(headlines) == 3
    for headline in headlines:
        # a no-break space between number and unit does not show in a text file
        text = re.escape(headline["text_en"].replace("\u00a0", " "))
        assert re.search(rf"^{text}; .+ ago$", TEXTS["README.md"], re.M)


@pytest.mark.long
def test_the_worked_example_runs_as_it_stands(tmp_path: Path):
    """The block is executed by a shell; only the interpreter and the port are put in."""
    (block,) = [body for language, body in FENCE.findall(TEXTS["docs/add-a-dataset.md"]) if language == "sh"]
    shown = re.search(r"^nama_10r_3popgdp average_population.*$", TEXTS["docs/add-a-dataset.md"], re.M)[0]
    python = shlex.quote(sys.executable)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    script = (
        block.replace(".venv/bin/python", python)
        .replace(".venv/bin/distretto", f"{python} -c 'from pipelines.cli import main; main()'")
        .replace("8700", port)
    )
    process = subprocess.Popen(
        ["sh", "-euc", script],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, err = process.communicate()
    finally:
        # the provider too, where the block ended before it stopped it
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, err
    assert shown in out
    assert re.search(r"^\d+ datasets: 1 live", out, re.M)
    (release,) = tmp_path.glob("*/data/current/distretto.duckdb")
    with duckdb.connect(str(release), read_only=True) as con:
        named = con.execute(
            "select label_it, label_en from codelists where code = 'average_population'"
        ).fetchall()
    assert named == [("Popolazione media annua, regioni NUTS 3", "Average annual population, NUTS 3 regions")]


# -- what is named


def anchors(path: Path) -> set[str]:
    """The anchors that a page's headings get."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", path.read_text(encoding="utf-8")), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", TEXTS)
def test_every_relative_link_resolves(page: str):
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", TEXTS[page])):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        assert file.exists(), f"{page}: {target}"
        assert not anchor or anchor in anchors(file), f"{page}: {target}"


@pytest.mark.parametrize("page", TEXTS)
def test_every_command_named_exists_with_its_options(page: str):
    from pipelines.cli import app

    known = dict(commands(typer.main.get_command(app)))
    code = "\n".join([*(body for _, body in FENCE.findall(TEXTS[page])), *named(FENCE.sub("", TEXTS[page]))])
    for line in re.findall(r"(?:^|[\s/])(distretto [a-z-].*)$", code, re.M):
        words = line.split()
        name = max((k for k in known if words[: len(k.split())] == k.split()), key=len, default="")
        assert name not in ("", "distretto"), f"{page}: {line}"
        assert not hasattr(known[name], "commands"), f"{page}: {line}"
        options = {option for parameter in known[name].params for option in parameter.opts}
        assert set(re.findall(r"(?<=\s)--[a-z-]+", line)) <= options | {"--help"}, f"{page}: {line}"


@pytest.mark.parametrize("page", TEXTS)
def test_every_make_target_named_exists(page: str):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    code = "\n".join([*(body for _, body in FENCE.findall(TEXTS[page])), *named(FENCE.sub("", TEXTS[page]))])
    assert set(re.findall(r"^make ([a-z]+)", code, re.M)) <= targets


def test_the_reference_lists_every_command():
    from pipelines.cli import app

    existing = {
        name for name, found in commands(typer.main.get_command(app)) if not hasattr(found, "commands")
    }
    assert {name for row in table("docs/reference.md", "Command") for name in named(row[0])} == existing


def test_every_dataset_is_listed_with_what_is_bundled():
    from sources import bundled
    from sources.catalogue import load_catalogue

    rows = {named(row[0])[0]: row[-1] for row in table("docs/datasets.md", "Dataset")}
    assert set(rows) == set(load_catalogue())
    assert {name for name, ships in rows.items() if ships == "extract"} == set(bundled.load())


def test_the_reference_lists_every_state():
    assert {named(row[0])[0] for row in table("docs/reference.md", "State")} == set(STATES)


def test_the_settings_are_those_the_code_reads():
    reads = re.compile(r"os\.environ(?:\.get\(|\[)\s*[\"']([A-Z_]+)")
    read = {
        name
        for package in ("sources", "warehouse", "assets", "pipelines")
        for path in (ROOT / package).rglob("*.py")
        for name in reads.findall(path.read_text(encoding="utf-8"))
    }
    for provider in load_providers().values():
        read |= {*provider.credentials, *([provider.decision] if provider.decision else [])}
    template = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.M))
    assert {named(row[0])[0] for row in table("docs/reference.md", "Variable")} == read == template


def test_every_place_in_the_tree_exists():
    tree = next(
        body for body in re.findall(r"```text\n(.*?)```", TEXTS["README.md"], re.S) if "sources/" in body
    )
    folder = Path()
    for line in tree.splitlines():
        name = line.split()[0]
        folder = folder if line.startswith(" ") else Path(name)
        place = folder / name if line.startswith(" ") else folder
        assert place.parts[0] == "data" or (ROOT / place).exists(), place


def test_the_keys_of_a_catalogue_entry_are_explained():
    explained = {key for row in table("docs/add-a-dataset.md", "Key") for key in named(row[0])}
    assert explained == set(keys(Dataset)) - {"id", "path"}


def keys(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """Every key of the schema, those of a part after that of the whole."""
    for name, field in model.model_fields.items():
        parts = [part for part in (field.annotation, *get_args(field.annotation)) if isinstance(part, type)]
        inner = [part for part in parts if issubclass(part, BaseModel)]
        if not inner or inner[0] is not field.annotation:
            yield above + name
        for part in inner:
            yield from keys(part, f"{above}{name}.")


def test_the_keys_of_the_territory_are_explained():
    given = yaml.safe_load((ROOT / "warehouse" / "reference" / "territory.yml").read_text(encoding="utf-8"))
    assert {named(row[0])[0] for row in table("docs/another-territory.md", "Key")} == set(given)


@pytest.mark.long
def test_another_territory_is_one_file(tmp_path: Path):
    """The page's own example, on a copy of the code: what a run ends with, and the pages."""
    for package in ("assets", "pipelines", "sources", "warehouse"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    page = TEXTS["docs/another-territory.md"]
    example, ends = (re.search(rf"^```{kind}\n(.*?)^```", page, re.M | re.S)[1] for kind in ("yaml", "text"))
    file = tmp_path / "warehouse" / "reference" / "territory.yml"
    headlines = yaml.safe_load(file.read_text(encoding="utf-8"))["headlines"]
    file.write_text(yaml.safe_dump(yaml.safe_load(example) | {"headlines": headlines}), encoding="utf-8")
    moved = {"cwd": tmp_path, "DISTRETTO_PROVIDERS": str(ROOT / "tests" / "specimens" / "nobody.yml")}
    outcome = distretto(tmp_path / "data", "refresh", "--offline", **moved)
    assert outcome.code == 0, outcome.err
    # the ages at the lines' ends move with the day
    assert re.sub(r"; [^;\n]+ ago$", "", outcome.out, flags=re.M).endswith(ends)
    site = tmp_path / "data" / "current" / "site" / "it"
    assert "Piemonte" in (site / "index.html").read_text(encoding="utf-8")
    assert not [path.name for path in site.glob("*.html") if "metropolitane" in path.read_text("utf-8")]
    assert distretto(tmp_path / "data", "targets", "results", "--json", **moved).json == []
    file.write_text(file.read_text(encoding="utf-8").replace("ITC18", "ITG17"), encoding="utf-8")
    refused = distretto(tmp_path / "data", "refresh", "--offline", **moved)
    assert refused.code == 1 and "ITG17 is not part of ITC1" in refused.err


def test_every_published_table_is_explained():
    contract = yaml.safe_load(
        (ROOT / "warehouse" / "publishing" / "published.yml").read_text(encoding="utf-8")
    )
    assert {name for row in table("docs/analysts.md", "Table") for name in named(row[0])} == set(
        contract["tables"]
    )


def test_every_page_is_in_the_navigation():
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    listed = [
        page
        for entry in config["nav"]
        for page in (sum(entry.values(), []) if isinstance(entry, dict) else [entry])
    ]
    assert sorted(listed) == sorted(path.name for path in (ROOT / "docs").glob("*.md"))


def test_the_papers_at_the_root_agree_and_hold_what_their_standards_ask_for():
    """CITATION.cff 1.2.0; publiccode.yml 0.4, all but `url`, as long as the repository has no public address.

    Checked of publiccode.yml: the mandatory keys, the lengths, and the vocabularies as far as they are used.
    """
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.M)[1]
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(cff)
    assert (cff["cff-version"], cff["type"], cff["version"], cff["license"]) == (
        "1.2.0",
        "software",
        version,
        "EUPL-1.2",
    )
    code = yaml.safe_load((ROOT / "publiccode.yml").read_text(encoding="utf-8"))
    mandatory = "publiccodeYmlVersion name platforms developmentStatus softwareType description legal maintenance localisation"
    assert set(mandatory.split()) <= set(code)
    assert (code["publiccodeYmlVersion"], code["softwareVersion"]) == ("0.4", version)
    assert code["legal"]["license"] == "EUPL-1.2" and code["maintenance"]["type"] == "none"
    assert set(code["platforms"]) <= {"web", "windows", "mac", "linux", "ios", "android"}
    assert code["developmentStatus"] in {"concept", "development", "beta", "stable", "obsolete"}
    kinds = {"mobile", "iot", "desktop", "web", "backend", "other"}
    assert code["softwareType"] in {f"standalone/{kind}" for kind in kinds}
    # of the standard's lists of categories and of scopes, those in use
    assert set(code["categories"]) <= {"business-intelligence", "data-analytics", "data-collection"}
    scopes = {"finance-and-economic-development", "local-authorities", "research", "science-and-technology"}
    assert set(code["intendedAudience"]["scope"]) <= scopes
    assert code["localisation"].keys() >= {"localisationReady", "availableLanguages"}
    for language in code["localisation"]["availableLanguages"]:
        told = code["description"][language]
        assert len(told["shortDescription"]) <= 150 <= len(told["longDescription"]) <= 10_000
        assert told["features"] and all(len(feature) <= 100 for feature in told["features"])


def test_decisions_have_a_date_and_a_status_and_are_indexed():
    index = TEXTS["docs/decisions.md"]
    for file in sorted((ROOT / "docs" / "decisions").glob("*.md")):
        text = file.read_text(encoding="utf-8")
        title, status = re.match(r"# (.+)\n\n\d{4}-\d\d-\d\d\. Status: (.+)\.\n", text).groups()
        assert re.fullmatch(r"accepted|(amended|superseded) by \[.+\]\(.+\)", status), file.name
        row = (
            f"| {file.name[:4]} | [{title}](decisions/{file.name}) | {status.replace('](', '](decisions/')} |"
        )
        assert row in index, file.name
    assert len(re.findall(r"^\| \d{4} ", index, re.M)) == len(list((ROOT / "docs" / "decisions").iterdir()))
