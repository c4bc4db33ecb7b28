"""Pages of other origins in a real browser: one that draws a chart from the API, and one that shows our chart in a frame."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from pipelines.http_server import application
from sources.data_folder import DataFolder
from tests.site.conftest import browser as browser
from tests.test_serve import LONGEST, served
from warehouse.publishing.release import show
from warehouse.publishing.releases import KEPT, Release, current

CHART = "enterprise_birth_rate"
READER = """<!doctype html><meta charset="utf-8"><title>A dashboard</title><svg viewBox="0 0 100 100"></svg><p></p>
<script>
(async () => {
  const answer = await fetch("ADDRESS/api/v1/data.json?indicator=enterprise_birth_rate&geo=ITG17");
  const rows = (await answer.json()).data;
  const most = Math.max(...rows.map((row) => row.value));
  const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  line.setAttribute("points", rows.map((row, n) => `${n * 100 / rows.length},${100 - row.value / most * 100}`).join(" "));
  document.querySelector("svg").append(line);
  document.querySelector("p").textContent = answer.headers.get("x-distretto-release");
})().catch((failure) => document.querySelector("p").textContent = `blocked: ${failure}`);
</script>
"""


@contextmanager
def other_origin(folder: Path) -> Iterator[str]:
    """The address of a server of the files in `folder`, on a port of its own."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def home(home: Path) -> DataFolder:
    return DataFolder(home)


@pytest.fixture(scope="module")
def address(home: DataFolder) -> Iterator[str]:
    with served(home) as address:
        yield address


def shown(home: DataFolder) -> Release:
    found = current(home)
    assert found
    return found


@contextmanager
def later_release(home: DataFolder, digest: str | None) -> Iterator[Release]:
    """A later release is current, with the same charts; theirs has other figures if `digest` is given."""
    first = shown(home)
    later = Release("20991231T000000Z", home.releases / "20991231T000000Z")
    shutil.copytree(first.folder / "embed", later.folder / "embed")
    (later.folder / "release.json").write_text(json.dumps({"release_id": later.id}))
    (later.folder / "distretto.duckdb").touch()
    if digest:
        for page in (later.folder / "embed").glob("*/*.html"):
            page.chmod(0o644)
            text = page.read_text(encoding="utf-8")
            start = text.index('data-figures="') + len('data-figures="')
            page.write_text(text[:start] + digest + text[start + len(digest) :], encoding="utf-8")
    show(home, later)
    try:
        yield later
    finally:
        show(home, first)
        shutil.rmtree(later.folder)


def test_a_page_of_another_origin_reads_the_api_and_draws_a_chart(
    browser: Any, address: str, home: DataFolder, tmp_path: Path
):
    (tmp_path / "index.html").write_text(READER.replace("ADDRESS", address))
    with other_origin(tmp_path) as other:
        page = browser.new_page()
        page.goto(other)
        page.wait_for_function("document.querySelector('p').textContent", timeout=LONGEST * 1000)
        assert page.text_content("p") == shown(home).id
        assert len(page.get_attribute("polyline", "points").split()) == 13
        box = page.locator("polyline").bounding_box()
        assert box["width"] > 50 and box["height"] > 5
        page.close()


@pytest.mark.parametrize(
    ("setting", "allowed"),
    [
        ("", "*"),
        ("*", "*"),
        ("none", None),
        ("http://page.example, http://b.example", "http://page.example"),
        ("http://b.example", None),
    ],
)
def test_which_origins_may_read_is_a_setting(
    home: DataFolder, monkeypatch: pytest.MonkeyPatch, setting: str, allowed: str | None
):
    monkeypatch.setenv("DISTRETTO_CORS", setting)
    with TestClient(application(home)) as client:
        for path in ("/releases/20200101T000000Z/indicators.csv", "/api/v2", "/current/release.json"):
            answer = client.get(path, headers={"Origin": "http://page.example"}, follow_redirects=False)
            assert answer.headers.get("access-control-allow-origin") == allowed, path


def test_a_chart_in_a_frame_of_another_page_has_a_text_and_fits_any_width(
    browser: Any, address: str, home: DataFolder, tmp_path: Path
):
    """The code to paste is the one of the indicator's page."""
    page = browser.new_page()
    page.goto(f"{address}/current/site/en/indicator-{CHART}.html")
    codes = {}
    for kind in ("live", "pinned"):
        page.check(f"[data-embed] input[value={kind}]")
        codes[kind] = page.input_value("[data-embed] textarea")
    assert f'src="{address}/current/embed/en/{CHART}.html"' in codes["live"]
    assert f'src="{address}/releases/{shown(home).id}/embed/en/{CHART}.html"' in codes["pinned"]
    page.click("[data-embed] button")
    assert page.text_content("[data-embed] button") == "Copied"
    page.close()
    (tmp_path / "index.html").write_text(
        f"<!doctype html><title>Minutes</title>{codes['live']}{codes['pinned']}"
    )
    with other_origin(tmp_path) as other:
        page = browser.new_page()
        for width in (320, 1200):
            page.set_viewport_size({"width": width, "height": 900})
            page.goto(other)
            for frame in page.frames[1:]:
                frame.wait_for_selector(".area svg path", state="attached")
                label = frame.get_attribute(".area", "aria-label")
                assert "Enterprise birth rate" in label and "Sicily" in label and "%" in label
                assert frame.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
                assert frame.is_hidden("#newer")
        page.close()


@pytest.mark.parametrize(
    ("digest", "told"), [("0000", "Esistono dati più recenti"), (None, "con gli stessi dati")]
)
def test_a_pinned_chart_says_when_a_newer_release_is_current(
    browser: Any, address: str, home: DataFolder, digest: str | None, told: str
):
    pinned = f"{address}/releases/{shown(home).id}/embed/it/{CHART}.html"
    with later_release(home, digest) as later:
        page = browser.new_page()
        page.goto(pinned)
        page.wait_for_selector("#newer:not([hidden])", timeout=LONGEST * 1000)
        assert told in page.text_content("#newer")
        page.goto(f"{address}/current/embed/it/{CHART}.html")
        assert later.id in page.url and page.is_hidden("#newer")
        page.close()


def test_a_chart_opened_from_a_file_says_its_date_and_nothing_of_other_releases(
    browser: Any, home: DataFolder
):
    page = browser.new_page()
    page.goto((shown(home).folder / "embed" / "en" / f"{CHART}.html").as_uri())
    assert page.is_hidden("#newer")
    assert page.locator(".origin").first.is_visible() and "20" in page.text_content(".origin")
    page.close()


def test_the_charts_of_a_removed_release_stay(address: str, home: DataFolder):
    import requests

    first = shown(home)
    aside = home.root / "aside"
    aside.mkdir()
    others = [path for path in first.folder.iterdir() if path.name not in KEPT]
    with later_release(home, "0000"):
        for path in others:
            path.rename(aside / path.name)
        try:
            base = f"{address}/releases/{first.id}"
            for file in (
                f"embed/it/{CHART}.html",
                f"embed/en/{CHART}.html",
                "embed/style.css",
                "embed/embed.js",
            ):
                assert requests.get(f"{base}/{file}", timeout=LONGEST).status_code == 200, file
            assert requests.get(f"{base}/site/index.html", timeout=LONGEST).status_code == 410
        finally:
            for path in others:
                (aside / path.name).rename(path)


def test_charts_are_the_same_files_until_their_figures_change(home: DataFolder):
    """They have neither the release nor the time of the run in them, so that releases share them on disk."""
    release = shown(home)
    for page in (release.folder / "embed").glob("*/*.html"):
        assert release.id not in page.read_text(encoding="utf-8")
    assert len(list((release.folder / "embed" / "it").glob("*.html"))) > 20
