"""The shape of the code: which package may import which, and what stays out of where."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

LAYERS = ("sources", "warehouse", "assets", "pipelines")
# rooms of `warehouse`: each may import those to its left
ROOMS = ("reference", "history", "statistics", "targets", "publishing")
LONGEST = 450  # lines of a Python file, tests included
MODULES = {
    path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
    for layer in LAYERS
    for path in sorted((ROOT / layer).rglob("*.py"))
}


def imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """`(module, line)` of every import in `tree`; a relative one begins with a dot."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or ""), node.lineno


NAMES = {file.removesuffix(".py").removesuffix("/__init__").replace("/", "."): file for file in MODULES}


def modules_imported(name: str) -> set[str]:
    """The project's own modules that the module `name` imports: at the top, in a function, or for types alone."""
    found: set[str] = set()
    for node in ast.walk(MODULES[NAMES[name]]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= inside & NAMES.keys() or {node.module or ""}
            # `from package import module, NAME` needs the package too
            found |= {node.module or ""} if inside - NAMES.keys() else set()
    return (found & NAMES.keys()) - {name}


def circle(graph: dict[str, set[str]]) -> list[str]:
    """A path of `graph` that returns to where it began; empty where there is none."""
    done: set[str] = set()
    for start in sorted(graph):
        path, waiting = [start], [iter(sorted(graph[start]))]
        while path:
            after = next((node for node in waiting[-1] if node not in done), None)
            if after is None:
                done.add(path.pop())
                waiting.pop()
            elif after in path:
                return [*path[path.index(after) :], after]
            else:
                path.append(after)
                waiting.append(iter(sorted(graph[after])))
    return []


def modules_imported_at_the_top(file: str) -> set[str]:
    """The modules that importing `file` imports: not in a function, and not for types alone."""
    return {
        node.module or ""
        for node in MODULES[file].body
        if isinstance(node, ast.ImportFrom) and not file.startswith("sources/lake/")
    }


def importing(package: str) -> set[str]:
    """The modules that import `package` or a part of it, anywhere."""
    return {
        file
        for file, tree in MODULES.items()
        if any(name.split(".")[0] == package for name, _ in imports(tree))
    }


def at_the_top(file: str) -> set[str]:
    """The packages that importing `file` imports: those not inside a function."""
    inside = {
        id(node)
        for function in ast.walk(MODULES[file])
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    tree = ast.Module(
        [
            node
            for node in ast.walk(MODULES[file])
            if isinstance(node, ast.Import | ast.ImportFrom) and id(node) not in inside
        ],
        [],
    )
    return {name.split(".")[0] for name, _ in imports(tree)}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_nothing_to_its_right(layer):
    further = {*LAYERS[LAYERS.index(layer) + 1 :], "tests"}
    wrong = [
        f"{file}:{line} imports {name}"
        for file, tree in MODULES.items()
        if file.startswith(f"{layer}/")
        for name, line in imports(tree)
        if name.split(".")[0] in further or name.startswith(".")
    ]
    assert wrong == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_of_the_warehouse_imports_nothing_to_its_right(room):
    further = ROOMS[ROOMS.index(room) + 1 :]
    wrong = {
        f"{name} imports {imported}"
        for name in NAMES
        if name.startswith(f"warehouse.{room}.")
        for imported in modules_imported(name)
        if imported.startswith("warehouse.") and imported.split(".")[1] in further
    }
    assert wrong == set()


def test_no_modules_import_each_other():
    assert circle({name: modules_imported(name) for name in NAMES}) == []


def test_a_circle_of_imports_is_found():
    assert "sources.providers" in modules_imported("sources.catalogue")
    assert circle({"a": {"b", "d"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": set()}) == []


def test_no_python_file_is_long():
    lines = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for folder in (*LAYERS, "tests", "docs")
        for path in (ROOT / folder).rglob("*.py")
    }
    assert {file: count for file, count in lines.items() if count > LONGEST} == {}


def test_every_layer_was_read():
    assert {file.split("/")[0] for file in MODULES} == set(LAYERS)
    assert "dagster" in at_the_top("assets/factory.py") and "duckdb" in at_the_top(
        "warehouse/history/store.py"
    )


def test_dagster_is_known_to_few():
    assert {file for file in importing("dagster") if not file.startswith("pipelines/")} == {
        "assets/factory.py",
        "assets/lineage.py",
        "assets/resources.py",
    }


def test_great_expectations_is_imported_only_when_there_is_something_to_judge():
    assert importing("great_expectations") == {
        "assets/checks/expectations.py",
        "assets/checks/plausibility.py",
        "assets/checks/profile.py",
    }
    assert [file for file in MODULES if "great_expectations" in at_the_top(file)] == []


def test_only_the_sources_speak_http_beside_the_alerts():
    assert importing("requests") == {
        "sources/http/client.py",
        "sources/http/transport.py",
        "pipelines/alerts.py",
    }


def test_the_engines_of_a_lake_are_known_to_one_room_and_imported_only_where_a_lake_is_used():
    engines = ("psycopg2", "obstore", "dagster_celery", "dagster_k8s")
    users = {file for engine in engines for file in importing(engine)}
    assert users == {
        "sources/lake/database.py",
        "sources/lake/objects.py",
        "pipelines/executors.py",
    }
    assert [file for file in users if at_the_top(file) & {*engines}] == []
    # for types alone, or inside a function
    assert {file for file in MODULES if "sources.lake.lake" in modules_imported_at_the_top(file)} == set()


def test_only_the_warehouse_opens_a_database_file():
    """The decoders' connections are in memory: `connect` without a path, and nothing attached."""
    opening = set()
    for file, tree in MODULES.items():
        if file == "sources/common/sql.py":
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("duckdb.connect", "connect"):
                opening |= (
                    {file} if node.args or any(word.arg == "database" for word in node.keywords) else set()
                )
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                opening |= {file} if node.value.lstrip().lower().startswith("attach ") else set()
    assert {"warehouse/publishing/release.py", "warehouse/history/store.py"} <= opening
    assert [file for file in opening if not file.startswith("warehouse/")] == []


def test_every_module_says_what_it_is():
    assert [file for file, tree in MODULES.items() if not ast.get_docstring(tree)] == []


def test_commands_that_only_read_load_neither_dagster_nor_pandas_nor_great_expectations():
    heavy = "import pipelines.cli, sys; print(sorted({'dagster', 'pandas', 'great_expectations', 'requests'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", heavy], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_file_of_the_catalogue_is_read():
    """Files of another ending would be passed over in silence."""
    assert {path.suffix for path in (ROOT / "sources" / "catalogue").iterdir()} == {".yml"}


def test_no_module_lies_outside_what_is_installed():
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {Path(file).parent.as_posix().replace("/", ".") for file in MODULES}
    scripts_of_a_person = {"sources.starter"}
    assert folders - scripts_of_a_person == set(packages)
