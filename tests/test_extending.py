"""What CONTRIBUTING promises of additions: a new module is found without another edit.

Belongs here: protocols, formats and pages found by their modules. Does not belong here: a dataset (`test_docs.py` runs the
worked example), another territory (`test_docs.py`).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from assets.site.pages import PAGES, navigation
from sources import formats, protocols
from sources.protocols.interface import implementation
from tests.conftest import ROOT

PROTOCOL = """
class Carrier:
    def __init__(self, client, workdir):
        pass

    def fetch(self, dataset, known):
        return []

    def plan(self, dataset):
        return []
"""


def test_every_protocol_has_a_class_of_its_name_and_every_format_a_decoder():
    assert all(hasattr(implementation(name), "fetch") for name in protocols.REGISTRY)
    assert all(callable(decoder) for decoder in formats.REGISTRY.values())
    for package in (protocols, formats):
        folder = Path(package.__path__[0])
        assert {f"{name}.py" for name in package.SHARED} <= {path.name for path in folder.iterdir()}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the packages, to add files to."""
    for package in ("assets", "sources", "warehouse"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_a_protocol_is_one_module_and_an_entry_and_a_format_one_module(copy: Path):
    (copy / "sources" / "protocols" / "carrier.py").write_text(PROTOCOL)
    (copy / "sources" / "formats" / "fixed_width.py").write_text("def decode(body, table, folder): ...\n")
    providers = copy / "sources" / "providers.yml"
    entry = (
        "pigeons:\n  <<: *asked\n  title: Pigeons\n  protocol: carrier\n  base_url: https://pigeons.example\n"
    )
    providers.write_text(providers.read_text(encoding="utf-8") + entry, encoding="utf-8")
    catalogue = copy / "sources" / "catalogue" / "rd_p_persreg.yml"
    catalogue.write_text(catalogue.read_text(encoding="utf-8") + "format: fixed-width\n", encoding="utf-8")
    found = run(
        copy,
        "from sources.catalogue import load_catalogue",
        "from sources.protocols.interface import implementation",
        "from sources.providers import load_providers",
        "print(implementation(load_providers()['pigeons'].protocol).__name__, load_catalogue()['rd_p_persreg'].format)",
    )
    assert found == "Carrier fixed-width"


def test_a_page_is_one_module_and_one_template(copy: Path):
    (copy / "assets" / "site" / "pages" / "weather.py").write_text(
        "from assets.site.pages.page import Entry, Page\n"
        "from sources.common.config import Names\n"
        "PAGE = Page('weather', 'weather', 'weather.html', lambda view, key: {'sky': 'grey'},\n"
        "            entry=Entry('top', 8, Names(it='Tempo', en='Weather')))\n"
    )
    found = run(copy, "from assets.site.pages import navigation", "print(navigation('top')[-1].name)")
    assert found == "weather"


def test_the_navigation_names_every_entry_once():
    entries = [page.entry for page in PAGES if page.entry]
    assert len({(entry.place, entry.position) for entry in entries}) == len(entries)
    assert [page.name for page in navigation("top")][:2] == ["sector", "indicators"]


def run(folder: Path, *lines: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
